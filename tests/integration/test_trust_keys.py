"""Keys change while everything runs: old and new stand side by side, and nothing is lost on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.db import close_old_connections, connection

from anju.kernel.refusal import Refusal
from anju.trust.access import Actor
from anju.trust.sealing import key_id_of, ring, sealer
from anju.trust.store import ledger, log, named, rotation
from anju.trust.store.models import Account
from anju.trust.store.rotation import SealedColumn

COLUMN = SealedColumn("keytest", "id", "phone", "phone", "phone_index")
ROWS = 3000


@pytest.fixture
def sealed(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    monkeypatch.setattr(rotation, "sealed_columns", lambda: [COLUMN])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE keytest (id int PRIMARY KEY, phone bytea, phone_index bytea)")
        values = [f"12{n:09d}" for n in range(ROWS)]
        told = zip(range(ROWS), sealer().seal_many(values), sealer().index_many("phone", values), strict=True)
        cursor.executemany("INSERT INTO keytest VALUES (%s, %s, %s)", list(told))
        cursor.execute("INSERT INTO keytest VALUES (-1, NULL, NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE keytest")


def look_up(number: int) -> str:
    with connection.cursor() as cursor:
        found = sealer().indexes("phone", f"12{number:09d}")
        cursor.execute("SELECT phone FROM keytest WHERE phone_index = ANY(%s)", [found])
        (row,) = cursor.fetchall()
        return sealer().open(row[0])


def test_keys_are_changed_under_load_without_a_gap(sealed: None) -> None:
    old = sealer().ring
    stop, failures, reads = threading.Event(), [], [0]

    def reader() -> None:
        number = 0
        while not stop.is_set():
            try:
                assert look_up(number % ROWS) == f"12{number % ROWS:09d}"
                reads[0] += 1
            except Exception as broken:
                failures.append(broken)
            number += 7
        close_old_connections()
        connection.close()

    threads = [threading.Thread(target=reader) for _ in range(3)]
    for thread in threads:
        thread.start()
    ring.save(ring.rotated(old, ("seal", "index"), "national", "2026-03-02"))
    assert rotation.waiting()["keytest.phone"] == ROWS
    with pytest.raises(Refusal, match="key_still_seals"):
        rotation.refuse_if_needed(old.newest("seal").id)
    assert rotation.reseal() == ROWS
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert reads[0] > 10
    assert set(rotation.waiting().values()) == {0}
    for key in (old.newest("seal"), old.newest("index")):
        rotation.refuse_if_needed(key.id)
        ring.save(sealer().ring.without(key.id))
    assert look_up(17) == "12000000017"
    assert rotation.reseal() == 0


def test_a_stopped_change_goes_on_where_it_was(sealed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.save(ring.rotated(sealer().ring, ("seal",), "international", "2026-03-02"))
    monkeypatch.setattr(rotation, "BATCH", 1000)
    assert rotation._batch(COLUMN) == 1000
    assert rotation.waiting()["keytest.phone"] == ROWS - 1000
    assert rotation.reseal() == ROWS - 1000
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM keytest WHERE id = 5")
        assert key_id_of(cursor.fetchone()[0]) == sealer().ring.newest("seal").id


def test_a_log_key_stays_as_long_as_entries_rest_on_it(sealed: None) -> None:
    log.record(Actor("account:1", "dpo", "9901"), "retention.run", datetime(2026, 3, 1, tzinfo=UTC))
    ledger.sequence_all()
    old = sealer().ring.newest("log").id
    ring.save(ring.rotated(sealer().ring, ("log",), "international", "2026-03-02"))
    with pytest.raises(Refusal, match="key_still_seals"):
        rotation.refuse_if_needed(old)


def test_an_index_key_stays_as_long_as_an_erased_name_rests_on_it(sealed: None) -> None:
    """A name's tombstone cannot be made anew: what it was made of is gone."""
    named.bury({("张小雨", "12000000001")}, datetime.now(UTC))
    old = sealer().ring.newest("index").id
    ring.save(ring.rotated(sealer().ring, ring.USES, "international", "2026-03-02"))
    rotation.reseal()
    assert named.buried([("张小雨", "12000000001"), ("张小雨", "12000000002")]) == [("张小雨", "12000000001")]
    with pytest.raises(Refusal, match="key_still_seals"):
        rotation.refuse_if_needed(old)


def test_sealed_columns_are_found_by_themselves(db: None) -> None:
    found = {f"{c.table}.{c.column}" for c in rotation.sealed_columns()}
    with connection.cursor() as cursor:
        for column in rotation.sealed_columns():
            names = {c.name for c in connection.introspection.get_table_description(cursor, column.table)}
            assert {column.column, column.key} <= names
            assert not column.index or column.index in names
    assert all("." in name for name in found)


def test_second_factors_survive_a_change_of_keys(sealed: None) -> None:
    account = Account.objects.create(username="lihua")
    secret = sealer().seal("JBSWY3DPEHPK3PXP").hex()
    kept = Authenticator.objects.create(
        user=account,
        type="totp",
        data={"secret": secret, "used_mask": 0, "codes": [sealer().seal("1234").hex()]},
    )
    old = sealer().ring.newest("seal").id
    ring.save(ring.rotated(sealer().ring, ("seal",), "international", "2026-03-02"))
    assert rotation.waiting()["mfa_authenticator.data"] == 2
    with pytest.raises(Refusal, match="key_still_seals"):
        rotation.refuse_if_needed(old)
    assert rotation.reseal() == ROWS + 2
    rotation.refuse_if_needed(old)
    ring.save(sealer().ring.without(old))
    kept.refresh_from_db()
    assert sealer().open(bytes.fromhex(kept.data["secret"])) == "JBSWY3DPEHPK3PXP"
    assert kept.data["used_mask"] == 0
