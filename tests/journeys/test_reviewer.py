"""A reviewer's hour in a real browser: twenty pairs with the keyboard alone; a contradiction settled, and it stays settled."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import command

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("town")]
ANJU = str(Path(sys.executable).parent / "anju")
PAIRS = 24
ASK = f"""
import django, json
django.setup()
from datetime import UTC, datetime
from anju.exchange.review.questions import Question
from anju.exchange.store import review_actions
from anju.jobs.pipeline import linkage, review
from anju.register.store import queries as q
review.follow(force=True)
people = q.find_people("", scope=("9901",), masked=False, limit={PAIRS * 2}).rows
def side(line, record):
    values = {{"name": [line.name], "sex": [line.sex], "phone": [line.phone or "12000000000"]}}
    return {{"record": str(record), "person": line.code, "records": line.record_count, "dataset": "community_visit",
             "key": f"K{{record}}", "seen": "2026-06-30", "datasets": ["community_visit"], "values": values}}
made = []
for n in range({PAIRS}):
    a, b = people[2 * n], people[2 * n + 1]
    told = {{"sides": [side(a, 2 * n + 1), side(b, 2 * n + 2)], "evidence": [["name", "surname", 3.1], ["phone", "other", -1.7]]}}
    made.append(Question(2 * n + 1, 2 * n + 2, a.code, b.code, (a.region, b.region), "in_between", 1.5, 5.0 + n, told))
run = json.loads((linkage.get_current() / "summary.json").read_text())["run"]
review_actions.ask(made, {{}}, run=run, at=datetime.now(UTC))
"""


@pytest.fixture
def page(signed_in: Any) -> Iterator[Any]:
    """A logged-in data steward."""
    with signed_in("demo-steward", "/staff/discrepancies/", "data_quality") as opened:
        yield opened


def press(page: Any, key: str) -> str:
    """One key, and the pair that follows."""
    before = page.url
    with page.expect_navigation():
        page.keyboard.press(key)
    assert re.search(r"/staff/review/\d+/$", page.url), page.url
    assert page.url != before
    return str(page.url)


def test_twenty_pairs_with_the_keyboard_alone(town: Any, page: Any) -> None:
    command(town.home, sys.executable, "-c", ASK)
    page.goto(town.url + "/staff/review/")
    press(page, "Enter")
    seen = {page.url}
    words = "12132112231121321123"
    for key in words:
        seen.add(press(page, key))
    assert len(seen) == len(words) + 1, "every pair once"
    last = page.url
    assert press(page, "u") in seen - {last}
    press(page, "2")
    press(page, "ArrowRight")
    held = page.url
    with page.expect_navigation():
        page.keyboard.press("r")
    assert page.locator("table.pair td.value").first.inner_text().count("*") == 0
    page.goto(held)
    page.keyboard.press("w")
    page.keyboard.type("1 号楼核对过")  # what is typed into the reason is no answer
    assert page.url == held
    page.keyboard.press("Escape")
    page.goto(town.url + "/staff/review/")
    assert page.locator("#words tbody tr").count() == len(words) + 2
    assert page.locator("#words").get_by_text("已撤回").count() == 1
    told = json.loads(command(town.home, ANJU, "exchange", "review", "status", "--json"))
    assert (
        sum(told["answered"].get(w, 0) for w in ("same", "different"))
        == sum(k in "12" for k in words[:-1]) + 1
    )


def test_a_settled_value_is_shown_at_once_and_after_the_next_run(town: Any, page: Any) -> None:
    page.goto(town.url + "/staff/discrepancies/?field=name")
    if page.locator("a.row-link").count() == 0:
        page.goto(town.url + "/staff/discrepancies/")
    page.locator("a.row-link").first.click()
    at = page.url
    wanted = page.locator("input[type=radio][name=value]").nth(1)
    wanted.check()
    page.locator("#why").fill("核验了证件原件")
    page.get_by_role("button", name="核定", exact=True).click()
    assert page.locator(".mark", has_text="已核定").count() >= 1
    with page.expect_navigation():
        page.keyboard.press("r")
    decided = (
        page.locator("tr", has=page.locator(".mark", has_text="现在显示"))
        .locator("th")
        .inner_text()
        .split("\n")[0]
    )
    command(town.home, ANJU, "exchange", "link")
    command(town.home, ANJU, "exchange", "publish")
    page.goto(at)
    with page.expect_navigation():
        page.keyboard.press("r")
    row = page.locator("tr", has=page.locator(".mark", has_text="现在显示"))
    assert row.locator("th").inner_text().split("\n")[0] == decided
    assert "核定" in row.inner_text()
    page.goto(re.sub(r"settle/.*", "", at))
    assert page.locator("h1").count() == 1
