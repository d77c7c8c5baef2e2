"""Ranking and school places: the city's own tie rule, draws anyone can check, objections that disturb nobody."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju.kernel.refusal import Refusal
from anju.policy.allocate import (
    Applicants,
    deferred_acceptance,
    from_proof,
    proof,
    serial_dictatorship,
    verify,
)
from anju.policy.rank import Candidate, after_objection, commit, rank, verify_draw


def people(*scores: tuple[int, int], category: str | None = None) -> list[Candidate]:
    return [Candidate(f"r{i}", Fraction(s), (float(k),), category) for i, (s, k) in enumerate(scores)]


def test_keys_break_ties_and_all_still_tied_at_the_line_are_admitted() -> None:
    result = rank(people((90, 1), (80, 5), (80, 7), (80, 5), (70, 0)), places=3)
    assert [(r.candidate.reference, r.rank, r.is_admitted) for r in result.ranked] == [
        ("r0", 1, True), ("r2", 2, True), ("r1", 3, True), ("r3", 3, True), ("r4", 5, False),
    ]  # fmt: skip
    assert result.ranked[3].reason == "tied_at_line"


def test_the_other_tie_rules() -> None:
    tied = people((80, 1), (80, 1), (80, 1))
    assert len(rank(tied, 2, "none_admitted").admitted) == 0
    with pytest.raises(Refusal, match="seed_needed"):
        rank(tied, 2, "draw")
    with pytest.raises(Refusal, match="seed_not_committed"):
        rank(tied, 2, "draw", seed="one", seed_hash=commit("two"))
    drawn = rank(tied, 2, "draw", seed="one", seed_hash=commit("one"))
    assert len(drawn.admitted) == 2
    assert verify_draw(drawn)
    swapped = tuple(
        replace(r, reason="drawn" if r.reason == "not_drawn" else "not_drawn", is_admitted=not r.is_admitted)
        for r in drawn.ranked
    )
    assert not verify_draw(replace(drawn, ranked=swapped))


def test_places_kept_for_a_category_are_filled_first_and_the_rest_is_open() -> None:
    pool = [
        *people((90, 0), (85, 0), (60, 0)),
        *[replace(c, reference="s" + c.reference) for c in people((50, 0), (40, 0), category="skilled")],
    ]
    result = rank(pool, 3, shares={"skilled": 1})
    assert {r.candidate.reference: r.quota for r in result.admitted} == {
        "sr0": "skilled",
        "r0": None,
        "r1": None,
    }


def test_an_objection_changes_nobody_else() -> None:
    before = rank(people((90, 0), (80, 0), (70, 0), (60, 0)), places=2)
    up = after_objection(before, [Candidate("r3", Fraction(85), (0.0,))])
    down = after_objection(before, [Candidate("r0", Fraction(10), (0.0,))])
    assert {r.candidate.reference for r in up.admitted} == {"r0", "r1", "r3"}
    assert {r.candidate.reference for r in down.admitted} == {"r1"}
    for after, changed in ((up, "r3"), (down, "r0")):
        old = {r.candidate.reference: (r.rank, r.is_admitted, r.reason) for r in before.ranked}
        for entry in after.ranked:
            if entry.candidate.reference != changed:
                assert (entry.rank, entry.is_admitted, entry.reason) == old[entry.candidate.reference]
    assert next(r.reason for r in up.ranked if r.candidate.reference == "r3") == "objection_admitted"


def town(
    seed: int, people_: int, schools: int, choices: int, bands: int = 1
) -> tuple[Applicants, np.ndarray]:
    random = np.random.default_rng(seed)
    wishes = np.argsort(random.random((people_, schools)), axis=1)[:, :choices]
    wishes = np.where(random.random(wishes.shape) < 0.1, -1, wishes)
    made = random.integers(0, bands, wishes.shape) if bands > 1 else None
    applicants = Applicants([f"a{i}" for i in range(people_)], random.integers(0, 60, people_), wishes, made)
    return applicants, random.integers(0, 4, schools)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 9), st.sampled_from([1, 3]))
def test_allocations_pass_over_nobody_and_the_proof_reads_back(
    seed: int, count: int, schools: int, bands: int
) -> None:
    applicants, places = town(seed, count, schools, min(4, schools), bands)
    for method in (deferred_acceptance, serial_dictatorship) if bands == 1 else (deferred_acceptance,):
        result = method(applicants, places, "seed")
        assert verify(applicants, result) == []
        told = proof(applicants, result, [f"s{i}" for i in range(schools)])
        again, read, _ = from_proof(told)
        assert (read.assigned == result.assigned).all()
        assert verify(again, read) == []
    if bands == 1:
        assert (
            serial_dictatorship(applicants, places, "s").assigned
            == deferred_acceptance(applicants, places, "s").assigned
        ).all()


def test_the_check_finds_someone_passed_over() -> None:
    applicants = Applicants(["a", "b"], np.array([10, 5]), np.array([[0], [0]]))
    result = serial_dictatorship(applicants, np.array([1]), "x")
    wrong = replace(result, assigned=np.array([-1, 0]), choice=np.array([0, 1]))
    assert [f.kind for f in verify(applicants, wrong)] == ["passed_over"]
    nobody = replace(result, assigned=np.array([-1, -1]), choice=np.array([0, 0]))
    assert {f.kind for f in verify(applicants, nobody)} == {"empty_place"}
    assert {
        f.kind
        for f in verify(applicants, replace(result, assigned=np.array([0, 0]), choice=np.array([1, 1])))
    } == {"over_capacity"}
    told = proof(applicants, result, ["s"])
    with pytest.raises(Refusal, match="seed_not_committed"):
        from_proof({**told, "seed": "another"})


def test_twenty_thousand_applicants_take_seconds() -> None:
    applicants, _ = town(1, 20_000, 100, 12)
    started = time.perf_counter()
    result = deferred_acceptance(applicants, np.full(100, 150), "seed")
    assert verify(applicants, result) == []
    assert time.perf_counter() - started < 20
