"""Proofs as RFC 6962 and RFC 9162 send them: bare lists of hashes, and whether they hold.

Inclusion is pymerkle's. Its consistency proofs have a shape of their own, so the standard one is made and checked here,
and held to the published vectors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pymerkle import InclusionProof, InvalidProof, verify_inclusion
from pymerkle.core import _inclusion_path_layout

MAX_SIZE = 1 << 62

NODE = b"\x01"

Range = tuple[int, int]


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    level = list(hashes)
    sha256 = hashlib.sha256
    while len(level) > 1:
        level = [sha256(NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    return level[0]


def consistency_ranges(prior: int, size: int) -> list[Range]:
    """The leaf ranges whose roots prove that the tree of ``size`` continues that of ``prior`` (RFC 9162, 2.1.4.1)."""
    found: list[Range] = []
    start, end, is_known = 0, size, True
    while prior != end - start:
        half = 1 << ((end - start - 1).bit_length() - 1)
        if prior <= half:
            found.append((start + half, end))
            end = start + half
        else:
            found.append((start, start + half))
            start, prior, is_known = start + half, prior - half, False
    return [*([] if is_known else [(start, end)]), *reversed(found)]


def is_included(seq: int, size: int, leaf: bytes, root: bytes, hashes: Sequence[bytes]) -> bool:
    """Whether the hashes prove that ``leaf`` is entry ``seq`` (from zero) of the tree of ``size`` entries."""
    if not 0 <= seq < size < MAX_SIZE:
        return False
    rule, _ = _inclusion_path_layout(seq + 1, size)
    try:
        verify_inclusion(leaf, root, InclusionProof("sha256", True, size, seq + 1, rule, [leaf, *hashes]))
    except InvalidProof:
        return False
    return True


def is_consistent(prior: int, prior_root: bytes, size: int, root: bytes, hashes: Sequence[bytes]) -> bool:
    """Whether the hashes prove that the tree of ``size`` continues that of ``prior`` (RFC 9162, 2.1.4.2).

    A tree of nothing proves nothing: refused.
    """
    if not 0 < prior <= size < MAX_SIZE:
        return False
    if prior == size:
        return prior_root == root and not hashes
    path = [prior_root, *hashes] if prior.bit_count() == 1 else list(hashes)
    if len(path) != len(consistency_ranges(prior, size)) + (prior.bit_count() == 1):
        return False
    return _replay(prior, size, path) == (prior_root, root)


def _replay(prior: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots the path leads to."""
    node, last = prior - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if node & 1 or node == last:
            old, new = fold([sibling, old]), fold([sibling, new])
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = fold([new, sibling])
        node, last = node >> 1, last >> 1
    return old, new
