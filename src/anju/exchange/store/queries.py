"""Reads of the exchange: batches, held rows, the error report, how standard the data are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from anju.exchange.contracts import Contract, find_contract, get_contract, list_contracts
from anju.exchange.intake.compile import unread
from anju.exchange.store.models import Batch, HeldRow
from anju.kernel.home import home
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.register.store.queries import Page


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One accepted batch as a run reads it; ``path`` is absolute."""

    id: str
    dataset: str
    path: Path
    sent_on: date
    accepted_at: datetime
    rows: int
    contract_version: str


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One batch in a list."""

    id: str
    dataset: str
    name: str
    sent_on: date
    accepted_at: datetime
    rows: int
    held_open: int
    held_total: int
    overdue: int = 0
    """Of the open ones, how many wait longer than the dataset's cycle."""


@dataclass(frozen=True, slots=True)
class FieldFigure:
    """How one field came in: stated, of these standard, held back, noted as unreadable."""

    field: str
    stated: int
    standard: int
    held: int
    noted: int

    @property
    def share(self) -> float | None:
        """Standard among stated."""
        return self.standard / self.stated if self.stated else None


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """One batch, with its receipt and the figures of its fields."""

    id: str
    dataset: str
    name: str
    format: str
    encoding: str
    sent_on: date
    accepted_at: datetime
    accepted_by: str
    contract_version: str
    sha256: str
    rows_read: int
    rows: int
    held_open: int
    held_total: int
    receipt: str
    fields: tuple[FieldFigure, ...]

    @property
    def noted(self) -> int:
        """Values of accepted rows that could not be read; the error report lists their rows, too."""
        return sum(figure.noted for figure in self.fields)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a held row: the header as sent, the reason's code, and both in words (``zh`` and ``en``)."""

    field: str
    code: str

    @property
    def told(self) -> dict[str, str]:
        """Why, in both languages."""
        from anju.exchange.intake import report  # reads files: what only asks for batches starts without it

        return {"zh": report.reason(self.code, "zh"), "en": report.reason(self.code, "en")}

    @property
    def remedy(self) -> dict[str, str]:
        """What the sender can do, in both languages."""
        from anju.exchange.intake import report

        return {"zh": report.remedy(self.code, "zh"), "en": report.remedy(self.code, "en")}


@dataclass(frozen=True, slots=True)
class HeldLine:
    """One held row with its faults, and how it ended."""

    row_no: int
    faults: tuple[Fault, ...]
    state: str
    since: datetime
    ended_at: datetime | None
    ended_by: str
    reason: str
    overdue_days: int = 0
    """For an open row: days beyond the dataset's cycle, in which it should have come back."""


def accepted_batches(dataset: str | None = None) -> tuple[BatchFile, ...]:
    """Accepted batches in the order in which later rows replace earlier ones: by day, then by acceptance."""
    rows = Batch.objects.order_by("sent_on", "accepted_at", "id")
    if dataset:
        rows = rows.filter(dataset=dataset)
    return tuple(
        BatchFile(
            b.id, b.dataset, home() / b.path, b.sent_on, b.accepted_at, b.rows_accepted, b.contract_version
        )
        for b in rows.only(
            "id", "dataset", "path", "sent_on", "accepted_at", "rows_accepted", "contract_version"
        )
    )


def batch_paths() -> Iterator[Path]:
    """Where every accepted batch must lie."""
    return (home() / path for path in Batch.objects.values_list("path", flat=True).iterator())


def known_digests() -> frozenset[str]:
    """SHA-256 of every file that was accepted."""
    return frozenset(Batch.objects.values_list("sha256", flat=True).iterator())


def find_by_sha256(sha256: str) -> BatchLine | None:
    """The batch made of a file with this digest, or None."""
    row = Batch.objects.filter(sha256=sha256).first()
    return _line(row, {}) if row else None


SORTS = {
    "accepted_at": ("accepted_at", "id"),
    "sent_on": ("sent_on", "id"),
    "dataset": ("dataset", "id"),
    "rows": ("rows_accepted", "id"),
    "held": ("rows_held", "id"),
}


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose batches a list is of. None: no bound on that side. ``is_waiting``: only those with rows that wait still."""

    account: str | None = None
    datasets: tuple[str, ...] | None = None
    is_waiting: bool = False


ANYBODY = Sender()
_ID = re.compile(r"[\w-]{1,60}", re.ASCII)


def _sent_by(sender: Sender) -> QuerySet[Batch]:
    rows = Batch.objects.all()
    if sender.account is not None:
        rows = rows.filter(accepted_by=sender.account)
    return rows if sender.datasets is None else rows.filter(dataset__in=sender.datasets)


def list_batches(
    dataset: str | None = None,
    after: str | None = None,
    limit: int = 50,
    sort: str = "-accepted_at",
    now: datetime | None = None,
    sender: Sender = ANYBODY,
) -> Page[BatchLine]:
    """Batches by ``sort`` (a leading ``-``: descending), paged by key; the newest first unless asked otherwise.

    ``after``: the last batch of the page before; refuses what is no batch of this list. ``now``: the instant at which
    held rows are overdue or not; without it none is.
    """
    is_down = sort.startswith("-") or sort.lstrip("-") not in SORTS
    column, tie = SORTS.get(sort.lstrip("-"), SORTS["accepted_at"])
    mark, beyond = ("-", "lt") if is_down else ("", "gt")
    rows = _sent_by(sender).order_by(f"{mark}{column}", f"{mark}{tie}").defer("receipt", "fields", "headers")
    if dataset:
        rows = rows.filter(dataset=dataset)
    if after:
        last = rows.filter(id=after).values_list(column, flat=True).first() if _ID.fullmatch(after) else None
        if last is None:
            raise Refusal("intake.bad_page")
        rows = rows.filter(
            Q(**{f"{column}__{beyond}": last}) | Q(**{column: last, f"{tie}__{beyond}": after})
        )
    if sender.is_waiting:
        rows = rows.filter(Exists(HeldRow.objects.filter(batch_id=OuterRef("id"), state="open")))
    found = list(rows[: limit + 1])
    waiting = _open([b.id for b in found[:limit]], now)
    return Page(
        tuple(_line(b, waiting) for b in found[:limit]), found[limit - 1].id if len(found) > limit else None
    )


def _open(batches: list[str], now: datetime | None = None) -> dict[str, tuple[int, int]]:
    """Batch -> how many rows are open, and how many of them overdue."""
    late = Q(pk__isnull=True)
    for contract in list_contracts() if now else ():
        late |= Q(dataset=contract.id, since__lt=now - timedelta(days=contract.cycle_days))
    rows = HeldRow.objects.filter(batch_id__in=batches, state="open").values_list("batch_id")
    return {batch: (n, m) for batch, n, m in rows.annotate(still=Count("id"), late=Count("id", filter=late))}


def _line(b: Batch, waiting: dict[str, tuple[int, int]]) -> BatchLine:
    still, overdue = waiting.get(b.id, (0, 0))
    return BatchLine(
        b.id, b.dataset, b.file_name, b.sent_on, b.accepted_at, b.rows_accepted, still, b.rows_held, overdue
    )


def get_batch(batch: str) -> BatchDetail:
    """One batch; refuses an unknown one."""
    b = Batch.objects.filter(id=batch).first()
    if b is None:
        raise Refusal("intake.no_batch", batch=batch)
    contract = find_contract(b.dataset)
    # PostgreSQL keeps an object's keys by their length: here they stand as in the contract again.
    names = (*(n for n in contract.names if n in b.fields), *b.fields) if contract else tuple(b.fields)
    figures = tuple(
        FieldFigure(f, c["stated"], c["standard"], c["held"], c["noted"])
        for f, c in ((name, b.fields[name]) for name in dict.fromkeys(names))
    )
    return BatchDetail(
        b.id, b.dataset, b.file_name, b.format, b.encoding, b.sent_on, b.accepted_at, b.accepted_by, b.contract_version,
        b.sha256, b.rows_read, b.rows_accepted, _open([b.id]).get(b.id, (0, 0))[0], b.rows_held, b.receipt, figures,
    )  # fmt: skip


def list_held(
    batch: str,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
    now: datetime | None = None,
) -> Page[HeldLine]:
    """Held rows of a batch in the order of the file; at ``now`` some of the open ones are overdue."""
    rows = HeldRow.objects.filter(batch_id=batch).order_by("row_no")
    if state:
        rows = rows.filter(state=state)
    if (last := whole(after)) is not None:
        rows = rows.filter(row_no__gt=last)
    found = list(rows[: limit + 1])
    lines = tuple(
        HeldLine(
            r.row_no,
            tuple(Fault(f, c) for f, c in r.faults),
            r.state,
            r.since,
            r.ended_at,
            r.ended_by,
            r.reason,
            _overdue(r, now),
        )
        for r in found[:limit]
    )
    return Page(lines, str(found[limit - 1].row_no) if len(found) > limit else None)


def _overdue(row: HeldRow, now: datetime | None) -> int:
    contract = find_contract(row.dataset)
    if now is None or contract is None or row.state != "open":
        return 0
    return max(0, (now - row.since).days - contract.cycle_days)


def held_path(batch: str) -> Path:
    """Where the text of a batch's held rows lies, for its owner alone."""
    return home() / "lake" / "held" / f"{batch}.parquet"


MOST_NOTED = 20_000
"""Rows with an unread value that one error report lists: a workbook of more is hard to open."""


def error_report(batch: str) -> bytes:
    """XLSX in the layout that was sent: the open held rows, then the rows that were taken in without an unread value."""
    from anju.exchange.intake.report import ReportRow, workbook

    row = Batch.objects.filter(id=batch).only("dataset", "headers", "path").first()
    if row is None:
        raise Refusal("intake.no_batch", batch=batch)
    contract = get_contract(row.dataset)
    open_rows = HeldRow.objects.filter(batch_id=batch, state="open").values_list("row_no", "faults")
    faults = {row_no: tuple((f, c) for f, c in said) for row_no, said in open_rows}
    held = set(faults)
    faults |= _noted(home() / row.path, contract)
    path, width = held_path(batch), len(row.headers)
    told = (
        pq.read_table(path, filters=[("row_no", "in", list(faults))]) if faults and path.is_file() else None
    )
    cells = [] if told is None else zip(*(told[name].to_pylist() for name in told.column_names), strict=True)
    body = [ReportRow(c[width], c[:width], faults[c[width]], c[width] in held) for c in cells]
    body.sort(key=lambda r: (not r.is_held, r.row_no))
    return workbook(contract, tuple(row.headers), batch, body)


def _noted(path: Path, contract: Contract) -> dict[int, tuple[tuple[str, str], ...]]:
    """Rows of a batch with values that could not be read: field and reason of each."""
    rows = pq.read_table(path, columns=["row_no", "noted"], filters=[("noted", ">", 0)])[
        :MOST_NOTED
    ].to_pylist()
    said = [
        (1 << i, (field.name, "address_without_street" if field.type == "address" else unread(field)))
        for i, field in enumerate(contract.fields)
    ]  # fmt: skip
    return {row["row_no"]: tuple(told for bit, told in said if row["noted"] & bit) for row in rows}


def held_states() -> dict[str, int]:
    """How many held rows are open, fixed, followed in a later batch, waived."""
    rows = HeldRow.objects.values_list("state").annotate(Count("id"))
    return {"open": 0, "fixed": 0, "again": 0, "waived": 0} | dict(rows)


def standardisation() -> dict[str, dict[str, dict[str, int]]]:
    """Dataset -> field -> stated and standard, over all accepted batches."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for dataset, fields in Batch.objects.values_list("dataset", "fields").iterator():
        for name, counts in fields.items():
            kept = found.setdefault(dataset, {}).setdefault(name, {"stated": 0, "standard": 0})
            kept["stated"] += counts["stated"]
            kept["standard"] += counts["standard"]
    return found
