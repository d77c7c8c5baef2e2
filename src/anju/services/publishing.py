"""Publication lists: who is admitted, shown under masked names; objections settled one person at a time.

A list is prepared (the hash of its seed goes out), published (everyone who qualifies is ranked by the programme's own
keys and ties, the seed goes out), open to objection for some working days, and final. What an objection changes is that
person's row alone (``policy.rank.after_objection``): the published line stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from anju.kernel import packs
from anju.policy import rank as ranking
from anju.policy.bound import Bound

SETTINGS = "publication.yaml"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who takes part: code, place, masked name, facts by key."""

    person_code: str
    region: str | None
    name: str
    facts: Mapping[str, Any]


def objection_workdays() -> int:
    """Working days a list stays open to objection, from the packs."""
    path = packs.find_file(SETTINGS)
    told = packs.read_yaml(path) if path else {}
    return int(told["objection_workdays"]["value"])


def ranked(
    bound: Bound, service: str, people: Iterable[tuple[str, Mapping[str, Any]]], places: int, seed: str
) -> ranking.RankingResult:
    """Everyone ranked and admitted by the programme's own rule; ``people``: (reference, facts). Refuses one without ranking."""
    spec = ranking.ranking_of(bound, service)
    pool = [ranking.candidate(bound, reference, facts, service) for reference, facts in people]
    return ranking.rank(
        pool, places, spec.ties,
        shares={c.id: int(places * c.percent / 100) for c in spec.categories if c.percent is not None},
        category_order=[c.id for c in spec.categories] if spec.order == "category_first" else None,
        seed=seed, seed_hash=ranking.commit(seed),
    )  # fmt: skip


def row(entry: ranking.Ranked) -> dict[str, Any]:
    """One place on a list as plain values."""
    told = entry.candidate
    return {
        "reference": told.reference, "score": str(told.score), "keys": list(told.keys), "category": told.category or "",
        "is_qualified": told.is_qualified, "rank": entry.rank, "is_admitted": entry.is_admitted, "quota": entry.quota or "",
        "reason": entry.reason, "lot": entry.lot or "",
    }  # fmt: skip


def entry(told: Mapping[str, Any]) -> ranking.Ranked:
    """A place on a list from plain values."""
    return ranking.Ranked(
        ranking.Candidate(
            told["reference"], Fraction(told["score"]), tuple(told["keys"]), told["category"] or None, told["is_qualified"]
        ),
        told["rank"], told["is_admitted"], told["quota"] or None, told["reason"], told["lot"] or None,
    )  # fmt: skip


def result(
    rows: Sequence[Mapping[str, Any]], places: int, ties: str, line: str, seed: str
) -> ranking.RankingResult:
    """A list back as the ranking room knows it; ``line`` is the reference of the last one admitted to the open places."""
    entries = tuple(entry(r) for r in rows)
    last = next((e.candidate for e in entries if e.candidate.reference == line), None)
    return ranking.RankingResult(places, ties, entries, last, ranking.commit(seed), seed)
