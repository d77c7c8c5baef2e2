"""Who comes first under each city's own rule of order, on a few people one can check by eye."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from anju.policy.bound import bind
from anju.policy.facts_file import read_facts
from anju.policy.loading import get
from anju.policy.rank import candidate, rank

CITIES = Path(__file__).parent / "cities"


def order_of(
    asked: str, service: str | None, people: dict[str, dict[str, Any]], places: int
) -> list[tuple[int, str]]:
    """Ranks and references, best first; people differ from the person of the case file as told."""
    place, _, name = asked.partition("/")
    told = yaml.safe_load((CITIES / place / f"{name}.yaml").read_text(encoding="utf-8"))
    programme = get(asked)
    bound = bind(programme, date.fromisoformat(str(told["filed"])))
    ranking = bound.rules_for(service).service.ranking
    assert ranking
    pool = [
        candidate(bound, ref, read_facts(programme, told["person"] | change).values, service)
        for ref, change in people.items()
    ]
    by_category = [c.id for c in ranking.categories] if ranking.order == "category_first" else None
    result = rank(pool, places, ranking.ties, category_order=by_category, seed="a public seed")
    return [(r.rank, r.candidate.reference) for r in result.ranked if r.is_admitted]


def test_guangzhou_2015_ranks_by_insurance_and_not_by_points() -> None:
    people = {
        "many points": {"education": "bachelor", "medical_months": 50},
        "long insured": {"has_scarce_occupation": True, "medical_months": 90},
        "same, longer unemployment insurance": {
            "has_scarce_occupation": True,
            "medical_months": 90,
            "unemployment_months": 60,
        },
        "not qualified": {"medical_months": 200},
    }
    assert order_of("guangzhou/settlement@2015", None, people, 2) == [
        (1, "same, longer unemployment insurance"),
        (2, "long insured"),
    ]


def test_guangzhou_2025_admits_everyone_tied_at_the_line() -> None:
    people = {
        "a": {},
        "b": {},
        "more bonus": {"education": "bachelor"},
        "longer permit": {"permit_run_months": 73},
    }
    assert order_of("guangzhou/settlement@2025", None, people, 2) == [
        (1, "longer permit"),
        (2, "a"),
        (2, "b"),
        (2, "more bonus"),
    ]


def test_panyu_takes_the_first_batch_first() -> None:
    people = {
        "more points, second batch": {"district_permit_months": 59, "education": "doctor"},
        "first batch": {"insurance_months": 60},
        "no stable job": {"has_stable_job": False, "has_business": True, "education": "doctor"},
    }
    found = order_of("guangzhou/panyu_school@2016", None, people, 3)
    assert found[0] == (1, "first batch")
    assert {ref for _, ref in found[1:]} == {"more points, second batch", "no stable job"}


@pytest.mark.parametrize("service", ["settlement", "school"])
def test_foshan_breaks_ties_by_quality_insurance_residence_then_filing(service: str) -> None:
    people = {
        "insurance": {"province.pension_months": 84, "filed_on": "2016-06-01"},
        "residence": {"permit_months": 36, "filed_on": "2016-06-01"},
        "residence, earlier": {"permit_months": 36, "filed_on": "2016-05-31"},
        "volunteer": {
            "blood_ml": 200,
            "marrow_registered": False,
            "income_tax_fen": "1000元",
            "filed_on": "2016-01-01",
        },
    }
    assert order_of("foshan/points@2016", service, people, 4) == [
        (1, "insurance"),
        (2, "residence, earlier"),
        (3, "residence"),
        (4, "volunteer"),
    ]


def test_jiulongpo_home_owners_come_first_by_the_day_of_purchase() -> None:
    owner = {"has_own_home": True, "home_share_percent": 100, "own_home_months": 24}
    people = {
        "many points": {"pension_months": 200},
        "bought later": owner | {"home_bought_on": "2013-05-01", "pension_months": 190},
        "bought earlier": owner | {"home_bought_on": "2012-05-01"},
        "fewer points": {},
    }
    assert order_of("chongqing/jiulongpo_school@2016", None, people, 4) == [
        (1, "bought earlier"),
        (2, "bought later"),
        (3, "many points"),
        (4, "fewer points"),
    ]


def test_longgang_puts_points_before_hukou_before_time() -> None:
    rent = {"dwelling_basis": "special", "injury_months": 0}
    people = {
        "Huizhou": rent | {"child_hukou": "dongguan_huizhou", "registered_run_months": 10},
        "elsewhere": rent | {"child_hukou": "other", "registered_run_months": 99},
        "elsewhere, insured": rent | {"child_hukou": "other", "injury_months": 13},
        "elsewhere, shorter": rent | {"child_hukou": "other", "registered_run_months": 98},
    }
    assert order_of("shenzhen/longgang_school@2016", None, people, 4) == [
        (1, "elsewhere, insured"),
        (2, "Huizhou"),
        (3, "elsewhere"),
        (4, "elsewhere, shorter"),
    ]


def test_tianjin_2021_breaks_ties_by_registration_then_insurance() -> None:
    people = {
        "registered later": {"registered_on": "2017-01-01"},
        "more insurance": {
            "pension_months": 60,
            "education": "senior",
            "rent_months": 0,
            "housing_fund_months": 0,
        },
        "registered earlier": {"registered_on": "2015-01-01"},
    }
    # 60 months of pension: 12 more, without the college's 10: 116 before 114.
    assert order_of("tianjin/settlement@2021", None, people, 3) == [
        (1, "more insurance"),
        (2, "registered earlier"),
        (3, "registered later"),
    ]
