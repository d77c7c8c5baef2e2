"""Packs: everything that differs from place to place, as data.

A pack is a folder ``packs/<place>`` with a ``pack.yaml`` naming the pack it extends. A file is looked
for in the pack itself first, then in the pack it extends, and so on up to ``cn``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from anju.kernel.refusal import Refusal

_BESIDE = Path(__file__).resolve().parents[3] / "packs"


def root() -> Path:
    """The folder that holds all packs: ``ANJU_PACKS``, or ``packs`` beside ``src``."""
    stated = os.environ.get("ANJU_PACKS")
    return Path(stated) if stated else _BESIDE


def place() -> str:
    """The pack in force: ``ANJU_PLACE``, or the invented city."""
    return os.environ.get("ANJU_PLACE", "demo")


@lru_cache
def read_yaml(path: Path) -> Any:
    """One YAML file, parsed once per process. The value is shared: do not change it."""
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def chain(name: str | None = None) -> tuple[Path, ...]:
    """Folders of a pack and those it extends, nearest first. Refuses an unknown or circular chain."""
    folders: list[Path] = []
    current: str | None = name or place()
    while current:
        folder = root() / current
        if not (folder / "pack.yaml").is_file():
            raise Refusal("packs.unknown", place=current)
        if folder in folders:
            raise Refusal("packs.circular", place=current)
        folders.append(folder)
        current = read_yaml(folder / "pack.yaml").get("extends")
    return tuple(folders)


def find_file(relative: str, name: str | None = None) -> Path | None:
    """The nearest ``relative`` file in the chain, or None."""
    return next((f / relative for f in chain(name) if (f / relative).is_file()), None)


def files(pattern: str, name: str | None = None) -> Iterator[Path]:
    """Every file matching ``pattern`` in the chain; a nearer pack hides a farther one's same name."""
    seen: set[str] = set()
    for folder in chain(name):
        for path in sorted(folder.glob(pattern)):
            relative = path.relative_to(folder).as_posix()
            if relative not in seen:
                seen.add(relative)
                yield path
