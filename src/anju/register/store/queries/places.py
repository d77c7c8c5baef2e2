"""Dwellings, employers and schools, with the people in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from anju.kernel.identifiers import is_credit_code
from anju.kernel.refusal import Refusal
from anju.register.store.queries import addresses, lines, sql
from anju.register.store.queries.values import (
    DwellingFile,
    DwellingLine,
    EmployerFile,
    EmployerLine,
    Occupant,
    Page,
    SchoolLine,
    Worker,
)
from anju.trust import masking
from anju.trust.sealing import sealer
from anju.trust.store import prepared

Row = Mapping[str, Any]
DWELLING_ORDERS = {
    "region": ("d.region", "d.dwelling_code"),
    "grade": ("d.grade", "d.region", "d.dwelling_code"),
    "residents": ("d.residents", "d.dwelling_code"),
}
EMPLOYER_ORDERS = {
    "name": ("e.name", "e.employer_code"),
    "workers": ("e.workers", "e.employer_code"),
    "opened_on": ("coalesce(e.opened_on, DATE '0001-01-01')", "e.employer_code"),
}
SCHOOL_ORDERS = {"name": ("s.name", "s.school_code")}
FORMER_SHOWN = 50
_OPEN = "(s.end_on IS NULL OR s.end_on > %s) AND (s.presumed_end_on IS NULL OR s.presumed_end_on > %s OR s.end_on IS NOT NULL)"


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
    where, told = _dwelling_text("".join(text.split()))
    conditions = ["d.known_to IS NULL", place, where]
    values += told
    if grade:
        conditions.append("d.grade = %s")
        values.append(grade)
    found, following = _page(
        "register_dwelling d", "d.*", conditions, values, sql.order(sort, DWELLING_ORDERS), after, limit
    )
    return Page(tuple(_dwelling(r) for r in found), following)


def _dwelling_text(text: str) -> tuple[str, list[Any]]:
    if not text:
        return "TRUE", []
    if len(text) == 16 and text[0] == "D" and text.isalnum() and text.isascii():
        return "d.dwelling_code = %s", [text]
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
    row = _one("register_dwelling", "dwelling_code", code, known_on, "register.no_dwelling")
    day = valid_on or today or _run_day()
    present = _stays(code, day, known_on, limit + 1, here=True)
    former = _stays(code, day, known_on, FORMER_SHOWN, here=False) if valid_on is None else []
    who = lines.of_people([r["person_code"] for r in present[:limit] + former], masked)
    phone = row["landlord_phone"]
    families = _families([r["person_code"] for r in present[:limit]]) if with_families else {}
    return DwellingFile(
        line=_dwelling(row),
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


def _phone(sealed: bytes | None, masked: bool) -> str:
    opened = sealer().open(sealed) if sealed is not None else ""
    return (masking.mask_phone(opened) if masked else opened) or ""


def _stays(
    code: str, day: date, known_on: datetime | None, limit: int, *, here: bool
) -> list[dict[str, Any]]:
    when, values = sql.known("s", known_on)
    present = f"s.begin_on <= %s AND {_OPEN}"
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
        f"SELECT count(*) AS n FROM register_stay s WHERE s.dwelling_code = %s AND {when} AND s.begin_on <= %s AND {_OPEN}",
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


def dwelling_place(code: str) -> str | None:
    """The division a dwelling belongs to for the one who asks: that of somebody in sight who has lived there, so that
    every dwelling of a file opens; else where it stands. None: no such dwelling. For guards."""
    return _place("register_stay", "register_dwelling", "dwelling_code", code)


def employer_place(code: str) -> str | None:
    """The division an employer belongs to for the one who asks: that of somebody in sight who has worked there; else
    where it is. None: no such employer. For guards."""
    return _place("register_job", "register_employer", "employer_code", code)


def _place(spells: str, places: str, column: str, code: str) -> str | None:
    (found,) = prepared.rows(
        f"SELECT coalesce((SELECT region FROM {spells} WHERE {column} = %s AND known_to IS NULL LIMIT 1), "
        f"(SELECT region FROM {places} WHERE {column} = %s AND known_to IS NULL LIMIT 1)) AS region",
        code,
        code,
    )
    return found["region"]


def list_employers(
    text: str = "", *, scope: Sequence[str], after: str | None = None, limit: int = 50, sort: str = ""
) -> Page[EmployerLine]:
    """Employers in the scope; ``text`` is a credit code or how the name begins.

    ``sort``: name, workers or opened_on, with a leading ``-`` descending.
    """
    wanted = "".join(text.split())
    place, values = sql.within(scope, "e.region")
    conditions = ["e.known_to IS NULL", place]
    if is_credit_code(wanted.upper()):
        conditions.append("e.employer_code = %s")
        values.append(wanted.upper())
    elif wanted:
        conditions.append("e.name >= %s AND e.name < %s")
        values += [wanted, sql.after(wanted)]
    found, following = _page(
        "register_employer e", "e.*", conditions, values, sql.order(sort, EMPLOYER_ORDERS), after, limit
    )
    return Page(tuple(_employer(r) for r in found), following)


def get_employer(
    code: str,
    *,
    valid_on: date | None = None,
    known_on: datetime | None = None,
    masked: bool = True,
    limit: int = 200,
    today: date | None = None,
) -> EmployerFile:
    """One employer, who works there on ``valid_on`` (default: the day of the newest run), and their dormitories."""
    row = _one("register_employer", "employer_code", code, known_on, "register.no_employer")
    day = valid_on or today or _run_day()
    present = _jobs(code, day, known_on, limit, here=True)
    former = _jobs(code, day, known_on, FORMER_SHOWN, here=False) if valid_on is None else []
    who = lines.of_people([r["person_code"] for r in present + former], masked)
    return EmployerFile(
        line=_employer(row),
        address=row["address"],
        workers=tuple(_worker(r, who) for r in present if r["person_code"] in who),
        former=tuple(_worker(r, who) for r in former if r["person_code"] in who),
        more=max(row["workers"] - limit, 0) if len(present) == limit else 0,
        dormitories=_dormitories([p.dwelling_code for p in who.values() if p.dwelling_code]),
        datasets=tuple(filter(None, row["sources"].split(";"))),
    )


def _jobs(code: str, day: date, known_on: datetime | None, limit: int, *, here: bool) -> list[dict[str, Any]]:
    when, values = sql.known("s", known_on)
    present = f"s.begin_on <= %s AND {_OPEN}"
    return sql.rows(
        "SELECT s.person_code, s.occupation, s.has_contract, s.begin_on, coalesce(s.end_on, s.presumed_end_on) AS until, "
        f"s.sources FROM register_job s WHERE s.employer_code = %s AND {when} "
        f"AND {present if here else f'NOT ({present})'} ORDER BY s.begin_on DESC, s.person_code LIMIT %s",
        code,
        *values,
        day,
        day,
        day,
        limit,
    )


def _dormitories(codes: list[str]) -> tuple[DwellingLine, ...]:
    """Dormitories among the dwellings of an employer's people."""
    found = sql.rows(
        "SELECT d.* FROM register_dwelling d WHERE d.dwelling_code = ANY(%s) AND d.known_to IS NULL "
        "AND d.kind = 'dormitory' ORDER BY d.dwelling_code",
        codes,
    )
    return tuple(_dwelling(r) for r in found)


def _worker(r: Row, who: Mapping[str, Any]) -> Worker:
    return Worker(
        who[r["person_code"]],
        r["occupation"],
        r["has_contract"],
        r["begin_on"],
        r["until"],
        sql.sources(r["sources"]),
    )


def list_schools(
    text: str = "", *, scope: Sequence[str] = ("",), after: str | None = None, limit: int = 50
) -> Page[SchoolLine]:
    """Schools by name; ``text`` is how the name begins."""
    conditions, values = ["s.known_to IS NULL"], []
    if not scope:
        conditions.append("FALSE")
    if wanted := "".join(text.split()):
        conditions.append("s.name >= %s AND s.name < %s")
        values = [wanted, sql.after(wanted)]
    found, following = _page(
        "register_school s", "s.*", conditions, values, sql.order("", SCHOOL_ORDERS), after, limit
    )
    return Page(
        tuple(SchoolLine(r["school_code"], r["name"], r["stage"], r["pupils"]) for r in found), following
    )


def _page(
    table: str,
    columns: str,
    conditions: list[str],
    values: list[Any],
    order: sql.Order,
    after: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    size = sql.page_size(limit)
    beyond, start = order.beyond(after)
    found = sql.rows(
        f"SELECT {columns}, {order.keys} FROM {table} WHERE {' AND '.join([*conditions, beyond])} "
        f"ORDER BY {order.by} LIMIT %s",
        *values,
        *start,
        size + 1,
    )
    following = order.cursor(found[size - 1]) if len(found) > size else None
    return found[:size], following


def _one(table: str, column: str, code: str, known_on: datetime | None, refusal: str) -> Row:
    when, values = sql.known("t", known_on)
    found = sql.rows(
        f"SELECT t.* FROM {table} t WHERE t.{column} = %s AND {when} ORDER BY t.known_from DESC LIMIT 1",
        code,
        *values,
    )
    if not found:
        raise Refusal(refusal)
    return found[0]


def _run_day() -> date:
    found = sql.rows(
        "SELECT as_of FROM register_run WHERE state = 'finished' AND as_of IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    return found[0]["as_of"] if found else date.max


def _dwelling(r: Row) -> DwellingLine:
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


def _employer(r: Row) -> EmployerLine:
    return EmployerLine(
        r["employer_code"],
        r["name"],
        r["kind"],
        r["industry"],
        r["region"],
        r["workers"],
        r["opened_on"],
        r["closed_on"],
    )
