"""Services: what one can apply for, and its delivery within the limit.

Owns: the service catalogue, applications, cases, deadlines, decisions.
May import: register, policy, trust, kernel. Django only in ``store/``.
Never: imports exchange or community.
"""
