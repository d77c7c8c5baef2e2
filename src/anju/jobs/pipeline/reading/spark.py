"""Intake on Spark: files, and pieces of large ones, spread over the executors; this process keeps the catalogue.

Executors read the senders' files and write a batch's parts into the lake, both under the path this process knows them by.
What they write counts for nothing, as ever, until this process has placed it and written the batch's row. A task that is
tried twice writes under two names.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from anju.jobs import engines
from anju.jobs.pipeline.reading import pieces, work
from anju.jobs.pipeline.reading.crew import Crew, opened_in
from anju.jobs.pipeline.reading.made import Asked, Made, Read, Told, parts_of
from anju.jobs.pipeline.reading.pieces import Cut, Part, Piece
from anju.jobs.scratch import place
from anju.kernel.refusal import Refusal

if TYPE_CHECKING:
    from anju.jobs.spark import SparkEngine

LOG = logging.getLogger(__name__)
MEMORY = "1GB"
"""What the engine inside one executor's Python may take."""
ERROR = 4_000
"""Characters of an executor's error that are logged: nothing of a row is there when it begins."""


@dataclass(frozen=True, slots=True)
class _No:
    """A refusal, or what broke a step (then ``where``, without a word of the row), on its way back from an executor."""

    code: str
    facts: dict[str, Any]
    where: str = ""
    is_foreseen: bool = True


class Executors:
    """Hands of a Spark session."""

    def __init__(self, engine: SparkEngine, scratch: Path) -> None:
        self.engine, self.scratch, self.piece = engine, scratch, pieces.PIECE
        self.lanes = max(4, 2 * engine.width)
        try:
            ready = engine.spread(_answered, [partial(_ready, scratch)] * engine.width)
        except (
            Exception
        ) as broken:  # their Python does not start, is another, or lacks Anju: py4j's and pyspark's errors
            LOG.error("executors: %s", str(broken)[:ERROR])
            raise Refusal("engines.executors_not_ready", reason=type(broken).__name__) from None
        _checked("", ready)

    def digest(self, path: Path) -> str:
        """A file's SHA-256, as hex. A small file's is here before a task for it would have begun."""
        if path.stat().st_size < self.piece:
            return work.digest_of(path)
        return str(self._one(path.name, partial(_digest, path.absolute())))

    def made(self, asked: Asked, digest: str, read: Read) -> Made:
        """A file's batch. What is refused of a piece is asked of the whole file: it is refused in the same words."""
        read(0)
        found = self._one(asked.name, partial(_begun, self.scratch, asked, digest, self.piece))
        if isinstance(found, Cut):
            try:
                return self._in_pieces(asked, digest, found)
            except Refusal:
                found = self._one(asked.name, partial(_whole, self.scratch, asked, digest))
        assert isinstance(found, Made)
        return found

    def leave(self) -> None:
        """Stop what is under way."""
        self.engine.session.sparkContext.cancelAllJobs()

    def _in_pieces(self, asked: Asked, digest: str, cut: Cut) -> Made:
        assert cut.found.contract is not None
        parts = self._pieces(asked, digest, cut, work.NO_ROWS)
        try:
            twice = self._one(asked.name, partial(pieces.twice_in, parts))
            if len(twice):
                pieces.clear(parts)
                parts = self._pieces(asked, digest, cut, twice)
            batch = f"{cut.found.contract.id}-{digest[:16]}"
            files = parts_of(asked, cut.found.contract, batch)
            told = work.made(cut.found, batch, pieces.told_by(parts), files)
            # The rows' texts stay here: an executor needs none of them to join files.
            bare = replace(told, told=Told())
            placed = self._one(asked.name, partial(_joined, bare, parts))
            return replace(told, parts=placed)
        finally:
            pieces.clear(parts)

    def _pieces(self, asked: Asked, digest: str, cut: Cut, twice: np.ndarray) -> list[Part]:
        steps = [partial(_done, self.scratch, asked, digest, cut, piece, twice) for piece in cut.pieces]
        answers = self.engine.spread(_answered, steps)
        parts = [answer for answer in answers if isinstance(answer, Part)]
        try:
            _checked(asked.name, answers)
        except Refusal:
            pieces.clear(parts)
            raise
        return parts

    def _one(self, name: str, step: Callable[[], Any]) -> Any:
        return _checked(name, self.engine.spread(_answered, [step]))[0]


def _checked(name: str, answers: list[Any]) -> list[Any]:
    """Answers of executors about the file ``name``. Raises the first refusal among them."""
    for no in (answer for answer in answers if isinstance(answer, _No)):
        if no.where:
            LOG.error("%s on an executor\n%s", no.facts["what"], no.where)
        raise Refusal(no.code, **(no.facts if no.is_foreseen else {"file": name, **no.facts}))
    return answers


@contextmanager
def opened() -> Iterator[Executors]:
    """A Spark session's executors. Refuses those that lack Anju or do not see its home."""
    with place("intake") as scratch:
        engine = engines.opened_spark(scratch / "spark")
        try:
            yield Executors(engine, scratch)
        finally:
            engine.close()


# What follows runs on executors, in a process that takes one task after the other.

_kept: dict[Path, tuple[AbstractContextManager[Crew], Crew]] = {}
"""The engine of this process, by the run it belongs to."""


def _crew(scratch: Path) -> Crew:
    if scratch not in _kept:
        for opening, _old in _kept.values():
            opening.__exit__(None, None, None)
        _kept.clear()
        opening = opened_in(scratch / f"{socket.gethostname()}-{os.getpid()}", MEMORY, 1)
        _kept[scratch] = opening, opening.__enter__()
    return _kept[scratch][1]


def _attempt() -> str:
    """Of a task that is tried twice each try has its own."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return f"-{context.taskAttemptId()}" if context else ""


def _answered(step: Callable[[], Any]) -> Any:
    """A step's answer, or why there is none: a task that raised would be tried again."""
    try:
        return step()
    except Refusal as refusal:
        return _No(refusal.code, dict(refusal.facts))
    except (MemoryError, duckdb.OutOfMemoryException):
        _kept.clear()
        return _No("intake.out_of_memory", {}, is_foreseen=False)
    except Exception as broken:
        # Where, not what: a message may quote the row.
        where = "".join(traceback.format_tb(broken.__traceback__))
        return _No("intake.not_read", {"what": type(broken).__name__}, where, is_foreseen=False)


def _ready(scratch: Path) -> None:
    if not scratch.is_dir():
        raise Refusal("engines.not_shared", folder=str(scratch.parents[1]), host=socket.gethostname())
    _crew(scratch)


def _digest(path: Path) -> str:
    if not path.exists():
        raise Refusal("engines.not_shared", folder=str(path.parent), host=socket.gethostname())
    return work.digest_of(path)


def _tried(asked: Asked) -> Asked:
    return replace(asked, token=asked.token + _attempt())


def _begun(scratch: Path, asked: Asked, digest: str, piece: int) -> Made | Cut:
    return pieces.begun(_crew(scratch), _tried(asked), digest, piece)


def _whole(scratch: Path, asked: Asked, digest: str) -> Made:
    return pieces.whole(_crew(scratch), _tried(asked), digest)


def _done(scratch: Path, asked: Asked, digest: str, cut: Cut, piece: Piece, twice: np.ndarray) -> Part:
    part = f"-{piece.number}{_attempt()}"
    return pieces.done(_crew(scratch), scratch, asked, digest, cut, piece, twice, part)


def _joined(made: Made, parts: Sequence[Part]) -> Any:
    return pieces.joined(made, parts, _attempt()).parts
