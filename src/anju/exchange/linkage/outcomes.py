"""Three outcomes for a pair - same, ask a person, different - and the clusters that follow."""

from __future__ import annotations

from collections.abc import Sequence

from anju.exchange.linkage.clusters import constrained
from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.keys import AGREE
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

LOOSELY = ("sound", "look", "order", "near_sound", "dropped")
"""Names that sisters and brothers have too: 王博 and 王宇博, 嘉豪 and 家豪, who share all that surrounds them, are told by their birthdays."""


def decide(steps: Steps, comparisons: Sequence[Comparison], parameters: Parameters) -> None:
    """Table ``lk_decided``: one row per pair of groups (its best variants), with outcome and reason.

    However high the weight, names that disagree are never joined without a person: families share phone, address,
    origin and surname, and twins their birthday. A group that two numbered people fit about equally well is asked.
    """
    told = ", ".join(f"s.{c.name}_level, s.{c.name}_weight" for c in comparisons)
    steps.table(
        "lk_best",
        f"""
        WITH sided AS (
            SELECT l.grp AS a, r.grp AS b, l.record AS record_a, r.record AS record_b, l.is_anchor AS a_anchor,
                   r.is_anchor AS b_anchor, s.weight, {told},
                   row_number() OVER (PARTITION BY l.grp, r.grp ORDER BY s.weight DESC, l.record, r.record,
                                      s.unique_id_l, s.unique_id_r) AS place
            FROM lk_scored AS s JOIN lk_feature AS l ON l.unique_id = s.unique_id_l
            JOIN lk_feature AS r ON r.unique_id = s.unique_id_r
        )
        SELECT *, {_may_join()} AS may_join FROM sided WHERE place = 1
        """,
    )
    steps.table("lk_rival", _rivals(parameters))
    steps.table(
        "lk_decided",
        f"""
        SELECT b.* EXCLUDE (place),
               CASE WHEN b.weight < {parameters.same_from} THEN 'ask' WHEN NOT b.may_join THEN 'ask'
                    WHEN ra.grp IS NOT NULL OR rb.grp IS NOT NULL THEN 'ask' ELSE 'same' END AS outcome,
               CASE WHEN b.weight < {parameters.same_from} THEN 'in_between' WHEN NOT b.may_join THEN 'names_disagree'
                    WHEN ra.grp IS NOT NULL OR rb.grp IS NOT NULL THEN 'two_people_fit' ELSE 'weight' END AS reason
        FROM lk_best AS b
        LEFT JOIN lk_rival AS ra ON ra.grp = b.a AND b.weight < ra.needs
        LEFT JOIN lk_rival AS rb ON rb.grp = b.b AND b.weight < rb.needs
        """,
    )
    steps.drop("lk_scored", "lk_best", "lk_rival")


def _may_join() -> str:
    agree = ", ".join(f"'{v}'" for v in AGREE if v != "missing")
    loosely = ", ".join(f"'{v}'" for v in LOOSELY)
    apart = f"name_level IN ({loosely}) AND birth_level = 'other' AND number_level IN ('missing', 'other')"
    return f"""(name_level IN ({agree}) AND sex_level <> 'other' AND NOT ({apart}) OR name_level IN ('same', 'pinyin')
        OR name_level = 'given' AND birth_level IN ('same', 'lunar') AND sex_level = 'same'
        OR number_level IN ('same', 'one_digit', 'turned') AND birth_level = 'same' AND name_level = 'one_char')"""


def _rivals(parameters: Parameters) -> str:
    """Open groups that two anchors fit: what a link must weigh to be taken nevertheless."""
    return f"""
        WITH towards AS (
            SELECT a AS grp, b AS anchor, weight FROM lk_best WHERE b_anchor AND may_join
            UNION ALL SELECT b, a, weight FROM lk_best WHERE a_anchor AND may_join
        ),
        ranked AS (
            SELECT grp, weight, row_number() OVER (PARTITION BY grp ORDER BY weight DESC) AS place FROM towards
        )
        SELECT f.grp, CASE WHEN f.weight - s.weight < {parameters.lead} THEN f.weight + {parameters.lead}
                           ELSE s.weight + {parameters.lead} END AS needs
        FROM ranked AS f JOIN ranked AS s ON s.grp = f.grp AND f.place = 1 AND s.place = 2
    """


def cluster(steps: Steps) -> None:
    """Table ``lk_seat`` (node, cluster, how, weight): the person of every node."""
    constrained(
        steps,
        "SELECT a, b, weight FROM lk_decided WHERE outcome = 'same'",
        "SELECT node FROM lk_anchor",
        "lk_part",
    )
    steps.table(
        "lk_link_weight",
        """
        WITH sides AS (
            SELECT d.a, d.b, d.weight FROM lk_decided AS d JOIN lk_part AS p ON p.node = d.a
            JOIN lk_part AS q ON q.node = d.b AND q.part = p.part WHERE d.outcome = 'same'
        ),
        each_side AS (SELECT a AS grp, weight FROM sides UNION ALL SELECT b, weight FROM sides)
        SELECT grp, max(weight) AS weight FROM each_side GROUP BY grp
        """,
    )
    steps.table(
        "lk_seat",
        """
        WITH nodes AS (
            SELECT node, TRUE AS is_anchor FROM lk_anchor UNION ALL SELECT DISTINCT node, FALSE FROM lk_open
        ),
        grouped AS (
            SELECT n.node, coalesce(g.grp, n.node) AS grp, n.is_anchor OR coalesce(g.is_anchor, FALSE) AS is_anchor,
                   g.grp IS NOT NULL AS is_keyed
            FROM nodes AS n LEFT JOIN lk_group AS g ON g.node = n.node
        )
        SELECT n.node, coalesce(p.part, n.grp) AS cluster,
               CASE WHEN n.is_anchor THEN 'key' WHEN w.grp IS NOT NULL THEN 'model' WHEN n.is_keyed THEN 'key'
                    ELSE 'alone' END AS how,
               CASE WHEN NOT n.is_anchor THEN w.weight END AS weight
        FROM grouped AS n LEFT JOIN lk_part AS p ON p.node = n.grp LEFT JOIN lk_link_weight AS w ON w.grp = n.grp
        """,
    )
