from django.apps import AppConfig
from django.conf import settings


class WebConfig(AppConfig):
    """Pages and API. It has no tables of its own."""

    name = "anju.web"
    label = "web"

    def ready(self) -> None:
        """Make the English catalogue before the first page asks for it."""
        from anju.web.shell import words

        words.compile_into(settings.LOCALE_PATHS[0])
