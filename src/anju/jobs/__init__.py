"""Jobs: when things run.

Owns: the command line, pipelines, schedules, benchmarks, the embedded PostgreSQL and the one ``Engine`` that opens
connections to DuckDB and Spark.
May import: every room below.
Never: holds a rule.
"""
