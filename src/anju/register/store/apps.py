from django.apps import AppConfig


class RegisterConfig(AppConfig):
    """The tables of the register room."""

    name = "anju.register.store"
    label = "register"
    default_auto_field = "django.db.models.BigAutoField"
