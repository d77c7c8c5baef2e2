"""``anju link``: lists of people outside the register, linked. ``run`` is the front door."""

from anju.jobs.pipeline.lists.linking import run

__all__ = ["run"]
