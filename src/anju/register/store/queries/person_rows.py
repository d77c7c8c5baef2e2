"""Every row of one person's file in one statement: who the code leads to, what is shown, what is said, the facts.

The statement is the same for every person, so a connection plans it once. Facts come as JSON, one array per aspect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from anju.kernel.refusal import Refusal
from anju.register.store.queries import lines
from anju.trust.store import prepared


@dataclass(frozen=True, slots=True)
class Aspect:
    """One kind of fact: its table, the columns a view shows, their order; days and moments among them."""

    table: str
    columns: str
    order: str
    days: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    more: str = ""
    join: str = ""


_PERIOD = ("begin_on", "end_on", "presumed_end_on", "confirmed_on")
_DWELLING = "LEFT JOIN register_dwelling d ON d.dwelling_code = f.dwelling_code AND d.known_to IS NULL"
ASPECTS: Mapping[str, Aspect] = {
    "stay": Aspect(
        "register_stay",
        "dwelling_code stay_region begin_on end_on presumed_end_on dwelling_kind reason confirmed_on registered_on sources is_live",
        "begin_on DESC, dwelling_code",
        (*_PERIOD, "registered_on"),
        more=f", {lines.PLACE}",
        join=_DWELLING,
    ),
    "job": Aspect(
        "register_job",
        "employer_code employer_name begin_on end_on presumed_end_on occupation has_contract wage_fen confirmed_on sources is_live",
        "begin_on DESC, employer_code",
        _PERIOD,
    ),
    "kin": Aspect(
        "register_kin",
        "relation relative_code relative_name is_inverse household sources",
        "household, relation, relative_code",
    ),
    "contribution": Aspect(
        "register_contribution",
        "scheme kind insured_region from_month to_month months base_fen sources",
        "scheme, kind, from_month",
        ("from_month", "to_month"),
    ),
    "enrolment": Aspect(
        "register_enrolment",
        "school_code school_name stage grade begin_on end_on presumed_end_on confirmed_on sources",
        "begin_on DESC, school_code",
        _PERIOD,
    ),
    "permit": Aspect(
        "register_permit",
        "permit_no issued_on valid_until sources",
        "valid_until DESC NULLS LAST, permit_no",
        ("issued_on", "valid_until"),
    ),
    "tax": Aspect("register_taxyear", "year paid_fen sources", "year DESC"),
    "skill": Aspect("register_skill", "name level issued_on sources", "level, name", ("issued_on",)),
    "land": Aspect(
        "register_landright",
        "land_region area_m2 begin_on is_leased_out sources",
        "land_region, begin_on",
        ("begin_on",),
    ),
    "aid": Aspect(
        "register_aid",
        "kind opened_on closed_on sources",
        "opened_on DESC NULLS LAST",
        ("opened_on", "closed_on"),
    ),
    "health": Aspect(
        "register_healthfile", "station_code opened_on sources", "opened_on, station_code", ("opened_on",)
    ),
    "discrepancy": Aspect(
        "register_discrepancy",
        "id person_code region field owner shown_dataset against known_from",
        "field",
        moments=("known_from",),
    ),
}

_LED = """
WITH RECURSIVE led AS (
    SELECT code, merged_into, 0 AS depth FROM register_person WHERE code = %s
    UNION ALL
    SELECT p.code, p.merged_into, led.depth + 1 FROM register_person p JOIN led ON p.code = led.merged_into
    WHERE led.depth < 100
), back AS (
    SELECT p.code FROM register_person p WHERE p.merged_into = (SELECT code FROM led WHERE merged_into IS NULL)
    UNION
    SELECT p.code FROM register_person p JOIN back ON p.merged_into = back.code
)
"""


def read(
    code: str, aspects: frozenset[str], known_on: datetime | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is shown of the person ``code`` leads to, and their facts by aspect (an aspect not asked for is empty).

    The first also holds ``code`` (today's), ``former`` (codes that lead there) and ``records`` (the sealed dossier).
    Refuses ``register.unknown_code`` and ``register.no_person`` (no such person, or not known then).
    """
    statement, clocks = _statement(aspects, known_on is not None)
    found = prepared.rows(statement, code, *[known_on] * clocks)
    if not found:
        raise Refusal("register.unknown_code")
    row = found[0]
    if row["person_code"] is None:
        raise Refusal("register.no_person")
    return row, {
        name: _dated(ASPECTS[name], row[f"of_{name}"]) if name in aspects else [] for name in ASPECTS
    }


@lru_cache
def _statement(aspects: frozenset[str], is_past: bool) -> tuple[str, int]:
    """The statement, and how often it asks for the moment of knowing."""
    of = "(SELECT code FROM led WHERE merged_into IS NULL)"
    facts = "".join(
        f", (SELECT json_agg(x) FROM (SELECT {', '.join(f'f.{c}' for c in a.columns.split())}{a.more} FROM {a.table} f {a.join} "
        f"WHERE f.person_code = {of} AND {_known('f', is_past)} ORDER BY {_of_facts(a.order)}) x) AS of_{name}"
        for name, a in ASPECTS.items()
        if name in aspects
    )
    statement = (
        f"{_LED} SELECT led.code, ARRAY(SELECT code FROM back ORDER BY code) AS former, "
        f"(SELECT s.records FROM register_dossier s WHERE s.person_code = {of} AND {_known('s', is_past)} "
        f"ORDER BY s.known_from DESC LIMIT 1) AS records, i.*{facts} "
        f"FROM led LEFT JOIN LATERAL (SELECT {lines.COLUMNS}, i.education, i.marital, {lines.PLACE} "
        f"FROM register_identity i {lines.JOIN_PLACE} WHERE i.person_code = led.code AND {_known('i', is_past)} "
        f"ORDER BY i.known_from DESC LIMIT 1) i ON TRUE WHERE led.merged_into IS NULL"
    )
    return statement, statement.count("%s") - 1


def _known(table: str, is_past: bool) -> str:
    if not is_past:
        return f"{table}.known_to IS NULL"
    return f"{table}.known_from <= %s AND ({table}.known_to IS NULL OR {table}.known_to > %s)"


def _of_facts(order: str) -> str:
    return ", ".join(f"f.{part.strip()}" for part in order.split(","))


def _dated(aspect: Aspect, found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """JSON has no days: they are read again."""
    for names, read_as in ((aspect.days, date.fromisoformat), (aspect.moments, datetime.fromisoformat)):
        _read_as(found or [], names, read_as)
    return found or []


def _read_as(found: list[dict[str, Any]], names: tuple[str, ...], read_as: Callable[[str], Any]) -> None:
    for row in found:
        for name in names:
            if row[name] is not None:
                row[name] = read_as(row[name])
