"""What a reviewer is told about a pair, collected in sets from a linkage run and the batches it read.

Grain: one question per pair of records that the run wants a person to look at and that are two people today.
Units: weights are bits. Unknown: a value no record of that person states is left out.
Raises: nothing. Source: ``review``, ``edges`` and ``assignment`` of the run; the accepted batches.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.review.worth import worth
from anju.kernel.engine import Engine
from anju.kernel.identifiers import is_citizen_no
from anju.register import canon
from anju.trust import places

MOST_RECORDS = 12
"""Of a person with more records the others are counted and not shown."""
COLUMNS = (
    "person.name",
    "person.citizen_no",
    "person.citizen_no_stated",
    "person.born_on",
    "person.born_lunar_on",
    "person.sex",
    "person.phone",
    "person.hukou_region",
    "stay.region",
    "stay.street",
    "stay.number",
    "stay.building",
    "stay.unit",
    "stay.room",
    "stay.address",
    "job.employer_name",
    "job.employer_code",
    "kin.name",
    "kin.phone",
    "kin.household_no",
)
FIELDS = {
    "name": ("name", "name"),
    "citizen_no": ("number", "number"),
    "born_on": ("birth", ""),
    "sex": ("sex", ""),
    "phone": ("phone", "number"),
    "hukou_region": ("origin", ""),
    "address": ("place", "address"),
    "employer": ("work", ""),
    "kin": ("kin", "name"),
    "household": ("kin", ""),
}
"""What is laid side by side: field -> the comparison that weighs it, and how it is masked."""


@dataclass(frozen=True, slots=True)
class Question:
    """One pair to ask about; ``told`` is plain JSON: both sides and the evidence. ``regions`` as the records state them."""

    record_a: int
    record_b: int
    person_a: str
    person_b: str
    regions: tuple[str | None, str | None]
    reason: str
    weight: float
    worth: float
    told: dict[str, Any]


def collect(engine: Engine, held: frozenset[str], batches: Sequence[tuple[str, int]]) -> tuple[Question, ...]:
    """Every open question. Reads the views ``rv_review``, ``rv_edges``, ``rv_assignment``, ``rv_batch``.

    ``held`` are the columns the batches have; ``batches`` their ids in the order of acceptance.
    """
    engine.run(f"CREATE OR REPLACE TEMP TABLE rv_pair AS {_PAIRS}")
    if not engine.rows("SELECT 1 FROM rv_pair LIMIT 1"):
        return ()
    engine.run(f"CREATE OR REPLACE TEMP TABLE rv_record AS {_RECORDS}")
    said = stated(engine, held, batches, "rv_record")
    people: dict[str, list[int]] = defaultdict(list)
    counts: dict[str, int] = {}
    for record, code, count in engine.rows(
        "SELECT record_id, person_code, n FROM rv_record ORDER BY record_id"
    ):
        people[code].append(record)
        counts[code] = count
    told = ", ".join(f"e.{c.name}_level, e.{c.name}_weight" for c in HAN_COMPARISONS)
    found = engine.rows(
        f"SELECT p.record_a, p.record_b, p.person_a, p.person_b, p.weight, p.reason, {told} FROM rv_pair AS p "
        "LEFT JOIN rv_edges AS e ON e.record_a = p.left_record AND e.record_b = p.right_record "
        "QUALIFY row_number() OVER (PARTITION BY p.record_a, p.record_b ORDER BY p.weight DESC) = 1"
    )
    return tuple(_question(row, people, counts, said) for row in found)


_PAIRS = """
SELECT least(r.record_a, r.record_b) AS record_a, greatest(r.record_a, r.record_b) AS record_b,
    CASE WHEN r.record_a < r.record_b THEN a.person_code ELSE b.person_code END AS person_a,
    CASE WHEN r.record_a < r.record_b THEN b.person_code ELSE a.person_code END AS person_b,
    r.record_a AS left_record, r.record_b AS right_record, r.weight, r.reason
FROM rv_review AS r JOIN rv_assignment AS a ON a.record_id = r.record_a JOIN rv_assignment AS b ON b.record_id = r.record_b
WHERE a.person_code <> b.person_code
"""
_RECORDS = f"""
WITH asked AS (SELECT record_a AS record_id FROM rv_pair UNION SELECT record_b FROM rv_pair),
people AS (SELECT person_a AS person_code FROM rv_pair UNION SELECT person_b FROM rv_pair),
every AS (
    SELECT a.record_id, a.person_code, k.record_id IS NOT NULL AS is_asked
    FROM rv_assignment AS a SEMI JOIN people AS p ON p.person_code = a.person_code
    LEFT JOIN asked AS k ON k.record_id = a.record_id
),
placed AS (
    SELECT record_id, person_code, is_asked, count(*) OVER (PARTITION BY person_code) AS n,
        row_number() OVER (PARTITION BY person_code ORDER BY is_asked DESC, record_id) AS place FROM every
)
SELECT record_id, person_code, n FROM placed WHERE is_asked OR place <= {MOST_RECORDS}
"""


def stated(
    engine: Engine, held: frozenset[str], batches: Sequence[tuple[str, int]], wanted: str
) -> Mapping[int, dict[str, Any]]:
    """What each record of the table ``wanted`` says, by its id: the newest version of it in the view ``rv_batch``."""
    order = ", ".join(f"('{name}', {place})" for name, place in batches) or "('', 0)"
    engine.run(f"CREATE OR REPLACE TEMP TABLE rv_order AS SELECT * FROM (VALUES {order}) AS b(batch, place)")
    columns = ", ".join(
        f'r."{c}"' if c in held else f'CAST(NULL AS {canon.column(c).type}) AS "{c}"' for c in COLUMNS
    )
    found = engine.rows(
        f"SELECT r.record_id, r.dataset, r.record_key, coalesce(r.observed_on, r.sent_on) AS seen, {columns} "
        f"FROM rv_batch AS r SEMI JOIN {wanted} AS w ON w.record_id = r.record_id "
        "JOIN rv_order AS o ON o.batch = r.batch "
        "QUALIFY row_number() OVER (PARTITION BY r.record_id ORDER BY o.place DESC, r.row_no DESC) = 1"
    )
    names = ("dataset", "key", "seen", *COLUMNS)
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in found}


def _question(
    row: tuple[Any, ...],
    people: Mapping[str, list[int]],
    counts: Mapping[str, int],
    stated: Mapping[int, dict[str, Any]],
) -> Question:
    record_a, record_b, person_a, person_b, weight, reason, *levels = row
    evidence = [
        [c.name, levels[2 * i], round(levels[2 * i + 1], 2)]
        for i, c in enumerate(HAN_COMPARISONS)
        if levels[2 * i] not in (None, "missing")
    ]
    sides, regions = [], []
    for record, code in ((record_a, person_a), (record_b, person_b)):
        mine = [stated[r] for r in sorted(people[code], key=lambda r: r != record) if r in stated]
        sides.append(_side(record, code, counts[code], mine))
        regions.append(next((r["stay.region"] for r in mine if r["stay.region"]), None))
    numbers = [next(iter(side["values"].get("citizen_no", ())), "") for side in sides]
    valid = [n if is_citizen_no(n) else "" for n in numbers]
    worthy = worth(weight, reason, counts[person_a], counts[person_b], (valid[0], valid[1]))
    told = {"sides": sides, "evidence": evidence}
    return Question(
        record_a, record_b, person_a, person_b, (regions[0], regions[1]), reason, round(weight, 3), worthy, told
    )  # fmt: skip


def _side(record: int, code: str, count: int, mine: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One side: the record asked about, and what its person's records state, the record's own word first."""
    values: dict[str, list[str]] = {field: [] for field in FIELDS}
    for row in mine:
        for field, value in plain(row).items():
            if value and value not in values[field]:
                values[field].append(value)
    own: Mapping[str, Any] = mine[0] if mine else {"dataset": "", "key": "", "seen": None}
    return {
        "record": str(record),
        "person": code,
        "records": count,
        "dataset": own["dataset"],
        "key": own["key"],
        "seen": own["seen"].isoformat() if own["seen"] else "",
        "datasets": sorted({r["dataset"] for r in mine}),
        "values": {field: told for field, told in values.items() if told},
    }


def plain(row: Mapping[str, Any]) -> dict[str, str]:
    """One record's fields as they are laid side by side, as text."""
    parts = [row[f"stay.{p}"] or "" for p in ("street", "number", "building", "unit", "room")]
    address = " ".join(filter(None, parts)) or row["stay.address"] or ""
    return {
        "name": row["person.name"] or "",
        "citizen_no": row["person.citizen_no"] or row["person.citizen_no_stated"] or "",
        "born_on": (row["person.born_on"] or row["person.born_lunar_on"] or "")
        and str(row["person.born_on"] or row["person.born_lunar_on"]),
        "sex": row["person.sex"] or "",
        "phone": row["person.phone"] or "",
        "hukou_region": row["person.hukou_region"] or "",
        "address": address,
        "employer": row["job.employer_name"] or row["job.employer_code"] or "",
        "kin": row["kin.name"] or "",
        "household": row["kin.household_no"] or "",
    }


def record_id(dataset: str, key: str) -> int:
    """The id intake gives a record."""
    return int(hashlib.md5(f"{dataset}|{key}".encode(), usedforsecurity=False).hexdigest()[:16], 16)


def common_region(a: str | None, b: str | None) -> str | None:
    """The smallest division that holds both; where one is not known, the other's; None where none does."""
    known = [r for r in (a, b) if r]
    if not known:
        return None
    prefixes = []
    for region in known:
        try:
            prefixes.append(places.prefix(region))
        except ValueError:
            return None
    shared = 0
    while shared < min(map(len, prefixes)) and len({p[shared] for p in prefixes}) == 1:
        shared += 1
    cut = max((c for c in places.CUTS if c <= shared), default=0)
    return prefixes[0][:cut] or None
