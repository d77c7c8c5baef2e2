"""``anju city make``: prints a summary a script can read, and never writes over a folder unasked."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from anju.jobs.cli.city import app
from anju.kernel.refusal import Refusal


def make(out, *more):
    return CliRunner().invoke(app, ["make", "--people", "300", "--out", str(out), *more])


def test_summary_as_json_and_no_overwriting(tmp_path):
    out = tmp_path / "city"
    made = make(out, "--json", "--seed", "4", "--errors", "mild")
    assert made.exit_code == 0
    summary = json.loads(made.stdout)
    assert summary["people"] == 300
    assert summary == json.loads((out / "truth/summary.json").read_text("utf-8")) | {
        "seconds": summary["seconds"]
    }
    again = make(out)
    assert isinstance(again.exception, Refusal)
    assert again.exception.code == "city.not_empty"
    assert "和安市" in make(out, "--replace").stdout


def test_a_folder_that_is_no_city_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    refused = make(tmp_path, "--replace")
    assert isinstance(refused.exception, Refusal)
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("profile", ["none", "mild", "real", "harsh"])
def test_every_profile_makes_a_city(tmp_path, profile):
    assert make(tmp_path / profile, "--errors", profile, "--days", "2").exit_code == 0
