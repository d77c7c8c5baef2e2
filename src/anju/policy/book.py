"""The programmes as a book: one page each, printed as the official table in Chinese and English, and a list of them.

Unit: one page of Markdown per programme version. Source: the policy files alone, so a page can be made again and compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from anju.policy.model import Programme
from anju.policy.table import badges, markdown, table

INDEX = "index.md"
_NOTE = "<!-- Made by `anju policy docs`; change the policy file, not this page. -->\n\n"


def page_name(programme: Programme) -> str:
    """The file name of a programme's page: ``beijing-settlement-2020.md``."""
    return f"{programme.place}-{programme.name}-{programme.version}.md"


def pages(programmes: Iterable[Programme], places: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Every page by file name, the list of programmes among them. ``places``: Chinese and English name by place."""
    ordered = sorted(programmes, key=lambda p: (p.place != "cn", p.place, p.name, p.from_on))
    made = {page_name(p): _page(p) for p in ordered}
    return {**made, INDEX: _index(ordered, places)}


def differences(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Names of pages in ``folder`` that are missing, out of date or no longer wanted."""
    found = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.md")}
    return sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))


def write(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Bring ``folder`` up to date; the names of the pages written or removed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = differences(folder, wanted)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def _page(programme: Programme) -> str:
    chinese, english = markdown(table(programme, "zh")), markdown(table(programme, "en"))
    source = f"packs/{programme.place}/policies/{programme.name}/{programme.version}.yaml"
    return f"{_NOTE}{chinese}\n---\n\n{english}\n---\n\n`{source}`\n"


def _index(ordered: list[Programme], places: dict[str, tuple[str, str]]) -> str:
    out = [_NOTE + "# 政策文件 Programmes", ""]
    for place, group in groupby(ordered, key=lambda p: p.place):
        zh, en = places.get(place, (place, place))
        out += [
            f"## {zh} {en}",
            "",
            "| 政策 programme | 文号 document | 施行 in force | 状态 status |",
            "|---|---|---|---|",
        ]
        for p in group:
            span = f"{p.from_on} – {p.until_on or '…'}"
            status = " · ".join(f"{z} {e}" for z, e in zip(badges(p, "zh"), badges(p, "en"), strict=True))
            out.append(
                f"| [{p.zh}]({page_name(p)})<br>{p.en}<br>`{p.id}` | {p.document} | {span} | {status} |"
            )
        out.append("")
    return "\n".join(out)
