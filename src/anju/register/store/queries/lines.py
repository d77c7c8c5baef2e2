"""A person in a list: one query shape for every list of people, masked unless asked otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from anju.register.store.queries import sql
from anju.register.store.queries.values import PersonLine
from anju.trust import masking
from anju.trust.sealing import sealer

COLUMNS = """
i.person_code, i.name, i.name_key, i.sex, i.born_on, i.citizen_no, i.citizen_no_last4, i.phone, i.phone_last4, i.region,
i.dwelling_code, i.hukou_region, i.in_police, i.is_resident, i.record_count, i.dataset_count, i.discrepancy_count
"""
PLACE = "d.street, d.number, d.building, d.unit, d.room, d.address"
JOIN_PLACE = "LEFT JOIN register_dwelling d ON d.dwelling_code = i.dwelling_code AND d.known_to IS NULL"
HIDDEN_NUMBER, HIDDEN_PHONE = "*" * 14, "*" * 7


def line(row: Mapping[str, Any], masked: bool, matched_by: str = "") -> PersonLine:
    """One row of ``COLUMNS`` and ``PLACE`` as a line."""
    where = sql.address(row)
    return PersonLine(
        code=row["person_code"],
        name=(masking.mask_name(row["name"]) if masked else row["name"]) or "",
        sex=row["sex"],
        born_year=row["born_on"].year if row["born_on"] else None,
        citizen_no=_number(row["citizen_no"], row["citizen_no_last4"], HIDDEN_NUMBER, masked),
        phone=_number(row["phone"], row["phone_last4"], HIDDEN_PHONE, masked),
        region=row["region"],
        dwelling_code=row["dwelling_code"],
        address=(masking.mask_address(where) if masked else where) or "",
        hukou_region=row["hukou_region"],
        in_police=row["in_police"],
        is_resident=row["is_resident"],
        record_count=row["record_count"],
        dataset_count=row["dataset_count"],
        discrepancy_count=row["discrepancy_count"],
        matched_by=matched_by,
    )


def _number(sealed: bytes | None, last4: str, stars: str, masked: bool) -> str:
    if sealed is None:
        return ""
    return stars + last4 if masked else sealer().open(sealed)


def lines(found: Iterable[Mapping[str, Any]], masked: bool, matched_by: str = "") -> tuple[PersonLine, ...]:
    """Rows as lines."""
    return tuple(line(row, masked, matched_by) for row in found)


def of_people(codes: list[str], masked: bool = True) -> dict[str, PersonLine]:
    """Lines of these people as known now, by code; those the caller's row security hides are missing."""
    if not codes:
        return {}
    found = sql.rows(
        f"SELECT {COLUMNS}, {PLACE} FROM register_identity i {JOIN_PLACE} "
        "WHERE i.person_code = ANY(%s) AND i.known_to IS NULL",
        codes,
    )
    return {row["person_code"]: line(row, masked) for row in found}
