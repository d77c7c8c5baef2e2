"""Urls of the frame itself: how it looks, in which language, its component gallery."""

from __future__ import annotations

from django.urls import path

from anju.web.shell import gallery, views

app_name = "shell"
urlpatterns = [
    path("look/", views.look, name="look"),
    path("language/", views.language, name="language"),
    path("offline/", views.offline, name="offline"),
    path("gallery/", gallery.gallery, name="gallery"),
]
