"""What a run of ``anju link`` says of itself: the summary in figures and in words, and the contract to edit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from anju.exchange.linkage import headings
from anju.exchange.linkage.guess import Guess
from anju.exchange.linkage.list_contract import ListContract


def write_contract(found: Sequence[Sequence[Guess]], stated: ListContract, language: str, out: Path) -> None:
    """``contract.yaml``: what the columns were taken for, ready to be changed and given back with --contract."""
    columns = {g.heading: g.kind for guesses in reversed(found) for g in guesses}
    said: dict[str, Any] = {"language": language, "once_per_file": stated.once_per_file, "columns": columns}
    (out / "contract.yaml").write_text(
        yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def write_summary(summary: dict[str, Any], out: Path) -> None:
    """``summary.json`` and the same in words, ``summary.md``."""
    (out / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
    known = headings.kinds()
    rows = [
        f"| {c['file']} | {c['heading']} | {known[c['kind']].zh} {c['kind']} | {c['confidence']:.0%} | {WHY[c['why']]} |"
        for c in summary["columns"]
    ]
    names = "、".join(summary["files"])
    lines = [
        f"# {names}",
        "",
        f"{summary['rows']:,} 行是 {summary['people']:,} 人，其中 {summary['duplicate_rows']:,} 行与别的行是同一人；"
        f"{summary['pairs_to_ask']:,} 对拿不准，请人看（review.csv）。",
        "",
        f"{summary['rows']:,} rows are {summary['people']:,} people; {summary['duplicate_rows']:,} rows repeat somebody; "
        f"{summary['pairs_to_ask']:,} pairs are for a person to settle (review.csv).",
        "",
        "![picture](picture.svg)",
        "",
        "## 各列被当作什么 · What each column was taken for",
        "",
        "| 文件 file | 列 column | 当作 taken for | 把握 confidence | 依据 why |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "看错了就说明：`anju link … --map 列名=种类`，或改 contract.yaml 后用 `--contract` 交回。",
        "",
        "To correct it: `anju link … --map heading=kind`, or edit contract.yaml and give it back with `--contract`.",
    ]
    if summary["answers"]:
        lines += [
            "",
            f"照人的答复定了 {summary['answers']:,} 对（review.csv 末尾）。 {summary['answers']:,} pairs were settled by people's answers (at the end of review.csv).",
        ]
    if summary["rows_unreadable"]:
        lines += [
            "",
            f"{summary['rows_unreadable']:,} 行的格数与表头不符，未比对（unreadable.csv）。 Rows that do not fit the header: unreadable.csv.",
        ]
    (out / "summary.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


WHY = {
    "heading": "列名 heading",
    "values": "内容 values",
    "both": "列名与内容 heading and values",
    "stated": "说明 stated",
    "id": "每行不同 differs on every row",
    "empty": "空列 empty",
    "constant": "每行相同 the same on every row",
    "taken": "已有一列 another column is that",
}
