#!/usr/bin/env python3
"""What Anju is made of, whether any of it has a known hole, and whether a secret slipped in. Standard library only.

supply_chain.py sbom FILE     a CycloneDX bill of materials from the lock files
supply_chain.py audit         known vulnerabilities of what is locked (pip-audit, npm audit)
supply_chain.py secrets       secrets in the files git knows, or in the files named
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements/bootstrap.lock", "requirements/run.lock")
NPM = "package-lock.json"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)(.*)$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
LARGEST = 2 * 2**20

SECRETS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "cloud access key": re.compile(r"\b(?:AKIA|ASIA|LTAI|AKID)[0-9A-Za-z]{12,20}\b"),
    "token of a code host": re.compile(
        r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{60,}|glpat-[\w-]{20})\b"
    ),
    "token of a registry": re.compile(r"\b(?:npm_[0-9A-Za-z]{36}|pypi-[\w-]{60,})\b"),
    "token of a chat or payment service": re.compile(
        r"\b(?:xox[abprs]-[\w-]{10,}|[sr]k_live_[0-9A-Za-z]{16,})\b"
    ),
    "password in an address": re.compile(
        r"\b[a-z][a-z0-9+.-]{2,}://[^\s/:@'\"{}<>$]+:(?!secret@)[^\s/:@'\"{}<>$]{4,}@(?![\w.-]*\.(?:example|invalid|test)\b)"
    ),
    "key written out": re.compile(
        r"""(?ix)\b(?:secret|password|passwd|api_?key|access_?key|token)["']?\s*[:=]\s*["'](?=[^"']*\d)(?=[^"']*[a-z])[A-Za-z0-9+/_=-]{24,}["']"""
    ),
}
ALLOWED = "secrets: allowed"
"""A line that says so, with the reason, is passed over: test vectors and published demo passwords."""


def main(words: list[str]) -> int:
    """Run one of the three; the exit code is what ``make`` looks at."""
    match words:
        case ["sbom", target]:
            path = Path(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(sbom(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"{path}: {len(sbom()['components'])} components")
            return 0
        case ["audit"]:
            return audit()
        case ["secrets", *files]:
            found = [line for path in _files(files) for line in secrets(path)]
            print("\n".join(found) if found else "no secrets found")
            return 1 if found else 0
    print(__doc__)
    return 2


def sbom() -> dict[str, Any]:
    """The bill of materials, CycloneDX 1.6: every locked package with version, purl and hashes, in a stable order."""
    components = [*_python(), *_npm()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": "anju", "name": "anju", "version": _own_version(),
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": "anju", "dependsOn": [c["bom-ref"] for c in components]}],
    }  # fmt: skip


def _own_version() -> str:
    found = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    return found[1] if found else "0"


def _python() -> Iterator[dict[str, Any]]:
    seen = set()
    for lock in LOCKS:
        text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if pin := PIN.match(line):
                name, version = re.sub(r"[-_.]+", "-", pin[1]).lower(), pin[2]
                if (name, version) not in seen:
                    seen.add((name, version))
                    hashes = [{"alg": "SHA-256", "content": h} for h in HASH.findall(pin[3])]
                    # The lock lists a hash for each file of the release: wheels of every platform and the source.
                    yield _component(
                        "pypi", name, version, {"hashes": hashes[:1]} if len(hashes) == 1 else {}
                    )


def _npm() -> Iterator[dict[str, Any]]:
    lock = json.loads((ROOT / NPM).read_text(encoding="utf-8"))
    for path, told in sorted(lock["packages"].items()):
        name = path.rpartition("node_modules/")[2]
        if name:
            algorithm, _dash, digest = told["integrity"].partition("-")
            more = {
                "hashes": [
                    {
                        "alg": algorithm.upper().replace("SHA", "SHA-"),
                        "content": base64.b64decode(digest).hex(),
                    }
                ]
            }
            if told.get("license"):
                more["licenses"] = [{"expression": told["license"]}]
            yield _component("npm", name, told["version"], more)


def _component(kind: str, name: str, version: str, more: dict[str, Any]) -> dict[str, Any]:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def audit() -> int:
    """0: nothing known, or nobody could be asked (said loudly); 1: something known is in the locks."""
    worst = 0
    python = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "-f",
        "json",
        "--progress-spinner",
        "off",
    ]
    python += [word for lock in LOCKS for word in ("-r", str(ROOT / lock))]
    told = _asked("Python packages", python)
    if told is not None:
        holes = {
            p["name"]: [v["id"] for v in p.get("vulns", [])] for p in told["dependencies"] if p.get("vulns")
        }
        worst |= _say("Python packages", holes)
    told = _asked("npm packages", [_npm_tool(), "audit", "--json", "--omit=dev", "--package-lock-only"])
    if told is not None:
        worst |= _say(
            "npm packages", {name: [v["severity"]] for name, v in told.get("vulnerabilities", {}).items()}
        )
    return worst


def _npm_tool() -> str:
    beside = Path(sys.executable).with_name("npm")
    return str(beside) if beside.exists() else "npm"


def _asked(what: str, command: list[str]) -> dict[str, Any] | None:
    """The answer of an audit tool, or None with a loud word when its service could not be asked."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        told: dict[str, Any] = json.loads(done.stdout)
        if "dependencies" not in told and "vulnerabilities" not in told:
            raise ValueError(str(told)[:200])
    except (OSError, ValueError, subprocess.TimeoutExpired) as broken:
        print(f"!! {what}: NOT CHECKED - the advisory service could not be asked ({type(broken).__name__}).")
        print("!! Run `make audit` again where the network allows it; until then nobody knows.")
        return None
    return told


def _say(what: str, holes: dict[str, list[str]]) -> int:
    for name, ids in sorted(holes.items()):
        print(f"{what}: {name} has known vulnerabilities: {', '.join(ids)}")
    if not holes:
        print(f"{what}: no known vulnerabilities")
    return 1 if holes else 0


def _files(named: list[str]) -> list[Path]:
    if named:
        return [Path(name) for name in named]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def secrets(path: Path) -> list[str]:
    """What looks like a secret in one file: place and kind, never the secret itself."""
    if not path.is_file() or path.stat().st_size > LARGEST or path.name.endswith(".lock") or path.name == NPM:
        return []
    data = path.read_bytes()
    if b"\0" in data[:8192]:
        return []
    return [
        f"{path}:{number}: looks like a {kind}"
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1)
        if ALLOWED not in line
        for kind, shape in SECRETS.items()
        if shape.search(line)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
