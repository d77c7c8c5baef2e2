"""What a programme asks for: each fact in words, and the empty form to fill in."""

from __future__ import annotations

from typing import Any

from anju.policy.facts_file import form
from anju.policy.model import Programme, Use


def asked(programme: Programme) -> list[dict[str, Any]]:
    """One row per fact: key, column, type, unit, labels, how to write it, proof, meaning of unknown."""
    return [_row(use) for use in programme.uses]


def _row(use: Use) -> dict[str, Any]:
    fact = use.fact
    row: dict[str, Any] = {
        "key": use.key,
        "column": fact.column,
        "type": fact.type.kind,
        "unit": _unit(use),
        "zh": use.zh,
        "en": use.en,
        "form_zh": form(fact, "zh"),
        "form_en": form(fact, "en"),
        "proof_zh": fact.proof_zh,
        "proof_en": fact.proof_en,
        "dataset": fact.dataset,
        "unknown_zh": fact.unknown_zh,
        "unknown_en": fact.unknown_en,
    }
    if use.window:
        row["window"] = f"{use.window[0]} {use.window[1]}"
    if fact.options:
        row["options"] = [{"code": o.code, "zh": o.zh, "en": o.en} for o in fact.options]
    if fact.type.kind == "list":
        row["entry"] = _entry(use)
    return row


def _unit(use: Use) -> str | None:
    return {
        "months": "month",
        "days": "day",
        "years": "year",
        "money": "fen",
        "area": "m2",
        "percent": "%",
    }.get(use.fact.type.kind)


def _entry(use: Use) -> list[dict[str, Any]]:
    options = dict(use.fact.field_options)
    labels = {n: (zh, en) for n, zh, en in use.fact.field_labels}
    return [
        {
            "key": name,
            "type": kind.kind,
            "zh": labels.get(name, (name, name))[0],
            "en": labels.get(name, (name, name))[1],
            **(
                {"options": [{"code": o.code, "zh": o.zh, "en": o.en} for o in options[name]]}
                if name in options
                else {}
            ),
        }
        for name, kind in use.fact.type.fields
    ]


def empty(programme: Programme) -> dict[str, Any]:
    """The form to fill in for ``--facts``: every fact, all unknown."""
    return {use.key: None for use in programme.uses}
