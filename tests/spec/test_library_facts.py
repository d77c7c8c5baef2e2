"""Facts from the library, as small tables: what is on file, and what a programme reads of it on a cut-off day."""

from __future__ import annotations

from datetime import date

import pytest

from anju.jobs.engine import DuckEngine
from anju.kernel import packs
from anju.policy.catalogue import Fact, load
from anju.register.facts import Question, facts_sql

CUTOFF = date(2026, 6, 30)
TABLES = {
    "person": "person_code VARCHAR, sex VARCHAR, born_on DATE, hukou_region VARCHAR, education VARCHAR, marital VARCHAR, employer_code VARCHAR",
    "employer": "employer_code VARCHAR, industry VARCHAR",
    "kin": "person_code VARCHAR, relative_code VARCHAR, relation VARCHAR",
    "contribution": "person_code VARCHAR, scheme VARCHAR, kind VARCHAR, from_month DATE, to_month DATE",
    "permit": "person_code VARCHAR, issued_on DATE, valid_until DATE",
    "stay": "person_code VARCHAR, begin_on DATE, end_on DATE, presumed_end_on DATE, dwelling_kind VARCHAR",
    "skill": "person_code VARCHAR, level VARCHAR",
    "tax": "person_code VARCHAR, year INTEGER, paid_fen BIGINT",
    "job": "person_code VARCHAR, begin_on DATE, end_on DATE, presumed_end_on DATE",
    "enrolment": "person_code VARCHAR, begin_on DATE, end_on DATE",
}
ROWS = {
    "person": [
        "('A', '1', DATE '1990-05-01', '510525', '60', '20', 'E1')",
        "('B', '2', DATE '1992-01-01', '990102', '20', '20', NULL)",
        "('C', NULL, NULL, NULL, NULL, NULL, NULL)",
    ],
    "employer": ["('E1', 'C')"],
    "kin": ["('A', 'B', '10')", "('B', 'A', '10')", "('A', 'D', '20')"],
    "contribution": [
        "('A', 'pension', 'normal', DATE '2020-01-01', DATE '2024-01-01')",  # 48 months, then a gap
        "('A', 'pension', 'normal', DATE '2025-01-01', DATE '2026-12-01')",  # runs past the cut-off: 18 until June
        "('A', 'pension', 'back_paid', DATE '2024-01-01', DATE '2024-04-01')",
        "('A', 'medical', 'normal', DATE '2023-07-01', DATE '2025-03-01')",  # bridges the pension's gap
        "('B', 'pension', 'normal', DATE '2019-01-01', DATE '2020-01-01')",  # a run that ended long ago
    ],
    "permit": ["('A', DATE '2022-03-10', DATE '2025-03-09')", "('A', DATE '2025-03-10', DATE '2026-03-09')",
               "('B', DATE '2026-01-05', DATE '2027-01-04')"],
    "stay": ["('A', DATE '2019-06-01', DATE '2020-06-01', NULL, '02')", "('A', DATE '2024-01-31', NULL, NULL, '01')"],
    "skill": ["('A', '5')", "('A', '3')", "('B', '9')"],
    "tax": ["('A', 2026, 100)", "('A', 2025, 2000)", "('A', 2022, 5000)"],
    "job": [],
    "enrolment": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckEngine:
    made = DuckEngine(tmp_path_factory.mktemp("spill"))
    for name, columns in TABLES.items():
        made.run(f"CREATE TABLE {name} ({columns})")
        if ROWS[name]:
            made.run(f"INSERT INTO {name} VALUES {', '.join(ROWS[name])}")
    return made


@pytest.fixture(scope="module")
def catalogue() -> object:
    return load([packs.root() / "cn"], [])


def told(engine: DuckEngine, facts: list[Fact], code: str = "") -> dict[str, tuple[object, ...]]:
    sql = facts_sql(Question(tuple(facts), CUTOFF, "9901", code))
    return {row[0]: row[1 : 1 + len(facts)] for row in engine.rows(sql)}


@pytest.mark.parametrize(
    ("key", "a", "b", "c"),
    [
        ("born_on", date(1990, 5, 1), date(1992, 1, 1), None),
        ("is_male", True, False, None),
        ("has_local_hukou", False, True, None),
        ("education", "senior", "bachelor", None),
        ("pension_months", 66, 12, None),
        ("pension_months.back_paid", 3, 0, None),
        ("pension_months.transferred_in", 0, 0, None),
        ("pension_run_months", 18, 0, None),
        ("medical_months", 20, None, None),
        ("insurance_months", 78, 12, None),  # 2020-01 to 2026-06, the gap bridged by another scheme
        ("has_permit", False, True, None),
        ("permit_months", 48, 5, None),
        ("permit_run_months", 0, 5, None),
        ("registered_months", 41, None, None),
        ("registered_run_months", 29, None, None),
        ("skill_level", "senior", None, None),
        ("is_married", True, True, None),
        ("spouse.pension_months", 12, 66, None),
        ("spouse.born_on", date(1992, 1, 1), date(1990, 5, 1), None),
        ("detentions", None, None, None),  # no department sends it: unknown, never none
    ],
)
def test_a_fact(engine: DuckEngine, catalogue, key: str, a: object, b: object, c: object) -> None:
    fact = catalogue.find(key)
    assert fact is not None, key
    found = told(engine, [fact])
    assert (found["A"], found["B"], found["C"]) == ((a,), (b,), (c,))
    for code, value in (("A", a), ("B", b), ("C", c)):
        assert told(engine, [fact], code) == {code: (value,)}


def test_groups_stand_beside_the_facts(engine: DuckEngine, catalogue) -> None:
    engine.run(
        f"CREATE OR REPLACE TABLE found AS {facts_sql(Question((catalogue.find('born_on'),), CUTOFF, '9901'))}"
    )
    rows = engine.rows(
        "SELECT person_code, group_sex, group_age_band, group_origin, group_sector, group_family FROM found ORDER BY 1"
    )
    assert rows[0] == ("A", "1", "35-44", "51", "C", "couple_with_children")
    assert rows[2] == ("C", None, None, None, None, "single")


def test_every_computed_fact_compiles(engine: DuckEngine, catalogue) -> None:
    facts = [f for f in catalogue.facts.values() if f.computed]
    assert len(told(engine, facts)) == 3
