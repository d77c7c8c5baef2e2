"""Following the library: whatever happens in whatever order, a follower's copy ends up as what it may see, exactly."""

from __future__ import annotations

import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from anju.exchange.store import feed_actions, feed_queries
from anju.exchange.store.feed_queries import Follower
from anju.exchange.store.models import PersonChange
from anju.kernel.refusal import Refusal
from anju.register import dossier
from anju.register.store.models import Discrepancy, Dossier, Identity, Person, Run, School, Stay
from anju.trust.access import Actor, system
from anju.trust.sealing import sealer
from anju.trust.store import ledger, log_queries, rows

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import Machine, made

A, B = "990102001001", "990103001001"
AT = datetime(2026, 7, 1, tzinfo=UTC)


class Copy:
    """A follower's copy of what it may see; it may stop and begin again with what it stored at any moment."""

    def __init__(self, region: str) -> None:
        self.region, self.cursor = region, ""
        self.held: dict[tuple[str, int], str] = {}
        self.repeated = 0

    def ask(self, limit: int) -> bool:
        """One page, stored; whether there is more."""
        with rows.acting(Actor("client:x", "department_officer", self.region, "police")):
            page = feed_queries.changes(self.cursor, Follower(self.region, ("person", "stay")), limit)
        for row in page.rows:
            key = (row["source"], row["id"])
            if row["kind"] == "put":
                self.repeated += key in self.held
                self.held[key] = row["person"]
            elif row["kind"] == "end":
                self.held.pop(key, None)
            else:
                self.held = {k: p for k, p in self.held.items() if p != row["person"]}
        self.cursor = page.cursor
        return page.has_more

    def catch_up(self, limit: int = 3) -> None:
        for _ in range(10_000):
            if not self.ask(limit):
                return
        raise AssertionError("the feed never ends")

    def truth(self) -> dict[tuple[str, int], str]:
        with rows.acting(Actor("client:x", "department_officer", self.region, "police")):
            return {
                (name, r.id): r.person_code
                for name, model in (("person", Identity), ("stay", Stay))
                for r in model.objects.filter(known_to__isnull=True)
            }


class Register:
    """A register in which things happen: runs that publish, counters that write in between."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.count = dice, 0

    def _person(self, region: str, *, live: bool) -> None:
        self.count += 1
        code = f"{self.count:013d}"
        Person.objects.create(code=code)
        Identity.objects.create(person_code=code, region=region, name=f"张{self.count}", is_live=live)

    def _stay(self, person: Identity, *, live: bool) -> None:
        Stay.objects.create(
            person_code=person.person_code, region=person.region, begin_on=AT, confirmed_on=AT, is_live=live
        )

    def some(self, model: Any = Identity) -> list[Any]:
        found = list(model.objects.filter(known_to__isnull=True))
        return self.dice.sample(found, min(len(found), self.dice.randint(0, 3)))

    @transaction.atomic
    def publish(self) -> None:
        """As the load does: people move with all their rows, live rows end, rows end and begin, the run is finished."""
        with connection.cursor() as cursor:
            for person in self.some():
                region = self.dice.choice([A, B])
                for table in ("identity", "stay"):
                    cursor.execute(
                        f"UPDATE register_{table} SET region = %s WHERE person_code = %s AND region IS DISTINCT FROM %s",
                        [region, person.person_code, region],
                    )
            for table in ("identity", "stay"):
                cursor.execute(
                    f"UPDATE register_{table} SET known_to = now() WHERE is_live AND known_to IS NULL"
                )
            current = {i.person_code: i for i in Identity.objects.filter(known_to__isnull=True)}
            regions = dict(Identity.objects.order_by("id").values_list("person_code", "region"))
            for code, region in regions.items():  # who was live is published now, some others change
                if code not in current or self.dice.random() < 0.2:
                    if code in current:
                        Identity.objects.filter(pk=current[code].pk).update(known_to=datetime.now(UTC))
                    Identity.objects.create(person_code=code, region=region, name="改")
            for stay in self.some(Stay):
                cursor.execute("UPDATE register_stay SET known_to = now() WHERE id = %s", [stay.id])
            for _ in range(self.dice.randint(0, 3)):
                self._person(self.dice.choice([A, B]), live=False)
            for person in self.some():
                self._stay(person, live=False)
            cursor.execute("SELECT now()")
            [now] = cursor.fetchone()
            Run.objects.create(state="finished", started_at=now, known_at=now, people=1)

    @transaction.atomic
    def settle(self) -> None:
        """As a run does with people who moved at a counter since: their older rows follow them."""
        with connection.cursor() as cursor:
            for table in ("identity", "stay"):
                cursor.execute(
                    f"UPDATE register_{table} r SET region = i.region FROM register_identity i "
                    "WHERE i.person_code = r.person_code AND i.known_to IS NULL AND r.region IS DISTINCT FROM i.region"
                )

    @transaction.atomic
    def live(self) -> None:
        """As a counter does: a new person, a stay, a move, a stay withdrawn."""
        what = self.dice.choice(["person", "stay", "move", "end"])
        if what == "person":
            self._person(self.dice.choice([A, B]), live=True)
        for person in self.some()[:1]:
            if what == "stay":
                self._stay(person, live=True)
            if what == "move":
                Identity.objects.filter(pk=person.pk).update(known_to=datetime.now(UTC))
                person.pk, person.is_live, person.region = None, True, self.dice.choice([A, B])
                person.known_from = datetime.now(UTC)
                person.save(force_insert=True)
                self._stay(person, live=True)
        if what == "end":
            for stay in self.some(Stay)[:1]:
                Stay.objects.filter(pk=stay.pk).update(known_to=datetime.now(UTC))


@pytest.mark.parametrize("seed", range(int(os.environ.get("ANJU_FEED_SEEDS", "4"))))
def test_every_copy_ends_as_what_it_may_see(transactional_db: None, seed: int) -> None:
    dice = random.Random(seed)
    register = Register(dice)
    early, here, there = Copy("*"), Copy("990102"), Copy("990103")
    for _ in range(30):
        (register.publish if dice.random() < 0.3 else register.live)()
        for copy in (early, here, there):
            if dice.random() < 0.4:
                copy.ask(dice.randint(1, 5))
    register.settle()
    late = Copy("990102")
    for copy in (early, here, there, late):
        copy.catch_up(dice.randint(1, 5))
        assert copy.held == copy.truth(), copy.region
    assert early.repeated == late.repeated == 0
    again = Copy("990102")
    again.cursor, again.held = here.cursor, dict(here.held)
    again.catch_up()
    assert again.held == here.held


def test_a_transaction_that_commits_late_is_not_passed_over(transactional_db: None) -> None:
    """The slow one began first, the quick one commits first; a follower who reads in between gets both, each once."""
    register, copy = Register(random.Random(1)), Copy("*")
    told = connection.settings_dict
    url = {"host": told["HOST"] or told["OPTIONS"].get("host"), "dbname": told["NAME"], "user": told["USER"]}
    with psycopg.connect(**url) as slow:
        slow.execute(
            "INSERT INTO register_identity (person_code, region, name, name_key, pinyin, initials, sex, citizen_no_last4,"
            " phone_last4, hukou_region, education, marital, employer_code, is_resident, in_police, record_count,"
            " dataset_count, discrepancy_count, is_live) VALUES ('9999999999999', %s, '慢', '', '', '', '', '', '', '', '',"
            " '', '', true, false, 1, 1, 0, true)",
            [A],
        )
        register._person(A, live=True)
        copy.catch_up()
        assert list(copy.held.values()) == ["0000000000001"]
        slow.commit()
    copy.catch_up()
    assert sorted(copy.held.values()) == ["0000000000001", "9999999999999"]
    assert copy.repeated == 0


def test_an_erased_person_leaves_every_copy(transactional_db: None) -> None:
    register, copy = Register(random.Random(2)), Copy("990102")
    register._person(A, live=True)
    copy.catch_up()
    assert copy.held
    Identity.objects.all().delete()
    copy.catch_up()
    assert not copy.held


def test_compacted_changes_are_told_as_the_state_of_a_run(transactional_db: None) -> None:
    register, slow = Register(random.Random(3)), Copy("*")
    register.live()
    slow.ask(1)
    for _ in range(6):
        register.live()
        register.publish()
    gone = feed_actions.compact(days=30, by=system("test"), at=datetime.now(UTC))
    assert gone == 0
    assert feed_actions.compact(days=30, by=system("test"), at=datetime.now(UTC) + timedelta(days=31)) > 0
    with pytest.raises(Refusal, match="cursor_too_old"):
        slow.ask(3)
    fresh = Copy("*")
    fresh.catch_up()
    assert fresh.held == fresh.truth()


def test_the_feed_over_http_is_bounded_masked_and_logged_per_person(transactional_db: None) -> None:
    register = Register(random.Random(4))
    with transaction.atomic():
        register._person(A, live=False)
        register._person(B, live=False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")
            [now] = cursor.fetchone()
        Run.objects.create(state="finished", started_at=now, known_at=now, people=1)
    door = Machine(made())
    told = door.get("/api/exchange/changes").json()
    assert [(c["person"], c["values"]["name"]) for c in told["changes"]] == [("0000000000001", "张*")]
    assert set(told["sources"]) == {"person", "stay", "kin", "dwelling", "permit"}
    assert not told["more"]
    ledger.sequence_all()
    subjects = [e.entry.subject for e in log_queries.entries(10) if e.entry.action == "exchange.follow"]
    assert "person:0000000000001" in subjects
    assert "person:0000000000002" not in subjects
    for cursor, status in (("x", 422), ("c999999", 422), ("s1", 422), ("c1.999.1", 200), ("c0", 200)):
        assert door.get(f"/api/exchange/changes?cursor={cursor}").status_code in (status, 410), cursor
    assert Machine(made("no-bulk", bulk=False)).get("/api/exchange/changes").status_code == 403
    assert Machine(made("no-purpose"), "tax_service").get("/api/exchange/changes").status_code == 403


@transaction.atomic
def published(*made: Any) -> None:
    """A run that opens these rows."""
    for row in made:
        row.save(force_insert=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        [now] = cursor.fetchone()
    Run.objects.create(state="finished", started_at=now, known_at=now, people=1)


def read_on(door: Machine, cursor: str) -> tuple[dict[str, list[dict[str, Any]]], str]:
    told = door.get(f"/api/exchange/changes?cursor={cursor}").json()
    by_source: dict[str, list[dict[str, Any]]] = {}
    for change in told["changes"]:
        by_source.setdefault(change["source"], []).append(change)
    return by_source, told["cursor"]


def test_who_says_what_and_what_contradicts_is_told_to_those_who_keep_it_right(
    transactional_db: None,
) -> None:
    one, two = "0000000000001", "0000000000002"
    for code in (one, two):
        Person.objects.create(code=code)
    packed = dossier.PART_MARK.join(["2026-06-01", "police_residence", "K1", "-b", chr(256 + 3), "0李四"])
    said = Dossier(person_code=one, region=A, records=sealer().seal(packed))
    odd = Discrepancy(
        person_code=one,
        region=A,
        field="name",
        owner="police",
        shown_dataset="health_record",
        against="police",
    )
    school = School(school_code="S1", region=A, name="和安小学")
    published(Identity(person_code=one, region=A, name="张一"), said, odd, school)
    door = Machine(made("steward-sync", purposes=("data_quality",)), "data_quality")
    told, cursor = read_on(door, "")
    assert told["dossier"][0]["values"]["sources"] == [
        {"dataset": "police_residence", "seen_on": "2026-06-01", "fields": ["citizen_no", "name"]}
    ]
    assert "李四" not in str(told), "who says, never what"
    assert told["discrepancy"][0]["values"]["field"] == "name"
    assert told["school"][0]["values"]["name"] == "和安小学"
    PersonChange.objects.create(
        kind="split", state="confirmed", person_code=one, other_code=two, region=A, moved=[], kept=[], proposed_by="a",
        proposed_at=AT, answered_by="b", answered_at=AT,
    )  # fmt: skip
    Discrepancy.objects.filter(pk=odd.pk).update(known_to=AT)
    published(Identity(person_code=two, region=A, name="李四"))
    told, cursor = read_on(door, cursor)
    assert told["discrepancy"] == [{"kind": "end", "source": "discrepancy", "id": odd.pk, "person": one}]
    assert told["person"][0]["split_from"] == one
    Identity.objects.filter(person_code=two).update(known_to=AT)
    Person.objects.filter(code=two).update(merged_into=one)
    told, _ = read_on(door, cursor)
    assert [(c["kind"], c["leads_to"]) for c in told["person"]] == [("end", one)]
