"""What a run keeps for the next delta, and the library as a delta sees it: only whom and what it asks for.

On an engine without shelves (Spark) each kind is a file of everyone and a view of it; the steps are the same and find the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from anju.exchange.linkage import shelf, state
from anju.exchange.linkage.features import digits_sql
from anju.exchange.linkage.names import DAY_CODES, PARTS
from anju.exchange.linkage.profiles import NUMBER_DAY
from anju.exchange.linkage.shelf import Shelf
from anju.exchange.linkage.steps import LinkEngine, Steps

DAY = f"coalesce(born, CAST({NUMBER_DAY} AS INTEGER))"
"""SQL for the birthday of a description, that of its number where none is stated."""


NAMED = ("raw", "name", "latin", "dotted", "length", "surname", "given", "first_part", "sound", "near_sound", "spellings", "spellings_mask", "bag", *(f"{part}_id" for part in PARTS), "tags")  # fmt: skip
"""Columns of ``lk_name``, in its order."""


def named_key(raw: str, part: str) -> str:
    """SQL for the key of a name and a year, or of a name and a day of the year."""
    return f"CASE WHEN {part} IS NOT NULL THEN hash({raw}, CAST({part} AS BIGINT)) END"


def code_key(kind: str, code: str) -> str:
    """SQL for the key of a whole number of some kind: one of ``DAY_CODES``, a part of a citizen number."""
    return f"CASE WHEN {code} IS NOT NULL THEN hash('{kind}', CAST({code} AS BIGINT)) END"


def certain_key() -> str:
    """SQL for the key of a number and the name beside it."""
    return "CASE WHEN number IS NOT NULL THEN hash(number, raw_id) END"


def number_keys(digits: str, number: str = "CAST(NULL AS BIGINT)") -> tuple[str, ...]:
    """SQL for the keys of a number's parts, those that ``blocking`` takes: of a whole number, else of the text ``digits``."""

    def part(whole: str, first: int, count: int) -> str:
        return f"coalesce({whole.format(number)}, TRY_CAST(substring({digits}, {first}, {count}) AS BIGINT))"

    region, month = part("{} // 100000000000", 1, 6), part("{} % 10000000", 11, 7)
    return (
        code_key("region_birth", part("{} // 1000", 1, 14)),
        code_key("birth_sequence", part("{} % 100000000000", 7, 11)),
        code_key("region_month", f"({region} * 10000000 + {month})"),
    )


PEOPLE = Shelf(
    "people",
    state.PEOPLE,
    {
        "person": ("person",),
        "number": (code_key("number", "number"),),
        "certain": (f"CASE WHEN is_anchor THEN {certain_key()} END",),
        "named": tuple(
            named_key("raw_id", f"{day} {part}") for day in (DAY, "lunar") for part in ("// 10000", "% 10000")
        ),
        **{
            name: tuple(code_key(name, f"({sql.replace('day', day)})") for day in (DAY, "lunar"))
            for name, sql in DAY_CODES.items()
        },
        "part": number_keys(f"({digits_sql('stated')})", "number"),
    },
)
AROUND = Shelf(
    "around",
    ("person", *state.AROUND),
    {"person": ("person",), **{c: (c,) for c in state.AROUND if c != "employer"}},
)
NAMES = Shelf("names", NAMED, {"raw": ("raw_id",), "name": ("name_id",)})
SEATS = Shelf(
    "seats",
    ("record_id", "person_code", "how", "weight"),
    {"record": ("record_id",), "person": ("hash(person_code)",)},
)
"""The assignment once more, to be looked up."""
CODES = Shelf(
    "issued",
    ("person_code", "run", "current_code"),
    {
        "person": ("hash(person_code)",),
        "forwarded": ("CASE WHEN current_code <> person_code THEN hash('forwarded') END",),
    },
)
DESCRIBED = (PEOPLE, AROUND, NAMES)
"""Shelves that stand in the place of a file; the others stand beside theirs."""


def has_shelves(engine: LinkEngine) -> bool:
    """Whether an engine's runs keep shelves."""
    return engine.dialect == "duckdb"


def keep(engine: LinkEngine, kind: Shelf, query: str, out: Path, suffix: str = "") -> None:
    """Write what a run, or with a ``suffix`` a delta, knows of one kind."""
    if has_shelves(engine) and not suffix:
        shelf.put(engine, kind, query, out)
        return
    listed = ", ".join(kind.columns)
    engine.save(f"SELECT {listed} FROM ({query}) AS q", out / f"{kind.name}{suffix}.parquet", plain=True)


class Library:
    """The library of a former run: tables or views ``lk_people``, ``lk_around``, ``lk_names``, ``lk_spelled``, ``lk_counts``,
    ``lk_before`` (how records stood) and ``lk_codes_before``."""

    def __init__(self, steps: Steps, previous: Path) -> None:
        self._steps, self._previous = steps, previous
        self._later: set[str] = set()
        engine = steps.engine
        for kind in ("spelled", "counts"):
            engine.scan(f"lk_{kind}", state.parts(previous, kind))
        for one in DESCRIBED:
            files = state.parts(previous, one.name)
            if not has_shelves(engine):
                engine.scan(f"lk_{one.name}", files)
            elif later := files[1:]:
                self._later.add(one.name)
                engine.scan(f"lk_{one.name}_later", later)

    def seats(self, asked: Mapping[str, str]) -> None:
        """Let ``lk_before`` hold at least the records asked for (rules of ``SEATS``)."""
        self.show(SEATS, asked)
        base = "lk_seats" if has_shelves(self._steps.engine) else ""
        paths = state.parts(self._previous, "assignment")
        state.scan_assignment(self._steps.engine, "lk_before", paths, ("how", "weight"), base)

    def codes(self, people: str) -> None:
        """Let ``lk_codes_before`` hold at least the codes of the query ``people`` and all that were forwarded."""
        self.show(CODES, {"person": people, "forwarded": "SELECT hash('forwarded')"})
        base = "lk_issued" if has_shelves(self._steps.engine) else ""
        paths = state.parts(self._previous, "codes")
        state.scan_codes(self._steps.engine, "lk_codes_before", paths, base)

    def show(self, kind: Shelf, asked: Mapping[str, str], columns: Sequence[str] = ()) -> None:
        """Let ``lk_<kind>`` hold at least the rows with a key that one of the queries ``asked`` (rule to query) names."""
        steps, name = self._steps, f"lk_{kind.name}"
        if not has_shelves(steps.engine):
            return
        listed = tuple(columns or kind.columns)
        has_more = kind.name in self._later
        found = f"{name}_found" if has_more else name
        steps.timed(
            f"{name}_found",
            lambda: shelf.take(steps.engine, kind, self._previous, found, asked, listed),
        )
        steps.own(found)
        if has_more:
            told = ", ".join(listed)
            every = f"SELECT {told} FROM {name}_found UNION ALL SELECT {told} FROM {name}_later"
            steps.table(name, every)
            steps.drop(f"{name}_found")
