"""Operations that ask: the population data service, and the library's changes."""

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Header, Query, Router, Schema

from anju.exchange.store import feed_queries, lookup_queries
from anju.exchange.store.lookup_queries import Match
from anju.kernel.refusal import Refusal
from anju.register.store.queries import Wanted
from anju.trust.access import Subject, rules
from anju.trust.store import log
from anju.trust.store.log import Entry
from anju.web.api.door import actor, door, scope

router = Router(tags=["population"])
changes_router = Router(tags=["exchange"])
MOST = 1_000
WRITTEN = r"^[^\x00]*$"
"""What PostgreSQL can hold: no NUL, which nobody writes."""
Purpose = Annotated[
    str,
    Header(
        alias="Anju-Purpose", description="a published purpose of the caller's; without one nothing is told"
    ),
]
Aspects = Annotated[
    list[str],
    Field(max_length=20, description="aspects wanted, of those the purpose opens; person and stay if empty"),
]


class Asked(Schema):
    """One person: a citizen number, or a name with a birthday."""

    citizen_no: str = Field(
        "", max_length=40, pattern=WRITTEN, description="18 or 15 digits; blanks do not matter"
    )
    name: str = Field("", max_length=80, pattern=WRITTEN)
    born_on: date | None = None


class One(Asked):
    """Whom, and which aspects."""

    aspects: Aspects = []


class Many(Schema):
    """Up to a thousand people in one question."""

    people: list[Asked] = Field(min_length=1, max_length=MOST)
    aspects: Aspects = []


@router.post("/lookup", summary="Look one person up")
@door("person.lookup")
def lookup(request: HttpRequest, body: One, purpose: Purpose = "") -> Any:
    """By number, or by name and birthday (also when slightly different); with reasons. The person sees that you looked."""
    found = _look_up(request, [body], body.aspects)[0]
    told = [m for m in found if m.strength in lookup_queries.TOLD]
    if len(told) == 1:
        request.access.subject = Subject("person", told[0].person)
    elif told:
        _log_people(request, "person.lookup", [m.person for m in told])
    request.access.detail |= {"asked": 1, "found": len(told)}
    return {"matches": [_told(m) for m in found]}


@router.post("/lookups", summary="Look up to 1,000 people up")
@door("person.lookup_many")
def lookups(request: HttpRequest, body: Many, purpose: Purpose = "") -> Any:
    """The same for many at once, answered in the order of the question; every person found is told that you looked."""
    found = _look_up(request, body.people, body.aspects)
    told = sorted({m.person for matches in found for m in matches if m.strength in lookup_queries.TOLD})
    _log_people(request, "person.lookup_many", told)
    request.access.detail |= {"asked": len(body.people), "found": len(told)}
    return {"people": [{"matches": [_told(m) for m in matches]} for matches in found]}


def _look_up(request: HttpRequest, people: Any, aspects: list[str]) -> list[list[Match]]:
    wanted = []
    for place, asked in enumerate(people):
        number, name = asked.citizen_no.strip(), asked.name.strip()
        if not number and not (name and asked.born_on):
            raise Refusal("doors.lookup_unclear", place=place + 1)
        wanted.append(Wanted(name=name, citizen_no=number, born_on=asked.born_on))
    purpose, own = rules().purposes.get(request.access.purpose), scope(request)
    return lookup_queries.look_up(
        wanted,
        opened=request.access.decision.aspects,
        aspects=aspects,
        clear=own is not None and own.clear,
        on_restricted=purpose is not None and purpose.on_restricted,
    )


def _told(match: Match) -> dict[str, Any]:
    told = {
        "person": match.person,
        "strength": match.strength,
        "reasons": match.reasons,
        "values": match.values,
    }
    return told | ({"restricted": True} if match.is_restricted else {})


def _log_people(request: HttpRequest, action: str, codes: list[str]) -> None:
    """One entry for each person looked at: it is theirs to see."""
    at, purpose = timezone.now(), request.access.purpose
    log.record_many(
        [Entry.of(actor(request), action, at, purpose=purpose, subject=f"person:{code}") for code in codes]
    )


@changes_router.get("/changes", summary="Follow the library")
@door("exchange.follow")
def changes(
    request: HttpRequest,
    cursor: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=feed_queries.MOST)] = 1_000,
    purpose: Purpose = "",
) -> Any:
    """Every change after ``cursor``, in one order, none twice; without a cursor first the state, then the changes.

    ``put``: the row is there (its ``id`` is its own for ever); ``end``: it is no longer true; ``leave``: drop everything
    about this person. Keep the cursor with what you stored, in one transaction; ask again at once while ``more``.
    """
    own = scope(request)
    follower = feed_queries.Follower(
        actor(request).region, request.access.decision.aspects, own is not None and own.clear
    )
    page = feed_queries.changes(cursor, follower, limit)
    _log_people(request, "exchange.follow", page.people)
    request.access.detail |= {"rows": len(page.rows), "people": len(page.people)}
    return {
        "changes": page.rows, "cursor": page.cursor, "more": page.has_more,
        "sources": [s.name for s in follower.sources],
    }  # fmt: skip
