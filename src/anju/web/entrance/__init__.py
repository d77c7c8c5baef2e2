"""Entrance: the front page and the door: what this is, and logging in.

Owns: the front page, login and logout.
May import: the shell, trust.
Never: shows anything about a person.
"""
