"""People named in records about something else - the landlord of a dwelling - and taken out of them when they are erased.

A tombstone is a keyed digest of the name with its phone, never the two themselves: sent again, they are blotted again.
A name alone is nobody's; without a phone beside it nothing is blotted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection

from anju.trust.sealing import sealer
from anju.trust.store.models import NameTombstone

Named = tuple[str, str]
"""(name, phone), as the contracts write them."""
KIND = "named"


def _told(named: Named) -> str:
    return "\n".join(named)


def of_people(codes: Collection[str]) -> set[Named]:
    """The names with phones under which the register knows these people, or knew them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT name, phone FROM register_identity WHERE person_code = ANY(%s) AND phone IS NOT NULL",
            [list(codes)],
        )
        return {(name, sealer().open(phone)) for name, phone in cursor.fetchall() if name}


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
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, landlord_name, landlord_phone FROM register_dwelling"
            " WHERE landlord_name = ANY(%s) AND landlord_phone IS NOT NULL",
            [[name for name, _ in wanted]],
        )
        hit = [row for row, name, phone in cursor.fetchall() if (name, sealer().open(phone)) in wanted]
        cursor.execute(
            "UPDATE register_dwelling SET landlord_name = '', landlord_phone = NULL WHERE id = ANY(%s)", [hit]
        )
    return len(hit)
