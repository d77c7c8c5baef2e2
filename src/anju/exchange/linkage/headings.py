"""What a column of a list is, by its heading: the words people use, from the pack (``linkage/headings.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.kernel.width import TO_HALF

SURE, LIKELY, PERHAPS = 0.9, 0.8, 0.7
"""How far a heading is trusted: the whole heading, part of it, one of its English words."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of column: its name, wording, whole headings, parts of headings, and words that speak against it."""

    name: str
    zh: str
    en: str
    whole: frozenset[str]
    parts: tuple[str, ...]
    never: tuple[str, ...]


@lru_cache
def kinds() -> Mapping[str, Kind]:
    """Every kind of column, in the order in which a tie is decided. Raises ``linkage.no_parameters``."""
    path = packs.find_file("linkage/headings.yaml")
    if path is None:
        raise Refusal("linkage.no_parameters", name="headings")
    return {
        name: Kind(
            name,
            said["zh"],
            said["en"],
            frozenset(said.get("is", ())),
            tuple(sorted(said.get("has", ()), key=len, reverse=True)),
            tuple(said.get("never", ())),
        )
        for name, said in packs.read_yaml(path)["kinds"].items()
    }


def plain(heading: str) -> str:
    """A heading as it is compared: half-width, small letters, without what stands in brackets, blanks and marks."""
    bare = re.sub(r"[(（\[【].*?[)）\]】]", "", heading)
    return re.sub(r"[\W_]+", "", (bare or heading).translate(TO_HALF).lower())


def words(heading: str) -> list[str]:
    """The English words of a heading: ``PatientDOB_no`` -> patient, dob, no."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", heading.translate(TO_HALF))
    return re.findall(r"[a-z]+[0-9]*|[0-9]+", parted.lower())


def named(said: str) -> str | None:
    """The kind that a person's word for it means: ``birthday``, ``dob`` or ``出生日期``."""
    known = kinds()
    if said in known:
        return said
    text = plain(said)
    return next(
        (k.name for k in known.values() if text in k.whole or text in k.parts or text == plain(k.zh)), None
    )


def read(heading: str) -> tuple[str, float] | None:
    """The kind a heading means and how far it is trusted; None when its words say nothing."""
    text = plain(heading)
    open_kinds = [k for k in kinds().values() if not any(w in text for w in k.never)]
    for kind in open_kinds:
        if text in kind.whole or text in kind.parts:
            return kind.name, SURE
    held = [(len(p), k.name) for k in open_kinds for p in k.parts if p in text]
    if held:
        longest = max(size for size, _ in held)
        return next(name for size, name in held if size == longest), LIKELY
    parted = words(heading)
    for begin in range(1, len(parted)):
        for part, trust in (("".join(parted[begin:]), LIKELY), ("".join(parted[:-begin]), PERHAPS)):
            for kind in open_kinds:
                if part in kind.whole and (kind.name != "ignore" or trust == LIKELY):
                    return kind.name, trust
    return None
