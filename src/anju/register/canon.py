"""The canonical columns: what any department's row is mapped to.

A contract maps its fields to ``<aspect>.<column>`` names from this catalogue; a standardised batch holds
those columns (dots kept) beside the columns of ``RECORD``. One source row makes one record; it may carry
several aspects (a person, their stay, their permit). Types are DuckDB's; codes follow the named standard.

Privacy classes: ``public`` about no person; ``internal`` of the office; ``personal`` about a person;
``sensitive`` sealed or masked wherever shown (citizen number, phone, exact address, a child's data).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column: its DuckDB type, unit or code standard, privacy class, labels, meaning of null.

    ``most``: characters of the longest text there is room for; 0 where a code or a form bounds it.
    """

    name: str
    type: str
    zh: str
    en: str
    privacy: str = "personal"
    standard: str = ""
    unknown: str = "not stated by the source"
    most: int = 0


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of a record: what one row says, its columns, and what makes it a row of its own."""

    name: str
    row: str
    columns: tuple[Column, ...]

    def qualified(self) -> tuple[str, ...]:
        """Column names as they stand in a batch: ``aspect.column``."""
        return tuple(f"{self.name}.{c.name}" for c in self.columns)


RECORD = (
    Column("record_id", "UBIGINT", "记录号", "record id: hash of dataset and record_key", "internal"),
    Column("dataset", "VARCHAR", "数据集", "dataset", "public"),
    Column("record_key", "VARCHAR", "部门主键", "the sender's key of the record", "personal"),
    Column("batch", "VARCHAR", "批次", "batch id", "public"),
    Column("row_no", "UINTEGER", "行号", "row number in the sender's file, header = 1", "public"),
    Column("sent_on", "DATE", "报送日", "day the batch states as its day", "public"),
    Column(
        "observed_on", "DATE", "确认日", "day the source last confirmed the row; else sent_on", "internal"
    ),
    Column("is_deleted", "BOOLEAN", "已删除", "the sender withdraws the record", "internal"),
)

_ADDRESS = (
    Column("region", "VARCHAR", "行政区划", "division code, 6 to 12 digits", standard="GB/T 2260"),
    Column("street", "VARCHAR", "街路巷", "street", "sensitive", most=80),
    Column("number", "VARCHAR", "门牌号", "house number", "sensitive", most=40),
    Column("building", "VARCHAR", "楼栋", "building", "sensitive", most=40),
    Column("unit", "VARCHAR", "单元", "unit", "sensitive", most=40),
    Column("room", "VARCHAR", "室", "room", "sensitive", most=40),
    Column("address", "VARCHAR", "详细地址", "address as stated, cleaned", "sensitive", most=300),
)


def _period(zh: str, en: str) -> tuple[Column, Column]:
    return (
        Column("begin_on", "DATE", zh + "开始日", en + ": first day"),
        Column("end_on", "DATE", zh + "结束日", en + ": day after the last", unknown="still going on"),
    )


PERSON = Aspect(
    "person",
    "one person as the source describes them",
    (
        Column("name", "VARCHAR", "姓名", "name, cleaned, script kept as stated"),
        Column(
            "citizen_no",
            "VARCHAR",
            "公民身份号码",
            "citizen number, 18 characters, valid",
            "sensitive",
            "GB 11643",
        ),
        Column(
            "citizen_no_stated",
            "VARCHAR",
            "所报证件号码",
            "number as stated when it is not valid",
            "sensitive",
        ),
        Column("sex", "VARCHAR", "性别", "sex, 1 male 2 female", standard="GB/T 2261.1"),
        Column("born_on", "DATE", "出生日期", "birthday, solar"),
        Column("born_lunar_on", "DATE", "疑似农历生日", "the solar day if the stated birthday was lunar"),
        Column("phone", "VARCHAR", "联系电话", "mobile number, 11 digits", "sensitive"),
        Column(
            "hukou_region", "VARCHAR", "户籍地区划", "county of registered household", standard="GB/T 2260"
        ),
        Column("education", "VARCHAR", "学历", "education", standard="GB/T 4658"),
        Column("marital", "VARCHAR", "婚姻状况", "marital status", standard="GB/T 2261.2"),
    ),
)
STAY = Aspect(
    "stay",
    "one person living at one address for one period",
    (
        *_period("居住", "stay"),
        *_ADDRESS,
        Column("dwelling_code", "VARCHAR", "房屋编码", "code of the dwelling", "personal"),
        Column("dwelling_kind", "VARCHAR", "住所类型", "kind of dwelling", standard="GB/T 31000"),
        Column("reason", "VARCHAR", "流入原因", "reason of moving in", standard="GB/T 31000"),
    ),
)
PERMIT = Aspect(
    "permit",
    "one residence permit",
    (
        Column("permit_no", "VARCHAR", "居住证号", "permit number", most=60),
        Column("issued_on", "DATE", "签发日", "issued"),
        Column("valid_until", "DATE", "有效期止", "last day before the next endorsement is due"),
    ),
)
JOB = Aspect(
    "job",
    "one person working for one employer for one period",
    (
        *_period("就业", "job"),
        Column(
            "employer_code", "VARCHAR", "用人单位信用代码", "employer's credit code", "internal", "GB 32100"
        ),
        Column("employer_name", "VARCHAR", "用人单位名称", "employer's name", "internal", most=200),
        Column("occupation", "VARCHAR", "职业", "occupation", standard="GB/T 6565"),
        Column("has_contract", "BOOLEAN", "签订劳动合同", "a labour contract is on file"),
        Column("wage_fen", "BIGINT", "月工资(分)", "monthly wage in fen", "sensitive"),
    ),
)
CONTRIBUTION = Aspect(
    "contribution",
    "one run of months for which one scheme was paid for one person",
    (
        Column("scheme", "VARCHAR", "险种", "pension medical unemployment injury housing_fund"),
        Column("kind", "VARCHAR", "缴费类别", "normal back_paid transferred_in"),
        Column("from_month", "DATE", "起始年月", "first day of the first month"),
        Column("to_month", "DATE", "终止年月", "first day of the month after the last"),
        Column("base_fen", "BIGINT", "缴费基数(分)", "monthly base in fen", "sensitive"),
        Column("region", "VARCHAR", "参保地", "where insured", standard="GB/T 2260"),
    ),
)
ENROLMENT = Aspect(
    "enrolment",
    "one pupil at one school for one period",
    (
        *_period("就读", "enrolment"),
        Column("school_code", "VARCHAR", "学校标识码", "school code", "public", most=40),
        Column("school_name", "VARCHAR", "学校名称", "school", "public", most=200),
        Column("stage", "VARCHAR", "学段", "kindergarten primary junior senior vocational"),
        Column("grade", "VARCHAR", "年级", "grade, 1 = first of its stage"),
    ),
)
KIN = Aspect(
    "kin",
    "one relative the source names beside the person",
    (
        Column("relation", "VARCHAR", "关系", "relation of the relative to the person", standard="GB/T 4761"),
        Column("name", "VARCHAR", "亲属姓名", "relative's name"),
        Column("citizen_no", "VARCHAR", "亲属证件号码", "relative's citizen number", "sensitive", "GB 11643"),
        Column("phone", "VARCHAR", "亲属电话", "relative's phone", "sensitive"),
        Column(
            "household_no", "VARCHAR", "家庭编号", "the source's key of people who moved together", most=60
        ),
    ),
)
TAX = Aspect(
    "tax",
    "one person's income tax in one year",
    (
        Column("year", "INTEGER", "纳税年度", "tax year"),
        Column("paid_fen", "BIGINT", "已缴税额(分)", "tax paid in fen", "sensitive"),
    ),
)
SKILL = Aspect(
    "skill",
    "one vocational qualification of one person",
    (
        Column("name", "VARCHAR", "证书名称", "qualification", most=120),
        Column("level", "VARCHAR", "技能等级", "1 senior technician … 5 beginner"),
        Column("issued_on", "DATE", "发证日", "issued"),
    ),
)
LAND = Aspect(
    "land",
    "one contracted plot in the home village",
    (
        Column("region", "VARCHAR", "承包地所在区划", "where the land is", standard="GB/T 2260"),
        Column("area_m2", "DOUBLE", "承包面积(平方米)", "area in square metres"),
        Column("begin_on", "DATE", "承包起始日", "contract begins"),
        Column("is_leased_out", "BOOLEAN", "是否流转", "leased to somebody else"),
    ),
)
AID = Aspect(
    "aid",
    "one legal-aid case the person asked for",
    (
        Column("kind", "VARCHAR", "援助事项", "wages injury contract other"),
        Column("opened_on", "DATE", "受理日", "opened"),
        Column("closed_on", "DATE", "结案日", "closed", unknown="still open"),
    ),
)
HEALTH = Aspect(
    "health",
    "one resident health file at one community health station",
    (
        Column("opened_on", "DATE", "建档日", "file opened"),
        Column("station_code", "VARCHAR", "机构代码", "health station", "public", most=40),
    ),
)
DWELLING = Aspect(
    "dwelling",
    "one dwelling",
    (
        Column("dwelling_code", "VARCHAR", "房屋编码", "code of the dwelling", "internal"),
        *_ADDRESS,
        Column("kind", "VARCHAR", "房屋类型", "flat house dormitory village_house", "internal"),
        Column("let_for", "VARCHAR", "出租用途", "let for", "internal", "GB/T 31000"),
        Column("area_m2", "DOUBLE", "建筑面积(平方米)", "floor area", "internal"),
        Column("rooms", "INTEGER", "间数", "rooms", "internal"),
        Column("rent_fen", "BIGINT", "月租金(分)", "monthly rent in fen", "internal"),
        Column("fire_grade", "VARCHAR", "消防等级", "A good B fair C poor", "internal"),
        Column("hygiene_grade", "VARCHAR", "卫生等级", "A good B fair C poor", "internal"),
        Column("landlord_name", "VARCHAR", "出租人", "landlord", "personal"),
        Column("landlord_phone", "VARCHAR", "出租人电话", "landlord's phone", "sensitive"),
        Column("longitude", "DOUBLE", "经度", "degrees, WGS 84", "internal"),
        Column("latitude", "DOUBLE", "纬度", "degrees, WGS 84", "internal"),
    ),
)
EMPLOYER = Aspect(
    "employer",
    "one employer",
    (
        Column("credit_code", "VARCHAR", "统一社会信用代码", "credit code", "public", "GB 32100"),
        Column("name", "VARCHAR", "名称", "name", "public", most=200),
        Column("kind", "VARCHAR", "主体类型", "company self_employed site institution", "public"),
        Column("industry", "VARCHAR", "行业门类", "industry section, one letter", "public", "GB/T 4754"),
        Column("region", "VARCHAR", "所在区划", "division code", "public", "GB/T 2260"),
        Column("address", "VARCHAR", "住所", "address", "public", most=300),
        Column("opened_on", "DATE", "成立日期", "opened", "public"),
        Column("closed_on", "DATE", "注销日期", "closed", "public", unknown="still open"),
    ),
)

ASPECTS = {
    a.name: a
    for a in (
        PERSON,
        STAY,
        PERMIT,
        JOB,
        CONTRIBUTION,
        ENROLMENT,
        KIN,
        TAX,
        SKILL,
        LAND,
        AID,
        HEALTH,
        DWELLING,
        EMPLOYER,
    )
}


def column(qualified: str) -> Column:
    """The column named ``aspect.column``; raises KeyError for anything not in the catalogue."""
    aspect, _, name = qualified.partition(".")
    return (
        next(c for c in ASPECTS[aspect].columns if c.name == name)
        if aspect in ASPECTS
        else _unknown(qualified)
    )


def _unknown(qualified: str) -> Column:
    raise KeyError(qualified)
