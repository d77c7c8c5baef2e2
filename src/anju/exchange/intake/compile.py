"""A contract compiled to SQL in two parts.

A *reading* is about the text of one field: SQL over the table ``cells`` (one column ``f0``) that says, text by text
and in their order, what is meant and what is wrong. Texts repeat from row to row, so a reading is asked about
distinct ones, and fields that are read alike share it. What takes more than one field of a row - its key, the days
in their order - is one short statement over what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from anju.exchange.contracts.model import ADDRESS_PARTS, Contract, Field
from anju.exchange.intake.forms import NUMBERS, Step, code_forms, longest, steps
from anju.exchange.intake.macros import NO_DAYS
from anju.kernel.engine import literal
from anju.register import canon

NOTED = "noted"
_COLUMN = re.compile(r"\b[a-z]+\d+(?:_[a-z]+\d?)?\b")
_NUMBER = re.compile(r"\d+")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
PAIRS = (
    ("begin_on", "end_on", "<="),
    ("from_month", "to_month", "<="),
    ("opened_on", "closed_on", "<"),
    ("issued_on", "valid_until", "<"),
)
"""Columns of one aspect where the second may not come before the first; ``<=`` for half-open periods."""

FREE = frozenset({"text", "name", "address"})
"""Types for which a word that means *nothing stated* would read as a value."""

ROUNDED = frozenset({"text", "citizen_no", "credit_code", "phone"})
"""Types whose long numbers a spreadsheet rounds."""

UNLIKE = frozenset({"text", "phone", "decimal", "citizen_no", "address"})
"""Types whose texts hardly repeat: looking for the distinct ones costs more than it saves."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be wrong with a field; ``holds``: it keeps the row back, else it is noted."""

    field: int
    code: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts of one type are read: ``sql`` over ``cells`` gives the columns ``gives``, and ``faults`` as bits.

    Of a day: ``day_after`` if the one after what is stated is kept, ``latest`` the last one without fault.
    """

    type: str
    sql: str
    gives: tuple[str, ...]
    day_after: bool = False
    latest: date | None = None

    @property
    def repeats(self) -> bool:
        """Whether such texts come again and again, so that it pays to read distinct ones."""
        return self.type not in UNLIKE


@dataclass(frozen=True, slots=True)
class Plan:
    """A contract's SQL for a file that holds some of its fields.

    ``readings`` with the fields that share each; their outputs are called ``v3``, ``t5_street`` in a row. ``row`` is
    SQL over the table ``cells`` of the outputs ``row_reads``: it gives the columns ``row_gives``, then a flag ``x<n>``
    per fault of ``orders``. ``columns`` says what fills each column of the batch: an output, or one of ``row_gives``.
    """

    readings: Mapping[Reading, tuple[int, ...]]
    faults: Mapping[int, tuple[Fault, ...]]
    columns: Mapping[str, str]
    row: str
    row_reads: tuple[str, ...]
    row_gives: tuple[str, ...]
    orders: tuple[Fault, ...]


def compiled(contract: Contract, present: frozenset[int], sent_on: date, today: date | None = None) -> Plan:
    """The plan for a file that holds the fields ``present`` (numbers in the contract's order).

    No day of which the sender says that it has come may lie after ``sent_on`` and ``today``, whichever is later.
    """
    come = max(sent_on, today or sent_on)
    columns = _filled(contract)
    made = _of_record(contract, sent_on)
    made |= {c: f"({e})::{canon.column(c).type}" for c, e in columns.items() if not _COLUMN.fullmatch(e)}
    orders = list(_orders(contract, present))
    told = [f'{e} AS "{c}"' for c, e in made.items()] + [f"{e} AS x{n}" for n, (_, e) in enumerate(orders)]
    row = ", ".join(told)
    reads = {name for name in _names(row) if not name.startswith("x")}
    needed = reads | {e for e in columns.values() if _COLUMN.fullmatch(e)}
    readings: dict[Reading, tuple[int, ...]] = {}
    for i in sorted(present):
        outputs = sorted(placed(name, 0) for name in needed if _number(name) == i)
        reading = _reading(contract, contract.fields[i], tuple(outputs), come)
        readings[reading] = (*readings.get(reading, ()), i)
    absent = {name for name in reads if _number(name) not in present}
    return Plan(
        readings,
        {
            i: tuple(fault for fault, _ in _checks(i, contract, contract.fields[i], come))
            for i in sorted(present)
        },
        {c: c if c in made else e for c, e in columns.items()},
        f"SELECT {_COLUMN.sub(lambda m: 'NULL' if m[0] in absent else m[0], row)} FROM cells",
        tuple(sorted(reads - absent)),
        tuple(made),
        tuple(fault for fault, _ in orders),
    )


def placed(output: str, field: int) -> str:
    """The name in a row of what a reading gives: ``t0_street`` of field 5 is ``t5_street``."""
    return _NUMBER.sub(str(field), output, count=1)


def _number(name: str) -> int:
    found = _NUMBER.search(name)
    return int(found[0]) if found else -1


def _reading(contract: Contract, field: Field, outputs: tuple[str, ...], come: date) -> Reading:
    """One field read from ``t0`` stated text to its outputs, each step carrying only what a later one reads."""
    kind = canon.column(field.to[0]).type if field.to and field.type != "address" else ""
    bits = [
        f"coalesce({e}, FALSE)::UTINYINT * {1 << n}"
        for n, (_, e) in enumerate(_checks(0, contract, field, come))
    ]
    listed = [
        f"{_output(name, field)}{f'::{kind}' if kind and name in {'v0', 'm0'} else ''} AS {name}"
        for name in outputs
    ]
    final = ", ".join([*listed, f"({' + '.join(bits) or '0'})::UTINYINT AS faults"])
    kept: list[tuple[set[str], Step]] = []
    needed = _names(final)
    for step in reversed(steps(0, field)):
        columns = {name: e for name, e in step.columns.items() if name in needed}
        carried = needed - set(columns)
        needed = carried | _names(" ".join([*columns.values(), step.joins]))
        kept.append((carried, Step(columns, step.joins)))
    made, sql = {"t0"}, "SELECT nullif(tidy(f0), '') AS t0 FROM (SELECT unmarked(f0) AS f0 FROM cells) c"
    for carried, step in reversed(kept):
        if step.columns:
            listed = [f"s.{name}" for name in sorted(carried & made)]
            listed += [f"{e} AS {name}" for name, e in step.columns.items()]
            made |= set(step.columns)
            sql = f"SELECT {', '.join(listed)} FROM ({sql}) s{step.joins}"
    told = f"SELECT {final} FROM ({sql}) s"
    after = field.inclusive and not field.may_be_lunar
    return Reading(field.type, told, outputs, after, _latest(contract, field, come))


def _output(name: str, field: Field) -> str:
    if name == "b0":
        return "CASE WHEN NOT null_word(t0) THEN v0 END"
    if name == "s0":
        return "CASE WHEN v0 IS NULL AND NOT null_word(t0) AND NOT is_rounded(t0) THEN c0 END"
    return name


def _names(sql: str) -> set[str]:
    """Step columns that a piece of SQL may read; joined tables' names are among them and do no harm."""
    return set(_COLUMN.findall(_LITERAL.sub("", sql)))


def _checks(i: int, contract: Contract, field: Field, come: date) -> Iterator[tuple[Fault, str]]:
    """A value is faulty when something is stated and nothing could be read; a word for *nothing* is no fault."""
    nothing = "v0 IS NULL" if field.type not in FREE else "(v0 IS NULL OR null_word(t0))"
    empty = "(t0 IS NULL OR null_word(t0))"
    unknown = [*NO_DAYS] if field.type in {"date", "month"} else []
    if field.type == "code":
        unknown = [form for form, code in code_forms(field).items() if code is None]
    blank = f"{empty} OR t0 IN ({', '.join(map(literal, unknown))})" if unknown else empty
    if field.type == "name":
        blank = f"({empty} OR names_nobody(t0))"
    if field.type in ROUNDED:
        blank = f"{blank} OR is_rounded(t0)"
        yield Fault(i, "rounded", field.fault == "hold"), "is_rounded(t0)"
    if field.required:
        none = blank if field.type in {"date", "month"} else empty
        yield Fault(i, "missing", True), f"CASE WHEN {nothing} THEN {none} END"
        if field.type == "name":
            yield Fault(i, "nobody", True), f"CASE WHEN {nothing} THEN names_nobody(t0) END"
    if field.type in {"text", "address"}:
        yield Fault(i, "too_long", field.fault == "hold"), f"length(t0) > {longest(field)}"
        blank = f"{blank} OR length(t0) > {longest(field)}"
    lunar = " AND m0 IS NULL" if field.may_be_lunar else ""
    yield Fault(i, unread(field), field.fault == "hold"), f"CASE WHEN {nothing}{lunar} THEN NOT ({blank}) END"
    if field.type == "address":
        parts = " AND ".join(f"t0_{p} IS NULL" for p in ("street", "number", "building", "room"))
        yield Fault(i, "address_without_street", False), f"CASE WHEN {parts} THEN NOT {empty} END"
    if latest := _latest(contract, field, come):
        yield Fault(i, "in_future", True), f"v0 > DATE '{latest}'"


def _latest(contract: Contract, field: Field, come: date) -> date | None:
    """The last day a field may state, of those that say what has come already."""
    if "person.born_on" in field.to:
        return come
    # Who states the newest day is believed; it may be the sender's tomorrow already, not a year that has not come.
    return come + timedelta(days=1) if field.name == contract.observed else None


def unread(field: Field) -> str:
    """The code of a stated value of the field that cannot be read."""
    return "number" if field.type in NUMBERS else field.type


def _orders(contract: Contract, present: frozenset[int]) -> Iterator[tuple[Fault, str]]:
    by_target = {t: i for i, f in enumerate(contract.fields) if i in present for t in f.to}
    seen: set[int] = set()
    for aspect in contract.aspects:
        for first, last, sign in PAIRS:
            a, b = by_target.get(f"{aspect}.{first}"), by_target.get(f"{aspect}.{last}")
            if a is not None and b is not None and b not in seen:
                seen.add(b)
                yield Fault(b, "ends_before_it_begins", True), f"coalesce(v{b} {sign} v{a}, FALSE)"


def _of_record(contract: Contract, sent_on: date) -> dict[str, str]:
    """The columns of ``canon.RECORD`` that differ from row to row."""
    key = " || '|' || ".join(f"t{contract.names.index(k)}" for k in contract.key)
    gone = "FALSE"
    if contract.deleted:
        field, values = contract.deleted
        listed = ", ".join(literal(v) for v in sorted(values))
        gone = f"coalesce(v{contract.names.index(field)} IN ({listed}), FALSE)"
    return {
        "record_id": f"record_hash({literal(contract.id + '|')} || {key})",
        "record_key": key,
        "observed_on": f"coalesce(v{contract.names.index(contract.observed)}, DATE '{sent_on}')",
        "is_deleted": gone,
    }


def _filled(contract: Contract) -> dict[str, str]:
    """What fills each canonical column; a stated region yields to a finer one read from the address.

    ``b<i>`` is a free text unless it is a word for *nothing*, ``s<i>`` a citizen number as stated that fails its check.
    """
    filled: dict[str, str] = {}
    for i, field in enumerate(contract.fields):
        if field.type == "address":
            filled |= {f"{target}.{part}": f"t{i}_{part}" for target in field.to for part in ADDRESS_PARTS}
    for i, field in enumerate(contract.fields):
        for target in field.to if field.type != "address" else ():
            if target.endswith(".region") and target in filled:
                a = filled[target]
                filled[target] = f"CASE WHEN v{i} IS NULL OR starts_with({a}, v{i}) THEN {a} ELSE v{i} END"
                continue
            filled[target] = f"b{i}" if field.type in FREE else f"v{i}"
            if target == "person.citizen_no":
                filled["person.citizen_no_stated"] = f"s{i}"
            if field.may_be_lunar and target == "person.born_on":
                filled["person.born_lunar_on"] = f"m{i}"
    return filled
