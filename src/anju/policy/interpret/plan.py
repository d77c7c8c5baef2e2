"""The plan of a bound programme: each line of the file as a function under one name, shared by all services that have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anju.policy.bound import Bound, Rules
from anju.policy.depends import touched_by
from anju.policy.interpret.lines import Line, Total, line_of, score_of
from anju.policy.interpret.points import scaled
from anju.policy.interpret.tests import Derive, Holds, derive, holds
from anju.policy.interpret.verdict import Env, Given
from anju.policy.model import Condition, Item


class Names:
    """Names for lines: their id; where services have different lines under one id, the service stands in front."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[Any, ...]] = {}

    def name(self, service: str, line: str, content: tuple[Any, ...]) -> tuple[str, bool]:
        """The name of a line, and whether it is new: lines alike have one name."""
        for name in (line, f"{service}/{line}"):
            if name not in self.taken:
                self.taken[name] = content
                return name, True
            if self.taken[name] == content:
                return name, False
        raise AssertionError(f"{service}/{line} twice")


class Plan:
    """Functions in the order to run them, and each service's view of them."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.derived: tuple[tuple[str, Derive], ...] = tuple((d.id, derive(d.how)) for d in bound.derived)
        self.tests: list[tuple[str, Holds]] = []
        self.items: list[tuple[str, Line]] = []
        self.scores: list[tuple[str, Total]] = []
        self.ids: dict[str, str] = {d.id: d.id for d in bound.derived}
        names = Names()
        self.services = {r.service.id: Service(self, names, r) for r in bound.rules}

    def test(self, names: Names, service: str, line: str, when: Condition | None) -> str:
        """The name of a condition, exclusion or gap, made where it is new."""
        name, is_new = names.name(service, line, (when,))
        if is_new:
            self.tests.append((name, holds(when)))
            self.ids[name] = line
        return name

    def item(self, names: Names, service: str, item: Item, found: dict[str, str], *, minus: bool) -> str:
        """The name of an item, made after those inside it where it is new; ``found`` takes the names by id."""
        inside = tuple(self.item(names, service, c, found, minus=minus) for c in item.children)
        name, is_new = names.name(service, item.id, (item, inside, minus))
        if is_new:
            self.items.append((name, line_of(item, inside, self.bound.scale, is_deduction=minus)))
            self.ids[name] = item.id
        found[item.id] = name
        return name

    def touched(self, changed: frozenset[str]) -> frozenset[str]:
        """Names of everything that rests on one of the facts."""
        table = touched_by(self.bound)
        ids = frozenset().union(*(table.get(n, frozenset()) for n in changed))
        return frozenset(name for name, line in self.ids.items() if line in ids)


class Service:
    """One service's lines by id, and what its outcome is made of."""

    def __init__(self, plan: Plan, names: Names, rules: Rules) -> None:
        bound, own = plan.bound, rules.service.id
        self.rules, scale = rules, bound.scale
        self.items: dict[str, str] = {}
        for minus, tops in ((False, rules.items), (True, rules.deductions)):
            for top in tops:
                plan.item(names, own, top, self.items, minus=minus)
        tests = [(t.id, t.when) for t in (*rules.conditions, *rules.vetoes)]
        tests += [(g.id, g.open_when) for g in rules.gaps if g.open_when]
        self.states = {line: plan.test(names, own, line, when) for line, when in tests}
        self.units = {s.id: f"{own}/{s.id}" for s in rules.scores}
        plan.scores += [(self.units[s.id], score_of(s, self.items, scale)) for s in rules.scores]
        self.names = frozenset((*self.items.values(), *self.states.values(), *self.units.values()))
        self.needs = tuple(self.states[t.id] for t in rules.conditions)
        self.bars = tuple(self.states[t.id] for t in rules.vetoes)
        self.gaps = tuple(self.states[g.id] for g in rules.gaps if g.open_when)
        self._line(scale)
        rests = {*self.items, *self.states}
        self.facts = frozenset(n for n, ids in touched_by(bound).items() if not ids.isdisjoint(rests))

    def _line(self, scale: int) -> None:
        """The line to reach, what counts towards it, and the score that reaches it."""
        service, score = self.rules.service, self.rules.score(self.rules.service.score)
        self.line = None if service.line is None or score is None else scaled(service.line, scale)
        self.score = None if score is None else self.units[score.id]
        counted = (*score.add, *score.subtract) if score else ()
        self.counted = tuple(self.items[i] for i in counted if i in self.items)
        self.factors = tuple(holds(t.when) for t in score.times if t.when is not None) if score else ()

    def meets(self, values: Env, items: Mapping[str, Given], units: Mapping[str, int]) -> bool | None:
        """Whether the score reaches the line: known only if nothing unknown could turn it."""
        if self.line is None or self.score is None:
            return True
        if units[self.score] >= self.line:
            return None if any(items[i].is_risky for i in self.counted) else True
        is_open = any(items[i].is_unknown for i in self.counted) or any(
            w(values) is None for w in self.factors
        )
        return None if is_open else False

    def outcome(self, states: Mapping[str, bool | None], meets: bool | None) -> bool | None:
        """Everything together: every condition, no veto, no open gap, the line."""
        if any(states[n] is False for n in self.needs) or any(states[n] for n in self.bars):
            return False
        return None if meets and any(self._open(states)) else meets

    def _open(self, states: Mapping[str, bool | None]) -> Iterator[bool]:
        yield from (states[n] is None for n in self.needs)
        yield from (states[n] is not False for n in (*self.bars, *self.gaps))
