"""Account: the door and what stands behind it: logging in, second factor, sessions, role and purpose, second person.

Owns: the pages of one's own account, choosing role and purpose, approvals, breaking glass, the public log pages.
May import: trust, the shell.
Never: decides (trust.access does), shows anything about a person.
"""
