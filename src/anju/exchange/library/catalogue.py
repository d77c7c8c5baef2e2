"""The tables of the library, each declared once: what one row is, its key, its columns.

Grain: one row of a person table is one fact about one person; ``person_code`` stands first.
Units: days are DATE and half-open, money in fen, areas in square metres.
Unknown: null, never a default.
Source: ``sources`` names every dataset behind a row as ``dataset@day``, ``;`` between, in alphabetical order.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One column: name, DuckDB type, privacy class, Chinese and English label."""

    name: str
    type: str
    privacy: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Table:
    """One library table. ``key`` is unique among its rows; ``of_person`` when rows are about one person."""

    name: str
    row_zh: str
    row_en: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def of_person(self) -> bool:
        """Whether each row is about one person."""
        return self.fields[0].name == "person_code"

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(f.name for f in self.fields)


_TYPES = {"s": "VARCHAR", "d": "DATE", "i": "INTEGER", "l": "BIGINT", "f": "DOUBLE", "b": "BOOLEAN"}
_PRIVACY = {"o": "public", "n": "internal", "p": "personal", "x": "sensitive"}


def _fields(declared: str) -> tuple[Field, ...]:
    """Fields from lines of ``name type+privacy zh english words``."""
    found = []
    for line in filter(None, declared.splitlines()):
        name, kinds, zh, en = line.split(maxsplit=3)
        found.append(Field(name, _TYPES[kinds[0]], _PRIVACY[kinds[1]], zh, en))
    return tuple(found)


_CODE = "person_code sp 人员编码 person code\n"
_SOURCES = "\nsources sn 来源 datasets and days behind the row"
_SPELL = """
begin_on dp 开始日 first day
end_on dp 结束日 day after the last, as a source says; null: none ended it
presumed_end_on dp 推定结束日 first day of a later confirmed one elsewhere, when no source ended this one
"""


def _person_table(name: str, zh: str, en: str, key: str, declared: str) -> Table:
    return Table(name, zh, en, ("person_code", *key.split()), _fields(_CODE + declared.strip() + _SOURCES))


TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        Table(
            "person",
            "一个人，各字段取权威来源",
            "one person, each field from the source with authority",
            ("person_code",),
            _fields(
                _CODE
                + """
name sp 姓名 name
name_key sp 检索用姓名 simplified characters, no spaces, small letters
pinyin sp 拼音 pinyin without tones or spaces
initials sp 拼音首字母 first letters of the pinyin
sex sp 性别 GB/T 2261.1
born_on dp 出生日期 birthday
citizen_no sx 公民身份号码 citizen number
phone sx 联系电话 mobile number
hukou_region sp 户籍地区划 county of registered household
education sp 学历 GB/T 4658
marital sp 婚姻状况 GB/T 2261.2
region sp 现居住区划 division of the current dwelling, 12 digits
dwelling_code sp 现住房屋 current dwelling
employer_code sp 现用人单位 current employer
arrived_on dp 首次居住日 first day of the first stay
is_resident bp 现居住 lives, works or learns here on the day of the run
in_police bp 已居住登记 the police register has the person
record_count in 记录数 records behind the person
dataset_count in 数据集数 datasets behind the person
discrepancy_count in 矛盾字段数 fields on which departments contradict each other
"""
            ),
        ),
        Table(
            "dossier",
            "一个人的全部来源说法",
            "everything the sources say of one person's own fields (format: register.dossier)",
            ("person_code",),
            _fields(
                _CODE
                + "records sx 来源记录 packed records\nmark ln 标记 the same for the same records in any order"
            ),
        ),
        _person_table(
            "stay",
            "一人一处一段居住",
            "one person living in one dwelling for one period",
            "dwelling_code region begin_on",
            "dwelling_code sp 房屋编码 dwelling\nregion sp 区划 division of the dwelling, 12 digits"
            + _SPELL
            + """dwelling_kind sp 住所类型 GB/T 31000
reason sp 流入原因 GB/T 31000
confirmed_on dp 最近确认日 last day a source confirmed it
registered_on dp 登记日 first day the police register has it""",
        ),
        _person_table(
            "job",
            "一人一单位一段就业",
            "one person working for one employer for one period",
            "employer_code employer_name begin_on",
            "employer_code sn 单位信用代码 credit code, empty when unknown\nemployer_name sn 单位名称 employer's name"
            + _SPELL
            + """occupation sp 职业 GB/T 6565
has_contract bp 签订劳动合同 a labour contract is on file
wage_fen lx 月工资 monthly wage in fen
confirmed_on dp 最近确认日 last day a source confirmed it""",
        ),
        _person_table(
            "contribution",
            "一人一险种连续缴费",
            "one run of months of one scheme and kind; runs of one scheme and kind share no month",
            "scheme kind from_month",
            """
scheme sp 险种 pension medical unemployment injury housing_fund
kind sp 缴费类别 normal back_paid transferred_in
region sp 参保地 where insured
from_month dp 起始月 first day of the first month
to_month dp 终止月 first day of the month after the last
months ip 月数 months in the run
base_fen lx 缴费基数 monthly base in fen""",
        ),
        _person_table(
            "enrolment",
            "一人一校一段就读",
            "one pupil at one school for one period",
            "school_code stage begin_on",
            "school_code so 学校标识码 school\nstage so 学段 stage\nschool_name so 学校 school's name\ngrade sp 年级 grade"
            + _SPELL
            + "confirmed_on dp 最近确认日 last day a source confirmed it",
        ),
        _person_table(
            "kin",
            "一名亲属或同住家人，双向",
            "one relative or member of the same household, in both directions",
            "relative_code relative_name relation household is_inverse",
            """
relative_code sp 亲属编码 person code of the relative, empty when not in the library
relation sp 关系 GB/T 4761, of the relative to the person; empty: same household
relative_name sp 亲属姓名 relative's name
household sp 家庭编号 dataset and its household number
is_inverse bp 反向 derived from the relative's own record""",
        ),
        _person_table(
            "permit",
            "一张居住证",
            "one residence permit",
            "permit_no",
            "permit_no sp 居住证号 permit number\nissued_on dp 签发日 issued\nvalid_until dp 有效期止 last valid day",
        ),
        _person_table(
            "tax",
            "一人一年个税",
            "one person's income tax in one year, employers added up",
            "year",
            "year ip 纳税年度 tax year\npaid_fen lx 已缴税额 tax paid in fen",
        ),
        _person_table(
            "skill",
            "一项职业资格",
            "one vocational qualification",
            "name level",
            "name sp 证书 qualification\nlevel sp 等级 1 senior technician to 5 beginner\nissued_on dp 发证日 issued",
        ),
        _person_table(
            "land",
            "一块承包地",
            "one contracted plot",
            "region begin_on area_m2",
            """
region sp 承包地区划 where the land is
area_m2 fp 面积 square metres
begin_on dp 承包起始日 contract begins
is_leased_out bp 是否流转 leased to somebody else""",
        ),
        _person_table(
            "aid",
            "一件法律援助",
            "one legal-aid case",
            "kind opened_on",
            "kind sp 援助事项 matter\nopened_on dp 受理日 opened\nclosed_on dp 结案日 closed",
        ),
        _person_table(
            "health",
            "一份居民健康档案",
            "one resident health file",
            "station_code",
            "station_code so 机构代码 health station\nopened_on dp 建档日 opened",
        ),
        Table(
            "discrepancy",
            "一人一字段的部门矛盾",
            "one field of one person on which departments' current values cannot all be true",
            ("person_code", "field"),
            _fields(
                _CODE
                + """
field sn 字段 field
owner sn 责任部门 department with authority over the field
shown_dataset sn 采信数据集 dataset of the value shown
against sn 相异数据集 datasets that say otherwise, ; between"""
            ),
        ),
        Table(
            "dwelling",
            "一处标准地址的房屋",
            "one dwelling on one standard address",
            ("dwelling_code",),
            _fields(
                """
dwelling_code sn 房屋编码 code, from the standard address
region sn 区划 division, 12 digits
street sx 街路巷 street
number sx 门牌号 house number
building sx 楼栋 building
unit sx 单元 unit
room sx 室 room
address sx 详细地址 address as stated
official_codes sn 部门房屋编码 housing department's codes, ; between
kind sn 房屋类型 flat house dormitory village_house
let_for sn 出租用途 GB/T 31000
area_m2 fn 建筑面积 floor area
rooms in 间数 rooms
rent_fen ln 月租金 monthly rent in fen
fire_grade sn 消防等级 A good B fair C poor
hygiene_grade sn 卫生等级 A good B fair C poor
grade sn 安全等级 the worse of the two
landlord_name sp 出租人 landlord
landlord_phone sx 出租人电话 landlord's phone
longitude fn 经度 degrees WGS 84
latitude fn 纬度 degrees WGS 84
residents in 现居住人数 people living here on the day of the run"""
                + _SOURCES
            ),
        ),
        Table(
            "employer",
            "一个用人单位",
            "one employer",
            ("employer_code",),
            _fields(
                """
employer_code so 统一社会信用代码 credit code
name so 名称 name
kind so 主体类型 kind
industry so 行业门类 GB/T 4754 section
region so 所在区划 division
address so 住所 address
opened_on do 成立日期 opened
closed_on do 注销日期 closed
workers in 现有人数 people working here on the day of the run"""
                + _SOURCES
            ),
        ),
        Table(
            "school",
            "一所学校",
            "one school",
            ("school_code",),
            _fields(
                "school_code so 学校标识码 school\nname so 名称 name\nstage so 学段 stages, ; between\n"
                "region so 区划 division, empty when unknown\npupils in 在读人数 pupils on the day of the run"
                + _SOURCES
            ),
        ),
    )
}
