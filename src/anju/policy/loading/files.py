"""Finding programmes in the packs, and loading them whole or not at all."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.policy import catalogue as catalogues
from anju.policy.catalogue import Catalogue
from anju.policy.loading.programme import ProgrammeReader
from anju.policy.model import Programme
from anju.policy.source import Fault, Faults, parse, read


@dataclass(frozen=True, slots=True)
class Loaded:
    """The outcome of reading one file: the programme, or the faults that keep it from being one."""

    path: Path
    programme: Programme | None
    faults: tuple[Fault, ...]


def _pack_of(path: Path) -> Path | None:
    """The pack folder a file lies in: the nearest parent with a ``pack.yaml``."""
    return next((p for p in path.resolve().parents if (p / "pack.yaml").is_file()), None)


def _folders(pack: Path | None) -> tuple[Path, ...]:
    if pack is None:
        return (packs.root() / "cn",)
    if pack.parent == packs.root().resolve():
        return packs.chain(pack.name)
    return (pack, packs.root() / "cn")


@lru_cache
def _catalogue(folders: tuple[Path, ...]) -> tuple[Catalogue, tuple[Fault, ...]]:
    noted: list[Faults] = []
    found = catalogues.load(list(folders), noted)
    return found, tuple(f for faults in noted for f in faults)


def catalogue_for(path: Path) -> Catalogue:
    """The facts a file may use: those of its pack and of the packs it extends."""
    return _catalogue(_folders(_pack_of(path)))[0]


def build(path: Path, text: str | None = None) -> Loaded:
    """Read one file (or ``text`` in its place, as a what-if does)."""
    faults = Faults(_shown(path))
    if text is None:
        text = path.read_text(encoding="utf-8")
        raw = read(path, faults)
    else:
        raw = parse(text, faults)
    pack = _pack_of(path)
    place = pack.name if pack else path.parent.parent.name or "?"
    programme = None
    if raw or not faults:
        reader = ProgrammeReader(raw, catalogue_for(path), faults)
        programme = reader.programme(place, path.parent.name, path.stem, text, path.resolve())
    return Loaded(path, programme, tuple(faults))


def _shown(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


@lru_cache(maxsize=256)
def _loaded(path: Path, changed_ns: int) -> Loaded:
    return build(path)


def load_file(path: Path) -> Programme:
    """The programme in ``path``, parsed again only when the file changed. Refuses a file with faults."""
    if not path.is_file():
        raise Refusal("policy.no_such_file", file=path.name)
    found = _loaded(path.resolve(), path.stat().st_mtime_ns)
    if found.programme is None:
        first = found.faults[0]
        raise Refusal("policy.file_has_faults", file=_shown(path), count=len(found.faults), place=first.place)
    return found.programme


def policy_files(root: Path | None = None) -> list[Path]:
    """Every policy file under ``root`` (a packs folder, a pack, a folder or a file)."""
    root = root or packs.root()
    if root.is_file():
        return [root]
    found = {*root.glob("policies/*/*.yaml"), *root.glob("*/policies/*/*.yaml")}
    return sorted(found or root.rglob("*.yaml"))


def versions(place: str, name: str) -> list[Path]:
    """The version files of one programme, by name."""
    return sorted((packs.root() / place / "policies" / name).glob("*.yaml"))


def programmes() -> list[str]:
    """``place/programme`` of everything in the packs."""
    return sorted({f"{p.parents[2].name}/{p.parent.name}" for p in policy_files()})


def find(asked: str) -> tuple[list[Path], bool]:
    """The files ``asked`` may mean, and whether one version was named.

    ``asked`` is a path, ``place/programme``, ``place/programme@version`` or a programme name that one place alone has.
    """
    path = Path(asked)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return [path], True
    name, _, version = asked.partition("@")
    known = programmes()
    matches = [p for p in known if p == name or p.partition("/")[2] == name]
    if len(matches) != 1:
        near = matches or difflib.get_close_matches(name, known, 3, 0.4) or known
        raise Refusal("policy.unknown_programme", asked=asked, known=", ".join(near))
    place, _, programme = matches[0].partition("/")
    found = versions(place, programme)
    if version:
        chosen = [p for p in found if p.stem == version]
        if not chosen:
            raise Refusal(
                "policy.unknown_version",
                asked=asked,
                known=", ".join(f"{matches[0]}@{p.stem}" for p in found),
            )
        return chosen, True
    return found, False


def get(asked: str, on: date | None = None) -> Programme:
    """The programme ``asked`` means: the version named, else the one in force on ``on``, else the latest.

    Refuses an unknown name, a file with faults, and a day on which no version of it was in force.
    """
    files, is_named = find(asked)
    loaded = [load_file(p) for p in files]
    if is_named:
        return loaded[0]
    loaded.sort(key=lambda p: p.from_on)
    if on is None:
        return loaded[-1]
    valid = [p for p in loaded if p.is_in_force(on)]
    if not valid:
        raise Refusal(
            "policy.none_in_force", asked=asked, day=on.isoformat(), known=", ".join(_span(p) for p in loaded)
        )
    return valid[-1]


def _span(programme: Programme) -> str:
    return f"{programme.id} ({programme.from_on} – {programme.until_on or '…'})"


def check(root: Path | None = None) -> tuple[list[Loaded], list[Fault]]:
    """Every policy and fact file under ``root``, all faults together; the second list is about several files at once."""
    loaded = [build(p) for p in policy_files(root)]
    others: list[Fault] = []
    for pack in dict.fromkeys(_pack_of(x.path) for x in loaded):
        others += [f for f in _catalogue(_folders(pack))[1] if f not in others]
    return loaded, [*others, *_overlaps([x.programme for x in loaded if x.programme])]


def _overlaps(programmes: Sequence[Programme]) -> list[Fault]:
    found = []
    for index, one in enumerate(programmes):
        for other in programmes[:index]:
            if (one.place, one.name) != (other.place, other.name):
                continue
            first, second = sorted((one, other), key=lambda p: p.from_on)
            if first.until_on is None or first.until_on >= second.from_on:
                noted = Faults(second.file)
                noted.add("versions_overlap", 1, "in_force", one=first.id, other=second.id)
                found += list(noted)
    return found
