"""The log in the database: in the act's own transaction, in order, proven - and no way of rewriting it goes unseen."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from anju.jobs.pipeline import log as keeping
from anju.kernel.refusal import Refusal
from anju.trust.access import Actor, system
from anju.trust.log import Entry, bundle, checkpoints, grow, leaf_hash
from anju.trust.log.checkpoints import Checkpoint, Note
from anju.trust.log.proofs import is_consistent, is_included
from anju.trust.log.verifying import Report
from anju.trust.store import ledger, log, log_keys, log_published, log_queries, log_verifying

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORKER = Actor("account:7", "station_worker", "990102", "")
PERSON = "0000000000001"
SIZES = (200, 300, 600, 700)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys, witness and published files of this test alone."""
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    return tmp_path


def entry(number: int) -> Entry:
    subject = f"person:{PERSON}" if number % 10 == 0 else f"batch:{number}"
    at = AT + timedelta(seconds=number)
    return Entry.of(WORKER, "person.read", at, purpose="schooling", subject=subject, detail={"n": number})


@pytest.fixture
def kept(db: None, own_home: Path) -> None:
    """700 entries, four checkpoints."""
    done = 0
    for size in SIZES:
        log.record_many([entry(n) for n in range(done, size)])
        done = size
        ledger.sequence_all()
        ledger.checkpoint(AT + timedelta(minutes=size))


def test_an_act_and_its_entry_stand_or_fall_together(db: None, own_home: Path) -> None:
    def act_that_fails() -> None:
        with transaction.atomic():
            log.record(WORKER, "person.read", AT, subject="person:X")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act_that_fails()
    assert ledger.sequence_all() == 0
    log.record(WORKER, "person.read", AT, purpose="schooling", subject=f"person:{PERSON}", result="refused")
    log.record(system("pipeline"), "exchange.run", AT, detail={"rows": 3})
    assert ledger.sequence_all() == 2
    (look,) = log_queries.looks_at(PERSON)
    assert (look.seq, look.entry.office, look.entry.result) == (0, "990102", "refused")


def test_an_intact_log_holds_and_proves_itself(kept: None) -> None:
    report = log_verifying.verify()
    assert report == Report(700, len(SIZES), ())
    newest = log_queries.latest()
    assert newest is not None
    for seq in (0, 255, 256, 699):
        proof = log_queries.prove_inclusion(seq)
        assert log_queries.entry_leaf(seq) == proof.leaf
        assert is_included(seq, 700, proof.leaf, newest.root, proof.hashes)
    for prior in SIZES:
        told = log_queries.prove_consistency(prior)
        assert is_consistent(prior, told.prior_root, 700, newest.root, told.hashes)
    with pytest.raises(Refusal, match="not_covered"):
        log_queries.prove_inclusion(700)
    assert [p.seq for p in log_queries.looks_at(PERSON, limit=3)] == [690, 680, 670]
    assert [p.seq for p in log_queries.looks_at(PERSON, limit=2, before=680)] == [670, 660]


def test_published_files_and_backup_proofs(kept: None, own_home: Path) -> None:
    note = Note.parse((own_home / "log" / "checkpoint").read_text())
    assert note.checkpoint.size == 700
    assert [n.checkpoint.size for n in log_published.published()] == list(SIZES)
    assert note.witnessed_at(log_published.witness_verifier()) == int(
        (AT + timedelta(minutes=700)).timestamp()
    )
    head = keeping.head()
    log.record(WORKER, "person.read", AT)
    ledger.sequence_all()
    keeping.prove_restored(head)
    sql("UPDATE trust_logentry SET data = replace(data, 'schooling', 'tax_service') WHERE seq = 42")
    with pytest.raises(Refusal) as told:
        keeping.prove_restored(head)
    assert told.value.facts["first"] == 42


# --- fifty ways of tampering, as a superuser of the database ------------------------------------------------------


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _data(seq: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM trust_logentry WHERE seq = %s", [seq])
        return str(cursor.fetchone()[0])


def field(name: str, value: object, seq: int = 450) -> Callable[[], None]:
    def tamper() -> None:
        told = json.loads(_data(seq)) | {name: value}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        sql("UPDATE trust_logentry SET data = %s WHERE seq = %s", text, seq)

    return tamper


def column(name: str, value: object, seq: int = 450) -> Callable[[], None]:
    return lambda: sql(f"UPDATE trust_logentry SET {name} = %s WHERE seq = %s", value, seq)


def swap(name: str, one: int, other: int) -> Callable[[], None]:
    return lambda: sql(
        f"UPDATE trust_logentry a SET {name} = b.{name} FROM trust_logentry b"
        " WHERE (a.seq, b.seq) IN ((%s, %s), (%s, %s))", one, other, other, one
    )  # fmt: skip


def renumber(first: int, by: int) -> None:
    sql("UPDATE trust_logentry SET seq = -seq - 1 WHERE seq >= %s", first)
    sql("UPDATE trust_logentry SET seq = -seq - 1 + %s WHERE seq < 0", by)


def delete_and_close_up(seq: int) -> None:
    sql("DELETE FROM trust_logentry WHERE seq = %s", seq)
    renumber(seq + 1, -1)


def insert(seq: int, mac: bytes = b"\0" * 18) -> None:
    sql(
        "INSERT INTO trust_logentry (seq, at, account, region, action, person_code, data, mac)"
        " SELECT %s, at, account, region, action, person_code, data, %s FROM trust_logentry WHERE seq = 450",
        seq, mac,
    )  # fmt: skip


def insert_in_between() -> None:
    renumber(450, 1)
    sql(
        "INSERT INTO trust_logentry SELECT 450, at, account, region, action, person_code, data, mac"
        " FROM trust_logentry WHERE seq = 451"
    )


def rebuild_tiles() -> None:
    """What a superuser who knows the format would do: make the tree fit the rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM trust_logentry ORDER BY seq")
        leaves = [leaf_hash(data.encode()) for (data,) in cursor.fetchall()]
    sql("DELETE FROM trust_logtile")
    for (level, index), hashes in grow(0, leaves, {}).items():
        sql("INSERT INTO trust_logtile (level, index, hashes) VALUES (%s, %s, %s)", level, index, hashes)


def and_tiles(tamper: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        tamper()
        rebuild_tiles()

    return both


def flip(level: int, index: int, byte: int) -> Callable[[], None]:
    return lambda: sql(
        "UPDATE trust_logtile SET hashes = set_byte(hashes, %s, 255 - get_byte(hashes, %s))"
        " WHERE level = %s AND index = %s", byte, byte, level, index
    )  # fmt: skip


def forged_note(size: int) -> str:
    """A note that fits the tampered tree, signed with a key that is not the log's."""
    body = Checkpoint(log_keys.origin(), size, ledger.tree(size).root(size))
    note = checkpoints.sign(body, log_keys.origin(), b"\x05" * 32)
    return checkpoints.cosign(note, log_keys.witness_name(), b"\x06" * 32, 1).text()


def rewrite_everything() -> None:
    field("purpose", "tax_service")()
    rebuild_tiles()
    for size in SIZES:
        root = ledger.tree(size).root(size)
        sql(
            "UPDATE trust_logcheckpoint SET root = %s, note = %s WHERE size = %s",
            root,
            forged_note(size),
            size,
        )


def note(size: int, old: str, new: str) -> Callable[[], None]:
    return lambda: sql(
        "UPDATE trust_logcheckpoint SET note = replace(note, %s, %s) WHERE size = %s", old, new, size
    )


def drop_line(size: int, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM trust_logcheckpoint WHERE size = %s", [size])
        lines = cursor.fetchone()[0].splitlines(keepends=True)
    del lines[number]
    sql("UPDATE trust_logcheckpoint SET note = %s WHERE size = %s", "".join(lines), size)


def cut_back(to: int) -> None:
    sql("DELETE FROM trust_logentry WHERE seq >= %s", to)
    sql("DELETE FROM trust_logcheckpoint WHERE size > %s", to)
    rebuild_tiles()


def forge_pending() -> None:
    sql("INSERT INTO trust_logpending (lines, mac) VALUES (%s, %s)", _data(450), b"\0" * 18)


def change_pending() -> None:
    log.record(WORKER, "person.read", AT, purpose="schooling")
    sql("UPDATE trust_logpending SET lines = replace(lines, 'schooling', 'tax_service')")


FIFTY: dict[str, tuple[Callable[[], None], str, int | None]] = {
    "who": (field("account", "account:8"), "log.entry_changed", 450),
    "role": (field("role", "dpo"), "log.entry_changed", 450),
    "office": (field("office", "990103"), "log.entry_changed", 450),
    "what": (field("action", "person.search"), "log.entry_changed", 450),
    "purpose": (field("purpose", "tax_service"), "log.entry_changed", 450),
    "subject": (field("subject", "person:0000000000002"), "log.entry_changed", 450),
    "result": (field("result", "refused"), "log.entry_changed", 450),
    "detail": (field("detail", {"n": 451}), "log.entry_changed", 450),
    "when": (field("at", "2026-03-01T08:07:31.000000+00:00"), "log.entry_changed", 450),
    "salt": (field("salt", "0" * 32), "log.entry_changed", 450),
    "first entry": (field("result", "failed", 0), "log.entry_changed", 0),
    "last entry": (field("result", "failed", 699), "log.entry_changed", 699),
    "one space": (lambda: sql("UPDATE trust_logentry SET data = data || ' ' WHERE seq = 450"), "log.entry_changed", 450),
    "not json": (column("data", "x"), "log.entry_changed", 450),
    "empty": (column("data", ""), "log.entry_changed", 450),
    "column at": (column("at", AT), "log.entry_columns_changed", 450),
    "column account": (column("account", "account:8"), "log.entry_columns_changed", 450),
    "column region": (column("region", "990103"), "log.entry_columns_changed", 450),
    "column action": (column("action", "person.search"), "log.entry_columns_changed", 450),
    "column person": (column("person_code", "", 450), "log.entry_columns_changed", 450),
    "column person moved": (column("person_code", "0000000000002", 450), "log.entry_columns_changed", 450),
    "code zeroed": (column("mac", b"\0" * 18), "log.entry_changed", 450),
    "code emptied": (column("mac", b""), "log.entry_changed", 450),
    "codes swapped": (swap("mac", 450, 451), "log.entry_changed", 450),
    "contents swapped": (swap("data", 450, 451), "log.entry_changed", 450),
    "order swapped": (
        lambda: (sql("UPDATE trust_logentry SET seq = -1 WHERE seq = 450"),
                 sql("UPDATE trust_logentry SET seq = 450 WHERE seq = 451"),
                 sql("UPDATE trust_logentry SET seq = 451 WHERE seq = -1")),
        "log.entry_changed", 450),
    "first deleted": (lambda: sql("DELETE FROM trust_logentry WHERE seq = 0"), "log.entry_missing", 0),
    "middle deleted": (lambda: sql("DELETE FROM trust_logentry WHERE seq = 450"), "log.entry_missing", 450),
    "last deleted": (lambda: sql("DELETE FROM trust_logentry WHERE seq = 699"), "log.cut", 699),
    "run deleted": (lambda: sql("DELETE FROM trust_logentry WHERE seq BETWEEN 400 AND 500"), "log.entry_missing", 400),
    "deleted and closed up": (lambda: delete_and_close_up(450), "log.entry_changed", 450),
    "deleted, closed up, tree rebuilt": (and_tiles(lambda: delete_and_close_up(450)), "log.entry_changed", 450),
    "all deleted": (lambda: sql("DELETE FROM trust_logentry"), "log.cut", 0),
    "appended": (lambda: insert(700), "log.entry_changed", 700),
    "appended, tree rebuilt": (and_tiles(lambda: insert(700)), "log.entry_changed", 700),
    "put before the first": (lambda: insert(-1), "log.entry_twice", -1),
    "put in between": (insert_in_between, "log.entry_changed", 451),
    "put in between, tree rebuilt": (and_tiles(insert_in_between), "log.entry_changed", 451),
    "rewritten, tree rebuilt": (and_tiles(field("purpose", "tax_service")), "log.entry_changed", 450),
    "rewritten, tree rebuilt, checkpoints forged": (rewrite_everything, "log.entry_changed", 450),
    "leaf hash": (flip(0, 1, 32 * 194), "log.hash_changed", 450),
    "inner hash": (flip(1, 0, 5), "log.tile_changed", 0),
    "leaf tile deleted": (
        lambda: sql("DELETE FROM trust_logtile WHERE level = 0 AND index = 1"), "log.hash_missing", 256),
    "tile without entries": (
        lambda: sql("INSERT INTO trust_logtile VALUES (0, 99, '')"), "log.tile_without_entries", None),
    "checkpoint size": (lambda: sql("UPDATE trust_logcheckpoint SET size = 650 WHERE size = 600"),
                        "log.checkpoint_changed", None),
    "checkpoint root": (lambda: sql("UPDATE trust_logcheckpoint SET root = '\\x00' WHERE size = 600"),
                        "log.checkpoint_changed", None),
    "note size": (note(600, "\n600\n", "\n601\n"), "log.checkpoint_not_signed", None),
    "note signature": (note(600, "— ", "— x"), "log.checkpoint_not_signed", None),
    "note unreadable": (note(600, "—", "-"), "log.checkpoint_changed", None),
    "note resigned by a stranger": (
        lambda: sql("UPDATE trust_logcheckpoint SET note = %s WHERE size = 600", forged_note(600)),
        "log.checkpoint_not_signed", None),
    "witness dropped": (lambda: drop_line(600, 5), "log.not_witnessed", None),
    "checkpoint deleted": (lambda: sql("DELETE FROM trust_logcheckpoint WHERE size = 600"),
                           "log.checkpoint_removed", None),
    "all checkpoints deleted": (lambda: sql("DELETE FROM trust_logcheckpoint"), "log.checkpoint_removed", None),
    "cut back to a checkpoint": (lambda: cut_back(600), "log.cut", 600),
    "pending forged": (forge_pending, "log.pending_changed", None),
    "pending changed": (change_pending, "log.pending_changed", None),
}  # fmt: skip


def test_fifty_ways_of_tampering_are_found_and_named(kept: None) -> None:
    assert len(FIFTY) >= 50
    missed = {}
    for name, (tamper, code, first) in FIFTY.items():
        point = transaction.savepoint()
        tamper()
        found = [(f.code, f.first) for f in log_verifying.verify().findings]
        if (code, first) not in found:
            missed[name] = found[:5]
        transaction.savepoint_rollback(point)
    assert not missed
    assert log_verifying.verify().holds


def test_a_forged_pending_row_never_enters_and_never_blocks(kept: None) -> None:
    forge_pending()
    log.record(WORKER, "person.read", AT)
    assert ledger.sequence_all() == 1


def test_the_witness_refuses_another_history(kept: None) -> None:
    and_tiles(field("purpose", "tax_service"))()
    log.record(WORKER, "person.read", AT)
    ledger.sequence_all()
    with pytest.raises(Refusal, match="witness_refuses"):
        ledger.checkpoint(AT)


# --- bundles: verified with nothing but the file -----------------------------------------------------------------


@pytest.fixture
def exported(kept: None, own_home: Path) -> Iterator[Path]:
    path = own_home / "whole.anjulog"
    assert keeping.export(path, with_entries=True) == 700
    return path  # type: ignore[return-value]


def repack(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    import zipfile

    changed = path.with_name("changed.anjulog")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            new.writestr(member, change(content) if member == name else content)
    return changed


def test_a_bundle_verifies_without_the_server(exported: Path) -> None:
    trusted = [*log_keys.verifiers(), log_published.witness_verifier()]
    for keys in ((), trusted):
        manifest, _, report = bundle.verify(exported, keys)
        assert report.holds
        assert (manifest.size, report.checkpoints) == (700, len(SIZES))
    hashes = exported.with_name("hashes.anjulog")
    keeping.export(hashes, with_entries=False)
    assert bundle.verify(hashes)[2].holds


@pytest.mark.parametrize(
    ("member", "change", "code", "first"),
    [
        ("entries.txt", lambda c: c.replace(b'"n":450', b'"n":451', 1), "log.entry_changed", 450),
        ("entries.txt", lambda c: b"\n".join(c.split(b"\n")[:-2]) + b"\n", "log.cut", 699),
        ("entries.txt", lambda c: b"\n".join(c.split(b"\n")[1:]), "log.entry_changed", 0),
        (
            "leaves.bin",
            lambda c: c[: 32 * 450] + hashlib.sha256(b"x").digest() + c[32 * 451 :],
            "log.entry_changed",
            450,
        ),
        ("leaves.bin", lambda c: c[:-32], "log.hash_missing", 699),
        (
            "checkpoints.txt",
            lambda c: c.replace(b"\\n600\\n", b"\\n601\\n"),
            "log.checkpoint_not_signed",
            None,
        ),
        ("checkpoints.txt", lambda _: b"", "log.no_checkpoint", None),
        ("manifest.json", lambda c: c.replace(b"700", b"699"), "log.cut", 700),
    ],
)
def test_a_changed_bundle_is_found(
    exported: Path, member: str, change: Callable[[bytes], bytes], code: str, first: int | None
) -> None:
    report = bundle.verify(repack(exported, member, change))[2]
    assert (code, first) in [(f.code, f.first) for f in report.findings]


def test_a_bundle_rewritten_with_its_leaves_names_the_span_between_checkpoints(exported: Path) -> None:
    import zipfile

    with zipfile.ZipFile(exported) as zipped:
        lines = zipped.read("entries.txt").replace(b'"n":450', b'"n":451', 1)
    leaves = b"".join(leaf_hash(line) for line in lines.splitlines())
    changed = repack(
        repack(exported, "entries.txt", lambda _: lines).rename(exported), "leaves.bin", lambda _: leaves
    )
    report = bundle.verify(changed)[2]
    assert ("log.root_differs", 300, 599) in [(f.code, f.first, f.last) for f in report.findings]
    assert not bundle.verify(changed, [checkpoints.Verifier("x", checkpoints.ED25519, b"\1" * 32)])[2].holds


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip at all" * 100])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.anjulog"
    path.write_bytes(content)
    with pytest.raises(Refusal, match="broken_bundle"):
        bundle.verify(path)


def test_the_log_goes_on_over_a_change_of_keys(kept: None) -> None:
    from anju.trust.sealing import ring, sealer

    ring.save(ring.rotated(sealer().ring, ("log",), "international", "2026-03-02"))
    log.record(WORKER, "person.read", AT)
    ledger.sequence_all()
    ledger.checkpoint(AT + timedelta(days=1))
    report = log_verifying.verify()
    assert report == Report(701, len(SIZES) + 1, ())


def test_the_national_suite_adds_its_signature(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from anju.trust.sealing import ring, sealer

    monkeypatch.setenv("ANJU_SUITE", "national")
    ring.save(ring.rotated(sealer().ring, ("sign",), "national", "2026-03-02"))
    log.record(WORKER, "person.read", AT)
    ledger.sequence_all()
    signed = ledger.checkpoint(AT + timedelta(days=1))
    assert len(signed.signatures) == 3
    national = [v for v in log_keys.verifiers() if v.kind == checkpoints.SM2]
    assert national
    assert all(signed.signed_by(v) for v in national)
    assert log_verifying.verify().holds


def test_a_lost_published_line_is_no_alarm_but_a_lost_file_is_rebuilt(kept: None, own_home: Path) -> None:
    history = own_home / "log" / "checkpoints.txt"
    history.write_bytes(history.read_bytes()[:-20])
    assert log_verifying.verify().holds
    shutil.rmtree(own_home / "log")
    ledger.checkpoint(AT)
    assert [n.checkpoint.size for n in log_published.published()] == [700]


def test_a_restored_log_goes_on_and_says_what_is_lost(kept: None, own_home: Path) -> None:
    """Backed up at 700, lost at 800: the copy is proven, the loss is an entry, and verification holds again."""
    head = keeping.head()
    assert head == {"size": 700, "root": ledger.tree().root().hex()}
    point = transaction.savepoint()
    log.record_many([entry(n) for n in range(700, 800)])
    ledger.sequence_all()
    ledger.checkpoint(AT + timedelta(minutes=900))
    transaction.savepoint_rollback(point)  # the database of the backup; the files have seen 800
    assert {f.code for f in log_verifying.verify().findings} == {"log.cut", "log.checkpoint_removed"}
    keeping.prove_restored(head)
    ledger.sequence_all()
    ledger.checkpoint(AT + timedelta(minutes=901))
    assert log_verifying.verify() == Report(701, len(SIZES) + 1, ())
    assert log_queries.entries(1)[0].entry.detail == {"size": 700, "published": 800}


def test_a_new_witness_takes_over_and_the_former_is_not_forgotten(kept: None, own_home: Path) -> None:
    (own_home / "keys" / "witness.json").unlink()
    ledger.checkpoint(AT + timedelta(days=2))
    assert len(log_published.witness_verifiers()) == 2
    assert log_verifying.verify().holds
