from django.apps import AppConfig


class CommunityConfig(AppConfig):
    """The tables of the community room."""

    name = "anju.community.store"
    label = "community"
    default_auto_field = "django.db.models.BigAutoField"
