"""The API: what machines ask of us, under ``/api/``. Every operation is guarded and logged like a page.

Owns: addresses, who is at the door (a bearer token or a browser session), problem documents, limits, health.
May import: every room's queries and actions. Never: decides, reads a table, opens an engine.
"""
