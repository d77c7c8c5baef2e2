"""Settings of the door: django-allauth with second factor, OpenID Connect and sessions one can see and end."""

from __future__ import annotations

import json
import os

from anju.kernel.home import home

APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django.contrib.humanize",
]
AUTHENTICATION_BACKENDS = [
    "anju.web.account.backends.Password",
    "anju.web.account.backends.Door",
]
ACCOUNT_ADAPTER = "anju.web.account.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "anju.web.account.adapters.NationalLogin"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    # Per client, and per account *from that client* (the adapter makes the key): nobody can lock out another.
    "login_failed": "30/5m/ip,5/5m/key",
    "change_password": "5/m/user",
    "reset_password": "10/m/ip,3/h/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "signup": "5/m/ip",
}
MFA_ADAPTER = "anju.web.account.adapters.SecondFactor"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Anju"
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = os.environ.get("ANJU_HTTPS", "0") not in {"1", "true", "yes"}
USERSESSIONS_TRACK_ACTIVITY = False
SESSION_ENGINE = "anju.web.account.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
PASSWORD_RESET_TIMEOUT = 3600
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("ANJU_PROXIES", "0"))

CACHES = {
    # Shared by every web process: limits on logging in must not be counted per process.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "anju_cache"}
}

_SMTP = os.environ.get("ANJU_SMTP", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _SMTP else 'filebased'}.EmailBackend"
EMAIL_HOST, _, _PORT = _SMTP.partition(":")
EMAIL_PORT = int(_PORT or 25)
EMAIL_FILE_PATH = home() / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("ANJU_MAIL_FROM", "anju@localhost")

SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    # ANJU_OIDC: [{"provider_id": "national", "name": "…", "client_id": "…", "secret": "…",
    #              "settings": {"server_url": "https://…", "oauth_pkce_enabled": true}}]
    "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": json.loads(os.environ.get("ANJU_OIDC", "[]"))}
}
NUMBER_CLAIM = os.environ.get("ANJU_OIDC_NUMBER_CLAIM", "citizen_no")
"""The claim of a national login that holds the citizen number; it links the login to the person's own file."""
