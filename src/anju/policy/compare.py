"""Compared: the same person under several programmes, and two versions of a table side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from anju.kernel.refusal import Refusal
from anju.policy.explain import default_day, explain
from anju.policy.facts_file import PersonFacts, read_facts
from anju.policy.model import Programme
from anju.policy.table import TableRow, table


@dataclass(frozen=True, slots=True)
class Compared:
    """One programme's answer for the person."""

    programme: Programme
    service: str
    zh: str
    en: str
    on: date
    in_force: bool
    outcome: str
    score: Fraction | None
    line: Fraction | None
    missing: int
    unmet: tuple[tuple[str, str], ...]


def compare_person(
    programmes: Sequence[Programme], raw: Mapping[str, Any], on: date, *, others: str = "unknown"
) -> list[Compared]:
    """The same facts under every programme, each on ``on`` or, where it was not in force then, on its own last day.

    A key that none of the programmes knows is refused; a key only some know is left out for the rest.
    """
    if isinstance(raw.get("facts"), Mapping):
        raw = raw["facts"]
    known = [_understood(p, raw) for p in programmes]
    strange = set(raw) - {k for kept in known for k in kept} - {k for k in raw if str(k).startswith("_")}
    if strange:
        listed = "; ".join(sorted(map(str, strange)))
        raise Refusal("policy.facts_not_understood", programme=programmes[0].id, faults=listed)
    found = []
    for programme, kept in zip(programmes, known, strict=True):
        filing = default_day(programme, on)
        found += _answers(
            programme, read_facts(programme, kept, others=others), filing, programme.is_in_force(on)
        )
    return found


def _understood(programme: Programme, raw: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in raw.items():
        if (
            isinstance(value, Mapping)
            and any(u.key.startswith(f"{key}.") for u in programme.uses)
            and key not in {u.key for u in programme.uses}
        ):
            inner = _understood_part(programme, {f"{key}.{k}": v for k, v in value.items()})
        else:
            inner = _understood_part(programme, {key: value})
        if inner:
            kept |= inner
    return kept


def _understood_part(programme: Programme, part: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in part.items():
        try:
            read_facts(programme, {key: value})
        except Refusal as refusal:
            if "(" in str(refusal.facts.get("faults", "")):
                raise
            continue
        found[key] = value
    return found


def _answers(programme: Programme, facts: PersonFacts, filing: date, in_force: bool) -> list[Compared]:
    answer = explain(programme, facts, filing, with_changes=False)
    return [
        Compared(
            programme, s.id, s.zh, s.en, filing, in_force, s.outcome, s.score, s.line, len(s.missing),
            tuple((t.zh, t.en) for t in s.conditions if t.state == "no"),
        )
        for s in answer.services
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One line in two tables: None where a table has no such line."""

    section: str
    id: str
    one: TableRow | None
    other: TableRow | None

    @property
    def is_same(self) -> bool:
        """Whether both say the same."""
        return self.one is not None and self.other is not None and self.one.text == self.other.text


def compare_tables(one: Programme, other: Programme, language: str = "zh") -> list[Difference]:
    """Two programmes or versions side by side, matched by section and id, in the first one's order."""
    tables = [table(p, language) for p in (one, other)]
    rows = [{(s.id, r.id): r for s in t.sections for r in s.rows} for t in tables]
    keys = list(dict.fromkeys([*rows[0], *rows[1]]))
    return [
        Difference(section, name, rows[0].get((section, name)), rows[1].get((section, name)))
        for section, name in keys
    ]
