"""How the login library meets our rules: limits nobody can turn against others, sealed secrets, who may join."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from anju.kernel.identifiers import is_citizen_no
from anju.register.store import queries as register
from anju.trust.access import Actor, system
from anju.trust.sealing import sealer
from anju.trust.store import access_actions, access_queries, log


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
        """The user whose credentials these are; a demo account only while the demo runs."""
        user = super().authenticate(request, **credentials)
        return None if user is not None and user.is_demo and not settings.DEMO else user

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
