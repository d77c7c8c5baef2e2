"""People named in records about something else - the landlord of a dwelling - and taken out of them when they are erased.

A tombstone is a keyed digest of the name with its phone, never the two themselves: sent again, they are blotted again.
A name without a phone is somebody's within a community: it is blotted in those where the person lived or let.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection

from anju.trust.sealing import sealer
from anju.trust.store.models import NameTombstone

Named = tuple[str, str]
"""(name, phone), as the contracts write them; for a name without a phone ``AT`` and the community's code."""
AT = "@"
KIND = "named"


def _told(named: Named) -> str:
    return "\n".join(named)


def of_people(codes: Collection[str]) -> set[Named]:
    """The names under which the register knows these people, or knew them: with phones, and with where they lived."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT name, phone FROM register_identity WHERE person_code = ANY(%s) AND phone IS NOT NULL",
            [list(codes)],
        )
        found = {(name, sealer().open(phone)) for name, phone in cursor.fetchall() if name}
        cursor.execute(
            "SELECT DISTINCT i.name, lived.region FROM register_identity i JOIN ("
            " SELECT person_code, region FROM register_identity UNION SELECT person_code, stay_region FROM register_stay"
            ") AS lived USING (person_code) WHERE i.person_code = ANY(%s) AND lived.region <> ''",
            [list(codes)],
        )
        return found | {(name, AT + region) for name, region in cursor.fetchall() if name}


def where_they_let(named: Collection[Named]) -> set[Named]:
    """The same names without a phone, in the communities where a dwelling names them with theirs."""
    return {
        (name, AT + region)
        for _row, name, phone, region in _dwellings(named)
        if phone and region and (name, phone) in named
    }


def _dwellings(named: Collection[Named]) -> list[tuple[int, str, str, str]]:
    """Dwellings that state one of these names: row, name, phone (empty: none), region."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, landlord_name, landlord_phone, region FROM register_dwelling WHERE landlord_name = ANY(%s)",
            [sorted({name for name, _ in named})],
        )
        return [
            (row, name, sealer().open(phone) if phone is not None else "", region or "")
            for row, name, phone, region in cursor.fetchall()
        ]


def bury(named: Collection[Named], at: datetime) -> None:
    """Set a tombstone for each."""
    digests = sealer().index_many(KIND, [_told(one) for one in sorted(named)])
    NameTombstone.objects.bulk_create(
        [NameTombstone(digest=digest, since=at) for digest in digests], ignore_conflicts=True
    )


def buried(named: Iterable[Named]) -> list[Named]:
    """Those that lie under a tombstone."""
    held = {bytes(d) for d in NameTombstone.objects.values_list("digest", flat=True)}
    if not held:
        return []
    seal = sealer()
    return [one for one in named if all(one) and not held.isdisjoint(seal.indexes(KIND, _told(one)))]


def blot_dwellings(named: Collection[Named]) -> int:
    """Take them out of every dwelling of the register, today's and former; return the rows changed."""
    wanted = set(named)
    hit = [row for row, name, phone, region in _dwellings(wanted) if (name, phone or AT + region) in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE register_dwelling SET landlord_name = '', landlord_phone = NULL WHERE id = ANY(%s)", [hit]
        )
    return len(hit)
