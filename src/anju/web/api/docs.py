"""The API explained on one page, made from its own description: no outside script, readable on paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from anju.trust.access import Action, rules
from anju.web.api import problems
from anju.web.guard import public


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter or body: where it stands, its name, whether required, its form, what it means."""

    place: str
    name: str
    is_required: bool
    form: str
    told: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, and the action of the access rules behind it."""

    method: str
    path: str
    summary: str
    told: str
    action: Action | None
    parameters: tuple[Parameter, ...]

    @property
    def id(self) -> str:
        """An anchor on the page."""
        return f"{self.method}-{self.path}".lower().replace("/", "-").replace("{", "").replace("}", "")


@dataclass(frozen=True, slots=True)
class DocsPage:
    """Operations by group."""

    groups: tuple[tuple[str, tuple[Operation, ...]], ...]


@require_GET
@public
def page(request: HttpRequest) -> HttpResponse:
    """Every operation: what it is for, what it takes, which right it needs."""
    return render(request, "api/docs.html", {"page": DocsPage(_groups())})


@csrf_exempt
@public
def no_address(request: HttpRequest) -> HttpResponse:
    """Anything else below ``/api/``."""
    return problems.not_found(request)


def _groups() -> tuple[tuple[str, tuple[Operation, ...]], ...]:
    from anju.web.api.urls import api

    schema: Any = api.get_openapi_schema()
    rules_by_id = _rules(api)
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            group = (told.get("tags") or ["other"])[0]
            found.setdefault(group, []).append(_operation(method, path, told, schema, rules_by_id))
    return tuple((group, tuple(listed)) for group, listed in found.items())


def _rules(api: Any) -> dict[str, str]:
    return {
        operation.operation_id or api.get_openapi_operation_id(operation): getattr(
            operation.view_func, "rule", ""
        )
        for _prefix, router in api._routers
        for view in router.path_operations.values()
        for operation in view.operations
    }


def _operation(method: str, path: str, told: Any, schema: Any, named: dict[str, str]) -> Operation:
    parameters = [
        Parameter(
            p["in"], p["name"], p.get("required", False), _form(p.get("schema", {})), p.get("description", "")
        )
        for p in told.get("parameters", ())
    ]
    for kind, content in told.get("requestBody", {}).get("content", {}).items():
        reference = content["schema"].get("$ref", "").rpartition("/")[2]
        body = schema["components"]["schemas"].get(reference, {})
        required = body.get("required", ())
        fields = body.get("properties", {})
        if not fields:
            parameters.append(Parameter("body", kind, True, "", ""))
        parameters += [
            Parameter("body", name, name in required, _form(f), f.get("description", ""))
            for name, f in fields.items()
        ]
    action = rules().actions.get(named.get(told.get("operationId", ""), ""))
    return Operation(
        method.upper(), path, told.get("summary", ""), told.get("description", ""), action, tuple(parameters)
    )


def _form(schema: Any) -> str:
    kinds = [s.get("type", "") for s in schema.get("anyOf", [schema])]
    shown = " | ".join(k for k in kinds if k and k != "null") or schema.get("$ref", "").rpartition("/")[2]
    bounds = [f"≤ {schema[k]}" for k in ("maximum", "maxLength", "maxItems") if k in schema]
    return " ".join([shown, schema.get("format", ""), *bounds]).strip()
