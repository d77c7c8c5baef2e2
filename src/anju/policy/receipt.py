"""Receipts: enough beside every answer to recompute it in ten years."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from anju.kernel.refusal import Refusal
from anju.policy.bound import Bound, bind
from anju.policy.facts_file import PersonFacts
from anju.policy.interpret import Interpreter, Verdict
from anju.policy.model import Programme

FORMAT = 1


def plain(value: Any) -> Any:
    """A fact in JSON's own types: days as ISO text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [{k: plain(v) for k, v in entry.items()} for entry in value]
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def results(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Outcome and scores per service; scores as exact fractions in text."""
    return {
        v.rules.service.id: {
            "outcome": {True: "yes", False: "no", None: "open"}[v.outcome],
            "scores": {name: str(score) for name, score in v.scores.items()},
        }
        for v in verdicts
    }


def receipt(bound: Bound, facts: PersonFacts, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What was asked, of which file, on which day, and what came out; with hashes over inputs and result."""
    given = {k: plain(v) for k, v in facts.values.items() if v is not None}
    found = results(verdicts)
    return {
        "format": FORMAT,
        "programme": bound.programme.id,
        "document": bound.programme.document,
        "file_sha256": bound.programme.digest,
        "on": bound.calendar.filing.isoformat(),
        "cutoff": bound.calendar.cutoff.isoformat(),
        "readings": dict(bound.readings),
        "facts": given,
        "facts_sha256": digest(given),
        "result": found,
        "result_sha256": digest(found),
    }


def recompute(told: Mapping[str, Any], programme: Programme) -> list[str]:
    """Differences between a receipt and what the programme gives now; empty when everything agrees.

    ``programme`` is the version the receipt names; another file is named as such. Refuses facts it cannot read.
    """
    from anju.policy.facts_file import read_facts

    differences = []
    if told.get("file_sha256") != programme.digest:
        differences.append("file_sha256")
    facts = read_facts(programme, dict(told["facts"]))
    if digest(told["facts"]) != told.get("facts_sha256"):
        differences.append("facts_sha256")
    try:
        bound = bind(programme, date.fromisoformat(str(told["on"])), dict(told.get("readings") or {}))
    except ValueError:
        raise Refusal("policy.receipt_differs", what="on") from None
    engine = Interpreter(bound)
    verdicts = [engine.verdict(facts.values, name) for name in told["result"]]
    if results(verdicts) != told["result"]:
        differences.append("result")
    if digest(told["result"]) != told.get("result_sha256"):
        differences.append("result_sha256")
    return differences
