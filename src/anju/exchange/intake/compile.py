"""A contract compiled to SQL: one statement reads, checks and standardises every row of a file.

The input is a view ``raw`` with ``row_no`` and one text column ``f<i>`` per field that the file holds. Steps:
``t`` what is stated, ``v`` its canonical value, ``x`` whether it is faulty. The good rows make the batch; the
same steps name the faults of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from anju.exchange.contracts.model import ADDRESS_PARTS, Contract, Field
from anju.exchange.intake.forms import NUMBERS, Step, code_forms, steps
from anju.exchange.intake.macros import quoted
from anju.register import canon

NOTED = "noted"
_COLUMN = re.compile(r"\b[a-z]+\d+(?:_[a-z]+\d?)?\b")
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


@dataclass(frozen=True, slots=True)
class Statement:
    """The contract's SQL over ``raw``: ``good`` rows as a batch, and ``faults`` with one flag per check.

    ``checks`` names the flags in their order: field, reason, and whether it holds the row.
    """

    good: str
    faults: str
    checks: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What every row of a batch carries: dataset, batch id and the day the sender states."""

    id: str
    sent_on: date


def compiled(contract: Contract, present: frozenset[int], batch: Batch) -> Statement:
    """The statements for a file that holds the fields ``present`` (numbers in the contract's order)."""
    checks = list(_checks(contract, present, batch))
    held = " OR ".join(f"x{n}" for n, check in enumerate(checks) if check.holds) or "FALSE"
    flags = {f"x{n}": f"coalesce({check.sql}, FALSE)" for n, check in enumerate(checks)}
    noted = " + ".join(
        f"(x{n}::UBIGINT << {check.field})" for n, check in enumerate(checks) if not check.holds
    )
    columns = ", ".join(f'{e} AS "{name}"' for name, e in _columns(contract, present, batch).items())
    good = f"SELECT {columns}, {noted or '0'}::UBIGINT AS {NOTED}"
    flagged = ", ".join(flags) or "FALSE"
    faults = f"SELECT row_no, {_record_id(contract)} AS record_id, {flagged}"
    named = tuple((contract.fields[c.field].name, c.code, c.holds) for c in checks)
    chain = [*_readings(contract), Step(flags)]
    return Statement(
        f"{good} FROM ({_chained(contract, present, chain, good + ' ' + held)}) x WHERE NOT ({held})",
        f"{faults} FROM ({_chained(contract, present, chain, faults)}) x",
        named,
    )


@dataclass(frozen=True, slots=True)
class _Check:
    field: int
    code: str
    holds: bool
    sql: str


def _readings(contract: Contract) -> list[Step]:
    """The fields' steps side by side: from ``t<i>`` stated text to ``v<i>`` value and the parts of addresses."""
    readers = [steps(i, field) for i, field in enumerate(contract.fields)]
    merged = []
    for n in range(max(len(reader) for reader in readers)):
        now = [reader[n] for reader in readers if n < len(reader)]
        columns = {name: e for step in now for name, e in step.columns.items()}
        merged.append(Step(columns, "".join(step.joins for step in now)))
    return merged


def _chained(contract: Contract, present: frozenset[int], chain: list[Step], final: str) -> str:
    """The steps nested, each carrying only what a later one or ``final`` reads: short plans are quick to make."""
    kept: list[tuple[list[str], Step]] = []
    needed = _names(final)
    for step in reversed(chain):
        columns = {name: e for name, e in step.columns.items() if name in needed}
        carried = needed - set(columns)
        needed = carried | _names(" ".join([*columns.values(), step.joins]))
        kept.append((sorted(carried), Step(columns, step.joins)))
    stated = [
        f"nullif(tidy(f{i}), '') AS t{i}" if i in present else f"NULL::VARCHAR AS t{i}"
        for i in range(len(contract.fields))
        if f"t{i}" in needed
    ]
    sql = f"SELECT {', '.join(['row_no', *stated])} FROM raw"
    made = {"row_no"} | {f"t{i}" for i in range(len(contract.fields))}
    for carried_names, step in reversed(kept):
        old = [f"s.{name}" for name in carried_names if name in made]
        new = [f"{e} AS {name}" for name, e in step.columns.items()]
        made |= set(step.columns)
        if new:
            sql = f"SELECT {', '.join(['s.row_no', *(o for o in old if o != 's.row_no'), *new])} FROM ({sql}) s{step.joins}"
    return sql


def _names(sql: str) -> set[str]:
    """Step columns that a piece of SQL may read; joined tables' names are among them and do no harm."""
    return set(_COLUMN.findall(_LITERAL.sub("", sql)))


def _checks(contract: Contract, present: frozenset[int], batch: Batch) -> Iterator[_Check]:
    """A value is faulty when something is stated and nothing could be read; a word for *nothing* is no fault."""
    for i, field in enumerate(contract.fields):
        if i not in present:
            continue
        unread = f"v{i} IS NULL" if field.type not in FREE else f"(v{i} IS NULL OR null_word(t{i}))"
        empty = f"(t{i} IS NULL OR null_word(t{i}))"
        unknown = (
            [form for form, code in code_forms(field).items() if code is None] if field.type == "code" else []
        )
        blank = f"{empty} OR t{i} IN ({', '.join(map(quoted, unknown))})" if unknown else empty
        if field.required:
            yield _Check(i, "missing", True, f"CASE WHEN {unread} THEN {empty} END")
        lunar = f" AND m{i} IS NULL" if field.may_be_lunar else ""
        yield _Check(
            i, _reason(field), field.fault == "hold", f"CASE WHEN {unread}{lunar} THEN NOT ({blank}) END"
        )
        if field.type == "address":
            parts = " AND ".join(f"t{i}_{p} IS NULL" for p in ("street", "number", "building", "room"))
            yield _Check(i, "address_without_street", False, f"CASE WHEN {parts} THEN NOT {empty} END")
        if "person.born_on" in field.to:
            yield _Check(i, "in_future", True, f"v{i} > DATE '{batch.sent_on}'")
    yield from _order_checks(contract, present)


def _reason(field: Field) -> str:
    return "number" if field.type in NUMBERS else field.type


def _order_checks(contract: Contract, present: frozenset[int]) -> Iterator[_Check]:
    by_target = {t: i for i, f in enumerate(contract.fields) if i in present for t in f.to}
    seen: set[int] = set()
    for aspect in contract.aspects:
        for first, last, sign in PAIRS:
            a, b = by_target.get(f"{aspect}.{first}"), by_target.get(f"{aspect}.{last}")
            if a is not None and b is not None and b not in seen:
                seen.add(b)
                yield _Check(b, "ends_before_it_begins", True, f"v{b} {sign} v{a}")


def _record_key(contract: Contract) -> str:
    return " || '|' || ".join(f"t{contract.names.index(k)}" for k in contract.key)


def _record_id(contract: Contract) -> str:
    return f"('0x' || left(md5({quoted(contract.id + '|')} || {_record_key(contract)}), 16))::UBIGINT"


def _columns(contract: Contract, present: frozenset[int], batch: Batch) -> dict[str, str]:
    """The columns of a batch in order: those of ``canon.RECORD``, then the contract's canonical columns."""
    sent = f"DATE '{batch.sent_on}'"
    gone = "FALSE"
    if contract.deleted:
        field, values = contract.deleted
        listed = ", ".join(quoted(v) for v in sorted(values))
        gone = f"coalesce(v{contract.names.index(field)} IN ({listed}), FALSE)"
    columns = {
        "record_id": _record_id(contract),
        "dataset": quoted(contract.id),
        "record_key": _record_key(contract),
        "batch": quoted(batch.id),
        "row_no": "row_no::UINTEGER",
        "sent_on": sent,
        "observed_on": f"coalesce(v{contract.names.index(contract.observed)}, {sent})",
        "is_deleted": gone,
    }
    filled = _filled(contract)
    for name in contract.columns():
        columns[name] = f"({filled[name]})::{canon.column(name).type}"
    return columns


def _filled(contract: Contract) -> dict[str, str]:
    """What fills each canonical column; a stated region yields to a finer one read from the address."""
    filled = {column: quoted(str(value)) for column, value in contract.constants.items()}
    for i, field in enumerate(contract.fields):
        if field.type == "address":
            filled |= {f"{target}.{part}": f"t{i}_{part}" for target in field.to for part in ADDRESS_PARTS}
    for i, field in enumerate(contract.fields):
        for target in field.to if field.type != "address" else ():
            if target.endswith(".region") and target in filled:
                a = filled[target]
                filled[target] = f"CASE WHEN v{i} IS NULL OR starts_with({a}, v{i}) THEN {a} ELSE v{i} END"
                continue
            blank = f"CASE WHEN NOT null_word(t{i}) THEN v{i} END"
            filled[target] = blank if field.type in FREE else f"v{i}"
            if target == "person.citizen_no":
                filled["person.citizen_no_stated"] = (
                    f"CASE WHEN v{i} IS NULL AND NOT null_word(t{i}) THEN c{i} END"
                )
            if field.may_be_lunar and target == "person.born_on":
                filled["person.born_lunar_on"] = f"m{i}"
    return filled
