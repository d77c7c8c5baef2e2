"""A resolved library into PostgreSQL: what is new or no longer true, in one transaction that also finishes the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from anju.exchange.library import kept
from anju.exchange.linkage import state
from anju.jobs.pipeline import exports, linkage
from anju.kernel.home import lake


class Loaded(Protocol):
    """The run that is loaded: its number, its folder, what it found, who hears of each step."""

    run: int
    part: Path
    told: dict[str, Any]

    @property
    def tell(self) -> Callable[[str], None]:
        """Called with the name of each step."""
        ...


def load(
    exporter: exports.Exporter, run: Loaded, targets: Iterator[Any], stood: kept.Before | None = None
) -> dict[str, int] | None:
    """Everything that changed into PostgreSQL, and the run finished, in one transaction.

    A first load opens the cases of contradictions at once, while people are still resolved, and returns their number.
    ``stood``: the run before, where only what changed since is loaded.
    """
    from django.db import transaction

    from anju.register.store import loading, runs, settling

    cases = None
    with transaction.atomic():
        empty = exporter.first and loading.hold(*(t.table for t in loading.TARGETS))
        codes = _given(exporter, stood)
        if codes is not None:  # known before anything is resolved
            _anchor(codes, run.tell)
        if not exporter.first:
            loading.move(exports.Export(loading.TARGETS[0], "moved", _moved(exporter)).chunks())
            loading.close_people(exporter.again)
        for export in exporter.ahead(targets):
            run.tell(f"load {export.target.source}")
            if export.kind == exports.CLOSED:
                loading.close(export.target, export.chunks())
                continue
            stripped = loading.strip(export.target.table) if empty else None
            rows = loading.copy(export.target, export.chunks(), export.columns, frozen=empty)
            if stripped:
                loading.restore(stripped)
            loading.analyze(export.target.table, rows)
            if empty and export.target.source == "discrepancy":
                cases = settling.follow(runs.clock())
        if codes is None:
            _anchor(exporter.write("SELECT person_code, NULL FROM new_person", "codes"), run.tell)
        runs.finish(run.run, folder=run.part.relative_to(lake()).as_posix(), **run.told)
    return cases


def _anchor(codes: Iterator[Path], tell: Callable[[str], None]) -> None:
    from anju.register.store import loading

    tell("people's codes")
    loading.anchor(exports.Export(loading.TARGETS[0], "codes", codes).chunks())


def codes() -> tuple[Path, ...]:
    """The linkage's files of every code ever given, if it tells."""
    known = linkage.current()
    return tuple(p for p in state.parts(known, "codes") if p.is_file()) if known else ()


def _given(exporter: exports.Exporter, stood: kept.Before | None) -> Iterator[Path] | None:
    """Every code ever given and the one that answers for it today, if the linkage tells; of those a former run has loaded
    (``stood``) only what changed since."""
    told = codes()
    if not told:
        return None
    seen = stood.told["codes"] if stood else []
    if seen and [kept.prints(p) for p in told[: len(seen)]] == seen:
        told = told[len(seen) :]
    if not told:
        return iter(())
    return exporter.write(
        "SELECT person_code, CASE WHEN current_code <> person_code THEN current_code END "
        f"FROM ({state.codes_sql(told)}) AS given ORDER BY person_code",
        "codes",
    )


def _moved(exporter: exports.Exporter) -> Iterator[Path]:
    """People whose division is another than in the former run."""
    return exporter.write(
        "SELECT n.person_code, n.region FROM new_person AS n JOIN old_person AS o ON n.person_code = o.person_code "
        "WHERE n.region IS DISTINCT FROM o.region",
        "moved",
    )
