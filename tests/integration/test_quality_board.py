"""The quality board over time: queues counted from begin and end of each row, a department's own figures, the target's line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from anju.exchange.store import course_queries
from anju.exchange.store.models import Batch, HeldRow
from anju.exchange.store.review_models import ReviewQuestion, ReviewWord
from anju.register.store.models import Run
from anju.trust.access import system
from anju.trust.store import access_actions
from anju.trust.store.models import Account

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def at(day: int, hour: int = 0) -> datetime:
    return START + timedelta(days=day, hours=hour)


def held(dataset: str, row: int, since: datetime, state: str = "open", ended: datetime | None = None) -> None:
    batch, _made = Batch.objects.get_or_create(
        id=f"{dataset}-1",
        defaults={"dataset": dataset, "sha256": dataset, "file_name": "f", "format": "csv", "sent_on": START.date(),
                  "accepted_at": START, "accepted_by": "t", "contract_version": "1", "path": "p", "headers": [],
                  "rows_read": 9, "rows_accepted": 0, "rows_held": 9, "fields": {}},
    )  # fmt: skip
    HeldRow.objects.create(
        batch=batch,
        dataset=dataset,
        row_no=row,
        faults=[],
        state=state,
        since=since,
        ended_at=ended,
        ended_by="account:1" if ended else "",
        reason="told so" if state == "waived" else "",
    )


def question(n: int, asked: datetime, state: str = "open", run: int = 1) -> ReviewQuestion:
    return ReviewQuestion.objects.create(
        record_a=Decimal(2 * n), record_b=Decimal(2 * n + 1), person_a="A", person_b="B", reason="model", weight=0,
        worth=0, told=None, run=run, state=state, asked_at=asked,
    )  # fmt: skip


@pytest.mark.django_db
def test_held_rows_wait_from_their_begin_to_their_end() -> None:
    held("police_residence", 1, at(0))
    held("police_residence", 2, at(0), "fixed", at(2, 1))
    held("police_residence", 3, at(1, 1), "waived", at(1, 2))
    held("housing_lease", 1, at(2, 1))
    moments = [at(0, 1), at(1, 1) + timedelta(minutes=30), at(3)]
    assert course_queries.held(moments) == course_queries.Course((2, 3, 2), (0, 0, 1))
    assert course_queries.held(moments, {"housing_lease"}) == course_queries.Course((0, 0, 1), (0, 0, 0))
    assert course_queries.held(moments, set()).waiting == (0, 0, 0)
    assert course_queries.held([]) == course_queries.Course((), ())


@pytest.mark.django_db
def test_questions_wait_until_somebody_answers_or_a_run_no_longer_asks() -> None:
    answered = question(1, at(0), "same")
    for day, word, undone in ((1, "skip", None), (2, "same", None), (4, "different", at(4, 1))):
        ReviewWord.objects.create(
            question=answered, record_a=2, record_b=3, word=word, said_by="account:1", said_at=at(day), undone_at=undone
        )  # fmt: skip
    question(2, at(0), "gone", run=1)
    question(3, at(3), run=2)
    told = course_queries.questions([at(0, 1), at(2, 1), at(3, 1)])
    assert told == course_queries.Course((2, 1, 1), (0, 1, 1))


def figure(
    value: float, parts: dict[str, float], weights: dict[str, float], **more: object
) -> dict[str, object]:
    return {"value": value, "numerator": 1, "denominator": 1, "parts": parts, "weights": weights, "unit": "share",
            "target": None, "less_is_better": True, **more}  # fmt: skip


@pytest.fixture
def steward(db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.DEMO = True
    figures = {
        "duplicate_rate": figure(
            0.3, {"housing_lease": 0.1, "housing_dwelling": 0.4, "police_residence": 0.5},
            {"housing_lease": 300.0, "housing_dwelling": 100.0, "police_residence": 50.0},
        ),
        "freshness_days": figure(
            30, {"housing_lease": 20, "police_residence": 40}, {"housing_lease": 1, "police_residence": 1},
            unit="days", target=1.0, baseline=45.0,
        ),
        "people": figure(7, {}, {}, unit="count"),
    }  # fmt: skip
    for day in (1, 2):
        Run.objects.create(
            state="finished", started_at=at(day), known_at=at(day), as_of=date(2026, 11, day), people=7, records=9,
            figures=figures,
        )  # fmt: skip
    account = Account.objects.create(username="steward", is_demo=True)
    access_actions.grant_role("steward", "data_steward", "990100", by=system("test"), at=START)
    client = Client()
    client.force_login(account, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    return client


def test_a_department_sees_the_figures_of_its_own_datasets(steward: Client) -> None:
    held("police_residence", 1, at(0))
    held("housing_lease", 1, at(0))
    held("housing_lease", 2, at(0), "fixed", at(1, 1))
    every = steward.get("/staff/quality/").context["page"]
    assert {m.view.key: m.shown for m in every.measures} == {
        "duplicate_rate": "30.0 %",
        "freshness_days": "30.0",
        "people": "7",
    }
    assert {q.key: q.shown for q in every.queues} == {"held": "2", "fixed": "33.3 %", "review": "0"}
    own = steward.get("/staff/quality/", {"department": "housing"}).context["page"]
    # (0.1 * 300 + 0.4 * 100) / 400; what belongs to no department's datasets is left out
    assert {m.view.key: m.shown for m in own.measures} == {
        "duplicate_rate": "17.5 %",
        "freshness_days": "20.0",
    }
    assert {q.key: q.shown for q in own.queues} == {"held": "1", "fixed": "50.0 %", "owned": "0"}
    (waiting,) = [q for q in own.queues if q.key == "held"]
    behind = steward.get(waiting.href).context["page"]
    assert [b.dataset for b in behind.rows] == ["housing_lease"], "a figure opens the records it was made of"


def test_courses_end_now_and_the_target_is_drawn(steward: Client) -> None:
    held("housing_lease", 1, at(1, 1))
    page = steward.get("/staff/quality/").context["page"]
    (queue,) = [q.chart for q in page.queues if q.key == "held"]
    assert list(queue.labels) == ["2026-11-01", "2026-11-02", "现在"]
    assert list(queue.series[0].values) == [0, 1, 1]
    (freshness,) = [m for m in page.measures if m.view.key == "freshness_days"]
    assert freshness.aim == "目标 1.0，起点 45.0"
    assert [c.target for c in freshness.charts if c.kind == "line"] == [1.0]


def test_a_run_without_weights_tells_no_share_of_a_department(steward: Client) -> None:
    for run in Run.objects.all():
        run.figures["duplicate_rate"].pop("weights")
        run.save()
    own = steward.get("/staff/quality/", {"department": "housing"}).context["page"]
    assert next(m.shown for m in own.measures if m.view.key == "duplicate_rate") == "—"
