"""How each type of field is read: steps from the text ``t<i>`` to the canonical value ``v<i>``.

Every step adds columns computed from those of the steps before, so that nothing is computed twice. Usual
writings come first; a rarer one is tried only where the usual ones fail. What cannot be read is NULL.
Units: days as DATE, months as their first day, fen, square metres. Source: GB 11643, GB 32100 (check characters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from anju.exchange.contracts.codelists import get_codelist
from anju.exchange.contracts.model import UNITS, Field
from anju.exchange.intake import address
from anju.exchange.intake.lookups import DIVISIONS, LUNAR, own_prefixes
from anju.kernel.engine import literal
from anju.kernel.identifiers import CITIZEN_CHECKS, CITIZEN_WEIGHTS, CREDIT_ALPHABET, CREDIT_WEIGHTS
from anju.register import canon

NUMBERS = frozenset({"money", "area", "decimal", "integer"})
FIRST_DAY, LAST_DAY = "1900-01-01", "2100-12-31"
MOST = 1e12
LONGEST = 500
"""Characters of a text for which no canonical column sets a limit."""


@dataclass(frozen=True, slots=True)
class Step:
    """Columns to add (name -> SQL), and the joins they read, which themselves read the steps before."""

    columns: dict[str, str]
    joins: str = ""


Steps: TypeAlias = tuple[Step, ...]


def steps(i: int, field: Field) -> Steps:
    """The steps that read field number ``i``; the last of them, or one before, makes ``v<i>``."""
    return _READERS[field.type](i, field)


def longest(field: Field) -> int:
    """Characters a text or address of the field may have at most: what every column it fills has room for."""
    targets = [f"{t}.address" if field.type == "address" else t for t in field.to]
    return min((canon.column(t).most or LONGEST for t in targets), default=LONGEST)


def _text(i: int, field: Field) -> Steps:
    t = f"t{i}"
    bad = f"is_rounded({t}) OR contains({t}, '�') OR {t}[1] IN ('=', '@') OR length({t}) > {longest(field)}"
    return (Step({f"v{i}": f"CASE WHEN {bad} THEN NULL ELSE one_blank({t}) END"}),)


def _name(i: int, field: Field) -> Steps:
    tidy = f"CASE WHEN is_ascii(t{i}) THEN one_blank(t{i}) ELSE cjk_name(t{i}) END"
    return Step({f"n{i}": tidy}), Step(
        {f"v{i}": f"CASE WHEN is_name(n{i}) AND NOT names_nobody(n{i}) THEN n{i} END"}
    )


def _citizen_no(i: int, field: Field) -> Steps:
    t, c, n = f"t{i}", f"c{i}", f"n{i}"
    usual = f"strlen({t}) = 18 AND length({t}) = 18 AND {t}[18] <= 'X' AND {t}[18] <> ' '"
    seventeen = (
        f"CASE WHEN strlen({c}) = 18 THEN digits(left({c}, 17))"
        f" WHEN strlen({c}) = 15 THEN digits(left({c}, 6) || '19' || substr({c}, 7)) END"
    )
    places = len(CITIZEN_WEIGHTS) - 1
    total = " + ".join(f"(({n} // {10 ** (places - p)}) % 10) * {w}" for p, w in enumerate(CITIZEN_WEIGHTS))
    born = f"CASE WHEN strlen({c}) = 18 THEN substr({c}, 7, 8) ELSE '19' || substr({c}, 7, 6) END"
    check = f"substr('{CITIZEN_CHECKS}', 1 + (({total}) % 11)::INT, 1)"
    whole = f"{n} >= 10000000000000000 AND try_cast(hyphened(y{i}) AS DATE) < DATE '2200-01-01'"
    return (
        Step({c: f"CASE WHEN {usual} THEN {t} ELSE plain_no({t}) END"}),
        Step({n: seventeen, f"y{i}": born}),
        Step({f"k{i}": check}),
        Step(
            {
                f"v{i}": f"CASE WHEN {whole} THEN CASE WHEN strlen({c}) = 15 THEN {n}::VARCHAR || k{i}"
                f" WHEN {c}[18] = k{i} THEN {c} END END"
            }
        ),
    )


def _credit_code(i: int, field: Field) -> Steps:
    """The alphabet leaves out I, O, S, V and Z, so a letter's value is its place less those before it."""
    c = f"c{i}"
    terms = []
    for place, weight in enumerate(CREDIT_WEIGHTS, start=1):
        o = f"ascii({c}[{place}])"
        left_out = f"({o} > 73)::INT + ({o} > 79)::INT + ({o} > 83)::INT + ({o} > 86)::INT"
        terms.append(f"(CASE WHEN {o} < 58 THEN {o} - 48 ELSE {o} - 55 - ({left_out}) END) * {weight}")
    formed = f"regexp_full_match({c}, '[{CREDIT_ALPHABET}]{{18}}')"
    return (
        Step(
            {c: f"CASE WHEN strlen(t{i}) = 18 AND length(t{i}) = 18 THEN upper(t{i}) ELSE plain_no(t{i}) END"}
        ),
        Step({f"n{i}": f"CASE WHEN {formed} THEN ({' + '.join(terms)}) % 31 END"}),
        Step(
            {
                f"v{i}": f"CASE WHEN substr('{CREDIT_ALPHABET}', 1 + (31 - n{i}::INT) % 31, 1) = {c}[18] THEN {c} END"
            }
        ),
    )


def _phone(i: int, field: Field) -> Steps:
    p = f"p{i}"
    good = f"regexp_full_match({p}, '1[0-9]{{10}}')"
    return (
        Step({p: f"CASE WHEN strlen(t{i}) = 11 AND is_ascii(t{i}) THEN t{i} ELSE bare_phone(t{i}) END"}),
        Step({f"v{i}": f"CASE WHEN {good} THEN {p} END"}),
    )


def _date(i: int, field: Field) -> Steps:
    lunar = (Step({f"z{i}": f"no_lunar_word(t{i})"}),) if field.may_be_lunar else ()
    z = f"z{i}" if field.may_be_lunar else f"t{i}"
    found = (*lunar, *_day(i, z))
    if field.may_be_lunar:
        return (*found, *_lunar(i))
    return (*found, Step({f"v{i}": f"d{i} + 1" if field.inclusive else f"d{i}"}))


def _day(i: int, z: str) -> Steps:
    """``d<i>``: the day written in the column ``z``, and ``r<i>`` its text with hyphens where it was unusual."""
    # Eight digits; with a ``.0`` behind them where a program took the day for a number, or with the time of day.
    eight = (
        f"digits(left({z}, 8)) IS NOT NULL AND (strlen({z}) = 8 OR strlen({z}) = 10 AND suffix({z}, '.0')"
        f" OR is_stamped_day({z}))"
    )
    year = f"split_part({z}, '年', 1)"
    after = f"split_part({z}, '年', 2)"
    chinese = (
        f"arabic({year} || '-' || tens(split_part({after}, '月', 1)) || '-' || "
        f"tens(rtrim(split_part({after}, '月', 2), '日号')))"
    )
    serial = (
        f"CASE WHEN strlen(split_part({z}, '.', 1)) = 5 THEN serial_day(digits(split_part({z}, '.', 1))) END"
    )
    return (
        Step(
            {
                f"i{i}": f"CASE WHEN strlen({z}) <= 10 AND {z}[1] BETWEEN '0' AND '9' THEN try_cast({z} AS DATE) END"
            }
        ),
        Step(
            {
                f"r{i}": f"CASE WHEN i{i} IS NULL AND {z} IS NOT NULL THEN CASE WHEN {eight} THEN hyphened({z}) ELSE dashed(day_part({z})) END END"
            }
        ),
        Step(
            {
                f"s{i}": f"coalesce(i{i}, CASE WHEN r{i}[1] BETWEEN '0' AND '9' THEN try_cast(r{i} AS DATE) END)"
            }
        ),
        Step(
            {
                f"o{i}": f"CASE WHEN s{i} IS NOT NULL THEN s{i} WHEN is_ascii({z}) THEN {serial}"
                f" WHEN contains({z}, '年') THEN try_cast({chinese} AS DATE) END"
            }
        ),
        Step({f"d{i}": f"CASE WHEN o{i} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}' THEN o{i} END"}),
    )


def _lunar(i: int) -> Steps:
    """``m<i>``: the solar day if the stated one was lunar. A 29 or 30 February is a day of that calendar alone."""
    only = f"CASE WHEN d{i} IS NULL THEN regexp_extract(r{i}, '^\\d{{4}}-0?2-(29|30)$', 0) END"
    lunar = f"CASE WHEN q{i} <= j{i}.days THEN j{i}.first_on + q{i}::INT - 1 END"
    return (
        Step({f"w{i}": only}),
        Step(
            {
                f"ym{i}": f"CASE WHEN d{i} IS NOT NULL THEN year(d{i}) * 100 + month(d{i})"
                f" WHEN w{i} <> '' THEN left(w{i}, 4)::INT * 100 + 2 END",
                f"q{i}": f"CASE WHEN d{i} IS NOT NULL THEN day(d{i}) WHEN w{i} <> '' THEN right(w{i}, 2)::INT END",
            }
        ),
        Step({f"m{i}": lunar}, f" LEFT JOIN {LUNAR} j{i} ON j{i}.ym = ym{i}"),
        Step({f"v{i}": f"CASE WHEN has_lunar_word(t{i}) THEN m{i} ELSE d{i} END"}),
    )


def _month(i: int, field: Field) -> Steps:
    t, h = f"t{i}", f"h{i}"
    six = f"strlen({t}) = 6 AND digits({t}) IS NOT NULL"
    usual = f"CASE WHEN {six} THEN left({t}, 4) || '-' || substr({t}, 5, 2) || '-01' WHEN strlen({t}) = 7 AND is_ascii({t}) THEN {t} || '-01' END"
    whole = f"CASE WHEN {h} IS NULL THEN coalesce(try_cast(dashed(z{i}) || '-01' AS DATE), date_trunc('month', d{i})::DATE) ELSE {h} END"
    value = f"(a{i} + INTERVAL 1 MONTH)::DATE" if field.inclusive else f"a{i}"
    reach = f"a{i} BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'"
    return (
        Step({h: f"try_cast({usual} AS DATE)"}),
        Step({f"z{i}": f"CASE WHEN {h} IS NULL THEN {t} END"}),
        *_day(i, f"z{i}"),
        Step({f"a{i}": whole}),
        Step({f"v{i}": f"CASE WHEN {reach} THEN {value} END"}),
    )


def _number(i: int, field: Field) -> Steps:
    """A number in the canonical unit and type; NULL when it is out of range."""
    d = f"d{i}"
    low = field.min if field.min is not None else 0
    high = field.max if field.max is not None else MOST
    whole = f" AND {d} = floor({d})" if field.type == "integer" else ""
    value = d
    if field.type in UNITS:
        value = f"round({d} * {UNITS[field.type][field.unit]!r}, {0 if field.type == 'money' else 2})"
    kind = {"money": "BIGINT", "integer": "INTEGER"}.get(field.type, "DOUBLE")
    return (
        Step(
            {
                f"b{i}": f"CASE WHEN is_ascii(t{i}) AND NOT contains(t{i}, ',') THEN t{i} ELSE bare_number(t{i}) END"
            }
        ),
        Step({d: f"plain_number(b{i}) * CASE WHEN contains(t{i}, '万') THEN 10000 ELSE 1 END"}),
        Step({f"v{i}": f"CASE WHEN {d} BETWEEN {low!r} AND {high!r}{whole} THEN ({value})::{kind} END"}),
    )


def _code(i: int, field: Field) -> Steps:
    """Codes by their accepted writings: first a short chain of code and name, then all of them for what is left.

    A chain of comparisons of short texts is faster than a join.
    """
    forms = {form: code for form, code in code_forms(field).items() if code is not None}
    first = dict(field.codes or {})
    if field.codes is None:
        for code, (zh, _) in get_codelist(field.standard).labels.items():
            first |= {form: code for form in (zh, code) if form in forms}
    by_code: dict[str, list[str]] = {}
    for form, code in forms.items():
        by_code.setdefault(code, []).append(form)
    usual = " ".join(f"WHEN {literal(form)} THEN {literal(code)}" for form, code in first.items())
    whens = " ".join(
        f"WHEN t{i} IN ({', '.join(literal(f) for f in written)}) THEN {literal(code)}"
        for code, written in by_code.items()
    )
    return (Step({f"v{i}": f"coalesce(CASE t{i} {usual} END, CASE {whens} END)"}),)


def code_forms(field: Field) -> dict[str, str | None]:
    """Accepted writings of a code field -> its code; None for a stated *unknown*."""
    if field.codes is not None:
        return {**field.codes, **{code: code for code in field.codes.values()}}
    return dict(get_codelist(field.standard).forms)


def _division(i: int, field: Field) -> Steps:
    """A code below another place's county is known by its county; an ended one becomes today's."""
    g, k = f"g{i}", f"k{i}"
    own = ", ".join(literal(p) for p in own_prefixes()) or "''"
    below = f"strlen({g}) IN (9, 12) AND {g}[1] BETWEEN '0' AND '9' AND left({g}, 4) NOT IN ({own})"
    today = f"CASE WHEN j{i}.code = {k} AND {g}[1] BETWEEN '0' AND '9' THEN {g} ELSE j{i}.code END"
    return (
        Step({f"u{i}": f"division_digits(t{i})"}),
        Step({g: f"division_padded(u{i})"}),
        Step({k: f"CASE WHEN {below} THEN left({g}, 6) ELSE {g} END"}),
        Step(
            {f"v{i}": today if field.history else f"CASE WHEN j{i}.in_force THEN {today} END"},
            f" LEFT JOIN {DIVISIONS} j{i} ON j{i}.written = {k}",
        ),
    )


def _address(i: int, field: Field) -> Steps:
    first, *rest = address.stages(f"t{i}")
    good = f"NOT contains(t{i}, '�') AND length(t{i}) <= {longest(field)}"
    whole = Step({**first[0], f"v{i}": f"CASE WHEN {good} THEN t{i} END"})
    return whole, *(Step(*stage) for stage in rest)


def _macro(name: str) -> Callable[[int, Field], Steps]:
    return lambda i, field: (Step({f"v{i}": f"{name}(t{i})"}),)


_READERS: dict[str, Callable[[int, Field], Steps]] = {
    "text": _text,
    "name": _name,
    "citizen_no": _citizen_no,
    "credit_code": _credit_code,
    "phone": _phone,
    "date": _date,
    "month": _month,
    "code": _code,
    "flag": _macro("read_flag"),
    "grade": _macro("read_grade"),
    "division": _division,
    "address": _address,
    **dict.fromkeys(NUMBERS, _number),
}
