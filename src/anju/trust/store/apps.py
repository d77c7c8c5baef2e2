from django.apps import AppConfig


class TrustConfig(AppConfig):
    """The tables of the trust room."""

    name = "anju.trust.store"
    label = "trust"
    default_auto_field = "django.db.models.BigAutoField"
