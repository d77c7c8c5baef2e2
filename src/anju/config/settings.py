"""Django settings. Everything a deployment may change comes from the environment; see docs/reference/settings.md."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from anju.config import login
from anju.config.login import *  # noqa: F403 - the door's settings, kept apart
from anju.jobs import database
from anju.kernel.home import home, keys

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "src" / "anju" / "web"


def _flag(name: str, default: str = "0") -> bool:
    return os.environ.get(name, default) in {"1", "true", "yes"}


def _secret_key() -> str:
    stated = os.environ.get("ANJU_SECRET_KEY")
    if stated:
        return stated
    path = keys() / "django.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


DEBUG = _flag("ANJU_DEBUG")
DEMO = _flag("ANJU_DEMO")
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = os.environ.get("ANJU_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("ANJU_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "crispy_forms",
    "crispy_bootstrap5",
    *login.APPS,
    "anju.trust.store",
    "anju.policy.store",
    "anju.register.store",
    "anju.exchange.store",
    "anju.services.store",
    "anju.community.store",
    "anju.insight.store",
    "anju.web",
    "anju.config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "anju.web.shell.headers.Headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "anju.web.shell.language.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "anju.web.shell.errors.Refusals",
]
ROOT_URLCONF = "anju.config.urls"
WSGI_APPLICATION = "anju.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": sorted(WEB.glob("*/templates")),
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "anju.web.shell.quick",
                "anju.web.shell.tags",
                "anju.web.account.tags",
                "anju.web.staff.words",
                "anju.web.staff.review_words",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "anju.web.shell.context.shell",
                "anju.web.account.context.acting",
            ],
        },
    }
]
DATABASES = {"default": database.settings(database.url())}
DATABASE_ROLE = os.environ.get("ANJU_DB_ROLE", "")
"""The role sessions of this process act as; the web server sets anju_web, which sees no person-level row by itself."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "trust.Account"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "anju.web.account.passwords.Guessable"},
    {"NAME": "anju.web.account.passwords.Breached"},
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "anju_language"
LOCALE_PATHS = [home() / "locale"]  # made from web/*/words.yaml when the web app starts
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = home() / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns about a missing one
STATICFILES_DIRS = sorted(WEB.glob("*/static"))
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "anju.web.shell.assets.NpmFinder",
]
COLLECTED = _flag("ANJU_COLLECTED")
"""Set by ``anju serve``: files are hashed, compressed and served from STATIC_ROOT; otherwise as they lie."""
_STATIC = "anju.web.shell.assets.HashedFiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": _STATIC if COLLECTED else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
LOGIN_URL = "account_login"
LOGOUT_URL = "account_logout"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "anju.web.shell.errors.stale_form"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _flag("ANJU_HTTPS")
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "sessionid", "csrftoken"
if _flag("ANJU_HTTPS"):  # a proxy ends TLS: browsers hold cookies to this host, and come back over TLS alone
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-form"
    SECURE_HSTS_SECONDS, SECURE_HSTS_INCLUDE_SUBDOMAINS = 365 * 24 * 3600, True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "blotted": {
            "()": "anju.trust.redacting.Formatter",
            "format": "{levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "blotted"}},
    "root": {"handlers": ["console"], "level": os.environ.get("ANJU_LOG_LEVEL", "WARNING")},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}
"""Bugs, with their traceback, to stderr; what was foreseen is told to the person and to the transparency log."""
