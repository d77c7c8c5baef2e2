"""The invented city: its census marginals, its errors at the promised rates, and files that say what the truth says.

The reader below knows nothing of how the city writes: it takes the files as an office would and must find the
same people, duplicates and contradictions that the truth states.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml

from anju.city import calibration, families
from anju.city.layouts import load_layouts
from anju.city.make import make_city
from anju.city.order import Order
from anju.kernel import packs
from anju.kernel.identifiers import is_citizen_no, is_credit_code
from anju.kernel.refusal import Refusal

FIELDS = {
    "name": "name",
    "citizen_no": "citizen_no",
    "sex": "sex",
    "born": "born_on",
    "hukou": "hukou_region",
    "education": "education",
    "marital": "marital",
}
WORDS = {
    "education": ["研究生", "大学本科", "大专", "中专", "高中", "初中", "小学", "其他"],
    "marital": ["未婚", "已婚", "丧偶", "离婚"],
    "sex": ["男", "女"],
}
CODES = {
    "education": ["10", "20", "30", "40", "60", "70", "80", "90"],
    "marital": ["10", "20", "30", "40"],
    "sex": ["1", "2"],
}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A city of 3,000 with everything going wrong as in the mission, and three days after the first."""
    folder = tmp_path_factory.mktemp("real")
    make_city(Order(3000, folder, seed=5, errors="real", days=3))
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A city of 1,000 in which nothing goes wrong."""
    folder = tmp_path_factory.mktemp("none")
    make_city(Order(1000, folder, seed=5, errors="none"))
    return folder


def truth(folder: Path, name: str) -> list[dict]:
    return pq.read_table(folder / "truth" / f"{name}.parquet").to_pylist()


def read_files(folder: Path, day: str):
    """Every row of a day's files as (dataset, {header: text})."""
    for dataset, layout in load_layouts().items():
        stem, _, ending = layout.file.partition("{day}")
        for path in sorted((folder / day).glob(f"{stem}*{ending}")):
            for row in _rows(path, layout):
                yield dataset, {h: "" if row.get(h) is None else str(row[h]) for h in layout.columns}


def _rows(path: Path, layout):
    """Rows of one file; NDJSON leaves out what is not known."""
    if path.suffix == ".csv":
        return csv.DictReader(io.StringIO(path.read_bytes().decode(layout.encoding), newline=""))
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    book = openpyxl.load_workbook(path, read_only=False)
    assert len(book.sheetnames) == 2
    sheet = book.worksheets[0]
    assert len(sheet.merged_cells.ranges) == 1, "the title row is merged"
    rows = list(sheet.iter_rows(values_only=True))
    return [dict(zip(rows[1], (_plain(v) for v in row), strict=True)) for row in rows[2:]]


def _plain(value):
    return value.date().isoformat() if hasattr(value, "date") else value


def half_width(text: str) -> str:
    return "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text).replace("　", " ")


def read_day(text: str) -> str | None:
    """A date in any of the ways the city writes it, as ISO; None when it is none of them."""
    text = half_width(text).strip()
    if re.fullmatch(r"\d{4,5}", text):
        return (date(1899, 12, 30) + timedelta(days=int(text))).isoformat()
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", text) or re.fullmatch(
        r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", text
    )
    try:
        return date(*(int(p) for p in found.groups())).isoformat() if found else None
    except ValueError:
        return None


class Canon:
    """Values as a careful office would compare them."""

    def __init__(self) -> None:
        self.simple = {}
        for row in pq.read_table(packs.root() / "cn/codes/variants.parquet").to_pylist():
            if row["rank"] == 1:
                self.simple.setdefault(row["variant"], row["char"])
        rows = pq.read_table(packs.root() / "cn/codes/divisions.parquet").to_pylist()
        in_force = {r["code"] for r in rows if r["end_year"] is None}
        self.heir = {r["code"]: r["successor"] for r in rows if r["successor"] and r["code"] not in in_force}

    def of(self, field: str, text: str) -> str | None:
        if not text:
            return None
        if field == "born":
            return read_day(text)
        if field in WORDS:
            return CODES[field][WORDS[field].index(text)] if text in WORDS[field] else text
        text = half_width(text).replace(" ", "")
        if field == "hukou":
            return self.heir.get(text, text)
        if field == "citizen_no":
            text = text.upper()
            if len(text) == 15:
                text = _from_15(text)
            return text if is_citizen_no(text) else None
        if text.isascii():
            return None
        return "".join(self.simple.get(c, c) for c in re.sub(r"[·•．.・]", "·", text))


def _from_15(text: str) -> str:
    from anju.kernel.identifiers import citizen_from_15

    return citizen_from_15(text)


def stated_on_first_day(folder: Path) -> dict[int, dict[str, dict[str, str]]]:
    """person -> field -> department -> current value, read from the files of the first day."""
    layouts, canon = load_layouts(), Canon()
    known = {(r["dataset"], r["record_key"]): r for r in truth(folder, "records")}
    latest: dict[tuple, tuple] = {}
    for dataset, row in read_files(folder, "2026-06-30"):
        layout = layouts[dataset]
        record = known[(dataset, "|".join(row[h] for h in layout.key))]
        if record["person_id"] is None or record["is_bad"]:
            continue
        makers = {m: h for h, m in layout.columns.items()}
        seen = read_day(row[makers.get("observed") or makers["skill_issued"]])
        for maker, field in FIELDS.items():
            value = canon.of(maker, row[makers[maker]]) if maker in makers else None
            slot = (record["person_id"], field, dataset)
            if (value is not None and slot not in latest) or (value is not None and latest[slot][0] < seen):
                latest[slot] = (seen, value)
    found: dict = defaultdict(lambda: defaultdict(dict))
    for (person, field, dataset), (_, value) in latest.items():
        found[person][field][dataset] = value
    return found


@pytest.mark.parametrize("city", ["佛山市", "深圳市", "成都市", "周口市", "毕节市", "上海市"])
def test_families_match_the_census_row(city):
    row = calibration.load(city)
    drawn = families.draw_families(10_000, row, seed=3)
    bands = [((drawn.age >= a) & (drawn.age < b)).mean() for a, b in calibration.AGE_BANDS]
    assert np.abs(np.array(bands) - row.ages).max() < 0.005
    assert (drawn.sex == 1).mean() == pytest.approx(row["male_pct"], abs=0.005)
    household = drawn.sizes[~drawn.is_collective[drawn.starts]]
    assert household.mean() == pytest.approx(row["hh_size"], abs=0.01)
    assert (household == 1).mean() == pytest.approx(row["one_person_hh"], abs=0.005)
    assert 1 - drawn.is_collective.mean() == pytest.approx(row["family_hh_pop_share"], abs=0.005)
    renting = drawn.is_renting[drawn.starts][~drawn.is_collective[drawn.starts]]
    assert renting.mean() == pytest.approx(row["rent_share"], abs=0.005)
    for scope, name in enumerate(("reg_same_county", "reg_other_county", "reg_other_prov"), start=1):
        assert (drawn.scope == scope).mean() == pytest.approx(row[name], abs=0.005)


def test_people_and_schooling_match_the_census_row(real):
    row = calibration.load("佛山市")
    people = [p for p in truth(real, "people") if p["is_resident"]]
    assert len(people) == 3000
    college = sum(p["education"] in ("10", "20", "30") for p in people) / len(people)
    senior = sum(p["education"] in ("40", "60") for p in people) / len(people)
    assert college == pytest.approx(row["edu_college"], abs=0.01)
    assert senior == pytest.approx(row["edu_senior"], abs=0.01)
    far = [p for p in people if p["scope"] == 3]
    assert len(far) / len(people) == pytest.approx(row["reg_other_prov"], abs=0.01)
    assert all(p["hukou_region"][:2] not in ("44", "99") for p in far)
    assert len({p["hukou_region"] for p in far}) > 200, "origins are counties, not provinces"


def test_the_same_seed_makes_the_same_files(tmp_path):
    prints = []
    for name in ("a", "b"):
        make_city(Order(600, tmp_path / name, seed=11, errors="harsh", days=1))
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        prints.append(
            {str(p.relative_to(tmp_path / name)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        )
    assert prints[0] == prints[1]
    make_city(Order(600, tmp_path / "c", seed=12, errors="harsh", days=1))
    other = (tmp_path / "c/2026-06-30/tax_income_20260630.csv").read_bytes()
    assert hashlib.sha256(other).hexdigest() != prints[0]["2026-06-30/tax_income_20260630.csv"]


def test_where_nothing_goes_wrong_files_say_the_truth(clean):
    people = {p["person_id"]: p for p in truth(clean, "people")}
    stated = stated_on_first_day(clean)
    assert len(stated) > 900
    for person, fields in stated.items():
        for field, values in fields.items():
            true = people[person][field]
            assert set(values.values()) == {true.isoformat() if field == "born_on" else true}
    records = truth(clean, "records")
    assert not any(r["is_duplicate"] or r["is_bad"] for r in records)
    assert all(p["in_police"] and not p["has_contradiction"] for p in people.values())


def test_profile_real_has_the_rates_of_the_mission(real):
    records = [r for r in truth(real, "records") if r["person_id"] is not None]
    first = [r for r in records if r["sent_on"] == date(2026, 6, 30)]
    residents = {p["person_id"]: p for p in truth(real, "people") if p["is_resident"]}
    assert len(first) / len(residents) == pytest.approx(6, abs=0.3)
    assert sum(r["is_duplicate"] for r in first) / len(first) == pytest.approx(0.35, abs=0.015)
    in_police = {r["person_id"] for r in first if r["dataset"] == "police_residence"}
    assert 1 - len(in_police & residents.keys()) / len(residents) == pytest.approx(0.22, abs=0.005)
    assert 0.06 < sum(not r["has_number"] for r in first) / len(first) < 0.11
    assert 0.003 < sum(r["is_bad"] for r in first) / len(first) < 0.008


def test_contradictions_read_from_the_files_are_those_of_the_truth(real):
    people = {p["person_id"]: p for p in truth(real, "people") if p["is_resident"]}
    stated = stated_on_first_day(real)
    found = {
        person
        for person, fields in stated.items()
        if any(len(set(values.values())) > 1 for values in fields.values())
    }
    told = {p for p, row in people.items() if row["has_contradiction"]}
    assert len(told) / len(people) == pytest.approx(0.28, abs=0.005)
    # Rows spoiled on purpose are left out by the reader, and may hide a contradiction.
    assert len(found ^ told) / len(people) < 0.006


def test_a_duplicate_says_again_what_an_earlier_record_said(real):
    known = {(r["dataset"], r["record_key"]): r for r in truth(real, "records")}
    copies = [r for r in known.values() if r["is_duplicate"]]
    for record in copies:
        original = known[(record["dataset"], record["duplicate_of"])]
        assert original["person_id"] == record["person_id"]
        assert not original["is_duplicate"]


def test_nobody_in_the_files_can_be_real(real):
    layouts = load_layouts()
    seen = {"number": 0, "phone": 0, "credit": 0}
    for day in ("2026-06-30", "2026-07-01", "2026-07-02", "2026-07-03"):
        for dataset, row in read_files(real, day):
            for header, maker in layouts[dataset].columns.items():
                text = half_width(row[header]).replace(" ", "").replace("-", "").removeprefix("+86")
                if maker in ("citizen_no", "guardian_number", "spouse_number") and text:
                    assert text.startswith("99")
                    seen["number"] += 1
                elif "phone" in maker and text:
                    assert re.fullmatch(r"12\d{9}", text)
                    seen["phone"] += 1
                elif maker in ("employer_code", "entity_code") and text:
                    assert is_credit_code(text)
                    assert text[2:6] == "9901"
                    seen["credit"] += 1
    assert all(count > 1000 for count in seen.values())


def test_keys_are_unique_and_changes_keep_theirs(real):
    records = truth(real, "records")
    assert len({(r["dataset"], r["record_key"]) for r in records}) == len(records)
    layouts = load_layouts()
    first = {(d, "|".join(r[h] for h in layouts[d].key)) for d, r in read_files(real, "2026-06-30")}
    sent_on = {(r["dataset"], r["record_key"]): r["sent_on"].isoformat() for r in records}
    again = new = 0
    for day in ("2026-07-01", "2026-07-02", "2026-07-03"):
        for dataset, row in read_files(real, day):
            key = (dataset, "|".join(row[h] for h in layouts[dataset].key))
            again += key in first
            new += sent_on[key] == day
            assert key in first or sent_on[key] <= day
    assert again > 300, "months paid, moves, departures"
    assert new > 5, "arrivals, moves, new jobs"


def test_spoiled_rows_are_unreadable_and_no_others(real):
    layouts = load_layouts()
    known = {(r["dataset"], r["record_key"]): r for r in truth(real, "records")}
    for dataset, row in read_files(real, "2026-06-30"):
        layout = layouts[dataset]
        makers = {m: h for h, m in layout.columns.items()}
        record = known[(dataset, "|".join(row[h] for h in layout.key))]
        dated = read_day(row[makers.get("observed") or makers["skill_issued"]]) is not None
        named = "name" not in makers or bool(row[makers["name"]])
        coded = not any("待定" in v for v in row.values())
        assert (dated and named and coded) is not record["is_bad"]


def test_every_way_to_write_is_there(real):
    texts = "\n".join(
        half.decode("gb18030", "replace")
        for half in (p.read_bytes() for p in (real / "2026-06-30").glob("*居住*.csv"))
    )
    for pattern in (
        r"\d{4}-\d\d-\d\d",
        r"\d{4}/\d{1,2}/\d",
        r",\d{8},",
        r"年\d{1,2}月",
        r"\d{4}\.\d\d\.\d\d",
    ):
        assert re.search(pattern, texts), pattern
    encodings = {(layout.format, layout.encoding) for layout in load_layouts().values()}
    assert {("csv", "gb18030"), ("csv", "utf-8"), ("csv", "utf-8-sig")} <= encodings
    assert {f for f, _ in encodings} == {"csv", "xlsx", "parquet", "ndjson"}
    lunar = [r for r in truth(real, "contradictions") if r["field"] == "born_on"]
    assert lunar
    people = truth(real, "people")
    shared = defaultdict(list)
    same = defaultdict(list)
    for person in people:
        shared[person["phone"]].append(person)
        same[(person["name"], person["born_on"])].append(person)
    assert any(len(v) > 1 for v in shared.values())
    assert any(len({p["household_id"] for p in v}) > 1 for v in same.values()), "strangers alike"
    twins = defaultdict(set)
    for person in people:
        twins[(person["household_id"], person["born_on"])].add(person["citizen_no"])
    assert any(len(v) > 1 for v in twins.values())


def test_layouts_have_the_headers_of_the_contracts():
    for dataset, layout in load_layouts().items():
        contract = yaml.safe_load((packs.root() / f"cn/contracts/{dataset}.yaml").read_text("utf-8"))
        assert list(layout.columns) == [p["name"] for p in contract["properties"]], dataset
        assert list(layout.key) == contract["key"], dataset


def test_too_small_or_unknown_is_refused(tmp_path):
    for order, code in (
        (Order(10, tmp_path), "city.too_few"),
        (Order(1000, tmp_path, errors="some"), "city.unknown_profile"),
        (Order(1000, tmp_path, like="无名市"), "city.unknown_calibration"),
    ):
        with pytest.raises(Refusal) as refused:
            make_city(order)
        assert refused.value.code == code
