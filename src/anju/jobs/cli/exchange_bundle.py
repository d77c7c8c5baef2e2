"""``anju exchange bundle``: signed bundles across separated networks; ``anju exchange receipt``: receipts offline."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from anju.jobs.cli import setup_django
from anju.kernel.refusal import Refusal

bundle = typer.Typer(help="Signed bundles across separated networks.", no_args_is_help=True)
receipt = typer.Typer(help="Receipts, checked without the server.", no_args_is_help=True)
console = Console(stderr=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


def register(app: typer.Typer) -> None:
    """Add both groups to ``anju exchange``."""
    app.add_typer(bundle, name="bundle")
    app.add_typer(receipt, name="receipt")


@bundle.callback()
def bundle_group() -> None:
    """Signed bundles across separated networks."""


@receipt.callback()
def receipt_group() -> None:
    """Receipts, checked without the server."""


@bundle.command()
def key() -> None:
    """Print what the other side needs of us: name, signing keys, the key to seal for us."""
    setup_django()
    from anju.exchange.doors import bundles, receipts
    from anju.jobs.pipeline import bundling
    from anju.trust.sealing import sealer

    told = {
        "name": bundling.own_name(),
        "keys": receipts.public_keys(sealer().ring),
        "seal": bundles.public_of(bundling.own_key()),
    }
    typer.echo(json.dumps(told, indent=1))


@bundle.command()
def peer(
    keys: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="what their `bundle key` printed")
    ],
    region: Annotated[str, typer.Option(help="division code: changes are bounded to it")],
    plain: Annotated[bool, typer.Option(help="do not encrypt bundles for them")] = False,
) -> None:
    """Register the other side, or its new keys."""
    setup_django()
    from django.utils import timezone

    from anju.exchange.doors import receipts
    from anju.exchange.store import bundle_actions
    from anju.trust.access import system

    text = keys.read_text(encoding="utf-8")
    trusted = receipts.read_keys(text)
    told = json.loads(text)
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise Refusal("doors.not_keys")
    seal = "" if plain else str(told.get("seal", ""))
    bundle_actions.keep_peer(told["name"], region, trusted, seal, by=system("bundle"), at=timezone.now())
    console.print(f"[green]✓[/] {told['name']}")


@bundle.command()
def write(
    to: Annotated[str, typer.Option(help="the peer it is for")],
    out: Annotated[Path, typer.Argument(dir_okay=False)],
    purpose: Annotated[str, typer.Option(help="also the library's changes that this purpose opens")] = "",
    again: Annotated[int, typer.Option(help="write this number once more instead of a new one")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write everything since the last bundle: batches, what counters entered, and for a purpose the library's changes."""
    setup_django()
    from django.utils import timezone

    from anju.jobs.pipeline import bundling
    from anju.trust.access import system

    if again:
        bundling.copy(to, again, out)
        console.print(f"[green]✓[/] {out}: number {again} once more")
        return
    with console.status("writing …"):
        made = bundling.write(to, out, purpose=purpose, by=system("bundle"), at=timezone.now())
    if as_json:
        typer.echo(
            json.dumps({"peer": to, "number": made.number, "sha256": made.sha256, "batches": made.batches, "entries": made.entries, "changes": made.changes, "erased": made.erased})
        )  # fmt: skip
    else:
        console.print(
            f"[green]✓[/] {out}: number {made.number}, {made.batches} batches (counter entries: {made.entries:,}), {made.changes} changes, {made.erased:,} erasures"
        )


@bundle.command()
def verify(
    path: File,
    keys: Annotated[
        Path | None, typer.Option(help="public keys to trust; those of the peer when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle whole without applying it."""
    setup_django()
    from anju.exchange.doors import receipts
    from anju.jobs.pipeline import bundling

    trusted = receipts.read_keys(keys.read_text(encoding="utf-8")) if keys else None
    found = bundling.verify(path, trusted)
    told = {
        "sender": found.sender, "receiver": found.receiver, "number": found.number, "sha256": found.hash,
        "sealed": bool(found.sealed), "parts": [{"name": p.name, "kind": p.kind, "size": p.size} for p in found.parts],
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told))
    else:
        console.print(
            f"[green]✓[/] number {found.number} from {found.sender} for {found.receiver}, {len(found.parts)} parts"
        )


@bundle.command("apply")
def apply_bundle(
    path: File,
    receipt_to: Annotated[Path | None, typer.Option("--receipt", help="where the receipt goes")] = None,
    as_json: AsJson = False,
) -> None:
    """Apply the next bundle of its sender, once, and write the receipt to carry back.

    Applied already, nothing changes and the same receipt is written once more.
    """
    setup_django()
    from django.utils import timezone

    from anju.jobs.pipeline import bundling
    from anju.trust.access import system

    target = receipt_to or path.with_suffix(".receipt.json")
    try:
        with console.status("applying …"):
            made, text = bundling.apply(path, by=system("bundle"), at=timezone.now())
    except Refusal as refusal:
        if refusal.code == "doors.bundle_applied":
            target.write_text(bundling.receipt_again(path), encoding="utf-8")
        raise
    target.write_text(text, encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        console.print(
            f"[green]✓[/] number {made.number}: {made.batches} batches, {made.changes} changes, {made.erased:,} records erased; {target}"
        )


@bundle.command("receipt")
def take_receipt(path: File, peer: Annotated[str, typer.Option(help="who sent it back")]) -> None:
    """Keep the receiver's receipt: the bundle arrived whole."""
    setup_django()
    from django.utils import timezone

    from anju.jobs.pipeline import bundling
    from anju.trust.access import system

    text = path.read_text(encoding="utf-8")
    number = bundling.take_receipt(peer, text, by=system("bundle"), at=timezone.now())
    console.print(f"[green]✓[/] number {number} arrived at {peer}")


@bundle.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every bundle, out and in, and whether its receipt is there."""
    setup_django()
    from dataclasses import asdict

    from anju.exchange.store import bundle_actions

    found = bundle_actions.list_bundles()
    if as_json:
        typer.echo(json.dumps([asdict(b) for b in found], default=str))
        return
    table = Table("peer", "", "number", "batches", "changes", "receipt", "at")
    for b in found:
        table.add_row(
            b.peer,
            b.direction,
            str(b.number),
            str(b.batches),
            str(b.changes),
            "✓" if b.has_receipt else "",
            f"{b.at:%F %T}",
        )
    console.print(table)


@receipt.command("keys")
def receipt_keys() -> None:
    """Print the public keys our receipts are signed with."""
    from anju.exchange.doors import receipts
    from anju.trust.sealing import sealer

    typer.echo(json.dumps({"keys": receipts.public_keys(sealer().ring)}, indent=1))


@receipt.command("verify")
def verify_receipt(
    path: File,
    keys: Annotated[Path | None, typer.Option(help="their public keys; our own when left out")] = None,
    file: Annotated[
        Path | None, typer.Option(help="the file that was sent: must be the one the receipt tells of")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt: who signed it, and that it tells of this file. Needs no server and no database."""
    from anju.exchange.doors import receipts
    from anju.trust.sealing import sealer

    trusted = (
        receipts.read_keys(keys.read_text(encoding="utf-8")) if keys else receipts.public_keys(sealer().ring)
    )
    told = receipts.verified(path.read_text(encoding="utf-8"), trusted)
    if file is not None:
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != told.get("sha256"):
                raise Refusal("doors.receipt_other_file")
    if as_json:
        typer.echo(json.dumps(told))
    else:
        console.print(f"[green]✓[/] {told.get('batch') or told.get('number')}: {told.get('rows', '')}")
