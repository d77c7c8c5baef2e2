"""Divisions elsewhere have a name in letters on English pages."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest

from anju.kernel import packs
from anju.web.shell import terms


def test_every_division_has_a_name_in_letters() -> None:
    codes = packs.root() / "cn/codes"
    divisions = pq.read_table(codes / "divisions.parquet").to_pylist()
    names = dict(zip(*pq.read_table(codes / "division_names.parquet").to_pydict().values(), strict=True))
    assert names.keys() == {r["code"] for r in divisions if r["kind"] != "placeholder"}
    odd = {code: name for code, name in names.items() if not re.fullmatch(r"[A-Z][A-Za-z' ()-]+", name)}
    assert not odd


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("430121", "湖南省长沙市长沙县", "Changsha County, Changsha, Hunan"),
        ("500101", "重庆市万州区", "Wanzhou District, Chongqing"),
        ("371722", "山东省菏泽市单县", "Shanxian County, Heze, Shandong"),
        ("130321", "河北省秦皇岛市青龙满族自治县", "Qinglong Manchu Autonomous County, Qinhuangdao, Hebei"),
        ("320583", "江苏省苏州市昆山市", "Kunshan City, Suzhou, Jiangsu"),
        ("150104", "内蒙古自治区呼和浩特市玉泉区", "Yuquan District, Hohhot, Inner Mongolia"),
        ("990102", "云津区", "Yunjin District"),
    ],
)
def test_a_division_is_named_in_the_language_of_the_page(code: str, zh: str, en: str) -> None:
    assert terms._region_name(code, 2, is_english=False) == zh
    assert terms._region_name(code, 2, is_english=True) == en
