"""A station worker's day in a real browser: find, open, follow, send a spoiled file, mend it, send it again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from anju.kernel.identifiers import citizen_check

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("town")]
HEAD = ("登记编号", "登记状态", "姓名", "公民身份号码", "性别", "现住址", "登记日期", "来本地日期")
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def page(signed_in: Any) -> Iterator[Any]:
    """A logged-in station worker."""
    with signed_in(
        "demo-station", "/staff/people/", "residence_registration", ("status of 4",)
    ) as opened:  # a refusal is an answer
        yield opened


def test_find_by_pinyin_open_the_file_and_the_dwelling(town: Any, page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type(town.person["pinyin"])
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert town.person["pinyin"] not in page.url
    masked = town.person["name"][0] + "*" + town.person["name"][2:]
    page.locator(f"a.row-link[href$='{town.person['code']}/']").click()
    assert masked in page.locator("h1").inner_text()
    assert town.person["name"] not in page.content()

    page.locator("dd details.source summary").first.click()
    assert "居住登记" in page.locator("dd details.source[open] .source-panel").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("details.source[open]").count() == 0

    number = page.locator("dd form[action$='/reveal/citizen_no/']")
    number.locator("button").click()
    page.locator(".revealed").wait_for()
    assert page.locator(".revealed").inner_text() == town.person["citizen_no"]

    page.goto(page.url + "?known_on=2000-01-01")
    assert "找不到" in page.content() or "没有" in page.content()
    page.go_back()
    page.locator(".timeline a").first.click()
    assert "/staff/dwellings/" in page.url
    page.locator(f"a.row-link[href$='{town.person['code']}/']").click()
    assert masked in page.locator("h1").inner_text()


def spoiled(folder: Path) -> Path:
    """A residence file with two good rows, one without a name and one with an impossible day."""

    def number(serial: int) -> str:
        first = f"9901021990030{serial % 9 + 1}{serial:03d}"
        return first + citizen_check(first)

    rows = [
        ("正常", "赵晓光", "2026-06-01"),
        ("正常", "", "2026-06-02"),
        ("正常", "孙立民", "2026-02-31"),
        ("正常", "钱玉兰", "2026-06-03"),
    ]
    told = io.StringIO(newline="")
    writer = csv.writer(told)
    writer.writerow(HEAD)
    for at, (state, name, day) in enumerate(rows, start=1):
        writer.writerow(
            [
                f"J-{at}",
                state,
                name,
                number(at),
                "1",
                "云津区津门街道翠江社区鹭井路202号1栋1单元101室",
                day,
                "2026-05-01",
            ]
        )
    path = folder / "居住登记_窗口.csv"
    path.write_text(told.getvalue(), encoding="utf-8-sig")
    return path


def mended(report: Path) -> Path:
    """What the sender does with the error report: fill in what the tinted cells ask for."""
    book = openpyxl.load_workbook(report)
    sheet = book.active
    at = {str(cell.value): cell.column for cell in sheet[1]}
    for row in sheet.iter_rows(min_row=2):
        wrong = str(row[at["错误字段"] - 1].value)
        assert row[at["原因"] - 1].value
        assert row[at["如何修改"] - 1].value
        if "姓名" in wrong:
            row[at["姓名"] - 1].value = "李春生"
        if "登记日期" in wrong:
            row[at["登记日期"] - 1].value = "2026-02-28"
    book.save(report)
    return report


def test_send_a_spoiled_file_mend_it_send_it_again(town: Any, page: Any, tmp_path: Path) -> None:
    page.goto(town.url + "/staff/batches/")
    page.set_input_files("#file", spoiled(tmp_path))
    page.locator("#upload button").click()
    page.wait_for_url("**/staff/batches/police_residence-*/")
    first = page.url
    assert "已接收 2 行，退回 2 行" in page.content()
    held = page.locator("#held tbody tr")
    assert held.count() == 2
    assert "登记日期" in page.locator("#held tbody").inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载错误清单").click()
    report = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(report)

    page.goto(first)
    page.set_input_files("#file", mended(report))
    page.locator("#upload button").click()
    page.wait_for_url(lambda url: url != first)
    assert "已接收 2 行，退回 0 行" in page.content()
    page.goto(first)
    page.locator("#state").select_option("fixed")
    page.wait_for_url("**state=fixed*")
    assert page.locator("#held tbody tr").count() == 2

    page.goto(town.url + "/staff/batches/")
    page.set_input_files("#file", spoiled(tmp_path))
    page.locator("#upload button").click()
    page.wait_for_load_state()
    assert "没有改变任何内容" in page.content()


def test_a_broken_file_is_refused_in_a_sentence(town: Any, page: Any, tmp_path: Path) -> None:
    empty = tmp_path / "居住登记.csv"
    empty.write_bytes(b"")
    page.goto(town.url + "/staff/batches/")
    page.set_input_files("#file", empty)
    with page.expect_response("**/staff/batches/") as waiting:
        page.locator("#upload button").click()
    assert waiting.value.status == 422
    assert page.locator("[role=alert]").inner_text().strip()


@pytest.mark.parametrize(
    "path",
    ["people/", "dwellings/", "employers/", "batches/", "discrepancies/", "quality/", "person", "dwelling"],
)
def test_nothing_is_wider_than_a_small_phone(town: Any, page: Any, path: str) -> None:
    places = {"person": f"people/{town.person['code']}/", "dwelling": f"dwellings/{town.person['dwelling']}/"}
    page.set_viewport_size(PHONE)
    page.goto(f"{town.url}/staff/{places.get(path, path)}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    small = "[...document.querySelectorAll('main .btn:not(.btn-small), main .form-control')]"
    assert (
        page.evaluate(f"{small}.filter(e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML)")
        == []
    )


def test_works_without_scripts(town: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(town.url + "/account/login/")
    page.get_by_role("button", name="demo-station", exact=False).first.click()
    page.goto(f"{town.url}/staff/people/{town.person['code']}/")
    page.get_by_label("居住登记与核查").check()
    page.get_by_role("button", name="继续").click()
    page.locator("dd form[action$='/reveal/phone/'] button").click()
    assert page.locator(".revealed").inner_text().strip()
    page.get_by_role("link", name="返回个人档案").click()
    page.locator("details.menu summary").last.click()
    page.get_by_role("button", name="退出登录").click()
    assert page.goto(f"{town.url}/staff/people/").url.startswith(f"{town.url}/account/login/")
    context.close()


def test_dark_large_and_english(town: Any, page: Any) -> None:
    page.goto(town.url + "/staff/quality/")
    page.get_by_label("显示设置").click()
    page.get_by_role("button", name="大字").click()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    page.get_by_label("显示设置").click()
    page.get_by_role("button", name="深色").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.get_by_role("button", name="English").click()
    assert page.locator("h1").inner_text() == "Data quality"
    assert page.locator("[data-chart] svg").count() > 0
