"""Dwellings, with the people in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from anju.kernel.width import TO_HALF
from anju.register.store.queries import addresses, lines, places, sql
from anju.register.store.queries.places import Row
from anju.register.store.queries.values import DwellingFile, DwellingLine, Occupant, Page
from anju.trust import masking
from anju.trust.sealing import sealer
from anju.trust.store.trip import Statement

ORDERS = {
    "region": ("d.region", "d.dwelling_code"),
    "grade": ("d.grade", "d.region", "d.dwelling_code"),
    "residents": ("d.residents", "d.dwelling_code"),
}


def list_dwellings(
    text: str = "",
    *,
    scope: Sequence[str],
    grade: str | None = None,
    after: str | None = None,
    limit: int = 50,
    sort: str = "",
) -> Page[DwellingLine]:
    """Dwellings in the scope; ``text`` is a code or an address or how a street begins.

    ``sort``: region, grade or residents, with a leading ``-`` descending.
    """
    place, values = sql.within(scope, "d.region")
    where, told = _dwelling_text("".join(text.translate(TO_HALF).split()))
    conditions = ["d.known_to IS NULL", place, where]
    values += told
    if grade:
        conditions.append("d.grade = %s")
        values.append(grade)
    found, following = places.page(
        "register_dwelling d", "d.*", conditions, values, sql.order(sort, ORDERS), after, limit
    )
    return Page(tuple(line(r) for r in found), following)


def _dwelling_text(text: str) -> tuple[str, list[Any]]:
    if not text:
        return "TRUE", []
    if len(text) == 16 and text[0] in "Dd" and text.isalnum() and text.isascii():
        return "d.dwelling_code = %s", [text.upper()]
    wanted = addresses.parse(text)
    return addresses.condition(wanted, "d") if wanted else addresses.beginning(text, "d")


def get_dwelling(
    code: str,
    *,
    valid_on: date | None = None,
    known_on: datetime | None = None,
    masked: bool = True,
    limit: int = 200,
    today: date | None = None,
    with_families: bool = False,
) -> DwellingFile:
    """One dwelling and who lives there on ``valid_on`` (default: the day of the newest run). Refuses an unknown one.

    ``with_families`` (for those who may see relatives) tells who belongs together.
    """
    row = places.one("register_dwelling", "dwelling_code", code, known_on, "register.no_dwelling")
    day = valid_on or today or places.run_day()
    present = _stays(code, day, known_on, limit + 1, here=True)
    former = _stays(code, day, known_on, places.FORMER_SHOWN, here=False) if valid_on is None else []
    who = lines.of_people([r["person_code"] for r in present[:limit] + former], masked)
    phone = row["landlord_phone"]
    families = _families([r["person_code"] for r in present[:limit]]) if with_families else {}
    return DwellingFile(
        line=line(row),
        area_m2=row["area_m2"],
        rooms=row["rooms"],
        rent_fen=row["rent_fen"],
        landlord_name=(masking.mask_name(row["landlord_name"]) if masked else row["landlord_name"]) or "",
        landlord_phone=_phone(phone, masked),
        longitude=row["longitude"],
        latitude=row["latitude"],
        residents=tuple(_occupant(r, who, families) for r in present[:limit] if r["person_code"] in who),
        former=tuple(_occupant(r, who) for r in former if r["person_code"] in who),
        more=max(_count_stays(code, day, known_on) - limit, 0) if len(present) > limit else 0,
        sources=sql.sources(row["sources"]),
    )


def dwelling_place(code: str) -> Statement:
    """What a guard asks about a dwelling: ``region``, the division it belongs to for the one who asks: that of somebody in
    sight who has lived there, so that every dwelling of a file opens; else where it stands. Null: no such dwelling."""
    return places.place_of("register_stay", "register_dwelling", "dwelling_code", code)


def _phone(sealed: bytes | None, masked: bool) -> str:
    opened = sealer().open(sealed) if sealed is not None else ""
    return (masking.mask_phone(opened) if masked else opened) or ""


def _stays(
    code: str, day: date, known_on: datetime | None, limit: int, *, here: bool
) -> list[dict[str, Any]]:
    when, values = sql.known("s", known_on)
    present = f"s.begin_on <= %s AND {places.OPEN}"
    which = present if here else f"NOT ({present})"
    return sql.rows(
        "SELECT s.person_code, s.begin_on, coalesce(s.end_on, s.presumed_end_on) AS until, s.sources "
        f"FROM register_stay s WHERE s.dwelling_code = %s AND {when} AND {which} "
        "ORDER BY s.begin_on DESC, s.person_code LIMIT %s",
        code,
        *values,
        day,
        day,
        day,
        limit,
    )


def _count_stays(code: str, day: date, known_on: datetime | None) -> int:
    when, values = sql.known("s", known_on)
    (row,) = sql.rows(
        f"SELECT count(*) AS n FROM register_stay s WHERE s.dwelling_code = %s AND {when} AND s.begin_on <= %s AND {places.OPEN}",
        code,
        *values,
        day,
        day,
        day,
    )
    return int(row["n"])


def _occupant(r: Row, who: Mapping[str, Any], families: Mapping[str, int] | None = None) -> Occupant:
    family = (families or {}).get(r["person_code"], 0)
    return Occupant(who[r["person_code"]], r["begin_on"], r["until"], sql.sources(r["sources"]), family)


def _families(codes: list[str]) -> dict[str, int]:
    """Number of the family each of these people belongs to, by the relatives among them; those alone are left out."""
    pairs = sql.rows(
        "SELECT k.person_code AS a, k.relative_code AS b FROM register_kin k WHERE k.person_code = ANY(%s) "
        "AND k.relative_code = ANY(%s) AND k.known_to IS NULL ORDER BY 1, 2",
        codes,
        codes,
    )
    family: dict[str, set[str]] = {}
    for pair in pairs:
        joined = family.get(pair["a"], {pair["a"]}) | family.get(pair["b"], {pair["b"]})
        family |= dict.fromkeys(joined, joined)
    told: dict[int, int] = {}
    return {code: told.setdefault(id(family[code]), len(told) + 1) for code in codes if code in family}


def line(r: Row) -> DwellingLine:
    """A row of the table as lists show it."""
    return DwellingLine(
        r["dwelling_code"],
        sql.address(r),
        r["region"],
        r["kind"],
        r["let_for"],
        r["grade"],
        r["fire_grade"],
        r["hygiene_grade"],
        r["residents"],
        tuple(filter(None, r["official_codes"].split(";"))),
    )
