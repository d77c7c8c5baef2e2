"""Urls of one's own account: role and purpose, second factor, a second person, broken glass."""

from __future__ import annotations

from django.urls import path

from anju.web.account import second_person, views

app_name = "account"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("purpose/", views.purpose, name="purpose"),
    path("second-factor/", views.second_factor, name="second_factor"),
    path("sessions/<int:number>/end/", views.end_session, name="end_session"),
    path("approval/", second_person.approval, name="approval"),
    path("approvals/", second_person.approvals, name="approvals"),
    path("approvals/<int:number>/", second_person.answer, name="answer"),
    path("glass/", second_person.glass, name="glass"),
    path("glass/review/", second_person.glasses, name="glasses"),
    path("glass/review/<int:number>/", second_person.review, name="review"),
]
