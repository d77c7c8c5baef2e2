"""No door without a rule: every address, API operation and command names an action of the catalogue."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator

import yaml
from django.urls import URLPattern, URLResolver, get_resolver
from typer.main import get_command

from anju.jobs.cli import GROUPS
from anju.kernel import packs
from anju.trust.access import rules


def doors(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address and its pattern."""
    for found in (resolver or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from doors(found, prefix + str(found.pattern))
        else:
            yield prefix + str(found.pattern), found


def rules_of(door: URLPattern) -> tuple[str, ...]:
    """The actions a page asks for, or those of every operation behind an API address; "" where one is missing."""
    view = door.callback
    path_view = getattr(view, "__self__", None)
    if path_view is not None and hasattr(path_view, "operations"):
        return tuple(_own(operation.view_func) or "" for operation in path_view.operations)
    if view.__module__.startswith("ninja.openapi"):
        return ("page.open",)  # the API's description of itself
    return getattr(view, "rules", ()) or (_own(view),)


def _own(view: object) -> str:
    return str(getattr(view, "rule", ""))


def test_every_address_and_operation_has_a_rule() -> None:
    known = rules().actions
    told = {path: rules_of(door) for path, door in doors()}
    wrong = {path: names for path, names in told.items() if not names or not set(names) <= set(known)}
    assert not wrong


def commands() -> Iterator[str]:
    def walk(command: object, path: str) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if not inner:
            yield path
        for name, child in (inner or {}).items():
            yield from walk(child, f"{path} {name}")

    for group in GROUPS:
        if importlib.util.find_spec(f"anju.jobs.cli.{group}") is not None:
            yield from walk(get_command(importlib.import_module(f"anju.jobs.cli.{group}").app), group)


def test_every_command_has_a_rule() -> None:
    found = packs.find_file("trust/commands.yaml")
    assert found is not None
    told = yaml.safe_load(found.read_text(encoding="utf-8"))
    assert sorted(set(commands()) - set(told)) == []
    assert not set(told.values()) - set(rules().actions)
