"""Row-level security: the web's database role sees only rows of the places its request acts in.

The depth behind the access decision: even raw SQL as ``anju_web`` yields nothing outside the region subtree that the
guard named for this transaction, and nothing at all before it named one. Owners of the tables (pipelines, the command
line, migrations) are not bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.core.management import call_command
from django.db import connection, migrations, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from anju.trust import places
from anju.trust.access import Actor, rules
from anju.trust.access.model import SYSTEM_ROLE
from anju.trust.store import trip
from anju.trust.store.trip import Row, Statement

WEB_ROLE = "anju_web"

_ENABLE = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY anju_place ON {table} TO {role} USING ({place}) WITH CHECK ({place});
"""
_PLACE = """
    ({region} >= (SELECT NULLIF(current_setting('anju.region_from', true), ''))
     AND {region} < (SELECT NULLIF(current_setting('anju.region_to', true), '')))
    OR ({region} IS NULL AND (SELECT current_setting('anju.whole', true)) = 'yes')
"""
_PERSON = "    OR ({person} <> '' AND {person} = (SELECT NULLIF(current_setting('anju.person', true), '')))\n"
_DISABLE = "DROP POLICY anju_place ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"


def row_security(table: str, region: str = "region", person: str = "", beyond: str = "") -> migrations.RunSQL:
    """A migration step that puts a table under row security. ``region`` must have byte order (collation C).

    ``beyond``: a condition in SQL for rows of other places that are in sight all the same.
    """
    place = _PLACE.format(region=f'{region} COLLATE "C"') + (_PERSON.format(person=person) if person else "")
    place += f"    OR {beyond}\n" if beyond else ""
    return migrations.RunSQL(
        _ENABLE.format(table=table, role=WEB_ROLE, place=place), _DISABLE.format(table=table)
    )


def _settings(actor: Actor | None, *, audit: bool, glass: bool) -> dict[str, str]:
    if actor is None:
        return {}
    # Only a role that works for a place has one; whoever acts for themselves sees their own rows and no others.
    role = rules().roles.get(actor.role)
    region = actor.region if actor.role == SYSTEM_ROLE or (role and role.place == "region") else ""
    region = places.WHOLE if glass and region else region
    first, past = places.bounds(region) if region else ("", "")
    return {
        "anju.region_from": first,
        "anju.region_to": past,
        "anju.whole": "yes" if region == places.WHOLE else "",
        "anju.person": actor.person_code,
        "anju.account": actor.account,
        "anju.audit": "yes" if audit else "",
    }


NAMES = ("anju.region_from", "anju.region_to", "anju.whole", "anju.person", "anju.account", "anju.audit")


@dataclass(slots=True)
class Bound:
    """A bound transaction: the first row of what was asked at its begin, and what is to be said at its end."""

    told: Row | None = None
    last: list[Statement] = field(default_factory=list)
    is_inner: bool = False
    commit: trip.Commit | None = None

    def commit_now(self) -> None:
        """Send what is said last, and the commit; the end of the block waits for it. Nothing may be asked in between.

        Inside an outer transaction the end of the block does both."""
        if self.last and not self.is_inner and self.commit is None:
            self.commit = trip.Commit(self.last)


@contextmanager
def acting(
    actor: Actor | None,
    *,
    audit: bool = False,
    glass: bool = False,
    asking: Statement | None = None,
    closing: str = "",
) -> Iterator[Bound]:
    """A transaction as the web role, bound to the actor's places; everything reverts when it ends.

    Role and settings are local to the transaction, so a pooled connection keeps nothing of them. With ``actor``
    None no person-level row is visible at all. ``audit`` opens log entries of the actor's places, ``glass`` all places.
    ``asking`` is asked as soon as it is bound, on the same trip to the database; statements of the SQL ``closing`` put
    into ``last`` are sent with the commit: they hold or nothing does.
    """
    told = {"role": WEB_ROLE} | dict.fromkeys(NAMES, "") | _settings(actor, audit=audit, glass=glass)
    if connection.in_atomic_block:
        with _within(told, asking) as bound:
            yield bound
        return
    try:
        with transaction.atomic():
            answers = trip.begin([_binding(told), *filter(None, [asking])], [closing] if closing else [])
            bound = Bound(answers[1][0] if asking and answers[1] else None)
            try:
                yield bound
            except BaseException:
                _see_through(bound)
                raise
            bound.commit_now()
            _see_through(bound)
    except BaseException:
        trip.forget()
        raise


def _see_through(bound: Bound) -> None:
    if bound.commit is not None:
        bound.commit.wait()


@contextmanager
def _within(told: dict[str, str], asking: Statement | None) -> Iterator[Bound]:
    """The same inside an outer transaction. There the settings would outlive the block, so they are put back; a rollback
    takes them along by itself."""
    with transaction.atomic():
        before = _current()
        trip.one(_binding(told))
        bound = Bound(trip.one(asking) if asking else None, is_inner=True)
        yield bound
        for statement in bound.last:
            trip.one(statement)
        trip.one(_binding(before))


def _current() -> dict[str, str]:
    with connection.cursor() as cursor:
        names = ("role", *NAMES)
        cursor.execute("SELECT " + ", ".join("current_setting(%s, true)" for _ in names), names)
        return {name: value or "" for name, value in zip(names, cursor.fetchone(), strict=True)}


_BIND = "SELECT " + ", ".join(
    f"set_config('{name}', %s, true) AS s{n}" for n, name in enumerate(("role", *NAMES))
)


def _binding(values: dict[str, str]) -> Statement:
    return Statement(_BIND, (values["role"], *(values[name] for name in NAMES)))


_GRANTS = f"""
GRANT USAGE ON SCHEMA public TO {WEB_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {WEB_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {WEB_ROLE};
REVOKE ALL ON trust_logpending, trust_logentry, trust_logtile, trust_logcheckpoint FROM {WEB_ROLE};
GRANT INSERT ON trust_logpending TO {WEB_ROLE};
GRANT SELECT ON trust_logentry, trust_logtile, trust_logcheckpoint TO {WEB_ROLE};
"""


def grant(**_ignored: object) -> None:
    """Give the web role what pages need: after every migration, so that new tables are never forgotten.

    The log stays append-only for it, and it has no say over migrations or roles.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('trust_logentry') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute(_GRANTS)
            cursor.execute(
                f"DO $$ BEGIN IF to_regclass('django_migrations') IS NOT NULL THEN "
                f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {WEB_ROLE}; END IF; END $$"
            )


def make_cache_table(**_ignored: object) -> None:
    """The table of the shared cache, in which limits on logging in are counted."""
    call_command("createcachetable", verbosity=0)


def take_role(connection: BaseDatabaseWrapper, **_ignored: object) -> None:
    """A new connection of a web process takes the web role for good; without a bound request it sees no person."""
    role = getattr(settings, "DATABASE_ROLE", "")
    if role:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('role', %s, false)", [role])
