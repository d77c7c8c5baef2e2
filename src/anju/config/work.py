"""Settings of commands that show no page: the tables and nothing of the door, so that a night's delta starts quickly."""

from anju.config.settings import *  # noqa: F403
from anju.config.settings import INSTALLED_APPS as EVERY_APP

NEEDED = (
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.postgres",
)
INSTALLED_APPS = [
    app for app in EVERY_APP if app in NEEDED or (app.startswith("anju.") and app.endswith(".store"))
]
