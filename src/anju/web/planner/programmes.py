"""Programmes as lists and as the official-looking table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.policy import library, loading
from anju.policy.explain import default_day
from anju.policy.loading import files
from anju.policy.model import Programme
from anju.policy.table import BADGES, Table, table
from anju.register.store import queries as register
from anju.web.guard import guard
from anju.web.shell.tags import is_english

TONES = {"full": "good", "with_gaps": "signal", "readings_chosen": "calm", "needs_confirmation": "signal"}


@dataclass(frozen=True, slots=True)
class Status:
    """A status badge: its tone and words."""

    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version in a list."""

    programme: Programme
    name: str
    status: tuple[Status, ...]
    is_in_force: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place and its versions, each programme's newest first."""

    key: str
    name: str
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class ProgrammePage:
    """One version as a table, and its other versions."""

    version: Version
    table: Table
    others: tuple[Version, ...]


def language() -> str:
    """The page's language as the policy room names it."""
    return "en" if is_english() else "zh"


def get_version(place: str, programme: str, version: str) -> Programme:
    """The version an address names; 404 when there is none."""
    if not version.replace("-", "").replace(".", "").isalnum():
        raise Http404
    try:
        return loading.get(f"{place}/{programme}@{version}")
    except Refusal as refusal:
        raise Http404 from refusal


def library_day(programme: Programme) -> date:
    """The day to file on: that of the newest library, moved into the days in which the version is in force."""
    run = register.latest_run()
    return default_day(programme, run.as_of if run and run.as_of else timezone.localdate())


def as_version(programme: Programme, today: date) -> Version:
    """A version dressed for a list."""
    at = 1 if is_english() else 0
    status = tuple(Status(TONES[b], BADGES[b][at]) for b in programme.badges)
    return Version(programme, programme.label(language()), status, programme.is_in_force(today))


def place_name(key: str) -> str:
    """A pack's name in the page's language."""
    path = packs.root() / key / "pack.yaml"
    told = (packs.read_yaml(path) or {}).get("name", {}) if path.is_file() else {}
    return str(told.get("en" if is_english() else "zh") or key)


def all_programmes() -> list[Programme]:
    """Every usable version in the packs."""
    return [files.load_file(p) for name in files.programmes() for p in files.versions(*name.split("/"))]


def places() -> tuple[Place, ...]:
    """Every place with its versions: one's own first, then the national rules, then the others by name."""
    today, found = timezone.localdate(), all_programmes()
    first = {packs.place(): 0, "cn": 1}
    keys = sorted({p.place for p in found}, key=lambda k: (first.get(k, 2), k))
    return tuple(
        Place(
            key,
            place_name(key),
            tuple(
                as_version(p, today)
                for p in sorted(
                    (p for p in found if p.place == key), key=lambda p: (p.name, -p.from_on.toordinal())
                )
            ),
        )
        for key in keys
    )


@require_GET
@guard("policy.simulate")
def programmes(request: HttpRequest) -> HttpResponse:
    """Every programme by place, with its status."""
    return render(request, "planner/policies.html", {"page": places()})


@require_GET
@guard("policy.simulate")
def programme(request: HttpRequest, place: str, programme: str, version: str) -> HttpResponse:
    """One version as the official-looking table."""
    found = get_version(place, programme, version)
    today = timezone.localdate()
    others = tuple(
        as_version(files.load_file(p), today)
        for p in files.versions(place, programme)
        if p.stem != found.version
    )
    page = ProgrammePage(as_version(found, today), table(found, language()), others)
    return render(request, "planner/policy.html", {"page": page})


def waiting(request: HttpRequest, programme: Programme, on: date) -> HttpResponse | None:
    """The page that says how far everyone's facts are, and asks again by itself; None when they can be had."""
    percent = library.preparing(programme, on)
    if percent is None:
        return None
    page = {"name": programme.label(language()), "percent": percent}
    answer = render(request, "planner/preparing.html", {"page": page}, status=202)
    answer["Refresh"] = "1"
    answer["Cache-Control"] = "no-store"
    return answer
