"""Linkage: which records speak of the same person.

Owns: names made comparable, comparisons for Chinese (and other) records, certain keys, bounded blocking, Splink's
model and its parameters, constrained clusters, person codes for life, the review queue, the measures.
May import: kernel, register's columns. An engine is handed in; only ``jobs`` makes one.
Never: decides alone where the evidence is in between (it asks a person), renames a person, reads a department's file.
"""
