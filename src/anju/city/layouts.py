"""What each department's own system writes: file, format, encoding, habits, columns. Data in the pack."""

from __future__ import annotations

from dataclasses import dataclass

from anju.kernel import packs


@dataclass(frozen=True, slots=True)
class Layout:
    """One dataset as its sender writes it. ``columns`` maps the header to the name of what is written."""

    dataset: str
    department: str
    name: str
    file: str
    format: str
    dates: str
    key: tuple[str, ...]
    columns: dict[str, str]
    encoding: str = "utf-8"
    prefix: str = ""
    title: str = ""
    """What stands in the merged row over a workbook's headers."""


def load_layouts() -> dict[str, Layout]:
    """Every department's layout, by dataset."""
    found = {}
    for path in packs.files("departments/*.yaml", "demo"):
        stated = dict(packs.read_yaml(path))
        stated["key"] = tuple(stated["key"])
        found[stated["dataset"]] = Layout(**stated)
    return found
