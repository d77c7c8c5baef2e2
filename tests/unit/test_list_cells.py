"""What people write into the cells of a list is read: notes beside names, two phones, rounded numbers, days in many ways."""

from __future__ import annotations

from typing import Any

import pytest

from anju.exchange.linkage import chinese_list, list_cells
from anju.jobs.engine import DuckEngine
from anju.kernel.engine import literal

NUMBER = "990102199002030018"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> DuckEngine:
    return DuckEngine(tmp_path_factory.mktemp("spill"), memory="256MB", threads=1)


def read(engine: DuckEngine, sql: str) -> Any:
    return engine.rows(f"SELECT {sql}")[0][0]


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("张三", "张三"), ("张三(户主)", "张三"), ("张三【已搬走】", "张三"), ("1.张三", "张三"), ("(张三", "张三"),
        ("★张三", "张三"), ("张三同学", "张三"), ("张三2", "张三"), ("张三A", "张三"), ("(母)张三", "张三"),
        ("王先生", "王先生"), ("欧阳小三女士", "欧阳小三"), ("张 三", "张 三"), ("阿依古丽·买买提", "阿依古丽·买买提"),
        ("Zhāng Sān", "Zhang San"), ("Lǚ Wěi", "Lv Wei"), ("Wei (Wendy) Zhang", "Wei   Zhang"), ("(户主)", None),
        ("张三12011112222", "张三"), ("张三:12011112222", "张三"), ("张三 / 120-1111-2222", "张三"), ("张三、12011112222", "张三"),
    ],
)  # fmt: skip
def test_names(engine: DuckEngine, stated: str, meant: str | None) -> None:
    assert read(engine, list_cells.name(literal(stated))) == meant


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("12011112222", ["12011112222"]), ("+86 120-1111-2222", ["12011112222"]), ("12011112222.0", ["12011112222"]),
        ("012011112222", ["12011112222"]), ("12011112222/12033334444", ["12011112222", "12033334444"]),
        ("12011112222 12033334444", ["12011112222", "12033334444"]), ("母:12011112222,父:8612033334444", ["12011112222", "12033334444"]),
        ("张三:12011112222", ["12011112222"]), ("0757-12345678", []), (NUMBER, []), ("-", []),
    ],
)  # fmt: skip
def test_phones(engine: DuckEngine, stated: str, meant: list[str]) -> None:
    assert read(engine, list_cells.phones(literal(stated))) == meant


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        (NUMBER, NUMBER), ("'" + NUMBER, NUMBER), (NUMBER + ".", NUMBER), ("ID:" + NUMBER, NUMBER), (NUMBER + "(身份证)", NUMBER),
        ("99010219900203001x", "99010219900203001X"), ("990102900203001", "990102900203001"), ("9.90102E+17", None),
        ("E12345678", "E12345678"), ("990102********0018", "990102********0018"), (NUMBER + "9", NUMBER + "9"),
    ],
)  # fmt: skip
def test_citizen_numbers(engine: DuckEngine, stated: str, meant: str | None) -> None:
    assert read(engine, list_cells.citizen_no(literal(stated))) == meant


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("1971-05-20", "1971-05-20"), ("71年5月20日", "1971-05-20"), ("71.5.20", "1971-05-20"), ("05年5月20日", "2005-05-20"),
        ("一九七一年五月二十日", "1971-05-20"), ("二〇一一年十一月三十日", "2011-11-30"), ("一九七一年十月十日", "1971-10-10"),
        ("19710520.0", "1971-05-20"), ("20-May-71", "1971-05-20"), ("1971年13月1日", None), ("26073", "1971-05-20"),
        ("一九七一年十二月二十五日", "1971-12-25"), ("一九七一年八月十八日", "1971-08-18"), ("民國60年5月20日", "1971-05-20"),
    ],
)  # fmt: skip
def test_days(engine: DuckEngine, stated: str, meant: str | None) -> None:
    engine.run(
        f"CREATE OR REPLACE TABLE source AS SELECT 1 AS unique_id, {literal(stated)} AS born, '张三' AS name"
    )
    chinese_list.mentions(engine, {"born": ("person.born_on",), "name": ("person.name",)}, "source")
    born = engine.rows('SELECT "person.born_on" FROM mentions')[0][0]
    assert (born and born.isoformat()) == meant


def test_a_second_phone_may_be_the_other_sides(engine: DuckEngine) -> None:
    engine.run(
        "CREATE OR REPLACE TABLE source AS SELECT 1 AS unique_id, '12011112222、12033334444' AS tel, '张三' AS name"
    )
    chinese_list.mentions(engine, {"tel": ("person.phone",), "name": ("person.name",)}, "source")
    assert engine.rows('SELECT "person.phone", "kin.phone" FROM mentions') == [("12011112222", "12033334444")]
