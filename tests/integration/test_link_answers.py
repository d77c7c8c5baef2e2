"""``anju link``: what people write into review.csv is followed, kept, and told clearly when nobody can read it; Spark agrees."""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

import openpyxl
import pytest
from tests.integration.test_link_file import clusters, english, f1, write
from typer.testing import CliRunner

from anju.jobs.cli import build
from anju.jobs.pipeline import lists
from anju.kernel.refusal import Refusal

Row = dict[str, str]
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚"


def vague(count: int = 120) -> list[Row]:
    """An English list that says little, so that much must be asked."""
    keep = ("first", "last", "town", "born", "truth")
    return [{k: r[k] for k in keep} for r in english(count)]


def chinese(count: int = 150) -> list[Row]:
    """Pupils with a name, a birthday and a parent's phone; every other one stands there twice, described otherwise, and
    every fifth has a twin."""
    dice = random.Random(3)
    rows = []
    for who in range(count):
        name = dice.choice(SURNAMES) + dice.choice(GIVEN) + dice.choice(GIVEN)
        born = f"{dice.randrange(2010, 2018)}-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}"
        phone = f"12{dice.randrange(10**9):09d}"
        rows.append({"姓名": name, "出生日期": born, "电话": phone, "truth": str(who)})
        if who % 2:
            other = name[0] + dice.choice(GIVEN) + name[2] if who % 3 else name
            day = born if who % 3 else f"{born[:8]}{dice.randrange(1, 29):02d}"
            rows.append({"姓名": other, "出生日期": day, "电话": dice.choice([phone, ""]), "truth": str(who)})
        if who % 5 == 0:
            twin = name[0] + dice.choice(GIVEN) + name[2]
            rows.append({"姓名": twin, "出生日期": born, "电话": phone, "truth": f"{who} twin"})
    dice.shuffle(rows)
    return rows


LISTS = {
    "other": (vague, "columns: {first: given_name, last: surname, town: place, born: birthday}\n"),
    "zh": (chinese, "language: zh\ncolumns: {姓名: name, 出生日期: birthday, 电话: phone}\n"),
}


@pytest.fixture(params=list(LISTS))
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A list, its contract, and the folder of a first run."""
    made, contract = LISTS[request.param]
    rows, out = made(), tmp_path / "out"
    (tmp_path / "c.yaml").write_text(contract, encoding="utf-8")
    lists.run([write(tmp_path / "list.csv", rows)], tmp_path / "c.yaml", out)
    return tmp_path / "list.csv", tmp_path / "c.yaml", out


def review(out: Path) -> list[Row]:
    with (out / "review.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def by_question(rows: list[Row]) -> list[tuple[Row, Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["question"], []).append(row)
    return [(a, b) for a, b in found.values()]


def answered(out: Path, words: tuple[str, str], most: int = 40) -> dict[tuple[str, str], bool]:
    """Write the truth into review.csv, in one line of each question; the pairs of rows and what was said."""
    rows, said = review(out), {}
    for one, other in by_question(rows)[:most]:
        is_same = one["truth"] == other["truth"]
        (one if len(said) % 2 else other)["decision"] = words[0 if is_same else 1]
        said[one["row"], other["row"]] = is_same
    write(out / "review.csv", rows, "utf-8-sig")
    return said


def test_answers_are_followed_and_stay(asked: tuple[Path, Path, Path]) -> None:
    file, contract, out = asked
    first = f1(clusters(out))
    said = answered(out, ("是", "不同人"))
    assert {True, False} == set(said.values()), "the list must ask about both"
    for _ in range(2):  # given back again as it was left, the answers stand
        summary = lists.run([file], contract, out, answers=out / "review.csv")
        where = {r["row"]: r["cluster"] for r in clusters(out)}
        assert all((where[a] == where[b]) is is_same for (a, b), is_same in said.items())
        assert f1(clusters(out)) > first
        left = by_question(review(out))
        told = {(a["row"], b["row"]): a["decision"] for a, b in left if a["decision"]}
        assert {frozenset(p) for p in told} == {frozenset(p) for p in said}
        assert summary["answers"] == len(said)
        assert summary["pairs_to_ask"] == sum(not a["decision"] for a, _ in left)
    with (out / "pairs.csv").open(encoding="utf-8-sig") as stream:
        assert any("a person's word" in pair["reasons_en"] for pair in csv.DictReader(stream))


def test_answers_from_a_workbook_through_the_command(asked: tuple[Path, Path, Path]) -> None:
    file, contract, out = asked
    said = answered(out, ("Same", "no"), most=6)
    book, rows = openpyxl.Workbook(), review(out)
    for cells in (
        [*rows[0]],
        *([int(v) if v.isdigit() and len(v) < 5 else v for v in r.values()] for r in rows),
    ):
        book.active.append(cells)  # type: ignore[union-attr]
    book.save(out / "answers.xlsx")
    words = ["link", str(file), "--contract", str(contract), "--out", str(out), "--json"]
    done = CliRunner().invoke(build("link"), [*words, "--answers", str(out / "answers.xlsx")])
    assert done.exit_code == 0, done.output
    where = {r["row"]: r["cluster"] for r in clusters(out)}
    assert all((where[a] == where[b]) is is_same for (a, b), is_same in said.items())


def spoiled(rows: list[Row], kind: str) -> None:
    one, other = by_question(rows)[0]
    one["decision"] = "same"
    if kind == "words":
        one["decision"] = "perhaps"
    elif kind == "disagree":
        other["decision"] = "different"
    elif kind == "rows":
        one["row"] = "99999"
    elif kind == "half":
        rows.remove(other)
    elif kind == "contradict":
        rows += [dict(one, question="7001", decision="different"), dict(other, question="7001")]
    else:
        for row in rows:
            del row["file"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("words", "answers_words"),
        ("disagree", "answers_words"),
        ("rows", "answers_rows"),
        ("half", "answers_rows"),
        ("contradict", "answers_contradict"),
        ("columns", "answers_columns"),
    ],
)
def test_an_answer_nobody_can_read_is_refused(tmp_path: Path, kind: str, code: str) -> None:
    file, out = write(tmp_path / "list.csv", vague(60)), tmp_path / "out"
    lists.run([file], None, out)
    rows = review(out)
    spoiled(rows, kind)
    path = write(tmp_path / "filled.csv", rows)
    before = (out / "clusters.csv").read_bytes()
    with pytest.raises(Refusal) as refused:
        lists.run([file], None, out, answers=path)
    assert refused.value.code == f"linkage.{code}"
    if kind in ("words", "disagree"):
        assert refused.value.facts["lines"].startswith(
            "2: 1 “perhaps”" if kind == "words" else "3: 1 “different”"
        )
    assert (out / "clusters.csv").read_bytes() == before, "nothing is written on a refusal"


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(shutil.which("java") is None, reason="NO JAVA HERE: SPARK IS NOT TESTED")
def test_spark_links_a_list_as_duckdb_does(
    asked: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_SPARK_PARTITIONS", "1")
    file, contract, out = asked
    answered(out, ("same", "different"), most=10)
    kept = tmp_path / "filled.csv"
    shutil.copy(out / "review.csv", kept)
    told = []
    for engine in ("duckdb", "spark"):
        lists.run([file], contract, out, answers=kept, engine_name=engine)
        told.append([(out / name).read_text(encoding="utf-8-sig") for name in ("clusters.csv", "review.csv")])
    assert told[0] == told[1]
