"""The facts catalogue: every fact a programme may ask for, declared once in the packs.

Grain: one entry per fact. Units: by type, see ``values``. Unknown: each entry says what a missing value means.
Source: ``packs/cn/facts/*.yaml`` and ``packs/<place>/facts/*.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from anju.policy.source import Faults, Map, read
from anju.policy.values import TYPES, Type

KINDS = ("back_paid", "transferred_in", "overlapping")
ROLES = ("spouse", "other_parent", "child", "province")
_PLACES = {"area": 2, "percent": 2, "decimal": 4}
_KEYS = frozenset(
    [
        "zh",
        "en",
        "type",
        "options",
        "ordered",
        "places",
        "fields",
        "kinds",
        "grows",
        "advise",
        "unknown",
        "proof",
        "computed",
        "key",
    ]
)
KIND_WORDS = {
    "back_paid": ("补缴", "back-paid"),
    "transferred_in": ("转入", "transferred in"),
    "overlapping": ("重叠", "overlapping"),
}
ROLE_WORDS = {
    "spouse": ("配偶：", "spouse: "),
    "other_parent": ("另一方父母：", "other parent: "),
    "child": ("子女：", "child: "),
    "province": ("在本省：", "in this province: "),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One code a fact may take, with its labels and the other spellings a facts file may use."""

    code: str
    zh: str
    en: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: labels, type, what unknown means, what proves it, how the library yields it."""

    key: str
    zh: str
    en: str
    type: Type
    unknown_zh: str
    unknown_en: str
    proof_zh: str
    proof_en: str
    dataset: str | None
    computed: Mapping[str, Any] | None
    options: tuple[Option, ...] = ()
    field_options: tuple[tuple[str, tuple[Option, ...]], ...] = ()
    field_labels: tuple[tuple[str, str, str], ...] = ()
    entry_key: str | None = None
    grows: bool = False
    is_advised: bool = True
    """Whether an answer may name it as something that would change the result."""
    kinds: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """Its column in a facts table."""
        return self.key.replace(".", "__")

    def label(self, language: str) -> str:
        """Its name in Chinese or English."""
        return self.zh if language.startswith("zh") else self.en


class Catalogue:
    """All facts in force for one place. ``find`` also answers for ``spouse.X`` and ``X.back_paid``."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = MappingProxyType(dict(facts))

    def find(self, key: str) -> Fact | None:
        """The fact named ``key``, or None."""
        if key in self.facts:
            return self.facts[key]
        role, _, rest = key.partition(".")
        if role in ROLES and rest:
            base = self.find(rest)
            return base and _told(base, key, ROLE_WORDS[role], before=True)
        name, _, kind = key.rpartition(".")
        found = self.facts.get(name)
        if found and kind in found.kinds:
            return _told(found, key, KIND_WORDS[kind], before=False)
        return None

    def names(self) -> list[str]:
        """Every key that needs no role, kinds included; for suggestions."""
        return [n for f in self.facts.values() for n in (f.key, *(f"{f.key}.{k}" for k in f.kinds))]


def _told(fact: Fact, key: str, words: tuple[str, str], *, before: bool) -> Fact:
    from dataclasses import replace

    zh = words[0] + fact.zh if before else f"{fact.zh}（{words[0]}）"
    en = words[1] + fact.en if before else f"{fact.en} ({words[1]})"
    return replace(fact, key=key, zh=zh, en=en, kinds=fact.kinds if before else ())


def load(folders: list[Path], faults: list[Faults]) -> Catalogue:
    """The catalogue of these pack folders, nearest first; what is wrong with a file is added to ``faults``."""
    facts: dict[str, Fact] = {}
    for folder in folders:
        for path in sorted(folder.glob("facts/*.yaml")):
            noted = Faults(str(path))
            for key, body in (raw := read(path, noted)).items():
                made = _fact(key, body, raw.lines[key], noted)
                if made:
                    facts.setdefault(key, made)
            if noted:
                faults.append(noted)
    return Catalogue(facts)


def _fact(key: str, body: Any, line: int, faults: Faults) -> Fact | None:
    if not isinstance(body, Map):
        faults.add("fact_not_described", line, key, key=key)
        return None
    for name in body:
        if name not in _KEYS:
            faults.add(
                "unknown_key", body.lines[name], f"{key}.{name}", key=name, known=", ".join(sorted(_KEYS))
            )
    for name in ("zh", "en", "type", "unknown", "proof"):
        if not body.get(name):
            faults.add("missing", line, key, key=name)
    if body.get("type") not in TYPES:
        faults.add("fact_type", line, key, type=body.get("type"), known=", ".join(sorted(TYPES)))
        return None
    fields = body.get("fields") or {}
    kind = _type(body, tuple((n, _type(f, ())) for n, f in fields.items()))
    unknown, proof = _two(body.get("unknown")), _two(body.get("proof"))
    computed = body.get("computed")
    return Fact(
        key=key,
        zh=str(body.get("zh", key)),
        en=str(body.get("en", key)),
        type=kind,
        unknown_zh=unknown[0],
        unknown_en=unknown[1],
        proof_zh=proof[0],
        proof_en=proof[1],
        dataset=(body.get("proof") or {}).get("dataset") if isinstance(body.get("proof"), Map) else None,
        computed=MappingProxyType(dict(computed)) if computed else None,
        options=_options(body.get("options")),
        field_options=tuple((n, _options(f.get("options"))) for n, f in fields.items() if f.get("options")),
        field_labels=tuple((n, str(f.get("zh", n)), str(f.get("en", n))) for n, f in fields.items()),
        entry_key=body.get("key"),
        grows=bool(body.get("grows", False)),
        is_advised=body.get("advise", True) is not False,
        kinds=KINDS if body.get("kinds") else (),
    )


def _type(body: Map, fields: tuple[tuple[str, Type], ...]) -> Type:
    kind = str(body.get("type", "count"))
    places = int(body.get("places", _PLACES.get(kind, 0)))
    options = tuple(str(o) for o in (body.get("options") or {}))
    return Type(kind, places, options, bool(body.get("ordered", False)), fields)


def _options(raw: Any) -> tuple[Option, ...]:
    return tuple(
        Option(
            str(code),
            str(o.get("zh", code)),
            str(o.get("en", code)),
            tuple(str(a) for a in o.get("also") or ()),
        )
        for code, o in (raw or {}).items()
    )


def _two(raw: Any) -> tuple[str, str]:
    return (str(raw.get("zh", "")), str(raw.get("en", ""))) if isinstance(raw, Map) else (str(raw or ""),) * 2
