"""The Merkle tree in tiles: 256 hashes side by side, eight levels of the tree apart (as in C2SP tlog-tiles).

``grow`` appends leaves and says which tiles changed; ``StoredTree`` is pymerkle's tree reading subtrees from tiles,
so that a proof over ten million leaves touches about eight tiles and not the leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from pymerkle import BaseMerkleTree, InvalidChallenge

from anju.trust.log.proofs import consistency_ranges, fold

HASH = 32
HEIGHT = 8
WIDTH = 1 << HEIGHT

Place = tuple[int, int]
"""(tile level, tile index)."""
Tiles = Callable[[Sequence[Place]], Mapping[Place, bytes]]
"""Reads tiles; a missing one is left out."""


def split(tile: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [tile[i : i + HASH] for i in range(0, len(tile), HASH)]


def edge(size: int) -> list[Place]:
    """The tiles that are not full yet in a tree of ``size`` leaves, one per level."""
    places = []
    level = 0
    while size:
        if size % WIDTH:
            places.append((level, size // WIDTH))
        size //= WIDTH
        level += 1
    return places


def grow(size: int, leaves: Sequence[bytes], edges: Mapping[Place, bytes]) -> dict[Place, bytes]:
    """Tiles changed by appending leaf hashes to a tree of ``size``; ``edges`` are the tiles named by ``edge(size)``."""
    changed: dict[Place, bytes] = {}
    level, added = 0, list(leaves)
    while added:
        begin = size // WIDTH
        row = split(edges[level, begin]) if size % WIDTH else []
        row.extend(added)
        added = []
        for offset in range(0, len(row), WIDTH):
            hashes = row[offset : offset + WIDTH]
            changed[level, begin + offset // WIDTH] = b"".join(hashes)
            if len(hashes) == WIDTH:
                added.append(fold(hashes))
        size //= WIDTH
        level += 1
    return changed


class StoredTree(BaseMerkleTree):
    """pymerkle's RFC 6962 tree over stored tiles, read only. ``size`` is fixed when it is made."""

    def __init__(self, size: int, tiles: Tiles) -> None:
        super().__init__("sha256", disable_cache=True)
        self._size = size
        self._read = tiles
        self._tiles: dict[Place, bytes] = {}
        self._get_subroot = self._stored_subroot

    def root(self, size: int | None = None) -> bytes:
        """The root of the first ``size`` leaves."""
        size = self._size if size is None else size
        self._fetch((), (size,))
        return self.get_root(size)  # type: ignore[no-any-return]

    def inclusion(self, seq: int, size: int | None = None) -> list[bytes]:
        """RFC 6962 proof that leaf ``seq`` (from zero) stands in the tree of ``size`` leaves."""
        size = self._size if size is None else size
        self._fetch((seq,), (size,))
        return list(self.prove_inclusion(seq + 1, size).path[1:])

    def consistency(self, prior: int, size: int | None = None) -> list[bytes]:
        """RFC 6962 proof that the tree of ``size`` leaves continues the one of ``prior`` leaves."""
        size = self._size if size is None else size
        if not 0 < prior <= size <= self._size:
            raise InvalidChallenge("sizes out of bounds")
        self._fetch((prior,), (prior, size))
        return [self._get_root(*span) for span in consistency_ranges(prior, size)]

    def _fetch(self, leaves: Iterable[int], sizes: Iterable[int]) -> None:
        """Read the tiles a proof needs in one go: those above each leaf, and those at each edge."""
        wanted: set[Place] = set()
        for number in (*leaves, *sizes):
            level = 0
            while (self._size >> (HEIGHT * level)) > 0:
                index = (number >> (HEIGHT * level)) >> HEIGHT
                wanted.add((level, index))
                level += 1
        missing = sorted(wanted - self._tiles.keys())
        if missing:
            self._tiles.update(self._read(missing))

    def _stored_subroot(self, offset: int, width: int) -> bytes:
        power = width.bit_length() - 1
        level, inside = divmod(power, HEIGHT)
        start = offset >> (HEIGHT * level)
        return fold(self._hashes(level, start, 1 << inside))

    def _hashes(self, level: int, start: int, count: int) -> list[bytes]:
        place = (level, start // WIDTH)
        if place not in self._tiles:
            self._tiles.update(self._read([place]))
        first = start % WIDTH * HASH
        found = self._tiles.get(place, b"")[first : first + count * HASH]
        if len(found) != count * HASH:
            raise LookupError(f"tile {place} of the log is missing or too short")
        return split(found)

    def _get_size(self) -> int:
        return self._size

    def _get_leaf(self, index: int) -> bytes:
        return self._hashes(0, index - 1, 1)[0]

    def _get_leaves(self, offset: int, width: int) -> list[bytes]:
        return [self._get_leaf(i + 1) for i in range(offset, offset + width)]

    def _encode_entry(self, data: bytes) -> bytes:
        return data

    def _store_leaf(self, data: bytes, digest: bytes) -> int:
        raise NotImplementedError("the log grows by the sequencer alone")
