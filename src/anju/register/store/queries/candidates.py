"""Is this person here already? Candidates with reasons, for one person at a counter or a thousand of a list.

One statement finds, by index alone, everybody who shares the number (or one with a slip of the pen), the phone, the
birthday (or one easily mistaken for it) with a name that is alike, or the name; what is alike is then weighed.
Row security bounds it like every read. Who lives in another place is told only to one who knows number and name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from anju.kernel.identifiers import citizen_check, citizen_from_15, is_citizen_no
from anju.kernel.width import TO_HALF
from anju.register import names
from anju.register.store.queries import lines, sql
from anju.register.store.queries.values import PersonLine
from anju.trust.sealing import sealer

MOST = 1_000
PER_NUMBER, PER_PHONE, PER_DAY, PER_NAME = 10, 20, 100, 30
WEIGHTS = {
    "number": 10.0,
    "number_typo": 7.0,
    "name": 4.0,
    "name_sound": 3.0,
    "name_similar": 2.5,
    "name_part": 1.0,
    "birthday": 4.0,
    "birthday_similar": 2.0,
    "phone": 3.0,
    "other_number": -5.0,
    "other_name": -4.0,
    "other_birthday": -4.0,
}
"""What each agreement says for, or against, being the same person; only their order and the two lines below matter."""
SURE, LIKELY, LEAST = 10.0, 6.5, 3.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is told of one person; any part may be empty."""

    name: str = ""
    citizen_no: str = ""
    born_on: date | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person who may be meant: why (codes of ``WEIGHTS``), and how strongly (``sure``, ``likely``, ``possible``)."""

    person: PersonLine
    reasons: tuple[str, ...]
    strength: str
    weight: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """One person asked for, as it is compared."""

    key: str
    sound: str
    initials: str
    born_on: date | None
    exact: tuple[bytes, ...]
    slips: tuple[bytes, ...]
    phones: tuple[bytes, ...]


_HITS = f"""
WITH hit AS (
    SELECT a.n, i.id FROM unnest(%s::int[], %s::bytea[]) AS a(n, told) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE citizen_no_index = a.told AND known_to IS NULL
        ORDER BY person_code LIMIT {PER_NUMBER}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::bytea[]) AS a(n, told) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE phone_index = a.told AND known_to IS NULL
        ORDER BY person_code LIMIT {PER_PHONE}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::date[], %s::text[], %s::text[], %s::text[])
        AS a(n, born_on, key, sound, initials) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE born_on = a.born_on AND known_to IS NULL AND (
            a.key = '' OR name_key = a.key OR pinyin = a.sound OR initials = a.initials
            OR left(name_key, 1) = left(a.key, 1) OR given_key = substr(a.key, 2))
        ORDER BY name_key = a.key DESC, person_code LIMIT {PER_DAY}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::date[], %s::text[]) AS a(n, born_on, key) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE born_on = a.born_on AND name_key = a.key AND known_to IS NULL
        ORDER BY person_code LIMIT {PER_DAY}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::date[], %s::text[]) AS a(n, new_year, key) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE name_key = a.key AND born_on >= a.new_year
        AND born_on < (a.new_year + interval '1 year')::date AND known_to IS NULL ORDER BY person_code LIMIT {PER_NAME}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::text[]) AS a(n, key) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE name_key = a.key AND known_to IS NULL
        ORDER BY name_key, person_code LIMIT {PER_NAME}) AS i
    UNION
    SELECT a.n, i.id FROM unnest(%s::int[], %s::text[]) AS a(n, sound) CROSS JOIN LATERAL (
        SELECT id FROM register_identity WHERE pinyin = a.sound AND known_to IS NULL
        ORDER BY pinyin, person_code LIMIT {PER_NAME}) AS i
)
SELECT h.n, i.citizen_no_index, i.phone_index, i.pinyin, {lines.COLUMNS}, {lines.PLACE}
FROM hit AS h JOIN register_identity AS i ON i.id = h.id {lines.JOIN_PLACE}
"""  # fmt: skip


def find_candidates(
    wanted: Sequence[Wanted], *, masked: bool = True, limit: int = 10
) -> tuple[tuple[Candidate, ...], ...]:
    """For each wanted person those who may be meant, the likeliest first: at most ``limit`` each, in one query.

    At most ``MOST`` people at once; who tells nothing is answered with nobody.
    """
    asked = [_asked(w) for w in wanted[:MOST]]
    found: list[list[tuple[float, tuple[str, ...], dict[str, Any]]]] = [[] for _ in asked]
    for row in sql.rows(_HITS, *_told(asked)):
        reasons = _reasons(asked[row["n"]], row)
        weight = sum(WEIGHTS[r] for r in reasons)
        if weight >= LEAST:
            found[row["n"]].append((weight, reasons, row))
    return tuple(
        tuple(
            Candidate(lines.line(row, masked), reasons, _strength(weight, reasons), weight)
            for weight, reasons, row in sorted(listed, key=lambda f: (-f[0], f[2]["person_code"]))[:limit]
        )
        for listed in found
    )


def find_elsewhere(wanted: Wanted) -> tuple[str, str | None] | None:
    """The code and division of one who lives outside the caller's places: only for number and name, both right."""
    asked = _asked(wanted)
    if not asked.exact or not asked.key:
        return None
    found = sql.rows(
        "SELECT person_code, region FROM register_known_elsewhere(%s, %s)", list(asked.exact), asked.key
    )
    return (found[0]["person_code"], found[0]["region"]) if found else None


def _asked(wanted: Wanted) -> _Asked:
    key, seal = names.key(wanted.name), sealer()
    sounds = names.syllables(key)
    number, phone = _typed(wanted.citizen_no).upper(), _typed(wanted.phone).removeprefix("+86")
    number = citizen_from_15(number) if len(number) == 15 and number.isdigit() else number
    is_good = is_citizen_no(number)
    born_on = wanted.born_on or (_birthday_of(number) if is_good else None)
    return _Asked(
        key,
        "".join(sounds),
        "".join(s[:1] for s in sounds),
        born_on,
        tuple(seal.indexes("citizen_no", number)) if is_good else (),
        () if is_good else tuple(i for n in slips(number) for i in seal.indexes("citizen_no", n)),
        tuple(seal.indexes("phone", phone)) if phone else (),
    )


def _typed(number: str) -> str:
    """A number as people type it: in full width, with blanks and hyphens."""
    return "".join(number.translate(TO_HALF).replace("-", "").split())


def _birthday_of(number: str) -> date:
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def slips(number: str) -> tuple[str, ...]:
    """Every valid number that one wrong digit, or two neighbours changed round, turns into ``number``.

    None for a valid number: its check character finds either.
    """
    if len(number) != 18 or not number[:17].isdigit() or not (number[17].isdigit() or number[17] == "X"):
        return ()
    made = {number[:17] + citizen_check(number[:17])}
    for i in range(17):
        made.update(number[:i] + d + number[i + 1 :] for d in "0123456789")
    for i in range(16):
        made.add(number[:i] + number[i + 1] + number[i] + number[i + 2 :])
    return tuple(sorted(n for n in made if n != number and is_citizen_no(n)))


def birthdays_like(born_on: date) -> Iterator[date]:
    """Days a birthday is mistaken for: day and month changed round, the first of January, a wrong year."""
    told = [
        (born_on.year, born_on.day, born_on.month),
        (born_on.year, 1, 1),
        *((born_on.year + d, born_on.month, born_on.day) for d in (-10, -1, 1, 10)),
        *((born_on.year, born_on.month, born_on.day + d) for d in (-1, 1)),
    ]
    for year, month, day in dict.fromkeys(told):
        with suppress(ValueError):
            if (found := date(year, month, day)) != born_on:
                yield found


def is_birthday_like(one: date, other: date) -> bool:
    """Whether either day is mistaken for the other: whoever knows the year alone writes the first of January."""
    return other in set(birthdays_like(one)) or one in set(birthdays_like(other))


def _told(asked: Sequence[_Asked]) -> list[list[Any]]:
    """The arrays of the statement, flat: which wanted person, and what."""
    numbers = [(n, told) for n, a in enumerate(asked) for told in (*a.exact, *a.slips)]
    phones = [(n, told) for n, a in enumerate(asked) for told in a.phones]
    days = [(n, a.born_on, a.key, a.sound, a.initials) for n, a in enumerate(asked) if a.born_on]
    like = [
        (n, d, a.key) for n, a in enumerate(asked) if a.born_on and a.key for d in birthdays_like(a.born_on)
    ]
    years = [
        (n, a.born_on, a.key)
        for n, a in enumerate(asked)
        if a.born_on and a.key and (a.born_on.month, a.born_on.day) == (1, 1)
    ]
    keys = [(n, a.key) for n, a in enumerate(asked) if a.key]
    sounds = [(n, a.sound) for n, a in enumerate(asked) if a.sound]
    return [
        list(column)
        for rows, width in (
            (numbers, 2),
            (phones, 2),
            (days, 5),
            (like, 3),
            (years, 3),
            (keys, 2),
            (sounds, 2),
        )
        for column in (zip(*rows, strict=True) if rows else [()] * width)
    ]


def _reasons(asked: _Asked, row: dict[str, Any]) -> tuple[str, ...]:
    """What the person found has in common with the one asked for, and what speaks against it."""
    held = bytes(row["citizen_no_index"]) if row["citizen_no_index"] is not None else None
    found = []
    if held in asked.exact:
        found.append("number")
    elif held in asked.slips:
        found.append("number_typo")
    elif held is not None and asked.exact:
        found.append("other_number")
    if alike := _alike(asked, row):
        found.append(alike)
    elif asked.key and row["name_key"]:
        found.append("other_name")
    if asked.born_on is not None and row["born_on"] is not None:
        if row["born_on"] == asked.born_on:
            found.append("birthday")
        elif is_birthday_like(asked.born_on, row["born_on"]):
            found.append("birthday_similar")
        else:
            found.append("other_birthday")
    if row["phone_index"] is not None and bytes(row["phone_index"]) in asked.phones:
        found.append("phone")
    return tuple(found)


def _alike(asked: _Asked, row: dict[str, Any]) -> str:
    """A name told in letters is compared by sound."""
    if asked.key.isascii() and asked.key and asked.key == row["pinyin"]:
        return "name_sound"
    return names.likeness(asked.key, row["name_key"])


def _strength(weight: float, reasons: Sequence[str]) -> str:
    if weight >= SURE and "other_number" not in reasons:
        return "sure"
    if tuple(reasons) == ("number_typo",):  # the number is a person's, and whose is what was not told
        return "possible"
    return "likely" if weight >= LIKELY else "possible"
