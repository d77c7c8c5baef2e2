"""One file on its way to a batch: the good rows into Parquet, the others into a file for their sender.

Free of Django and of the database: what is asked and what is made can be carried to another process and back. Nothing made
here counts until the one who asked has the files placed and the batch's row written, in one transaction.
"""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.exchange.contracts import Contract
from anju.exchange.intake.held import Held
from anju.exchange.intake.reading import Sniffed, rows, sniff
from anju.exchange.intake.report import reason
from anju.exchange.intake.standardise import Standardiser
from anju.jobs.pipeline.reading.crew import Crew
from anju.jobs.pipeline.reading.made import Asked, Made, Read, Told, discard, parts_of
from anju.jobs.pipeline.reading.writing import BatchFiles
from anju.kernel.refusal import Refusal

NO_ROWS = np.zeros(0, dtype=np.uint32)


def digest_of(path: Path) -> str:
    """A file's SHA-256, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recognised(asked: Asked) -> tuple[Sniffed, Contract]:
    """What a file is, and its contract. Refuses a dataset of another department than the sender's."""
    found = sniff(asked.path, asked.name, asked.dataset)
    contract = found.contract
    assert contract is not None
    if asked.department and asked.department != contract.department:
        raise Refusal("doors.dataset_out_of_scope", dataset=contract.id)
    return found, contract


class Work:
    """One recognised file, or a piece of one whose rows begin ``shift`` later, on its way to a batch.

    Its files count for nothing under their own names; ``part`` tells those of several pieces apart.
    """

    def __init__(
        self, crew: Crew, found: Sniffed, asked: Asked, digest: str, read: Read = lambda count: None, shift: int = 0,
        part: str = "",
    ) -> None:  # fmt: skip
        assert found.contract is not None
        self.crew, self.found, self.contract, self.read, self.shift = crew, found, found.contract, read, shift
        self.wanted = {f"f{number}": place for number, place in found.fields}
        self.batch = f"{self.contract.id}-{digest[:16]}"
        self.standard = Standardiser(self.contract, found.present, self.batch, asked.sent_on, asked.today)
        self.parts = parts_of(asked, self.contract, self.batch, part)
        self._ids: list[np.ndarray] = []

    def run(self) -> Made:
        """Write the files and tell what is in them; nothing stays of a file that is refused."""
        with leaving_nothing(self.parts, self.found.name):
            told = self.once(NO_ROWS)
            later = repeating(np.concatenate(self._ids) if self._ids else NO_ROWS)
            if len(later):
                # Rare: a key came twice, and the first of its rows is long written.
                good = next(iter(self.parts.values()))
                told = self.once(pq.read_table(good, columns=["row_no"])["row_no"].to_numpy()[later])
            return made(self.found, self.batch, told, self.parts)

    def once(self, twice: np.ndarray) -> Told:
        """Once over the file; rows numbered in ``twice`` repeat the key of an earlier one and are held."""
        told = Told()
        self._ids.clear()
        returned = dict(zip(("batch", "row"), self.found.returned or (), strict=False))
        stream = rows(self.found, self.wanted | returned)
        good, text = self.parts.values()
        with BatchFiles(good, text, len(self.found.headers)) as files:
            for chunk, one in self.crew.standardised(self.standard, self._metered(stream.batches), twice):
                files.add_good(one.good)
                files.add_text(one.text, self.wanted)
                told.good += len(one.good)
                self._ids.append(one.good["record_id"].combine_chunks().fill_null(0).to_numpy())
                told.held += [Held(*row) for row in one.held]
                told.standard.update(one.standard)
                told.noted.update(one.noted)
                if returned:
                    _answered(told, chunk, {row_no for row_no, _, _ in one.held})
            broken = {number + self.shift: text for number, text in stream.broken.items()}
            told.held += [Held(number, None, (("", "wrong_cells"),)) for number in broken]
            files.add_broken(broken)
        told.rows = stream.total
        return told

    def _metered(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.read(batch.nbytes)
            if self.shift:
                place = batch.schema.get_field_index("row_no")
                later = pc.add(batch["row_no"], pa.scalar(self.shift, pa.uint32()))
                batch = batch.set_column(place, batch.schema.field(place), later)
            yield batch


@contextmanager
def leaving_nothing(parts: Mapping[Path, Path], name: str) -> Iterator[None]:
    """What was written goes again when anything fails; a full disk is a refusal."""
    try:
        yield
    except OSError as failed:
        discard(parts)
        if failed.errno == errno.ENOSPC:
            raise Refusal("intake.disk_full", file=name) from failed
        raise
    except BaseException:
        discard(parts)
        raise


def repeating(ids: np.ndarray) -> np.ndarray:
    """Places of the rows whose record id an earlier one has; 0 is none."""
    ordered = np.sort(ids)
    if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] > 0)).any():
        return NO_ROWS
    later = ids > 0
    later[np.unique(ids, return_index=True)[1]] = False
    return np.flatnonzero(later)


def made(found: Sniffed, batch: str, told: Told, parts: Mapping[Path, Path]) -> Made:
    """The batch of a file that was read to its end. Refuses one without rows, or with too many faulty ones."""
    contract = found.contract
    assert contract is not None
    if told.rows == 0:
        raise Refusal("intake.empty", file=found.name)
    if len(told.held) != told.rows - told.good:
        raise AssertionError(f"rows lost on the way to {batch}")
    if len(told.held) > told.rows * contract.refuse_share:
        raise _too_many(found.name, told)
    return Made(
        batch, contract.id, contract.version, found.format, found.encoding, tuple(found.headers), told,
        _figures(contract, told), parts,
    )  # fmt: skip


def _figures(contract: Contract, told: Told) -> Mapping[str, Mapping[str, int]]:
    held = Counter(name for row in told.held for name in {f for f, _ in row.faults})
    figures = {}
    for number, standard in sorted(told.standard.items()):
        name, noted = contract.fields[number].name, told.noted[number]
        figures[name] = {
            "stated": standard + noted + held[name], "standard": standard, "held": held[name], "noted": noted,
        }  # fmt: skip
    return figures


def _too_many(name: str, told: Told) -> Refusal:
    counts = Counter(fault for row in told.held for fault in row.faults)
    listed = {
        f"faults_{language}": "; ".join(
            f"{field} {reason(code, language)} × {count}".strip()
            for (field, code), count in counts.most_common(3)
        )
        for language in ("zh", "en")
    }
    return Refusal("intake.too_many_held", file=name, held=len(told.held), rows=told.rows, **listed)


def _answered(told: Told, chunk: pa.RecordBatch, held: set[int]) -> None:
    """The rows of earlier batches that an error report names: answered by its good rows, repeated by its held ones."""
    cells = (chunk[name].to_pylist() for name in ("row_no", "batch", "row"))
    for row_no, batch, row in zip(*cells, strict=True):
        if batch and str(row or "").strip().isdigit():
            if row_no in held:
                told.again.append((batch.strip(), int(row), row_no))
            else:
                told.named.append((batch.strip(), int(row)))


class Here:
    """Hands of this process."""

    def __init__(self, crew: Crew, lanes: int = 1) -> None:
        self.crew, self.lanes = crew, lanes

    def digest(self, path: Path) -> str:
        """A file's SHA-256, as hex."""
        return digest_of(path)

    def made(self, asked: Asked, digest: str, read: Read) -> Made:
        """A file's batch, written whole."""
        return Work(self.crew, recognised(asked)[0], asked, digest, read).run()

    def leave(self) -> None:
        """Stop what is under way."""
        self.crew.is_leaving = True
