"""Pipelines: the order in which the rooms' steps run, with the engine and the database handed in."""
