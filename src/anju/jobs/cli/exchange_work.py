"""``anju exchange review`` and ``anju exchange settle``: what people have to decide, and many at once by a rule."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from anju.jobs.cli import _language, setup_django
from anju.jobs.cli.options import JSON

RULE = Annotated[str, typer.Argument(help="A rule of settlement.yaml; see `anju exchange settle rules`.")]
WHY = Annotated[str, typer.Option(help="The reason, kept with every decision.")]
REGION = Annotated[str, typer.Option(help="A division code; empty: everywhere.")]
review_app = typer.Typer(help="Pairs of records a person is asked about.", no_args_is_help=True)
settle_app = typer.Typer(help="Contradictions between departments.", no_args_is_help=True)
PURPOSE = "data_quality"


def register(app: typer.Typer) -> None:
    """Add the commands to ``anju exchange``."""
    app.add_typer(review_app, name="review")
    app.add_typer(settle_app, name="settle")


@review_app.command("status")
def review_status(as_json: JSON = False) -> None:
    """How the review queue stands."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import review_queries

    told = review_queries.queue(timezone.now())
    if as_json:
        typer.echo(json.dumps(asdict(told), default=str))
        return
    reasons = ", ".join(f"{k} {n:,}" for k, n in told.by_reason.items())
    answered = ", ".join(f"{k} {n:,}" for k, n in told.answered.items())
    Console().print(
        f"{told.open:,} pairs wait ({reasons or '-'}), {told.claimed:,} are being decided; decided: {answered or 'none'}"
    )


@review_app.command("follow")
def review_follow() -> None:
    """Put the newest run's questions into the queue again (a run does so by itself)."""
    setup_django()
    from anju.jobs.pipeline import review

    with Console(stderr=True).status("collecting questions"):
        counted = review.follow(force=True)
    Console().print(
        "Nothing was linked yet." if counted is None else f"{counted[0]:,} wait, {counted[1]:,} are gone."
    )


@settle_app.command("status")
def settle_status(as_json: JSON = False) -> None:
    """Open contradictions by field and department; how many are overdue."""
    setup_django()
    from django.utils import timezone

    from anju.register.store.queries import cases

    told = cases.count_cases(("",), timezone.now())
    if as_json:
        typer.echo(json.dumps(asdict(told), ensure_ascii=False))
        return
    console = Console()
    console.print(f"{told.open:,} open, {told.overdue:,} overdue, {told.requested:,} asked for by the person")
    for title, counts in (("field", told.by_field), ("department", told.by_owner)):
        table = Table(title, "open")
        for name, n in counts.items():
            table.add_row(name, f"{n:,}")
        console.print(table)


@settle_app.command("follow")
def settle_follow() -> None:
    """Open and end cases by the newest library (a publish does so by itself)."""
    setup_django()
    from anju.jobs.pipeline import review

    with Console(stderr=True).status("following the library"):
        told = review.after_publish()
    Console().print(", ".join(f"{k} {n:,}" for k, n in told.items()))


@settle_app.command("rules")
def settle_rules() -> None:
    """The rules by which many are settled."""
    from anju.register import settling

    chinese = _language() == "zh"
    table = Table(Column("rule", no_wrap=True), "what", "takes", "fields", Column("when", overflow="fold"))
    for r in settling.rules().values():
        when = ", ".join(f"{k} {v}" for k, v in r.when.items())
        table.add_row(r.key, r.zh if chinese else r.en, r.take, ", ".join(r.fields), when)
    Console().print(table)


def _scope(region: str) -> tuple[str, ...]:
    from anju.trust import places

    return (places.prefix(region),) if region else ("",)


@settle_app.command("preview")
def settle_preview(rule: RULE, region: REGION = "", as_json: JSON = False) -> None:
    """How many contradictions a rule would settle, and some of them, masked; nothing is changed."""
    setup_django()
    from django.utils import timezone

    from anju.register.store import settling_many
    from anju.trust.access import system
    from anju.trust.store import log

    with Console(stderr=True).status("looking at open contradictions"):
        told = settling_many.preview(rule, scope=_scope(region), most=None)
    if told.samples:
        seen: dict[str, str | int] = {"rule": rule, "rows": len(told.samples)}
        log.record(system("settle"), "discrepancy.read", timezone.now(), purpose=PURPOSE, detail=seen)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "rule": rule, "count": told.count, "changes": told.changes, "examined": told.examined,
                    "samples": [asdict(s) for s in told.samples],
                },
                ensure_ascii=False,
            )
        )  # fmt: skip
        return
    console = Console()
    console.print(
        f"{told.count:,} of {told.examined:,} would be settled; {told.changes:,} would show another value."
    )
    if told.samples:
        table = Table("person", "name", "field", "shown now", "taken", "against", title="Some of them")
        for s in told.samples:
            words = (_in_words(s.field, v) for v in (s.shown, s.value))
            table.add_row(
                s.person_code, s.person_name, s.field, *words, ", ".join(_in_words(s.field, v) for v in s.against)
            )  # fmt: skip
        console.print(table)


def _in_words(field: str, value: str) -> str:
    """A coded value with its word."""
    from anju.exchange.contracts import get_codelist
    from anju.register import settling

    listed = settling.CODED.get(field)
    found = get_codelist(listed).labels.get(value) if listed else None
    return f"{value} {found[0 if _language() == 'zh' else 1]}" if found else value


@settle_app.command("apply")
def settle_apply(rule: RULE, why: WHY, region: REGION = "") -> None:
    """Settle everything a rule settles, as one batch that can be undone."""
    setup_django()
    from django.utils import timezone

    from anju.register.store import settling_many
    from anju.trust.access import system

    where = _scope(region)
    with Console(stderr=True).status("settling"):
        batch, count = settling_many.apply(
            rule, scope=where, region=where[0] or None, why=why, by=system("settle"), at=timezone.now(), purpose=PURPOSE,
            most=None,
        )  # fmt: skip
    Console().print(f"Batch {batch}: {count:,} settled. Undo it with `anju exchange settle undo {batch}`.")


@settle_app.command("undo")
def settle_undo(batch: Annotated[int, typer.Argument(help="The batch.")], why: WHY) -> None:
    """Take a batch back whole."""
    setup_django()
    from django.utils import timezone

    from anju.register.store import settling_many
    from anju.trust.access import system

    with Console(stderr=True).status("taking back"):
        done = settling_many.undo_batch(
            batch, why=why, by=system("settle"), at=timezone.now(), purpose=PURPOSE
        )
    Console().print(f"{done:,} contradictions are open again.")
