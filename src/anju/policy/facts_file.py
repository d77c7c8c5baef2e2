"""One person's facts as a programme needs them, read from a forgiving JSON object.

Accepted: months as 96, "96", "8 years", "8年3个月", or ``{"normal": 96, "back_paid": 3}``; money as whole fen, "120000元",
or under the same key ending in ``_yuan``; days as ISO or 2016/1/5; yes/no as true, "yes", "是"; codes by code or label;
``{"value": …, "source": …}`` anywhere; nested objects for ``spouse`` and the like. null and what is left out are unknown,
or none where the reader is told so; "unknown" (未知, 不详) stays unknown even then.
Refused: a key the programme does not know (with the nearest one that it does), and a value that is not of its type.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from anju.kernel.refusal import Refusal
from anju.policy.catalogue import ROLES, Fact, Option
from anju.policy.model import Programme
from anju.policy.values import NotInUnit, Type, amount

_YES = frozenset({"yes", "true", "1", "y", "是", "有", "已"})
_NO = frozenset({"no", "false", "0", "n", "否", "无", "没有", "未"})
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_EMPTY: dict[str, Any] = {"boolean": False, "list": []}


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Values by fact key (absent: unknown), where each comes from, and keys filled by assumption."""

    values: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


def read_facts(programme: Programme, raw: Mapping[str, Any], *, others: str = "unknown") -> PersonFacts:
    """Facts of one person for one programme; ``others="none"``: see ``rest_as_none``.

    Refuses unknown keys and values that are not of their type, all of them together.
    """
    if isinstance(raw.get("facts"), Mapping):
        raw = raw["facts"]
    uses = {use.key: use.fact for use in programme.uses}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    faults: list[str] = []
    said_unknown: set[str] = set()
    for key, told in _flat(raw, uses):
        fact, told = _meant(key, told, uses)
        if fact is None:
            near = difflib.get_close_matches(key, uses, 1, 0.4)
            faults.append(f"{key} → {near[0]}?" if near else f"{key}")
            continue
        if isinstance(told, Mapping) and "value" in told:
            if told.get("source"):
                sources[fact.key] = str(told["source"])
            told = told["value"]
        if isinstance(told, str) and _is_unknown(told):
            said_unknown.add(fact.key)
        try:
            values.update(_kinds(fact, told, uses) if fact.kinds else {fact.key: value(told, fact)})
        except NotInUnit:
            faults.append(f"{key} ({form(fact, 'en')})")
    if faults:
        raise Refusal("policy.facts_not_understood", programme=programme.id, faults="; ".join(faults))
    read = PersonFacts(values, sources)
    return rest_as_none(programme, read, but=said_unknown) if others == "none" else read


def _flat(raw: Mapping[str, Any], uses: Mapping[str, Fact]) -> Iterable[tuple[str, Any]]:
    for key, told in raw.items():
        if str(key).startswith("_"):
            continue
        if key in ROLES and isinstance(told, Mapping) and key not in uses:
            yield from ((f"{key}.{inner}", value) for inner, value in told.items())
        else:
            yield str(key), told


def _meant(key: str, told: Any, uses: Mapping[str, Fact]) -> tuple[Fact | None, Any]:
    """The fact a key means: itself, with ``__`` for a dot, by its label, or with ``_yuan`` for ``_fen``."""
    plain = key.replace("__", ".")
    if plain in uses:
        return uses[plain], told
    if plain.endswith("_yuan") and plain[:-5] + "_fen" in uses:
        return uses[plain[:-5] + "_fen"], _yuan(told)
    base = plain.rpartition(".")[0] if plain.rpartition(".")[2] == "normal" else plain
    if base in uses:
        return uses[base], told
    return next((f for f in uses.values() if key in (f.zh, f.en)), None), told


def _yuan(told: Any) -> Any:
    """A bare number under a key ending in ``_yuan`` is in yuan."""
    is_bare = isinstance(told, int | float | str) and re.fullmatch(r"[\d,.]+", str(told))
    return f"{told}元" if is_bare else told


def _kinds(fact: Fact, told: Any, uses: Mapping[str, Fact]) -> dict[str, Any]:
    """Months by kind. A bare number is all normal months, so the other kinds are then 0."""
    others = [f"{fact.key}.{k}" for k in fact.kinds if f"{fact.key}.{k}" in uses]
    if isinstance(told, Mapping):
        unknown = set(told) - {"normal", *fact.kinds}
        if unknown:
            raise NotInUnit(told)
        found = {fact.key: value(told.get("normal", 0), fact)}
        return found | {k: value(told.get(k.rpartition(".")[2], 0), fact) for k in others}
    known = value(told, fact)
    return {fact.key: known} | (dict.fromkeys(others, 0) if known is not None else {})


def rest_as_none(programme: Programme, facts: PersonFacts, *, but: Collection[str] = ()) -> PersonFacts:
    """The same person with every unknown count, list, yes/no, and code that has a ``none``, taken as none, ``but`` some."""
    values, assumed = dict(facts.values), list(facts.assumed)
    for use in programme.uses:
        kind = use.fact.type
        if values.get(use.key) is not None or use.key in but or kind.kind == "date":
            continue
        if kind.kind != "code" or "none" in kind.options:
            values[use.key] = "none" if kind.kind == "code" else _EMPTY.get(kind.kind, 0)
            assumed.append(use.key)
    return PersonFacts(values, facts.sources, tuple(assumed))


def value(told: Any, fact: Fact) -> Any:
    """One value of a fact in the form both engines use; None for unknown. Raises NotInUnit."""
    return _typed(told, fact.type, fact.options, dict(fact.field_options))


def _is_unknown(told: str) -> bool:
    return told.strip().lower() in ("", "unknown", "null", "未知", "不详")


def _typed(
    told: Any, kind: Type, options: tuple[Option, ...], inner: Mapping[str, tuple[Option, ...]]
) -> Any:
    if told is None or (isinstance(told, str) and _is_unknown(told)):
        return None
    if kind.is_number:
        found = amount(told, kind, "fen" if kind.kind == "money" else "")
        if found < 0:
            raise NotInUnit(told)
        return found
    if kind.kind == "boolean":
        return _boolean(told)
    if kind.kind == "date":
        return _date(told)
    if kind.kind == "code":
        return _code(told, options)
    if isinstance(told, Mapping):
        told = [told]
    if not isinstance(told, list | tuple):
        raise NotInUnit(told)
    return [_entry(entry, kind, inner) for entry in told]


def _entry(told: Any, kind: Type, inner: Mapping[str, tuple[Option, ...]]) -> dict[str, Any]:
    fields = dict(kind.fields)
    if not isinstance(told, Mapping):
        raise NotInUnit(told)
    meant: dict[str, Any] = {}
    for name, raw in told.items():
        if name not in fields and name.endswith("_yuan"):
            name, raw = name[:-5] + "_fen", _yuan(raw)
        if name not in fields:
            raise NotInUnit(told)
        meant[name] = raw
    return {name: _typed(meant.get(name), f, inner.get(name, ()), {}) for name, f in fields.items()}


def _boolean(told: Any) -> bool:
    text = str(told).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise NotInUnit(told)


def _date(told: Any) -> date:
    if isinstance(told, date):
        return told
    found = _DAY.fullmatch(str(told).strip().split("T")[0])
    try:
        return date(*(int(g) for g in found.groups())) if found else _compact(str(told))
    except ValueError:
        raise NotInUnit(told) from None


def _compact(text: str) -> date:
    if not re.fullmatch(r"\d{8}", text.strip()):
        raise ValueError(text)
    return date.fromisoformat(text.strip())


def _code(told: Any, options: tuple[Option, ...]) -> str:
    text = str(told).strip().lower()
    for option in options:
        if text in (option.code, option.zh.lower(), option.en.lower(), *(a.lower() for a in option.also)):
            return option.code
    raise NotInUnit(told)


def form(fact: Fact, language: str) -> str:
    """How to write a fact in a facts file: its type, unit or options, in a few words."""
    zh = language.startswith("zh")
    kind = fact.type.kind
    if kind == "code":
        return " | ".join(f"{o.code} ({o.zh if zh else o.en})" for o in fact.options)
    if kind == "list":
        names = ", ".join(
            f"{n}: {t.kind}" + (f" {'|'.join(t.options)}" if t.options else "") for n, t in fact.type.fields
        )
        return f"列表，每项 {{{names}}}" if zh else f"list of {{{names}}}"
    words = {
        "months": ('整月数，如 96 或 "8年"', 'whole months: 96 or "8 years"'),
        "days": ("天数", "days"),
        "years": ("年数", "years"),
        "count": ("次数（整数）", "a whole number"),
        "money": (
            '整数分，或 "120000元"（也可用键名结尾 _yuan）',
            'whole fen, or "120000 yuan" (or the key ending in _yuan)',
        ),
        "area": ("平方米", "square metres"),
        "percent": ("百分数，如 51", "percent: 51"),
        "decimal": ("小数", "a number"),
        "boolean": ("true / false", "true / false"),
        "date": ("日期，如 1990-05-20", "a day: 1990-05-20"),
    }
    return words[kind][0 if zh else 1]
