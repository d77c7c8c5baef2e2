"""A national or city login, bound to this browser twice: by state and proof key, and by a nonce in its identity token."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from hmac import compare_digest
from typing import Any

from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse


def nonce_of(challenge: bytes) -> str:
    """The nonce that belongs to a proof key: as fresh as the key, which the browser's session keeps."""
    return hashlib.sha256(b"anju nonce " + challenge).hexdigest()


class Asking(OAuth2Client):  # type: ignore[misc]
    """Sends the nonce along."""

    def get_redirect_url(self, authorization_url: str, scope: Any, extra_params: dict[str, Any]) -> str:
        """Where the browser goes to log in."""
        challenge = extra_params.get("code_challenge", b"")
        if not challenge:
            raise OAuth2Error("proof keys are switched off; without one there is no login")
        asked = extra_params | {"nonce": nonce_of(challenge)}
        return str(super().get_redirect_url(authorization_url, scope, asked))


class WithNonce(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Takes an identity token only when it was made for the question this browser asked."""

    client_class = Asking

    def get_access_token_data(
        self,
        request: HttpRequest,
        app: SocialApp,
        client: OAuth2Client,
        pkce_code_verifier: str | None = None,
    ) -> Any:
        """The provider's answer to the code; the nonce it must carry is remembered."""
        self.nonce = nonce_of(_challenge(pkce_code_verifier or ""))
        return super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> Any:
        """Raises OAuth2Error without an identity token: then nothing says for whom the answer was made."""
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("no identity token")
        return super().complete_login(request, app, token, **kwargs)

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        claims: dict[str, Any] = super()._decode_id_token(app, id_token)
        if not compare_digest(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("the identity token answers another question")
        return claims


def _challenge(verifier: str) -> bytes:
    """The challenge of a proof key (RFC 7636, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")


def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the national login and back."""
    return _view(OAuth2LoginView, request, provider_id)


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the national login."""
    return _view(OAuth2CallbackView, request, provider_id)


def _view(kind: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        answer: HttpResponse = kind.adapter_view(WithNonce(request, provider_id))(request)
    except SocialApp.DoesNotExist as unknown:
        raise Http404 from unknown
    return answer
