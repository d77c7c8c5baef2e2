"""Trust: who may know what, for which purpose, and proof of it.

Owns: roles, purposes and decisions about access; masking; sealing of values; the transparency
log; consent and requests of persons; disclosure control; backup manifests.
May import: kernel. Django only in ``store/``.
Never: knows an application, a dwelling or a department's file format.
"""
