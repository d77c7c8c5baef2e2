"""``anju exchange changes|pull|push|compact``: doors worked from the command line."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from anju.jobs.cli import setup_django
from anju.kernel.refusal import Refusal

console = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KINDS = {
    ".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet", ".arrow": "application/vnd.apache.arrow.file",
    ".arrows": "application/vnd.apache.arrow.stream",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
PART = 16 << 20
TRIES = 8


def register(app: typer.Typer) -> None:
    """Add the commands to ``anju exchange``."""
    for command in (changes, compact, pull, push):
        app.command()(command)


def changes(
    out: Annotated[Path, typer.Argument(help="NDJSON; appended to", dir_okay=False)],
    purpose: Annotated[str, typer.Option(help="why; it decides what is told")],
    region: Annotated[str, typer.Option(help="division code; * for everywhere")] = "*",
    since: Annotated[
        str, typer.Option(help="begin after this cursor, not where OUT.cursor says OUT ends")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write the library's changes as lines; run again, killed or not, it goes on where OUT ends.

    OUT.cursor holds the place. OUT may be carried away between two runs; without OUT.cursor the state comes first.
    """
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import feed_queries
    from anju.jobs.pipeline import following
    from anju.trust.access import Actor, rules, system
    from anju.trust.store import log, rows

    stated = rules().purposes.get(purpose)
    if stated is None:
        raise Refusal("access.unknown_purpose", purpose=purpose[:40])
    follower = feed_queries.Follower(region, stated.aspects)
    count, has_more = 0, True
    with (
        following.opened(out, {"purpose": purpose, "region": region}, since) as kept,
        Progress(console=console, transient=True) as bar,
    ):
        task = bar.add_task("changes", total=None)
        while has_more:
            with rows.acting(Actor("system:changes", "department_officer", region, "community")):
                page = feed_queries.changes(kept.cursor, follower, feed_queries.MOST)
                detail: dict[str, str | int] = {"rows": len(page.rows), "region": region}
                log.record(
                    system("changes"), "exchange.follow", timezone.now(), purpose=purpose, detail=detail
                )
            kept.add(page.rows, page.cursor)
            count, has_more = count + len(page.rows), page.has_more
            bar.advance(task, len(page.rows))
    typer.echo(json.dumps({"changes": count, "cursor": kept.cursor}) if as_json else kept.cursor)


def compact(
    days: Annotated[int, typer.Option(min=1, help="changes older than the newest run of so long ago")] = 30,
    as_json: AsJson = False,
) -> None:
    """Forget single changes older than a run; who stands before it begins again with the state."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.store import feed_actions
    from anju.trust.access import system

    gone = feed_actions.compact(days=days, by=system("compact"), at=timezone.now())
    typer.echo(json.dumps({"forgotten": gone}) if as_json else f"{gone:,} changes compacted")


def pull(
    source: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML of a source")],
    as_json: AsJson = False,
) -> None:
    """Take in what a department's database has since the last time; the cursor moves with the batch."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.doors import sources
    from anju.jobs.pipeline import pulling
    from anju.trust.access import system

    with console.status("pulling …"):
        found = pulling.pull(sources.read(source), by=system("pull"), at=timezone.now())
    told = {
        "rows": found.rows, "cursor": found.cursor, "batch": found.accepted.batch if found.accepted else None,
        "held": found.accepted.held if found.accepted else 0,
        "more": found.has_more, "without_cursor": found.without_cursor,
    }  # fmt: skip
    typer.echo(json.dumps(told) if as_json else f"{found.rows:,} rows, cursor {found.cursor}")
    if found.has_more and not as_json:
        typer.echo("There may be more: run it again.")
    if found.without_cursor:
        lost = f"{found.without_cursor:,} rows have no value in the cursor's column and are never pulled."
        console.print(lost, style="yellow")


def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    to: Annotated[str, typer.Option(help="address of the other side, such as https://anju.example")],
    dataset: Annotated[str, typer.Option(help="the contract")],
    token_from: Annotated[str, typer.Option(help="environment variable with the token")] = "ANJU_TOKEN",  # noqa: S107
    receipt: Annotated[Path | None, typer.Option(help="where the receipt goes")] = None,
) -> None:
    """Send a file to another deployment in parts; killed and started again it goes on where it was."""
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise Refusal("doors.wrong_content", known=", ".join(KINDS))
    there = _There(to.rstrip("/"), os.environ.get(token_from, ""))
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    size = file.stat().st_size
    asked = {"dataset": dataset, "content_type": kind, "size": size, "sha256": sha256}
    begun = there.ask("POST", "/api/exchange/uploads", json.dumps(asked).encode())
    url = f"/api/exchange/uploads/{begun['upload']}"
    with file.open("rb") as stream, Progress(console=console, transient=True) as bar:
        task = bar.add_task(file.name, total=size, completed=begun["received"])
        at = begun["received"]
        while at < size and not begun["batch"]:
            stream.seek(at)
            part = stream.read(PART)
            told = there.ask("PUT", f"{url}/part?offset={at}", part)
            at = told.get("received", told.get("offset", at))
            bar.update(task, completed=at)
    done = there.ask("POST", f"{url}/finish", b"")
    if receipt:
        receipt.write_text(json.dumps(done["receipt"], sort_keys=True), encoding="utf-8")
    typer.echo(json.dumps(done, ensure_ascii=False))


class _There:
    """The other side's API; asks again while it is away."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def ask(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """One request; a wrong offset is answered, anything else refused is told and ends the command."""
        import urllib.error
        import urllib.request

        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json" if method == "POST" else "application/octet-stream",
            "Content-Digest": f"sha-256=:{digest}:",
        }
        request = urllib.request.Request(  # noqa: S310 - the operator names the address
            self.address + path, data=body, method=method, headers=headers
        )
        for attempt in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                    return dict(json.load(answer))
            except urllib.error.HTTPError as refused:
                told = json.loads(refused.read() or b"{}")
                if told.get("code") == "doors.wrong_offset":
                    return dict(told)
                if refused.code not in (429, 502, 503):
                    raise Refusal(
                        "doors.refused_there", status=refused.code, told=str(told.get("detail", ""))[:300]
                    ) from None
            except (urllib.error.URLError, ConnectionError, TimeoutError) as away:
                if attempt == TRIES - 1:
                    raise Refusal("doors.not_reached", host=self.address) from away
            time.sleep(2**attempt / 4)
        raise Refusal("doors.not_reached", host=self.address)
