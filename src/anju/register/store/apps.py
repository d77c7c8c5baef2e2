from django.apps import AppConfig


class RegisterConfig(AppConfig):
    """The tables of the register room."""

    name = "anju.register.store"
    label = "register"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what an erasure leaves, ends and blots out here."""
        from anju.trust.store import erasing

        until = "coalesce(end_on, presumed_end_on)"
        last_stated = (
            "(SELECT max(d[1]::date) FROM regexp_matches(sources, '@([0-9]{4}-[0-9]{2}-[0-9]{2})', 'g') AS d)"
        )
        erasing.ENDS |= {
            "register_stay": ("stay", until),
            "register_job": ("job", until),
            "register_enrolment": ("enrolment", until),
            "register_permit": ("permit", "valid_until"),
            "register_aid": ("aid", "closed_on"),
            "register_taxyear": ("tax", last_stated),
        }
        # What somebody says of a relative is theirs; only the way to the erased person's file is cut.
        erasing.CUT["register_kin"] = "relative_code = '' WHERE relative_code = ANY(%(codes)s)"
