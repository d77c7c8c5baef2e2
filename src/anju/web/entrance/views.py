"""The front page and the door."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET

from anju.web.guard import public
from anju.web.shell import navigation


@dataclass(frozen=True, slots=True)
class FrontPage:
    """What the front page shows to somebody who has not logged in."""

    next_url: str = ""
    is_nowhere: bool = False
    """Somebody has logged in, and no page is open to their role."""


@require_GET
@public
def front(request: HttpRequest) -> HttpResponse:
    """The front page; whoever has logged in goes to the first page of their role."""
    if request.user.is_authenticated:
        groups = navigation.groups(request)
        if groups:
            return HttpResponseRedirect(groups[0].links[0].href)
    page = FrontPage(is_nowhere=request.user.is_authenticated)
    return render(request, "entrance/front.html", {"page": page})
