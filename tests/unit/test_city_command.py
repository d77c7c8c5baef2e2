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


def test_a_city_that_was_killed_halfway_can_be_replaced(tmp_path, monkeypatch):
    out = tmp_path / "city"

    def killed(order, told):
        (order.out / "2026-06-30").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("anju.jobs.cli.city.make_city", killed)
        make(out)
    assert make(out).exception.code == "city.not_empty"
    assert make(out, "--replace").exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["2026-06-30", "truth"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--first-day", "2099-02-28"), "city.day_out_of_reach"),
        (("--first-day", "1950-01-01"), "city.day_out_of_reach"),
        (("--errors", "wild"), "city.unknown_profile"),
        (("--like", "Atlantis"), "city.unknown_calibration"),
        (("--people", "1"), "city.too_few"),
    ],
)
def test_what_no_city_can_be_made_of_leaves_the_old_city_alone(tmp_path, more, code):
    assert make(tmp_path / "city").exit_code == 0
    assert make(tmp_path / "city", "--replace", *more).exception.code == code
    assert (tmp_path / "city/truth/summary.json").exists()


def test_the_last_day_within_reach_can_be_written(tmp_path):
    assert make(tmp_path / "far", "--first-day", "2040-12-31", "--days", "2").exit_code == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert make(tmp_path / "file").exception.code == "city.cannot_write"
