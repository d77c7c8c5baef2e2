"""An answer in plain sentences, for a counter, a terminal or a printed sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anju.policy.model import Programme
from anju.policy.table import badges
from anju.policy.values import shown
from anju.policy.words import Words, number

if TYPE_CHECKING:
    from anju.policy.changes import Change
    from anju.policy.explain import Answer, LineShown, ServiceShown, TestShown

OUTCOMES = {
    "yes": ("符合", "yes"),
    "no": ("暂不符合", "not yet"),
    "open": ("待核（有事实未知）", "open (something is unknown)"),
}
STATES = {"yes": "✓", "no": "✗", "open": "?"}


def change_text(change: Change, programme: Programme, language: str) -> str:
    """One change as a sentence: ``养老保险再增加 8个月：+3 分；按现在的进度 2027年7月达到``."""
    zh = language.startswith("zh")
    when = ""
    if change.on:
        when = (
            f"；按现在的进度 {change.on.year}年{change.on.month}月达到"
            if zh
            else f"; reached in {change.on:%Y-%m} at this rate"
        )
    gain = f"+{number(change.gain)} 分" if zh else f"+{number(change.gain)} points"
    if change.gain <= 0:
        gain = "满足条件" if zh else "a condition is met"
    passes = ("，即可符合" if zh else ", and it is a yes") if change.passes else ""
    label = change.zh if zh else change.en
    if change.kind == "time":
        told = f"{change.on:%Y-%m}" if change.on else ""
        if zh and change.on:
            return f"{label}，{change.on.year}年{change.on.month}月即可符合（{gain}）"
        return f"{label}: a yes in {told} ({gain})"
    words = Words(programme, language)
    if change.kind == "step":
        kind = words.type(change.fact or "")
        more = (
            shown(change.more, kind, language)
            if change.more is not None and kind.kind != "months"
            else _months(change.more or 0, language)
        )
        return (
            f"{label}再增加{more}：{gain}{passes}{when}"
            if zh
            else f"{label}, {more} more: {gain}{passes}{when}"
        )
    if change.kind == "level":
        to = words.value(change.to, change.fact or "")
        return f"{label}达到“{to}”：{gain}{passes}" if zh else f"{label} becomes {to}: {gain}{passes}"
    return f"如果“{label}”为是：{gain}{passes}" if zh else f'if "{label}" holds: {gain}{passes}'


def _months(months: int, language: str) -> str:
    return f" {months} 个月" if language.startswith("zh") else f"{months} months"


def tell(answer: Answer, language: str = "zh") -> str:
    """The whole answer as text."""
    zh = language.startswith("zh")
    programme = answer.programme
    out = [
        f"{programme.label(language)}  {programme.id}  [{' · '.join(badges(programme, language))}]",
        (
            f"{programme.document}；申报日 {answer.on}，证据截止 {answer.cutoff}"
            if zh
            else f"{programme.document}; filed on {answer.on}, evidence up to {answer.cutoff}"
        ),
    ]
    if not answer.in_force:
        out.append(
            "！该版本在申报日不在施行期内，仅供比较。"
            if zh
            else "! This version was not in force on that day; for comparison only."
        )
    for service in answer.services:
        out += ["", *_service(service, answer, language)]
    if programme.readings:
        out += ["", "文本有歧义处采用的读法：" if zh else "Readings used where the text is ambiguous:"]
        for reading in programme.readings:
            option = next(o for o in reading.options if o[0] == answer.readings[reading.id])
            out.append(f"  · {reading.label(language)} → {option[0]}：{option[1 if zh else 2]}")
    if programme.gaps:
        out += ["", "未编入、需人工核对的行：" if zh else "Rows not encoded, to be checked by hand:"]
        out += [f"  · {gap.article} {gap.label(language)}" for gap in programme.gaps]
    if answer.assumed:
        out += [
            "",
            ("以下事实未填，按“无”计算：" if zh else "Taken as none because not given: ")
            + ", ".join(answer.assumed),
        ]
    out += [
        "",
        ("凭据 " if zh else "Receipt ")
        + f"{programme.id} · {programme.digest[:12]} · {answer.receipt['facts_sha256'][:12]} · {answer.receipt['result_sha256'][:12]}",
    ]
    return "\n".join(out)


def _service(service: ServiceShown, answer: Answer, language: str) -> list[str]:
    zh = 0 if language.startswith("zh") else 1
    label = service.zh if zh == 0 else service.en
    head = (
        f"【{label}】{OUTCOMES[service.outcome][0]}"
        if zh == 0
        else f"[{label}] {OUTCOMES[service.outcome][1]}"
    )
    if service.score is not None:
        head += f"  {number(service.score)}" + (" 分" if zh == 0 else " points")
        if service.line is not None:
            head += f" / {'须达到' if zh == 0 else 'line'} {number(service.line)}"
    out = [head]
    if service.id in answer.rest_none:
        outcome, score = answer.rest_none[service.id]
        told = OUTCOMES[outcome][zh] + ("" if score is None else f"  {number(score)}")
        out.append(
            ("  若其余未知事项均为“无”：" if zh == 0 else "  If everything unknown were none: ") + told
        )
    if len(service.scores) > 1:
        words = Words(answer.programme, language)
        out.append("  " + "；".join(f"{words.name(k)} {number(v)}" for k, v in service.scores.items()))
    for title, tests, flip in (("条件", service.conditions, False), ("否决情形", service.vetoes, True)):
        if tests:
            out.append("  " + (title if zh == 0 else {"条件": "Conditions", "否决情形": "Exclusions"}[title]))
            out += [_test(t, zh, flip=flip) for t in tests]
    for title, lines in (("积分", service.items), ("减分", service.deductions)):
        if lines:
            out.append("  " + (title if zh == 0 else {"积分": "Points", "减分": "Deductions"}[title]))
            out += [row for line in lines for row in _line(line, zh, 2)]
    if service.missing:
        out.append("  还缺什么、谁能证明" if zh == 0 else "  What is missing, and who can prove it")
        out += [
            f"    ? {f.zh}（{f.proof_zh}）" if zh == 0 else f"    ? {f.en} ({f.proof_en})"
            for f in service.missing
        ]
    if service.changes:
        out.append("  怎样会改变结果" if zh == 0 else "  What would change the result")
        out += ["    → " + change_text(c, answer.programme, language) for c in service.changes[:8]]
    return out


def _test(test: TestShown, zh: int, *, flip: bool) -> str:
    mark = STATES[test.state] if not flip else {"yes": "✗", "no": "✓", "open": "?"}[test.state]
    facts = "；".join(
        f"{f.zh if zh == 0 else f.en} {f.shown_zh if zh == 0 else f.shown_en}" for f in test.facts
    )
    return f"    {mark} {test.zh if zh == 0 else test.en}  〔{test.article}〕 {facts}"


def _line(line: LineShown, zh: int, depth: int) -> list[str]:
    if not line.points and not line.is_unknown and not line.lines:
        return []
    told = (
        number(line.points)
        + (" ?" if line.is_unknown else "")
        + ("" if line.is_counted else (" 未计" if zh == 0 else " not counted"))
    )
    facts = "；".join(
        f"{f.zh if zh == 0 else f.en} {f.shown_zh if zh == 0 else f.shown_en}"
        + (f"（{f.source}）" if f.source not in ("", "stated") else "")
        for f in line.facts
    )
    rows = [
        f"{'  ' * depth}{told:>8}  {line.zh if zh == 0 else line.en}  〔{line.article}〕 {facts}".rstrip()
    ]
    for inner in line.lines:
        rows += _line(inner, zh, depth + 1)
    return rows if line.points or line.is_unknown or len(rows) > 1 else []
