"""What people decided, fed back: pairs that must be one person, pairs that must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anju.exchange.linkage.clusters import components, constrained
from anju.exchange.linkage.steps import Steps

ROUNDS = 50
"""Pairs of one cluster that must be parted are parted one after the other."""
CERTAIN = 1000.0
"""What a key weighs when a cluster is parted; a person's word weighs more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on two records: one person, or not."""

    record_a: int
    record_b: int
    is_same: bool


def load(steps: Steps, said: Sequence[Decision]) -> None:
    """Table ``lk_word`` (record_a, record_b, is_same)."""
    if not said:
        empty = "CAST(0 AS UBIGINT)"
        steps.table(
            "lk_word", f"SELECT {empty} AS record_a, {empty} AS record_b, TRUE AS is_same WHERE FALSE"
        )
        return
    rows = ", ".join(f"({d.record_a}, {d.record_b}, {'TRUE' if d.is_same else 'FALSE'})" for d in said)
    steps.table(
        "lk_word",
        f"""SELECT CAST(a AS UBIGINT) AS record_a, CAST(b AS UBIGINT) AS record_b, is_same
        FROM (VALUES {rows}) AS w(a, b, is_same)""",
    )


def settle(steps: Steps) -> None:
    """Take decided pairs out of ``lk_decided``'s questions: their groups are not weighed against a person's word."""
    if not steps.count("lk_word"):
        return
    steps.table(
        "lk_word_group",
        """
        WITH placed AS (
            SELECT coalesce(g.grp, m.node) AS x, coalesce(h.grp, k.node) AS y, w.is_same
            FROM lk_word AS w JOIN lk_member AS m ON m.record_id = w.record_a JOIN lk_member AS k ON k.record_id = w.record_b
            LEFT JOIN lk_group AS g ON g.node = m.node LEFT JOIN lk_group AS h ON h.node = k.node
        )
        SELECT least(x, y) AS a, greatest(x, y) AS b, bool_and(is_same) AS is_same FROM placed GROUP BY 1, 2
        """,
    )
    steps.table(
        "lk_settled",
        """
        SELECT d.* EXCLUDE (outcome, reason),
               CASE WHEN w.is_same THEN 'same' WHEN NOT w.is_same THEN 'different' ELSE d.outcome END AS outcome,
               CASE WHEN w.is_same IS NOT NULL THEN 'person_decided' ELSE d.reason END AS reason
        FROM lk_decided AS d LEFT JOIN lk_word_group AS w ON w.a = least(d.a, d.b) AND w.b = greatest(d.a, d.b)
        """,
    )
    steps.table("lk_decided", "SELECT * FROM lk_settled")
    steps.drop("lk_settled", "lk_word_group")


def apply(steps: Steps) -> None:
    """``lk_cluster`` (record_id, profile, cluster, how, weight) for every record, and ``lk_person`` (cluster).

    Clusters are bent to the decisions: what must be one is joined, then what must not be is parted.
    """
    seated = "SELECT m.record_id, m.profile, s.cluster, s.how, s.weight FROM lk_member AS m JOIN lk_seat AS s ON s.node = m.node"
    if not steps.count("lk_word"):
        steps.view("lk_cluster", seated)
        steps.table("lk_person", "SELECT DISTINCT cluster FROM lk_seat")
        return
    steps.table("lk_cluster", seated)
    _bend(steps)
    steps.table("lk_person", "SELECT DISTINCT cluster FROM lk_cluster")


def _bend(steps: Steps) -> None:
    components(
        steps,
        """SELECT x.cluster AS a, y.cluster AS b FROM lk_word AS w JOIN lk_cluster AS x ON x.record_id = w.record_a
        JOIN lk_cluster AS y ON y.record_id = w.record_b WHERE w.is_same AND x.cluster <> y.cluster""",
        "lk_word_part",
    )
    steps.table(
        "lk_worded",
        """
        SELECT c.record_id, c.profile, coalesce(p.part, c.cluster) AS cluster,
               CASE WHEN p.part IS NOT NULL AND p.part <> c.cluster THEN 'review' ELSE c.how END AS how, c.weight
        FROM lk_cluster AS c LEFT JOIN lk_word_part AS p ON p.node = c.cluster
        """,
    )
    steps.table("lk_cluster", "SELECT * FROM lk_worded")
    for _ in range(ROUNDS):
        steps.table("lk_torn", _torn())
        if not steps.count("lk_torn"):
            break
        _part(steps)
    steps.drop("lk_worded", "lk_word_part", "lk_torn", "lk_torn_part")


def _torn() -> str:
    """One pair for each cluster that holds two records that must not be one person."""
    return """
        WITH broken AS (
            SELECT x.cluster, w.record_a, w.record_b,
                   row_number() OVER (PARTITION BY x.cluster ORDER BY w.record_a, w.record_b) AS place
            FROM lk_word AS w JOIN lk_cluster AS x ON x.record_id = w.record_a
            JOIN lk_cluster AS y ON y.record_id = w.record_b AND y.cluster = x.cluster WHERE NOT w.is_same
        )
        SELECT cluster, record_a, record_b FROM broken WHERE place = 1
    """


def _part(steps: Steps) -> None:
    """Part each torn cluster along its weakest links, record by record.

    A record hangs on its node by a certain link and on another record by a person's word, which weighs more: so records
    that people said belong together stay together, even where one node holds records of both sides.
    """
    steps.table(
        "lk_torn_record",
        """
        SELECT c.record_id, c.cluster, concat('r', c.record_id) AS node, concat('n', m.node) AS hub,
               c.record_id = t.record_a OR c.record_id = t.record_b AS is_seed, t.record_a AS kept
        FROM lk_cluster AS c JOIN lk_torn AS t ON t.cluster = c.cluster JOIN lk_member AS m ON m.record_id = c.record_id
        """,
    )
    constrained(
        steps,
        f"""
        WITH inside AS (SELECT DISTINCT hub FROM lk_torn_record),
        linked AS (
            SELECT concat('n', node_a) AS a, concat('n', node_b) AS b, {CERTAIN} AS weight FROM lk_key_edge
            UNION ALL SELECT concat('n', a), concat('n', b), weight FROM lk_decided WHERE outcome = 'same'
        )
        SELECT e.a, e.b, e.weight FROM linked AS e SEMI JOIN inside AS i ON i.hub = e.a
        WHERE e.b IN (SELECT hub FROM inside) AND e.a <> e.b
        UNION ALL SELECT node, hub, {CERTAIN} FROM lk_torn_record
        UNION ALL
        SELECT m.node, k.node, 2 * {CERTAIN} FROM lk_word AS w JOIN lk_torn_record AS m ON m.record_id = w.record_a
        JOIN lk_torn_record AS k ON k.record_id = w.record_b AND k.cluster = m.cluster WHERE w.is_same
        """,
        "SELECT node FROM lk_torn_record WHERE is_seed",
        "lk_torn_part",
    )
    steps.table(
        "lk_parted",
        """
        SELECT n.record_id, coalesce(s.record_id, n.kept) AS cluster
        FROM lk_torn_record AS n LEFT JOIN lk_torn_part AS p ON p.node = n.node
        LEFT JOIN lk_torn_record AS s ON s.is_seed AND s.node = p.part
        """,
    )
    steps.table(
        "lk_worded",
        """
        SELECT c.record_id, c.profile, coalesce(p.cluster, c.cluster) AS cluster,
               CASE WHEN p.cluster IS NOT NULL THEN 'review' ELSE c.how END AS how, c.weight
        FROM lk_cluster AS c LEFT JOIN lk_parted AS p ON p.record_id = c.record_id
        """,
    )
    steps.table("lk_cluster", "SELECT * FROM lk_worded")
    steps.drop("lk_parted", "lk_torn_record")
