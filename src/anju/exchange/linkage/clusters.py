"""Connected components, set-based, and clusters that keep apart what must stay apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anju.exchange.linkage.steps import Steps

ROUNDS = 60
"""More rounds than any chain of links can need: each round doubles the reach."""
BATCH = 1 << 17
Nodes = npt.NDArray[np.uint64]


def components(steps: Steps, edges: str, name: str) -> None:
    """Table ``name`` (at least node, part): connected components of a query with columns ``a`` and ``b``; the part is the
    smallest node in it. Nodes without an edge are not listed.

    On DuckDB, where nodes are numbers, they are found in memory: a dozen small statements cost more than the work.
    """
    if steps.engine.dialect == "duckdb":
        told = steps.timed(
            name, lambda: steps.engine.stream(f"SELECT a, b FROM ({edges}) AS e", BATCH).read_all()
        )
        if pa.types.is_uint64(told.schema.types[0]):
            node, part = smallest(told.column(0).to_numpy(), told.column(1).to_numpy())
            steps.keep(name, pa.table({"node": node, "part": part}))
            return
    steps.table("lk_cc_edge", f"WITH e AS ({edges}) SELECT a, b FROM e UNION SELECT b, a FROM e")
    steps.table(name, "SELECT a AS node, least(a, min(b)) AS part FROM lk_cc_edge GROUP BY a")
    for _ in range(ROUNDS):
        steps.table(
            "lk_cc_next",
            f"""
            WITH near AS (
                SELECT e.a AS node, min(p.part) AS part FROM lk_cc_edge AS e JOIN {name} AS p ON p.node = e.b GROUP BY e.a
            ),
            lower AS (
                SELECT o.node, o.part AS was, least(o.part, n.part) AS part FROM {name} AS o JOIN near AS n ON n.node = o.node
            )
            SELECT l.node, l.was, least(l.part, j.part) AS part FROM lower AS l JOIN lower AS j ON j.node = l.part
            """,
        )
        if not steps.engine.rows("SELECT 1 FROM lk_cc_next WHERE part <> was LIMIT 1"):
            steps.drop("lk_cc_next")
            break
        steps.rename("lk_cc_next", name)
    steps.drop("lk_cc_edge")


def smallest(a: Nodes, b: Nodes) -> tuple[Nodes, Nodes]:
    """Every node of the edges a - b, and the smallest node that can be reached from it."""
    nodes, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    one, two = places[: len(a)], places[len(a) :]
    label = np.arange(len(nodes))
    while True:
        low = np.minimum(label[one], label[two])
        lower = label.copy()
        for end in (one, two):
            np.minimum.at(lower, label[end], low)
        while not np.array_equal(nearer := lower[lower], lower):
            lower = nearer
        if np.array_equal(lower, label):
            return nodes, nodes[label]
        label = lower


def constrained(steps: Steps, edges: str, seeds: str, name: str) -> None:
    """Table ``name`` (node, part): components in which no two seeds meet.

    ``edges`` is a query (a, b, weight), ``seeds`` a query (node). Where a component holds two seeds or more, each
    other node follows its strongest link towards a seed, and links between different seeds' followers are cut.
    """
    steps.table("lk_ct_edge", f"SELECT a, b, weight FROM ({edges}) AS e")
    steps.table("lk_ct_seed", f"SELECT DISTINCT node FROM ({seeds}) AS s")
    components(steps, "SELECT a, b FROM lk_ct_edge", "lk_ct_part")
    steps.table(
        "lk_ct_torn",
        """
        SELECT p.part FROM lk_ct_part AS p JOIN lk_ct_seed AS s ON s.node = p.node GROUP BY p.part HAVING count(*) > 1
        """,
    )
    if steps.count("lk_ct_torn"):
        _follow(steps)
        steps.table(
            name,
            """
            SELECT node, part FROM lk_ct_part WHERE part NOT IN (SELECT part FROM lk_ct_torn)
            UNION ALL SELECT node, label FROM lk_ct_label
            """,
        )
    else:
        steps.table(name, "SELECT node, part FROM lk_ct_part")
    steps.drop("lk_ct_edge", "lk_ct_seed", "lk_ct_part", "lk_ct_torn", "lk_ct_label", "lk_ct_both")


def _follow(steps: Steps) -> None:
    steps.table(
        "lk_ct_both",
        """
        WITH torn AS (SELECT p.node FROM lk_ct_part AS p JOIN lk_ct_torn AS t ON t.part = p.part)
        SELECT e.a, e.b, e.weight FROM lk_ct_edge AS e WHERE e.a IN (SELECT node FROM torn)
        UNION ALL SELECT e.b, e.a, e.weight FROM lk_ct_edge AS e WHERE e.a IN (SELECT node FROM torn)
        """,
    )
    steps.table(
        "lk_ct_label",
        """
        SELECT s.node, s.node AS label FROM lk_ct_seed AS s JOIN lk_ct_part AS p ON p.node = s.node
        WHERE p.part IN (SELECT part FROM lk_ct_torn)
        """,
    )
    for _ in range(ROUNDS):
        before = steps.count("lk_ct_label")
        steps.table(
            "lk_ct_reach",
            """
            WITH towards AS (
                SELECT b.a AS node, l.label, b.weight,
                       row_number() OVER (PARTITION BY b.a ORDER BY b.weight DESC, l.label) AS place
                FROM lk_ct_both AS b JOIN lk_ct_label AS l ON l.node = b.b
                WHERE b.a NOT IN (SELECT node FROM lk_ct_label)
            )
            SELECT node, label FROM lk_ct_label UNION ALL SELECT node, label FROM towards WHERE place = 1
            """,
        )
        steps.table("lk_ct_label", "SELECT * FROM lk_ct_reach")
        if steps.count("lk_ct_label") == before:
            break
    steps.drop("lk_ct_reach")
