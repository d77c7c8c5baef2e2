"""Root urls: one include per audience."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("anju.web.entrance.urls")),
    path("", include("anju.web.shell.urls")),
    path("", include("anju.web.api.urls")),
    path("account/", include("anju.web.account.urls")),
    path("account/", include("anju.web.account.door")),
    path("trust/log/", include("anju.web.account.log_urls")),
    path("staff/", include("anju.web.staff.urls")),
    path("planner/", include("anju.web.planner.urls")),
    path("me/", include("anju.web.resident.urls")),
    path("dpo/", include("anju.web.dpo.urls")),
]

handler403 = "anju.web.shell.errors.forbidden"
handler404 = "anju.web.shell.errors.not_found"
handler500 = "anju.web.shell.errors.broken"
