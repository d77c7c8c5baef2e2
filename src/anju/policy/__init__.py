"""Policy: the rules machine.

Owns: reading a programme from its file, checking it, explaining it for one person, compiling it
to SQL for everyone, ranking and allocation.
May import: kernel. Django only in ``store/``.
Never: knows a place, an applicant's file or where facts come from.
"""
