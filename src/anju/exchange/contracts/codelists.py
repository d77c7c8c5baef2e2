"""Code lists: the codes of a standard, and every form in which departments write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from anju.kernel import packs
from anju.kernel.refusal import Refusal


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list of codes. ``forms`` maps every accepted writing to its code; None means a stated *unknown*."""

    id: str
    standard: str
    zh: str
    en: str
    labels: Mapping[str, tuple[str, str]]
    forms: Mapping[str, str | None]


@lru_cache
def get_codelist(name: str) -> CodeList:
    """The code list ``packs/*/codes/<name>.yaml``; refuses an unknown one and one form for two codes."""
    path = packs.find_file(f"codes/{name}.yaml")
    if path is None:
        raise Refusal("contracts.unknown_codelist", name=name)
    body = packs.read_yaml(path)
    labels: dict[str, tuple[str, str]] = {}
    forms: dict[str, str | None] = {}
    for code, said in body["values"].items():
        labels[str(code)] = (str(said["zh"]), str(said["en"]))
        for form in _writings(str(code), said):
            if forms.setdefault(form, None if said.get("unknown") else str(code)) not in (str(code), None):
                raise Refusal("contracts.code_form_twice", name=name, form=form)
    return CodeList(body["id"], str(body["standard"]), body["name"]["zh"], body["name"]["en"], labels, forms)


def _writings(code: str, said: Mapping[str, object]) -> list[str]:
    also = said.get("also")
    others = [str(a) for a in also] if isinstance(also, list) else []
    listed = [str(said["zh"]), code, *others, str(said["en"])]
    spelled: list[str] = []
    for form in listed:
        spelled.append(form)
        if form.isdigit():
            # Spreadsheets drop leading zeros and make numbers of codes.
            spelled += [form.lstrip("0") or "0", f"{form.lstrip('0') or '0'}.0"]
        spelled.append(form.lower())
        spelled.append(form.upper())
        spelled.append(f"{code}{said['zh']}")
        spelled.append(f"{code}-{said['zh']}")
        spelled.append(f"{code} {said['zh']}")
    return list(dict.fromkeys(spelled))
