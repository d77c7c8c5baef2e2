"""The English beside the Chinese: ``*/words.yaml`` (中文: English) made into a catalogue that Django reads.

Pages are written in Chinese; each audience keeps the English of its own sentences. The compiled catalogue
(GNU ``.mo``) is a product and lies under ``ANJU_HOME``: no gettext tools are needed and none is committed.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

WEB = Path(__file__).resolve().parents[1]
MAGIC = 0x950412DE
HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"


def sources() -> list[Path]:
    """The word lists of all audiences."""
    return sorted(WEB.glob("*/words.yaml"))


def english() -> dict[str, str | list[str]]:
    """Every Chinese sentence with its English; a pair of sentences is singular and plural. The first list wins."""
    said: dict[str, str | list[str]] = {}
    for path in sources():
        for chinese, told in _read(path).items():
            said.setdefault(str(chinese), told)
    return said


def clashes() -> list[str]:
    """Sentences that two audiences put differently: one page would get the other's words. A test wants none."""
    said = english()
    return [
        f"{path.parent.name}: {chinese}"
        for path in sources()
        for chinese, told in _read(path).items()
        if said[str(chinese)] != told
    ]


def _read(path: Path) -> dict[str, str | list[str]]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def catalogue(words: Mapping[str, str | list[str]]) -> bytes:
    """A GNU message catalogue. Format: https://www.gnu.org/software/gettext/manual/ (MO files)."""
    entries = {"": HEADER}
    for chinese, told in words.items():
        if isinstance(told, list):
            entries[f"{chinese}\0{chinese}"] = "\0".join(told)
        else:
            entries[chinese] = str(told)
            if (
                "%" in chinese and "%(" not in chinese
            ):  # the tag ``trans`` asks for a sentence with its % doubled
                entries[chinese.replace("%", "%%")] = str(told).replace("%", "%%")
    pairs = sorted((k.encode(), v.encode()) for k, v in entries.items())
    start = 28 + 16 * len(pairs)
    keys: list[bytes] = []
    values: list[bytes] = []
    texts = b""
    for column, table in ((0, keys), (1, values)):
        for pair in pairs:
            table.append(struct.pack("<II", len(pair[column]), start + len(texts)))
            texts += pair[column] + b"\0"
    head = struct.pack("<7I", MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return head + b"".join(keys) + b"".join(values) + texts


def compile_into(folder: Path) -> Path:
    """Write ``folder/en/LC_MESSAGES/django.mo`` unless it is already current; moved into place whole."""
    target = folder / "en" / "LC_MESSAGES" / "django.mo"
    made = catalogue(english())
    if not target.exists() or target.read_bytes() != made:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(made)
        Path(name).replace(target)
    return target
