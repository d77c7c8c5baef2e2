"""The commands `anju log` and `anju trust`, as an operator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings
from typer.testing import CliRunner

from anju.jobs.cli import log as log_command
from anju.jobs.cli import trust as trust_command
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.sealing import sealer
from anju.trust.store import ledger, log
from anju.trust.store.models import Account

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORKER = Actor("account:7", "station_worker", "990102")
run = CliRunner()


@pytest.fixture(autouse=True)
def own(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setenv("ANJU_LANG", "en")
    log.record_many([log.Entry.of(WORKER, "person.read", AT, detail={"n": n}) for n in range(40)])


def test_verify_export_prove(tmp_path: Path) -> None:
    signed = run.invoke(log_command.app, ["checkpoint"])
    assert signed.stdout.splitlines()[1] == "40"
    assert run.invoke(log_command.app, ["verify"]).exit_code == 0
    whole = tmp_path / "x.anjulog"
    assert json.loads(run.invoke(log_command.app, ["export", str(whole), "--json"]).stdout)["size"] == 40
    key = run.invoke(log_command.app, ["keys"]).stdout.splitlines()[0]
    told = json.loads(run.invoke(log_command.app, ["verify", str(whole), "--key", key, "--json"]).stdout)
    assert (told["holds"], told["size"], told["keys_from"]) == (True, 40, "you")
    assert json.loads(run.invoke(log_command.app, ["prove", "7"]).stdout)["seq"] == 7
    shown = run.invoke(log_command.app, ["show", "--last", "1", "--json"]).stdout
    assert json.loads(shown)["detail"] == {"n": 39}


def test_verify_names_rewritten_rows_and_exits_with_one() -> None:
    ledger.sequence_all()
    ledger.checkpoint(AT)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE trust_logentry SET data = replace(data, 'done', 'refused') WHERE seq IN (7, 8, 9, 21)"
        )
    done = run.invoke(log_command.app, ["verify", "--json"])
    assert done.exit_code == 1
    told = [f["told"] for f in json.loads(done.stdout)["findings"]]
    assert told == ["Entries 7 to 9 were changed.", "Entry 21 was changed."]
    assert "Entry 21 was changed." in run.invoke(log_command.app, ["verify"]).stdout


def test_keys_are_listed_rotated_and_never_shown() -> None:
    secrets = [k.secret for k in sealer().ring.keys]
    assert (
        run.invoke(trust_command.app, ["keys", "rotate", "--use", "seal", "--suite", "national"]).exit_code
        == 0
    )
    listed = run.invoke(trust_command.app, ["keys", "list", "--json"]).stdout
    works = {k["use"]: k["suite"] for k in json.loads(listed) if k["works"]}
    assert works == {
        "seal": "national",
        "index": "international",
        "sign": "international",
        "log": "international",
    }
    assert not any(s.hex() in listed for s in secrets)
    assert json.loads(run.invoke(trust_command.app, ["keys", "reseal", "--json"]).stdout)["resealed"] == 0
    old = next(k["id"] for k in json.loads(listed) if k["use"] == "seal" and not k["works"])
    assert run.invoke(trust_command.app, ["keys", "drop", old]).exit_code == 0
    with pytest.raises(Refusal, match="key_in_use"):
        run.invoke(
            trust_command.app, ["keys", "drop", sealer().ring.newest("seal").id], catch_exceptions=False
        )


def test_accounts_and_roles(settings: Settings) -> None:
    made = run.invoke(
        trust_command.app, ["account", "make", "zhang", "--password", "a river runs by the old station"]
    )
    assert made.exit_code == 0
    granted = run.invoke(
        trust_command.app, ["account", "grant", "zhang", "grid_worker", "--region", "990102001"]
    )
    assert run.invoke(trust_command.app, ["account", "end", granted.stdout.strip()]).exit_code == 0
    assert run.invoke(trust_command.app, ["account", "close", "zhang"]).exit_code == 0
    assert not Account.objects.get(username="zhang").is_active
    told = json.loads(run.invoke(trust_command.app, ["roles", "--json"]).stdout)
    assert "person.read" in told["grid_worker"]
    columns = json.loads(run.invoke(trust_command.app, ["columns", "--json"]).stdout)
    assert {c["privacy"] for c in columns if c["column"] == "person.citizen_no"} == {"sensitive"}
    settings.DEMO = False
    with pytest.raises(Refusal, match="not_a_demo"):
        run.invoke(trust_command.app, ["demo-accounts"], catch_exceptions=False)
    settings.DEMO = True
    told = json.loads(run.invoke(trust_command.app, ["demo-accounts", "--json"]).stdout)
    assert {a["role"] for a in told["accounts"]} == set(
        json.loads(run.invoke(trust_command.app, ["roles", "--json"]).stdout)
    )
