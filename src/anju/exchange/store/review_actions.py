"""Writes of the clerical review: questions asked, claimed, answered, taken back; words of the time before the queue.

A question is claimed by one reviewer at a time; a claim ends by itself. Each answer is one transaction with its log
entries inside, one for each of the two people.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from anju.exchange.review.questions import Question, common_region
from anju.exchange.review.worth import habits
from anju.exchange.store.models import ReviewQuestion, ReviewWord
from anju.exchange.store.review_models import WORDS
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import log

LONGEST_WHY = 400
BEFORE = "before-the-queue"
"""Who is named for words that were kept in a file before there was a queue."""


@transaction.atomic
def ask(
    questions: Sequence[Question],
    regions: dict[str, str | None],
    *,
    run: int,
    at: datetime,
    kept: Sequence[tuple[int, int]] = (),
) -> tuple[int, int]:
    """Put a run's questions into the queue; those it no longer asks are gone. Returns open and gone.

    ``kept`` are pairs that stay asked as they are. ``regions``: person code -> where the register knows them; what it does not know, the records' own word tells.
    A question that people answered keeps its answer; asked anew after it was gone, it is open again.
    """
    sealed = sealer().seal_many([json.dumps(q.told, ensure_ascii=False) for q in questions])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE asking (record_a numeric(20), record_b numeric(20), person_a varchar(13), "
            "person_b varchar(13), region varchar(12), reason varchar(20), weight float8, worth float8, told bytea) "
            "ON COMMIT DROP"
        )
        with cursor.copy("COPY asking FROM STDIN") as copy:
            for q, told in zip(questions, sealed, strict=True):
                place = common_region(
                    regions.get(q.person_a) or q.regions[0], regions.get(q.person_b) or q.regions[1]
                )
                copy.write_row(
                    (q.record_a, q.record_b, q.person_a, q.person_b, place, q.reason, q.weight, q.worth, told)
                )
        cursor.execute(_ASK, [run, at])
        cursor.execute("DROP TABLE asking")
        if kept:
            _keep(cursor, kept, run)
        cursor.execute(
            "UPDATE exchange_reviewquestion SET state = 'gone' WHERE state IN ('open', 'unsure') AND run <> %s",
            [run],
        )
        gone = cursor.rowcount
        # What a reviewer saw is kept until the next run; the word and its reason stay.
        cursor.execute(
            "UPDATE exchange_reviewquestion SET told = NULL WHERE run <> %s AND told IS NOT NULL", [run]
        )
        cursor.execute("SELECT count(*) FROM exchange_reviewquestion WHERE state = 'open'")
        return int(cursor.fetchone()[0]), gone


def _keep(cursor: Any, kept: Sequence[tuple[int, int]], run: int) -> None:
    cursor.execute(
        "CREATE TEMP TABLE keeping (record_a numeric(20), record_b numeric(20), PRIMARY KEY (record_a, record_b)) ON COMMIT DROP"
    )
    with cursor.copy("COPY keeping FROM STDIN") as copy:
        for pair in kept:
            copy.write_row(pair)
    cursor.execute(
        "UPDATE exchange_reviewquestion AS q SET run = %s FROM keeping AS k "
        "WHERE q.record_a = k.record_a AND q.record_b = k.record_b",
        [run],
    )
    cursor.execute("DROP TABLE keeping")


_ASK = """
INSERT INTO exchange_reviewquestion AS q (record_a, record_b, person_a, person_b, region, reason, weight, worth, told,
    run, state, asked_at, claimed_by)
SELECT record_a, record_b, person_a, person_b, region, reason, weight, worth, told, %s, 'open', %s, '' FROM asking
ON CONFLICT (record_a, record_b) DO UPDATE SET person_a = excluded.person_a, person_b = excluded.person_b,
    region = excluded.region, reason = excluded.reason, weight = excluded.weight, worth = excluded.worth,
    told = excluded.told, run = excluded.run, state = CASE WHEN q.state = 'gone' THEN 'open' ELSE q.state END
"""


@transaction.atomic
def place(at: datetime) -> int:
    """People the register has moved take their open questions along. Returns how many moved."""
    from anju.register.store.queries import cases

    columns = ("id", "person_a", "person_b", "region")
    waiting = list(ReviewQuestion.objects.filter(state="open").values_list(*columns))
    where = cases.regions_of({code for _, a, b, _ in waiting for code in (a, b)})
    moved: dict[int, str | None] = {}
    for number, person_a, person_b, region in waiting:
        one, other = where.get(person_a), where.get(person_b)
        now = common_region(one, other)
        if (one or other) and now != region:
            moved[number] = now
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ReviewQuestion._meta.db_table} AS q SET region = t.region "
            "FROM unnest(%s::bigint[], %s::text[]) AS t(id, region) WHERE q.id = t.id",
            [list(moved), list(moved.values())],
        )
    return len(moved)


def _open_to(by: Actor, at: datetime) -> Any:
    """Questions this reviewer may be given: open, nobody else's for now, not passed over by them lately."""
    since = at - timedelta(hours=habits()["skip_hours"])
    mine = ReviewWord.objects.filter(said_by=by.account, undone_at__isnull=True)
    passed = mine.filter(word="skip", said_at__gt=since) | mine.filter(word="unsure")
    return (
        ReviewQuestion.objects.filter(state="open")
        .filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=at) | Q(claimed_by=by.account))
        .exclude(pk__in=passed.filter(question__isnull=False).values("question_id"))
    )


@transaction.atomic
def claim_next(*, by: Actor, at: datetime) -> int | None:
    """The question worth most that nobody else has; claimed for a while. None: nothing waits for this reviewer."""
    until = at + timedelta(minutes=habits()["claim_minutes"])
    found = _open_to(by, at).select_for_update(skip_locked=True).order_by("-worth", "id").only("id").first()
    if found is None:
        return None
    ReviewQuestion.objects.filter(pk=found.pk).update(claimed_by=by.account, claimed_until=until)
    return int(found.pk)


@transaction.atomic
def claim(question: int, *, by: Actor, at: datetime) -> None:
    """Open one question; it is this reviewer's for a while. Refuses what somebody else has; an answered one is not held."""
    row = _get(question)
    if row.state != "open":
        return
    if _is_elsewhere(row, by, at):
        raise Refusal("review.claimed")
    row.claimed_by = by.account
    row.claimed_until = at + timedelta(minutes=habits()["claim_minutes"])
    row.save(update_fields=["claimed_by", "claimed_until"])


def _is_elsewhere(row: ReviewQuestion, by: Actor, at: datetime) -> bool:
    return row.claimed_by != by.account and row.claimed_until is not None and row.claimed_until > at


def _get(question: int) -> ReviewQuestion:
    found = ReviewQuestion.objects.select_for_update().filter(pk=question).first()
    if found is None:
        raise Refusal("review.no_question")
    return found


@transaction.atomic
def say(question: int, word: str, *, by: Actor, at: datetime, purpose: str, why: str = "") -> None:
    """A reviewer's word: same, different, unsure (cannot tell), skip. Refuses what somebody else has or has answered."""
    if word not in WORDS:
        raise Refusal("review.unknown_word")
    if len(why) > LONGEST_WHY:
        raise Refusal("review.why_too_long", longest=LONGEST_WHY)
    row = _get(question)
    if row.state != "open":
        raise Refusal("review.answered")
    if _is_elsewhere(row, by, at):
        raise Refusal("review.claimed")
    ReviewWord.objects.create(
        question=row, record_a=row.record_a, record_b=row.record_b, region=row.region, word=word,
        why=sealer().seal(why.strip()) if why.strip() else None, purpose=purpose, said_by=by.account, said_at=at,
    )  # fmt: skip
    row.state = _state_of(row, word)
    row.claimed_by, row.claimed_until = "", None
    row.save(update_fields=["state", "claimed_by", "claimed_until"])
    _tell(row, word, by=by, at=at, purpose=purpose)


def _state_of(row: ReviewQuestion, word: str) -> str:
    if word in ("same", "different"):
        return word
    if word == "unsure":
        people = row.words.filter(word="unsure", undone_at__isnull=True).values("said_by").distinct().count()
        if people >= habits()["unsure_after"]:
            return "unsure"
    return "open"


def _tell(row: ReviewQuestion, word: str, *, by: Actor, at: datetime, purpose: str) -> None:
    for code in (row.person_a, row.person_b):
        log.record(
            by, "review.decide", at, purpose=purpose, subject=f"person:{code}",
            detail={"question": row.pk, "word": word},
        )  # fmt: skip


@transaction.atomic
def take_back(*, by: Actor, at: datetime, purpose: str, word: int | None = None) -> int:
    """Undo the reviewer's newest word (or the one named, anybody's); the question is theirs again. Returns it."""
    words = ReviewWord.objects.select_for_update().filter(undone_at__isnull=True, question__isnull=False)
    words = words.filter(pk=word) if word else words.filter(said_by=by.account)
    last = words.order_by("-said_at", "-id").first()
    if last is None:
        raise Refusal("review.nothing_to_undo")
    last.undone_by, last.undone_at = by.account, at
    last.save(update_fields=["undone_by", "undone_at"])
    row = _get(last.question_id)
    # A pair whose records are no longer kept beside it is asked again by the next run.
    row.state, row.claimed_by = ("open" if row.told else "gone"), by.account
    row.claimed_until = at + timedelta(minutes=habits()["claim_minutes"])
    row.save(update_fields=["state", "claimed_by", "claimed_until"])
    _tell(row, "undone", by=by, at=at, purpose=purpose)
    return int(row.pk)


@transaction.atomic
def take_in(words: Iterable[tuple[int, int, bool]], at: datetime) -> int:
    """Words kept in a file before there was a queue, taken in once. Returns how many were new."""
    known = set(ReviewWord.objects.filter(said_by=BEFORE).values_list("record_a", "record_b", "word"))
    fresh = []
    for a, b, is_same in words:
        told = (min(a, b), max(a, b), "same" if is_same else "different")
        if told not in {(int(x), int(y), w) for x, y, w in known}:
            fresh.append(
                ReviewWord(record_a=told[0], record_b=told[1], word=told[2], said_by=BEFORE, said_at=at)
            )
    ReviewWord.objects.bulk_create(fresh)
    return len(fresh)
