"""``anju link``: any list of people through the command, in and outside Chinese."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from anju.exchange.linkage import lists as linkage_lists
from anju.jobs.cli import build
from anju.jobs.pipeline import lists
from anju.kernel.refusal import Refusal

FIRST = ["lachlan", "deakin", "sarah", "jacob", "brinley", "emily", "thomas", "isabella", "noah", "chloe"]
LAST = [
    "berry",
    "sondergeld",
    "bruhn",
    "lanyon",
    "efthimiou",
    "waller",
    "green",
    "matthews",
    "clarke",
    "nguyen",
]
TOWNS = ["bittern", "canterbury", "kellerberrin", "hawthorn", "noosa", "geelong", "cairns", "dubbo"]
OTHER = {
    "first": "given_name",
    "last": "surname",
    "street": "address",
    "town": "place",
    "born": "birthday",
    "card": "number",
}


def write(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def typo(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return text[:at] + dice.choice("abcdefgh12345") + text[at + 1 :]


def english(count: int) -> list[dict[str, str]]:
    dice = random.Random(4)
    rows = []
    for who in range(count):
        person = {
            "first": dice.choice(FIRST) + dice.choice(["", "a", "e"]),
            "last": dice.choice(LAST) + dice.choice(["", "s", "son"]),
            "street": f"{dice.choice(TOWNS)} {dice.choice(['street', 'place', 'crescent'])} {dice.randrange(300)}",
            "town": dice.choice(TOWNS),
            "born": f"19{dice.randrange(20, 99)}{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}",
            "card": str(dice.randrange(10**6, 10**7)),
        }
        rows.append({**person, "truth": str(who)})
        if who % 2:
            wrong = dict(person)
            for field in dice.sample(list(OTHER), 3):
                wrong[field] = "" if dice.random() < 0.2 else typo(wrong[field], dice)
            rows.append({**wrong, "truth": str(who)})
    dice.shuffle(rows)
    return rows


def clusters(out: Path) -> list[dict[str, str]]:
    with (out / "clusters.csv").open(encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def f1(rows: list[dict[str, str]]) -> float:
    def pairs(key: object) -> set[tuple[int, int]]:
        groups: dict[object, list[int]] = {}
        for i, row in enumerate(rows):
            groups.setdefault(row[key], []).append(i)  # type: ignore[index]
        return {(a, b) for g in groups.values() for a in g for b in g if a < b}

    found, true = pairs("cluster"), pairs("truth")
    return 2 * len(found & true) / (len(found) + len(true))


def test_an_english_list_through_the_command(tmp_path: Path) -> None:
    file = write(tmp_path / "people.csv", english(400))
    contract = tmp_path / "people.yaml"
    contract.write_text(json.dumps({"language": "other", "columns": OTHER}), encoding="utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(
        build("link"), ["link", str(file), "--contract", str(contract), "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.output.strip().splitlines()[-1])
    rows = clusters(out)
    assert f1(rows) >= 0.98
    assert summary["rows"] == len(rows) == summary["people"] + summary["duplicate_rows"]
    assert all(
        rule["dropped"] == 0 or rule["largest"] > linkage_lists.BLOCK_PAIRS for rule in summary["blocking"]
    )
    with (out / "pairs.csv").open(encoding="utf-8") as stream:
        pair = next(csv.DictReader(stream))
    assert "same (+" in pair["reasons_en"]
    assert (out / "picture.svg").read_text(encoding="utf-8").startswith("<svg")


def test_two_files_that_list_everyone_once(tmp_path: Path) -> None:
    rows = english(300)
    seen: set[str] = set()
    first = [r for r in rows if not (r["truth"] in seen or seen.add(r["truth"]))]  # type: ignore[func-returns-value]
    second = [r for r in rows if r not in first]
    contract = tmp_path / "c.yaml"
    contract.write_text(json.dumps({"once_per_file": True, "columns": OTHER}), encoding="utf-8")
    lists.run(
        [write(tmp_path / "a.csv", first), write(tmp_path / "b.csv", second)], contract, tmp_path / "out"
    )
    found = clusters(tmp_path / "out")
    assert f1(found) >= 0.98
    assert {r["file"] for r in found} == {"a.csv", "b.csv"}


def test_a_school_list_in_chinese(tmp_path: Path) -> None:
    rows = [
        {
            "学生": "王小明",
            "证件": "",
            "生日": "2015年3月2日",
            "家长电话": "１２９００００００１１",
            "truth": "1",
        },
        {"学生": "王曉明", "证件": "", "生日": "2015-03-02", "家长电话": "12900000011", "truth": "1"},
        {"学生": "王小红", "证件": "", "生日": "2017/9/20", "家长电话": "12900000011", "truth": "2"},
        {"学生": "欧阳文静", "证件": "", "生日": "20140511", "家长电话": "12900000012", "truth": "3"},
        {"学生": "欧阳文敬", "证件": "", "生日": "2014.5.11", "家长电话": "12900000012", "truth": "3"},
        {"学生": "李强", "证件": "", "生日": "2014-05-12", "家长电话": "", "truth": "4"},
    ]
    contract = tmp_path / "c.yaml"
    contract.write_text(
        "language: zh\ncolumns: {学生: name, 证件: citizen_no, 生日: birthday, 家长电话: phone}\n",
        encoding="utf-8",
    )
    lists.run([write(tmp_path / "学生.csv", rows, "gb18030")], contract, tmp_path / "out")
    assert f1(clusters(tmp_path / "out")) == 1.0


def shapes(tmp_path: Path) -> dict[str, Path]:
    """One list in many shapes: what spreadsheets, registers and scripts make of it."""
    rows = english(120)
    names = [*rows[0]]
    body = [[r[n] for n in names] for r in rows]
    shouted = [n.upper() for n in names]
    made = {"titled": tmp_path / "titled.csv", "bare": tmp_path / "bare.csv", "wide": tmp_path / "wide.txt"}
    for kind, head, encoding, mark in (
        ("titled", [["名单 2026", *[""] * (len(names) - 1)], shouted], "gb18030", ","),
        ("bare", [], "utf-8", ","),
        ("wide", [shouted], "utf-16", "\t"),
    ):
        with made[kind].open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream, delimiter=mark).writerows([*head, *body])
    made["xlsx"] = tmp_path / "list.xlsx"
    book = openpyxl.Workbook()
    for row in ([["People of a district"]], [names], body):
        for cells in row:
            book.active.append(cells)  # type: ignore[union-attr]
    book.save(made["xlsx"])
    made["parquet"] = tmp_path / "list.parquet"
    pq.write_table(pa.Table.from_pylist(rows), made["parquet"])
    made["json"] = tmp_path / "list.json"
    made["json"].write_text(json.dumps(rows), encoding="utf-8")
    return made


def test_one_list_in_any_shape_is_read_alike(tmp_path: Path) -> None:
    found = {}
    for kind, path in shapes(tmp_path).items():
        summary = lists.run([path], None, tmp_path / kind)
        truth = {c["heading"]: c for c in summary["columns"]}
        assert truth.get("truth", truth.get("TRUTH", truth.get("列7")))["kind"] in ("ignore", "house_number")
        found[kind] = (summary["rows"], summary["people"])
    assert len({v for k, v in found.items() if k != "bare"}) == 1
    assert found["bare"][0] == found["titled"][0]


def test_what_the_columns_were_taken_for_can_be_said_otherwise(tmp_path: Path) -> None:
    file = write(tmp_path / "people.csv", [{**r, "note": "x,y"} for r in english(60)])
    file.write_text(file.read_text(encoding="utf-8") + "too,few\n", encoding="utf-8")
    out = tmp_path / "out"
    asked = ["link", str(file), "--out", str(out), "--json", "--map", "card=ignore", "--map", "town=城市"]
    done = CliRunner().invoke(build("link"), asked)
    assert done.exit_code == 0, done.output
    summary = json.loads(done.output.strip().splitlines()[-1])
    kinds = {c["heading"]: (c["kind"], c["why"]) for c in summary["columns"]}
    assert kinds["card"] == ("ignore", "stated")
    assert kinds["town"] == ("place", "stated")
    assert kinds["born"] == ("birthday", "both")
    assert summary["rows_unreadable"] == 1
    assert "too,few" in (out / "unreadable.csv").read_text(encoding="utf-8-sig")
    again = lists.run([file], out / "contract.yaml", tmp_path / "again")
    assert (again["people"], again["rows"]) == (summary["people"], summary["rows"])
    told = clusters(out)
    assert told[0]["note"] == "x,y"
    assert sum(r["reasons_zh"] != "" for r in told) == summary["duplicate_rows"]
    assert all(float(r["score"]) > 0.5 for r in told if r["reasons_en"])


@pytest.mark.parametrize(
    ("contract", "code"),
    [
        ("columns: {first: colour}", "linkage.unknown_kind"),
        ("columns: {}", "linkage.list_contract_empty"),
        ("columns: {absent: surname}", "linkage.list_column_missing"),
        ("columns: {town: region}", "linkage.list_no_column"),
        ("[", "linkage.list_contract_unreadable"),
    ],
)
def test_a_contract_that_does_not_fit_is_refused(tmp_path: Path, contract: str, code: str) -> None:
    (tmp_path / "c.yaml").write_text(contract, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        lists.run([write(tmp_path / "a.csv", english(3))], tmp_path / "c.yaml", tmp_path / "out")
    assert refused.value.code == code


def test_a_heading_in_two_rows_and_a_name_with_its_phone_in_one_cell(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["花名册", "", "", ""],
        ["学生姓名", "出生日期", "家长信息", ""],
        ["", "", "姓名", "电话"],
        *([f"王{'一二三四五六七八九十'[i % 10]}{'甲乙丙'[i % 3]}", f"2015-0{i % 9 + 1}-1{i % 8}", f"王{'大中小平安'[i % 5]}", f"1201111{i:04d}"] for i in range(30)),
    ):  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "school.xlsx")
    summary = lists.run([tmp_path / "school.xlsx"], None, tmp_path / "school")
    assert summary["rows"] == 30
    kinds = {c["heading"]: c["kind"] for c in summary["columns"]}
    assert (kinds["家长姓名"], kinds["家长电话"]) == ("relative", "relative_phone")
    tenants = [
        {"租客": f"{name}{mark}1201111{i:04d}", "房号": f"{i}号"}
        for i, name in enumerate(
            ("张伟明", "李秀英", "王建国", "刘桂兰", "陈晓东", "赵玉梅", "孙志强", "周海燕")
        )
        for mark in ("", ":")
    ]
    summary = lists.run([write(tmp_path / "tenants.csv", tenants)], None, tmp_path / "tenants")
    assert {c["heading"]: c["kind"] for c in summary["columns"]}["租客"] == "name"
    assert (summary["rows"], summary["people"]) == (16, 8)
