"""What each run measures, each with its definition; the wording stands in packs under ``library.measure.<key>``.

Grain: one figure per measure, with parts (by dataset or field) where they tell more.
Units: shares from 0 to 1, days, counts.
Unknown: a measure without a denominator has no value.
Source: the tables a run has just made, and intake's own counts for the standardisation rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anju.exchange.library.inputs import Inputs, numbers
from anju.exchange.library.rules import PERSON_FIELDS, Rules
from anju.kernel.engine import Engine, literal


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured: unit (share, days, count), the target, whether less is better, and where things began."""

    key: str
    unit: str
    target: float | None = None
    less_is_better: bool = True
    baseline: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For the run's record."""
        return {
            "unit": self.unit,
            "target": self.target,
            "less_is_better": self.less_is_better,
            "baseline": self.baseline,
        }


MEASURES: tuple[Measure, ...] = (
    Measure("duplicate_rate", "share"),
    Measure("contradiction_rate", "share"),
    Measure("standardisation_rate", "share", 0.95, less_is_better=False),
    Measure("missing_from_police_rate", "share", 0.03),
    Measure("freshness_days", "days", 1.0, baseline=45.0),
    Measure("on_time_rate", "share", 0.95, less_is_better=False),
    Measure("records", "count", None, less_is_better=False),
    Measure("people", "count", None, less_is_better=False),
    Measure("residents", "count", None, less_is_better=False),
    Measure("records_per_person", "count"),
)
MAIN_ASPECTS: tuple[tuple[str, str, str], ...] = (
    ("stay", "told_stay", "code"),
    ("job", "job_row", "coalesce(employer_code, employer_name)"),
    ("contribution", "contribution_row", "concat_ws('|', scheme, kind, CAST(from_month AS VARCHAR))"),
    ("enrolment", "enrolment_spell", "concat_ws('|', school_code, stage)"),
    ("kin", "kin_row", "relation"),
    ("person", "mention", ""),
)
"""Aspect, table of its mentions, and what makes two mentions of a person be about the same thing. A dataset counts under
the first that it speaks of."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    key: str
    value: float | None
    numerator: float = 0
    denominator: float = 0
    parts: Mapping[str, float] | None = None
    weights: Mapping[str, float] | None = None
    """What each part weighs in the whole: the value of some parts is their mean by these weights."""

    def as_json(self) -> dict[str, Any]:
        """For the run's record."""
        return {
            "value": self.value,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "parts": dict(self.parts or {}),
            "weights": dict(self.weights or {}),
        }


def share(
    key: str,
    numerator: float,
    denominator: float,
    parts: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Figure:
    """A share; no value when there is nothing to divide by."""
    value = numerator / denominator if denominator else None
    return Figure(key, value, numerator, denominator, parts, weights)


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one dataset: what its records are about, how many there are, how many of them say what another said already."""

    aspect: str
    records: int
    extra: int = 0


def count(engine: Engine, inputs: Inputs) -> dict[str, Counted]:
    """Count each dataset's records; make ``repeat`` (pid, dataset, extra): people of whom one says the same thing again."""
    chosen: dict[str, Counted] = {}
    for aspect, table, _ in MAIN_ASPECTS:
        for dataset, records in mentioned(engine, inputs, aspect, table).items():
            chosen.setdefault(dataset, Counted(aspect, records))
    engine.run(
        f"CREATE OR REPLACE TEMP TABLE repeat AS {repeats(inputs, {d: c.aspect for d, c in chosen.items()})}"
    )
    return with_extra(engine, chosen, "repeat")


def mentioned(engine: Engine, inputs: Inputs, aspect: str, table: str) -> dict[str, int]:
    """How many mentions of an aspect each dataset has."""
    named = {number: name for name, number in numbers(inputs).items()}
    speaking = set(inputs.with_aspect(aspect))
    rows = engine.rows(f"SELECT ds, count(*) FROM {table} AS t GROUP BY ds")
    return {named[int(ds)]: int(n) for ds, n in rows if int(ds) in named and named[int(ds)] in speaking}


def repeats(inputs: Inputs, aspects: Mapping[str, str]) -> str:
    """A query (pid, dataset, extra): mentions beyond the first that each person has of the same thing in one dataset."""
    parts = []
    for aspect, table, thing in MAIN_ASPECTS:
        mine = {d: numbers(inputs)[d] for d, a in aspects.items() if a == aspect and d in numbers(inputs)}
        if mine:
            names = " ".join(f"WHEN {n} THEN {literal(d)}" for d, n in mine.items())
            listed = ", ".join(map(str, mine.values()))
            parts.append(
                f"SELECT pid, CASE ds {names} END AS dataset, count(*) - 1 AS extra FROM {table} WHERE ds IN ({listed}) "
                f"GROUP BY ds, pid{f', {thing}' if thing else ''} HAVING count(*) > 1"
            )
    return " UNION ALL ".join(parts) or "SELECT 0 AS pid, '' AS dataset, 0 AS extra WHERE 1 = 0"


def with_extra(engine: Engine, chosen: Mapping[str, Counted], repeat: str) -> dict[str, Counted]:
    """The counts with what the table ``repeat`` holds of each dataset."""
    extra = dict(engine.rows(f"SELECT dataset, sum(extra) FROM {repeat} GROUP BY dataset"))
    return {d: replace(c, extra=int(extra.get(d, 0))) for d, c in chosen.items()}


def measure(
    engine: Engine,
    inputs: Inputs,
    rules: Rules,
    standard: Mapping[str, tuple[int, int]],
    counted: Mapping[str, Counted],
    dated: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Every figure of the run just resolved.

    ``standard``: field -> (stated, standardised), from intake; ``counted``: see ``count``; ``dated``: dataset -> what to
    select the days of its records from, where that is not ``raw_<dataset>``. Reads the views ``person`` and
    ``discrepancy`` of the new library.
    """
    found = [
        _duplicates(counted),
        *_people(engine),
        _standardisation(standard),
        *_freshness(engine, inputs, rules, dated or {d: f"raw_{d}" for d in inputs.datasets}),
    ]
    figures = {f.key: f for f in found}
    return {
        m.key: {"place": place} | figures[m.key].as_json() | m.as_json() for place, m in enumerate(MEASURES)
    }


def _duplicates(counted: Mapping[str, Counted]) -> Figure:
    """Records for which the same person already has an earlier record of the same dataset about the same thing."""
    told = {d: c for d, c in sorted(counted.items()) if c.records}
    parts = {d: c.extra / c.records for d, c in told.items()}
    weights = {d: float(c.records) for d, c in told.items()}
    extra, records = sum(c.extra for c in told.values()), sum(c.records for c in told.values())
    return share("duplicate_rate", extra, records, parts, weights)


def _people(engine: Engine) -> list[Figure]:
    """Contradictions, people missing from the police register, counts."""
    (row,) = engine.rows(
        "SELECT count(*), sum(record_count), sum(CASE WHEN discrepancy_count > 0 THEN 1 ELSE 0 END), "
        "sum(CASE WHEN is_resident THEN 1 ELSE 0 END), "
        "sum(CASE WHEN is_resident AND NOT in_police THEN 1 ELSE 0 END) FROM person"
    )
    people, records, contrary, residents, missing = (int(v or 0) for v in row)
    by_field = dict(engine.rows("SELECT field, count(DISTINCT person_code) FROM discrepancy GROUP BY field"))
    parts = {f: by_field[f] / people for f in PERSON_FIELDS if f in by_field}
    return [
        share("contradiction_rate", contrary, people, parts),
        share("missing_from_police_rate", missing, residents),
        Figure("records", records, records, 1),
        Figure("people", people, people, 1),
        Figure("residents", residents, residents, 1),
        share("records_per_person", records, people),
    ]


def _standardisation(standard: Mapping[str, tuple[int, int]]) -> Figure:
    """Stated values that came out in the national standard's form."""
    parts = {name: good / stated for name, (stated, good) in sorted(standard.items()) if stated}
    weights = {name: float(stated) for name, (stated, _good) in sorted(standard.items()) if stated}
    stated = sum(s for s, _ in standard.values())
    return share("standardisation_rate", sum(g for _, g in standard.values()), stated, parts, weights)


def _freshness(engine: Engine, inputs: Inputs, rules: Rules, dated: Mapping[str, str]) -> list[Figure]:
    """Days from each dataset's newest confirmation to the day of the run, and datasets within their cycle."""
    newest = " UNION ALL ".join(
        f"SELECT {literal(d)} AS dataset, max(coalesce(observed_on, sent_on)) AS newest FROM {dated[d]} AS r"
        for d in inputs.datasets
    )
    ages = {
        d: float(max((inputs.as_of - day).days, 0))
        for d, day in sorted(engine.rows(newest))
        if day is not None
    }
    within = {
        d: float(age <= rules.cycle_days.get(rules.datasets[d].cycle, 31)) for d, age in sorted(ages.items())
    }
    each = dict.fromkeys(ages, 1.0)
    return [
        Figure(
            "freshness_days",
            sum(ages.values()) / len(ages) if ages else None,
            sum(ages.values()),
            len(ages),
            ages,
            each,
        ),
        share("on_time_rate", sum(within.values()), len(ages), within, each),
    ]
