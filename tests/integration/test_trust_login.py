"""The door: passwords, second factors, passkeys, a national login from a real local provider, recovery, lockout."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData
from pytest_django import Settings

from anju.kernel.identifiers import citizen_check
from anju.kernel.refusal import Refusal
from anju.trust.access import system
from anju.trust.sealing import sealer
from anju.trust.store import access_actions, account_actions, ledger, log_queries
from anju.trust.store.models import Account, Assignment
from anju.web.account import adapters, passwords

BY, AT = system("test"), datetime(2026, 3, 1, 8, tzinfo=UTC)
PASSWORD = "a river runs by the old station"
NUMBER = "99010119900101123"
NUMBER += citizen_check(NUMBER)


@pytest.fixture(autouse=True)
def own(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    monkeypatch.setenv("ANJU_HOME", str(tmp_path))
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # fast; strength is not what is tested
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()
    account_actions.own_password(
        account_actions.make_account("lihua", PASSWORD, by=BY, at=AT, email="lihua@example.org")
    )
    access_actions.grant_role("lihua", "station_worker", "990102", by=BY, at=AT)
    yield
    cache.clear()


def enter(client: Client, name: str = "lihua", password: str = PASSWORD, **more: str):  # type: ignore[no-untyped-def]
    where = more.pop("where", "192.0.2.1")
    form = {"login": name, "password": password, **more}
    return client.post("/account/login/", form, REMOTE_ADDR=where)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_password_login_is_told_to_the_log_and_leads_nowhere_else() -> None:
    client = Client()
    assert enter(client, next="https://evil.example/").headers["Location"] == "/"
    assert is_in(client)
    left = client.post("/account/logout/")
    assert left.status_code == 302
    assert left["Clear-Site-Data"] == '"cache", "storage"'
    assert not is_in(client)
    ledger.sequence_all()
    assert [e.entry.action for e in log_queries.entries(1)] == ["account.login"]


def test_a_first_password_is_changed_by_its_owner_or_ends() -> None:
    now = timezone.now()
    account_actions.set_password("lihua", PASSWORD, by=BY, at=now - timedelta(days=6))
    client = Client()
    assert enter(client).headers["Location"] == "/account/password/change/"
    assert "初始密码" in client.get("/account/password/change/").content.decode()
    own = "a lantern above the ferry steps"
    client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": own, "password2": own})
    assert Account.objects.get(username="lihua").first_password_until is None
    assert enter(Client(), password=own).headers["Location"] == "/"
    account_actions.set_password("lihua", PASSWORD, by=BY, at=now - timedelta(days=7, seconds=1))
    late = Client()
    enter(late)
    assert not is_in(late)


@pytest.mark.parametrize(
    "weak",
    ["password1234", "anju-demo-2026", "yunjinqu20261122", "云津区2026居住证", "lihua-lihua-lihua", "qwertyuiop123", "111111111111",
     "station.officer.2026", "shequ fuwuzhan 123"],
)  # fmt: skip
def test_a_password_made_of_common_or_local_words_is_refused(weak: str) -> None:
    with pytest.raises(Refusal, match="weak_password"):
        account_actions.set_password("lihua", weak, by=BY, at=AT)


def test_a_leaked_password_is_refused_and_a_list_that_cannot_be_read_lets_none_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaked = [f"leaked words number {n} here" for n in range(500)]
    lines = sorted(hashlib.sha1(p.encode(), usedforsecurity=False).hexdigest().upper() for p in leaked)
    path = tmp_path / "leaked.txt"
    path.write_text("".join(f"{line}:{n}\n" for n, line in enumerate(lines)))
    assert all(passwords.is_listed(path, p) for p in leaked)
    assert not any(passwords.is_listed(path, p + "x") for p in leaked)
    monkeypatch.setenv("ANJU_BREACHED", str(path))
    with pytest.raises(Refusal, match="weak_password"):
        account_actions.set_password("lihua", leaked[7], by=BY, at=AT)
    account_actions.set_password("lihua", PASSWORD, by=BY, at=AT)
    monkeypatch.setenv("ANJU_BREACHED", str(tmp_path / "gone.txt"))
    with pytest.raises(FileNotFoundError):
        account_actions.set_password("lihua", PASSWORD, by=BY, at=AT)


def test_wrong_passwords_are_refused_without_telling_who_exists() -> None:
    client = Client()
    known = enter(client, password="wrong wrong wrong").content.decode()
    unknown = enter(client, "nobody", "wrong wrong wrong").content.decode()
    assert not is_in(client)
    told = [re.findall(r"alert[^>]*>(.*?)</", page, re.S) for page in (known, unknown)]
    assert told[0] == told[1]
    assert client.get("/account/signup/").status_code == 200
    assert not client.post("/account/signup/", {"username": "me", "password1": PASSWORD, "password2": PASSWORD}).wsgi_request.user.is_authenticated  # fmt: skip
    assert not Account.objects.filter(username="me").exists()


def test_a_lockout_holds_where_the_failures_came_from_and_nowhere_else() -> None:
    attacker, owner = Client(), Client()
    for _ in range(6):
        enter(attacker, password="wrong wrong wrong", where="198.51.100.7")
    enter(attacker, where="198.51.100.7")
    assert not is_in(attacker)  # even the right password: this place is locked
    enter(owner, where="192.0.2.1")
    assert is_in(owner)


def test_one_place_cannot_try_many_accounts() -> None:
    client = Client()
    for number in range(31):
        enter(client, f"account{number}", "wrong wrong wrong", where="198.51.100.8")
    enter(client, where="198.51.100.8")
    assert not is_in(client)


def test_a_demo_account_opens_only_in_the_demo(settings: Settings) -> None:
    settings.DEMO = True
    account_actions.make_demo_accounts("", by=BY, at=AT)
    password = account_actions.demo_accounts()["password"]
    page = Client().get("/account/login/").content.decode()
    assert "demo-station" in page
    inside = Client()
    enter(inside, "demo-station", password)
    assert is_in(inside)
    settings.DEMO = False
    outside = Client()
    enter(outside, "demo-station", password)
    assert not is_in(outside)
    assert "demo-station" not in outside.get("/account/login/").content.decode()


def test_staff_set_up_a_second_factor_and_need_it_at_the_next_login() -> None:
    client = Client()
    enter(client)
    refused = client.get("/account/approvals/")
    assert refused.headers["Location"].startswith("/account/second-factor/")
    assert client.get(refused.headers["Location"]).status_code == 200
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert "data:image/svg+xml" in page.content.decode()
    assert client.post("/account/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert client.post("/account/2fa/totp/activate/", {"code": code_of(secret)}).status_code == 302
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert sealer().open(bytes.fromhex(stored)) == secret

    again = Client()
    assert enter(again).headers["Location"] == "/account/2fa/authenticate/"
    assert not is_in(again)
    cache.clear()  # the code above counts as used for half a minute
    assert again.post("/account/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302
    assert again.get("/account/approvals/").status_code == 200
    replay = Client()
    enter(replay)
    replay.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_in(replay)

    spare = Authenticator.objects.get(type="recovery_codes").wrap().generate_codes()[0]
    lost = Client()
    enter(lost)
    lost.post("/account/2fa/authenticate/", {"code": spare})
    assert lost.get("/account/approvals/").status_code == 200


@dataclass
class Passkey:
    """A software authenticator: one key pair, no attestation, user verified."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = b"0123456789abcdef"
    user: bytes = b""
    counter: int = 0

    def _data(self, kind: AuthenticatorData.FLAG, credential: bytes = b"") -> AuthenticatorData:
        self.counter += 1
        flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | kind
        return AuthenticatorData.create(
            hashlib.sha256(b"testserver").digest(), flags, self.counter, credential
        )

    def register(self, options: dict) -> str:  # type: ignore[type-arg]
        told = options["publicKey"]
        self.user = websafe_decode(told["user"]["id"])
        client = CollectedClientData.create("webauthn.create", told["challenge"], "http://testserver")
        public = ES256.from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(bytes(16), self.id, public)
        made = AttestationObject.create("none", self._data(AuthenticatorData.FLAG.AT, credential), {})
        return self._answer(
            {"clientDataJSON": websafe_encode(client), "attestationObject": websafe_encode(made)}
        )

    def answer(self, options: dict) -> str:  # type: ignore[type-arg]
        client = CollectedClientData.create(
            "webauthn.get", options["publicKey"]["challenge"], "http://testserver"
        )
        data = self._data(AuthenticatorData.FLAG(0))
        signed = self.key.sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signed),
                "userHandle": websafe_encode(self.user),
            }
        )

    def _answer(self, response: dict[str, str]) -> str:
        told = {"type": "public-key", "id": websafe_encode(self.id), "rawId": websafe_encode(self.id)}
        return json.dumps(
            told | {"response": response, "clientExtensionResults": {"credProps": {"rk": True}}}
        )


def test_a_passkey_is_added_and_opens_the_door_alone() -> None:
    client, passkey = Client(), Passkey()
    enter(client)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    options = client.get("/account/2fa/webauthn/add/").context["js_data"]["creation_options"]
    added = client.post(
        "/account/2fa/webauthn/add/",
        {"name": "phone", "passwordless": "on", "credential": passkey.register(options)},
    )
    assert added.status_code == 302
    assert Authenticator.objects.filter(type="webauthn").count() == 1

    def open_with(key: Passkey) -> Client:
        fresh = Client()
        asked = fresh.get(
            "/account/2fa/webauthn/login/", headers={"x-requested-with": "XMLHttpRequest"}
        ).json()
        key.user = passkey.user
        fresh.post("/account/2fa/webauthn/login/", {"credential": key.answer(asked["request_options"])})
        return fresh

    opened = open_with(passkey)
    assert is_in(opened)
    assert opened.get("/account/approvals/").status_code == 200
    assert not is_in(open_with(Passkey()))


def test_sessions_are_listed_and_can_be_ended() -> None:
    phone, desk = Client(), Client()
    enter(phone)
    enter(desk)
    page = desk.get("/account/sessions/")
    assert page.status_code == 200
    assert len(page.context["sessions"]) == 2
    tablet = Client()
    enter(tablet)
    one = next(s.pk for s in page.context["sessions"] if s.session_key == phone.session.session_key)
    account_actions.make_account("other", PASSWORD, by=BY, at=timezone.now())
    stranger = Client()
    enter(stranger, "other")
    assert stranger.post(f"/account/sessions/{one}/end/").status_code == 404
    assert phone.get("/account/").status_code == 200
    assert desk.post(f"/account/sessions/{one}/end/").status_code == 302
    assert phone.get("/account/").status_code == 302
    assert tablet.get("/account/").status_code == 200
    desk.post("/account/sessions/", {})
    assert tablet.get("/account/").status_code == 302
    assert desk.get("/account/").status_code == 200


def test_a_forgotten_password_is_recovered_by_mail_and_ends_old_sessions() -> None:
    old, fresh = Client(), Client()
    enter(old)
    for address in ("lihua@example.org", "nobody@example.org"):
        assert fresh.post("/account/password/reset/", {"email": address}).status_code == 302
    to_me = [m for m in mail.outbox if m.to == ["lihua@example.org"]]
    link = re.search(r"http://testserver(/account/password/reset/key/\S+)", to_me[0].body)
    assert link
    step = fresh.get(link[1], follow=True)
    form = step.redirect_chain[-1][0]
    assert fresh.post(form, {"password1": "12345678", "password2": "12345678"}).status_code == 200
    new = "a bridge over the quiet river"
    assert fresh.post(form, {"password1": new, "password2": new}).status_code == 302
    assert old.get("/account/").status_code == 302
    enter(old)
    assert not is_in(old)
    enter(fresh, password=new)
    assert is_in(fresh)
    assert Client().get(link[1], follow=True).status_code == 200  # used up: the page says so


@pytest.fixture
def provider(settings: Settings) -> Iterator[str]:
    """A real OpenID Connect provider on this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        from oidc_provider_mock import User, run_server_in_thread
    claims = [
        User(sub="known", claims={"name": "李华", "citizen_no": NUMBER}),
        User(sub="stranger", claims={"name": "王芳"}),
    ]
    with run_server_in_thread(user_claims=claims) as server:
        app = {
            "provider_id": "national",
            "name": "国家政务服务",
            "client_id": "anju",
            "secret": "secret",
            "settings": {"server_url": f"http://localhost:{server.server_port}"},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        yield "national"


def national(client: Client, sub: str, *, spoil: str = "") -> None:
    sent = client.post("/account/oidc/national/login/").headers["Location"]
    if spoil == "nonce":  # somebody else's answer, asked for elsewhere
        sent = re.sub(r"nonce=\w+", "nonce=" + "0" * 64, sent)
    answer = httpx.post(sent, data={"sub": sub}, follow_redirects=False).headers["Location"]
    query = {k: v[0] for k, v in parse_qs(urlsplit(answer).query).items()}
    if spoil == "state":
        query["state"] = "x" + query["state"][1:]
    client.get(urlsplit(answer).path, query)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_national_login_finds_ones_own_file(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        adapters.register, "find_by_number", lambda n: ("0000000000001",) if n == NUMBER else ()
    )
    assert "国家政务服务" in Client().get("/account/login/").content.decode()
    for _ in range(2):  # the first login makes the account, the second finds it
        client = Client()
        national(client, "known")
        assert is_in(client)
    held = Assignment.objects.get(role="resident")
    assert held.person_code == "0000000000001"
    assert NUMBER not in json.dumps([dict(s) for s in held.account.socialaccount_set.values()], default=str)
    assert "李华" not in held.account.get_full_name()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("sub", "spoil"), [("stranger", ""), ("known", "state"), ("known", "nonce")])
def test_a_stranger_or_a_forged_answer_stays_outside(
    provider: str, monkeypatch: pytest.MonkeyPatch, sub: str, spoil: str
) -> None:
    monkeypatch.setattr(
        adapters.register, "find_by_number", lambda n: ("0000000000001",) if n == NUMBER else ()
    )
    client = Client()
    national(client, sub, spoil=spoil)
    assert not is_in(client)
    assert not Assignment.objects.filter(role="resident").exists()


def test_pages_of_those_logged_in_are_kept_by_no_browser(settings: Settings) -> None:
    settings.DEMO = True
    client = Client()
    client.force_login(
        Account.objects.create(username="kiosk", is_demo=True), backend=settings.AUTHENTICATION_BACKENDS[0]
    )
    assert client.get("/account/")["Cache-Control"] == "no-store"
    assert "no-store" not in Client().get("/").headers.get("Cache-Control", "")


def test_behind_https_cookies_and_transport_are_strict() -> None:
    """The settings are read anew, as a server behind a proxy that ends TLS reads them."""
    look = (
        "import json; from django.conf import settings as s; print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME,"
        " s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS, s.SECURE_HSTS_INCLUDE_SUBDOMAINS]))"
    )
    told = {**os.environ, "ANJU_HTTPS": "1", "DATABASE_URL": "postgresql://nobody@db.invalid/anju"}
    done = subprocess.run([sys.executable, "-c", look], env=told, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["__Host-session", "__Host-form", True, True, 365 * 24 * 3600, True]
