"""Ranking: who comes where by the programme's own keys, who is admitted to the places, and the published list.

Ties at the last place follow the programme's rule: all admitted, none admitted, or a draw anyone can check afterwards:
the hash of a secret seed is published first, the seed after filing closes, and lots are SHA-256(seed | reference).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from anju.kernel.refusal import Refusal
from anju.policy.bound import Bound, Rules
from anju.policy.interpret import Interpreter
from anju.policy.model import Category, Key, Ranking

UNKNOWN_LAST = -1e15
"""The key of what is unknown: after everyone who is known, and still a number that JSON can carry."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One applicant as ranking sees them: a reference (never a name), score, keys (higher first), category."""

    reference: str
    score: Fraction
    keys: tuple[float, ...]
    category: str | None = None
    is_qualified: bool = True

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts the best first."""
        return (-self.score, tuple(-k for k in self.keys))


@dataclass(frozen=True, slots=True)
class Ranked:
    """One applicant's place: rank (equal for ties), whether admitted, by which quota, and why."""

    candidate: Candidate
    rank: int
    is_admitted: bool
    quota: str | None
    reason: str
    """``within_places``, ``tied_at_line``, ``drawn``, ``not_drawn``, ``below_line``, ``not_qualified``,
    ``objection_admitted``, ``objection_withdrawn``."""
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class RankingResult:
    """The whole list, best first; ``line`` is the last admitted place's score and keys."""

    places: int
    ties: str
    ranked: tuple[Ranked, ...]
    line: Candidate | None
    seed_hash: str | None = None
    seed: str | None = None

    @property
    def admitted(self) -> tuple[Ranked, ...]:
        """Those admitted, in order."""
        return tuple(r for r in self.ranked if r.is_admitted)


def commit(seed: str) -> str:
    """The hash to publish before filing closes."""
    return hashlib.sha256(seed.encode()).hexdigest()


def lot(seed: str, reference: str) -> str:
    """An applicant's lot; the smallest comes first."""
    return hashlib.sha256(f"{seed}|{reference}".encode()).hexdigest()


def candidate(
    bound: Bound, reference: str, facts: Mapping[str, Any], service: str | None = None
) -> Candidate:
    """One applicant from their facts. Keys that are unknown come last; ``filed_on`` and other days count as days."""
    rules = bound.rules_for(service)
    ranking = _ranking(rules)
    engine = Interpreter(bound)
    verdict = engine.verdict(facts, rules.service.id)
    keys = tuple(_key(k, verdict.values, verdict.items, verdict.scores) for k in ranking.keys)
    category = next((c.id for c in ranking.categories if _is_in(engine, c, verdict.values)), None)
    return Candidate(
        reference, verdict.scores.get(ranking.score, Fraction(0)), keys, category, verdict.outcome is True
    )


def ranking_of(bound: Bound, service: str | None = None) -> Ranking:
    """How a service ranks. Refuses one that does not."""
    return _ranking(bound.rules_for(service))


def _is_in(engine: Interpreter, category: Category, values: Mapping[str, Any]) -> bool:
    return category.when is None or engine.holds(category.when, values) is True


def _ranking(rules: Rules) -> Ranking:
    if rules.service.ranking is None:
        raise Refusal("policy.no_ranking", service=rules.service.id)
    return rules.service.ranking


def _key(
    key: Key, values: Mapping[str, Any], items: Mapping[str, Any], scores: Mapping[str, Fraction]
) -> float:
    value: Any = values.get(key.of)
    if key.of in items:
        value = items[key.of].counted
    elif key.of in scores:
        value = scores[key.of]
    if value is None:
        return UNKNOWN_LAST
    number = float(value.toordinal()) if isinstance(value, date) else float(value)
    return number if key.first in ("most", "latest") else -number


def rank(
    candidates: Iterable[Candidate],
    places: int,
    ties: str = "all_admitted",
    *,
    shares: Mapping[str, int] | None = None,
    category_order: Sequence[str] | None = None,
    seed: str | None = None,
    seed_hash: str | None = None,
) -> RankingResult:
    """Rank and admit. ``shares``: places kept for a category (places, not percent), filled by rank within it first.

    ``category_order``: categories taken one after the other before scores are compared. Refuses a draw without a seed,
    or with a seed that does not match the hash published beforehand.
    """
    pool = list(candidates)
    if ties == "draw":
        _check_seed(seed, seed_hash)
    steps = {name: i for i, name in enumerate(category_order or ())}

    def order(c: Candidate) -> tuple[Any, ...]:
        return (steps.get(c.category or "", len(steps)) if steps else 0, *c.order)

    eligible = sorted((c for c in pool if c.is_qualified), key=lambda c: (order(c), c.reference))
    decided: dict[str, tuple[bool, str | None, str]] = {}
    used = 0
    for name, share in (shares or {}).items():
        mine = [c for c in eligible if c.category == name]
        taken = _admit(mine, share, ties, order, seed)
        decided.update({r: (ok, name, why) for r, (ok, why) in taken.items() if ok})
        used += min(share, sum(ok for ok, _ in taken.values()))
    rest = [c for c in eligible if c.reference not in decided]
    open_ = _admit(rest, max(places - used, 0), ties, order, seed)
    decided.update({r: (ok, None, why) for r, (ok, why) in open_.items()})
    ranked: list[Ranked] = []
    for _, tied in groupby(eligible, key=order):
        group = list(tied)
        at = len(ranked) + 1
        ranked += [
            Ranked(
                c,
                at,
                *decided[c.reference],
                lot(seed, c.reference) if seed and "drawn" in decided[c.reference][2] else None,
            )
            for c in group
        ]
    last = next((r.candidate for r in reversed(ranked) if r.is_admitted and r.quota is None), None)
    out = sorted((c for c in pool if not c.is_qualified), key=lambda c: (order(c), c.reference))
    ranked += [Ranked(c, len(eligible) + 1, False, None, "not_qualified") for c in out]
    return RankingResult(
        places, ties, tuple(ranked), last, seed_hash or (commit(seed) if seed else None), seed
    )


def _check_seed(seed: str | None, seed_hash: str | None) -> None:
    if seed is None:
        raise Refusal("policy.seed_needed")
    if seed_hash is not None and commit(seed) != seed_hash:
        raise Refusal("policy.seed_not_committed")


def _admit(
    people: Sequence[Candidate], places: int, ties: str, order: Any, seed: str | None
) -> dict[str, tuple[bool, str]]:
    """Who of ``people`` (best first) is admitted to ``places``, and why."""
    found: dict[str, tuple[bool, str]] = {}
    left = places
    for _, tied in groupby(people, key=order):
        group = list(tied)
        if len(group) <= left:
            found.update({c.reference: (True, "within_places") for c in group})
        elif left <= 0:
            found.update({c.reference: (False, "below_line") for c in group})
        elif ties == "all_admitted":
            found.update({c.reference: (True, "tied_at_line") for c in group})
        elif ties == "draw" and seed is not None:
            drawn = sorted(group, key=lambda c: lot(seed, c.reference))
            found.update(
                {c.reference: (i < left, "drawn" if i < left else "not_drawn") for i, c in enumerate(drawn)}
            )
        else:
            found.update({c.reference: (False, "tied_at_line") for c in group})
        left = max(left - len(group), 0)
    return found


def after_objection(result: RankingResult, corrected: Iterable[Candidate]) -> RankingResult:
    """The list once objections are settled: the published line stands, and nobody else's decision changes.

    A corrected applicant is held against that line: who reaches it is admitted besides the others; who no longer
    reaches it (or no longer qualifies) loses the place, which is not given on. Ranks of the others stay as published;
    a corrected applicant takes the rank of the first one they would stand before.
    """
    changes = {c.reference: c for c in corrected}
    published = [r for r in result.ranked if r.candidate.reference not in changes]
    line = result.line
    found = list(published)
    for old in result.ranked:
        new = changes.get(old.candidate.reference)
        if new is None:
            continue
        reaches = new.is_qualified and line is not None and new.order <= line.order
        room = sum(r.is_admitted for r in result.ranked) < result.places
        admitted = reaches or (new.is_qualified and room and result.line is None)
        if (
            old.is_admitted
            and old.quota is not None
            and new.is_qualified
            and new.order <= old.candidate.order
        ):
            admitted = True
        rank_ = next(
            (r.rank for r in published if r.reason != "not_qualified" and r.candidate.order >= new.order),
            len(published) + 1,
        )
        reason = (
            "objection_admitted" if admitted else "objection_withdrawn" if old.is_admitted else old.reason
        )
        if admitted and old.is_admitted:
            reason = old.reason
        found.append(Ranked(new, rank_, admitted, old.quota if admitted else None, reason, old.lot))
    found.sort(key=lambda r: (r.reason == "not_qualified", r.rank, r.candidate.order, r.candidate.reference))
    return replace(result, ranked=tuple(found))


def publication(result: RankingResult, names: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """The public list of those admitted: rank, reference, name, number, score. ``names``: reference -> (name, number), masked."""
    rows = []
    for entry in result.admitted:
        name, number = names.get(entry.candidate.reference, ("", ""))
        score = entry.candidate.score
        rows.append(
            {
                "rank": entry.rank,
                "reference": entry.candidate.reference,
                "name": name,
                "number": number,
                "score": score.numerator if score.denominator == 1 else round(float(score), 4),
                "quota": entry.quota,
                "reason": entry.reason,
            }
        )
    return rows


def verify_draw(result: RankingResult) -> bool:
    """Whether everyone drawn has a smaller lot than everyone not drawn with the same score and keys, and the seed is the committed one."""
    if result.seed is None or result.seed_hash is None or commit(result.seed) != result.seed_hash:
        return not any(r.reason in ("drawn", "not_drawn") for r in result.ranked)
    groups: dict[Any, list[Ranked]] = {}
    for entry in result.ranked:
        if entry.reason in ("drawn", "not_drawn"):
            groups.setdefault((entry.candidate.order, entry.rank), []).append(entry)
    for group in groups.values():
        won = [lot(result.seed, r.candidate.reference) for r in group if r.reason == "drawn"]
        lost = [lot(result.seed, r.candidate.reference) for r in group if r.reason == "not_drawn"]
        if won and lost and max(won) > min(lost):
            return False
    return True


def verify_published(told: Mapping[str, Any]) -> list[str]:
    """Everything wrong with a published list, as ``kind reference``; needs nothing but what is published.

    Checks: ranks follow score and keys; the seed is the committed one and lots are its own; of those equal at the line the
    smaller lots were drawn; nobody admitted to the open places comes after somebody left out who was not drawn against
    them. Rows an objection settled keep the published line and may stand beside.
    """
    faults: list[str] = []
    rows = [r for r in told["rows"] if r["reason"] != "not_qualified"]
    plain = [r for r in rows if not str(r["reason"]).startswith("objection_")]
    if told.get("seed") and commit(str(told["seed"])) != told.get("seed_hash"):
        faults.append("seed")
    order = [(-Fraction(str(r["score"])), tuple(-float(k) for k in r["keys"])) for r in plain]
    for (before, after), (upper, lower) in zip(pairwise(plain), pairwise(order), strict=True):
        if (
            upper > lower
            or (upper == lower) != (before["rank"] == after["rank"])
            or before["rank"] > after["rank"]
        ):
            faults.append(f"order {after['reference']}")
    faults += [
        f"lot {r['reference']}"
        for r in plain
        if r.get("lot") and r["lot"] != lot(str(told["seed"]), str(r["reference"]))
    ]
    open_ = [(o, r) for o, r in zip(order, plain, strict=True) if not r["quota"]]
    last = max((o for o, r in open_ if r["is_admitted"]), default=None)
    faults += [
        f"passed_over {r['reference']}"
        for o, r in open_
        if last is not None and o < last and not r["is_admitted"]
    ]
    drawn = [(o, r["lot"]) for o, r in open_ if r["reason"] == "drawn"]
    faults += [
        f"draw {r['reference']}"
        for o, r in open_
        if r["reason"] == "not_drawn" and any(w == o and winner > r["lot"] for w, winner in drawn)
    ]
    return faults
