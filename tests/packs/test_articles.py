"""Every citation of a law or a rule can be read in English; the form is read, not each citation translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from anju.kernel import articles

PACKS = Path(__file__).parents[2] / "packs"


def citations(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for name, value in told.items():
            if name in ("article", "basis", "legalBasis") and isinstance(value, str):
                yield value
            else:
                yield from citations(value)
    elif isinstance(told, list):
        for value in told:
            yield from citations(value)


def test_every_citation_of_the_packs_is_read_in_english() -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files = [f for f in sorted(PACKS.rglob("*.yaml")) if "\n" in f.read_text(encoding="utf-8")]
    stated = {c for f in files for c in citations(yaml.load(f.read_text(encoding="utf-8"), Loader=loader))}
    assert len(stated) > 250
    left = {c: told for c in stated if re.search("[\u4e00-\u9fff；、（）]", told := articles.english(c))}
    assert not left, "say the word in packs/cn/articles.yaml"


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("个人信息保护法第四十五条", "PIPL art. 45"),
        ("个人信息保护法第十九条、第三十一条（未成年人从短）", "PIPL art. 19, art. 31 (shorter for minors)"),
        ("民法典第一千零四十九条；婚姻登记条例第十六条", "Civil Code, art. 1049; Regulations on Marriage Registration, art. 16"),
        ("第五十六条第二款第三项", "art. 56(2)(3)"),
        ("第十六条(二)至(四)", "art. 16(2)–(4)"),
        ("附件 二、2(1)", "annex 2.2(1)"),
        ("附件 一票否决", "annex, veto"),
        ("附表五备注", "table 5, note"),
        ("某某办法", "某某 measures"),
        ("", ""),
    ],
)  # fmt: skip
def test_articles_are_read_by_their_form(stated: str, told: str) -> None:
    assert articles.english(stated) == told


@pytest.mark.parametrize(
    ("stated", "told"), [("十", 10), ("二十", 20), ("一百零五", 105), ("一千零四十九", 1049)]
)
def test_chinese_numbers(stated: str, told: int) -> None:
    assert articles.number(stated) == told
