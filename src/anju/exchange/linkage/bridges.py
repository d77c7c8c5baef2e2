"""Chains of people: a pair that alone holds two groups together is asked, not joined.

Rows of one person are like each other; where one row of a group is like one row of another and all the rest is not, the two
groups are two people with something in common, a father and a son or holders of one title. Joined by such pairs one after
the other, strangers would end as one person.
"""

from __future__ import annotations

from anju.exchange.linkage.clusters import components
from anju.exchange.linkage.steps import Steps

MOSTLY = 0.5
"""Share of the neighbours of the row with fewer of them that both rows of a pair must have in common."""
MANY = 100
"""Rows with more neighbours than this are left as they are, which bounds the work."""
ROUNDS = 4


def part(steps: Steps) -> None:
    """In ``lk_decided`` (a, b, outcome, reason, ...), pairs that are bridges become questions."""
    components(steps, "SELECT a, b FROM lk_decided WHERE outcome = 'same'", "lk_part")
    steps.table(
        "lk_tie",
        """WITH held AS (SELECT d.a, d.b, p.part FROM lk_decided AS d JOIN lk_part AS p ON p.node = d.a WHERE d.outcome = 'same'),
        ties AS (SELECT part, count(*) AS n FROM held GROUP BY part), sizes AS (SELECT part, count(*) AS n FROM lk_part GROUP BY part),
        loose AS (SELECT s.part FROM sizes AS s JOIN ties AS t ON t.part = s.part WHERE s.n > 3 AND t.n < s.n * (s.n - 1) / 2)
        SELECT h.a AS x, h.b AS y FROM held AS h SEMI JOIN loose AS l ON l.part = h.part
        UNION ALL SELECT h.b, h.a FROM held AS h SEMI JOIN loose AS l ON l.part = h.part""",
    )
    before = steps.count("lk_tie")
    steps.table("lk_bridge", "SELECT x, y FROM lk_tie WHERE FALSE")
    for _ in range(ROUNDS):
        _find(steps)
        if not steps.count("lk_bridge_found"):
            break
        steps.table("lk_bridge_all", "SELECT x, y FROM lk_bridge UNION ALL SELECT x, y FROM lk_bridge_found")
        steps.rename("lk_bridge_all", "lk_bridge")
        steps.table(
            "lk_tie_left",
            "SELECT t.x, t.y FROM lk_tie AS t ANTI JOIN lk_bridge_found AS f ON least(f.x, f.y) = least(t.x, t.y) "
            "AND greatest(f.x, f.y) = greatest(t.x, t.y)",
        )
        steps.rename("lk_tie_left", "lk_tie")
    if steps.count("lk_tie") < before:
        columns = [str(c[0]) for c in steps.engine.rows("DESCRIBE lk_decided")]
        kept = ", ".join(f"d.{c}" for c in columns if c not in ("outcome", "reason"))
        steps.table(
            "lk_decided_apart",
            f"""WITH found AS (SELECT least(x, y) AS x, greatest(x, y) AS y FROM lk_bridge)
            SELECT {kept}, CASE WHEN f.x IS NOT NULL THEN 'ask' ELSE d.outcome END AS outcome,
                   CASE WHEN f.x IS NOT NULL THEN 'bridge' ELSE d.reason END AS reason
            FROM lk_decided AS d LEFT JOIN found AS f ON f.x = least(d.a, d.b) AND f.y = greatest(d.a, d.b)""",
        )
        steps.rename("lk_decided_apart", "lk_decided")
    steps.drop("lk_tie", "lk_bridge", "lk_bridge_found")


def _find(steps: Steps) -> None:
    """Table ``lk_bridge_found``: ties (x the end with fewer neighbours) whose ends have too few neighbours in common."""
    steps.table(
        "lk_bridge_found",
        f"""WITH many AS (SELECT x, count(*) AS n FROM lk_tie GROUP BY x),
        judged AS (
            SELECT t.x, t.y, m.n FROM lk_tie AS t JOIN many AS m ON m.x = t.x JOIN many AS o ON o.x = t.y
            WHERE m.n BETWEEN 2 AND {MANY} AND (m.n < o.n OR (m.n = o.n AND t.x < t.y))
        ),
        shared AS (
            SELECT j.x, j.y, count(*) AS n FROM judged AS j JOIN lk_tie AS s ON s.x = j.x
            SEMI JOIN lk_tie AS o ON o.x = s.y AND o.y = j.y GROUP BY j.x, j.y
        )
        SELECT j.x, j.y FROM judged AS j LEFT JOIN shared AS s ON s.x = j.x AND s.y = j.y
        WHERE coalesce(s.n, 0) < {MOSTLY} * (j.n - 1)""",
    )
