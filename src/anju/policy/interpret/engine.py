"""The verdict: every line of one service worked out for one person, or again where one fact differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from anju.policy.bound import Bound, Rules
from anju.policy.days import Calendar
from anju.policy.depends import dated, touched_by
from anju.policy.interpret.lines import Line, Total, line_of, score_of
from anju.policy.interpret.points import scaled
from anju.policy.interpret.tests import Derive, Holds, derive, holds
from anju.policy.interpret.verdict import CALENDAR, Env, Given, Verdict
from anju.policy.model import Condition, Item


@dataclass(frozen=True, slots=True)
class Work:
    """The functions to run, in order: derived values, tests, items (inner ones before their groups), scores."""

    derived: tuple[tuple[str, Derive], ...]
    tests: tuple[tuple[str, Holds], ...]
    items: tuple[tuple[str, Line], ...]
    scores: tuple[tuple[str, Total], ...]

    def run(
        self,
        values: dict[str, Any],
        states: dict[str, bool | None],
        items: dict[str, Given],
        units: dict[str, int],
    ) -> None:
        """Work everything out, writing over what stands there."""
        for name, made in self.derived:
            values[name] = made(values)
        for name, test in self.tests:
            states[name] = test(values)
        for name, line in self.items:
            items[name] = line(values, items)
        for name, total in self.scores:
            units[name] = total(values, items)


class Service:
    """One service of a bound programme as functions, made once."""

    def __init__(self, bound: Bound, rules: Rules) -> None:
        self.rules, self.bound = rules, bound
        scale = bound.scale
        made = [
            (i.id, line_of(i, scale, is_deduction=False)) for top in rules.items for i in _inner_first(top)
        ]
        made += [
            (i.id, line_of(i, scale, is_deduction=True))
            for top in rules.deductions
            for i in _inner_first(top)
        ]
        gaps: list[tuple[str, Condition | None]] = [(g.id, g.open_when) for g in rules.gaps if g.open_when]
        tests = [(t.id, t.when) for t in (*rules.conditions, *rules.vetoes)] + gaps
        self.all = Work(
            tuple((d.id, derive(d.how)) for d in bound.derived),
            tuple((name, holds(when)) for name, when in tests),
            tuple(made),
            tuple((s.id, score_of(s, scale)) for s in rules.scores),
        )
        self.needs = tuple(t.id for t in rules.conditions)
        self.bars = tuple(t.id for t in rules.vetoes)
        self.gaps = tuple(name for name, _ in gaps)
        line, score = rules.service.line, rules.score(rules.service.score)
        self.line = None if line is None or score is None else scaled(line, scale)
        self.score = score
        self.counted = tuple(i for i in (*score.add, *score.subtract) if i in dict(made)) if score else ()
        self.factors = tuple(holds(t.when) for t in score.times if t.when is not None) if score else ()
        self._after: dict[frozenset[str], Work] = {}

    def after(self, changed: frozenset[str]) -> Work:
        """Only what rests on one of the names."""
        if changed not in self._after:
            touched = frozenset().union(*(touched_by(self.bound).get(n, frozenset()) for n in changed))

            def kept(pairs: Iterable[tuple[str, Any]]) -> tuple[Any, ...]:
                return tuple(p for p in pairs if p[0] in touched)

            whole = self.all
            self._after[changed] = Work(
                kept(whole.derived), kept(whole.tests), kept(whole.items), whole.scores
            )
        return self._after[changed]

    def meets(self, values: Env, items: Mapping[str, Given], units: Mapping[str, int]) -> bool | None:
        """Whether the score reaches the line: known only if nothing unknown could turn it."""
        if self.line is None or self.score is None:
            return True
        if units[self.score.id] >= self.line:
            return None if any(items[i].is_risky for i in self.counted) else True
        is_open = any(items[i].is_unknown for i in self.counted) or any(
            w(values) is None for w in self.factors
        )
        return None if is_open else False

    def outcome(self, states: Mapping[str, bool | None], meets: bool | None) -> bool | None:
        """Everything together: every condition, no veto, no open gap, the line."""
        answer = meets
        for name in self.needs:
            if states[name] is False:
                return False
            answer = answer if states[name] else _weaker(answer)
        for name in self.bars:
            if states[name]:
                return False
            answer = answer if states[name] is False else _weaker(answer)
        for name in self.gaps:
            answer = answer if states[name] is False else _weaker(answer)
        return answer


def _weaker(answer: bool | None) -> bool | None:
    """What is left of an answer once something beside it is unknown."""
    return None if answer else answer


def _inner_first(item: Item) -> Iterable[Item]:
    for child in item.children:
        yield from _inner_first(child)
    yield item


@lru_cache(maxsize=256)
def _services(bound: Bound) -> dict[str, Service]:
    return {rules.service.id: Service(bound, rules) for rules in bound.rules}


class Interpreter:
    """Answers for one bound programme."""

    def __init__(self, bound: Bound) -> None:
        self.bound, self.calendar = bound, bound.calendar
        self.services = _services(bound)

    def moved(self, calendar: Calendar) -> Interpreter:
        """The same rules on another day."""
        other = copy(self)
        other.calendar = calendar
        return other

    def holds(self, condition: Condition, values: Env) -> bool | None:
        """Whether a condition holds for values as a verdict carries them."""
        return holds(condition)({CALENDAR: self.calendar, **values})

    def verdict(self, facts: Env, service: str | None = None) -> Verdict:
        """The outcome for one service (the first when none is named)."""
        rules = self.bound.rules_for(service)
        values: dict[str, Any] = {use.key: facts.get(use.key) for use in self.bound.programme.uses}
        values[CALENDAR] = self.calendar
        made = self.services[rules.service.id]
        return self._verdict(made, made.all, values, {}, {}, {})

    def after(self, verdict: Verdict, changed: Mapping[str, Any], *, day_moves: bool = False) -> Verdict:
        """The verdict once some facts are others; what does not rest on them is taken over.

        ``day_moves``: this interpreter's calendar is another one too, so whatever looks at a day is worked out again.
        """
        made = self.services[verdict.rules.service.id]
        names = frozenset(changed) | (dated(self.bound) if day_moves else frozenset())
        values = {**verdict.values, **changed, CALENDAR: self.calendar}
        return self._verdict(
            made, made.after(names), values, dict(verdict.states), dict(verdict.items), dict(verdict.units)
        )

    def _verdict(
        self,
        made: Service,
        work: Work,
        values: dict[str, Any],
        states: dict[str, bool | None],
        items: dict[str, Given],
        units: dict[str, int],
    ) -> Verdict:
        work.run(values, states, items, units)
        meets = made.meets(values, items, units)
        return Verdict(
            made.rules, self.bound.scale, made.outcome(states, meets), states, items, units, meets, values
        )
