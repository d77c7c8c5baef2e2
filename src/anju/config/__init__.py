"""Config: settings, root urls, where the database is.

Owns: Django settings, root urls, the WSGI entry.
May import: every room.
Never: holds domain logic.
"""
