"""Anju (安居): one lawful register of who lives here, and the services that follow from it.

The rooms and the one import direction between them are drawn in ARCHITECTURE.md and
checked by import-linter; each room's ``__init__.py`` opens with its charter.
"""
