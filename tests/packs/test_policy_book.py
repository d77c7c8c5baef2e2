"""The printed tables in the reference are those of the policy files."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from anju.jobs.cli.policy import app

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "policies"


def test_the_pages_are_what_the_files_make() -> None:
    done = CliRunner().invoke(app, ["docs", "--to", str(FOLDER), "--check"])
    assert done.exit_code == 0, f"run `anju policy docs`: {done.output}"


def test_a_page_that_was_changed_or_left_over_is_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "nowhere-settlement-1999.md").write_text("old", encoding="utf-8")
    runner = CliRunner()
    first = runner.invoke(app, ["docs", "--to", str(tmp_path), "--check"])
    assert first.exit_code == 1
    assert "nowhere-settlement-1999.md" in first.output
    assert "index.md" in first.output
    assert runner.invoke(app, ["docs", "--to", str(tmp_path)]).exit_code == 0
    assert not (tmp_path / "nowhere-settlement-1999.md").exists()
    assert runner.invoke(app, ["docs", "--to", str(tmp_path), "--check"]).exit_code == 0
