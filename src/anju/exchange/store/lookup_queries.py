"""The population data service: who is meant, and of them only what the purpose opens, each value by its class."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from anju.exchange.doors import columns
from anju.exchange.store import feed_sql
from anju.register.store.queries import Candidate, Wanted, find_candidates
from anju.trust.sealing import sealer
from anju.trust.store import erasure_queries

DEFAULT = ("person", "stay")
TOLD = frozenset({"sure", "likely"})
"""Strengths at which a person's data are told; of a merely possible person only that there is one."""


@dataclass(frozen=True, slots=True)
class Match:
    """One person who may be meant. ``values``: aspect -> rows; empty for a possible or a restricted person."""

    person: str
    strength: str
    reasons: tuple[str, ...]
    values: dict[str, list[dict[str, Any]]]
    is_restricted: bool = False


def look_up(
    wanted: Sequence[Wanted],
    *,
    opened: Collection[str],
    aspects: Collection[str],
    clear: bool,
    on_restricted: bool,
) -> list[list[Match]]:
    """For each wanted person those who are meant, the likeliest first; set-based, one query per aspect.

    ``opened``: what the purpose opens; ``aspects``: what is asked for (empty: ``DEFAULT``). Runs under row security.
    """
    found = [_sifted(hits) for hits in find_candidates(wanted, limit=5)]
    told = {h.person.code for hits in found for h in hits if h.strength in TOLD}
    held = frozenset() if on_restricted or not told else erasure_queries.restricted(sorted(told))
    values = _values(sorted(told - held), set(opened) & set(aspects or DEFAULT), clear)
    return [
        [
            Match(
                h.person.code, h.strength, h.reasons, values.get(h.person.code, {}) if h.strength in TOLD else {},
                h.person.code in held,
            )
            for h in hits
        ]
        for hits in found
    ]  # fmt: skip


def _sifted(hits: Sequence[Candidate]) -> list[Candidate]:
    """Who bears the number asked for is meant, and nobody else."""
    exact = [h for h in hits if "number" in h.reasons]
    return exact or list(hits)


def _values(codes: list[str], aspects: set[str], clear: bool) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Code -> aspect -> current rows as they may be shown."""
    told: dict[str, dict[str, list[dict[str, Any]]]] = {code: {} for code in codes}
    unseal = sealer().open
    for source in columns.opened(aspects) if codes else ():
        if not source.of_person:
            continue
        for row in feed_sql.current(source, codes):
            shown = columns.shown(source, row, clear=clear, unseal=unseal)
            told[row["person_code"]].setdefault(source.name, []).append(shown)
    return told
