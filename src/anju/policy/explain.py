"""One person explained: outcome, every line with fact, source and article, what is missing, and a receipt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from anju.kernel.refusal import Refusal
from anju.policy import loading
from anju.policy.bound import Bound, Rules, bind
from anju.policy.changes import Change, changes_for
from anju.policy.depends import names_in_condition, names_of
from anju.policy.facts_file import PersonFacts, rest_as_none
from anju.policy.interpret import Given, Interpreter, Verdict
from anju.policy.model import Item, Line, Programme, Test, Use
from anju.policy.receipt import receipt
from anju.policy.values import shown
from anju.policy.words import Words, number

OUTCOMES = {True: "yes", False: "no", None: "open"}


class FactShown(NamedTuple):
    """A fact as a line shows it."""

    key: str
    zh: str
    en: str
    value: Any
    shown_zh: str
    shown_en: str
    source: str
    proof_zh: str
    proof_en: str
    is_unknown: bool


class TestShown(NamedTuple):
    """A condition or exclusion: ``yes``, ``no`` or ``open``, and the facts it rests on."""

    id: str
    zh: str
    en: str
    article: str
    rule_zh: str
    rule_en: str
    state: str
    facts: tuple[FactShown, ...]


class LineShown(NamedTuple):
    """One item: its points, whether they count, whether something in it is unknown, and its facts."""

    id: str
    zh: str
    en: str
    article: str
    rule_zh: str
    rule_en: str
    points: Fraction
    is_unknown: bool
    is_counted: bool
    facts: tuple[FactShown, ...]
    lines: tuple[LineShown, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceShown:
    """The outcome of one service."""

    id: str
    zh: str
    en: str
    article: str
    outcome: str
    score: Fraction | None
    line: Fraction | None
    scores: Mapping[str, Fraction]
    conditions: tuple[TestShown, ...]
    vetoes: tuple[TestShown, ...]
    items: tuple[LineShown, ...]
    deductions: tuple[LineShown, ...]
    open_gaps: tuple[str, ...]
    missing: tuple[FactShown, ...]
    changes: tuple[Change, ...]

    @property
    def passes(self) -> bool:
        """Whether it is a yes. Nothing unknown ever passes."""
        return self.outcome == "yes"


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer for one person and one programme."""

    programme: Programme
    on: date
    cutoff: date
    in_force: bool
    readings: Mapping[str, str]
    services: tuple[ServiceShown, ...]
    assumed: tuple[str, ...]
    receipt: Mapping[str, Any]
    rest_none: Mapping[str, tuple[str, Fraction | None]] = field(default_factory=dict)
    """Outcome and score by service if everything unknown were none; empty where nothing is unknown or nobody asked."""

    def as_json(self) -> dict[str, Any]:
        """A plain object; the first service's outcome and total stand at the top too."""
        from anju.policy.answer_json import answer_json

        return answer_json(self)


def programme_for(asked: str, on: date | None, *, as_if: bool = False) -> Programme:
    """The programme to explain; refuses a version not in force on ``on`` unless ``as_if``."""
    found = loading.get(asked, None if as_if else on)
    if on is not None and not as_if and not found.is_in_force(on):
        raise Refusal(
            "policy.not_in_force", programme=found.id, day=on.isoformat(),
            from_on=found.from_on.isoformat(), until_on=found.until_on.isoformat() if found.until_on else "…",
        )  # fmt: skip
    return found


def default_day(programme: Programme, today: date) -> date:
    """``today`` where the version is in force; else its last day, or its first if that lies ahead."""
    if programme.is_in_force(today):
        return today
    return programme.until_on if programme.until_on and programme.until_on < today else programme.from_on


def explain(
    programme: Programme,
    facts: PersonFacts,
    on: date,
    *,
    readings: Mapping[str, str] | None = None,
    service: str | None = None,
    with_changes: bool = True,
) -> Answer:
    """Explain one person. Units: points are exact; facts as ``values``. Unknown: see the format. Refuses unknown readings."""
    bound = bind(programme, on, readings)
    chosen = [bound.rules_for(service)] if service else list(bound.rules)
    engine = Interpreter(bound)
    sheet = engine.sheet(facts.values, tuple(r.service.id for r in chosen))
    verdicts = [engine.judged(sheet, r) for r in chosen]
    changes = changes_for(engine, facts.values, sheet, verdicts) if with_changes else ((),) * len(verdicts)
    shower = Shower(engine, facts)
    return Answer(
        programme, on, bound.calendar.cutoff, programme.is_in_force(on), bound.readings,
        tuple(shower.service(v, c) for v, c in zip(verdicts, changes, strict=True)),
        facts.assumed, receipt(bound, facts, verdicts),
    )  # fmt: skip


def with_rest_as_none(answer: Answer, facts: PersonFacts) -> Answer:
    """The answer, and beside it what it would be if everything unknown were none."""
    known = rest_as_none(answer.programme, facts)
    if len(known.assumed) == len(facts.assumed):
        return answer
    engine = Interpreter(bind(answer.programme, answer.on, answer.readings))
    verdicts = [engine.verdict(known.values, s.id) for s in answer.services]
    return replace(answer, rest_none={v.rules.service.id: (OUTCOMES[v.outcome], v.score) for v in verdicts})


def _worded(use: Use, value: Any) -> tuple[str, str]:
    """A value in Chinese and English."""
    for option in use.fact.options:
        if option.code == value:
            return option.zh, option.en
    return shown(value, use.fact.type, "zh"), shown(value, use.fact.type, "en")


@lru_cache(maxsize=64)
def _texts(bound: Bound) -> dict[int, tuple[str, str]]:
    """Words of every line, worked out once per bound programme."""
    found: dict[int, tuple[str, str]] = {}
    zh, en = Words(bound.programme, "zh"), Words(bound.programme, "en")
    for rules in bound.rules:
        for test in (*rules.conditions, *rules.vetoes):
            found[id(test)] = (zh.condition(test.when), en.condition(test.when))
        for item in rules.all_items():
            found[id(item)] = (zh.rule(item), en.rule(item))
    return found


@lru_cache(maxsize=64)
def _rests_on(bound: Bound) -> dict[int, tuple[Use, ...]]:
    """Facts each line rests on (through derived values), worked out once per bound programme."""
    uses = {u.key: u for u in bound.programme.uses}
    found: dict[int, tuple[Use, ...]] = {}
    for rules in bound.rules:
        for test in (*rules.conditions, *rules.vetoes):
            found[id(test)] = tuple(uses[n] for n in names_in_condition(bound, test.when) if n in uses)
        for item in rules.all_items():
            found[id(item)] = tuple(uses[n] for n in names_of(bound, item) if n in uses)
    return found


class Shower:
    """Dresses verdicts for reading."""

    def __init__(self, engine: Interpreter, facts: PersonFacts) -> None:
        self.engine, self.bound, self.facts = engine, engine.bound, facts
        bound = engine.bound
        self.texts, self.uses = _texts(bound), _rests_on(bound)
        self.shown: dict[str, FactShown] = {}
        self.lines: dict[tuple[str, bool], LineShown] = {}

    def fact(self, use: Use) -> FactShown:
        """One fact with value, source and who can prove it."""
        if use.key not in self.shown:
            value = self.facts.values.get(use.key)
            source = self.facts.sources.get(
                use.key, "assumed_none" if use.key in self.facts.assumed else "stated"
            )
            zh, en = _worded(use, value)
            self.shown[use.key] = FactShown(
                use.key, use.zh, use.en, value, zh, en, "" if value is None else source,
                use.fact.proof_zh, use.fact.proof_en, value is None,
            )  # fmt: skip
        return self.shown[use.key]

    def service(self, verdict: Verdict, changes: tuple[Change, ...]) -> ServiceShown:
        """The outcome of one service, dressed."""
        rules = verdict.rules
        head = rules.service
        conditions = tuple(self._test(t, verdict.conditions[t.id]) for t in rules.conditions)
        vetoes = tuple(self._test(t, verdict.vetoes[t.id]) for t in rules.vetoes)
        names = self.engine.services[head.id].items
        items = tuple(self._line(i, verdict, names, True) for i in rules.items)
        deductions = tuple(self._line(i, verdict, names, True) for i in rules.deductions)
        return ServiceShown(
            head.id, head.zh, head.en, head.article, OUTCOMES[verdict.outcome], verdict.score, head.line,
            verdict.scores, conditions, vetoes, items, deductions,
            tuple(g for g, state in verdict.gaps.items() if state is not False),
            self._missing(conditions, vetoes, (*items, *deductions), rules), changes,
        )  # fmt: skip

    def _test(self, test: Test, state: bool | None) -> TestShown:
        zh, en = self.texts[id(test)]
        facts = tuple(self.fact(u) for u in self.uses[id(test)])
        return TestShown(test.id, test.zh, test.en, test.article, zh, en, OUTCOMES[state], facts)

    def _line(self, item: Item, verdict: Verdict, names: Mapping[str, str], counted: bool) -> LineShown:
        """One item; the same item of another service, worked out once, is dressed once."""
        key = (names[item.id], counted)
        if key not in self.lines:
            self.lines[key] = self._dressed(item, verdict, names, counted)
        return self.lines[key]

    def _dressed(self, item: Item, verdict: Verdict, names: Mapping[str, str], counted: bool) -> LineShown:
        mine = verdict.items[item.id]
        best = self._best(item, verdict.items)
        is_off = mine.units is None or (item.when is not None and not mine.units)
        children = tuple(
            self._line(c, verdict, names, counted and not is_off and (best is None or c is best))
            for c in item.children
        )
        zh, en = self.texts[id(item)]
        return LineShown(
            item.id, item.zh, item.en, item.article, zh, en, mine.counted, mine.is_unknown, counted,
            tuple([self.fact(u) for u in self.uses[id(item)]]), children,
        )  # fmt: skip

    @staticmethod
    def _best(item: Item, given: Mapping[str, Given]) -> Item | None:
        """The one line of a best-of group that counts; None for groups that add up."""
        if not item.children or getattr(item.shape, "mode", "sum") == "sum":
            return None
        known = [c for c in item.children if given[c.id].units is not None]
        return max(known, key=lambda c: given[c.id].units or 0, default=item.children[0])

    def _missing(
        self,
        conditions: tuple[TestShown, ...],
        vetoes: tuple[TestShown, ...],
        lines: tuple[LineShown, ...],
        rules: Rules,
    ) -> tuple[FactShown, ...]:
        """Every unknown fact something open rests on, once."""
        found = [f for t in (*conditions, *vetoes) if t.state == "open" for f in t.facts if f.is_unknown]
        found += [f for line in _leaves(lines) if line.is_unknown for f in line.facts if f.is_unknown]
        for gap in rules.gaps:
            if gap.open_when is not None:
                names = names_in_condition(self.bound, gap.open_when)
                found += [
                    self.fact(u)
                    for u in self.bound.programme.uses
                    if u.key in names and self.fact(u).is_unknown
                ]
        return tuple(dict.fromkeys(found)) if all(_hashable(f) for f in found) else tuple(found)


def _hashable(fact: FactShown) -> bool:
    return not isinstance(fact.value, list | dict)


def _leaves(lines: tuple[LineShown, ...]) -> Iterator[LineShown]:
    for line in lines:
        yield line
        yield from _leaves(line.lines)


__all__ = [
    "Answer",
    "Line",
    "ServiceShown",
    "default_day",
    "explain",
    "number",
    "programme_for",
    "with_rest_as_none",
]
