"""Reading contracts: every fault of a file is gathered and told together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

from anju.exchange.contracts.codelists import get_codelist
from anju.exchange.contracts.model import CYCLE_DAYS, NOTED_TYPES, TYPES, UNITS, Contract, Field, targets
from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.register import canon

REFUSE_SHARE = 0.5
_NEEDED = (
    "apiVersion", "kind", "id", "version", "status", "name", "department", "description", "legalBasis",
    "cycle", "match", "aspects", "authority", "key", "observed", "properties",
)  # fmt: skip
_TOP = {*_NEEDED, "channel", "deleted", "constants", "refuseShare"}
_FIELD = {
    "name", "en", "type", "required", "to", "also", "standard", "codes", "unit", "classification",
    "inclusive", "calendar", "history", "min", "max", "fault",
}  # fmt: skip


@lru_cache
def list_contracts() -> tuple[Contract, ...]:
    """Every contract of the packs in force, by id. Refuses when any is faulty, naming all faults."""
    found = [read(path) for path in packs.files("contracts/*.yaml")]
    return tuple(sorted(found, key=lambda c: c.id))


def find_contract(dataset: str) -> Contract | None:
    """The contract of that id, or None."""
    return next((c for c in list_contracts() if c.id == dataset), None)


def get_contract(dataset: str) -> Contract:
    """The contract of that id; refuses an unknown one and names those there are."""
    contract = find_contract(dataset)
    if contract is None:
        raise Refusal("contracts.unknown", dataset=dataset, known=", ".join(c.id for c in list_contracts()))
    return contract


def by_file_name(name: str) -> tuple[Contract, ...]:
    """Contracts one of whose patterns matches the file's name, compared without case."""
    return tuple(c for c in list_contracts() if any(fnmatch(name.lower(), p.lower()) for p in c.match))


def read(path: Path) -> Contract:
    """One contract file, checked whole."""
    body = packs.read_yaml(path)
    faults = list(_faults(body)) if isinstance(body, dict) else ["not a mapping"]
    if faults:
        raise Refusal("contracts.faulty", file=path.name, count=len(faults), faults="; ".join(faults))
    return _contract(body)


def _contract(body: Mapping[str, Any]) -> Contract:
    deleted = body.get("deleted")
    return Contract(
        id=body["id"],
        version=str(body["version"]),
        status=body["status"],
        zh=body["name"]["zh"],
        en=body["name"]["en"],
        department=body["department"],
        channel=body.get("channel", ""),
        row=body["description"]["row"],
        about_zh=body["description"]["zh"],
        about_en=body["description"]["en"],
        legal_basis=body["legalBasis"],
        cycle=body["cycle"],
        match=tuple(body["match"]),
        aspects=tuple(body["aspects"]),
        authority=dict(body["authority"]),
        key=tuple(body["key"]),
        observed=body["observed"],
        deleted=(deleted["field"], frozenset(deleted["values"])) if deleted else None,
        constants=dict(body.get("constants") or {}),
        fields=tuple(_field(p) for p in body["properties"]),
        refuse_share=float(body.get("refuseShare", REFUSE_SHARE)),
    )


def _field(stated: Mapping[str, Any]) -> Field:
    to = _listed(stated.get("to"))
    required = bool(stated.get("required", False))
    noted = stated["type"] in NOTED_TYPES and not (required and stated["type"] in {"credit_code", "name"})
    return Field(
        name=stated["name"],
        en=stated["en"],
        type=stated["type"],
        required=required,
        to=to,
        also=_listed(stated.get("also")),
        standard=stated.get("standard", ""),
        codes={str(k): str(v) for k, v in stated["codes"].items()} if "codes" in stated else None,
        unit=stated.get("unit", ""),
        classification=stated.get("classification") or _classified(stated["type"], to),
        inclusive=bool(stated.get("inclusive", False)),
        may_be_lunar=stated.get("calendar") == "may_be_lunar",
        history=bool(stated.get("history", False)),
        min=stated.get("min"),
        max=stated.get("max"),
        fault=stated.get("fault", "note" if noted else "hold"),
    )


def _listed(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _classified(kind: str, to: tuple[str, ...]) -> str:
    """A field is as private as the most private canonical column it fills."""
    order = ("public", "internal", "personal", "sensitive")
    if kind == "address":
        return "sensitive"
    return max((canon.column(t).privacy for t in to), key=order.index, default="internal")


def _faults(body: Mapping[str, Any]) -> Iterable[str]:
    yield from (f"missing: {key}" for key in _NEEDED if key not in body)
    yield from (f"unknown key: {key}" for key in body if key not in _TOP)
    if any(key not in body for key in _NEEDED):
        return
    if body["department"] not in get_codelist("department").labels:
        yield f"department: {body['department']} is not in the list of departments"
    if body.get("channel", "department") not in get_codelist("channel").labels:
        yield f"channel: {body['channel']} is not in the list of channels"
    if body["cycle"] not in CYCLE_DAYS:
        yield f"cycle: {body['cycle']} is none of {', '.join(CYCLE_DAYS)}"
    yield from (f"aspects: {a} is unknown" for a in body["aspects"] if a not in canon.ASPECTS)
    names = [p.get("name") for p in body["properties"]]
    yield from (f"{name}: stated twice" for name in {n for n in names if names.count(n) > 1})
    yield from (f"key: no field {k}" for k in body["key"] if k not in names)
    if body["observed"] not in names:
        yield f"observed: no field {body['observed']}"
    for stated in body["properties"]:
        yield from (f"{stated.get('name')}: {fault}" for fault in _field_faults(stated))
    yield from _mapping_faults(body)


def _field_faults(stated: Mapping[str, Any]) -> Iterable[str]:
    yield from (f"missing {key}" for key in ("name", "en", "type") if key not in stated)
    yield from (f"unknown key {key}" for key in stated if key not in _FIELD)
    kind = stated.get("type")
    if kind not in TYPES:
        yield f"unknown type {kind}"
    if kind == "code" and ("standard" in stated) == ("codes" in stated):
        yield "a code names either a standard or its codes"
    if (
        kind == "code"
        and "standard" in stated
        and packs.find_file(f"codes/{stated['standard']}.yaml") is None
    ):
        yield f"no code list {stated['standard']}"
    units = UNITS.get(str(kind), {})
    if units and stated.get("unit") not in units:
        yield f"unit must be one of {', '.join(units)}"
    if stated.get("fault", "hold") not in {"hold", "note"}:
        yield "fault must be hold or note"


def _mapping_faults(body: Mapping[str, Any]) -> Iterable[str]:
    aspects = set(body["aspects"])
    for stated in body["properties"]:
        address = stated.get("type") == "address"
        for target in _listed(stated.get("to")):
            aspect = target.partition(".")[0]
            known = aspect in canon.ASPECTS if address else _is_column(target)
            if not known or (address and "." in target):
                yield f"{stated.get('name')}: no canonical column {target}"
            elif aspect not in aspects:
                yield f"{stated.get('name')}: aspect {aspect} is not declared"
    yield from (
        f"constants: no canonical column {c}" for c in body.get("constants") or {} if not _is_column(c)
    )
    for column, rank in body["authority"].items():
        if column not in canon.ASPECTS and not _is_column(column):
            yield f"authority: no aspect or column {column}"
        if not isinstance(rank, int) or rank < 1:
            yield f"authority: the rank of {column} is not a whole number from 1"


def _is_column(name: str) -> bool:
    try:
        canon.column(name)
    except (KeyError, StopIteration):
        return False
    return True


__all__ = ["by_file_name", "find_contract", "get_contract", "list_contracts", "read", "targets"]
