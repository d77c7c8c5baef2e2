"""The login library's pages, each named here with its rule: a page that is not listed does not exist."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as social
from allauth.usersessions import views as sessions
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from anju.web.account import national
from anju.web.guard import guard, public

own = guard("account.own")


def logout(request: HttpRequest) -> HttpResponse:
    """Log out; the browser forgets what it kept of these pages."""
    answer: HttpResponse = account.logout(request)
    if request.method == "POST":
        answer["Clear-Site-Data"] = '"cache", "storage"'
    return answer


urlpatterns = [
    path("login/", public(account.login), name="account_login"),
    path("logout/", public(logout), name="account_logout"),
    path("inactive/", public(account.account_inactive), name="account_inactive"),
    path("signup/", public(account.signup), name="account_signup"),
    path("reauthenticate/", own(account.reauthenticate), name="account_reauthenticate"),
    path("password/change/", own(account.password_change), name="account_change_password"),
    path("password/set/", own(account.password_set), name="account_set_password"),
    path("password/reset/", public(account.password_reset), name="account_reset_password"),
    path("password/reset/done/", public(account.password_reset_done), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        public(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        public(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("2fa/", own(mfa.index), name="mfa_index"),
    path("2fa/authenticate/", public(mfa.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", own(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", own(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", own(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/", own(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"
    ),
    path(
        "2fa/recovery-codes/download/", own(codes.download_recovery_codes), name="mfa_download_recovery_codes"
    ),
    path("2fa/webauthn/", own(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", own(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path(
        "2fa/webauthn/reauthenticate/",
        own(passkeys.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("2fa/webauthn/keys/<int:pk>/remove/", own(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/edit/", own(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("2fa/webauthn/login/", public(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("sessions/", own(sessions.list_usersessions), name="usersessions_list"),
    path("social/login/cancelled/", public(social.login_cancelled), name="socialaccount_login_cancelled"),
    path("social/login/error/", public(social.login_error), name="socialaccount_login_error"),
    path("social/signup/", public(social.signup), name="socialaccount_signup"),
    path("social/", own(social.connections), name="socialaccount_connections"),
    path("oidc/<slug:provider_id>/login/", public(national.login), name="openid_connect_login"),
    path(
        "oidc/<slug:provider_id>/login/callback/", public(national.callback), name="openid_connect_callback"
    ),
]
