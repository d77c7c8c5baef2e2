"""One page of any list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; hand ``next_after`` back as ``after`` for the next one (None: no more)."""

    rows: tuple[T, ...]
    next_after: str | None
