"""Community: what one can take part in.

Owns: councils, proposals, votes, the time bank, surveys.
May import: register, policy, trust, kernel. Django only in ``store/``.
Never: imports exchange or services.
"""
