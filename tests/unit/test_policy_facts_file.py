"""Facts files are forgiving in form and strict in meaning."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from anju.kernel.refusal import Refusal
from anju.policy import form, loading
from anju.policy.facts_file import read_facts
from anju.policy.model import Programme

READ = [
    ("pension_months", 96, 96),
    ("pension_months", "96", 96),
    ("pension_months", "8 years", 96),
    ("pension_months", "8年3个月", 99),
    ("pension_months", {"normal": 96, "back_paid": 3}, 96),
    ("pension_months", {"value": "96", "source": "hrss_insurance@2025-09-30"}, 96),
    ("养老保险累计缴费月数", 96, 96),
    ("income_tax_fen", 1_000_000, 1_000_000),
    ("income_tax_fen", "10000元", 1_000_000),
    ("income_tax_fen", "1.2万元", 1_200_000),
    ("income_tax_yuan", 10000, 1_000_000),
    ("income_tax_yuan", "10,000.50", 1_000_050),
    ("born_on", "1988-05-20", date(1988, 5, 20)),
    ("born_on", "1988/5/20", date(1988, 5, 20)),
    ("born_on", "1988年5月20日", date(1988, 5, 20)),
    ("born_on", "19880520", date(1988, 5, 20)),
    ("has_permit", "是", True),
    ("has_permit", "no", False),
    ("has_permit", None, None),
    ("education", "本科", "bachelor"),
    ("education", "30", "college"),
    ("education", "Bachelor", "bachelor"),
    ("crimes", "", None),
]


@pytest.fixture(scope="module")
def programme() -> Programme:
    return loading.get("guangzhou/settlement@2025")


@pytest.mark.parametrize(("key", "told", "held"), READ)
def test_a_value_is_read_in_many_forms(programme: Programme, key: str, told: Any, held: Any) -> None:
    assert next(iter(read_facts(programme, {key: told}).values.values())) == held


@pytest.mark.parametrize(
    ("key", "told"),
    [("pension_months", "8 yuan"), ("pension_months", 8.5), ("pension_months", -1), ("has_permit", "maybe"), ("born_on", "1988-13-01"),
     ("education", "wizard"), ("patents", [{"owners": 3}]), ("crimes", True), ("income_tax_fen", "10 years")],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(programme: Programme, key: str, told: Any) -> None:
    with pytest.raises(Refusal, match="facts_not_understood"):
        read_facts(programme, {key: told})


def test_an_unknown_key_is_refused_with_the_nearest_and_all_faults_are_told_together(
    programme: Programme,
) -> None:
    with pytest.raises(Refusal) as caught:
        read_facts(programme, {"pension_month": 3, "has_permit": "maybe"})
    assert "pension_months?" in caught.value.facts["faults"]
    assert "has_permit" in caught.value.facts["faults"]


def test_what_is_left_out_is_unknown_unless_none_is_asked_for(programme: Programme) -> None:
    assert "crimes" not in read_facts(programme, {}).values
    none = read_facts(programme, {"crimes": None, "has_permit": "未知"}, others="none")
    assert none.values["crimes"] == 0, "null in the form is not given"
    assert none.values["has_permit"] is None, "said to be unknown"
    assert "born_on" not in none.values
    assert "crimes" in none.assumed


def test_the_empty_form_names_every_fact_and_reads_back(programme: Programme) -> None:
    empty = form.empty(programme)
    assert set(empty) == {u.key for u in programme.uses}
    assert all(v is None for v in read_facts(programme, empty).values.values())
    rows = form.asked(programme)
    assert all(r["zh"] and r["en"] and r["proof_zh"] and r["unknown_zh"] and r["form_zh"] for r in rows)


def test_sources_reach_the_explanation(programme: Programme) -> None:
    from anju.policy.explain import explain

    told = {"pension_months": {"value": 96, "source": "hrss_insurance@2025-09-30"}}
    answer = explain(programme, read_facts(programme, told), date(2025, 10, 15))
    lines = {
        line.id: line for top in answer.services[0].items for mid in top.lines for line in (mid, *mid.lines)
    }
    assert lines["pension"].facts[0].source == "hrss_insurance@2025-09-30"
