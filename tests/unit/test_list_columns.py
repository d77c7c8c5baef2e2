"""What the columns of a list are: headings as people write them, and values where headings say nothing."""

from __future__ import annotations

import pytest

from anju.exchange.linkage import headings
from anju.exchange.linkage.guess import Sample, guess, is_chinese, settled
from anju.exchange.linkage.list_contract import ListContract, read_contract, with_columns
from anju.kernel.refusal import Refusal


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("学生姓名", "name"),
        ("家长姓名", "relative"),
        ("家长联系电话", "relative_phone"),
        ("监护人身份证件号码", "relative_no"),
        ("身份证号码(18位)", "citizen_no"),
        ("出生年月", "birthday"),
        ("出 生 日 期", "birthday"),
        ("户籍所在地", "origin"),
        ("现居住地址", "address"),
        ("所在班级", "employer"),
        ("入学日期", "ignore"),
        ("证件类型", "ignore"),
        ("民族", "ignore"),
        ("DATE_OF_BIRTH", "birthday"),
        ("Patient DOB", "birthday"),
        ("firstName", "given_name"),
        ("soc_sec_id", "number"),
        ("Mobile No.", "phone"),
        ("rec_id", "ignore"),
        ("suburb", "place"),
        ("班主任姓名", None),
        ("单位电话", None),
        ("column7", None),
    ],
)
def test_headings(heading: str, kind: str | None) -> None:
    found = headings.read(heading)
    assert (found[0] if found else None) == kind


def sample(heading: str, *values: str) -> Sample:
    return Sample(heading, values * 10, len(values), len(values), len(values))


def test_values_speak_where_headings_do_not_and_contradict_where_they_lie() -> None:
    samples = [
        sample("甲", "王小明", "李芳", "欧阳文静", "买买提·吐尔逊"),
        sample("乙", "990101199003070015", "99010119850612002X", "无号", "990101197001010013"),
        sample("丙", "12900000001", "129-0000-0002", "+86 12900000003", "12900000004"),
        sample("姓名", "10.5", "11", "12", "13"),
    ]
    found = guess(samples, {})
    assert is_chinese(samples, found)
    assert [g.kind for g in settled(found)] == ["name", "citizen_no", "phone", "ignore"]


def test_what_a_person_says_goes_before_what_is_guessed() -> None:
    contract = with_columns(ListContract(), ["甲=住址", "born=dob"])
    assert contract.stated == {"甲": "address", "born": "birthday"}
    assert read_contract({"columns": {"x": "person.phone"}}).stated == {"x": "phone"}
    with pytest.raises(Refusal, match=r"linkage\.map_unreadable"):
        with_columns(ListContract(), ["甲"])
