"""Which columns of two lists say the same; a name that one list has in two columns and the other in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anju.exchange.linkage.columns import KNOWN, ListColumn
from anju.exchange.linkage.guess import Guess
from anju.jobs.pipeline.lists.reading import ListFile


def aligned(
    taken: Sequence[ListFile], found: Sequence[Sequence[Guess]]
) -> tuple[list[ListColumn], list[dict[int, str]]]:
    """The compared columns, and for each and each file that has it the SQL of its cell: the same heading and kind, else the
    next of the kind."""
    columns: list[ListColumn] = []
    cells: list[dict[int, str]] = []
    one_name = any(_has(g, "name") and not _has(g, "surname") for g in found)
    for file, guesses in zip(taken, found, strict=True):
        held = [(f"h{i}", g) for i, g in enumerate(guesses) if g.kind != "ignore"]
        if (
            one_name
            and _has(guesses, "given_name")
            and _has(guesses, "surname")
            and not _has(guesses, "name")
        ):
            held = _joined(held)
        for exact in (True, False):
            for cell, g in list(held):
                kind = g.kind if g.kind in KNOWN else "text"
                fits = [
                    n
                    for n, c in enumerate(columns)
                    if c.kind == kind
                    and file.no not in cells[n]
                    and (c.source.lower() == g.heading.lower() or not exact)
                ]
                if fits:
                    cells[fits[0]][file.no] = cell
                elif not exact or not file.no:
                    columns.append(ListColumn(f"c{len(columns)}", g.heading, kind))
                    cells.append({file.no: cell})
                else:
                    continue
                held.remove((cell, g))
    return columns, cells


def _has(guesses: Sequence[Guess], kind: str) -> bool:
    return any(g.kind == kind for g in guesses)


def _joined(held: list[tuple[str, Guess]]) -> list[tuple[str, Guess]]:
    """A given name and a surname as the one name that the other list has."""
    given, surname = (next(x for x in held if x[1].kind == kind) for kind in ("given_name", "surname"))
    whole = f"nullif(concat_ws(' ', {given[0]}, {surname[0]}), '')"
    named = replace(given[1], heading=f"{given[1].heading} {surname[1].heading}", kind="name")
    return [(whole, named), *(x for x in held if x not in (given, surname))]
