"""The compiler: one bound programme as one SQL query over a facts table, in DuckDB's dialect or Spark's."""

from anju.policy.sql.query import Query, compile_sql

__all__ = ["Query", "compile_sql"]
