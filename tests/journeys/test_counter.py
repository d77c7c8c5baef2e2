"""A counter in a real browser, by keyboard: type, see that nobody is there, register, leave, take it back; on a phone too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("town")]
PHONE = {"width": 390, "height": 800}


@pytest.fixture
def page(signed_in: Any) -> Iterator[Any]:
    """A logged-in station worker at the counter."""
    with signed_in(
        "demo-station", "/staff/counter/", "residence_registration", ("status of 4", "htmx:")
    ) as opened:  # left while it asked
        yield opened


def test_in_when_you_come_out_when_you_leave(town: Any, page: Any) -> None:
    page.goto(town.url + f"/staff/dwellings/{town.person['dwelling']}/")
    address = page.locator("h1").inner_text().strip()
    page.goto(town.url + "/staff/counter/")
    page.keyboard.type("测小试")  # the name has the focus; answers come while one types
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.locator("#phone").fill("12000000099")
    page.get_by_text("库中没有相似的人").wait_for()
    page.get_by_role("link", name="新登记这个人").press("Enter")
    page.wait_for_load_state()
    assert "测小试" not in page.url

    page.locator("#address").fill(address)
    page.keyboard.press("Enter")
    page.locator("input[name=dwelling]").first.wait_for()
    page.locator("input[name=dwelling]").first.check()
    page.get_by_role("button", name="登记，即时生效").press("Enter")
    page.wait_for_load_state()
    assert page.locator(".notice-success").inner_text().strip() == "已登记入住，即时生效。"
    file = page.url
    assert "测*试" in page.locator("h1").inner_text()
    page.goto(town.url + f"/staff/dwellings/{town.person['dwelling']}/")
    assert "测*试" in page.locator("main").inner_text()
    assert page.locator("figure.sketch svg path.is-meant").count() == 1

    page.goto(town.url + "/staff/counter/")
    page.keyboard.type("测小试")
    page.get_by_role("link", name="办理离开").first.press("Enter")
    page.locator("#end_on").fill((date.today() + timedelta(days=1)).isoformat())
    page.get_by_role("button", name="办理离开").press("Enter")
    page.locator(".notice-success").wait_for()
    page.goto(file)
    assert "已离开" in page.locator(".person-head").inner_text()

    page.goto(town.url + "/staff/counter/")
    for _entry in range(3):  # leaving, moving in, the person
        page.get_by_role("button", name="撤回").first.click()
        page.wait_for_load_state()
    assert page.get_by_role("button", name="撤回").count() == 0
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_somebody_known_is_recognised(town: Any, page: Any) -> None:
    page.goto(town.url + "/staff/counter/")
    page.locator("#citizen_no").fill(town.person["citizen_no"])
    page.get_by_text("很可能是同一人").first.wait_for()
    assert town.person["code"] in page.locator("#candidates a.row-link").first.get_attribute("href")
    assert town.person["name"] not in page.locator("#candidates").inner_html()


def test_a_figure_opens_its_people(town: Any, page: Any) -> None:
    page.goto(town.url + "/staff/quality/")
    page.locator(".tile a[href$='/missing_from_police_rate/']").first.click()
    page.wait_for_load_state()
    assert page.locator("a.row-link").count() > 0
    assert set(page.locator("tbody tr .marks").all_inner_texts()) != {""}
    assert all("未办居住登记" in row for row in page.locator("tbody tr .marks").all_inner_texts())
