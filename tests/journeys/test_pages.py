"""Every staff page: in both languages, well-formed for screen readers, within the place, nothing personal in the address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.xdist_group("town")
PAGES = {
    "front": "/",
    "gallery": "/gallery/",
    "offline": "/offline/",
    "login": "/account/login/",
    "people": "/staff/people/",
    "person": "/staff/people/{code}/",
    "person past": "/staff/people/{code}/?valid_on=2026-01-01",
    "dwellings": "/staff/dwellings/?sort=-residents",
    "dwelling": "/staff/dwellings/{dwelling}/",
    "employers": "/staff/employers/?sort=-workers",
    "employer": "/staff/employers/{employer}/",
    "batches": "/staff/batches/?sort=-rows",
    "discrepancies": "/staff/discrepancies/?state=overdue",
    "bulk": "/staff/discrepancies/bulk/?rule=number_confirms",
    "case": "/staff/people/{code}/settle/name/",
    "why": "/staff/people/{code}/why/",
    "review": "/staff/review/",
    "quality": "/staff/quality/",
}
HAN = re.compile(r"[\u4e00-\u9fff]")


class Outline(HTMLParser):
    """What a screen reader meets on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.headings: list[int] = []
        self.faults: list[str] = []
        self.html: dict[str, str] = {}
        self.title = ""
        self._open: list[tuple[str, dict[str, str], str]] = []
        self._in_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {k: v or "" for k, v in attrs}
        self.ids += [told["id"]] if "id" in told else []
        self.faults += [f"{tag} {k}" for k in told if k == "style" or re.fullmatch(r"on[a-z]+", k)]
        if tag == "script" and "src" not in told and told.get("type") != "application/json":
            self.faults.append("inline script")
        if tag == "html":
            self.html = told
        if tag == "label":
            self.labelled.add(told.get("for", ""))
            self._in_label += 1
        if tag in {"input", "select", "textarea"} and told.get("type") not in {"hidden", "submit", "button"}:
            self.fields.append(told | {"wrapped": "1" if self._in_label else ""})
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and "alt" not in told:
            self.faults.append("img without alt")
        if tag == "th" and "scope" not in told:
            self.faults.append("th without scope")
        if tag in {"a", "button", "summary", "title", "th"}:
            self._open.append((tag, told, ""))

    def handle_data(self, data: str) -> None:
        self._open = [(tag, told, said + data) for tag, told, said in self._open]

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label -= 1
        if self._open and self._open[-1][0] == tag:
            tag, told, said = self._open.pop()
            if tag == "title":
                self.title = said
            elif tag != "th" and not (said.strip() or told.get("aria-label")):
                self.faults.append(f"{tag} without words: {told}")

    def all_faults(self) -> list[str]:
        unnamed = [
            f
            for f in self.fields
            if not (f.get("id") in self.labelled or f["wrapped"] or f.get("aria-label"))
        ]
        twice = {i for i in self.ids if self.ids.count(i) > 1}
        steps = [b for a, b in zip(self.headings, self.headings[1:], strict=False) if b > a + 1]
        return [
            *self.faults,
            *[f"field without a label: {f}" for f in unnamed],
            *[f"id used twice: {i}" for i in twice],
            *([f"headings leap: {self.headings}"] if steps else []),
            *([] if self.headings.count(1) == 1 else [f"{self.headings.count(1)} first headings"]),
            *([] if self.title.strip() else ["no title"]),
        ]


@contextmanager
def logged_in(town: Any, account: str, purpose: str = "residence_registration") -> Iterator[httpx.Client]:
    """A client that has logged in as one of the demo's accounts and named a purpose."""
    with httpx.Client(base_url=town.url, follow_redirects=True, timeout=60) as client:
        page = client.get("/account/login/").text
        form = next(f for f in page.split("<form") if f'value="{account}"' in f)
        fields = dict(re.findall(r'name="(csrfmiddlewaretoken|login|password)" value="([^"]*)"', form))
        told = client.post("/account/login/", data=fields, headers={"Referer": town.url})
        assert told.status_code == HTTPStatus.OK
        if purpose:
            page = client.get("/account/purpose/").text.split("<main")[1]
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
            told = client.post(
                "/account/purpose/", data={**fields, "purpose": purpose}, headers={"Referer": town.url}
            )
            assert told.status_code == HTTPStatus.OK
        yield client


@pytest.fixture(scope="module")
def station(town: Any) -> Any:
    with logged_in(town, "demo-station") as client:
        yield client


@pytest.fixture(autouse=True)
def chinese_again(station: httpx.Client) -> None:
    station.cookies.delete("anju_language") if "anju_language" in station.cookies else None


def address(town: Any, name: str) -> str:
    return PAGES[name].format(**town.person, employer=town.employer)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page_reads_well_in_both_languages(town: Any, station: Any, name: str, language: str) -> None:
    client = (
        httpx.Client(base_url=town.url, follow_redirects=True, timeout=60)
        if name in {"front", "login"}
        else station
    )
    client.cookies.set("anju_language", language)
    answer = client.get(address(town, name))
    assert answer.status_code == HTTPStatus.OK
    outline = Outline()
    outline.feed(answer.text)
    assert outline.all_faults() == []
    assert outline.html["lang"] == ("en" if language == "en" else "zh-Hans")
    told = re.sub(r"<(script|style)\b.*?</\1>", "", answer.text, flags=re.S)
    frame = " ".join(re.findall(r"<(?:h1|label|legend|summary|caption)\b[^>]*>([^<]*)<", told))
    if language == "en" and name not in {"person", "person past", "dwelling", "employer", "case"}:
        assert not HAN.search(frame), frame


def test_lists_page_and_sort_on_the_server(station: Any) -> None:
    found = re.compile(r'class="row-link" href="/staff/people/(\w+)/">(.)')
    pages, query = [], "?sort=-name"
    while query and len(pages) < 20:
        page = station.get("/staff/people/" + query).text
        pages.append(found.findall(page))
        following = re.search(r'href="(\?[^"]*after=[^"]*)" rel="next"', page)
        query = following[1].replace("&amp;", "&") if following else ""
    assert len(pages) > 1, "more people than one page holds"
    rows = [row for page in pages for row in page]
    assert len({code for code, _first in rows}) == len(rows)
    firsts = [first for _code, first in rows]
    assert firsts == sorted(firsts, reverse=True)


def test_what_was_typed_is_not_in_the_address(town: Any, station: Any) -> None:
    page = station.get("/staff/people/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    for typed in (town.person["citizen_no"], town.person["name"], town.person["pinyin"]):
        told = {"csrfmiddlewaretoken": token[1], "text": typed}
        answer = station.post("/staff/people/find/", data=told, headers={"Referer": town.url})
        assert town.person["code"] in answer.text
        assert typed not in str(answer.url)
        assert town.person["citizen_no"] not in answer.text.replace(f'value="{typed}"', "").replace(typed, "")
    with logged_in(town, "demo-nanpu") as other:
        assert town.person["code"] not in other.get(str(answer.url)).text


def test_another_district_is_closed(town: Any, station: Any) -> None:
    answer = station.get(f"/staff/people/{town.elsewhere}/")
    assert answer.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    with logged_in(town, "demo-nanpu") as other:
        assert other.get(f"/staff/people/{town.elsewhere}/").status_code == HTTPStatus.OK


def test_navigation_shows_what_the_role_may_do(town: Any) -> None:
    wanted = {"demo-station": ("/staff/people/", "/staff/batches/"), "demo-auditor": ("/trust/log/entries/",)}
    for account, links in wanted.items():
        with logged_in(town, account, "") as client:
            page = client.get("/account/").text
            assert all(f'href="{link}"' in page for link in links)
            assert ('href="/staff/people/"' in page) == (account == "demo-station")


def test_errors_have_their_pages(town: Any) -> None:
    missing = httpx.get(f"{town.url}/nowhere/")
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert "找不到这个页面" in missing.text
    stale = httpx.post(f"{town.url}/look/", data={"theme": "dark"})
    assert stale.status_code == HTTPStatus.FORBIDDEN
    assert "表单已失效" in stale.text


def test_way_back_stays_on_our_pages(town: Any) -> None:
    with httpx.Client(base_url=town.url, timeout=60) as client:
        page = client.get("/gallery/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        for stated in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"):
            told = {"csrfmiddlewaretoken": token[1], "language": "en", "next": stated}
            assert client.post("/language/", data=told).headers["location"] == "/"


def test_every_answer_forbids_inline_code_and_framing(town: Any) -> None:
    for path in ("/", "/gallery/", "/account/login/", "/nowhere/", "/trust/log/"):
        policy = httpx.get(town.url + path).headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_static_files_are_hashed_and_compressed(town: Any) -> None:
    page = httpx.get(f"{town.url}/").text
    found = re.search(r'href="(/static/npm/@tabler/core/dist/css/tabler\.min\.[0-9a-f]+\.css)"', page)
    assert found
    answer = httpx.get(town.url + found[1], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert httpx.get(f"{town.url}/static/npm/htmx.org/package.json").status_code == HTTPStatus.NOT_FOUND
