"""What is wired together only here: rooms that must not know each other."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Hands the work of the jobs room to the rooms whose pages need it."""

    name = "anju.config"
    label = "wiring"

    def ready(self) -> None:
        """Files that come through a page are taken in by the intake pipeline; rules are tried on the library."""
        from anju.jobs import handover

        handover.give()
