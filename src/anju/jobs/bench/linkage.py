"""Linkage measured: quality and speed on the invented city, beside Splink with its stock comparisons in the same run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from anju.exchange.linkage import parameters
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.evaluate import compare
from anju.exchange.linkage.link import link, link_delta
from anju.exchange.linkage.mentions import mentions
from anju.jobs.bench import Figure, timed
from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import linkage

STOCK_RULES = (
    ("person.citizen_no",),
    ("person.name", "person.born_on"),
    ("person.name", "person.phone"),
    ("person.born_on", "person.phone"),
    ("person.name", "person.hukou_region"),
)


def run(people: int, progress: Any = None) -> list[Figure]:
    """Link the accepted records of ``ANJU_HOME`` (ingest a city first); ``ANJU_HOME/bench_truth`` names its truth.

    ``people`` is told for the table only: the city that was ingested decides.
    """
    from anju.jobs.cli import setup_django

    setup_django()
    truth = Path((linkage.home() / "bench_truth").read_text(encoding="utf-8").strip())
    weights = parameters.read("han", HAN_COMPARISONS)
    with tempfile.TemporaryDirectory() as folder, linkage.opened() as engine:
        mentions(engine, linkage.accepted())
        outs = [Path(folder) / name for name in ("ours", "base", "delta", "stock")]
        for out in outs:
            out.mkdir()
        with timed() as whole:
            summary = link(engine, "mentions", None, [], weights, outs[0])
        quality = compare(engine, outs[0], truth)
        engine.run("CREATE OR REPLACE VIEW older AS SELECT * FROM mentions WHERE record_id % 100 <> 7")
        link(engine, "older", None, [], weights, outs[1])
        with timed() as delta:
            link_delta(
                engine,
                "mentions",
                "SELECT record_id FROM mentions WHERE record_id % 100 = 7",
                outs[1],
                [],
                weights,
                outs[2],
            )
        with timed() as plain:
            stock(engine, outs[3] / "assignment.parquet")
        beside = compare(engine, outs[3] / "assignment.parquet", truth)
    every, without = quality["all"], quality["without_number"]
    return [
        Figure(
            "pair precision", every.precision, "share", ">= 0.999", f"stock {beside['all'].precision:.5f}"
        ),
        Figure("pair recall", every.recall, "share", ">= 0.99", f"stock {beside['all'].recall:.5f}"),
        Figure(
            "F1", every.f1, "share", "> stock", f"stock {beside['all'].f1:.5f}", every.f1 / beside["all"].f1
        ),
        Figure("precision without a number", without.precision, "share", ">= 0.995"),
        Figure(
            "recall without a number",
            without.recall,
            "share",
            ">= 0.93",
            f"stock {beside['without_number'].recall:.5f}",
        ),
        Figure(
            "records linked",
            summary.records / whole.seconds,
            "records/s",
            "",
            f"stock {summary.records / plain.seconds:,.0f}",
            plain.seconds / whole.seconds,
        ),
        Figure(
            "a delta of 1 %",
            delta.seconds,
            "s",
            "<= 5 % of full",
            f"full {whole.seconds:.1f} s",
            delta.seconds / whole.seconds,
        ),
    ]


def stock(engine: DuckEngine, out: Path) -> None:
    """The same records through Splink's own comparisons: exact number, Jaro-Winkler name, dates, phone."""
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on

    engine.run(
        """CREATE OR REPLACE TABLE stock AS
        SELECT CAST(record_id AS VARCHAR) AS unique_id, "person.name" AS name, "person.citizen_no" AS number,
               CAST("person.born_on" AS VARCHAR) AS born, "person.phone" AS phone, "person.hukou_region" AS county,
               "person.sex" AS sex FROM mentions"""
    )
    names = {
        "person.citizen_no": "number",
        "person.name": "name",
        "person.born_on": "born",
        "person.phone": "phone",
    }
    names["person.hukou_region"] = "county"
    rules = [block_on(*(names[c] for c in rule)) for rule in STOCK_RULES]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.9]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("number", [1, 2]),
            cl.LevenshteinAtThresholds("born", [1, 2]),
            cl.ExactMatch("phone"),
            cl.ExactMatch("county"),
            cl.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )
    api = engine.splink()
    linker = Linker(api.register("stock"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match([block_on("number")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("number"), block_on("name", "phone")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.5, warning_mode="never")
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(found, 0.9)
    engine.save(
        f"SELECT CAST(unique_id AS UBIGINT) AS record_id, cluster_id AS person_code FROM {clusters.physical_name}",
        out,
    )
