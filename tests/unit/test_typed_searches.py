"""What people type into a search box: addresses whose streets are called like divisions, names copied from a text."""

from __future__ import annotations

import pytest

from anju.register import names
from anju.register.store.queries import addresses


@pytest.mark.parametrize(
    ("text", "street"),
    [
        ("建设路12号", "建设路"),
        ("和安市云津区津门街道建设路12号3栋2单元501室", "建设路"),
        ("市民路12号", "市民路"),
        ("县前街12号", "县前街"),
        ("新区大道12号", "新区大道"),
        ("和安市禾塘县镇海路12号", "镇海路"),
        ("建设路8弄12号", "建设路8弄"),
    ],
)
def test_the_street_is_among_what_it_may_be(text: str, street: str) -> None:
    wanted = addresses.parse(text)
    assert wanted is not None
    assert street in wanted.streets
    assert wanted.number == "12"
    condition, values = addresses.condition(wanted, "a")
    assert condition.count("%s") == len(values)
    condition, values = addresses.beginning(street, "a")
    assert street in values
    assert condition.count("%s") == len(values)


@pytest.mark.parametrize(
    ("typed", "even"),
    [("“张伟”，", "张伟"), ("Zhāng  Wěi", "Zhang Wei"), ("lǚ", "lü"), ("１２０ 1111", "120 1111"), ("张伟。", "张伟")],
)  # fmt: skip
def test_what_does_not_matter_is_left_out(typed: str, even: str) -> None:
    assert names.even(typed) == even


@pytest.mark.parametrize("dot", "·•‧・･∙⋅●．")
def test_every_middle_dot_is_one(dot: str) -> None:
    assert names.key(names.even(f"阿依古丽{dot}买买提")) == "阿依古丽买买提"
