"""A programme as the official-looking table: sections of rows with article, line and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

from anju.policy.model import Gap, Item, Line, Programme, Reading, Score, Service
from anju.policy.words import Words, number

TITLES = {
    "conditions": ("申请条件（须全部满足）", "Conditions (all)"),
    "vetoes": ("否决情形（有一即不可）", "Exclusions (any)"),
    "items": ("积分项目", "Items"),
    "deductions": ("减分项目", "Deductions"),
    "scores": ("合计", "Scores"),
    "services": ("结果与排名", "Decision and ranking"),
    "derived": ("计算口径", "How values are worked out"),
    "readings": ("文本有歧义处所选读法", "Readings chosen where the text is ambiguous"),
    "gaps": ("未编入的行", "Rows that are not encoded"),
}
NUMBERS = "一二三四五六七八九"
BADGES = {
    "full": ("全文编码", "encoded in full"),
    "with_gaps": ("有缺口", "with gaps"),
    "readings_chosen": ("含选定读法", "readings chosen"),
    "needs_confirmation": ("待核实", "needs confirmation"),
}
REASONS = {
    "not_seen": ("原文未见", "not seen"),
    "not_collected": ("系统不收集", "not collected"),
    "not_expressible": ("格式不能表达", "not expressible"),
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """One printed row; ``depth`` indents rows inside groups."""

    id: str
    article: str
    label: str
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One titled part of the table."""

    id: str
    title: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The whole printed programme."""

    id: str
    title: str
    head: tuple[tuple[str, str], ...]
    badges: tuple[str, ...]
    sections: tuple[Section, ...]


def table(programme: Programme, language: str = "zh") -> Table:
    """The programme as a table in one language."""
    words = Words(programme, language)
    zh = 0 if words.zh else 1
    rows: dict[str, list[TableRow]] = {
        "conditions": [
            TableRow(t.id, t.article, t.label(language) + _marks(t, words), words.condition(t.when))
            for t in programme.conditions
        ],
        "vetoes": [
            TableRow(t.id, t.article, t.label(language) + _marks(t, words), words.condition(t.when))
            for t in programme.vetoes
        ],
        "items": [r for i in programme.items for r in _item_rows(i, words, 0)],
        "deductions": [r for i in programme.deductions for r in _item_rows(i, words, 0)],
        "scores": [_score_row(s, words) for s in programme.scores],
        "services": [r for s in programme.services for r in _service_rows(s, words)],
        "derived": [
            TableRow(d.id, d.article, d.label(language) + _marks(d, words), words.derived(d))
            for d in programme.derived
        ],
        "readings": [_reading_row(r, zh) for r in programme.readings],
        "gaps": [_gap_row(g, words, zh) for g in programme.gaps],
    }
    there = [k for k, v in rows.items() if v]
    sections = tuple(
        Section(k, f"{NUMBERS[i]}、{TITLES[k][0]}" if zh == 0 else TITLES[k][1], tuple(rows[k]))
        for i, k in enumerate(there)
    )
    return Table(
        programme.id,
        programme.label(language),
        _head(programme, words),
        badges(programme, language),
        sections,
    )


def badges(programme: Programme, language: str) -> tuple[str, ...]:
    """The status badges in words."""
    zh = 0 if language.startswith("zh") else 1
    return tuple(BADGES[b][zh] for b in programme.badges)


def _head(programme: Programme, words: Words) -> tuple[tuple[str, str], ...]:
    zh = words.zh
    until = programme.until_on.isoformat() if programme.until_on else ("" if not zh else "今")
    return (
        ("文号" if zh else "Document", programme.document),
        ("制定机关" if zh else "Authority", programme.authority_zh if zh else programme.authority_en),
        ("施行期" if zh else "In force", f"{programme.from_on.isoformat()} – {until}"),
        (
            "证据截止" if zh else "Cut-off of evidence",
            f"{words.day(programme.cutoff)} {programme.cutoff_article}".strip(),
        ),
        ("来源" if zh else "Source", programme.source_zh if zh else programme.source_en),
    )


def _marks(item: Line, words: Words) -> str:
    marks = []
    if item.only_for:
        names = "、".join(words.name(s) for s in item.only_for)
        marks.append(f"仅{names}" if words.zh else f"only {names}")
    if item.reading:
        marks += [f"{'读法' if words.zh else 'reading'} {n}={o}" for n, o in item.reading]
    return f" [{'；'.join(marks)}]" if marks else ""


def _item_rows(item: Item, words: Words, depth: int) -> list[TableRow]:
    label = item.label(words.language) + _marks(item, words)
    rows = [TableRow(item.id, item.article, label, words.rule(item), depth)]
    for child in item.children:
        rows += _item_rows(child, words, depth + 1)
    return rows


def _score_row(score: Score, words: Words) -> TableRow:
    joint = " + ".join(words.name(i) for i in score.add) or "0"
    text = joint + "".join(f" − {words.name(i)}" for i in score.subtract)
    for times in score.times:
        when = f"（{words.condition(times.when)}）" if times.when is not None else ""
        text += f"；× {number(times.factor)}{when}"
    if score.floor is not None:
        text += f"；最低 {number(score.floor)}" if words.zh else f"; at least {number(score.floor)}"
    if score.cap is not None:
        text += f"；最高 {number(score.cap)}" if words.zh else f"; at most {number(score.cap)}"
    if score.places is not None:
        how = {
            "half_up": ("四舍五入", "rounded half up"),
            "down": ("舍去", "rounded down"),
            "up": ("进位", "rounded up"),
        }
        told = how[score.rounding]
        text += f"；{told[0]}至{score.places}位小数" if words.zh else f"; {told[1]} to {score.places} places"
    return TableRow(score.id, score.article, score.label(words.language), text)


def _service_rows(service: Service, words: Words) -> list[TableRow]:
    zh = words.zh
    text = words.name(service.score) if service.score else ("符合全部条件" if zh else "all conditions hold")
    if service.line is not None:
        text += f" ≥ {number(service.line)}"
    rows = [TableRow(service.id, service.article, service.label(words.language), text)]
    ranking = service.ranking
    if ranking:
        order = [words.name(ranking.score)] if ranking.score else []
        order += [(k.zh if zh else k.en) or words.name(k.of) for k in ranking.keys]
        ties = {
            "all_admitted": ("末位同分全部入围", "all tied at the line admitted"),
            "draw": ("末位同分抽签", "ties at the line drawn by lot"),
            "none_admitted": ("末位同分均不入围", "none tied at the line admitted"),
        }
        told = " → ".join(order) + ("；" if zh else "; ") + ties[ranking.ties][0 if zh else 1]
        if ranking.places is not None:
            told += f"；名额 {ranking.places}" if zh else f"; {ranking.places} places"
        for category in ranking.categories:
            share = f" {number(category.percent)}%" if category.percent is not None else ""
            told += ("；" if zh else "; ") + (category.zh if zh else category.en) + share
        rows.append(TableRow(f"{service.id}.ranking", ranking.article, "排名" if zh else "ranking", told, 1))
    return rows


def _reading_row(reading: Reading, zh: int) -> TableRow:
    options = "；".join(
        ("● " if o[0] == reading.default else "○ ") + f"{o[0]}：{o[1 + zh]}" for o in reading.options
    )
    return TableRow(reading.id, reading.article, reading.zh if zh == 0 else reading.en, options)


def _gap_row(gap: Gap, words: Words, zh: int) -> TableRow:
    text = REASONS[gap.reason][zh]
    if gap.open_when is not None:
        text += ("；有此情形时待人工核定：" if zh == 0 else "; settled by hand if ") + words.condition(
            gap.open_when
        )
    return TableRow(gap.id, gap.article, gap.label(words.language), text)


def markdown(found: Table) -> str:
    """The table as Markdown."""
    zh = found.sections and any("一" <= c <= "龥" for c in found.head[0][0])
    out = [f"# {found.title}", "", f"`{found.id}` · " + " · ".join(found.badges), ""]
    out += [f"- {name}：{text}" if zh else f"- {name}: {text}" for name, text in found.head]
    heads = "| 依据 | 项目 | 规则 | 编号 |" if zh else "| article | line | rule | id |"
    for section in found.sections:
        out += ["", f"## {section.title}", "", heads, "|---|---|---|---|"]
        for row in section.rows:
            indent = "　" * row.depth
            cells = (row.article, indent + row.label, row.text, f"`{row.id}`")
            out.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(out) + "\n"
