"""Any list of people, linked by the same engine: a small mapping says what each column is.

Two ways: a Chinese list becomes mentions and goes through the register's own comparisons and keys (``link``); any other
list gets one comparison per column, trained on the list itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anju.exchange.linkage import columns as listed
from anju.exchange.linkage import model, training
from anju.exchange.linkage.clusters import components
from anju.exchange.linkage.columns import COARSE, KINDS, ListColumn
from anju.exchange.linkage.comparisons import Comparison
from anju.exchange.linkage.parameters import Parameters
from anju.exchange.linkage.steps import Steps
from anju.kernel.refusal import Refusal

PAIRED_COLUMNS = 9
PAIRED_COLUMNS_LARGE = 5
LARGE = 200_000
"""A list of more rows pairs fewer columns when it looks for candidates."""
BLOCK_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class ListContract:
    """The mapping of a list. ``chinese`` decides the comparisons; ``once_per_file``: a person stands once in a file."""

    chinese: bool
    id: str | None
    columns: tuple[ListColumn, ...]
    to: Mapping[str, tuple[str, ...]]
    once_per_file: bool = False
    same_from: float = 0.0
    ask_from: float = -6.0


def read_contract(said: Mapping[str, Any]) -> ListContract:
    """A list contract from YAML: ``language``, ``id``, ``columns`` (heading to kind), ``once_per_file``.

    A department's contract (``properties`` with ``to``) is understood as well. Raises ``linkage.list_contract_empty``,
    ``linkage.unknown_kind``.
    """
    if "properties" in said:
        to = {p["name"]: _many(p["to"]) for p in said["properties"] if p.get("to")}
        return ListContract(True, None, (), to)
    stated = said.get("columns") or {}
    if not stated:
        raise Refusal("linkage.list_contract_empty")
    chinese = str(said.get("language", "other")).lower() in ("zh", "chinese", "中文")
    if chinese:
        return ListContract(True, said.get("id"), (), {k: _canonical(str(v)) for k, v in stated.items()})
    for kind in stated.values():
        if kind not in KINDS:
            raise Refusal("linkage.unknown_kind", kind=kind, kinds=", ".join(KINDS))
    found = tuple(ListColumn(f"c{i}", str(k), str(v)) for i, (k, v) in enumerate(stated.items()))
    return ListContract(
        False,
        said.get("id"),
        found,
        {},
        bool(said.get("once_per_file", False)),
        float(said.get("same_from", 0.0)),
        float(said.get("ask_from", -6.0)),
    )


CHINESE_KINDS = {
    "name": "person.name",
    "citizen_no": "person.citizen_no",
    "number": "person.citizen_no",
    "sex": "person.sex",
    "birthday": "person.born_on",
    "phone": "person.phone",
    "origin": "person.hukou_region",
    "region": "person.hukou_region",
    "address": "stay",
    "employer": "job.employer_code",
    "relative": "kin.name",
    "relative_no": "kin.citizen_no",
    "relative_phone": "kin.phone",
    "household": "kin.household_no",
}
"""What a column of a Chinese list can be, and the canonical column it fills."""


def _canonical(kind: str) -> tuple[str, ...]:
    if kind in CHINESE_KINDS:
        return (CHINESE_KINDS[kind],)
    if kind in CHINESE_KINDS.values():
        return (kind,)
    raise Refusal("linkage.unknown_kind", kind=kind, kinds=", ".join(CHINESE_KINDS))


def _many(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)


def prepare(steps: Steps, contract: ListContract, source: str) -> None:
    """Table ``lk_feature`` from the table ``source`` (unique_id, file_no and the list's own columns as text)."""
    cleaned = ", ".join(_clean(c) for c in contract.columns)
    steps.table("lk_list", f"SELECT unique_id, file_no, {cleaned} FROM {source}")
    fine = [c for c in contract.columns if c.kind not in COARSE]
    for c in fine:
        steps.table(
            f"lk_often_{c.id}",
            f"""WITH t AS (SELECT count({c.id}) AS n FROM lk_list)
            SELECT l.{c.id}, count(*) / max(t.n) AS tf_{c.id} FROM lk_list AS l CROSS JOIN t
            WHERE l.{c.id} IS NOT NULL GROUP BY l.{c.id}""",
        )
    often = ", ".join(f"o_{c.id}.tf_{c.id}" for c in fine)
    joins = " ".join(f"LEFT JOIN lk_often_{c.id} AS o_{c.id} ON o_{c.id}.{c.id} = l.{c.id}" for c in fine)
    steps.table(
        "lk_feature",
        f"""SELECT l.*, l.unique_id AS grp, FALSE AS is_anchor, l.unique_id AS record {", " + often if often else ""} FROM lk_list AS l {joins}""",
    )
    steps.drop(*(f"lk_often_{c.id}" for c in fine))


def _clean(column: ListColumn) -> str:
    text = f'lower(trim("{column.source}"))'
    if column.kind in ("birthday", "number", "phone"):
        text = f"translate({text}, '-/. ', '')"
    elif column.kind in ("name", "given_name", "surname"):
        text = f"regexp_replace({text}, '[^0-9a-zà-ÿ]+', ' ', 'g')"
    return f"nullif(trim({text}), '') AS {column.id}"


def block(steps: Steps, contract: ListContract) -> None:
    """Table ``lk_pair`` (a < b): rows that share a rare key; blocks beyond the bound are dropped and counted."""
    rows = steps.count("lk_list")
    telling = _telling(steps, contract)
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


def _telling(steps: Steps, contract: ListContract) -> list[ListColumn]:
    """Columns by how well one value tells people apart: most distinct values first."""
    asked = ", ".join(f"count(DISTINCT {c.id})" for c in contract.columns)
    distinct = steps.engine.rows(f"SELECT {asked} FROM lk_list")[0]
    return [c for _, c in sorted(zip(distinct, contract.columns, strict=True), key=lambda x: -x[0])]


def train(
    steps: Steps, contract: ListContract, compared: tuple[Comparison, ...], base: Parameters
) -> Parameters:
    """The model of this list: ``u`` from random pairs, ``m`` from its candidate pairs, begun at ordinary error rates."""
    rows = steps.count("lk_list")
    wanted = min(training.RANDOM_PAIRS, rows * (rows - 1) // 2)
    rounds = max(1, -(-wanted // max(rows, 1)))
    seen_random = training.patterns(
        steps,
        compared,
        f"""WITH numbered AS (SELECT unique_id, row_number() OVER (ORDER BY hash(unique_id)) - 1 AS place FROM lk_list),
        shifts AS (SELECT CAST(1 + g.s * {max(rows // (rounds + 1), 1)} AS BIGINT) AS shift FROM range({rounds}) AS g(s))
        SELECT x.unique_id AS a, y.unique_id AS b FROM numbered AS x CROSS JOIN shifts AS s
        JOIN numbered AS y ON y.place = (x.place + s.shift) % {rows} WHERE x.unique_id <> y.unique_id""",
    )
    u = training.random_chances(seen_random, compared)
    seen = training.patterns(steps, compared, "SELECT a, b FROM lk_pair")
    found = training.maximise(seen, compared, listed.starting_chances(contract.columns), u, 0.2)
    chances = {c.name: listed.chances(found.m[c.name], u[c.name]) for c in compared}
    prior = min(max(found.matches / max(rows * (rows - 1) / 2, 1), 1e-9), 0.5)
    return replace(
        base,
        prior=prior,
        same_from=contract.same_from,
        ask_from=contract.ask_from,
        chances=chances,
        version="list",
    )


def cluster(
    steps: Steps, contract: ListContract, compared: tuple[Comparison, ...], weights: Parameters
) -> None:
    """Tables ``lk_decided`` (pairs with outcome) and ``lk_list_cluster`` (unique_id, cluster, score)."""
    told = ", ".join(f"{c.name}_level, {c.name}_weight" for c in compared)
    best = "TRUE"
    if contract.once_per_file:
        best = """row_number() OVER (PARTITION BY unique_id_l ORDER BY weight DESC, unique_id_r) = 1
            AND row_number() OVER (PARTITION BY unique_id_r ORDER BY weight DESC, unique_id_l) = 1"""
    steps.table(
        "lk_decided",
        f"""WITH ranked AS (SELECT *, {best} AS is_best FROM lk_scored)
        SELECT unique_id_l AS a, unique_id_r AS b, weight, {told},
               CASE WHEN weight < {weights.same_from} OR NOT is_best THEN 'ask' ELSE 'same' END AS outcome FROM ranked""",
    )
    components(steps, "SELECT a, b FROM lk_decided WHERE outcome = 'same'", "lk_part")
    steps.table(
        "lk_list_cluster",
        """
        WITH sides AS (
            SELECT a AS id, weight FROM lk_decided WHERE outcome = 'same'
            UNION ALL SELECT b, weight FROM lk_decided WHERE outcome = 'same'
        ),
        best AS (SELECT id, max(weight) AS weight FROM sides GROUP BY id)
        SELECT l.unique_id, coalesce(p.part, l.unique_id) AS cluster, b.weight AS score
        FROM lk_list AS l LEFT JOIN lk_part AS p ON p.node = l.unique_id LEFT JOIN best AS b ON b.id = l.unique_id
        """,
    )


def link_columns(
    steps: Steps, contract: ListContract, source: str, base: Parameters
) -> tuple[tuple[Comparison, ...], Parameters]:
    """Link a list by its columns; leaves ``lk_list_cluster``, ``lk_decided`` and ``lk_block``."""
    prepare(steps, contract, source)
    block(steps, contract)
    compared = listed.comparisons(contract.columns)
    weights = train(steps, contract, compared, base)
    steps.table("lk_likely", "SELECT a AS l, b AS r FROM lk_pair")
    model.score(steps, compared, weights)
    cluster(steps, contract, compared, weights)
    return compared, weights
