"""Urls of the front page and the door."""

from __future__ import annotations

from django.urls import path

from anju.web.entrance import views

app_name = "entrance"
urlpatterns = [
    path("", views.front, name="front"),
]
