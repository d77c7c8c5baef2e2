"""How right the library is, where the truth is known: an invented city's truth folder beside a finished run.

Grain: one figure per field and fact. A person of the library stands for the true person most of their records
are about.
Units: shares from 0 to 1.
Unknown: fields no source states are left out of their share.
Source: ``truth/people.parquet`` and ``truth/records.parquet``, the run's Parquet files, the assignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anju.exchange.library.standing import Standing
from anju.exchange.linkage.state import scan_assignment
from anju.kernel.engine import Engine
from anju.register.dossier import FIELDS


def accuracy(
    engine: Engine, library: Path, assignment: Sequence[Path], truth: Path
) -> dict[str, float | None]:
    """Shares of shown values that are true, per field and overall; of places, contradictions and police records."""
    Standing(engine, library, "ac_").scan("person")
    for name, path in (
        ("ac_truth", truth / "people.parquet"),
        ("ac_record", truth / "records.parquet"),
    ):
        engine.scan(name, [path])
    scan_assignment(engine, "ac_assignment", assignment)
    engine.run(f"CREATE OR REPLACE TEMP TABLE ac_pair AS {_PAIR}")
    (counts,) = engine.rows(f"SELECT {', '.join(_counts())} FROM ac_pair")
    names = [*FIELDS, "district", "in_police"]
    shares: dict[str, float | None] = {}
    right = told = 0
    for place, name in enumerate(names):
        good, stated = int(counts[2 * place] or 0), int(counts[2 * place + 1] or 0)
        shares[name] = good / stated if stated else None
        if name in FIELDS:
            right, told = right + good, told + stated
    shares["all_fields"] = right / told if told else None
    return shares | _contradictions(engine)


_PAIR = """
WITH said AS (
    SELECT a.person_code, r.person_id, count(*) AS times
    FROM ac_assignment AS a
    JOIN (SELECT DISTINCT CAST(concat('0x', substr(md5(concat(dataset, '|', record_key)), 1, 16)) AS UBIGINT) AS record_id,
        person_id FROM ac_record WHERE person_id IS NOT NULL) AS r ON a.record_id = r.record_id
    GROUP BY a.person_code, r.person_id
),
main AS (
    SELECT * FROM said
    QUALIFY row_number() OVER (PARTITION BY person_code ORDER BY times DESC, person_id) = 1
)
SELECT p.*, m.person_id, t.name AS t_name, t.citizen_no AS t_citizen_no, t.sex AS t_sex, t.born_on AS t_born_on,
    t.phone AS t_phone, t.hukou_region AS t_hukou_region, t.education AS t_education, t.marital AS t_marital,
    t.region AS t_region, t.in_police AS t_in_police, t.is_resident AS t_is_resident,
    t.has_contradiction AS t_has_contradiction
FROM ac_person AS p JOIN main AS m ON p.person_code = m.person_code JOIN ac_truth AS t ON m.person_id = t.person_id
"""


def _counts() -> list[str]:
    """Right and stated, per field; then the district lived in and the police register, of true residents."""
    found = []
    for name in FIELDS:
        both = f"{name} IS NOT NULL AND t_{name} IS NOT NULL"
        same = f"CAST({name} AS VARCHAR) = CAST(t_{name} AS VARCHAR)"
        found += [
            f"sum(CASE WHEN {both} AND {same} THEN 1 ELSE 0 END)",
            f"sum(CASE WHEN {both} THEN 1 ELSE 0 END)",
        ]
    here = "t_is_resident AND region IS NOT NULL AND t_region IS NOT NULL"
    found += [
        f"sum(CASE WHEN {here} AND substr(region, 1, 6) = substr(t_region, 1, 6) THEN 1 ELSE 0 END)",
        f"sum(CASE WHEN {here} THEN 1 ELSE 0 END)",
        "sum(CASE WHEN in_police = t_in_police THEN 1 ELSE 0 END)",
        "count(*)",
    ]
    return found


def _contradictions(engine: Engine) -> dict[str, float | None]:
    """Of the people shown with a contradiction, how many have one (precision); of those who have one, how many are."""
    (row,) = engine.rows(
        "SELECT sum(CASE WHEN discrepancy_count > 0 AND t_has_contradiction THEN 1 ELSE 0 END), "
        "sum(CASE WHEN discrepancy_count > 0 THEN 1 ELSE 0 END), "
        "sum(CASE WHEN t_has_contradiction THEN 1 ELSE 0 END) FROM ac_pair"
    )
    both, shown, true = (int(v or 0) for v in row)
    return {
        "contradiction_precision": both / shown if shown else None,
        "contradiction_recall": both / true if true else None,
    }
