from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """The tables of the policy room."""

    name = "anju.policy.store"
    label = "policy"
    default_auto_field = "django.db.models.BigAutoField"
