"""Words and small drawings of the review and of contradictions: a value with its differences marked, states, bars."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from anju.kernel import wording
from anju.register import settling
from anju.web.shell import terms
from anju.web.shell.tags import badge, is_english

register = template.Library()

TONES = {"same": "good", "different": "calm", "unsure": "signal", "skip": "quiet"}
FIELDS = {
    "address": gettext_noop("住址"),
    "employer": gettext_noop("用人单位"),
    "kin": gettext_noop("亲属"),
    "household": gettext_noop("家庭编号"),
}
GONE = gettext_noop("新的资料已使它不需判别")
TAKEN_BACK = gettext_noop("已撤回")


@register.filter
def bits(weight: float) -> str:
    """A weight with its sign."""
    return f"{weight:+.1f}".replace("-", "\u2212")


@register.filter
def likely(chance: float) -> str:
    """A chance as per cent; evidence is never certain."""
    return "> 99 %" if chance > 0.99 else "< 1 %" if chance < 0.01 else f"{chance * 100:.0f} %"


@register.filter
def svg(value: float) -> str:
    """A length as a drawing takes it, whatever the page's language."""
    return f"{value:.1f}"


@register.filter
def review_field(name: str) -> str:
    """A compared field's name in words."""
    return _(FIELDS[name]) if name in FIELDS else terms.field_label(name)


@register.inclusion_tag("staff/review_value.html")
def side_value(row: Any, side: str) -> dict[str, Any]:
    """One side's value of a row: differing characters marked, codes in words, further values beneath."""
    plain = row.plain[0 if side == "a" else 1]
    return {
        "runs": getattr(row, side),
        "also": [
            terms.code_label(row.field, told) if plain else told
            for told in ("".join(run.text for run in runs) for runs in getattr(row, f"also_{side}"))
        ],
        "plain": terms.code_label(row.field, plain) if plain else "",
        "differs": all(row.plain) and row.plain[0] != row.plain[1],
    }


@register.inclusion_tag("shell/badge.html")
def word_mark(word: str, undone_at: object = None) -> dict[str, str]:
    """A reviewer's word; one taken back says so."""
    if undone_at:
        return badge("quiet", _(TAKEN_BACK))
    return badge(TONES[word], wording.say(f"review.word.{word}", "en" if is_english() else "zh"))


@register.inclusion_tag("shell/badge.html")
def question_state(state: str) -> dict[str, str]:
    """How a question ended."""
    return badge("quiet", _(GONE)) if state == "gone" else word_mark(state)


CASE_STATES = {
    "open": ("signal", gettext_noop("待核定")),
    "overdue": ("bad", gettext_noop("已超期")),
    "requested": ("calm", gettext_noop("本人请求")),
    "settled": ("good", gettext_noop("已核定")),
    "dropped": ("quiet", gettext_noop("未作更正")),
    "ended": ("quiet", gettext_noop("来源已一致")),
    "": ("quiet", gettext_noop("未立项")),
}
STEPS = {
    "sent": gettext_noop("转交"),
    "settled": gettext_noop("已核定"),
    "dropped": gettext_noop("未作更正，结案"),
    "undone": gettext_noop("撤回核定"),
    "requested": gettext_noop("本人请求更正"),
}


@register.filter
def case_state(state: str) -> str:
    """The state of a contradiction as a filter names it."""
    return _(CASE_STATES[state][1])


@register.inclusion_tag("shell/badge.html")
def case_mark(case: Any) -> dict[str, str]:
    """The state of a contradiction; an open one says how much time is left."""
    if case.state == "open" and case.days_left is not None:
        if case.days_left < 0:
            return badge("bad", _("已超期 %(n)s 天") % {"n": -case.days_left})
        return badge("signal", _("还有 %(n)s 天") % {"n": case.days_left})
    tone, words = CASE_STATES[case.state]
    return badge(tone, _(words))


@register.filter
def step_words(kind: str) -> str:
    """One step of a contradiction's history."""
    return _(STEPS[kind])


@register.filter
def settle_rule(key: str) -> str:
    """A settling rule in words."""
    found = settling.rules().get(key)
    return (found.en if is_english() else found.zh) if found else key


@register.inclusion_tag("staff/source_days.html")
def source_days(sources: Any) -> dict[str, Any]:
    """Sources by dataset: the newest day of each, and how many records."""
    told: dict[str, dict[str, Any]] = {}
    for s in sources:
        held = told.setdefault(s.dataset, {"dataset": s.dataset, "newest": s.observed_on, "count": 0})
        held["count"] += 1
        held["newest"] = max(filter(None, (held["newest"], s.observed_on)), default=None)
    return {"told": list(told.values())}


@register.filter
def is_settled_by_value(field: str) -> bool:
    """Whether what a person asks to correct is decided on a page of its own and written through."""
    return field in settling.FIELDS


HOW = {
    "key": gettext_noop("确定的键相符（证件号码与姓名等）"),
    "model": gettext_noop("程序称量证据"),
    "alone": gettext_noop("只此一条"),
    "review": gettext_noop("人工判别"),
    "own": gettext_noop("本系统登记，归属已定"),
}
CHANGES = {"merge": gettext_noop("合并"), "split": gettext_noop("拆分")}
CHANGE_STATES = {
    "proposed": ("signal", gettext_noop("待复核")),
    "confirmed": ("good", gettext_noop("已确认")),
    "refused": ("quiet", gettext_noop("未同意")),
    "undone": ("quiet", gettext_noop("已撤回")),
}
EVENTS = {
    "minted": gettext_noop("新编码"),
    "merged": gettext_noop("并入"),
    "split": gettext_noop("拆分"),
    "returned": gettext_noop("恢复使用"),
}
OUTCOMES = {
    "same": ("good", gettext_noop("同一人")),
    "different": ("calm", gettext_noop("不是同一人")),
    "ask": ("signal", gettext_noop("待判别")),
}


@register.filter
def how_words(how: str) -> str:
    """How a record came to its person."""
    return _(HOW.get(how, how))


@register.filter
def change_words(kind: str) -> str:
    """A change to whole people."""
    return _(CHANGES[kind])


@register.inclusion_tag("shell/badge.html")
def change_mark(state: str) -> dict[str, str]:
    """The state of a change to whole people."""
    tone, words = CHANGE_STATES[state]
    return badge(tone, _(words))


@register.filter
def event_words(kind: str) -> str:
    """What became of a code."""
    return _(EVENTS.get(kind, kind))


@register.inclusion_tag("shell/badge.html")
def outcome_mark(outcome: str) -> dict[str, str]:
    """What became of a weighed pair."""
    tone, words = OUTCOMES[outcome]
    return badge(tone, _(words))
