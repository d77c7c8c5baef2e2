"""The national programmes: yes, no and both sides of every boundary."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.facts_file import read_facts
from anju.policy.interpret import Interpreter

ON = date(2026, 4, 10)
APPLY = {
    "has_local_hukou": False,
    "registered_run_months": 6,
    "has_stable_job": True,
    "is_exempt_from_half_year": False,
}
HELD = {
    "has_permit": True, "still_lives_here": True, "permit_endorsed_until": "2026-05-01", "permit_issued_on": "2022-05-02",
    "permit_months": 40, "permit_lapsed_days": 31, "months_since_late_endorsement": 12,
}  # fmt: skip


def outcome(programme: str, service: str, facts: dict[str, Any], **readings: str) -> Any:
    found = loading.get(programme)
    return Interpreter(bind(found, ON, readings)).verdict(read_facts(found, facts).values, service)


PERMIT = [
    # service    change                                              outcome
    ("apply", {}, True),
    ("apply", {"registered_run_months": 5}, False),
    ("apply", {"registered_run_months": 5, "is_exempt_from_half_year": True}, True),
    ("apply", {"has_local_hukou": True}, False),
    ("apply", {"has_stable_job": False, "has_stable_dwelling": False, "is_studying": False}, False),
    ("apply", {"has_stable_job": False, "has_stable_dwelling": False, "is_studying": True}, True),
    ("apply", {"has_stable_job": None}, None),
    ("apply", {"registered_run_months": None}, None),
    ("endorse", {}, True),
    ("endorse", {"permit_endorsed_until": "2026-05-10"}, True),
    ("endorse", {"permit_endorsed_until": "2026-05-11"}, False),
    ("endorse", {"permit_endorsed_until": "2026-04-10"}, True),
    ("endorse", {"permit_endorsed_until": "2026-04-09"}, False),
    ("endorse", {"still_lives_here": False}, False),
    ("valid", {}, True),
    ("valid", {"permit_endorsed_until": "2026-04-10"}, True),
    ("valid", {"permit_endorsed_until": "2026-04-09"}, False),
    ("recover", {"permit_endorsed_until": "2026-04-09"}, True),
    ("recover", {"permit_endorsed_until": "2026-04-10"}, False),
    ("recover", {"permit_endorsed_until": "2024-04-09"}, True),
]


@pytest.mark.parametrize(("service", "change", "expected"), PERMIT)
def test_residence_permit(service: str, change: dict[str, Any], expected: bool | None) -> None:
    assert outcome("cn/residence_permit", service, {**APPLY, **HELD, **change}).outcome is expected


def test_local_readings_of_the_permit_decree() -> None:
    facts = {**APPLY, **HELD, "registered_run_months": 2, "lived_run_months": 7}
    assert outcome("cn/residence_permit", "apply", facts).outcome is False
    assert outcome("cn/residence_permit", "apply", facts, half_year="from_arrival").outcome is True
    late = {**HELD, "permit_endorsed_until": "2026-02-09"}
    assert outcome("cn/residence_permit", "recover", late).outcome is True
    assert outcome("cn/residence_permit", "recover", late, lapse="cancelled_after_60_days").outcome is False
    months = {"restart": 12, "exclude_gap": 40, "tolerate_30_days": 12, "tolerate_3_months": 47}
    for reading, counted in months.items():
        assert outcome("cn/residence_permit", "years", HELD, gap_policy=reading).score == counted, reading
    just = {**HELD, "permit_lapsed_days": 30}
    assert outcome("cn/residence_permit", "years", just, gap_policy="tolerate_30_days").score == 47


BANDS = [
    # service   size       months  dwelling job   outcome
    ("small", "small", 0, True, None, True),
    ("small", "town", 0, False, True, False),
    ("small", "medium", 0, True, True, False),
    ("medium", "medium", 36, True, True, True),
    ("medium", "medium", 35, True, True, False),
    ("medium", "medium", 36, True, False, False),
    ("large", "large_1", 60, True, True, True),
    ("large", "large_2", 59, True, True, False),
    ("over_5m", "mega", 200, True, True, None),
]


@pytest.mark.parametrize(("service", "size", "months", "dwelling", "job", "expected"), BANDS)
def test_settlement_bands(
    service: str, size: str, months: int, dwelling: bool, job: bool | None, expected: bool | None
) -> None:
    facts = {
        "city_size": size,
        "insurance_months": months,
        "has_stable_dwelling": dwelling,
        "has_stable_job": job,
    }
    assert outcome("cn/settlement_bands", service, facts).outcome is expected


def test_settlement_bands_may_ask_less() -> None:
    facts = {
        "city_size": "medium",
        "insurance_months": 12,
        "has_stable_dwelling": True,
        "has_stable_job": True,
    }
    assert outcome("cn/settlement_bands", "medium", facts, medium_years="years_1").outcome is True
    assert (
        outcome(
            "cn/settlement_bands", "medium", {**facts, "insurance_months": 0}, medium_years="years_0"
        ).outcome
        is True
    )
