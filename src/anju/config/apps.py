"""What is wired together only here: rooms that must not know each other."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Hands the work of the jobs room to the actions that pages call."""

    name = "anju.config"
    label = "wiring"

    def ready(self) -> None:
        """A file that comes through a page is taken in by the intake pipeline."""
        from anju.exchange.store import actions
        from anju.jobs.pipeline import intake

        actions.TAKER = intake.take_upload
