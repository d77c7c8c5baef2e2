"""Wording: what a refusal or a term says, in Chinese and English, kept in packs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Any

from anju.kernel import packs
from anju.kernel.refusal import Refusal


@lru_cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every wording of the packs in force: code -> language -> sentence with ``{placeholders}``."""
    found: dict[str, Mapping[str, str]] = {}
    for path in packs.files("wording/*.yaml"):
        for code, said in (packs.read_yaml(path) or {}).items():
            found.setdefault(code, said)
    return found


def say(code: str, language: str = "zh", **facts: Any) -> str:
    """The sentence for ``code``. An unknown code names itself, so that nothing is told silently wrong."""
    said = catalogue().get(code)
    if said is None:
        return code + (" " + ", ".join(f"{k}={v}" for k, v in facts.items()) if facts else "")
    template = said.get(language[:2]) or said["zh"]
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    return template.format(**{name: facts.get(name, "?") for name in names})


def explain(refusal: Refusal, language: str = "zh") -> str:
    """A refusal as a full sentence."""
    return say(refusal.code, language, **refusal.facts)
