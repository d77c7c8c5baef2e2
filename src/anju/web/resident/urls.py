"""Addresses of the resident pages."""

from __future__ import annotations

from django.urls import path

from anju.web.resident import asking, consents, lists, policies, views

app_name = "resident"
urlpatterns = [
    path("", views.home, name="home"),
    path("file/", views.file, name="file"),
    path("file.json", views.copy_json, name="copy_json"),
    path("file.pdf", views.copy_pdf, name="copy_pdf"),
    path("looks/", views.looks, name="looks"),
    path("requests/", asking.requests, name="requests"),
    path("requests/new/<slug:kind>/", asking.ask, name="ask"),
    path("requests/<str:number>/", asking.request_detail, name="request"),
    path("policies/", policies.policies, name="policies"),
    path("policies/<slug:place>/<slug:programme>/", policies.policy, name="policy"),
    path("lists/", lists.lists, name="lists"),
    path("lists/<int:number>/<slug:reference>/object/", lists.object_to, name="list_object"),
    path("consents/", consents.consents, name="consents"),
    path("consents/<slug:topic>/", consents.change, name="consent"),
]
