"""The HTTP push: idempotent, resumable, the same checks and the same batch as a file; receipts that verify offline."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client

from anju.exchange.doors import receipts, tokens
from anju.exchange.store import client_actions
from anju.exchange.store.models import Batch, ClientKey, HeldRow, Upload
from anju.kernel.refusal import Refusal
from anju.trust.sealing import sealer
from anju.trust.sealing.suites import INTERNATIONAL
from anju.trust.store import ledger, log_queries
from anju.web.shell.whole import whole

sys.path.insert(0, str(Path(__file__).parent))
from doors_at import SECOND, Machine, made
from intake_files import as_csv, people, person

pytestmark = pytest.mark.django_db
URL = "/api/exchange/batches?dataset=police_residence"


def ndjson(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in rows).encode()


def arrow(rows: list[dict[str, Any]], options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    table, out = pa.Table.from_pylist(rows), io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=7)
    return out.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def entries() -> list[tuple[str, str, str]]:
    ledger.sequence_all()
    return [(e.entry.account, e.entry.action, e.entry.result) for e in log_queries.entries(20)]


@pytest.mark.parametrize(
    ("kind", "made_of"),
    [
        ("text/csv", as_csv),
        ("application/x-ndjson", ndjson),
        ("application/vnd.apache.arrow.stream", arrow),
        ("application/vnd.apache.parquet", parquet),
    ],
)
def test_a_batch_in_every_form_is_taken_in_like_a_file(kind: str, made_of: Any) -> None:
    door = Machine(made())
    body = made_of([*people(20), person(21, 出生日期="not a day")])
    told = door.post(URL, body, kind, Idempotency_Key="first-20").json()
    assert (told["rows_read"], told["rows"], told["held"], told["new"]) == (21, 20, 1, True)
    held = door.get(told["held_rows"]).json()["rows"]
    assert held[0]["faults"][0]["code"] == "date"
    assert held[0]["faults"][0]["remedy"]["en"]
    receipt = json.dumps(told["receipt"])
    stated = receipts.verified(receipt, receipts.public_keys(sealer().ring))
    assert stated["sha256"] == hashlib.sha256(body).hexdigest()
    with pytest.raises(Refusal, match="receipt_changed"):
        receipts.verified(receipt.replace('"rows": 20', '"rows": 21'), receipts.public_keys(sealer().ring))
    assert ("client:police-sync", "exchange.send", "done") in entries()


def test_the_same_key_is_answered_the_same_and_never_used_twice() -> None:
    door = Machine(made())
    one, two = as_csv(people(5)), as_csv(people(6))
    first = door.post(URL, one, "text/csv", Idempotency_Key="key-00001")
    again = door.post(URL, one, "text/csv", Idempotency_Key="key-00001")
    assert first.json() == again.json()
    other = door.post(URL, two, "text/csv", Idempotency_Key="key-00001")
    assert (other.status_code, other.json()["code"]) == (409, "doors.key_reused")
    assert other.headers["Content-Type"] == "application/problem+json"
    assert Batch.objects.count() == 1
    anew = door.post(URL, one, "text/csv", Idempotency_Key="key-00002").json()
    assert (anew["new"], anew["batch"]) == (False, first.json()["batch"])


def test_content_is_checked_against_its_digest_and_its_kind() -> None:
    door, body = Machine(made()), as_csv(people(3))
    good = base64.b64encode(hashlib.sha256(body).digest()).decode()
    wrong = door.post(
        URL, body + b"x", "text/csv", Idempotency_Key="key-00001", Content_Digest=f"sha-256=:{good}:"
    )
    assert wrong.json()["code"] == "doors.digest_differs"
    assert door.post(URL, body, "image/png", Idempotency_Key="key-00001").status_code == 415
    assert door.post(URL, body, "text/csv", Idempotency_Key="short").json()["code"] == "doors.key_missing"
    assert door.post(URL, body, "text/csv").json()["code"] == "doors.key_missing"
    packed = door.post(URL, arrow(people(3), pa.ipc.IpcWriteOptions(compression="zstd")),
                       "application/vnd.apache.arrow.stream", Idempotency_Key="key-00001")  # fmt: skip
    assert packed.json()["code"] == "intake.arrow_compressed"
    header = as_csv(people(1)).splitlines(keepends=True)[0]
    assert door.post(URL, header, "text/csv", Idempotency_Key="key-00001").json()["code"] == "intake.empty"
    assert not Batch.objects.exists()
    fine = door.post(URL, body, "text/csv", Idempotency_Key="key-00001", Content_Digest=f"sha-256=:{good}:")
    assert fine.status_code == 200


def test_a_request_that_breaks_off_leaves_nothing() -> None:
    door, body = Machine(made()), as_csv(people(30))
    headers = {f"HTTP_{k.upper()}": v for k, v in door.headers.items()}
    lines = body.splitlines(keepends=True)
    half = b"".join(lines[:10])  # ends with a whole row: nothing in it tells that something is missing

    def sent(stream: io.BytesIO, **environ: str) -> Any:
        asked = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/api/exchange/batches", "QUERY_STRING": "dataset=police_residence",
            "CONTENT_TYPE": "text/csv", "HTTP_IDEMPOTENCY_KEY": "broken-off", "wsgi.input": stream,
            "SERVER_NAME": "testserver", "SERVER_PORT": "80", "wsgi.url_scheme": "http", **headers, **environ,
        }  # fmt: skip
        answer: Any = whole(lambda environ, _start: door.client.handler(environ))(asked, print)
        return answer.status_code, json.loads(answer.content)

    status, told = sent(io.BytesIO(half), CONTENT_LENGTH=str(len(body)))
    assert (status, told["code"]) == (400, "doors.cut_off")
    status, told = sent(io.BytesIO(half), HTTP_TRANSFER_ENCODING="chunked")
    assert (status, told["code"]) == (411, "doors.length_missing")
    assert not Batch.objects.exists()
    status, told = sent(io.BytesIO(body + b"more of the next request"), CONTENT_LENGTH=str(len(body)))
    assert (status, told["rows"]) == (200, 30)


def test_what_lies_ahead_is_not_a_day_of_sending() -> None:
    door, body = Machine(made()), as_csv(people(3))
    ahead = f"{URL}&day={datetime.now(UTC).date() + timedelta(days=3)}"
    assert door.post(ahead, body, "text/csv", Idempotency_Key="key-00001").json()["code"] == "doors.day_ahead"
    assert not Batch.objects.exists()


def test_a_file_in_parts_goes_on_where_it_was_after_either_side_died() -> None:
    door, body = Machine(made()), as_csv([*people(400), person(401, 姓名="")])
    asked = {
        "dataset": "police_residence", "content_type": "text/csv", "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    begun = door.post("/api/exchange/uploads", asked).json()
    url, half = f"/api/exchange/uploads/{begun['upload']}", len(body) // 2
    assert door.put(f"{url}/part?offset=0", body[:half]).json()["received"] == half
    # The next part reaches the disk, and the server dies before it counts.
    from anju.exchange.store import push_actions

    waiting = next(push_actions.folder().glob(f"{begun['upload'].replace('-', '')}*"))
    with waiting.open("ab") as stream:
        stream.write(b"half a par")
    # The client has forgotten everything and begins again: the same upload, and how much of it is here.
    again = door.post("/api/exchange/uploads", asked).json()
    assert (again["upload"], again["received"]) == (begun["upload"], half)
    ahead = door.put(f"{url}/part?offset={half + 1}", body[half + 1 :])
    assert (ahead.status_code, ahead.json()["offset"]) == (409, half)
    bad = door.put(f"{url}/part?offset={half}", body[half:], Content_Digest="sha-256=:AAAA:")
    assert bad.json()["code"] == "doors.digest_differs"
    assert door.post(f"{url}/finish").json()["code"] == "doors.not_complete"
    digest = base64.b64encode(hashlib.sha256(body[half:]).digest()).decode()
    done = door.put(f"{url}/part?offset={half}", body[half:], Content_Digest=f"sha-256=:{digest}:")
    assert done.json()["received"] == len(body)
    told = door.post(f"{url}/finish").json()
    assert (told["rows"], told["held"], told["receipt"]["sha256"]) == (400, 1, asked["sha256"])
    assert door.post(f"{url}/finish").json()["batch"] == told["batch"]
    # A client that was killed before it saw the answer sends nothing again.
    known = door.post("/api/exchange/uploads", asked).json()
    assert (known["upload"], known["received"], known["batch"]) == (begun["upload"], len(body), told["batch"])
    assert Upload.objects.get().batch == told["batch"]
    other = Machine(made("other-sync"))
    assert other.get(url).status_code == 404


def test_parts_that_were_damaged_can_be_sent_again() -> None:
    door, body = Machine(made()), as_csv(people(30))
    begun = {
        "dataset": "police_residence",
        "content_type": "text/csv",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    at = f"/api/exchange/uploads/{door.post('/api/exchange/uploads', begun).json()['upload']}"
    beyond = door.put(f"{at}/part?offset=0", body + b"more")
    assert (beyond.status_code, beyond.json()["code"]) == (422, "doors.part_beyond")
    assert door.put(f"{at}/part?offset=0", body[::-1]).json()["received"] == len(body)
    assert door.post(f"{at}/finish").json()["code"] == "doors.upload_differs"
    assert door.post("/api/exchange/uploads", begun).json()["received"] == 0
    assert door.put(f"{at}/part?offset=0", body).json()["received"] == len(body)
    assert door.post("/api/exchange/uploads", begun).json()["received"] == len(body)
    assert door.post(f"{at}/finish").json()["rows"] == 30


def test_content_packed_for_the_way_and_digests_of_another_kind_are_told_as_such() -> None:
    door, body = Machine(made()), as_csv(people(3))
    for n, (headers, code) in enumerate(
        (
            ({"Content_Encoding": "gzip"}, "doors.encoded"),
            ({"Content_Digest": "sha-512=:AAAA:"}, "doors.digest_unread"),
            ({"Content_Digest": "sha-256=:???:"}, "doors.digest_unread"),
        )
    ):
        told = door.post(URL, body, "text/csv", Idempotency_Key=f"packed-{n:04d}", **headers)
        assert told.json()["code"] == code
    assert not Batch.objects.exists()


def test_a_system_does_what_its_scope_says_and_nothing_else() -> None:
    door, body = Machine(made()), as_csv(people(3))
    no = door.post(
        "/api/exchange/batches?dataset=hrss_employment", body, "text/csv", Idempotency_Key="key-00001"
    )
    assert (no.status_code, no.json()["code"]) == (403, "doors.dataset_out_of_scope")
    assert ("client:police-sync", "exchange.send", "failed") in entries()
    assert [c["id"] for c in door.get("/api/exchange/contracts").json()["contracts"]] == ["police_residence"]
    told = door.post(URL, body, "text/csv", Idempotency_Key="key-00001").json()
    for stranger in (Machine(made("tax-sync", "9901", "tax", datasets=(), purposes=("tax_service",)), "tax_service"),
                     Machine(made("police-two"))):  # fmt: skip
        assert stranger.get(f"/api/exchange/batches/{told['batch']}").status_code == 404
        assert stranger.get(told["held_rows"]).status_code == 404
    assert door.get("/api/me").json()["scope"]["datasets"] == ["police_residence"]


def test_keys_expire_are_changed_and_revoked() -> None:
    assert Machine(made("waiting", approve=False)).get("/api/me").status_code == 401
    token = made()
    door, now = Machine(token), datetime.now(UTC)
    assert door.get("/api/me").status_code == 200
    newer = client_actions.rotate("police-sync", by=SECOND, at=now)
    assert [Machine(t).get("/api/me").status_code for t in (token, newer)] == [200, 200]
    key = ClientKey.objects.get(id=token.split(".")[1])
    assert key.expires_at == now + client_actions.GRACE
    assert token not in str(list(ClientKey.objects.values()))
    ClientKey.objects.filter(pk=key.pk).update(expires_at=now)
    assert door.get("/api/me").status_code == 401
    client_actions.end_keys("police-sync", by=SECOND, at=now)
    assert Machine(newer).get("/api/me").status_code == 401
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert Machine(wrong).get("/api/me").headers["WWW-Authenticate"] == "Bearer"


def test_a_system_may_sign_instead_of_showing_a_secret() -> None:
    made()
    private, now = b"k" * 32, datetime.now(UTC)
    public = INTERNATIONAL.public(private).hex()
    key = client_actions.add_public_key(
        "police-sync", public, "international", by=SECOND, at=now - timedelta(hours=1)
    )
    soon = int(now.timestamp()) + 120
    good = tokens.assertion(key, soon, "international", private)
    assert Machine(good).get("/api/me").status_code == 200
    for bad in (
        tokens.assertion(key, soon - 300, "international", private),
        tokens.assertion(key, soon + 900, "international", private),
        tokens.assertion(key, soon, "international", b"x" * 32),
        good[:-4] + "AAAA",
    ):
        assert Machine(bad).get("/api/me").status_code == 401


def test_who_made_a_client_cannot_approve_it_nor_reach_beyond_their_place() -> None:
    from anju.exchange.store.client_actions import Scope
    from anju.trust.access import Actor

    now = datetime.now(UTC)
    steward, colleague = (Actor(f"account:{n}", "data_steward", "990102") for n in (1, 2))
    scope = Scope(("police_residence",), ("residence_registration",), bulk=True)
    for region, department, code in (
        ("990103", "police", "out_of_place"),
        ("990102", "tax", "other_departments_dataset"),
        ("x", "police", "no_place"),
    ):
        with pytest.raises(Refusal, match=code):
            client_actions.make_client("one", "one", department, region, scope, by=steward, at=now)
    client_actions.make_client("one", "one", "police", "990102", scope, by=steward, at=now)
    with pytest.raises(Refusal, match="second_person"):
        client_actions.approve_client("one", by=steward, at=now)
    client_actions.approve_client("one", by=colleague, at=now)
    with pytest.raises(Refusal, match="no_client"):
        client_actions.end_client("one", by=Actor("account:3", "data_steward", "990103"), at=now)


def test_a_client_has_its_share_of_requests_a_minute() -> None:
    door = Machine(made(per_minute=3))
    assert [door.get("/api/me").status_code for _ in range(5)] == [200, 200, 200, 429, 429]


def test_a_browsers_session_needs_its_form_token_to_write() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/api/exchange/uploads", {}, content_type="application/json").status_code == 401


def test_a_refused_batch_leaves_nothing_but_its_line_in_the_log() -> None:
    door = Machine(made())
    body = as_csv([person(n, 出生日期="x") for n in range(10)])
    no = door.post(URL, body, "text/csv", Idempotency_Key="key-00001")
    assert (no.status_code, no.json()["code"]) == (422, "intake.too_many_held")
    assert no.json()["zh"]
    assert no.json()["en"]
    assert not Batch.objects.exists()
    assert not HeldRow.objects.exists()
    assert ("client:police-sync", "exchange.send", "failed") in entries()
