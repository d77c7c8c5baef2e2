"""``anju policy simulate | audit | compare``: rules tried on everyone, checked for fairness, held side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
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
from anju.kernel import packs
from anju.policy import loading, whatif
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.model import Programme as Checked

PopulationOption = Annotated[
    str, typer.Option("--population", help="library, or a Parquet or CSV file of facts")
]
By = Annotated[list[str] | None, typer.Option("--by", help="group by this column (repeat)")]


def plain(value: Any) -> Any:
    """Dataclasses with exact fractions as JSON."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else round(float(value), 6)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


@contextmanager
def steps(told: str, quiet: bool) -> Iterator[Any]:
    """A spinner with the step at hand, on the error stream so that ``--json`` stays clean."""
    from rich.console import Console

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task(told)
        yield lambda text: progress.update(task, description=text)


@contextmanager
def engine() -> Iterator[Any]:
    """A DuckDB engine with a spill folder of its own."""
    from anju.jobs.engine import DuckEngine

    with tempfile.TemporaryDirectory(prefix="anju-policy-") as folder:
        opened = DuckEngine(Path(folder))
        try:
            yield opened
        finally:
            opened.close()


def simulation_values() -> dict[str, int]:
    """Numbers a what-if assumes beside the rules, from the packs."""
    path = packs.find_file("simulation.yaml")
    told = packs.read_yaml(path) if path else {}
    return {name: int(body["value"]) for name, body in told.items()}


@app.command()
def simulate(
    programme: Programme,
    population: PopulationOption = "library",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="PATH=VALUE, e.g. items.pension.points=5; PATH=off")
    ] = None,
    service: Annotated[str | None, typer.Option("--service")] = None,
    by: By = None,
    places: Annotated[
        int | None, typer.Option("--places", help="places to give out (default: the programme's)")
    ] = None,
    on: On = None,
    reading: Readings = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="write the changed rules as a new version file")
    ] = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Try changed numbers on everyone: who gains and loses, line for the quota, cost. Counts only; small cells hidden."""
    from anju.jobs.pipeline.population import open_population
    from anju.policy.simulate import need_columns
    from anju.policy.simulate import simulate as run

    chosen = language(lang)
    found = loading.get(programme, day(on))
    filing = day(on) or default_day(found, date.today())  # noqa: DTZ011 the operator's own day
    settings = whatif.parse_settings(setting or [])
    other, text = (
        whatif.changed(found, settings) if settings else (found, Path(found.file).read_text(encoding="utf-8"))
    )
    assumed = simulation_values()
    with steps("…", as_json) as step, engine() as opened:
        step("读取人口" if chosen == "zh" else "reading the population")
        if population == "library":
            setup_django()
        people = open_population(opened, population, [found, other], filing)
        groups = group_columns(by, people.columns)
        need_columns(people.columns, groups)
        step(f"计算 {people.people:,} 人" if chosen == "zh" else f"working out {people.people:,} people")
        result = run(
            opened, people.source, bind(found, filing, pairs(reading)), bind(other, filing, pairs(reading)),
            service=service, groups=groups, places=places,
            cost_per_10000_yuan=assumed.get("cost_per_10000_people_yuan", 0), least_cell=assumed.get("least_cell", 10),
        )  # fmt: skip
    changes = whatif.diff(Path(found.file).read_text(encoding="utf-8"), text, found.id)
    if export:
        export.write_text(text, encoding="utf-8")
    if as_json:
        head = {
            "programme": found.id,
            "file_sha256": found.digest,
            "on": filing.isoformat(),
            "settings": settings,
        }
        say_json({**head, "absent_facts": list(people.absent), **plain(asdict(result)), "diff": changes})
        return
    _tell_simulation(found, result, people.absent, changes, chosen)


def _tell_simulation(found: Checked, result: Any, absent: tuple[str, ...], changes: str, chosen: str) -> None:
    zh = chosen == "zh"
    few = f"<{result.least_cell}"
    console.print(
        f"[bold]{found.label(chosen)}[/] {found.id} · {result.people:,}" + (" 人" if zh else " people")
    )
    shown = RichTable(box=None)
    for name in ("", "现行", "改后") if zh else ("", "as it is", "changed"):
        shown.add_column(name, justify="right" if name else "left")
    rows = [
        ("符合人数" if zh else "qualify", "qualified"), ("待核（有未知）" if zh else "open (something unknown)", "open"),
        ("平均分（符合者）" if zh else "mean score of those", "mean_score"), ("分数线（按名额）" if zh else "line for the places", "line"),
        ("入围人数" if zh else "admitted", "admitted"), ("每年成本（元）" if zh else "cost a year (yuan)", "cost_yuan"),
    ]  # fmt: skip
    for label, key in rows:
        shown.add_row(label, *(_cell(getattr(side, key), few) for side in (result.before, result.after)))
    console.print(shown)
    told = "新增符合 {} 人，不再符合 {} 人" if zh else "{} newly qualify, {} no longer do"
    console.print(told.format(_cell(result.gain, few), _cell(result.lose, few)))
    if result.after.has_quota:
        told = "新入围 {} 人，不再入围 {} 人" if zh else "{} newly admitted, {} no longer"
        console.print(told.format(_cell(result.admitted_gain, few), _cell(result.admitted_lose, few)))
    for title, side in (("现行名额使用", result.before), ("改后名额使用", result.after)):
        for use in side.quota:
            name = use.zh if zh else use.en
            console.print(f"  {title if zh else ''} {name}: {use.places:,} → {_cell(use.admitted, few)}")
    if result.groups:
        shown = RichTable(box=None)
        for name in (
            ("分组", "值", "人数", "现行", "改后", "新增", "失去")
            if zh
            else ("group", "value", "people", "before", "after", "gain", "lose")
        ):
            shown.add_column(name)
        for group in result.groups:
            shown.add_row(
                group.column,
                group.value,
                *(_cell(getattr(group, k), few) for k in ("people", "before", "after", "gain", "lose")),
            )
        console.print(shown)
    top = max((b.before or 0, b.after or 0) for b in result.distribution) if result.distribution else (1, 1)
    for bar in result.distribution:
        width = max(*top, 1)
        left, right = "█" * round(30 * (bar.before or 0) / width), "█" * round(30 * (bar.after or 0) / width)
        console.print(f"{float(bar.low):8g} {left:<30} [green]{right}[/]")
    if absent:
        console.print(
            ("这些事实人口表里没有，按未知处理：" if zh else "Not in the population, so unknown: ")
            + ", ".join(absent)
        )
    if changes:
        console.print(changes, markup=False)


def _cell(value: Any, few: str) -> str:
    if value is None:
        return few
    if isinstance(value, float | Fraction):
        return f"{float(value):,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}"


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
        least = simulation_values().get("least_cell", 10)
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


GROUP = "group_"
"""Columns of a population that only serve to compare groups; the library's facts table carries them."""


def group_columns(asked: list[str] | None, there: tuple[str, ...]) -> list[str]:
    """The columns meant: ``sex`` is ``group_sex`` where the population has no ``sex`` of its own."""
    return [c if c in there or GROUP + c not in there else GROUP + c for c in asked or []]


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
        shown.add_row(row.column, row.value + mark, _cell(row.people, few), rate, span, ratio, mean, gap)
    console.print(shown)
    for row in (r for r in result.groups if r.is_different):
        mine = [d for d in result.drivers if (d.column, d.value) == (row.column, row.value)][:3]
        joint = "；".join(f"{d.zh if zh else d.en} {d.gap:+.1f}〔{d.article}〕" for d in mine)
        console.print(f"{row.column}={row.value}: {joint}")
    for other in result.counterfactuals:
        name = other.zh if zh else other.en
        if other.kind == "flip":
            told = (
                f"若每个人的“{name}”反过来：{_cell(other.changed, few)} 人结果改变"
                if zh
                else f'if everyone\'s "{name}" were turned round: {_cell(other.changed, few)} outcomes change'
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
            _cell(r.score, "—"),
            _cell(r.line, "—"),
            str(r.missing),
            unmet,
        )
    console.print(shown)
