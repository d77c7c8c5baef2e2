"""Attacks on the disclosure gate: what is hidden stays hidden."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju.kernel.refusal import Refusal
from anju.trust.disclosure import TOTAL, Rules, Shown, noisy_counts, protect
from anju.trust.disclosure.table import with_margins

RULES = Rules(minimum=10, base=1)
SECRET = b"a key of the test"


@st.composite
def tables(draw: st.DrawFn) -> dict[tuple[str, ...], int]:
    shape = draw(st.sampled_from([(4,), (3, 3), (2, 5), (5, 4), (2, 3, 2)]))
    keys = [()]
    for size in shape:
        keys = [(*k, str(i)) for k in keys for i in range(size)]
    return {k: draw(st.one_of(st.integers(0, 15), st.integers(0, 300))) for k in keys}


def solved(release: dict[tuple[str, ...], Shown]) -> set[tuple[str, ...]]:
    """The attacker: exact Gaussian elimination over every sum of the table; the hidden cells it pins down."""
    hidden = [k for k, s in release.items() if s.value is None]
    place = {k: i for i, k in enumerate(hidden)}
    rows = []
    for key in release:
        for i, part in enumerate(key):
            if part == TOTAL:
                row = [Fraction(0)] * len(hidden)
                for other in release:
                    if other[:i] == key[:i] and other[i + 1 :] == key[i + 1 :] and other in place:
                        row[place[other]] += -1 if other[i] == TOTAL else 1
                rows.append(row)
    lead = 0
    for column in range(len(hidden)):
        pivot = next((r for r in range(lead, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[lead], rows[pivot] = rows[pivot], rows[lead]
        factor = rows[lead][column]
        rows[lead] = [x / factor for x in rows[lead]]
        for r in range(len(rows)):
            if r != lead and rows[r][column]:
                rows[r] = [a - rows[r][column] * b for a, b in zip(rows[r], rows[lead], strict=True)]
        lead += 1
    return {hidden[row.index(1)] for row in rows if sum(x != 0 for x in row) == 1}


@settings(max_examples=150, deadline=None)
@given(tables())
def test_no_hidden_cell_can_be_worked_out(counts: dict[tuple[str, ...], int]) -> None:
    release = protect(counts, RULES, SECRET)
    true = with_margins(counts)
    assert release.keys() == true.keys()
    for key, shown in release.items():
        if 0 < true[key] < RULES.minimum:
            assert shown.value is None
            assert shown.why == "small"
        if shown.value is not None:
            assert shown.value == true[key]
    assert not solved(release)


@settings(max_examples=50, deadline=None)
@given(tables())
def test_a_table_without_small_cells_is_shown_whole(counts: dict[tuple[str, ...], int]) -> None:
    safe = {k: 0 if v < 10 else v for k, v in counts.items()}
    assert all(s.why == "shown" for s in protect(safe, RULES, SECRET).values())


def test_differencing_two_releases_tells_little_about_one_person() -> None:
    """The same group with and without one person: the two answers are mostly equal, and each size is possible."""
    equal = 0
    for size in range(20, 1020):
        with_her = protect({("a",): size + 1}, Rules(), SECRET)[("a",)].value
        without = protect({("a",): size}, Rules(), SECRET)[("a",)].value
        assert with_her is not None
        assert without is not None
        assert with_her % 5 == without % 5 == 0
        assert abs(with_her - without) <= 5
        equal += with_her == without
    assert 400 < equal < 800


def test_rounding_is_stable_and_true_on_average() -> None:
    first = [protect({("a", str(i)): 12}, Rules(), SECRET)[("a", str(i))].value for i in range(2000)]
    again = [protect({("a", str(i)): 12}, Rules(), SECRET)[("a", str(i))].value for i in range(2000)]
    assert first == again
    assert math.isclose(sum(v or 0 for v in first) / 2000, 12, abs_tol=0.3)


class Purse:
    def __init__(self, left: float) -> None:
        self.left = left

    def spend(self, epsilon: float, what: str) -> None:
        if epsilon > self.left:
            raise Refusal("disclosure.budget_spent", left=self.left, asked=epsilon, what=what)
        self.left -= epsilon


def test_noise_is_centred_and_the_budget_ends() -> None:
    counts = {str(i): 1000 for i in range(4000)}
    answers = noisy_counts(counts, 0.5, Purse(1.0), "test")
    errors = [answers[k] - 1000 for k in counts]
    assert abs(sum(errors) / len(errors)) < 0.3
    assert (
        2 < sum(e * e for e in errors) / len(errors) < 14
    )  # variance of the discrete Laplace at 0.5 is about 8
    purse = Purse(1.0)
    noisy_counts({"a": 1}, 0.6, purse, "first")
    with pytest.raises(Refusal, match="budget_spent"):
        noisy_counts({"a": 1}, 0.6, purse, "second")
    with pytest.raises(Refusal, match="bad_epsilon"):
        noisy_counts({"a": 1}, 0, purse, "nothing")


def test_weak_rules_and_broken_tables_are_refused() -> None:
    with pytest.raises(Refusal, match="rules_too_weak"):
        Rules(minimum=1)
    with pytest.raises(Refusal, match="ragged"):
        protect({("a",): 1, ("a", "b"): 2}, RULES, SECRET)
    with pytest.raises(Refusal, match="negative"):
        protect({("a",): -1}, RULES, SECRET)
