"""What a person says about a list: what its columns are, and how it is to be linked.

Everything may be left out: what is not said is guessed (``guess``). A department's contract is understood as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anju.exchange.linkage import headings
from anju.kernel.refusal import Refusal

CHINESE = {
    "name": "person.name",
    "citizen_no": "person.citizen_no",
    "sex": "person.sex",
    "birthday": "person.born_on",
    "phone": "person.phone",
    "origin": "person.hukou_region",
    "address": "stay",
    "employer": "job.employer_code",
    "relative": "kin.name",
    "relative_no": "kin.citizen_no",
    "relative_phone": "kin.phone",
    "number": "kin.household_no",
    "household": "kin.household_no",
}
"""The canonical column that each kind of a Chinese list fills; ``stay`` is an address to be taken apart. A number that one
person or one household has is compared as the household's: who shares it belongs together."""
LANGUAGES = {
    "zh": "zh",
    "chinese": "zh",
    "中文": "zh",
    "other": "other",
    "en": "other",
    "english": "other",
    "": "",
}


@dataclass(frozen=True, slots=True)
class ListContract:
    """``language`` zh, other or "" (to be guessed); ``kinds`` heading to kind; ``complete``: other columns are not compared.

    ``once_per_file``: each file lists a person once at most. ``same_from`` and ``ask_from`` are bits; None for the usual.
    """

    language: str = ""
    kinds: Mapping[str, str] | None = None
    complete: bool = False
    once_per_file: bool = False
    same_from: float | None = None
    ask_from: float | None = None

    @property
    def stated(self) -> Mapping[str, str]:
        """Heading to kind."""
        return self.kinds or {}


def read_contract(said: Mapping[str, Any]) -> ListContract:
    """A list contract from YAML: ``language``, ``columns`` (heading to kind), ``once_per_file``, ``same_from``, ``ask_from``.

    Raises ``linkage.list_contract_empty``, ``linkage.unknown_kind``.
    """
    if "properties" in said:
        return ListContract("zh", _of_department(said["properties"]), True)
    stated = said.get("columns") or {}
    if isinstance(stated, list):
        stated = {str(c["name"]): str(c["kind"]) for c in stated}
    if not stated:
        raise Refusal("linkage.list_contract_empty")
    return ListContract(
        LANGUAGES.get(str(said.get("language", "")).lower(), ""),
        {str(heading).strip(): kind_of(str(kind)) for heading, kind in stated.items()},
        bool(said.get("complete", True)),
        bool(said.get("once_per_file", False)),
        _bits(said.get("same_from")),
        _bits(said.get("ask_from")),
    )


def with_columns(contract: ListContract, said: Iterable[str]) -> ListContract:
    """The contract with further words on columns, each ``heading=kind``.

    Raises ``linkage.map_unreadable``, ``linkage.unknown_kind``.
    """
    kinds = dict(contract.stated)
    for word in said:
        heading, found, kind = word.rpartition("=")
        if not found or not heading.strip() or not kind.strip():
            raise Refusal("linkage.map_unreadable", said=word)
        kinds[heading.strip()] = kind_of(kind.strip())
    return replace(contract, kinds=kinds)


def kind_of(said: str) -> str:
    """The kind that a word means: its name, a canonical column, or a heading that always means it."""
    by_column = {column: kind for kind, column in CHINESE.items()}
    kind = by_column.get(said) or headings.named(said)
    if kind is None:
        raise Refusal("linkage.unknown_kind", kind=said, kinds=", ".join(headings.kinds()))
    return kind


def _of_department(properties: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    by_column = {column: kind for kind, column in CHINESE.items()}
    found = {}
    for p in properties:
        to = p.get("to") or []
        kinds = [by_column[c] for c in (to if isinstance(to, list) else [to]) if c in by_column]
        if kinds:
            found[str(p["name"])] = kinds[0]
    return found


def _bits(value: Any) -> float | None:
    return None if value is None else float(value)
