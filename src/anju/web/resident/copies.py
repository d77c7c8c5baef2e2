"""A copy of one's file: for machines (JSON) and for people (PDF)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from anju.register.store.queries import PersonFile
from anju.web.shell.terms import code_label, dataset_name, field_label, region_name

FACE = "STSong-Light"
INK, QUIET, LINE = HexColor("#1b2422"), HexColor("#64716d"), HexColor("#dde2de")
LISTS = (
    "stays", "jobs", "family", "contributions", "enrolments", "permits", "taxes", "skills", "lands", "aids", "health",
)  # fmt: skip


def as_json(held: PersonFile) -> dict[str, Any]:
    """The whole file as plain values: days as ISO text, sources kept with every value."""
    return {"format": "anju-person-file-1", **{k: _plain(v) for k, v in asdict(held).items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def as_pdf(held: PersonFile, at: datetime) -> bytes:
    """The file on paper: a heading, the values with their sources, then each list."""
    pdfmetrics.registerFont(UnicodeCIDFont(FACE))
    out = io.BytesIO()
    title = _("本人档案副本")
    sheet = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=18 * mm, bottomMargin=18 * mm,
        title=title, author=_("安居"),
    )  # fmt: skip
    story: list[Flowable] = [
        Paragraph(title, _style(18, 26)),
        Paragraph(_("人员编码 %(code)s · 打印于 %(at)s") % {"code": held.code, "at": f"{at:%Y-%m-%d %H:%M}"}, _style(9, 14, QUIET)),
        Spacer(1, 6 * mm),
        _table([(_("项目"), _("内容"), _("来源")), *_values(held)]),
    ]  # fmt: skip
    for name in LISTS:
        rows = getattr(held, name)
        if rows:
            story += [Spacer(1, 5 * mm), Paragraph(field_label(name), _style(12, 20)), _table(_rows(rows))]
    sheet.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _values(held: PersonFile) -> Iterator[tuple[str, str, str]]:
    for view in held.fields:
        sources = "；".join(f"{dataset_name(s.dataset)} {s.observed_on or ''}".strip() for s in view.sources)
        yield field_label(view.field), code_label(view.field, view.value), sources


def _rows(rows: tuple[Any, ...]) -> list[tuple[str, ...]]:
    """One line per entry; columns that are empty everywhere are left out, codes are put into words."""
    told = [asdict(row) for row in rows]
    keys = [
        k for k in told[0] if k not in {"sources", "is_inverse"} and any(t[k] not in (None, "") for t in told)
    ]
    body = [tuple(_cell(k, t[k]) for k in keys) for t in told]
    return [tuple(field_label(k) for k in keys), *body]


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key == "region":
        return region_name(value)
    if key.endswith("_fen"):
        return f"{value / 100:,.2f}"
    return code_label(key, value) if isinstance(value, str) else str(value)


def _style(size: int, leading: int, colour: HexColor = INK) -> ParagraphStyle:
    return ParagraphStyle(
        "s", fontName=FACE, fontSize=size, leading=leading, textColor=colour, wordWrap="CJK"
    )


def _table(rows: list[tuple[str, ...]]) -> Table:
    cell, head = _style(9, 13), _style(8, 12, QUIET)
    body = [[Paragraph(_escaped(t), head if i == 0 else cell) for t in row] for i, row in enumerate(rows)]
    width = (A4[0] - 36 * mm) / len(rows[0])
    table = Table(body, colWidths=[width] * len(rows[0]), repeatRows=1)
    table.setStyle(
        TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 3)])
    )  # fmt: skip
    return table


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _foot(canvas: Any, sheet: Any) -> None:
    canvas.setFont(FACE, 8)
    canvas.setFillColor(QUIET)
    canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(sheet.page))
