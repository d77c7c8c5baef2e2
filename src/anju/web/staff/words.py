"""Words only the staff's pages use: how a search matched, in which state a held row is, why it is held."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_noop, ngettext
from django.utils.translation import gettext as _

from anju.kernel import wording
from anju.register.store.queries import PersonLine
from anju.web.shell import compiled, parts
from anju.web.shell.tags import badge, is_english, lasts

register = template.Library()

MATCHED = {
    "citizen_no": gettext_noop("证件号码相符"),
    "citizen_no_tail": gettext_noop("证件号码尾号"),
    "phone": gettext_noop("电话相符"),
    "phone_tail": gettext_noop("电话尾号"),
    "name": gettext_noop("姓名"),
    "name_part": gettext_noop("姓名的一部分"),
    "name_sound": gettext_noop("读音相同"),
    "pinyin": gettext_noop("拼音"),
    "initials": gettext_noop("拼音首字母"),
    "address": gettext_noop("住址"),
    "code": gettext_noop("人员编码"),
}
STATES = {
    "open": ("signal", gettext_noop("待修改")),
    "fixed": ("good", gettext_noop("已改正")),
    "again": ("quiet", gettext_noop("重报仍有误，转到新批次")),
    "waived": ("quiet", gettext_noop("已放弃")),
}


@register.filter
def matched_words(way: str) -> str:
    """How a search matched."""
    return _(MATCHED[way]) if way in MATCHED else ""


@register.inclusion_tag("shell/badge.html")
def held_state(state: str) -> dict[str, str]:
    """The state of a held row."""
    tone, words = STATES[state]
    return badge(tone, _(words))


@register.filter
def state_words(state: str) -> str:
    """The state of held rows as a filter names it."""
    return _(STATES[state][1]) if state in STATES else _("全部")


@register.simple_tag
def person_marks(line: PersonLine) -> SafeString:
    """Whether somebody lives here, is registered with the police, and has sources that disagree."""
    return _marks(line.is_resident, line.in_police, line.discrepancy_count, get_language())


@lru_cache(maxsize=256)
def _marks(is_resident: bool, in_police: bool, disputed: int, _language: str | None) -> SafeString:
    told = [("good", _("在住")) if is_resident else ("quiet", _("已离开"))]
    if not in_police:
        told.append(("signal", _("未办居住登记")))
    if disputed:
        told.append(("signal", ngettext("%(n)s 项不一致", "%(n)s 项不一致", disputed) % {"n": disputed}))
    return SafeString(" ".join(parts.badge(tone, words) for tone, words in told))


@register.simple_tag
def person_rows(page: Any) -> SafeString:
    """The rows of a table of people: ``page.rows``."""
    return SafeString(compiled.body("staff/person_rows.html", page=page))


compiled.EXTRA.update(matched_words=matched_words, person_marks=person_marks, lasts=lasts)


ENTRIES = {
    "person": gettext_noop("新登记人员"),
    "stay": gettext_noop("登记入住"),
    "leave": gettext_noop("办理离开"),
    "job": gettext_noop("登记就业"),
}
STRENGTHS = {"sure": "signal", "likely": "calm", "possible": "quiet"}


@register.filter
def entry_words(what: str) -> str:
    """What was entered at the counter."""
    return _(ENTRIES[what]) if what in ENTRIES else what


@register.filter
def strength_tone(strength: str) -> str:
    """The tone of a likeness: the surer, the more it needs a look."""
    return STRENGTHS.get(strength, "quiet")


@register.simple_tag
def say_strength(strength: str) -> str:
    """How strongly a candidate is meant, in words."""
    return wording.say(f"register.strength.{strength}", "en" if is_english() else "zh")


@register.simple_tag
def say_reason(reason: str) -> str:
    """Why a candidate may be meant, in words."""
    return wording.say(f"register.reason.{reason}", "en" if is_english() else "zh")
