"""Reading roles, actions and purposes, and refusing files that do not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.trust.access.model import REACHES, Action, Purpose, Role

PLACES = ("region", "self")


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """All that can be done, by whom, and why."""

    actions: Mapping[str, Action]
    roles: Mapping[str, Role]
    purposes: Mapping[str, Purpose]


@lru_cache
def rules() -> Rules:
    """The rules of the packs in force; a nearer pack's file replaces a farther one's whole."""
    return read(*(_file(f"trust/{name}.yaml") for name in ("actions", "roles", "purposes")))


def _file(relative: str) -> dict[str, dict[str, Any]]:
    found = packs.find_file(relative)
    if found is None:
        raise Refusal("access.no_file", file=relative)
    read_in: dict[str, dict[str, Any]] = packs.read_yaml(found)
    return read_in


def read(
    actions: Mapping[str, Mapping[str, Any]],
    roles: Mapping[str, Mapping[str, Any]],
    purposes: Mapping[str, Mapping[str, Any]],
) -> Rules:
    """Rules from parsed files. Refuses with every fault found: unknown names never pass silently."""
    faults = [
        *_action_faults(actions),
        *_role_faults(roles, actions),
        *_purpose_faults(purposes, roles, actions),
    ]
    if faults:
        raise Refusal("access.broken_rules", count=len(faults), faults="; ".join(faults))
    return Rules(
        {n: Action(n, **a) for n, a in actions.items()},
        {n: Role(n, **{**r, "may": frozenset(r["may"])}) for n, r in roles.items()},
        {
            n: Purpose(
                n,
                p["zh"],
                p["en"],
                p["basis"],
                frozenset(p["roles"]),
                tuple(p["aspects"]),
                frozenset(p.get("departments", ())),
                frozenset(p.get("actions", ())),
                bool(p.get("on_restricted", False)),
            )
            for n, p in purposes.items()
        },
    )


def _action_faults(actions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    known = {"zh", "en", "reach", "bulk", "write", "quiet"}
    return [f"{n}: unknown key {k}" for n, a in actions.items() for k in sorted(set(a) - known)] + [
        f"{n}: reach must be one of {', '.join(REACHES)}"
        for n, a in actions.items()
        if a.get("reach") not in REACHES
    ]


def _role_faults(roles: Mapping[str, Mapping[str, Any]], actions: Mapping[str, Any]) -> list[str]:
    known = {"zh", "en", "place", "may", "staff", "department", "glass"}
    faults = [f"{n}: unknown key {k}" for n, r in roles.items() for k in sorted(set(r) - known)]
    faults += [f"{n}: place must be region or self" for n, r in roles.items() if r.get("place") not in PLACES]
    faults += [f"{n}: unknown action {a}" for n, r in roles.items() for a in r["may"] if a not in actions]
    return faults


def _purpose_faults(
    purposes: Mapping[str, Mapping[str, Any]], roles: Mapping[str, Any], actions: Mapping[str, Any]
) -> list[str]:
    known = {"zh", "en", "basis", "roles", "aspects", "departments", "actions", "on_restricted"}
    faults = [f"{n}: unknown key {k}" for n, p in purposes.items() for k in sorted(set(p) - known)]
    faults += [f"{n}: unknown role {r}" for n, p in purposes.items() for r in p["roles"] if r not in roles]
    faults += [
        f"{n}: unknown action {a}"
        for n, p in purposes.items()
        for a in p.get("actions", ())
        if a not in actions
    ]
    faults += [f"{n}: no legal basis" for n, p in purposes.items() if not (p.get("basis") or {}).get("zh")]
    return faults
