from django.apps import AppConfig


class ServicesConfig(AppConfig):
    """The tables of the services room."""

    name = "anju.services.store"
    label = "services"
    default_auto_field = "django.db.models.BigAutoField"
