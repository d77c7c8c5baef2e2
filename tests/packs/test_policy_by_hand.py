"""The docs' worked cases and broken files hold; a number changed in a pack is followed by everything made from it."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from anju.kernel import packs, wording
from anju.policy import loading, paths
from anju.policy.bound import bind
from anju.policy.explain import explain
from anju.policy.facts_file import read_facts
from anju.policy.interpret import Interpreter
from anju.policy.loading import build, files
from anju.policy.sql import compile_sql
from anju.policy.sql.facts_table import arrow_table
from anju.policy.table import markdown, table

DOCS = Path(__file__).parents[2] / "docs"
CASES = [
    json.loads(block)
    for block in re.findall(
        r"```json\n(.*?)```",
        (DOCS / "explanation" / "policy-worked-cases.md").read_text(encoding="utf-8"),
        re.S,
    )
]


@pytest.mark.parametrize("case", CASES, ids=[c["programme"] for c in CASES])
def test_a_worked_case_comes_out_as_by_hand(case: dict[str, Any]) -> None:
    programme = loading.get(case["programme"])
    facts = read_facts(programme, case["facts"], others=case.get("others", "unknown"))
    bound = bind(programme, date.fromisoformat(case["filed"]))
    for service, wanted in case["services"].items():
        verdict = Interpreter(bound).verdict(facts.values, service)
        assert {True: "yes", False: "no", None: "open"}[verdict.outcome] == wanted["outcome"]
        assert {n: verdict.scores[n] for n in wanted if n != "outcome"} == {
            n: Fraction(v) for n, v in wanted.items() if n != "outcome"
        }
        assert {n: verdict.items[n].counted for n in case["lines"]} == {
            n: Fraction(v) for n, v in case["lines"].items()
        }


BY_HAND = yaml.safe_load((Path(__file__).parent / "worked_by_hand.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "at", range(len(BY_HAND)), ids=[f"{i}-{c['programme']}" for i, c in enumerate(BY_HAND)]
)
def test_what_was_worked_out_from_the_table_alone_comes_out(at: int) -> None:
    case = BY_HAND[at]
    programme = loading.get(case["programme"])
    told = explain(
        programme, read_facts(programme, case["facts"], others="none"), date.fromisoformat(case["filed"])
    )
    for service in told.services:
        wanted = case["expect"].get(service.id, {})
        assert service.outcome == wanted.get("outcome", service.outcome)
        if "total" in wanted:
            assert float(service.score or 0) == pytest.approx(wanted["total"], abs=0.006)


WAYS = (
    ("a fact nobody knows", "of: pension_months, step: 1 year, points: 2", "of: pention_months, step: 1 year, points: 2"),
    ("months held against money", "insurance_months >= 4 years", "insurance_months >= 4000 yuan"),
    ("a line without its article", "en: permit held, article: 附件 一、1(1), per", "en: permit held, per"),
    ("two bands that overlap", "{from: 30000 yuan, below: 60000 yuan, points: 8}", "{from: 20000 yuan, below: 60000 yuan, points: 8}"),
    ("a band nobody can reach", "{from: 200000 yuan, points: 12}", "{from: 90000 yuan, below: 90000 yuan, points: 12}"),
    ("a code the fact does not have", "college: 20, bachelor: 30", "college: 20, batchelor: 30"),
    ("a score that adds what is not there", "add: [base], subtract: []", "add: [bass], subtract: []"),
    ("one id twice", "id: rented_home", "id: own_home"),
    ("an expression instead of a comparison", "when: crimes is 0", "when: crimes + detentions < 1"),
    ("a fact listed and never used", "  education: {}\n", "  education: {}\n  degree: {}\n"),
    ("days in force the wrong way round", "until: 2026-12-31", "until: 2024-12-31"),
    ("a cap written in words", "points: 5}, cap: 20}", "points: 5}, cap: twenty}"),
)  # fmt: skip


def broken() -> str:
    """The docs page: each way of breaking a real file, and what is said."""
    path = packs.root() / "guangzhou" / "policies" / "settlement" / "2025.yaml"
    good = path.read_text(encoding="utf-8")
    told = [
        "# 改坏一份政策，会看到什么 · Breaking a policy file, and what is said\n",
        "每一处都取自 `guangzhou/settlement@2025`：把减号那一行改成加号那一行，`anju policy check` 就说下面的话。没有一处会带病通过。\n",
        "Each turns one line (minus) of `guangzhou/settlement@2025` into another (plus); `anju policy check` then says what follows. None gets through.\n",
    ]
    for name, before, after in WAYS:
        assert good.count(before) >= 1, name
        loaded = build(path, good.replace(before, after, 1))
        assert loaded.programme is None, name
        fault = loaded.faults[0]
        said = [wording.say(fault.code, language, **dict(fault.facts)) for language in ("zh", "en")]
        told.append(
            f"## {name}\n\n```diff\n-{before.strip()}\n+{after.strip()}\n```\n\n`{fault.where}`\n\n> {said[0]}\n>\n> {said[1]}\n"
        )
    return "\n".join(told)


def test_every_way_of_breaking_a_file_is_told_as_the_docs_say() -> None:
    """Set ANJU_WRITE_DOCS to write the page anew."""
    page = DOCS / "explanation" / "policy-faults.md"
    if os.environ.get("ANJU_WRITE_DOCS"):
        page.write_text(broken(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == broken()


@pytest.fixture
def packs_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "packs"
    for name in ("cn", "guangzhou", "demo"):
        shutil.copytree(packs.root() / name, made / name)
    monkeypatch.setenv("ANJU_PACKS", str(made))
    return made


def test_table_explanation_sql_and_form_follow_a_number(packs_of_our_own: Path) -> None:
    """Permit years 8 -> 9 a year, in the file alone."""
    path = packs_of_our_own / "guangzhou" / "policies" / "settlement" / "2025.yaml"
    case, found = CASES[1], []
    for text in (path.read_text(encoding="utf-8"), None):
        if text is None:
            changed = path.read_text(encoding="utf-8").replace(
                "per: {of: permit_months, step: 1 year, points: 8}",
                "per: {of: permit_months, step: 1 year, points: 9}",
            )
            path.write_text(changed, encoding="utf-8")
        programme = files.load_file(path)
        facts = read_facts(programme, case["facts"])
        bound = bind(programme, date.fromisoformat(case["filed"]))
        answer = explain(programme, facts, date.fromisoformat(case["filed"]))
        query = compile_sql(bound, want=("scores",))
        with duckdb.connect() as con:
            con.register("facts", arrow_table(programme, [facts.values]))
            by_sql = con.execute(f"SELECT s_rank_score FROM ({query.sql})").fetchall()[0][0]
        found.append(
            {
                "table": "9"
                in next(
                    r.text for s in table(programme, "en").sections for r in s.rows if r.id == "permit_years"
                ),
                "page": markdown(table(programme, "zh")).count("9 分")
                + markdown(table(programme, "zh")).count("9分"),
                "explained": answer.services[0].scores["rank_score"],
                "sql": Fraction(by_sql, query.scale),
                "form": next(
                    f.number for f in paths.fields(programme) if f.path == "items.permit_years.per.points"
                ),
            }
        )
    before, after = found
    assert (before["explained"], before["sql"], before["form"]) == (149, 149, "8")
    assert (after["explained"], after["sql"], after["form"]) == (155, 155, "9")
    assert after["table"]
    assert after["page"] > before["page"]
