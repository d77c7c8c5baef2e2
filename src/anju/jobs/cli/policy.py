"""``anju policy``: check, show, explain, simulate, compare, audit and rank by rules kept as data."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as RichTable

from anju.jobs.cli import setup_django
from anju.kernel import articles, wording
from anju.policy import explain as explaining
from anju.policy import form as forms
from anju.policy import loading
from anju.policy.facts_file import read_facts
from anju.policy.table import badges, markdown, table

app = typer.Typer(help="Check, show, explain, simulate, compare, audit rules.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

Programme = Annotated[str, typer.Argument(help="place/programme, place/programme@version, or a file")]
Language = Annotated[str | None, typer.Option("--lang", help="zh or en (default: by ANJU_LANG, LANG)")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
On = Annotated[str | None, typer.Option("--on", help="day of filing, YYYY-MM-DD")]
Readings = Annotated[list[str] | None, typer.Option("--reading", help="choose a reading: NAME=OPTION")]


@app.callback()
def group() -> None:
    """Rules as data: check them, read them, explain them, try them on everyone."""


def say_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def language(asked: str | None) -> str:
    """The language asked for, else that of the environment."""
    told = asked or os.environ.get("ANJU_LANG") or os.environ.get("LANG", "")
    return "zh" if told.lower().startswith("zh") else "en"


def pairs(given: list[str] | None) -> dict[str, str]:
    """``NAME=OPTION`` options as a mapping."""
    found = {}
    for raw in given or []:
        name, sign, option = raw.partition("=")
        if not sign:
            raise typer.BadParameter(f"{raw}: NAME=OPTION")
        found[name] = option
    return found


def day(raw: str | None) -> date | None:
    """A day given on the command line."""
    try:
        return date.fromisoformat(raw) if raw else None
    except ValueError:
        raise typer.BadParameter(f"{raw}: YYYY-MM-DD") from None


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(help="packs folder, pack, folder or file (default: all packs)")
    ] = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Check policy files and fact catalogues; all faults at once, with place and remedy. Exit code 1 when there are any."""
    chosen = language(lang)
    loaded, others = loading.check(path)
    faults = [*others, *(f for found in loaded for f in found.faults)]
    told = [
        {
            "place": f.place,
            "where": f.where,
            "code": f.code,
            "zh": wording.say(f.code, "zh", **dict(f.facts)),
            "en": wording.say(f.code, "en", **dict(f.facts)),
        }
        for f in faults
    ]
    if as_json:
        say_json(
            {
                "files": len(loaded),
                "programmes": [x.programme.id for x in loaded if x.programme],
                "faults": told,
            }
        )
    else:
        for fault in told:
            console.print(
                f"[bold]{fault['place']}[/] [dim]{fault['where']}[/]\n  {fault[chosen]}", markup=True
            )
        good = sum(1 for x in loaded if x.programme)
        if chosen == "zh":
            console.print(f"检查了 {len(loaded)} 个文件：{good} 个可用，{len(told)} 处错误。")
        else:
            console.print(f"{len(loaded)} files checked: {good} usable, {len(told)} faults.")
    if faults or not loaded:
        raise typer.Exit(1)


@app.command("list")
def list_(as_json: AsJson = False, lang: Language = None) -> None:
    """List every programme and version with its status."""
    chosen = language(lang)
    rows = [
        {
            "id": p.id,
            "zh": p.zh,
            "en": p.en,
            "document": p.document,
            "from": p.from_on.isoformat(),
            "until": p.until_on.isoformat() if p.until_on else None,
            "status": list(p.badges),
        }
        for p in (x.programme for x in loading.check()[0])
        if p
    ]
    if as_json:
        say_json(rows)
        return
    shown = RichTable(box=None)
    for name in (
        "id",
        "名称" if chosen == "zh" else "name",
        "文号" if chosen == "zh" else "document",
        "施行" if chosen == "zh" else "in force",
        "状态" if chosen == "zh" else "status",
    ):
        shown.add_column(name)
    for found in (x.programme for x in loading.check()[0]):
        if found:
            span = f"{found.from_on} – {found.until_on or ''}"
            shown.add_row(
                found.id, found.label(chosen), found.document, span, " · ".join(badges(found, chosen))
            )
    console.print(shown)


@app.command()
def show(
    programme: Programme,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown")] = False,
    on: On = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Print a programme as its official-looking table."""
    chosen = language(lang)
    found = table(loading.get(programme, day(on)), chosen)
    if as_json:
        from dataclasses import asdict

        say_json(asdict(found))
        return
    if as_markdown:
        typer.echo(markdown(found))
        return
    console.print(f"[bold]{found.title}[/]  {found.id}  [green]{' · '.join(found.badges)}[/]")
    for name, text in found.head:
        console.print(f"  [dim]{name}[/] {text}")
    for section in found.sections:
        shown = RichTable(title=section.title, title_justify="left", show_lines=False, expand=True)
        for name, ratio in zip(
            ("依据", "项目", "规则") if chosen == "zh" else ("article", "line", "rule"),
            (2, 4, 6),
            strict=True,
        ):
            shown.add_column(name, ratio=ratio)
        for row in section.rows:
            shown.add_row(
                row.article if chosen == "zh" else articles.english(row.article),
                "　" * row.depth + row.label,
                row.text,
            )
        console.print(shown)


@app.command()
def facts(programme: Programme, on: On = None, as_json: AsJson = False, lang: Language = None) -> None:
    """List the facts a programme asks for: key, type, unit, meaning; and the empty form for --facts."""
    chosen = language(lang)
    found = loading.get(programme, day(on))
    rows = forms.asked(found)
    if as_json:
        say_json(
            {
                "programme": found.id,
                "facts": rows,
                "form": forms.empty(found),
                "document_order": [r["key"] for r in rows],
            }
        )
        return
    console.print(f"[bold]{found.label(chosen)}[/]  {found.id}")
    shown = RichTable(box=None)
    for name in (
        ("键", "含义", "填法", "证明", "未知时")
        if chosen == "zh"
        else ("key", "meaning", "write", "proof", "if unknown")
    ):
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(
            row["key"], row[chosen], row[f"form_{chosen}"], row[f"proof_{chosen}"], row[f"unknown_{chosen}"]
        )
    console.print(shown)
    console.print(
        "\n"
        + (
            "空表（存为 JSON 后填写；null 表示未知，加 --others none 则按“无”计）："
            if chosen == "zh"
            else "The empty form (save as JSON and fill in; null is unknown, with --others none it is none):"
        )
    )
    say_json(forms.empty(found))


@app.command()
def explain(
    programme: Programme,
    facts_file: Annotated[
        Path | None, typer.Option("--facts", help="the person's facts, a JSON file")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="person code: facts come from the library")
    ] = None,
    on: On = None,
    service: Annotated[str | None, typer.Option("--service", help="only this service")] = None,
    reading: Readings = None,
    others: Annotated[
        str, typer.Option("--others", help="facts not given, or null: unknown or none")
    ] = "unknown",
    as_if: Annotated[
        bool, typer.Option("--as-if", help="work it out even outside the days in force")
    ] = False,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Explain the outcome for one person, line by line, with what is missing and what would change it."""
    from anju.jobs.pipeline import facts as library_facts

    chosen, asked_on = language(lang), day(on)
    found = explaining.programme_for(programme, asked_on, as_if=as_if)
    filing = asked_on or explaining.default_day(found, date.today())  # noqa: DTZ011 the operator's own day
    if person and not facts_file:
        setup_django()
        known = library_facts.of_person(person, found, filing)
    else:
        known = read_facts(found, library_facts.read_json(facts_file), others=others)
    answer = explaining.explain(found, known, filing, readings=pairs(reading), service=service)
    answer = explaining.with_rest_as_none(answer, known)
    if as_json:
        say_json(answer.as_json())
    else:
        from anju.policy.telling import tell

        typer.echo(tell(answer, chosen))


from anju.jobs.cli import policy_docs, policy_everyone, policy_fairness, policy_ranking  # noqa: E402, F401  register their commands
