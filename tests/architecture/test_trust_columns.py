"""Every column has a privacy class and a term; people stay out of logs, addresses, messages and metrics."""

from __future__ import annotations

import logging
import re
from string import Formatter as Template

import pytest
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from anju.kernel import packs
from anju.register import canon
from anju.trust import redacting
from anju.trust.retaining import keepings
from anju.trust.store.fields import SealedField

CLASSES = {"public", "internal", "personal", "sensitive"}
ABOUT_PEOPLE = {
    "citizen_no",
    "phone",
    "address",
    "born_on",
    "person_name",
    "birthday",
    "email",
    "number_stated",
}


def test_every_canonical_column_has_a_class_and_a_term() -> None:
    kept = keepings()
    assert set(kept) == set(canon.ASPECTS)
    for aspect in canon.ASPECTS.values():
        assert {c.privacy for c in aspect.columns} <= CLASSES
        assert kept[aspect.name].days is None or 0 < kept[aspect.name].days <= 3650


def test_numbers_and_phones_stand_sealed_in_the_database() -> None:
    """A model column that is called like a number or a phone is sealed, or the keyed index of one, or its last digits."""
    bare = [
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        if model.__module__.startswith("anju.")
        for field in model._meta.concrete_fields
        if re.search(r"(citizen_no|phone)", field.column)
        and not isinstance(field, SealedField)
        and not field.column.endswith(("_index", "_tail", "_last4"))
    ]
    assert not bare


def test_no_address_of_ours_carries_a_person() -> None:
    names: set[str] = set()

    def walk(resolver: URLResolver) -> None:
        for found in resolver.url_patterns:
            if isinstance(found, URLResolver):
                walk(found)
            elif isinstance(found, URLPattern):
                names.update(found.pattern.converters)

    walk(get_resolver())
    assert not names & (ABOUT_PEOPLE | {"name"})


def test_no_message_of_ours_has_a_place_for_a_person() -> None:
    wrong = []
    for path in packs.files("wording/*.yaml"):
        for code, said in (packs.read_yaml(path) or {}).items():
            for sentence in said.values():
                fields = {f for _, f, _, _ in Template().parse(sentence) if f}
                wrong += [code] if fields & ABOUT_PEOPLE else []
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [
        "lookup of 990101199001011234 failed",
        "lookup of 99010119900101123X failed",
        "phone=12345678901,",
        "15 digits 990101900101123",
        'duplicate key value violates unique constraint "x"\nDETAIL:  Key (phone)=(12345678901) already exists.',
        "Key (name, born_on)=(李华, 1990-01-01) is not present",
        "  CONTEXT:  COPY register_identity, line 3: 李华",
    ],
)
def test_the_log_formatter_blots_people_out(line: str) -> None:
    shown = redacting.Formatter("%(message)s").format(logging.LogRecord("x", 40, "", 0, line, (), None))
    assert not re.search(r"\d{11}|李华", shown)
    assert redacting.BLOT in shown


@pytest.mark.parametrize(
    "line", ["entry 1234567 of 2026-11-22", "batch 20261122-01", "GET /staff/people/ 200 in 12 ms"]
)
def test_the_log_formatter_leaves_the_rest(line: str) -> None:
    assert redacting.redact(line) == line


def test_a_traceback_is_blotted_too() -> None:
    try:
        raise ValueError("bad number 990101199001011234")
    except ValueError as broken:
        record = logging.LogRecord("x", 40, "", 0, "failed", (), (ValueError, broken, broken.__traceback__))
    assert "990101199001011234" not in redacting.Formatter("%(message)s").format(record)


def test_the_servers_log_uses_it(settings) -> None:  # type: ignore[no-untyped-def]
    told = settings.LOGGING["formatters"].values()
    assert all(f["()"] == "anju.trust.redacting.Formatter" for f in told)
    assert {h["formatter"] for h in settings.LOGGING["handlers"].values()} <= set(
        settings.LOGGING["formatters"]
    )
