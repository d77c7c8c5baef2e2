"""Our one statement weighs every pair exactly as Splink does with the same settings."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from anju.exchange.linkage import blocking, features, keys, model, parameters, profiles, surroundings
from anju.exchange.linkage.comparisons import HAN_COMPARISONS
from anju.exchange.linkage.names import prepare_characters
from anju.exchange.linkage.steps import Steps
from anju.jobs.engine import DuckEngine

sys.path.insert(0, str(Path(__file__).parents[1] / "generative"))
from linkage_people import mentions, people


def test_weighs_as_splink_does(tmp_path: Path) -> None:
    from splink import Linker

    engine = DuckEngine(tmp_path)
    weights = replace(parameters.read("han", HAN_COMPARISONS), ask_from=-60.0)
    steps = Steps(engine)
    engine.load("told", mentions(people(400, 3), 3)[0])
    prepare_characters(steps)
    profiles.profiles(steps, "told", weights)
    keys.numbers(steps)
    keys.mistyped(steps)
    keys.members(steps)
    keys.key_groups(steps, weights)
    features.loose(steps)
    surroundings.context(steps)
    blocking.block(steps, weights)
    features.variants(steps)
    features.frequencies(steps, 400)
    blocking.likely(steps, weights)
    features.features(steps, weights)
    steps.table(
        "lk_likely",
        "SELECT x.unique_id AS l, y.unique_id AS r FROM lk_feature AS x JOIN lk_feature AS y ON x.unique_id < y.unique_id",
    )
    model.score(steps, HAN_COMPARISONS, weights)
    ours = {(a, b): w for a, b, w in engine.rows("SELECT unique_id_l, unique_id_r, weight FROM lk_scored")}

    api = engine.splink()
    engine.run("CREATE TABLE compared AS SELECT * EXCLUDE (tf_name) FROM lk_feature")
    engine.run(
        "CREATE TABLE blocked AS SELECT '0' AS match_key, l AS join_key_l, r AS join_key_r FROM lk_likely"
    )
    engine.run("CREATE TABLE rarity AS SELECT name, max(tf_name) AS tf_name FROM lk_feature GROUP BY name")
    settings = model.settings(HAN_COMPARISONS, weights)
    linker = Linker(api.register("compared"), settings, log_level=None, validate_settings=False)
    linker.table_management.register_term_frequency_lookup(api.register("rarity"), "name")
    linker.table_management.register_blocked_pairs_for_predict(api.register("blocked"))
    found = linker.inference.predict(threshold_match_weight=weights.ask_from, warning_mode="never")
    theirs = {
        (a, b): w
        for a, b, w in engine.rows(
            f"SELECT unique_id_l, unique_id_r, match_weight FROM {found.physical_name}"
        )
    }
    engine.close()
    assert len(ours) > 500
    assert ours.keys() == theirs.keys()
    assert ours == {pair: pytest.approx(weight, abs=1e-9) for pair, weight in theirs.items()}
