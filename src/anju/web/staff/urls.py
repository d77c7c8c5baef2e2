"""Urls of the staff's pages."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from anju.web.guard import public
from anju.web.staff import (
    batches,
    changes,
    counter,
    discrepancies,
    notices,
    people,
    places,
    quality,
    review,
    spells,
    ties,
)

app_name = "staff"
urlpatterns: list[URLPattern] = [
    path("", public(RedirectView.as_view(pattern_name="staff:people")), name="front"),
    path("counter/", counter.counter, name="counter"),
    path("counter/in/", counter.arrive, name="arrive"),
    path("counter/in/<str:code>/", counter.arrive, name="arrive_known"),
    path("counter/out/<str:code>/", counter.leave, name="leave"),
    path("counter/undo/<str:code>/<str:key>/", counter.undo, name="counter_undo"),
    path("people/", people.people, name="people"),
    path("people/find/", people.find, name="find"),
    path("people/<str:code>/", people.person, name="person"),
    path("people/<str:code>/reveal/<slug:field>/", people.reveal, name="reveal"),
    path("dwellings/", places.dwellings, name="dwellings"),
    path("dwellings/find/", places.find_dwelling, name="find_dwelling"),
    path("dwellings/<str:code>/", places.dwelling, name="dwelling"),
    path("employers/", places.employers, name="employers"),
    path("employers/<str:code>/", places.employer, name="employer"),
    path("batches/", batches.batches, name="batches"),
    path("notices/", notices.notices, name="notices"),
    path("batches/<str:batch>/", batches.batch, name="batch"),
    path("batches/<str:batch>/report.xlsx", batches.report, name="report"),
    path("batches/<str:batch>/waive/", batches.waive, name="waive"),
    path("discrepancies/", discrepancies.listed, name="discrepancies"),
    path("discrepancies/bulk/", discrepancies.bulk, name="bulk"),
    path("discrepancies/bulk/<int:batch>/undo/", discrepancies.undo_bulk, name="undo_bulk"),
    path("people/<str:code>/settle/stay/", spells.spells, {"aspect": "stay"}, name="stays"),
    path("people/<str:code>/settle/job/", spells.spells, {"aspect": "job"}, name="jobs"),
    path("people/<str:code>/settle/kin/", ties.ties, name="ties"),
    path("people/<str:code>/settle/<slug:field>/", discrepancies.case, name="case"),
    path("people/<str:code>/settle/<slug:field>/reveal/", discrepancies.reveal, name="case_reveal"),
    path("review/", review.queue, name="review"),
    path("people/<str:code>/why/", changes.why, name="why"),
    path("review/changes/", changes.changes, name="changes"),
    path("review/changes/<int:change>/", changes.answer, name="answer_change"),
    path("review/next/", review.following, name="review_next"),
    path("review/undo/", review.undo, name="review_undo"),
    path("review/<int:question>/", review.question, name="question"),
    path("review/<int:question>/reveal/", review.reveal, name="review_reveal"),
    path("quality/", quality.board, name="quality"),
    path("quality/<slug:measure>/", quality.behind, name="behind"),
]
