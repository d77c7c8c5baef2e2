from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class TrustConfig(AppConfig):
    """The tables of the trust room."""

    name = "anju.trust.store"
    label = "trust"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the web role's grants complete."""
        from anju.trust.store import rows

        post_migrate.connect(rows.make_cache_table, sender=self, dispatch_uid="anju.trust.cache")
        post_migrate.connect(rows.grant, sender=self, dispatch_uid="anju.trust.grants")
        connection_created.connect(rows.take_role, dispatch_uid="anju.trust.role")
