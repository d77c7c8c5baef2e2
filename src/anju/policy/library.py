"""The register's people as policies read them. Handed in from outside: this room opens no engine and knows no library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date

from anju.kernel.engine import Engine
from anju.policy.facts_file import PersonFacts
from anju.policy.model import Programme


@dataclass(frozen=True, slots=True)
class People:
    """Everyone who lives here: the table to read, its columns, facts no dataset gives, how many rows."""

    engine: Engine
    source: str
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    people: int


EVERYONE: Callable[[Sequence[Programme], date], AbstractContextManager[People]] | None = None
PREPARING: Callable[[Programme, date], int | None] | None = None
PERSON: Callable[[str, Programme, date], PersonFacts] | None = None


def everyone(programmes: Sequence[Programme], on: date) -> AbstractContextManager[People]:
    """Everyone's facts as of the cut-off of ``on``; the table lives as long as the context."""
    if EVERYONE is None:
        raise RuntimeError("nobody handed in how to open the library")
    return EVERYONE(programmes, on)


def preparing(programme: Programme, on: date) -> int | None:
    """How far everyone's facts are worked out, in percent, where that takes a while; None when they can be had."""
    return PREPARING(programme, on) if PREPARING else None


def person(code: str, programme: Programme, on: date) -> PersonFacts:
    """One person's facts as of the cut-off of ``on``. Refuses an unknown code."""
    if PERSON is None:
        raise RuntimeError("nobody handed in how to open the library")
    return PERSON(code, programme, on)
