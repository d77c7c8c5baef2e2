from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """The tables of the exchange room."""

    name = "anju.exchange.store"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what an erasure leaves, ends and blots out here."""
        from anju.trust.store import erasing

        erasing.KEPT["exchange_personchange"] = (
            "a decision about codes, no values; its words must hold the next runs"
        )
        # The question stays, for the words said on it; what a reviewer would see of the person goes.
        erasing.CUT["exchange_reviewquestion"] = (
            "told = NULL, state = 'gone' WHERE person_a = ANY(%(codes)s) OR person_b = ANY(%(codes)s)"
        )
