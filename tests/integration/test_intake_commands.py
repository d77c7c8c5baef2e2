"""The commands around batches, as a person types them."""

from __future__ import annotations

import io
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from anju.exchange.contracts import get_contract
from anju.exchange.store import queries
from anju.exchange.store.actions import Accepted
from anju.jobs.cli import demo, exchange
from anju.jobs.cli.exchange import app
from anju.jobs.pipeline import intake
from anju.kernel.refusal import Refusal
from anju.trust.access import system

sys.path.insert(0, str(Path(__file__).parent))
from intake_files import as_csv, people, person, put

run = CliRunner()
CONTRACTS = Path(__file__).parents[2] / "packs" / "cn" / "contracts"


def said(*words: str) -> str:
    done = run.invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_contract_is_printed_for_people_and_for_programs() -> None:
    assert said("contract", "police_residence").startswith("# 居住登记 · Residence registration")
    told = json.loads(said("contract", "police_residence", "--json"))
    assert [f["name"] for f in told["fields"]][:3] == ["登记编号", "登记状态", "姓名"]
    assert len(json.loads(said("contracts", "--json"))) == len(list(CONTRACTS.glob("*.yaml")))
    with pytest.raises(Refusal, match="contracts.unknown"):
        said("contract", "police_cars")


def test_docs_are_written_and_checked(tmp_path: Path) -> None:
    assert "police_residence.md" in said("docs", "--to", str(tmp_path))
    assert said("docs", "--to", str(tmp_path), "--check") == ""
    (tmp_path / "police_residence.md").write_text("changed by hand")
    done = run.invoke(app, ["docs", "--to", str(tmp_path), "--check"])
    assert (done.exit_code, done.stdout) == (1, "police_residence.md\n")


def shown(name: str, width: int) -> str:
    """The summary of one file in a window of a width, without its frame."""
    taken = Accepted("b-1", "police_residence", True, 1_439_032, 7_224, 12, 4.0, name)
    drawn = Console(width=width, file=io.StringIO(), color_system=None)
    drawn.print(exchange._batches([(taken, ("1,439,032", "7,224", "12", "363,000"))], width))
    told = drawn.file.getvalue()  # type: ignore[attr-defined]
    assert max(cell_len(line) for line in told.splitlines()) <= width
    lines = (line.split("│")[1] for line in told.splitlines() if line.startswith("│"))
    return "".join("".join(lines).split())


@pytest.mark.parametrize("width", [160, 80, 71, 50, 24])
def test_the_name_of_a_file_is_shown_whole_at_any_width(width: int) -> None:
    name = "居住登记_和安市云津区津门街道望江社区_第三季度补报_最终版_2026-06-30_v2.csv"
    assert shown(name, width).startswith(f"{name}police_residence")
    if width < exchange.NARROW:
        assert "rows1,439,032,held7,224,fixed12" in shown(name, width)


@pytest.mark.django_db(transaction=True)
def test_ingest_status_rejects_and_waive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    put(tmp_path / "in" / "2026-07-01", "居住登记.csv", as_csv([*people(5), person(9, 登记日期="某天")]))
    (done,) = json.loads(said("ingest", str(tmp_path / "in"), "--json"))
    assert (done["dataset"], done["rows"], done["held"], done["new"]) == ("police_residence", 5, 1, True)
    assert json.loads(said("status", "--json"))["held"]["open"] == 1
    figures = [f.field for f in queries.get_batch(done["batch"]).fields]
    assert figures == [n for n in get_contract("police_residence").names if n in figures]
    assert figures[:3] == ["姓名", "公民身份号码", "性别"]
    (row,) = json.loads(said("rejects", done["batch"], "--json"))
    assert row == {"row": 7, "faults": [["登记日期", "date"]], "overdue_days": 0}
    with pytest.raises(Refusal, match="demo.not_alone"):
        demo._check_nobody_here()
    monkeypatch.setattr(exchange, "console", Console(width=80, file=io.StringIO(), color_system=None))
    said("rejects")
    assert done["batch"] in exchange.console.file.getvalue()  # type: ignore[attr-defined]
    said("rejects", done["batch"], "--xlsx", str(tmp_path / "back.xlsx"))
    assert (tmp_path / "back.xlsx").read_bytes().startswith(b"PK")
    said("waive", done["batch"], "--reason", "已注销")
    assert json.loads(said("status", "--json"))["held"] == {"open": 0, "fixed": 0, "again": 0, "waived": 1}

    put(tmp_path / "in", "坏.csv", b"a,b\n1,2\n")
    refused = run.invoke(app, ["ingest", str(tmp_path / "in"), "--json"])
    assert refused.exit_code == 3
    assert {o.get("refused") for o in json.loads(refused.stdout)} == {None, "intake.no_header"}


@pytest.mark.django_db
def test_what_a_demo_asks_first_leaves_the_settings_of_its_commands_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    demo._check_nobody_here()
    assert "DJANGO_SETTINGS_MODULE" not in os.environ


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "day"),
    [("居住登记_20260605.csv", date(2026, 6, 5)), ("居住登记.csv", date(2026, 7, 2))],
)
def test_a_file_sent_through_a_page_states_its_day_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, day: date
) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path / "home"))
    late = datetime(2026, 7, 1, 20, tzinfo=UTC)  # the second has begun here
    put(tmp_path, "upload", as_csv(people(3)))
    intake.take_upload(tmp_path / "upload", name=name, dataset=None, by=system("test"), at=late, purpose="")
    assert [b.sent_on for b in queries.accepted_batches()] == [day]
