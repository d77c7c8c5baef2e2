"""Person codes: random, checked, for life.

A cluster keeps the oldest code among its members, records that come back after a withdrawal among them; a code that loses a merge is forwarded to the winner for ever; when a
person is split, the code stays with the part that holds most of its records (then the smallest record id), and the
other part gets a new one. When a merge is taken back each part gets the code it had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from anju.exchange.linkage.steps import Steps
from anju.kernel.identifiers import CODE_ALPHABET, CODE_LENGTH

Mint = Callable[[int], "pa.StringArray"]
"""Gives so many new codes."""


def mint_codes(count: int) -> pa.StringArray:
    """``count`` new random person codes, as ``kernel.identifiers.mint_person_code`` makes one."""
    body = CODE_LENGTH - 1
    drawn = np.frombuffer(os.urandom(count * body), dtype=np.uint8).reshape(count, body) & 31
    doubled = drawn[:, ::-1].astype(np.int64)
    doubled[:, ::2] *= 2
    check = -(doubled // 32 + doubled % 32).sum(axis=1) % 32
    letters = np.frombuffer(CODE_ALPHABET.encode(), dtype=np.uint8)
    text = letters[np.concatenate([drawn, check[:, None].astype(np.uint8)], axis=1)]
    offsets = np.arange(0, (count + 1) * CODE_LENGTH, CODE_LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


Back = tuple[int, str]
"""A record and the code it had before a merge that was taken back."""


def assign(
    steps: Steps,
    run: int,
    mint: Mint,
    claimed: str = "",
    given: str = "lk_codes_before",
    back: Sequence[Back] = (),
    lapsed: str = "lk_lapsed",
) -> int:
    """Tables ``lk_code`` (cluster, person_code), ``lk_event`` and ``lk_codes`` (codes given or forwarded in this run).

    Reads ``lk_cluster``, ``lk_person``, how the records stood (``lk_before``, or the query ``claimed`` of what ``claims_sql``
    tells) and the table ``given``: of all codes at least those that are claimed, those in ``back`` and those forwarded.
    A person who leaves another because a merge was taken back gets the code they had (``back``) instead of a new one.
    ``lapsed`` is a table of records (record_id, person_code) whose people had no record left: of whom one comes back, that
    person has their code again. Returns how many of the records before are there still.
    """
    _say_back(steps, back)
    steps.table("lk_claim", claimed or claims_sql(given))
    stood = _come_back(steps, given, lapsed)
    steps.table(
        "lk_held",
        """
        WITH heirs AS (
            SELECT l.*, row_number() OVER (
                PARTITION BY l.person_code ORDER BY w.cluster IS NULL, l.n DESC, l.least) AS place
            FROM lk_claim AS l LEFT JOIN lk_wish AS w ON w.cluster = l.cluster AND w.person_code = l.person_code
        ),
        oldest AS (
            SELECT *, row_number() OVER (PARTITION BY cluster ORDER BY run, person_code) AS rank
            FROM heirs WHERE place = 1
        )
        SELECT cluster, person_code, rank = 1 AS keeps FROM oldest
        """,
    )
    steps.table(
        "lk_new",
        """
        SELECT p.cluster, row_number() OVER () AS place FROM lk_person AS p
        WHERE p.cluster NOT IN (SELECT cluster FROM lk_held WHERE keeps)
        """,
    )
    count = steps.count("lk_new")
    fresh = pa.table({"place": pa.array(np.arange(1, count + 1)), "person_code": mint(count)})
    steps.timed("lk_minted", lambda: steps.engine.load("lk_drawn", fresh))
    _give_back(steps, given)
    steps.table(
        "lk_code",
        """
        SELECT cluster, person_code FROM lk_held WHERE keeps
        UNION ALL SELECT n.cluster, m.person_code FROM lk_new AS n JOIN lk_minted AS m ON m.place = n.place
        """,
    )
    _remember(steps, run, given)
    steps.drop("lk_claim", "lk_held", "lk_new", "lk_minted", "lk_wish", "lk_returning")
    return stood


def claims_sql(given: str) -> str:
    """Query (cluster, person_code, n, least, run): whose records a cluster holds, how many, the smallest, and the run that
    gave the code."""
    return f"""
        SELECT c.cluster, coalesce(k.current_code, b.person_code) AS person_code, count(*) AS n,
               min(c.record_id) AS least, min(k.run) AS run
        FROM lk_cluster AS c JOIN lk_before AS b ON b.record_id = c.record_id
        LEFT JOIN {given} AS k ON k.person_code = b.person_code
        GROUP BY 1, 2"""


def _come_back(steps: Steps, given: str, lapsed: str) -> int:
    """Add to ``lk_claim`` the codes of people who had no record left and of whom one came back (``lk_returning``); returns
    how many of the records before are there still."""
    [(stood,)] = steps.engine.rows("SELECT sum(n) FROM lk_claim")
    steps.table(
        "lk_returning",
        f"""
        SELECT c.cluster, l.person_code, count(*) AS n, min(c.record_id) AS least, min(k.run) AS run
        FROM {lapsed} AS l JOIN lk_cluster AS c ON c.record_id = l.record_id
        JOIN {given} AS k ON k.person_code = l.person_code AND k.current_code = k.person_code
        ANTI JOIN lk_claim AS s ON s.person_code = l.person_code
        GROUP BY 1, 2
        """,
    )
    if steps.count("lk_returning"):
        steps.table("lk_claim_every", "SELECT * FROM lk_claim UNION ALL SELECT * FROM lk_returning")
        steps.rename("lk_claim_every", "lk_claim")
    return int(stood or 0)


def lapse(steps: Steps, stood: int) -> None:
    """Table ``lk_lapsed_now`` (record_id, person_code): the last known records of people who have none in this whole run,
    from ``lk_lapsed`` and ``lk_before``, of whose records ``stood`` are there still."""
    gone = ""
    if stood < steps.count("lk_before"):  # else there is nobody to look for
        gone = """UNION ALL SELECT b.record_id, b.person_code FROM lk_before AS b
            ANTI JOIN lk_cluster AS c ON c.record_id = b.record_id"""
    steps.table(
        "lk_lapsed_now",
        f"""SELECT DISTINCT l.record_id, l.person_code FROM (SELECT record_id, person_code FROM lk_lapsed {gone}) AS l
        ANTI JOIN lk_code AS k ON k.person_code = l.person_code
        ANTI JOIN (SELECT person_code FROM lk_codes WHERE current_code <> person_code) AS m ON m.person_code = l.person_code""",
    )


def _say_back(steps: Steps, back: Sequence[Back]) -> None:
    """Table ``lk_wish`` (cluster, person_code): who had which code before a merge that was taken back."""
    told = {
        "record_id": pa.array([record for record, _ in back], pa.uint64()),
        "person_code": pa.array([code for _, code in back], pa.string()),
    }
    steps.engine.load("lk_hint", pa.table(told))
    steps.table(
        "lk_wish",
        "SELECT DISTINCT c.cluster, h.person_code FROM lk_hint AS h JOIN lk_cluster AS c ON c.record_id = h.record_id",
    )
    steps.drop("lk_hint")


def _give_back(steps: Steps, given: str) -> None:
    """Table ``lk_minted`` (place, person_code, is_back) from ``lk_drawn``: a forwarded code goes back to its person."""
    steps.table(
        "lk_minted",
        f"""
        WITH meant AS (
            SELECT n.place, w.person_code, row_number() OVER (PARTITION BY n.place ORDER BY w.person_code) AS first_place,
                   row_number() OVER (PARTITION BY w.person_code ORDER BY n.place) AS first_code
            FROM lk_wish AS w JOIN lk_new AS n ON n.cluster = w.cluster
            JOIN {given} AS k ON k.person_code = w.person_code AND k.current_code <> k.person_code
        )
        SELECT d.place, coalesce(m.person_code, d.person_code) AS person_code, m.place IS NOT NULL AS is_back
        FROM lk_drawn AS d LEFT JOIN meant AS m ON m.place = d.place AND m.first_place = 1 AND m.first_code = 1
        """,
    )
    steps.drop("lk_drawn")


def _remember(steps: Steps, run: int, given: str) -> None:
    steps.table(
        "lk_event",
        f"""
        SELECT {run} AS run, 'minted' AS kind, m.person_code, CAST(NULL AS VARCHAR) AS other_code, 'new_person' AS reason
        FROM lk_minted AS m WHERE NOT m.is_back
        UNION ALL
        SELECT {run}, 'returned', r.person_code, CAST(NULL AS VARCHAR), 'came_back'
        FROM lk_returning AS r JOIN lk_held AS h ON h.cluster = r.cluster AND h.person_code = r.person_code WHERE h.keeps
        UNION ALL
        SELECT {run}, 'merged', k.person_code, h.person_code, 'one_person'
        FROM lk_held AS h JOIN lk_held AS k ON k.cluster = h.cluster AND k.keeps WHERE NOT h.keeps
        UNION ALL
        SELECT DISTINCT {run}, 'split', c.person_code, n.person_code, 'two_people'
        FROM lk_claim AS c JOIN lk_code AS n ON n.cluster = c.cluster
        JOIN lk_held AS h ON h.person_code = c.person_code AND h.cluster <> c.cluster
        """,
    )
    steps.table(
        "lk_codes",
        f"""
        WITH lost AS (
            SELECT h.person_code, k.person_code AS winner
            FROM lk_held AS h JOIN lk_held AS k ON k.cluster = h.cluster AND k.keeps WHERE NOT h.keeps
        )
        SELECT b.person_code, b.run, l.winner AS current_code
        FROM {given} AS b JOIN lost AS l ON l.person_code = b.current_code
        UNION ALL
        SELECT m.person_code, coalesce(k.run, {run}), m.person_code
        FROM lk_minted AS m LEFT JOIN {given} AS k ON m.is_back AND k.person_code = m.person_code
        """,
    )
