"""Urls of the staff's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from anju.web.staff import batches, people, places, quality, review

app_name = "staff"
urlpatterns: list[URLPattern] = [
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
    path("batches/<str:batch>/", batches.batch, name="batch"),
    path("batches/<str:batch>/report.xlsx", batches.report, name="report"),
    path("batches/<str:batch>/waive/", batches.waive, name="waive"),
    path("discrepancies/", quality.discrepancies, name="discrepancies"),
    path("review/", review.queue, name="review"),
    path("review/next/", review.following, name="review_next"),
    path("review/undo/", review.undo, name="review_undo"),
    path("review/<int:question>/", review.question, name="question"),
    path("review/<int:question>/reveal/", review.reveal, name="review_reveal"),
    path("quality/", quality.board, name="quality"),
]
