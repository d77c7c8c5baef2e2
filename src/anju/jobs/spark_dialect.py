"""DuckDB's SQL in Spark's words: sqlglot's rendering, and what it leaves in DuckDB's own way.

Spark calls some functions by the same name and means something else (``chr`` beyond 255, months between two days,
lists counted from 0): each is written out here, and a test holds that both engines give the same library.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp

Rewrite = Callable[[list[exp.Expression]], exp.Expression]


@lru_cache(maxsize=4096)
def render(sql: str) -> str:
    """One statement or condition of DuckDB's dialect as Spark's."""
    tree = sqlglot.parse_one(sql, read="duckdb").transform(_rendered)
    return tree.sql(dialect="spark")


def _rendered(node: exp.Expression) -> exp.Expression:
    """One node in Spark's way."""
    if isinstance(node, exp.ArrayOverlaps):
        return _called("arrays_overlap", [node.this, node.expression])
    if isinstance(node, exp.Chr):
        return _spark("decode(unhex(lpad(hex({0}), 4, '0')), 'UTF-16BE')", node.expressions)
    if isinstance(node, exp.DateDiff) and str(node.args.get("unit")).upper() == "MONTH":
        return _month_turns([node.expression, node.this])
    if isinstance(node, exp.BitwiseAnd) and (size := _lowest_bits(node)):
        return _called("pmod", [node.this, exp.Literal.number(size)])
    if isinstance(node, exp.Bracket) and not _is_counted(node):
        return _spark("try_element_at({0}, CAST({1} AS INT))", [node.this, *node.expressions])
    if isinstance(node, exp.Anonymous) and (rewrite := _NAMED.get(node.name.lower())):
        return rewrite(node.expressions)
    if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber) and not node.args.get("order"):
        node.set("order", exp.Order(expressions=[exp.Literal.number(1)]))  # Spark numbers nothing unordered
        return node
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.UBIGINT:
        return exp.DataType.build("DECIMAL(20,0)")
    return node


def _is_counted(node: exp.Bracket) -> bool:
    """Whether a place in a list is a plain number: sqlglot has counted it from 0 already."""
    return all(isinstance(e, exp.Literal | exp.Neg | exp.Slice) for e in node.expressions)


def _lowest_bits(node: exp.BitwiseAnd) -> int:
    """One more than a mask of lowest bits; 0 for any other mask. Large unsigned numbers are decimals in Spark, which
    have no bits."""
    mask = node.expression
    size = int(mask.name) + 1 if isinstance(mask, exp.Literal) and mask.name.isdigit() else 0
    return size if size & (size - 1) == 0 else 0


def _called(name: str, given: list[exp.Expression]) -> exp.Expression:
    """A function of Spark's. What is given is rendered here: sqlglot does not look inside what was replaced."""
    return exp.Anonymous(this=name, expressions=[e.transform(_rendered) for e in given])


def _spark(text: str, given: list[exp.Expression]) -> exp.Expression:
    """Spark's own words around expressions that are still DuckDB's."""
    return sqlglot.parse_one(text.format(*(f"arg{n}" for n in range(len(given)))), read="spark").transform(
        lambda node: (
            given[int(node.name[3:])].transform(_rendered)
            if isinstance(node, exp.Column) and node.name[:3] == "arg" and node.name[3:].isdigit()
            else node
        )
    )


def _month_turns(given: list[exp.Expression]) -> exp.Expression:
    """First days of months from the first day to the second: DuckDB's ``date_diff``."""
    return exp.paren(_spark("(year({1}) - year({0})) * 12 + month({1}) - month({0})", given))


_FULL = """CASE WHEN {1} >= {0}
THEN (year({1}) - year({0})) * 12 + month({1}) - month({0})
    - CASE WHEN add_months({0}, (year({1}) - year({0})) * 12 + month({1}) - month({0})) > {1} THEN 1 ELSE 0 END
ELSE (year({1}) - year({0})) * 12 + month({1}) - month({0})
    + CASE WHEN add_months({1}, (year({0}) - year({1})) * 12 + month({0}) - month({1})) > {0} THEN 1 ELSE 0 END END"""


def _full_units(given: list[exp.Expression]) -> exp.Expression:
    """Full months or years between two days, a month's last day counting as full: DuckDB's ``date_sub``."""
    unit, *days = given
    months = exp.paren(_spark(_FULL, days))
    if unit.name.lower() == "month":
        return months
    if unit.name.lower() == "year":
        return exp.paren(exp.IntDiv(this=months, expression=exp.Literal.number(12)))
    raise ValueError(f"date_sub of {unit.name} is not rendered for Spark")


_NAMED: dict[str, Rewrite] = {
    "hash": lambda given: _called("xxhash64", given),
    "date_sub": _full_units,
    "to_months": lambda given: _spark("make_ym_interval(0, {0})", given),
    "list_position": lambda given: _spark("nullif(array_position({0}, {1}), 0)", given),
}
"""By the name sqlglot leaves as it is."""
