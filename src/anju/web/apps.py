from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages and API. It has no tables of its own."""

    name = "anju.web"
    label = "web"
