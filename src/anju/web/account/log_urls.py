"""Urls of the transparency log: open to everyone, but for the entries themselves."""

from __future__ import annotations

from django.urls import path

from anju.web.account import log_views

app_name = "log"
urlpatterns = [
    path("", log_views.front, name="front"),
    path("checkpoint", log_views.checkpoint, name="checkpoint"),
    path("checkpoints.json", log_views.checkpoints, name="checkpoints"),
    path("keys.txt", log_views.keys, name="keys"),
    path("inclusion.json", log_views.inclusion, name="inclusion"),
    path("consistency.json", log_views.consistency, name="consistency"),
    path("entries/", log_views.entries, name="entries"),
    path("entries/<int:seq>/", log_views.entry, name="entry"),
]
