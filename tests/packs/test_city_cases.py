"""Every programme of the city packs against cases worked out by hand from the official rows.

A case file (``tests/packs/cities/<place>/<programme>@<version>.yaml``) holds one ``person``, the day of filing ``filed``, and
``cases``: what is different ``with`` this person, and what the table ``gives``: ``outcome``, ``total``, or the points of
one line by its id. The person's facts not told are unknown, as for a real one.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.facts_file import read_facts
from anju.policy.interpret import Interpreter, Verdict
from anju.policy.loading import files

HERE = Path(__file__).parent / "cities"
FILES = sorted(HERE.glob("*/*.yaml"))
PLACES = sorted({f.parent.name for f in FILES})
ONLY_RANKED = "guangzhou/tianhe_school"
"""Assessed elsewhere and ranked here: nobody who was assessed is refused."""
OUTCOMES = {True: "yes", False: "no", None: "open"}


def _read(path: Path) -> list[dict[str, Any]]:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        {
            "programme": f"{path.parent.name}/{path.stem}",
            "case": case["case"],
            "facts": {**told["person"], **case.get("with", {})},
            "filed": case.get("filed", told["filed"]),
            "reading": case.get("reading"),
            "service": case.get("service"),
            "gives": case["gives"],
        }
        for case in told["cases"]
    ]


CASES = [case for path in FILES for case in _read(path)]


def day_of(case: dict[str, Any]) -> date:
    """The day of filing of a case."""
    return date.fromisoformat(str(case["filed"]))


def _verdict(case: dict[str, Any]) -> Verdict:
    programme = loading.get(case["programme"])
    bound = bind(programme, day_of(case), case["reading"])
    facts = read_facts(programme, case["facts"])
    return Interpreter(bound).verdict(facts.values, case["service"])


def _found(verdict: Verdict, asked: str) -> Any:
    if asked == "outcome":
        return OUTCOMES[verdict.outcome]
    if asked in verdict.scores:
        return verdict.scores[asked]
    given = verdict.items[asked]
    return "unknown" if given.points is None else given.points


@pytest.mark.parametrize("case", CASES, ids=[f"{c['programme']}: {c['case']}" for c in CASES])
def test_the_table_gives(case: dict[str, Any]) -> None:
    verdict = _verdict(case)
    wanted = {k: v if isinstance(v, str) else Fraction(str(v)) for k, v in case["gives"].items()}
    assert {k: _found(verdict, k) for k in wanted} == wanted


def test_every_city_programme_has_cases_with_a_yes_and_a_no() -> None:
    """A line or conditions: cases on both sides. A programme that only ranks has no *no* but by a condition."""
    for path in files.policy_files():
        place, name = path.parents[2].name, path.parent.name
        if place in ("cn", "demo"):
            continue
        mine = [c for c in CASES if c["programme"] == f"{place}/{name}@{path.stem}"]
        outcomes = {c["gives"].get("outcome") for c in mine}
        assert "yes" in outcomes, path
        programme = loading.load_file(path)
        if f"{place}/{name}" != ONLY_RANKED and (
            programme.conditions or any(s.line is not None for s in programme.services)
        ):
            assert "no" in outcomes, path


def test_every_fact_left_out_leaves_the_matter_open_and_scores_nothing() -> None:
    for path in files.policy_files():
        if path.parents[2].name not in PLACES:
            continue
        programme = loading.load_file(path)
        for service in programme.services:
            verdict = Interpreter(bind(programme, programme.from_on)).verdict({}, service.id)
            assert verdict.outcome is not True, (programme.id, service.id)
