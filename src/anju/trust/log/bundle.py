"""A bundle: the log in one file, to be verified far from the server.

A zip of ``checkpoints.txt`` (one note a line), ``keys.txt`` (verifier keys), ``leaves.bin`` (32 bytes per entry) and,
unless only hashes were asked for, ``entries.txt`` (one entry a line, exactly the bytes that are hashed).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from anju.kernel.refusal import Refusal
from anju.trust.log.checkpoints import COSIGNATURE, Note, Verifier
from anju.trust.log.tiles import HASH, WIDTH, Place
from anju.trust.log.verifying import Finding, Report, Row, Verification

FORM = "anju-log/1"
LONGEST = 2**20
"""No entry is longer; a bundle whose line is was not written by us."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says about itself. ``has_entries`` False: hashes alone."""

    origin: str
    size: int
    has_entries: bool


def write(
    path: Path,
    manifest: Manifest,
    notes: Iterable[Note],
    verifiers: Iterable[Verifier],
    leaves: Iterable[bytes],
    lines: Iterable[bytes],
) -> None:
    """Write a bundle whole or not at all. ``leaves`` are tiles of hashes, ``lines`` the entries in order."""
    part = path.with_suffix(path.suffix + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        told = {
            "form": FORM,
            "origin": manifest.origin,
            "size": manifest.size,
            "entries": manifest.has_entries,
        }
        zipped.writestr("manifest.json", json.dumps(told))
        zipped.writestr("keys.txt", "".join(f"{v}\n" for v in verifiers))
        zipped.writestr(
            "checkpoints.txt", "".join(json.dumps(n.text(), ensure_ascii=False) + "\n" for n in notes)
        )
        with zipped.open("leaves.bin", "w", force_zip64=True) as stream:
            for tile in leaves:
                stream.write(tile)
        if manifest.has_entries:
            with zipped.open("entries.txt", "w", force_zip64=True) as stream:
                for line in lines:
                    stream.write(line + b"\n")
    part.replace(path)


def verify(
    path: Path, trusted: Sequence[Verifier] = (), progress: Callable[[int], None] = lambda _: None
) -> tuple[Manifest, list[Verifier], Report]:
    """Verify a bundle. ``trusted`` are keys known from elsewhere; without them the bundle's own keys are used.

    Returns what the bundle says of itself, the keys used, and what was found. Refuses a file that is no bundle.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            manifest = _manifest(zipped)
            verifiers = list(trusted) or [Verifier.parse(t) for t in zipped.read("keys.txt").decode().split()]
            notes, broken = _notes(zipped.read("checkpoints.txt").decode().splitlines())
            with zipped.open("leaves.bin") as leaves:
                work = Verification(notes, verifiers, _LeafTiles(leaves), has_upper=False)
                work.findings.extend(broken)
                _witnessed(work, notes, verifiers)
                for place in work.run(_rows(zipped, manifest)):
                    progress(place)
                if work.size != manifest.size:
                    work.find("log.cut", work.size, max(manifest.size - 1, work.size), size=manifest.size)
                return manifest, verifiers, work.report()
    except (zipfile.BadZipFile, KeyError, OSError, UnicodeDecodeError, ValueError) as broken_file:
        raise Refusal("log.broken_bundle", file=path.name) from broken_file


def _manifest(zipped: zipfile.ZipFile) -> Manifest:
    told = json.loads(zipped.read("manifest.json"))
    if told["form"] != FORM:
        raise ValueError
    return Manifest(str(told["origin"]), int(told["size"]), bool(told["entries"]))


def _notes(lines: Iterable[str]) -> tuple[list[Note], list[Finding]]:
    notes, broken = [], []
    for number, line in enumerate(lines, 1):
        try:
            note = Note.parse(json.loads(line))
            note.checkpoint  # noqa: B018 - refuses a body that is none
            notes.append(note)
        except (Refusal, ValueError):
            broken.append(Finding("log.checkpoint_unreadable", facts={"line": number}))
    if not notes:
        broken.append(Finding("log.no_checkpoint"))
    return notes, broken


def _witnessed(work: Verification, notes: Sequence[Note], verifiers: Sequence[Verifier]) -> None:
    witnesses = [v for v in verifiers if v.kind == COSIGNATURE]
    for note in notes if witnesses else ():
        if all(note.witnessed_at(v) is None for v in witnesses):
            work.find("log.not_witnessed", size=note.checkpoint.size)


def _rows(zipped: zipfile.ZipFile, manifest: Manifest) -> Iterator[Row]:
    if not manifest.has_entries:
        yield from (Row(seq, None) for seq in range(manifest.size))
        return
    with zipped.open("entries.txt") as stream:
        for seq, line in enumerate(_lines(stream)):
            yield Row(seq, line)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(LONGEST):
        if not line.endswith(b"\n"):
            raise ValueError("entry too long or cut")
        yield line[:-1]


class _LeafTiles:
    """Tiles of the lowest level read from the stream of leaves, in order."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.index = -1
        self.tile = b""

    def __call__(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        found = {}
        for level, index in places:
            while level == 0 and self.index < index:
                self.tile = self.stream.read(WIDTH * HASH)
                self.index += 1
            if level == 0 and index == self.index:
                found[level, index] = self.tile
        return found
