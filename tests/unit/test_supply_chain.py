"""The bill of materials names all that is locked; a known hole fails; an unreachable service is told; secrets are found."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.model.bom import Bom

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def chain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / ".ci" / "supply_chain.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_bill_of_materials_is_well_formed_and_whole(chain: ModuleType, tmp_path: Path) -> None:
    assert chain.main(["sbom", str(tmp_path / "sbom.json")]) == 0
    told = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    read = Bom.from_json(told)  # the format's own library reads it
    names = {c.name for c in read.components}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements/run.lock").read_text(), re.M))
    assert {n.replace("_", "-").replace(".", "-") for n in locked} <= names
    assert {"@tabler/core", "echarts", "htmx.org"} <= names
    refs = [c["bom-ref"] for c in told["components"]]
    assert len(set(refs)) == len(refs)
    assert all(c["purl"].endswith("@" + c["version"]) for c in told["components"])
    assert told == chain.sbom()  # the same locks, the same bill


def test_every_package_is_pinned_by_hash() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line and not line.lstrip().startswith("#"):
                assert re.match(r"[A-Za-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line), (
                    lock.name,
                    line[:60],
                )
    told = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all(p.get("integrity", "").startswith("sha512-") for path, p in told.items() if path)


@pytest.mark.parametrize(
    ("python", "npm", "code", "words"),
    [
        ({"dependencies": [{"name": "x", "vulns": []}]}, {"vulnerabilities": {}}, 0, "no known vulnerabilities"),
        ({"dependencies": [{"name": "x", "vulns": [{"id": "CVE-1"}]}]}, {"vulnerabilities": {}}, 1, "x has known"),
        ({"dependencies": []}, {"vulnerabilities": {"y": {"severity": "high"}}}, 1, "y has known"),
        (None, {"vulnerabilities": {}}, 0, "NOT CHECKED"),
        ({"error": "no route"}, {"error": {"code": "ENOTFOUND"}}, 0, "NOT CHECKED"),
    ],
)  # fmt: skip
def test_what_an_audit_comes_to(
    chain: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    python: object, npm: object, code: int, words: str,
) -> None:  # fmt: skip
    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        told = python if "pip_audit" in command else npm
        return subprocess.CompletedProcess(command, 1, "" if told is None else json.dumps(told), "no route")

    monkeypatch.setattr(chain.subprocess, "run", answer)
    assert chain.audit() == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "key = '" + "AKIA" + "ABCDEFGHIJKLMNOP'",
        "ghp_" + "a1" * 18,
        "DATABASE_URL=postgresql://anju:" + "h0rsebattery@db.internal/anju",
        'api_key: "' + "9f8e7d6c5b4a39281706f5e4d3c2b1a0" + '"',
    ],
)
def test_secrets_are_found_and_not_repeated(chain: ModuleType, tmp_path: Path, line: str) -> None:
    (tmp_path / "settings.py").write_text("fine = 1\n" + line + "\n")
    (found,) = chain.secrets(tmp_path / "settings.py")
    assert ":2:" in found
    assert line not in found
    (tmp_path / "settings.py").write_text(line + "  # secrets: allowed, a vector of a published test\n")
    assert chain.secrets(tmp_path / "settings.py") == []


def test_this_project_holds_none(chain: ModuleType) -> None:
    assert [line for path in chain._files([]) for line in chain.secrets(path)] == []
