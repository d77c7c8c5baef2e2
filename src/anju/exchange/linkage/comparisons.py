"""The comparisons made for Chinese records: what can agree about two people, from most to least alike.

Each level is a condition on prepared columns (``features``); the first that holds counts. What a level is worth
stands in ``packs/*/linkage/*.yaml``, not here. Levels are ordered by kind of likeness; the model weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass

from anju.exchange.linkage.conditions import (
    Alike,
    All,
    AnyOf,
    Begins,
    Condition,
    Crossed,
    Either,
    Missing,
    Not,
    OneApart,
    Row,
    Same,
    SameBag,
    Shares,
    Shorter,
    Within,
)


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of likeness. ``frequency`` names the column whose rarity adjusts the weight."""

    name: str
    zh: str
    en: str
    condition: Condition
    frequency: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing compared: levels from most to least alike; ``other`` is what remains; missing says nothing."""

    name: str
    zh: str
    en: str
    missing: Condition
    levels: tuple[Level, ...]

    def level(self, a: Row, b: Row) -> str:
        """The first level that holds for two records; ``missing`` and ``other`` have these names."""
        if self.missing.holds(a, b):
            return "missing"
        return next((v.name for v in self.levels if v.condition.holds(a, b)), "other")

    def case_sql(self) -> str:
        """SQL that names the first level that holds for ``_l`` and ``_r`` columns."""
        whens = " ".join(f"WHEN {v.condition.sql()} THEN '{v.name}'" for v in self.levels)
        return f"CASE WHEN {self.missing.sql()} THEN 'missing' {whens} ELSE 'other' END"

    def names(self) -> tuple[str, ...]:
        """Every level's name that has a weight."""
        return (*(v.name for v in self.levels), "other")


SAME_LENGTH = Same("length")
HAN = Not(Either("latin"))
LOOKS = All(SAME_LENGTH, HAN, *(Alike(f"char{i}", f"look{i}") for i in (1, 2, 3, 4)))

NAME = Comparison(
    "name",
    "姓名",
    "name",
    Missing("name"),
    (
        Level("same", "相同（含繁简、间隔号）", "same, script and dots aside", Same("name"), "name"),
        Level(
            "sound", "同音（含姓氏读音、多音字）", "same sound", All(HAN, SAME_LENGTH, Shares("spellings"))
        ),
        Level("look", "形近字", "look-alike characters", LOOKS),
        Level("pinyin", "拼音姓名读音一致", "romanised name of that sound", Shares("spellings")),
        Level("order", "字序不同", "same characters in another order", Same("bag")),
        Level("near_sound", "近音（平翘舌、前后鼻音等）", "nearly the same sound", Same("near_sound")),
        Level(
            "dropped",
            "漏字或截断",
            "a character dropped, or cut short",
            AnyOf(
                All(Same("surname"), Shorter("name")),
                Begins("name", 4),
                All(Either("dotted"), Same("first_part")),
            ),
        ),
        Level("given", "仅名相同", "same given name only", Same("given")),
        Level(
            "one_char",
            "同姓、名差一字",
            "surname and all but one character",
            All(Same("surname"), OneApart("name"), HAN),
        ),
        Level("surname", "仅姓相同", "surname only", Same("surname")),
    ),
)
BIRTH = Comparison(
    "birth",
    "出生日期",
    "birthday",
    Missing("born"),
    (
        Level("same", "相同", "same day", Same("born")),
        Level("lunar", "农历与公历", "lunar against solar", Crossed("born", "lunar")),
        Level("swapped", "月日颠倒", "day and month swapped", Crossed("born", "swapped")),
        Level("one_digit", "错一位", "one digit wrong", Within("born", 1)),
        Level("turned", "相邻两位颠倒", "two digits turned round", All(Within("born", 2), SameBag("born"))),
        Level(
            "first_of_year",
            "同年，一方为1月1日",
            "same year, one says 1 January",
            All(Same("born_year"), Either("is_new_year")),
        ),
        Level("year", "同年", "same year", Same("born_year")),
    ),
)
NUMBER = Comparison(
    "number",
    "证件号码",
    "citizen number",
    Missing("digits"),
    (
        Level("same", "相同", "same", Same("digits")),
        Level("one_digit", "错、漏或多一位", "one digit wrong, missing or too many", Within("digits", 1)),
        Level("turned", "两位颠倒", "two digits turned round", All(Within("digits", 2), SameBag("digits"))),
        Level("two_digits", "错两位", "two digits wrong", Within("digits", 2)),
    ),
)
PHONE = Comparison(
    "phone",
    "电话",
    "phone",
    Missing("phones"),
    (
        Level("same", "同号（少人共用）", "same, few share it", Shares("own_phones")),
        Level("shared", "同号（多人共用）", "same, many share it", Shares("phones")),
    ),
)
PLACE = Comparison(
    "place",
    "住址",
    "address",
    All(Missing("rooms"), Not(Shares("houses"))),
    (
        Level("same", "同一户室", "same room", Shares("own_rooms")),
        Level("shared", "同一宿舍或门牌", "same dormitory or house", Shares("rooms")),
        Level("house", "同一楼栋", "same building", Shares("houses")),
    ),
)
WORK = Comparison(
    "work",
    "用人单位",
    "employer",
    Missing("employers"),
    (
        Level("same", "同一小单位", "same small employer", Shares("own_employers")),
        Level("shared", "同一大单位", "same large employer", Shares("employers")),
    ),
)
KIN = Comparison(
    "kin",
    "家庭",
    "family",
    Missing("kin"),
    (Level("same", "同一亲属或家庭编号", "same relative or household", Shares("kin")),),
)
ORIGIN = Comparison(
    "origin",
    "户籍地",
    "county of registered household",
    Missing("counties"),
    (
        Level("same", "同县区", "same county", Shares("counties")),
        Level("prefecture", "同市", "same prefecture", Shares("prefectures")),
    ),
)
SEX = Comparison("sex", "性别", "sex", Missing("sex"), (Level("same", "相同", "same", Same("sex")),))

HAN_COMPARISONS = (NAME, BIRTH, NUMBER, PHONE, PLACE, WORK, KIN, ORIGIN, SEX)
