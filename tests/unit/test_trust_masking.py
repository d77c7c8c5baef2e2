"""Masking hides what it says and never shows by a slip."""

import pytest

from anju.trust import masking


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "张小三", "张*三"),
        ("name", "张三", "张*"),
        ("name", "张", "张*"),
        ("name", "欧阳小三", "欧**三"),
        ("name", "阿依古丽·买买提", "阿*提"),
        ("name", "", ""),
        ("name", None, None),
        ("citizen_no", "990101199001011234", "**************1234"),
        ("phone", "12345678901", "*******8901"),
        ("number", "1234", "****"),
        ("address", "和安市东湖区春江路12号3栋402", "和安市东湖区****"),
        ("address", "春江路12号", "春江****"),
    ],
)
def test_masks(kind: str, value: str | None, shown: str | None) -> None:
    assert masking.mask(kind, value) == shown


def test_an_unknown_kind_shows_nothing() -> None:
    with pytest.raises(KeyError):
        masking.mask("nmae", "张三")
