"""The contracts of the packs: whole, agreeing with the catalogue of columns, and printed as they are."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from anju.exchange.contracts import Contract, get_codelist, get_contract, list_contracts
from anju.exchange.contracts.load import read
from anju.exchange.contracts.page import as_data, differences, page, write
from anju.kernel import packs
from anju.kernel.refusal import Refusal
from anju.register import canon

REPO = Path(__file__).resolve().parents[2]
DEPARTMENTS = {
    "police", "hrss", "housing", "education", "health", "medical_insurance", "civil_affairs", "tax",
    "market_regulation", "justice", "agriculture", "community",
}  # fmt: skip
NEVER = (
    "民族",
    "宗教",
    "信仰",
    "政治面貌",
    "党员",
    "指纹",
    "人脸",
    "血型",
    "孕",
    "生育",
    "信用分",
    "风险等级",
    "重点人员",
)


def test_twelve_departments_and_three_channels_have_contracts() -> None:
    assert {c.department for c in list_contracts()} == DEPARTMENTS
    assert {c.channel for c in list_contracts()} == {"", "landlord", "employer", "site"}


@pytest.mark.parametrize("contract", list_contracts(), ids=lambda c: c.id)
def test_a_contract_is_complete(contract: Contract) -> None:
    for name in contract.key:
        assert contract.field(name).required, f"{name} is part of the key"
    assert contract.field(contract.observed).type == "date"
    filled = {column.partition(".")[0] for column in contract.columns()}
    assert filled == set(contract.aspects)
    for f in contract.fields:
        assert f.classification in {"public", "internal", "personal", "sensitive"}
        for target in f.to if f.type != "address" else ():
            order = ("public", "internal", "personal", "sensitive")
            assert order.index(f.classification) >= order.index(canon.column(target).privacy), f.name
        assert not any(word in f.name for word in NEVER), f.name
    assert contract.legal_basis
    assert contract.row


def test_exactly_one_department_decides_each_aspect() -> None:
    """Two datasets may decide one fact only when they are one department's, or speak of different schemes."""
    deciding: dict[str, set[str]] = {}
    for contract in list_contracts():
        for fact, rank in contract.authority.items():
            if rank == 1 and fact != "contribution":
                deciding.setdefault(fact, set()).add(contract.department)
    assert all(len(departments) == 1 for departments in deciding.values()), deciding


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    source = next(packs.files("contracts/police_residence.yaml"))
    spoiled: dict[str, Any] = copy.deepcopy(packs.read_yaml(source))
    spoiled["department"] = "navy"
    spoiled["key"] = ["没有这一列"]
    spoiled["extra"] = 1
    spoiled["authority"]["person.height"] = 0
    spoiled["properties"][2] |= {"type": "biometry", "to": "person.face"}
    spoiled["properties"][4] |= {"standard": "no_such_list"}
    path = tmp_path / "spoiled.yaml"
    path.write_text(yaml.safe_dump(spoiled, allow_unicode=True))
    with pytest.raises(Refusal) as told:
        read(path)
    for part in ("navy", "没有这一列", "extra", "person.height", "biometry", "person.face", "no_such_list"):
        assert part in told.value.facts["faults"]
    assert told.value.facts["count"] == 8


def test_an_unknown_dataset_is_refused_with_those_there_are() -> None:
    with pytest.raises(Refusal, match="contracts.unknown") as told:
        get_contract("police_cars")
    assert "police_residence" in told.value.facts["known"]


@pytest.mark.parametrize("path", sorted((packs.root() / "cn" / "codes").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_code_list_reads_its_own_codes_and_names(path: Path) -> None:
    codes = get_codelist(path.stem)
    assert codes.id == path.stem
    for code, (zh, en) in codes.labels.items():
        assert codes.forms[zh] in (code, None)
        assert codes.forms[code] == codes.forms[en] == codes.forms[zh]


def test_the_reference_is_what_the_contracts_say() -> None:
    assert differences(REPO / "docs" / "reference" / "contracts") == [], "run: anju exchange docs"


def test_pages_are_written_once_and_then_left_alone(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("a dataset that is no more")
    assert "gone.md" in write(tmp_path)
    assert write(tmp_path) == []
    assert not (tmp_path / "gone.md").exists()


@pytest.mark.parametrize("contract", list_contracts(), ids=lambda c: c.id)
def test_the_page_names_every_field_and_code(contract: Contract) -> None:
    told, data = page(contract), as_data(contract)
    for f in contract.fields:
        assert f"| {f.name}" in told
    assert [f["name"] for f in data["fields"]] == list(contract.names)
    assert contract.legal_basis in told
