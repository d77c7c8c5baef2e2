"""``anju policy audit | compare``: rules checked for fairness, and held side by side."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from anju.jobs.cli import setup_django
from anju.jobs.cli.policy import (
    AsJson,
    Language,
    On,
    Programme,
    Readings,
    app,
    console,
    day,
    language,
    pairs,
    say_json,
)
from anju.jobs.cli.policy_everyone import GROUP, By, PopulationOption, cell, engine, group_columns, steps
from anju.kernel import articles
from anju.policy import loading
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.model import Programme as Checked
from anju.policy.simulate import assumed, plain


@app.command()
def audit(
    programme: Programme,
    population: PopulationOption = "library",
    by: By = None,
    service: Annotated[str | None, typer.Option("--service")] = None,
    on: On = None,
    reading: Readings = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Pass rates and score gaps by group with intervals, the items that drive them, and what would happen otherwise."""
    from anju.jobs.pipeline.population import open_population
    from anju.policy.audit import audit as run
    from anju.policy.simulate import need_columns

    chosen = language(lang)
    found = loading.get(programme, day(on))
    filing = day(on) or default_day(found, date.today())  # noqa: DTZ011 the operator's own day
    with steps("…", as_json) as step, engine() as opened:
        step("读取人口" if chosen == "zh" else "reading the population")
        if population == "library":
            setup_django()
        people = open_population(opened, population, [found], filing)
        groups = group_columns(by, people.columns) or [c for c in people.columns if c.startswith(GROUP)]
        need_columns(people.columns, groups)
        step(f"审计 {people.people:,} 人" if chosen == "zh" else f"auditing {people.people:,} people")
        least = assumed().get("least_cell", 10)
        result = run(
            opened,
            people.source,
            bind(found, filing, pairs(reading)),
            groups,
            service=service,
            least_cell=least,
        )
    if as_json:
        say_json({"programme": found.id, "on": filing.isoformat(), **plain(asdict(result))})
        return
    _tell_audit(found, result, chosen)


def _tell_audit(found: Checked, result: Any, chosen: str) -> None:
    zh = chosen == "zh"
    few = f"<{result.least_cell}"
    console.print(
        f"[bold]{found.label(chosen)}[/] {found.id} · {result.people:,}" + (" 人" if zh else " people")
    )
    shown = RichTable(box=None)
    for name in (
        ("分组", "值", "人数", "通过率", "95%区间", "与最大组之比", "平均分", "分差")
        if zh
        else ("group", "value", "people", "pass rate", "95 % interval", "ratio to largest", "mean", "gap")
    ):
        shown.add_column(name)
    for row in result.groups:
        mark = " ●" if row.is_reference else " !" if row.is_different else ""
        span = "" if row.rate_low is None else f"{row.rate_low:.1%} – {row.rate_high:.1%}"
        told = (
            f"{v:{f}}" if v is not None else "—"
            for v, f in (
                (row.rate, ".1%"),
                (row.rate_ratio, ".2f"),
                (row.mean, ".1f"),
                (row.score_gap, "+.1f"),
            )
        )
        rate, ratio, mean, gap = told
        shown.add_row(row.column, row.value + mark, cell(row.people, few), rate, span, ratio, mean, gap)
    console.print(shown)
    for row in (r for r in result.groups if r.is_different):
        mine = [d for d in result.drivers if (d.column, d.value) == (row.column, row.value)][:3]
        joint = (
            "；".join(f"{d.zh} {d.gap:+.1f}〔{d.article}〕" for d in mine)
            if zh
            else "; ".join(f"{d.en} {d.gap:+.1f} ({articles.english(d.article)})" for d in mine)
        )
        console.print(f"{row.column}={row.value}: {joint}")
    for other in result.counterfactuals:
        name = other.zh if zh else other.en
        if other.kind == "flip":
            told = (
                f"若每个人的“{name}”反过来：{cell(other.changed, few)} 人结果改变"
                if zh
                else f'if everyone\'s "{name}" were turned round: {cell(other.changed, few)} outcomes change'
            )
        else:
            then = "—" if other.ratio_then is None else f"{other.ratio_then:.2f}"
            now = "—" if other.ratio_now is None else f"{other.ratio_now:.2f}"
            told = (
                f"去掉“{name}”后，{other.column}={other.value} 的通过率之比 {now} → {then}"
                if zh
                else f'without "{name}" the ratio of {other.column}={other.value} goes {now} → {then}'
            )
        console.print("  " + told)


@app.command()
def compare(
    programmes: Annotated[
        list[str], typer.Argument(help="programmes or versions; two without --facts: tables side by side")
    ],
    facts_file: Annotated[
        Path | None, typer.Option("--facts", help="the person's facts, a JSON file")
    ] = None,
    on: On = None,
    others: Annotated[str, typer.Option("--others", help="facts not given: unknown or none")] = "unknown",
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """The same person under several programmes; or two tables side by side."""
    from anju.jobs.pipeline.facts import read_json
    from anju.policy.compare import compare_person, compare_tables

    chosen = language(lang)
    zh = chosen == "zh"
    found = [loading.get(p, None) for p in programmes]
    if facts_file is None and len(found) == 2:
        differences = compare_tables(found[0], found[1], chosen)
        if as_json:
            say_json([{**asdict(d), "is_same": d.is_same} for d in differences])
            return
        shown = RichTable(show_lines=True, expand=True)
        for name in ("编号" if zh else "id", found[0].id, found[1].id):
            shown.add_column(name)
        for d in differences:
            texts = [f"{r.label}：{r.text}" if r else "—" for r in (d.one, d.other)]
            shown.add_row(d.id, *(texts if d.is_same else [texts[0], f"[yellow]{texts[1]}[/]"]))
        console.print(shown)
        return
    rows = compare_person(found, read_json(facts_file), day(on) or date.today(), others=others)  # noqa: DTZ011
    if as_json:
        say_json(
            [
                {"programme": r.programme.id, "zh": r.programme.zh, "en": r.programme.en, "service": r.service, "on": r.on, "in_force": r.in_force,
                 "outcome": r.outcome, "score": plain(r.score), "line": plain(r.line), "missing": r.missing, "unmet": [u[0] for u in r.unmet]}
                for r in rows
            ]
        )  # fmt: skip
        return
    shown = RichTable(box=None)
    for name in (
        ("政策", "服务", "日期", "结果", "得分", "须达到", "未知项", "未满足的条件")
        if zh
        else ("programme", "service", "day", "outcome", "score", "line", "unknown", "unmet")
    ):
        shown.add_column(name)
    words = {"yes": ("符合", "yes"), "no": ("不符合", "no"), "open": ("待核", "open")}
    for r in rows:
        unmet = "；".join(u[0 if zh else 1] for u in r.unmet)
        shown.add_row(
            r.programme.id,
            r.zh if zh else r.en,
            r.on.isoformat(),
            words[r.outcome][0 if zh else 1],
            cell(r.score, "—"),
            cell(r.line, "—"),
            str(r.missing),
            unmet,
        )
    console.print(shown)
