"""What people type into a search box: addresses whose streets are called like divisions, names copied from a text."""

from __future__ import annotations

import duckdb
import pytest

from anju.register import names
from anju.register.store.queries import addresses
from anju.register.store.queries.ways import ways_of


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


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("建设路12-3-2-501", ("12", "3", "2", "501")),
        ("建设路12-3-501", ("12", "3", None, "501")),
        ("建设路12号3-2-501", ("12", "3", "2", "501")),
        ("建设路12号A-501", ("12", "A", None, "501")),
        ("建设路12-3号", ("12-3", None, None, None)),
        ("建设路12-3", ("12-3", None, None, None)),
    ],
)
def test_an_address_in_short_hand(typed: str, parts: tuple[str | None, ...]) -> None:
    wanted = addresses.parse(typed)
    assert wanted is not None
    assert (wanted.number, wanted.building, wanted.unit, wanted.room) == parts


def test_a_name_and_four_digits_may_be_a_street_and_its_number() -> None:
    assert [(w.name, w.is_last_resort) for w in ways_of("春门路 1322", ("",))][-1] == ("address", True)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("查小伟", ("zha xiaowei", "cha xiaowei", "chaxiao", "cha")),
        ("单田", ("shan tian", "dan tian", "dan")),
        ("解晓", ("xiexiao", "jiexiao")),
        ("仇英", ("qiuying", "chouying")),
        ("曾志伟", ("zengzhiwei", "cengzhiwei")),
        ("区明", ("ouming", "quming")),
        ("朴欧", ("piaoou", "puou", "po")),
        ("盖叫天", ("gejiaotian", "gaijiaotian")),
        ("尉迟恭", ("yuchigong", "weichigong", "yuchi")),
        ("万俟明", ("moqiming", "wanqiming", "moqi")),
    ],
)
def test_a_surname_is_found_by_either_reading_once(name: str, typed: tuple[str, ...]) -> None:
    sounds = names.syllables(names.key(name))
    row = f"'{names.key(name)}' AS name_key, '{''.join(sounds)}' AS pinyin, '{''.join(s[0] for s in sounds)}' AS initials"
    for text in typed:
        ways = [way for way in ways_of(text, ("",)) if not way.is_last_resort]
        found = [
            duckdb.sql(
                f"SELECT count(*) FROM (SELECT {row}) AS i WHERE " + way.condition.replace("%s", "?"),
                params=way.values,
            ).fetchall()[0][0]
            for way in ways
        ]
        assert sum(found) == 1, (text, [way.name for way in ways], found)


def test_only_surnames_read_otherwise_cost_a_further_look() -> None:
    assert [way.name for way in ways_of("wang xiaoming", ("",)) if not way.is_last_resort] == ["pinyin"]
