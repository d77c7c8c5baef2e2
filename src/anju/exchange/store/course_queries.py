"""How two queues went: rows held back by intake, and questions that wait for a person's judgement.

Nothing is counted beforehand: every row says when it began and when it ended, so the queue of any moment can be told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class Course:
    """What waited at each moment, and how many had been dealt with by then."""

    waiting: tuple[int, ...]
    done: tuple[int, ...]


_HELD = """
SELECT width_bucket(since, %(at)s::timestamptz[]) AS began, width_bucket(ended_at, %(at)s::timestamptz[]) AS ended,
    state = 'fixed' AS is_done, count(*)
FROM exchange_heldrow WHERE %(every)s OR dataset = ANY(%(datasets)s) GROUP BY 1, 2, 3
"""
_QUESTIONS = """
WITH run AS (SELECT run, min(asked_at) AS at FROM exchange_reviewquestion GROUP BY run),
question AS (
    SELECT q.asked_at, q.state, CASE q.state WHEN 'open' THEN NULL
        WHEN 'gone' THEN (SELECT min(r.at) FROM run r WHERE r.run > q.run AND r.at > q.asked_at)
        ELSE (SELECT max(w.said_at) FROM exchange_reviewword w
              WHERE w.question_id = q.id AND w.undone_at IS NULL AND w.word <> 'skip') END AS ended_at
    FROM exchange_reviewquestion q)
SELECT width_bucket(asked_at, %(at)s::timestamptz[]), width_bucket(ended_at, %(at)s::timestamptz[]),
    state <> 'gone', count(*)
FROM question WHERE state = 'open' OR ended_at IS NOT NULL GROUP BY 1, 2, 3
"""


def held(moments: Sequence[datetime], datasets: Collection[str] | None = None) -> Course:
    """Rows held back and rows mended, at each of the rising moments; of these datasets (None: of all)."""
    return _course(_HELD, moments, every=datasets is None, datasets=sorted(datasets or ()))


def questions(moments: Sequence[datetime]) -> Course:
    """Questions that waited within the reader's places, and questions answered, at each of the rising moments.

    A question that a later run no longer asked ended with that run's first new question; one of which not even that
    is known is left out.
    """
    return _course(_QUESTIONS, moments)


def _course(statement: str, moments: Sequence[datetime], **told: object) -> Course:
    """Buckets of begin and end (none: still there), summed up: in bucket ``n`` is what fell after ``n`` moments."""
    waiting, done = [0] * len(moments), [0] * len(moments)
    if moments:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"at": list(moments), **told})
            for began, ended, is_done, count in cursor.fetchall():
                for n in range(began, len(moments)):
                    if ended is None or n < ended:
                        waiting[n] += count
                    elif is_done:
                        done[n] += count
    return Course(tuple(waiting), tuple(done))
