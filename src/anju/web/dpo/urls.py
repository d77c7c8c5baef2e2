"""Addresses of the data protection officer's desk."""

from __future__ import annotations

from django.urls import path

from anju.web.dpo import assessments, erasing, incidents, retention, views

app_name = "dpo"
urlpatterns = [
    path("", views.desk, name="desk"),
    path("requests/", views.requests, name="requests"),
    path("requests/<str:number>/", views.request_detail, name="request"),
    path("requests/<str:number>/erase/", erasing.erase, name="erase"),
    path("requests/<str:number>/restrict/", erasing.restrict, name="restrict"),
    path("restricted/", erasing.restricted, name="restricted"),
    path("restricted/<str:code>/lift/", erasing.lift, name="lift"),
    path("retention/", retention.runs, name="retention"),
    path("retention/<str:number>/", retention.decide, name="retention_run"),
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/<str:number>/", incidents.follow, name="incident"),
    path("assessments/", assessments.assessments, name="assessments"),
    path("assessments/<str:number>/", assessments.assessment, name="assessment"),
]
