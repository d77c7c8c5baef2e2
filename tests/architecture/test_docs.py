"""Docs do not lie: every command in them exists with the options it is given, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from anju.jobs.cli import build

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
BLOCK = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.strip().removeprefix("$ ")
                if re.match(r"(\.venv/bin/)?anju \w|make \w", text):
                    found.append((page.relative_to(ROOT).as_posix(), text.split(" # ")[0].strip()))
    return sorted(set(found))


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 15


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda x: x[:60])
def test_a_command_in_the_docs_exists(page: str, line: str) -> None:
    for part in re.split(r"\s(?:&&|;|\|)\s", line):
        words = shlex.split(re.sub(r"\s+#.*", "", part))
        if words[0] == "make":
            targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
            assert {w for w in words[1:] if "=" not in w} <= targets, f"{page}: {part}"
        elif words[0].endswith("anju"):
            _check(words[1:], f"{page}: {part}")


def _check(words: list[str], where: str) -> None:
    command: Any = typer.main.get_command(build(words[0]))
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in known]
    assert not unknown, f"{where}: {unknown}"
    is_group = bool(getattr(command, "commands", None))
    assert not (is_group and words and not words[0].startswith("-")), f"{where}: no command {words[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_capability_has_its_line() -> None:
    told = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8")
    for letter, most in {"E": 12, "R": 7, "C": 3, "P": 7, "T": 6, "A": 3}.items():
        for number in range(1, most + 1):
            assert f"| {letter}{number} " in told, f"{letter}{number}"


def test_the_repository_speaks_of_itself_alone() -> None:
    """No path of a maker's machine, no registry's host."""
    words = ("pythonhosted" + ".org", "registry.npm" + "js", "pypi" + ".org/simple", "/ro" + "ot/")
    for path in [
        *PAGES,
        ROOT / "Makefile",
        ROOT / "package-lock.json",
        *(ROOT / "requirements").iterdir(),
        ROOT / ".npmrc",
    ]:
        text = path.read_text(encoding="utf-8")
        assert not [w for w in words if w in text], path.name
