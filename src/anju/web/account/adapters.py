"""How the login library meets our rules: limits nobody can turn against others, sealed secrets, who may join."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from anju.kernel.identifiers import is_citizen_no
from anju.register.store import queries as register
from anju.trust.access import Actor, system
from anju.trust.sealing import sealer
from anju.trust.store import access_actions, access_queries, account_actions, log
from anju.web.account.national import WithNonce


@receiver(pre_save, sender="socialaccount.SocialAccount")
def keep_no_claims(instance: Any, **_ignored: Any) -> None:
    """What a national login tells about a person is used once and never stored with the account."""
    instance.extra_data = {}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by administrators; failed attempts count per account *and* client."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account by themselves here; a national login may (see NationalLogin)."""
        return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Whoever fails from one place is slowed there; the owner elsewhere is not."""
        return (
            f"{super()._get_login_attempts_cache_key(request, **credentials)}|{self.get_client_ip(request)}"
        )

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The user whose credentials these are; a demo account only while the demo runs, a first password for days."""
        user = super().authenticate(request, **credentials)
        if user is None or (user.is_demo and not settings.DEMO):
            return None
        ends_at = user.first_password_until
        return None if ends_at is not None and ends_at <= timezone.now() else user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A failed attempt on an account that exists is told to the log (no name is kept for others)."""
        account = access_queries.account_of(str(credentials.get("username", "")))
        if account is not None:
            log.record(
                Actor(access_queries.handle(account), "none"),
                "account.login",
                timezone.now(),
                result="refused",
            )

    def set_password(self, user: Any, password: str) -> None:
        """A password the account's owner chose: it does not end."""
        super().set_password(user, password)
        account_actions.own_password(user.pk)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Whoever came in with a password that somebody else gave chooses their own first."""
        if getattr(request.user, "first_password_until", None) is not None:
            messages.info(request, _("这是管理员给的初始密码，几天后失效。请现在换成自己的密码。"))
            return reverse("account_change_password")
        return str(super().get_login_redirect_url(request))

    def login(self, request: HttpRequest, user: Any) -> None:
        """Log in, and tell the log."""
        super().login(request, user)
        log.record(Actor(access_queries.handle(user.pk), "none"), "account.login", timezone.now())


class SecondFactor(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticators are sealed in the database."""

    def encrypt(self, text: str) -> str:
        """Sealed, as hex."""
        return sealer().seal(text).hex()

    def decrypt(self, encrypted_text: str) -> str:
        """Opened."""
        return sealer().open(bytes.fromhex(encrypted_text))


class NationalLogin(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """OpenID Connect: a resident joins with the national or city login and finds their own file."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """The provider, asking with a nonce."""
        found = super().get_provider(request, provider, client_id=client_id)
        found.oauth2_adapter_class = WithNonce
        return found

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """A login that proves a citizen number the register knows makes a resident's account; others do not."""
        return bool(self._codes(sociallogin))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """No form to fill in: the account has no name or address of its own."""
        return True

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        """Nothing of the person is copied into the account."""
        user = sociallogin.user
        user.username = f"oidc-{sociallogin.account.provider}-{sociallogin.account.uid}"[:150]
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """The account, and its role: resident, of exactly the person whose number was proven."""
        (code,) = self._codes(sociallogin)
        user = super().save_user(request, sociallogin, form)
        access_actions.grant_role(
            user.username, "resident", "", by=system("national login"), at=timezone.now(), person_code=code
        )
        return user

    def _codes(self, sociallogin: Any) -> tuple[str, ...]:
        told = sociallogin.account.extra_data or {}
        claims = {**(told.get("id_token") or {}), **(told.get("userinfo") or {}), **told}
        number = str(claims.get(settings.NUMBER_CLAIM, "")).upper()
        found = register.find_by_number(number) if is_citizen_no(number) else ()
        return tuple(found) if len(found) == 1 else ()
