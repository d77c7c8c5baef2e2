"""Any list of people that is not written the Chinese way: one comparison per column, trained on the list itself.

A Chinese list becomes mentions (``chinese_list``) and goes through the register's own comparisons and keys (``link``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anju.exchange.linkage import bridges, decisions, households, model, training
from anju.exchange.linkage import columns as listed
from anju.exchange.linkage.clusters import components
from anju.exchange.linkage.columns import ALONE, COARSE, ListColumn
from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.decisions import Decision
from anju.exchange.linkage.households import Apart
from anju.exchange.linkage.list_contract import ListContract
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps

PAIRED_COLUMNS = 9
PAIRED_COLUMNS_LARGE = 8
LARGE = 200_000
"""A list of more rows pairs fewer columns when it looks for candidates."""
BLOCK_PAIRS = 20_000
TRAINED = 500_000
"""Candidate pairs that training looks at."""
SAME_FROM, SAME_FROM_FEW, ASK_FROM = 0.0, 3.0, -6.0
"""Bits from which a pair is one person, where the contract says nothing: in a list that says much of everybody, in one that
says little beside the name; and from which a person is asked."""
NEVER = 1e9


def block(steps: Steps, columns: Sequence[ListColumn], contract: ListContract) -> None:
    """Table ``lk_pair`` (a < b): rows that share a rare key; blocks beyond the bound are dropped and counted."""
    rows = steps.count("lk_list")
    telling = _telling(steps, columns)
    rules = listed.blocking_keys(telling, PAIRED_COLUMNS if rows <= LARGE else PAIRED_COLUMNS_LARGE)
    keys = " UNION ALL ".join(
        f"SELECT '{n}' AS rule, unique_id, file_no, {key} AS key FROM lk_list" for n, key in rules
    )
    steps.table(
        "lk_list_key",
        f"SELECT rule, hash(rule, key) AS code, unique_id, file_no FROM ({keys}) AS k WHERE key IS NOT NULL",
    )
    steps.table(
        "lk_list_block",
        "SELECT rule, code, count(*) AS n FROM lk_list_key GROUP BY rule, code HAVING count(*) > 1",
    )
    steps.table(
        "lk_block",
        f"""SELECT rule, count(*) AS blocks, max(n * (n - 1) / 2) AS largest,
            sum(CASE WHEN n * (n - 1) / 2 <= {BLOCK_PAIRS} THEN n * (n - 1) / 2 ELSE 0 END) AS pairs,
            sum(CASE WHEN n * (n - 1) / 2 <= {BLOCK_PAIRS} THEN 0 ELSE 1 END) AS dropped
        FROM lk_list_block GROUP BY rule""",
    )
    apart = "AND x.file_no <> y.file_no" if contract.once_per_file else ""
    steps.table(
        "lk_pair",
        f"""
        WITH good AS (SELECT code FROM lk_list_block WHERE n * (n - 1) / 2 <= {BLOCK_PAIRS}),
        kept AS (SELECT k.code, k.unique_id, k.file_no FROM lk_list_key AS k SEMI JOIN good AS g ON g.code = k.code)
        SELECT DISTINCT x.unique_id AS a, y.unique_id AS b
        FROM kept AS x JOIN kept AS y ON y.code = x.code AND x.unique_id < y.unique_id {apart}
        """,
    )
    steps.drop("lk_list_key", "lk_list_block")


def _telling(steps: Steps, columns: Sequence[ListColumn]) -> list[ListColumn]:
    """Columns by how well one value tells people apart: most distinct values first."""
    asked = ", ".join(f"count(DISTINCT {c.id})" for c in columns)
    distinct = steps.engine.rows(f"SELECT {asked} FROM lk_list")[0]
    return [c for _, c in sorted(zip(distinct, columns, strict=True), key=lambda x: -x[0])]


def train(
    steps: Steps,
    columns: Sequence[ListColumn],
    contract: ListContract,
    compared: tuple[Comparison, ...],
    base: Parameters,
) -> tuple[Parameters, tuple[Apart, ...]]:
    """The model of this list: ``u`` from random pairs, ``m`` from its candidate pairs, begun at ordinary error rates."""
    rows = steps.count("lk_list")
    wanted = min(training.RANDOM_PAIRS, rows * (rows - 1) // 2)
    rounds = max(1, -(-wanted // max(rows, 1)))
    turns = ", ".join(f"({turn})" for turn in range(rounds))
    seen_random = training.patterns(
        steps,
        compared,
        f"""WITH numbered AS (
            SELECT unique_id, row_number() OVER (ORDER BY md5(CAST(unique_id AS VARCHAR))) - 1 AS place FROM lk_list
        ),
        shifted AS (
            SELECT n.unique_id AS a, (n.place + 1 + g.s * {max(rows // (rounds + 1), 1)}) % {rows} AS place
            FROM numbered AS n CROSS JOIN (VALUES {turns}) AS g(s) WHERE n.place < {wanted // rounds + 1}
        )
        SELECT s.a, y.unique_id AS b FROM shifted AS s JOIN numbered AS y ON y.place = s.place WHERE s.a <> y.unique_id""",
    )
    u = training.random_chances(seen_random, compared)
    for column in columns:
        if column.kind in ALONE:
            u[column.id] |= {"same": min(u[column.id]["same"], 1 / (10 * max(rows, 1000)))}
    pairs = steps.count("lk_pair")
    every = max(1, -(-pairs // TRAINED))
    seen = training.patterns(steps, compared, f"SELECT a, b FROM lk_pair WHERE (a * 7919 + b) % {every} = 0")
    whole = max(rows * (rows - 1) / 2, 1)
    together = listed.together(columns)
    one, *others = training.stories(
        seen, compared, listed.starting_chances(columns), u, whole / every, together, listed.alike(columns)
    )
    chances = {c.name: listed.chances(one.chances[c.name], u[c.name]) for c in compared}
    prior = min(max(one.pairs * every / whole, 1e-9), 0.5)
    apart = households.learned(one, others, every / whole)
    weights = replace(
        base,
        prior=prior,
        same_from=_same_from(columns) if contract.same_from is None else contract.same_from,
        ask_from=ASK_FROM if contract.ask_from is None else contract.ask_from,
        chances=chances,
        version="list",
    )
    return weights, apart


def _whole_names_aside(steps: Steps, columns: Sequence[ListColumn]) -> Sequence[ListColumn]:
    """The columns without those that repeat two others: a whole name beside its parts would count them twice."""
    names = [c for c in columns if listed.FAMILY.get(c.kind) == "name"]
    asked = [(x, y, z) for x in names for y in names for z in names if y is not x is not z and y.id < z.id]
    if not asked:
        return columns
    within = "{0} LIKE concat('%', {1}, '%')"
    counted = ", ".join(
        f"sum(CASE WHEN {within.format(x.id, y.id)} AND {within.format(x.id, z.id)} THEN 1 ELSE 0 END), "
        f"sum(CASE WHEN {x.id} IS NOT NULL AND {y.id} IS NOT NULL AND {z.id} IS NOT NULL AND {y.id} <> {z.id} THEN 1 ELSE 0 END), "
        f"count({x.id})"
        for x, y, z in asked
    )
    told = steps.engine.rows(f"SELECT {counted} FROM lk_list")[0]
    repeats = set()
    for n, (x, _, _) in enumerate(asked):
        repeated, stated, filled = (told[3 * n + i] or 0 for i in range(3))
        if repeated >= 0.6 * stated and stated >= 0.7 * filled and stated:
            repeats.add(x.id)
    return [c for c in columns if c.id not in repeats]


def _same_from(columns: Sequence[ListColumn]) -> float:
    """A list of names alone joins nobody; one with one or two columns more joins with more evidence."""
    beside = [c for c in columns if c.kind not in COARSE and listed.FAMILY.get(c.kind) != "name"]
    return NEVER if not beside else SAME_FROM_FEW if len(beside) <= 2 else SAME_FROM


def cluster(
    steps: Steps,
    contract: ListContract,
    compared: tuple[Comparison, ...],
    weights: Parameters,
    said: Sequence[Decision],
) -> None:
    """Tables ``lk_decided`` (pairs with outcome) and ``lk_list_cluster`` (unique_id, cluster, weight, is_key, is_said)."""
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in compared)
    best = "TRUE"
    if contract.once_per_file:
        best = """row_number() OVER (PARTITION BY unique_id_l ORDER BY weight DESC, unique_id_r) = 1
            AND row_number() OVER (PARTITION BY unique_id_r ORDER BY weight DESC, unique_id_l) = 1"""
    steps.table(
        "lk_decided",
        f"""WITH ranked AS (SELECT *, {best} AS is_best FROM lk_scored)
        SELECT unique_id_l AS a, unique_id_r AS b, weight, {told},
               CASE WHEN weight < {weights.same_from} OR NOT is_best THEN 'ask' ELSE 'same' END AS outcome,
               'weight' AS reason FROM ranked""",
    )
    bridges.part(steps)
    _hear(steps, said)
    components(steps, "SELECT a, b FROM lk_decided WHERE outcome = 'same'", "lk_part")
    steps.table(
        "lk_seat",
        """
        WITH sides AS (
            SELECT a AS id, weight FROM lk_decided WHERE outcome = 'same'
            UNION ALL SELECT b, weight FROM lk_decided WHERE outcome = 'same'
        ),
        best AS (SELECT id, max(weight) AS weight FROM sides GROUP BY id)
        SELECT l.unique_id AS node, coalesce(p.part, l.unique_id) AS cluster, 'model' AS how, b.weight
        FROM lk_list AS l LEFT JOIN lk_part AS p ON p.node = l.unique_id LEFT JOIN best AS b ON b.id = l.unique_id
        """,
    )
    decisions.apply(steps)
    steps.table(
        "lk_list_cluster",
        """SELECT record_id AS unique_id, min(record_id) OVER (PARTITION BY cluster) AS cluster, weight, FALSE AS is_key,
               how = 'review' AS is_said FROM lk_cluster""",
    )


def _hear(steps: Steps, said: Sequence[Decision]) -> None:
    """What people said about pairs goes before what they weigh. Every row is a node of its own, and no key joins any."""
    decisions.load(steps, said)
    steps.view(
        "lk_member", "SELECT unique_id AS record_id, unique_id AS profile, unique_id AS node FROM lk_list"
    )
    nobody = "SELECT unique_id AS {0}, unique_id AS {1} FROM lk_list WHERE FALSE"
    steps.view("lk_group", nobody.format("node", "grp"))
    steps.view("lk_key_edge", nobody.format("node_a", "node_b"))
    decisions.settle(steps)


def link_columns(
    steps: Steps,
    columns: Sequence[ListColumn],
    contract: ListContract,
    base: Parameters,
    said: Sequence[Decision] = (),
) -> tuple[Comparison, ...]:
    """Link a list that was prepared (``prepare``) by its columns; leaves ``lk_list_cluster``, ``lk_decided`` and ``lk_block``."""
    columns = _whole_names_aside(steps, columns)
    block(steps, columns, contract)
    compared = listed.comparisons(columns)
    weights, others = train(steps, columns, contract, compared, base)
    steps.table("lk_likely", "SELECT a AS l, b AS r FROM lk_pair")
    model.score(steps, compared, weights)
    compared = households.weigh(steps, compared, weights, others)
    cluster(steps, contract, compared, weights, said)
    return compared
