"""Reads of the clerical review: what people decided, the queue, one question side by side, its history."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q

from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.decisions import Decision
from anju.exchange.review.comparing import Runs, align
from anju.exchange.review.questions import FIELDS
from anju.exchange.review.worth import chance
from anju.exchange.store.models import PersonChange, ReviewQuestion, ReviewWord
from anju.kernel.numbers import whole
from anju.kernel.refusal import Refusal
from anju.trust.sealing import sealer

WIDEST = 20.0
"""Bits at which a bar is full."""
COMPARED = {c.name: c for c in HAN_COMPARISONS}
CODED = frozenset({"sex", "hukou_region"})
MANY = frozenset({"phone", "address", "employer", "kin", "household"})
"""What a person may have several of at a time."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence: what was compared, the likeness found (zh, en), its weight in bits, how wide its bar is."""

    comparison: str
    name: Mapping[str, str]
    likeness: Mapping[str, str]
    weight: float
    width: float

    @property
    def speaks_for(self) -> bool:
        """For one person, or against it."""
        return self.weight >= 0

    @property
    def left(self) -> float:
        """Where the bar begins, from -100 to 0; against goes to the left."""
        return 0.0 if self.speaks_for else -self.width


@dataclass(frozen=True, slots=True)
class Row:
    """One field of both sides, aligned; ``also`` are further values of the same person; its evidence where weighed."""

    field: str
    a: Runs
    b: Runs
    also_a: tuple[Runs, ...]
    also_b: tuple[Runs, ...]
    plain: tuple[str, str]
    piece: Piece | None


@dataclass(frozen=True, slots=True)
class Side:
    """Where one side comes from."""

    person: str
    dataset: str
    key: str
    seen: str
    records: int
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question as a reviewer sees it. ``start`` is the weight before any evidence; ``chance`` what they add up to."""

    id: int
    state: str
    reason: str
    weight: float
    worth: float
    chance: float
    start: float
    sides: tuple[Side, Side]
    rows: tuple[Row, ...]
    rest: tuple[Piece, ...]
    claimed_by: str
    claimed_until: datetime | None
    is_masked: bool


@dataclass(frozen=True, slots=True)
class WordLine:
    """One word said: on which question, by whom, when, why, and whether it was taken back."""

    id: int
    question: int | None
    word: str
    said_by: str
    said_at: datetime
    why: str
    reason: str
    weight: float | None
    undone_at: datetime | None
    people: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Queue:
    """How the queue stands within the reader's places."""

    open: int
    claimed: int
    by_reason: Mapping[str, int]
    answered: Mapping[str, int]
    asked_at: datetime | None


def decisions() -> list[Decision]:
    """The newest standing word on every pair, for the next run: must be one person, must not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (record_a, record_b) record_a, record_b, word = 'same' FROM exchange_reviewword "
            "WHERE undone_at IS NULL AND word IN ('same', 'different') "
            "ORDER BY record_a, record_b, said_at DESC, id DESC"
        )
        return [Decision(int(a), int(b), is_same=same) for a, b, same in cursor.fetchall()]


def asked(run: int) -> list[tuple[int, int, str, str, float]]:
    """What a run asked: the pair of records, smaller first, the people they were, and the weight."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_a, record_b, person_a, person_b, weight FROM exchange_reviewquestion WHERE run = %s",
            [run],
        )
        return [(int(a), int(b), one, two, weight) for a, b, one, two, weight in cursor.fetchall()]


def shown(run: int, people: Collection[str]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """What reviewers are shown of a run's pairs with one of these people: the pair to its two sides."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_a, record_b, told FROM exchange_reviewquestion WHERE run = %s AND told IS NOT NULL "
            "AND (person_a = ANY(%s) OR person_b = ANY(%s))",
            [run, list(people), list(people)],
        )
        return {
            (int(a), int(b)): json.loads(sealer().open(told))["sides"] for a, b, told in cursor.fetchall()
        }


def back() -> list[tuple[int, str]]:
    """Merges that were taken back: a record of each side with the code it had, for the next run to give back."""
    undone = PersonChange.objects.filter(kind="merge", state="undone").order_by("undone_at")
    return [
        pair for c in undone for pair in ((int(c.kept[0]), c.person_code), (int(c.moved[0]), c.other_code))
    ]


def queue(at: datetime) -> Queue:
    """Counts of the queue. Row security keeps them to the reader's places."""
    waiting = ReviewQuestion.objects.filter(state="open")
    counted = waiting.aggregate(
        n=Count("id"), held=Count("id", filter=Q(claimed_until__gt=at)), last=Max("asked_at")
    )
    reasons = dict(waiting.values_list("reason").annotate(Count("id")).order_by("reason"))
    ended = ReviewQuestion.objects.filter(state__in=["same", "different", "unsure"])
    answered = dict(ended.values_list("state").annotate(Count("id")).order_by("state"))
    return Queue(counted["n"], counted["held"], reasons, answered, counted["last"])


def count_open() -> int:
    """How many questions wait within the reader's places."""
    return ReviewQuestion.objects.filter(state="open").count()


def is_open(question: int) -> bool:
    """Whether a question waits for an answer."""
    return ReviewQuestion.objects.filter(pk=question, state="open").exists()


def get_question(question: int, *, masked: bool = True) -> QuestionView:
    """One question, both sides aligned. Refuses one that does not exist or lies elsewhere."""
    row = ReviewQuestion.objects.filter(pk=question).first()
    if row is None:
        raise Refusal("review.no_question")
    if row.told is None:
        raise Refusal("review.not_kept")
    told = json.loads(sealer().open(row.told))
    pieces = {name: piece(name, level, weight) for name, level, weight in told["evidence"]}
    begun = row.weight - sum(p.weight for p in pieces.values())
    one, other = told["sides"]
    rows = tuple(
        _row(field, one["values"].get(field, []), other["values"].get(field, []), pieces, masked)
        for field in FIELDS
        if field in one["values"] or field in other["values"]
    )
    return QuestionView(
        row.pk, row.state, row.reason, row.weight, row.worth, chance(row.weight),
        round(begun, 2), (_side(one), _side(other)), rows, tuple(pieces.values()), row.claimed_by, row.claimed_until, masked,
    )  # fmt: skip


def people_of(question: int) -> tuple[str, str]:
    """The two person codes of a question."""
    found = ReviewQuestion.objects.filter(pk=question).values_list("person_a", "person_b").first()
    if found is None:
        raise Refusal("review.no_question")
    return str(found[0]), str(found[1])


def _side(told: Mapping[str, Any]) -> Side:
    return Side(
        told["person"], told["dataset"], told["key"], told["seen"], told["records"], tuple(told["datasets"])
    )


def piece(name: str, level: str, weight: float) -> Piece:
    """What one comparison found, in words, and how wide its bar is."""
    compared = COMPARED[name]
    found = next((v for v in compared.levels if v.name == level), None)
    likeness = {"zh": found.zh, "en": found.en} if found else {"zh": "不同", "en": "different"}
    return Piece(
        name, {"zh": compared.zh, "en": compared.en}, likeness, weight, min(abs(weight) / WIDEST, 1.0) * 100
    )


def _row(field: str, one: list[str], other: list[str], pieces: dict[str, Piece], masked: bool) -> Row:
    comparison, kind = FIELDS[field]
    kind = kind if masked else ""
    (first, second), *more = lines(one, other, field in MANY)
    a, b = align(first, second, kind)
    also = [(align(v, "", kind)[0], align(w, "", kind)[0]) for v, w in more]
    return Row(
        field, a, b, tuple(v for v, _ in also if v), tuple(w for _, w in also if w),
        (first, second) if field in CODED else ("", ""), pieces.pop(comparison, None),  # each piece is drawn once
    )  # fmt: skip


def lines(one: Sequence[str], other: Sequence[str], is_many: bool) -> list[tuple[str, str]]:
    """Both sides' values line by line, equal ones on one line; where a side has fewer, its last are empty.

    First stands what the two records themselves say. Of what people have several of at a time (``is_many``: phones,
    addresses, employers) a value that both sides state comes first: it is what was weighed.
    """
    shared = [v for v in one if v in other]
    if is_many and shared:
        head = (shared[0], shared[0])
    else:
        head = (one[0] if one else "", other[0] if other else "")
    left, right = ([v for v in side if v != at] for side, at in zip((one, other), head, strict=True))
    both = [v for v in left if v in right]
    rest = zip_longest([v for v in left if v not in both], [v for v in right if v not in both], fillvalue="")
    return [head, *((v, v) for v in both), *rest]


def list_words(
    *, mine: str = "", after: str | None = None, limit: int = 50
) -> tuple[tuple[WordLine, ...], str | None]:
    """Words said, newest first; ``mine``: of one account only."""
    rows = ReviewWord.objects.select_related("question").order_by("-said_at", "-id")
    if mine:
        rows = rows.filter(said_by=mine)
    if (last := whole(after)) is not None:
        rows = rows.filter(pk__lt=last)
    found = list(rows.defer("question__told")[: limit + 1])
    return tuple(_word(w) for w in found[:limit]), str(found[limit - 1].pk) if len(found) > limit else None


def words_about(code: str) -> tuple[WordLine, ...]:
    """Words on questions about one person, newest first."""
    rows = ReviewWord.objects.select_related("question").filter(
        Q(question__person_a=code) | Q(question__person_b=code)
    )
    return tuple(_word(w) for w in rows.defer("question__told").order_by("-said_at", "-id")[:50])


def _word(w: ReviewWord) -> WordLine:
    q = w.question
    return WordLine(
        w.pk, w.question_id, w.word, w.said_by, w.said_at, sealer().open(w.why) if w.why else "",
        q.reason if q else "", q.weight if q else None, w.undone_at,
        (q.person_a, q.person_b) if q else ("", ""),
    )  # fmt: skip
