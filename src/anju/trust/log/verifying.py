"""Verifying a log: does every entry stand where it was put, as it was written, and is all of it there?

Works on rows and tiles from anywhere: the database, or a bundle far from any server. It names what was changed: the
entry when it can be told, else the range between two signed checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from anju.trust.log.checkpoints import ED25519, Note, Verifier
from anju.trust.log.entries import leaf_hash
from anju.trust.log.proofs import fold
from anju.trust.log.tiles import WIDTH, Place, Tiles, split

MOST = 200
"""Findings told one by one; more than that is one ruin."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stored entry: its place, its bytes, whether its keyed code holds, whether its columns say what it says.

    ``is_genuine`` None: no key at hand to tell (a bundle). ``line`` None: only hashes were given.
    """

    seq: int
    line: bytes | None
    is_genuine: bool | None = None
    columns_agree: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was: a wording code, and the entries ``first`` … ``last`` it concerns."""

    code: str
    first: int | None = None
    last: int | None = None
    facts: dict[str, str | int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found. ``size`` entries were read; ``checkpoints`` signed ones agreed with them."""

    size: int
    checkpoints: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Nothing was changed."""
        return not self.findings


class Frontier:
    """The roots of the perfect subtrees seen so far: enough to tell the root at every size."""

    def __init__(self) -> None:
        self.levels: list[bytes | None] = []

    def add(self, leaf: bytes) -> None:
        """One more leaf."""
        at = 0
        while at < len(self.levels) and (left := self.levels[at]) is not None:
            leaf, self.levels[at] = fold([left, leaf]), None
            at += 1
        if at == len(self.levels):
            self.levels.append(leaf)
        else:
            self.levels[at] = leaf

    def root(self) -> bytes:
        """The root over all leaves so far (RFC 6962)."""
        from hashlib import sha256

        found: bytes | None = None
        for subtree in self.levels:
            if subtree is not None:
                found = subtree if found is None else fold([subtree, found])
        return found if found is not None else sha256(b"").digest()


class Verification:
    """One pass over a log. Feed ``rows`` in order of their place; then ``report``."""

    def __init__(
        self, notes: Sequence[Note], verifiers: Sequence[Verifier], tiles: Tiles, *, has_upper: bool = True
    ) -> None:
        self.has_upper = has_upper
        self.findings: list[Finding] = []
        self.tiles = tiles
        self.frontier = Frontier()
        self.size = 0
        self.agreed = 0
        self.last_agreed = 0
        self.upper: list[list[bytes]] = []
        self.row: list[bytes] = []
        self.signed = self._signed(notes, verifiers)
        self._check(0)

    def find(self, code: str, first: int | None = None, last: int | None = None, **facts: str | int) -> None:
        """Note a finding, up to a bound."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(code, first, last if last is not None else first, facts))

    def _signed(self, notes: Sequence[Note], verifiers: Sequence[Verifier]) -> dict[int, list[bytes]]:
        """Roots by size of the checkpoints whose signature by the log's key holds; the others are findings."""
        own = [v for v in verifiers if v.kind == ED25519]
        found: dict[int, list[bytes]] = {}
        for note in notes:
            told = note.checkpoint
            if not any(note.signed_by(v) for v in own):
                self.find("log.checkpoint_not_signed", size=told.size)
            elif told.root not in found.setdefault(told.size, []):
                found[told.size].append(told.root)
        for size, roots in found.items():
            if len(roots) > 1:
                self.find("log.two_checkpoints", size=size)
        return found

    def run(self, rows: Iterable[Row]) -> Iterator[int]:
        """Go through the rows; yields the place after every tile, for progress."""
        for row in rows:
            if row.seq < self.size:
                self.find("log.entry_twice", row.seq)
                continue
            while self.size < row.seq:
                self.find("log.entry_missing", self.size)
                self._take(None)
            self._take(row)
            if self.size % WIDTH == 0:
                yield self.size
        yield self.size

    def _take(self, row: Row | None) -> None:
        """One place of the tree: what stands there must be what the tree says stands there."""
        place = divmod(self.size, WIDTH)
        if place[1] == 0:
            self.row = split(self.tiles([(0, place[0])]).get((0, place[0]), b""))
        kept = self.row[place[1]] if place[1] < len(self.row) else None
        leaf = self._leaf(row, kept)
        self.frontier.add(leaf)
        self._climb(leaf)
        self.size += 1
        self._check(self.size)

    def _leaf(self, row: Row | None, kept: bytes | None) -> bytes:
        """The leaf to believe: the row's when its code holds, else the tree's."""
        if row is None:
            return kept or b"\0" * 32
        if row.line is None:
            if kept is None:
                self.find("log.hash_missing", row.seq)
            return kept or b"\0" * 32
        leaf = leaf_hash(row.line)
        if row.is_genuine is False or (row.is_genuine is None and kept is not None and kept != leaf):
            self.find("log.entry_changed", row.seq)
            return kept or leaf
        if not row.columns_agree:
            self.find("log.entry_columns_changed", row.seq)
        if kept is None:
            self.find("log.hash_missing", row.seq)
        elif kept != leaf:
            self.find("log.hash_changed", row.seq)
        return leaf

    def _climb(self, leaf: bytes) -> None:
        """Compare each full tile above the leaves with what its leaves make."""
        level = 0
        node: bytes | None = leaf
        while node is not None:
            if level == len(self.upper):
                self.upper.append([])
            row = self.upper[level]
            row.append(node)
            node = None
            if len(row) == WIDTH:
                index = (self.size >> (8 * level)) // WIDTH
                if level:
                    self._compare((level, index), row)
                node = fold(row)
                row.clear()
            level += 1

    def _compare(self, place: Place, row: list[bytes]) -> None:
        if self.has_upper and self.tiles([place]).get(place) != b"".join(row):
            width = WIDTH ** (place[0] + 1)
            self.find(
                "log.tile_changed",
                place[1] * width,
                min((place[1] + 1) * width, self.size + 1) - 1,
                level=place[0],
            )

    def _check(self, size: int) -> None:
        """At the size of a signed checkpoint the roots must be equal; if not, the fault lies since the last good one."""
        for root in self.signed.pop(size, ()):
            if root == self.frontier.root():
                self.agreed += 1
                self.last_agreed = size
            else:
                self.find("log.root_differs", self.last_agreed, size - 1, size=size)

    def report(self) -> Report:
        """The end: partial tiles are compared, and checkpoints beyond the last entry mean that the log was cut."""
        for level, row in enumerate(self.upper):
            if row and level:
                self._compare((level, (self.size >> (8 * level)) // WIDTH), row)
        for size in sorted(self.signed):
            self.find("log.cut", self.size, size - 1, size=size)
        return Report(self.size, self.agreed, tuple(self.findings))
