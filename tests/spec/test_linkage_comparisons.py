"""What counts as alike in Chinese records, as a table; SQL and Python read every pair the same way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from anju.exchange.linkage import names, parameters, score
from anju.exchange.linkage.comparisons import BIRTH, HAN_COMPARISONS, NAME, NUMBER
from anju.exchange.linkage.steps import Steps
from anju.jobs.engine import DuckEngine

NAMES = [
    ("王小明", "王小明", "same"),
    ("单田芳", "單田芳", "same"),
    ("买买提·吐尔逊", "买买提•吐尔逊", "same"),
    ("张伟", "章伟", "sound"),
    ("曾国强", "增国强", "sound"),
    ("王天然", "王夫然", "look"),
    ("单田芳", "Shan Tianfang", "pinyin"),
    ("吕丽", "LYU LI", "pinyin"),
    ("王小明", "xiaoming wang", "pinyin"),
    ("谭思冰", "Tan, Si bing", "pinyin"),
    ("谭思冰", "Si-bing TAN", "pinyin"),
    ("谭思冰", "Si Bing Tan", "pinyin"),
    ("欧阳修文", "Ouyang，Xiu Wen", "pinyin"),
    ("孙远娟", "SUN YUANJUAN", "pinyin"),
    ("陈宇", "Yu Chen", "pinyin"),
    ("徐珍远", "XU ZHENYUAN", "pinyin"),
    ("女娟", "Nyu Juan", "pinyin"),
    ("王小明", "王明小", "order"),
    ("张思", "章诗", "near_sound"),
    ("王小明", "王明", "dropped"),
    ("欧阳修文", "欧阳文", "dropped"),
    ("买买提·吐尔逊", "买买提", "dropped"),
    ("王小明", "赵小明", "given"),
    ("王海平", "王慧平", "one_char"),
    ("王小明", "王志刚", "surname"),
    ("王小明", "李志刚", "other"),
]
BIRTHS = [
    ("1985-03-05", "1985-03-05", "same"),
    ("1985-03-05", "1985-05-03", "swapped"),
    ("1985-03-05", "1985-03-06", "one_digit"),
    ("1985-03-25", "1985-03-52", "turned"),
    ("1985-01-01", "1985-09-27", "first_of_year"),
    ("1985-03-05", "1985-10-27", "year"),
    ("1985-03-05", "1961-10-27", "other"),
]
NUMBERS = [
    ("990102198503054321", "990102198503054321", "same"),
    ("990102198503054321", "990102198503064321", "one_digit"),
    ("990102198503054321", "990102198503045321", "turned"),
    ("990102198503054321", "990102850305432", "same"),
    ("990102198503054321", "990703197712081234", "other"),
]


@pytest.fixture(scope="module")
def weights() -> parameters.Parameters:
    return parameters.read("han", HAN_COMPARISONS)


@pytest.fixture(scope="module")
def levels_in_sql(
    weights: parameters.Parameters, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], str]]:
    engine = DuckEngine(tmp_path_factory.mktemp("spill"))
    steps = Steps(engine)
    listed = ", ".join(f"('{a}', '{b}')" for a, b, _ in NAMES)
    steps.table("lk_two", f"SELECT * FROM (VALUES {listed}) AS t(a, b)")
    names.prepare_characters(steps)
    names.prepare_names(steps, "SELECT a AS raw FROM lk_two UNION SELECT b FROM lk_two", weights)
    steps.table("lk_shaped", names.shaped_sql("lk_name"))
    columns = [str(r[0]) for r in engine.rows("DESCRIBE lk_shaped")]
    sides = ", ".join(f"x.{c} AS {c}_l, y.{c} AS {c}_r" for c in columns)
    rows = engine.rows(
        f"SELECT a, b, {NAME.case_sql()} FROM (SELECT t.a, t.b, {sides} FROM lk_two AS t "
        "JOIN lk_shaped AS x ON x.raw = t.a JOIN lk_shaped AS y ON y.raw = t.b) AS p"
    )
    yield {(a, b): level for a, b, level in rows}
    engine.close()


@pytest.mark.parametrize(("one", "two", "level"), NAMES)
def test_names(
    one: str, two: str, level: str, weights: parameters.Parameters, levels_in_sql: dict[tuple[str, str], str]
) -> None:
    a, b = score.describe_name(one, weights), score.describe_name(two, weights)
    assert NAME.level(a, b) == NAME.level(b, a) == level
    assert levels_in_sql[one, two] == level


@pytest.mark.parametrize(("one", "two", "level"), BIRTHS)
def test_birthdays(one: str, two: str, level: str, weights: parameters.Parameters) -> None:
    assert (
        BIRTH.level(score.describe({"born_on": one}, weights), score.describe({"born_on": two}, weights))
        == level
    )


@pytest.mark.parametrize(("one", "two", "level"), NUMBERS)
def test_numbers(one: str, two: str, level: str, weights: parameters.Parameters) -> None:
    a = score.describe({"citizen_no_stated": one}, weights)
    assert NUMBER.level(a, score.describe({"citizen_no_stated": two}, weights)) == level


def test_a_family_is_not_one_person(weights: parameters.Parameters) -> None:
    """Twins share birthday, surname, phone, room, origin and parents; a person is asked at most."""
    home = {"phones": ["12900000001"], "rooms": ["建设路|12|3|1|501"], "counties": ["990102"], "kin": ["n99"]}
    one = score.describe({"name": "王子轩", "born_on": "2015-06-01", "sex": "1", **home}, weights)
    two = score.describe({"name": "王子涵", "born_on": "2015-06-01", "sex": "1", **home}, weights)
    assert score.score(one, two, weights).outcome != "same"
    assert score.score(one, one, weights).outcome == "same"


def test_reasons_are_told_strongest_first(weights: parameters.Parameters) -> None:
    one = score.describe({"name": "王小明", "born_on": "1985-03-05", "sex": "1"}, weights)
    two = score.describe({"name": "王小名", "born_on": "1985-03-05", "sex": "1"}, weights)
    found = score.score(one, two, weights)
    assert [r.comparison for r in found.reasons] == ["birth", "name", "sex"]
    assert found.weight == pytest.approx(
        weights.prior_weight + sum(r.weight for r in found.reasons), abs=0.02
    )
