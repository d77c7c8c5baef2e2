"""A text that intake takes fits into the register: one that is too long goes back to its sender, not into a crash."""

from __future__ import annotations

from django.apps import apps

from anju.exchange.contracts import list_contracts
from anju.exchange.contracts.model import ADDRESS_PARTS
from anju.exchange.intake.usual import LONGEST as SEEN_AT_A_GLANCE
from anju.register import canon

TABLES = {
    "dwelling": "dwelling", "employer": "employer", "job": "job", "enrolment": "enrolment", "permit": "permit",
    "skill": "skill", "health": "healthfile", "stay": "dwelling",
}  # fmt: skip
OTHER_NAMES = {("employer", "credit_code"): "employer_code"}


def test_every_free_text_of_a_contract_has_room_in_the_register() -> None:
    free = {
        target
        for contract in list_contracts()
        for field in contract.fields
        for to in field.to
        if field.type in {"text", "address"}
        for target in ([f"{to}.{part}" for part in ADDRESS_PARTS[1:]] if field.type == "address" else [to])
    }
    checked = 0
    for target in sorted(free):
        aspect, name = target.split(".")
        if aspect not in TABLES:
            continue
        model = apps.get_model("register", TABLES[aspect])
        column = OTHER_NAMES.get((aspect, name), name)
        fields = {f.name: getattr(f, "max_length", None) for f in model._meta.get_fields()}
        room = fields.get(column)
        if room and name != "dwelling_code":  # the register mints its own
            assert 0 < canon.column(target).most <= room, target
            assert canon.column(target).most >= SEEN_AT_A_GLANCE, target
            checked += 1
    assert checked > 15
