"""Urls of the front page, the door and the public statistics."""

from __future__ import annotations

from django.urls import path

from anju.web.entrance import statistics, views

app_name = "entrance"
urlpatterns = [
    path("", views.front, name="front"),
    path("statistics/", statistics.index, name="statistics"),
    path("statistics/<int:number>/", statistics.show, name="statistic"),
    path("statistics/<int:number>.csv", statistics.as_csv, name="statistic_csv"),
    path("statistics/<slug:table>/release/", statistics.release, name="release"),
]
