"""Register: who lives, works and studies here, since when, on whose word.

Owns: the canonical columns every source is mapped to, people, dwellings, employers, stays, jobs,
contributions, enrolments, the resolved value of each field with the others kept.
May import: policy, trust, kernel. Django only in ``store/``.
Never: knows a department's file format.
"""
