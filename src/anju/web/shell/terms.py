"""The words of canonical values: fields, codes, regions, datasets, offices. Unknown ones show themselves."""

from __future__ import annotations

import csv
from datetime import date
from functools import lru_cache

import pyarrow.parquet as pq
from django.utils.translation import get_language

from anju.exchange.contracts import get_codelist, get_contract
from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.register import canon

UNKNOWN = "—"
CODELISTS = {
    "sex": "sex",
    "education": "education",
    "marital": "marital",
    "dwelling_kind": "dwelling_kind",
    "reason": "inflow_reason",
    "relation": "relation",
    "occupation": "occupation",
    "scheme": "contribution_scheme",
    "industry": "industry",
    "let_for": "let_for",
    "level": "skill_level",
    "stage": "school_stage",
    "department": "department",
    "province": "province",
    "channel": "channel",
    "owner": "department",
    "building_kind": "building_kind",
    "employer_kind": "employer_kind",
    "contribution_kind": "contribution_kind",
    "safety_grade": "safety_grade",
    "aid_kind": "aid_kind",
}
"""Canonical column -> the code list its values come from."""

OWN_DATASETS = {"counter_entry": ("窗口登记", "counter"), "settlement": ("核定", "settled")}
"""Datasets that no department sends."""

OTHER_FIELDS = {
    "stays": ("居住", "stays"),
    "jobs": ("就业", "jobs"),
    "family": ("家庭", "family"),
    "contributions": ("缴费", "contributions"),
    "enrolments": ("就读", "enrolments"),
    "permits": ("居住证", "permits"),
    "taxes": ("纳税", "taxes"),
    "skills": ("职业技能", "skills"),
    "lands": ("承包地", "land"),
    "aids": ("法律援助", "legal aid"),
    "health": ("健康档案", "health files"),
    "stay": ("居住信息", "Stay"),
    "job": ("就业信息", "Work"),
    "kin": ("家庭成员", "Family"),
    "contribution": ("缴费", "contributions"),
    "enrolment": ("就读", "school"),
    "permit": ("居住证", "residence permit"),
    "tax": ("纳税", "tax"),
    "skill": ("职业技能", "skills"),
    "land": ("承包地", "land"),
    "aid": ("法律援助", "legal aid"),
    "until": ("结束", "until"),
    "months": ("月数", "months"),
    "confirmed_on": ("最近确认", "last confirmed"),
    "registered_on": ("登记日", "registered"),
    "presumed_end_on": ("推定结束日", "presumed end"),
    "relative_code": ("亲属编码", "relative's code"),
    "household": ("家庭编号", "household"),
    "employer_code": ("单位代码", "employer's code"),
    "dwelling_code": ("房屋编码", "dwelling code"),
    "region": ("行政区划", "division"),
}


def _english() -> bool:
    return (get_language() or "").startswith("en")


def _one(pair: tuple[str, str]) -> str:
    return pair[1] if _english() else pair[0]


@lru_cache
def _columns() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for aspect in canon.ASPECTS.values():
        for column in aspect.columns:
            found.setdefault(column.name, (column.zh, column.en.partition(",")[0].capitalize()))
    return found | OTHER_FIELDS


def field_label(name: str) -> str:
    """A field's name in the page's language."""
    return _one(_columns().get(name, (name, name)))


def code_label(field: str, value: object) -> str:
    """A field's value in words: codes by their list, divisions by name, days and yes or no as they are said."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return _one(("是", "yes") if value else ("否", "no"))
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if field.endswith("region"):
        return region_name(text)
    if field == "dataset":
        return dataset_name(text)
    listed = CODELISTS.get(field)
    if listed is None:
        return text
    labels = get_codelist(listed).labels
    return _one(labels[text]) if text in labels else text


@lru_cache
def _regions() -> dict[str, tuple[str, str, str]]:
    """Division code -> parent, Chinese and English name, of the place itself."""
    path = packs.find_file("regions.csv")
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {r["code"]: (r["parent"], r["name"], r["en"]) for r in csv.DictReader(stream)}


@lru_cache
def _divisions() -> dict[str, str]:
    """National division code -> the newest name."""
    path = packs.find_file("codes/divisions.parquet")
    if path is None:
        return {}
    table = pq.read_table(path, columns=["code", "name", "start_year"]).to_pylist()
    return {r["code"]: r["name"] for r in sorted(table, key=lambda r: r["start_year"] or 0)}


@lru_cache
def _divisions_in_english() -> dict[str, str]:
    """National division code -> its name in letters."""
    path = packs.find_file("codes/division_names.parquet")
    return dict(zip(*pq.read_table(path).to_pydict().values(), strict=True)) if path else {}


def region_name(code: str | None, *, levels: int = 2) -> str:
    """A division by name, with what it lies in: the place's own down to the grid, others by county and province."""
    return _region_name(code, levels, _english()) if code else UNKNOWN


@lru_cache(maxsize=16_384)
def _region_name(code: str, levels: int, is_english: bool) -> str:
    own = _regions()
    code = code if code in own else code.rstrip("0").ljust(6, "0")
    if code in own:
        names: list[str] = []
        while code in own and len(names) < levels:
            parent, zh, en = own[code]
            if not parent and names:
                break
            names.insert(0, en if is_english else zh)
            code = parent
        return ("" if not is_english else ", ").join(names if not is_english else reversed(names))
    chain, national = (code[:2] + "0000", code[:4] + "00", code[:6]), _divisions()
    english = _divisions_in_english() if is_english else {}
    if told := [english[c] for c in reversed(chain) if c in english]:
        return ", ".join(dict.fromkeys(told))
    parts = dict.fromkeys(national.get(c, "") for c in chain)
    said = "".join(p for p in parts if p and p not in {"市辖区", "县"} and "直辖县级" not in p)
    return said or code


def dataset_name(dataset: str) -> str:
    """A dataset by its contract's name."""
    return _one(_dataset_names(dataset))


@lru_cache(maxsize=512)
def _dataset_names(dataset: str) -> tuple[str, str]:
    try:
        contract = get_contract(dataset)
    except Refusal:
        return OWN_DATASETS.get(dataset, (dataset, dataset))
    return contract.zh, contract.en


def sent_field(dataset: str, name: str) -> str:
    """A column as its department names it; on an English page with what that means."""
    try:
        meaning = get_contract(dataset).field(name).en
    except (Refusal, KeyError):
        return name
    return f"{name} · {meaning}" if _english() else name


def office_name(office: str) -> str:
    """An office of the log, ``department:region``, in words."""
    department, _, region = office.rpartition(":")
    where = _one(("全系统", "the whole system")) if region == "*" else region_name(region, levels=1)
    return f"{where} {code_label('department', department)}" if department else where
