from django.apps import AppConfig


class InsightConfig(AppConfig):
    """The tables of the insight room."""

    name = "anju.insight.store"
    label = "insight"
    default_auto_field = "django.db.models.BigAutoField"
