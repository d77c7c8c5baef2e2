"""The commands an officer and a planner use, on small files: explain, recompute, simulate, audit, rank, allocate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from anju.jobs.cli.policy import app
from anju.kernel.refusal import Refusal

PERSON = {
    "born_on": "1988-05-20", "has_permit": True, "has_stable_job": True, "insurance_months": 50, "crimes": 0, "permit_months": 52,
    "rent_months": 40, "pension_months": 50, "medical_months": 50, "unemployment_months": 50, "injury_months": 50,
    "fifth_insurance_months": 50, "education": "大专",
}  # fmt: skip
runner = CliRunner()


def run(*arguments: str, code: int = 0) -> Any:
    result = runner.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("policy")
    (made / "person.json").write_text(json.dumps(PERSON), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def population(folder: Path) -> str:
    path = folder / "people.parquet"
    with duckdb.connect() as con:
        con.execute(f"""COPY (SELECT DATE '1990-01-01' AS born_on, TRUE AS has_permit, TRUE AS has_stable_job, 0 AS crimes,
          m AS insurance_months, m AS pension_months, m AS medical_months, m AS unemployment_months, m AS injury_months,
          m AS fifth_insurance_months, m AS permit_months, m AS rent_months, 0 AS bad_credit_entries, 0 AS tax_evasions,
          0 AS security_penalties, CASE WHEN m % 3 = 0 THEN 'bachelor' ELSE 'senior' END AS education,
          CASE WHEN m % 2 = 0 THEN '1' ELSE '2' END AS sex, CASE WHEN m < 5 THEN 'few' ELSE 'many' END AS origin
          FROM (SELECT range % 160 AS m FROM range(3200))) TO '{path}' (FORMAT parquet)""")
    return str(path)


def test_explain_names_every_line_what_is_missing_and_the_next_step(folder: Path) -> None:
    answer = run(
        "explain",
        "guangzhou/settlement@2025",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2025-10-15",
        "--others",
        "none",
        "--json",
    )
    assert (answer["outcome"], answer["total"], answer["scores"]["rank_score"]) == ("no", 137, 117)
    service = answer["services"][0]
    assert service["short_by"] == 13
    lines = [x for top in service["items"] for x in (top, *top.get("lines", []))]
    assert all(x["article"] and x["zh"] and x["en"] for x in lines)
    pension = next(c for c in service["changes"] if c["fact"] == "pension_months")
    assert (pension["more"], pension["gain"], pension["on"]) == (10, 2, "2026-07")
    ahead = service["changes"][0]
    assert (ahead["kind"], ahead["passes"]) == ("time", True)
    unknown = run(
        "explain",
        "guangzhou/settlement@2025",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2025-10-15",
        "--json",
    )
    assert unknown["outcome"] == "open"
    assert {m["key"] for m in unknown["services"][0]["missing"]} >= {"tax_evasions", "security_penalties"}
    told = run(
        "explain",
        "guangzhou/settlement@2025",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2025-10-15",
        "--lang",
        "zh",
    )
    assert "再增加 10 个月：+2 分；按现在的进度 2026年7月达到" in told


def test_time_alone_is_carried_forward_and_the_month_is_right(folder: Path) -> None:
    from datetime import date

    from anju.policy import loading
    from anju.policy.explain import explain
    from anju.policy.facts_file import read_facts

    programme = loading.get("guangzhou/settlement@2025")
    on = date(2025, 10, 15)
    facts = read_facts(programme, PERSON, others="none")
    ahead = explain(programme, facts, on).services[0].changes[0]
    growing = [u.key for u in programme.uses if u.fact.grows and facts.values.get(u.key)]

    def after(months: int) -> bool:
        grown = {**facts.values, **{k: facts.values[k] + months for k in growing}}
        return explain(programme, type(facts)(grown), on, with_changes=False).services[0].passes

    assert ahead.more is not None
    assert after(ahead.more)
    assert not after(ahead.more - 1)


def test_a_receipt_recomputes_and_a_forged_one_does_not(folder: Path) -> None:
    answer = run(
        "explain",
        "guangzhou/settlement@2025",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2025-10-15",
        "--json",
    )
    kept, forged = folder / "receipt.json", folder / "forged.json"
    kept.write_text(json.dumps(answer), encoding="utf-8")
    assert run("recompute", str(kept), "--json")["differences"] == []
    answer["receipt"]["result"]["settlement"]["outcome"] = "yes"
    forged.write_text(json.dumps(answer), encoding="utf-8")
    assert run("recompute", str(forged), "--json", code=1)["differences"] == ["result", "result_sha256"]


def test_a_day_out_of_force_is_refused_unless_only_compared(folder: Path) -> None:
    arguments = [
        "explain",
        "guangzhou/settlement@2025",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2030-01-01",
        "--json",
    ]
    with pytest.raises(Refusal, match="not_in_force"):
        run(*arguments)
    assert run(*arguments, "--as-if")["in_force"] is False


def test_simulate_counts_hides_small_cells_and_exports(folder: Path, population: str) -> None:
    out = folder / "2027.yaml"
    told = run(
        "simulate", "guangzhou/settlement@2025", "--population", population, "--set", "conditions.years=7", "--set", "items.pension.points=5",
        "--set", "services.settlement.line=120", "--by", "origin", "--places", "500", "--on", "2025-10-15", "--export", str(out), "--json",
    )  # fmt: skip
    assert told["people"] == 3200
    assert told["before"]["qualified"] == sum(20 for m in range(160) if passes(m, 48, 2, 150))
    assert told["after"]["qualified"] == sum(20 for m in range(160) if passes(m, 84, 5, 120))
    both = [(passes(m, 48, 2, 150), passes(m, 84, 5, 120)) for m in range(160)]
    assert (told["gain"], told["lose"]) == (
        sum(20 for b, a in both if a and not b),
        sum(20 for b, a in both if b and not a),
    )
    assert told["after"]["admitted"] >= 500
    assert told["before"]["cost_yuan"] == told["before"]["admitted"] * 12_000
    assert "+  - {id: years" in told["diff"]
    assert "insurance_months >= 7 years" in out.read_text(encoding="utf-8")


def passes(m: int, years: int, each: int, line: int) -> bool:
    """By hand: the same people under the same rules."""
    base = m // 12 * 8 + min(m // 12 * 5, 20) + 4 * (m // 12 * 2) + m // 12 * each + 30
    return m >= years and base + (30 if m % 3 == 0 else 10) >= line


def test_small_groups_are_hidden_with_what_would_give_them_away() -> None:
    from anju.policy.quota import suppress

    assert suppress([100, 4, 50], 10) == [100, None, None]
    assert suppress([100, 0, 50], 10) == [100, 0, 50]
    assert suppress([3, 4, 50], 10) == [None, None, 50]


def test_audit_finds_the_gap_and_what_drives_it(population: str) -> None:
    told = run(
        "audit",
        "guangzhou/settlement@2025",
        "--population",
        population,
        "--by",
        "education",
        "--by",
        "sex",
        "--on",
        "2025-10-15",
        "--json",
    )
    rows = {(g["column"], g["value"]): g for g in told["groups"]}
    assert rows["education", "bachelor"]["score_gap"] == pytest.approx(20, abs=3)
    driver = next(d for d in told["drivers"] if d["value"] == "bachelor")
    assert driver["item"] == "education_points"
    assert driver["gap"] == 20
    assert rows["sex", "1"]["rate_low"] < rows["sex", "1"]["rate"] < rows["sex", "1"]["rate_high"]


def test_wilson_and_bootstrap_intervals() -> None:
    import numpy as np

    from anju.policy.audit import bootstrap_mean, wilson

    low, high = wilson(5, 10)
    assert (round(low, 4), round(high, 4)) == (0.2366, 0.7634)
    low, high = bootstrap_mean(np.array([0.0, 10.0]), np.array([500, 500]), 1)
    assert 4.6 < low < 5 < high < 5.4


def test_rank_and_objection(folder: Path) -> None:
    people = [
        {
            "reference": f"A{i}",
            "name": "陈小明",
            "number": "990000198805200012",
            "facts": {**PERSON, "pension_months": 50 + i},
        }
        for i in range(5)
    ]
    (folder / "people.json").write_text(json.dumps(people), encoding="utf-8")
    arguments = [
        "rank",
        "guangzhou/settlement@2025",
        "--people",
        str(folder / "people.json"),
        "--on",
        "2025-10-15",
        "--others",
        "none",
        "--json",
        "--places",
        "3",
    ]
    assert run(*arguments)["admitted"] == [], "nobody reaches the line"
    for person in people:
        person["facts"] = {
            **person["facts"],
            "has_own_home": True,
            "permit_months": 100,
            "medical_months": 100 + int(person["reference"][1]),
        }
    (folder / "people.json").write_text(json.dumps(people), encoding="utf-8")
    told = run(*arguments)
    assert [row["reference"] for row in told["admitted"]] == ["A4", "A3", "A2"]
    first = told["admitted"][0]
    assert (first["name"], first["number"]) == ("陈*明", "**************0012")


def test_allocate_and_verify(folder: Path) -> None:
    (folder / "schools.csv").write_text("school,places\n一小,1\n二小,1\n", encoding="utf-8")
    (folder / "applicants.csv").write_text(
        "reference,points,choices\na,90,一小;二小\nb,95,一小\nc,80,二小\n", encoding="utf-8"
    )
    proof = folder / "proof.json"
    told = run(
        "allocate",
        "--applicants",
        str(folder / "applicants.csv"),
        "--schools",
        str(folder / "schools.csv"),
        "--seed",
        "s",
        "--out",
        str(proof),
        "--json",
    )
    assert (told["placed"], told["by_choice"], told["faults"]) == (2, [1, 1], [])
    assert run("verify-allocation", str(proof), "--json")["faults"] == []
    data = json.loads(proof.read_text(encoding="utf-8"))
    data["applicants"][0]["assigned"], data["applicants"][2]["assigned"] = None, "二小"
    proof.write_text(json.dumps(data), encoding="utf-8")
    assert run("verify-allocation", str(proof), "--json", code=1)["faults"][0]["kind"] == "passed_over"


def test_compare_one_person_and_two_tables(folder: Path) -> None:
    rows = run(
        "compare",
        "guangzhou/settlement@2025",
        "cn/residence_permit",
        "--facts",
        str(folder / "person.json"),
        "--on",
        "2025-10-15",
        "--json",
    )
    assert {r["programme"] for r in rows} == {"guangzhou/settlement@2025", "cn/residence_permit@2016"}
    differences = run("compare", "guangzhou/settlement@2025", "guangzhou/settlement@2015", "--json")
    assert any(not d["is_same"] for d in differences)


def test_check_show_list_and_facts() -> None:
    told = run("check", "--json")
    assert told["faults"] == []
    assert "guangzhou/settlement@2025" in told["programmes"]
    assert "| 附件 一、2(1) |" in run("show", "guangzhou/settlement@2025", "--markdown", "--lang", "zh")
    assert any(r["id"] == "cn/residence_permit@2016" for r in run("list", "--json"))
    facts = run("facts", "guangzhou/settlement@2025", "--json")
    assert set(facts["form"]) == {f["key"] for f in facts["facts"]}


def test_a_changed_number_is_seen_in_table_answer_sql_and_form(tmp_path: Path, folder: Path) -> None:
    from anju.kernel import packs

    pack = tmp_path / "guangzhou"
    (pack / "policies" / "settlement").mkdir(parents=True)
    (pack / "pack.yaml").write_text("extends: cn\n", encoding="utf-8")
    path = pack / "policies" / "settlement" / "2025.yaml"
    text = (packs.root() / "guangzhou" / "policies" / "settlement" / "2025.yaml").read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "of: pension_months, step: 1 year, points: 2", "of: pension_months, step: 1 year, points: 7"
        ),
        encoding="utf-8",
    )
    assert "每满1年 7分" in run("show", str(path), "--markdown", "--lang", "zh")
    assert (
        run(
            "explain",
            str(path),
            "--facts",
            str(folder / "person.json"),
            "--on",
            "2025-10-15",
            "--others",
            "none",
            "--json",
        )["total"]
        == 157
    )
    assert run("sql", str(path)) != run("sql", "guangzhou/settlement@2025")
    from anju.policy import loading, paths

    assert (
        next(f.number for f in paths.fields(loading.load_file(path)) if f.path == "items.pension.per.points")
        == "7"
    )
