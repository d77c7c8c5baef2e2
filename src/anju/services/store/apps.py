from django.apps import AppConfig


class ServicesConfig(AppConfig):
    """The tables of the services room."""

    name = "anju.services.store"
    label = "services"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what an erasure leaves, ends and blots out here."""
        from anju.trust.store import erasing

        # A published list stays checkable line by line; the masked name goes out of it.
        erasing.CUT["services_publiclist"] = (
            "public = (SELECT jsonb_agg(CASE WHEN row ->> 'reference' IN (SELECT reference FROM services_listplace AS place"
            " WHERE place.on_list_id = services_publiclist.id AND place.person_code = ANY(%(codes)s))"
            " THEN jsonb_set(row, '{name}', '\"\"') ELSE row END ORDER BY at)"
            " FROM jsonb_array_elements(public) WITH ORDINALITY AS listed (row, at))"
            " WHERE id IN (SELECT on_list_id FROM services_listplace WHERE person_code = ANY(%(codes)s))"
        )
