"""Departments' own systems hear of notices: signed, named, tried again, never where the deployment does not let them go."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core import mail
from django.test import Client

from anju.exchange import notices
from anju.exchange.doors import webhooks
from anju.exchange.store import notice_actions, notice_delivery, notice_queries
from anju.exchange.store.models import Batch, Contact, Delivery, HeldRow, Notice
from anju.kernel.refusal import Refusal
from anju.kernel.wording import explain
from anju.trust.access import Actor, system

pytestmark = pytest.mark.django_db
BY = system("test")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Receiver(ThreadingHTTPServer):
    """A department's system: what it was sent, and what it answers next."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes, str]] = []
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook?token=secret"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append(({k.lower(): v for k, v in self.headers.items()}, body, self.path))
        status = server.answers.pop(0) if server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("ANJU_WEBHOOK_NETWORKS", "127.0.0.1/32")
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def held(at: datetime = AT, name: str = "a") -> None:
    batch = Batch.objects.create(
        id=f"police_residence-{name}", dataset="police_residence", sha256=name * 64, file_name="x.csv", format="csv",
        sent_on=at.date(), accepted_at=at, accepted_by="client:x", contract_version="1", path="x", headers=[], rows_read=10,
        rows_accepted=9, rows_held=1, fields={},
    )  # fmt: skip
    HeldRow.objects.create(
        batch=batch, dataset=batch.dataset, row_no=2, record_id=7, faults=[["姓名", "empty"]], since=at
    )


def verify(got: tuple[dict[str, str], bytes, str], keys: list[dict[str, str]], now: float) -> str:
    """As a receiver would, from the how-to alone. Returns the name."""
    headers, body, _path = got
    name, second = headers["webhook-id"], headers["webhook-timestamp"]
    assert abs(now - int(second)) <= 300
    kind, _, raw = headers["webhook-signature"].partition(",")
    assert kind == "v1a"
    public = next(k["public"] for k in keys if k["key"] == headers["webhook-key"])
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    key.verify(base64.b64decode(raw), f"{name}.{second}.".encode() + body)
    return name


def test_a_system_is_told_signed_and_everybody_else_of_the_department_too(receiver: Receiver) -> None:
    for address, language in (
        (receiver.url, "en"),
        ("records@police.test", "zh"),
        ("chief@police.test", "zh"),
    ):
        notice_actions.set_contact("police", address, language=language, by=BY, at=AT)
    held()
    notice_actions.collect(AT)
    assert notice_delivery.deliver(AT) == {"sent": 3, "put_off": 0, "failed": 0, "nobody": 0}
    assert sorted(m.to[0] for m in mail.outbox) == ["chief@police.test", "records@police.test"]
    (got,) = receiver.got
    keys = Client().get("/api/keys").json()["keys"]
    verify(got, keys, AT.timestamp())
    headers, body, path = got
    assert path == "/hook?token=secret"
    with pytest.raises(InvalidSignature):
        verify((headers, body.replace(b"held", b"hold"), path), keys, AT.timestamp())
    with pytest.raises(InvalidSignature):
        verify(
            (headers | {"webhook-timestamp": str(int(AT.timestamp()) + 1)}, body, path), keys, AT.timestamp()
        )
    told = json.loads(body)
    assert told.keys() == {"kind", "department", "made_at", "subject", "text", "facts"}
    assert told["facts"].keys() == set(notices.FACTS["held"])
    assert told["facts"]["held"] == 1
    assert "did not pass" in told["text"]
    shown = notice_queries.contacts("police")[0]
    assert (shown.way, shown.address) == ("webhook", receiver.url.partition("?")[0])
    assert "secret" not in repr(notice_queries.list_notices().rows)
    assert notice_delivery.deliver(AT + timedelta(hours=1))["sent"] == 0


def test_it_is_tried_again_under_its_name_and_a_lost_try_too(receiver: Receiver) -> None:
    notice_actions.set_contact("police", receiver.url, by=BY, at=AT)
    held()
    held(name="b")
    notice_actions.collect(AT)
    receiver.answers = [500]
    assert notice_delivery.deliver(AT)["put_off"] == 1
    assert len(receiver.got) == 1, "who does not answer is asked once a round"
    receiver.answers = [302, 204]
    at = AT + notices.plan().again[0]
    notice_delivery.deliver(at)
    assert [d.trouble for d in Delivery.objects.exclude(trouble="")][:1] in (["HTTP 302"], ["HTTP 500"])
    at += timedelta(hours=3)
    notice_delivery.deliver(at)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    paths = {path for _headers, _body, path in receiver.got}
    assert paths == {"/hook?token=secret"}, "a redirect is not followed"
    names = [headers["webhook-id"] for headers, _body, _path in receiver.got]
    assert (len(set(names)), len(names)) == (2, 4)
    # Killed while it was sent: the other side knows the name, so it is simply sent again.
    Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(state="sending", tried_at=at)
    notice_delivery.deliver(at + timedelta(minutes=5))
    assert len(receiver.got) == 4
    notice_delivery.deliver(at + timedelta(hours=1))
    assert (len(receiver.got), len({h["webhook-id"] for h, _b, _p in receiver.got})) == (5, 2)


def test_a_system_that_is_gone_is_given_up_and_can_be_sent_again(receiver: Receiver) -> None:
    notice_actions.set_contact("police", receiver.url, by=BY, at=AT)
    held()
    notice_actions.collect(AT)
    receiver.answers, at = [503] * 9, AT
    for again in notices.plan().again:
        assert notice_delivery.deliver(at)["put_off"] == 1
        at += again
    assert notice_delivery.deliver(at)["failed"] == 1
    assert notice_queries.unheard() == {"nobody": 0, "failed": 1, "uncertain": 0}
    receiver.answers = []
    (line,) = notice_queries.list_notices().rows
    assert line.deliveries[0].trouble == "HTTP 503"
    notice_delivery.send_again(line.deliveries[0].id, by=BY, at=at)
    assert notice_delivery.deliver(at)["sent"] == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/x", "private_address"),
        ("https://10.1.2.3/x", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://[::1]/x", "private_address"),
        ("https://[::ffff:192.168.0.1]/x", "private_address"),
        ("https://[64:ff9b::a00:1]/x", "private_address"),
        ("https://[2002:a00:1::]/x", "private_address"),
        ("https://0.0.0.0/x", "private_address"),
        ("https://2130706433/x", "private_address"),
        ("https://224.0.0.1/x", "private_address"),
        ("https://localhost/x", "private_address"),
        ("http://93.184.215.14/x", "no_webhook"),
        ("https://me:secret@93.184.215.14/", "no_webhook"),
        ("https://93.184.215.14/#x", "no_webhook"),
        ("https://93.184.215.14:99999/", "no_webhook"),
        ("ftp://93.184.215.14/", "no_webhook"),
        ("https:///x", "no_webhook"),
        ("https://93.184.215.14/\r\nHost: x", "no_webhook"),
    ],
)
def test_where_notices_may_not_go_nobody_can_send_them(url: str, code: str) -> None:
    with pytest.raises(Refusal, match=code) as no:
        notice_actions.set_contact("police", url, by=BY, at=AT)
    assert "{" not in explain(no.value, "zh") + explain(no.value, "en")
    assert not Contact.objects.exists()


def test_a_name_that_leads_elsewhere_later_is_not_followed_there(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice_actions.set_contact("police", receiver.url, by=BY, at=AT)
    monkeypatch.setenv("ANJU_WEBHOOK_NETWORKS", "10.0.0.0/8")
    held()
    notice_actions.collect(AT)
    assert notice_delivery.deliver(AT)["put_off"] == 1
    assert (receiver.got, Delivery.objects.get().trouble) == ([], "notices.private_address")
    place = webhooks.find("https://93.184.215.14/")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("the name is looked up once"))
    asked: list[Any] = []

    def refused(where: Any, patience: float) -> Any:
        asked.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refused)
    with pytest.raises(webhooks.NotTakenError):
        webhooks.post(place, b"{}", {})
    assert asked == [("93.184.215.14", 443)]


def test_over_https_a_certificate_nobody_vouches_for_ends_it(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
    )
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(pem + secret)
    sealed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    sealed.load_cert_chain(tmp_path / "both.pem")
    receiver.socket = sealed.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
    monkeypatch.setenv("ANJU_WEBHOOK_NETWORKS", "127.0.0.0/8,::1/128")
    place = webhooks.find(f"https://localhost:{receiver.server_port}/hook")
    with pytest.raises(webhooks.NotTakenError, match="SSLCertVerificationError|ConnectionRefusedError"):
        webhooks.post(place, b"{}", {})
    assert receiver.got == []
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    webhooks.post(place, b"{}", {})
    assert len(receiver.got) == 1
    wrong = webhooks.find(f"https://127.0.0.1:{receiver.server_port}/hook")
    with pytest.raises(webhooks.NotTakenError):
        webhooks.post(wrong, b"{}", {})


def test_whoever_answers_a_letter_at_a_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_WEBHOOK_NETWORKS", "127.0.0.1/32")
    monkeypatch.setattr(webhooks, "PATIENCE", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            link, _ = server.accept()
            with link, contextlib.suppress(OSError):
                while not stop.wait(0.1):
                    link.sendall(b"H")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(webhooks.NotTakenError):
            webhooks.post(webhooks.find(f"http://127.0.0.1:{server.getsockname()[1]}/"), b"{}", {})
        assert time.monotonic() - begun < 5
        stop.set()
        thread.join()


def test_contacts_are_added_beside_each_other_and_removed(receiver: Receiver) -> None:
    notice_actions.set_contact("police", receiver.url, by=BY, at=AT)
    notice_actions.set_contact("police", "a@police.test", by=BY, at=AT)
    notice_actions.set_contact("police", "a@police.test", language="en", by=BY, at=AT)
    assert [(c.way, c.language) for c in notice_queries.contacts()] == [("webhook", "zh"), ("mail", "en")]
    held()
    notice_actions.collect(AT)
    receiver.answers = [500]
    notice_delivery.deliver(AT)
    hook = notice_queries.contacts()[0]
    other = Actor("h", "department_officer", "*", department="hrss")
    with pytest.raises(Refusal, match="other_department"):
        notice_actions.remove_contact(hook.id, by=other, at=AT)
    notice_actions.remove_contact(hook.id, by=BY, at=AT)
    notice_delivery.deliver(AT + timedelta(days=1))
    assert (len(receiver.got), [d.way for d in Delivery.objects.all()]) == (1, ["mail"])
    assert Notice.objects.count() == 1
    with pytest.raises(Refusal, match="no_contact"):
        notice_actions.remove_contact(hook.id, by=BY, at=AT)
