"""Urls of the planners' pages."""

from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from anju.web.guard import public
from anju.web.planner import allocations, audit, compare, lists, objections, programmes, scenarios, what_if

app_name = "planner"
ONE = "policies/<slug:place>/<slug:programme>/<str:version>/"
urlpatterns: list[URLPattern] = [
    path("", public(RedirectView.as_view(pattern_name="planner:policies")), name="front"),
    path("policies/", programmes.programmes, name="policies"),
    path(ONE, programmes.programme, name="policy"),
    path(ONE + "what-if/", what_if.what_if, name="what_if"),
    path(ONE + "what-if/change/", what_if.change, name="change"),
    path(ONE + "what-if/draft/", what_if.draft, name="draft"),
    path(ONE + "what-if/draft.yaml", what_if.export, name="export"),
    path(ONE + "what-if/save/", scenarios.save, name="save"),
    path(ONE + "audit/", audit.fairness, name="audit"),
    path("scenarios/", scenarios.scenarios, name="scenarios"),
    path("scenarios/compare/", scenarios.side_by_side, name="side_by_side"),
    path("scenarios/<int:number>/", scenarios.scenario, name="scenario"),
    path("scenarios/<int:number>/share/", scenarios.share, name="share"),
    path("scenarios/<int:number>/remove/", scenarios.remove, name="remove"),
    path("lists/", lists.lists, name="lists"),
    path("lists/prepare/", lists.prepare, name="list_prepare"),
    path("lists/<int:number>/", lists.one, name="list"),
    path("lists/<int:number>/publish/", lists.publish, name="list_publish"),
    path("lists/<int:number>/close/", lists.close, name="list_close"),
    path("lists/<int:number>/object/", objections.object_for, name="list_object"),
    path("lists/<int:number>/public/", lists.published, name="list_public"),
    path("lists/<int:number>/list.json", lists.download, name="list_download"),
    path("objections/<int:number>/", objections.objection, name="objection"),
    path("allocations/", allocations.allocations, name="allocations"),
    path("allocations/<int:number>/", allocations.one, name="allocation"),
    path("allocations/<int:number>/run/", allocations.run, name="allocation_run"),
    path("allocations/<int:number>/state/", allocations.state, name="allocation_state"),
    path("allocations/<int:number>/proof.json", allocations.proof, name="allocation_proof"),
    path("compare/", compare.person, name="compare"),
    path("compare/group/", compare.group, name="compare_group"),
    path("compare/versions/", compare.versions, name="versions"),
]
