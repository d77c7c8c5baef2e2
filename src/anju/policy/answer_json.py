"""An answer as plain JSON."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from anju.policy.receipt import plain
from anju.policy.table import BADGES, REASONS
from anju.policy.telling import change_text

if TYPE_CHECKING:
    from anju.policy.changes import Change
    from anju.policy.explain import Answer, FactShown, LineShown, ServiceShown, TestShown


def points(value: Fraction | None) -> int | float | None:
    """Points as a JSON number; exact where a decimal can be, else to six places."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else round(float(value), 6)


def answer_json(answer: Answer) -> dict[str, Any]:
    """The whole answer. The first service's outcome, total and line are repeated at the top."""
    programme, first = answer.programme, answer.services[0]
    return {
        "programme": programme.id,
        "zh": programme.zh,
        "en": programme.en,
        "document": programme.document,
        "status": [{"code": b, "zh": BADGES[b][0], "en": BADGES[b][1]} for b in programme.badges],
        "on": answer.on.isoformat(),
        "cutoff": answer.cutoff.isoformat(),
        "in_force": answer.in_force,
        "outcome": first.outcome,
        "passes": first.passes,
        "total": points(first.score),
        "line": points(first.line),
        "scores": {name: points(v) for name, v in first.scores.items()},
        "services": [_service(s, answer) for s in answer.services],
        "readings": [
            {
                "id": r.id,
                "zh": r.zh,
                "en": r.en,
                "article": r.article,
                "chosen": answer.readings[r.id],
                "is_default": answer.readings[r.id] == r.default,
                "options": [{"id": o[0], "zh": o[1], "en": o[2]} for o in r.options],
            }
            for r in programme.readings
        ],
        "gaps": [
            {
                "id": g.id,
                "zh": g.zh,
                "en": g.en,
                "article": g.article,
                "reason": g.reason,
                "reason_zh": REASONS[g.reason][0],
            }
            for g in programme.gaps
        ],
        "if_the_rest_is_none": {
            name: {"outcome": outcome, "score": points(score)}
            for name, (outcome, score) in answer.rest_none.items()
        },
        "assumed_none": list(answer.assumed),
        "receipt": dict(answer.receipt),
    }


def _service(service: ServiceShown, answer: Answer) -> dict[str, Any]:
    short = service.line - service.score if service.line is not None and service.score is not None else None
    return {
        "id": service.id,
        "zh": service.zh,
        "en": service.en,
        "article": service.article,
        "outcome": service.outcome,
        "passes": service.passes,
        "score": points(service.score),
        "line": points(service.line),
        "short_by": points(max(short, Fraction(0))) if short is not None else None,
        "scores": {name: points(v) for name, v in service.scores.items()},
        "conditions": [_test(t) for t in service.conditions],
        "vetoes": [_test(t) for t in service.vetoes],
        "items": [_line(x) for x in service.items],
        "deductions": [_line(x) for x in service.deductions],
        "open_gaps": list(service.open_gaps),
        "missing": [_fact(f) for f in service.missing],
        "changes": [_change(c, answer) for c in service.changes],
    }


def _fact(fact: FactShown) -> dict[str, Any]:
    return {
        "key": fact.key,
        "zh": fact.zh,
        "en": fact.en,
        "value": plain(fact.value),
        "shown_zh": fact.shown_zh,
        "shown_en": fact.shown_en,
        "source": fact.source,
        "proof_zh": fact.proof_zh,
        "proof_en": fact.proof_en,
    }


def _test(test: TestShown) -> dict[str, Any]:
    return {
        "id": test.id,
        "zh": test.zh,
        "en": test.en,
        "article": test.article,
        "rule_zh": test.rule_zh,
        "rule_en": test.rule_en,
        "state": test.state,
        "facts": [_fact(f) for f in test.facts],
    }


def _line(line: LineShown) -> dict[str, Any]:
    return {
        "id": line.id,
        "zh": line.zh,
        "en": line.en,
        "article": line.article,
        "rule_zh": line.rule_zh,
        "rule_en": line.rule_en,
        "points": points(line.points),
        "is_unknown": line.is_unknown,
        "is_counted": line.is_counted,
        "facts": [_fact(f) for f in line.facts],
        **({"lines": [_line(x) for x in line.lines]} if line.lines else {}),
    }


def _change(change: Change, answer: Answer) -> dict[str, Any]:
    to = change.to.isoformat() if isinstance(change.to, date) else change.to
    return {
        "kind": change.kind,
        "fact": change.fact,
        "more": change.more,
        "to": to,
        "gain": points(change.gain),
        "passes": change.passes,
        "on": change.on.isoformat()[:7] if change.on else None,
        "zh": change_text(change, answer.programme, "zh"),
        "en": change_text(change, answer.programme, "en"),
    }
