"""A planner's hour in a real browser: the mission's what-ifs clicked, drawn, kept, compared, shared and written as a draft."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("town")]
AT = "/planner/policies/demo/settlement/2026/what-if/"
TRIES = (
    ("保险五年", {"conditions.years.when.any.0": "5"}, "要求 7 年 5 年"),
    ("每年五分", {"items.pension.per.points": "5"}, "分值 3 5"),
    ("技能加分", {"items.skill_bonus.points": "20"}, "分值 0 20"),
    ("不看住房", {"off:conditions.home": ""}, "取消"),
    ("一百二十分", {"services.settlement.line": "120"}, "分数线 70 120"),
    ("技能三成", {"services.settlement.ranking.categories.skilled.percent": "30"}, "10 % 30 %"),
)


@pytest.fixture
def page(signed_in: Any) -> Iterator[Any]:
    """A logged-in planner."""
    with signed_in("demo-planner", AT, "") as opened:
        yield opened


def attempt(page: Any, url: str, numbers: dict[str, str]) -> str:
    """Change numbers in the form, try them, see the picture; what the page says was changed."""
    page.goto(url + AT)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for name, number in numbers.items():
        field = page.locator(f'input[name="{name}"]')
        field.fill(number) if number else field.check()
    page.get_by_role("button", name="试算", exact=True).click()
    page.wait_for_url(re.compile(r"what-if/\?set="))
    page.locator("[data-chart] svg").first.wait_for()
    assert page.locator(".tiles > *").count() >= 8
    return re.sub(r"\s+", " ", page.locator(".changes li").first.inner_text())


def test_the_missions_what_ifs_are_drawn_kept_compared_shared_and_drafted(town: Any, page: Any) -> None:
    for name, numbers, said in TRIES:
        assert said in attempt(page, town.url, numbers)
        page.locator("#scenario-name").fill(name)
        page.get_by_role("button", name="保存方案").click()
        page.wait_for_url(re.compile(r"scenarios/\d+/$"))
    page.get_by_role("button", name="共享给同事").click()
    page.get_by_role("button", name="停止共享").wait_for()
    page.goto(town.url + "/planner/scenarios/")
    assert page.get_by_text("已共享").count() == 1
    for name in ("保险五年", "不看住房"):
        page.get_by_label(name, exact=True).check()
    page.get_by_role("button", name="比较所选").click()
    page.wait_for_url(re.compile(r"scenarios/compare/\?id="))
    page.locator("thead th").filter(has_text="保险五年").first.wait_for()
    attempt(page, town.url, TRIES[0][1])
    page.get_by_role("link", name="导出为新版本").click()
    page.wait_for_url(re.compile(r"what-if/draft/"))
    assert "pension_months >= 5 years" in page.locator(".diff-new").first.inner_text()
    with page.expect_download() as saved:
        page.locator("a[href*='draft.yaml']").click()
    assert "pension_months >= 5 years" in Path(saved.value.path()).read_text(encoding="utf-8")
