"""Clerical review: which pairs a person is asked about, in what order, and how two records are laid side by side.

Owns the measure of what an answer is worth, the collecting of what a reviewer sees, the alignment of two values.
May import kernel, trust, register and ``exchange.linkage``. Never decides anything: people do, in ``exchange.store``.
"""
