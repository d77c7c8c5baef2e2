"""Planners try rules on everyone and see counts only; residents see their own result; nobody else gets in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.test import Client

from anju.jobs.engine import DuckEngine
from anju.policy import library
from anju.policy.facts_file import PersonFacts, read_facts
from anju.policy.model import Programme
from anju.policy.sql.facts_table import columns
from anju.trust.access import system
from anju.trust.store import access_actions
from anju.trust.store.models import Account

pytestmark = pytest.mark.django_db
AT, BY = datetime(2026, 3, 1, 8, tzinfo=UTC), system("test")
CODE = "0123456789AB5"
AT_PAGE = "/planner/policies/demo/settlement/2026/what-if/"
HERS = {"born_on": "1990-01-01", "has_permit": True, "has_stable_job": True, "has_own_home": True, "pension_months": 96,
        "registered_months": 60, "education": "senior", "income_tax_fen": 0, "housing_fund_months": 0}  # fmt: skip


@contextmanager
def forty(programmes: Sequence[Programme], on: date) -> Iterator[library.People]:
    """Forty-three people: 20 pass, 20 lack two of seven years, 3 have no home of their own."""
    engine = DuckEngine(Path("/tmp"))
    kinds = {k: v for p in programmes for k, v in columns(p).items()}
    known = {
        "born_on": "DATE '1990-01-01'", "has_permit": "true", "has_stable_job": "true", "has_own_home": "n < 40",
        "pension_months": "CASE WHEN n BETWEEN 20 AND 39 THEN 65 ELSE 90 END", "registered_months": "120", "rent_months": "0",
        "housing_fund_months": "120", "education": "'bachelor'", "skill_level": "'middle'", "income_tax_fen": "10000000",
    }  # fmt: skip
    made = ", ".join(f"CAST({known.get(c, 'NULL')} AS {k}) AS {c}" for c, k in kinds.items())
    engine.run(f"CREATE TABLE people AS SELECT {made}, n % 2 AS group_sex FROM range(43) AS r(n)")
    try:
        yield library.People(engine, "people", (*kinds, "group_sex"), (), 43)
    finally:
        engine.close()


def hers(code: str, programme: Programme, on: date) -> PersonFacts:
    assert code == CODE
    known = {u.key for u in programme.uses}
    return read_facts(programme, {k: v for k, v in HERS.items() if k in known})


@pytest.fixture(autouse=True)
def handed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(library, "EVERYONE", forty)
    monkeypatch.setattr(library, "PERSON", hers)
    monkeypatch.setattr(library, "PREPARING", None)


def login(role: str, settings, person_code: str = "") -> Client:  # type: ignore[no-untyped-def]
    settings.DEMO = True
    account, _ = Account.objects.get_or_create(username=role, defaults={"is_demo": True})
    place = "" if role == "resident" else "9901"
    access_actions.grant_role(role, role, place, by=BY, at=AT, person_code=person_code)
    client = Client()
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def change(client: Client, **more: str) -> str:
    """Send the form with one number changed; the address it leads to."""
    answer = client.post(AT_PAGE + "change/", more)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def test_a_changed_number_changes_the_result_and_only_it_is_sent(settings) -> None:  # type: ignore[no-untyped-def]
    planner = login("planner", settings)
    before = planner.get(AT_PAGE).context["page"]
    assert [t.value for t in before.picture.tiles[:3]] == ["20", "0", "0"]
    where = change(
        planner,
        **{"conditions.years.when.any.0": "5", "items.pension.per.points": "3", "items.pension.cap": "60"},
    )
    assert where == AT_PAGE + "?set=conditions.years.when.any.0%3D5"
    page = planner.get(where).context["page"]
    assert [t.value for t in page.picture.tiles[:3]] == ["40", "20", "0"]
    assert [(c.before, c.after) for c in page.changes] == [("7 年", "5 年")]


def test_facts_that_take_a_while_are_waited_for_on_a_page_that_says_how_far(settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    planner = login("planner", settings)
    monkeypatch.setattr(library, "PREPARING", lambda programme, on: 40)
    for page in (AT_PAGE, AT_PAGE.replace("what-if", "audit")):
        answer = planner.get(page)
        assert (answer.status_code, answer["Refresh"]) == (202, "1")
        assert '<progress id="done" max="100" value="40">' in answer.content.decode()


def test_every_what_if_of_the_mission_can_be_sent(settings) -> None:  # type: ignore[no-untyped-def]
    planner = login("planner", settings)
    where = change(planner, **{
        "conditions.years.when.any.0": "5", "off:conditions.home": "1", "items.pension.per.points": "5", "items.skill_bonus.points": "20",
        "services.settlement.line": "120", "services.settlement.ranking.categories.skilled.percent": "30",
    })  # fmt: skip
    page = planner.get(where).context["page"]
    assert len(page.changes) == 6
    assert (page.picture.quota[0].places_before, page.picture.quota[0].places_after) == (10, 30)
    export = planner.get(where.replace("what-if/", "what-if/draft.yaml"))
    assert "pension_months >= 5 years" in export.content.decode()
    assert "has_own_home}" not in export.content.decode().split("items:")[0].split("conditions:")[1]
    assert "diff-new" in planner.get(where.replace("what-if/", "what-if/draft/")).content.decode()


def test_few_people_are_hidden_and_cannot_be_had_by_subtraction(settings) -> None:  # type: ignore[no-untyped-def]
    """Without the home rule three more people pass: neither they nor the new total is shown."""
    planner = login("planner", settings)
    answer = planner.get(change(planner, **{"off:conditions.home": "1"}))
    values = {t.words: t.value for t in answer.context["page"].picture.tiles}
    assert (values["新增符合"], values["不再符合"], values["符合人数"]) == ("不显示", "不显示", "不显示")
    assert values["入围人数"] == "不显示"
    for table in answer.context["page"].picture.groups:
        assert all(row[3:] == ("不显示", "不显示", "不显示") for row in table.rows)


def test_a_scenario_is_kept_listed_compared_and_another_role_is_refused(settings) -> None:  # type: ignore[no-untyped-def]
    planner = login("planner", settings)
    for name, years in (("五年", "5"), ("六年", "6")):
        sent = {"name": name, "set": [f"conditions.years={years}"]}
        assert planner.post(AT_PAGE + "save/", sent).status_code == 302
    kept = [k.view for k in planner.get("/planner/scenarios/").context["page"]]
    assert [s.result["after"]["qualified"] for s in kept] == [20, 40]
    assert "五年" in planner.get(f"/planner/scenarios/{kept[1].id}/").content.decode()
    both = planner.get("/planner/scenarios/compare/", {"id": [s.id for s in kept]})
    assert dict(both.context["page"].figures)["符合人数"] == ("20", "40")
    other = login("grid_worker", settings)
    for page in (
        AT_PAGE,
        "/planner/policies/",
        "/planner/scenarios/",
        "/planner/compare/",
        AT_PAGE.replace("what-if", "audit"),
    ):
        assert other.get(page).status_code == 403


def test_fairness_and_comparison_answer(settings) -> None:  # type: ignore[no-untyped-def]
    planner = login("planner", settings)
    page = planner.get(AT_PAGE.replace("what-if", "audit")).context["page"]
    assert [r.result.people for g in page.groupings for r in g.rows] == [22, 21]
    rows = planner.post("/planner/compare/", {"sample": "worker"}).context["page"].rows
    assert {r.told.programme.place for r in rows} >= {"demo", "guangzhou", "tianjin"}
    group = planner.get("/planner/compare/group/", {"programme": "demo/settlement@2026"}).context["page"]
    assert [r.qualified for r in group.rows] == ["20"]
    both = {"one": "guangzhou/settlement@2023", "other": "guangzhou/settlement@2025"}
    assert planner.get("/planner/compare/versions/", both).context["page"].changed > 0


def test_a_resident_sees_their_own_result_explained(settings) -> None:  # type: ignore[no-untyped-def]
    client = login("resident", settings, CODE)
    page = client.get("/me/policies/demo/settlement/").context["page"]
    part = page.services[0]
    assert (part.outcome.score, part.outcome.line) == ("84", "70")
    assert any("职业技能" in m.name for m in part.missing)
    pension = next(r for r in part.lines if r.article == "附表一1")
    assert (pension.points, pension.facts[0].value) == ("24", "8年")
    assert part.changes
    assert len(page.receipt) == 3
    assert client.get("/me/policies/").status_code == 200
    assert client.get("/me/policies/guangzhou/settlement/").status_code == 404
    assert client.get("/planner/policies/").status_code == 403
