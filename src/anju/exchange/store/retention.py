"""Held rows whose raw text is past its term: ended rows after the term, and rows of records that were erased."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import connection


def texts_due(ended_before: datetime) -> Mapping[str, list[int]]:
    """Batch -> row numbers whose text in the held file is to go. The row itself stays: it says why, not who."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.batch_id, h.row_no FROM exchange_heldrow AS h WHERE (h.state <> 'open' AND h.ended_at <= %s)"
            " OR EXISTS (SELECT 1 FROM trust_tombstone AS t WHERE t.record_id = h.record_id) ORDER BY 1, 2",
            [ended_before],
        )
        found: dict[str, list[int]] = defaultdict(list)
        for batch, row_no in cursor.fetchall():
            found[batch].append(int(row_no))
    return found
