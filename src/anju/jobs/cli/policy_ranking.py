"""``anju policy rank | allocate | verify-allocation | commit-seed | recompute | sql``: lists, places, proofs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

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
from anju.kernel.refusal import Refusal
from anju.policy import allocate_files, loading
from anju.policy import rank as ranking
from anju.policy.bound import bind
from anju.policy.explain import default_day
from anju.policy.facts_file import read_facts
from anju.trust.masking import mask_name, mask_number

Seed = Annotated[str | None, typer.Option("--seed", help="the seed, published after filing closed")]
SeedHash = Annotated[str | None, typer.Option("--seed-hash", help="its hash, published before")]


@app.command("commit-seed")
def commit_seed(
    seed: Annotated[str, typer.Argument(help="a long random text, kept secret until filing closes")],
) -> None:
    """Print the hash of a seed: publish it before filing closes, the seed itself afterwards."""
    typer.echo(ranking.commit(seed))


@app.command("rank")
def rank_(
    programme: Programme,
    people: Annotated[Path, typer.Option("--people", help="JSON list: {reference, facts, name?, number?}")],
    places: Annotated[int | None, typer.Option("--places")] = None,
    service: Annotated[str | None, typer.Option("--service")] = None,
    on: On = None,
    reading: Readings = None,
    others: Annotated[str, typer.Option("--others", help="facts not given: unknown or none")] = "unknown",
    objections: Annotated[
        Path | None, typer.Option("--objections", help="corrected people, same form; the line stands")
    ] = None,
    seed: Seed = None,
    seed_hash: SeedHash = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Rank applicants by the programme's own keys and ties, and print the publication list with masked names."""
    chosen = language(lang)
    found = loading.get(programme, day(on))
    bound = bind(found, day(on) or default_day(found, date.today()), pairs(reading))  # noqa: DTZ011
    rules = bound.rules_for(service)
    if rules.service.ranking is None:
        raise Refusal("policy.no_ranking", service=rules.service.id)
    wanted = places if places is not None else rules.service.ranking.places
    if wanted is None:
        raise typer.BadParameter("--places")

    def candidates(path: Path) -> list[tuple[ranking.Candidate, tuple[str, str]]]:
        made = []
        for row in _list(path):
            facts = read_facts(found, row["facts"], others=others)
            mine = ranking.candidate(bound, str(row["reference"]), facts.values, rules.service.id)
            name, number = mask_name(str(row.get("name", ""))), mask_number(str(row.get("number", "")))
            made.append((mine, (name or "", number or "")))
        return made

    pool = candidates(people)
    names = {c.reference: told for c, told in pool}
    spec = rules.service.ranking
    result = ranking.rank(
        [c for c, _ in pool], wanted, spec.ties,
        shares={c.id: int(wanted * c.percent / 100) for c in spec.categories if c.percent is not None},
        category_order=[c.id for c in spec.categories] if spec.order == "category_first" else None,
        seed=seed, seed_hash=seed_hash,
    )  # fmt: skip
    if objections:
        corrected = candidates(objections)
        names |= {c.reference: told for c, told in corrected}
        result = ranking.after_objection(result, [c for c, _ in corrected])
    public = ranking.publication(result, names)
    if as_json:
        full = [
            {
                "reference": r.candidate.reference,
                "rank": r.rank,
                "admitted": r.is_admitted,
                "quota": r.quota,
                "reason": r.reason,
                "score": str(r.candidate.score),
                "keys": list(r.candidate.keys),
                "lot": r.lot,
            }
            for r in result.ranked
        ]
        say_json(
            {
                "programme": found.id,
                "places": wanted,
                "ties": spec.ties,
                "seed_hash": result.seed_hash,
                "line": str(result.line.score) if result.line else None,
                "admitted": public,
                "ranked": full,
            }
        )
        return
    title = (
        f"公示：{found.label(chosen)}，名额 {wanted}，入围 {len(public)}"
        if chosen == "zh"
        else f"{found.label(chosen)}: {wanted} places, {len(public)} admitted"
    )
    console.print(title)
    for row in public:
        console.print(
            f"{row['rank']:>6}  {row['name']:<8} {row['number']:<18} {row['score']}  {row['reference']}"
        )


def _list(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
    except (OSError, ValueError) as error:
        raise Refusal(
            "policy.facts_file_broken",
            file=path.name,
            line=getattr(error, "lineno", 1),
            problem=type(error).__name__,
        ) from None
    if not isinstance(found, list) or not all(
        isinstance(r, dict) and "facts" in r and "reference" in r for r in found
    ):
        raise Refusal("policy.facts_file_broken", file=path.name, line=1, problem="[{reference, facts}]")
    return found


@app.command()
def allocate(
    applicants: Annotated[
        Path,
        typer.Option("--applicants", help="CSV: reference, points, choices (schools joined by ;)[, bands]"),
    ],
    schools: Annotated[Path, typer.Option("--schools", help="CSV: school, places")],
    seed: Annotated[str, typer.Option("--seed", help="the seed, published after filing closed")],
    seed_hash: SeedHash = None,
    method: Annotated[
        str, typer.Option("--method", help="serial (one list) or deferred (schools rank by bands)")
    ] = "serial",
    out: Annotated[
        Path | None, typer.Option("--out", help="write the proof, a JSON file anyone can check")
    ] = None,
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Allocate school places by points and preferences, check the result, and write the proof."""
    import numpy as np

    from anju.policy import allocate as allocating

    made, places, names = allocate_files.read(_text(applicants), _text(schools))
    run = {"serial": allocating.serial_dictatorship, "deferred": allocating.deferred_acceptance}.get(method)
    if run is None:
        raise typer.BadParameter("serial | deferred")
    result = run(made, places, seed, seed_hash)
    faults = allocating.verify(made, result)
    if out:
        out.write_text(
            json.dumps(allocating.proof(made, result, names), ensure_ascii=False), encoding="utf-8"
        )
    placed = int((result.assigned >= 0).sum())
    by_choice = [int(n) for n in np.bincount(result.choice)[1:]]
    told = {
        "method": result.method, "applicants": len(made.references), "placed": placed, "by_choice": by_choice,
        "seed_hash": result.seed_hash, "faults": [f.kind for f in faults],
        "cutoffs": {n: (None if c is None else {"band": c[0], "points": c[1], "lot": c[2]}) for n, c in zip(names, result.cutoffs, strict=True)},
    }  # fmt: skip
    if as_json:
        say_json(told)
    elif language(lang) == "zh":
        console.print(
            f"{len(made.references):,} 人中 {placed:,} 人获得学位；各志愿录取 {by_choice}；核验{'通过' if not faults else '不通过'}"
        )
    else:
        console.print(
            f"{placed:,} of {len(made.references):,} placed; by choice {by_choice}; check {'passed' if not faults else 'FAILED'}"
        )
    if faults:
        raise typer.Exit(1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("policy.allocation_input", problem=f"{path.name}: {type(error).__name__}") from None


@app.command("verify-allocation")
def verify_allocation(
    proof: Annotated[Path, typer.Argument(help="the published proof")],
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Check a published allocation: nobody with more points was passed over. Exit code 1 when something is wrong."""
    from anju.policy.allocate import from_proof, verify

    try:
        told = json.loads(proof.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal("policy.allocation_input", problem=type(error).__name__) from None
    made, result, names = from_proof(told)
    faults = verify(made, result)
    rows = [{"kind": f.kind, "reference": f.reference, "school": names[f.school]} for f in faults]
    if as_json:
        say_json({"applicants": len(made.references), "faults": rows})
    else:
        good = (
            "核验通过：没有人被分数更低者越过。"
            if language(lang) == "zh"
            else "Checked: nobody was passed over by anyone with fewer points."
        )
        console.print(
            good if not rows else "\n".join(f"✗ {r['kind']} {r['reference']} {r['school']}" for r in rows)
        )
    if rows:
        raise typer.Exit(1)


@app.command("verify-list")
def verify_list(
    path: Annotated[Path, typer.Argument(help="a published list, JSON")],
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Check a published list: the order follows score and keys, the draw its seed. Exit code 1 when something is wrong."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        faults = ranking.verify_published(told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal("policy.allocation_input", problem=type(error).__name__) from None
    if as_json:
        say_json({"rows": len(told["rows"]), "faults": faults})
    else:
        good = (
            "核验通过：次序与抽签无误。"
            if language(lang) == "zh"
            else "Checked: order and draw are as they should be."
        )
        console.print(good if not faults else "\n".join(f"✗ {f}" for f in faults))
    if faults:
        raise typer.Exit(1)


@app.command()
def recompute(
    receipt: Annotated[Path, typer.Argument(help="an answer or its receipt, JSON")],
    as_json: AsJson = False,
    lang: Language = None,
) -> None:
    """Recompute an answer from its receipt. Exit code 1 when the result or the file differs."""
    from anju.jobs.pipeline.facts import read_json
    from anju.policy.receipt import recompute as run

    told = read_json(receipt)
    told = told.get("receipt", told)
    differences = run(told, loading.get(str(told.get("programme"))))
    if as_json:
        say_json({"programme": told.get("programme"), "differences": differences})
    elif differences:
        console.print(("不一致：" if language(lang) == "zh" else "Differs: ") + ", ".join(differences))
    else:
        console.print("重新计算的结果一致。" if language(lang) == "zh" else "Recomputed: the same.")
    if differences:
        raise typer.Exit(1)


@app.command()
def sql(
    programme: Programme,
    on: On = None,
    dialect: Annotated[str, typer.Option("--dialect", help="duckdb or spark")] = "duckdb",
    reading: Readings = None,
) -> None:
    """Print the compiled SQL over a table ``facts``: one row per person, one column per fact."""
    from anju.policy.sql import compile_sql

    found = loading.get(programme, day(on))
    bound = bind(found, day(on) or default_day(found, date.today()), pairs(reading))  # noqa: DTZ011
    typer.echo(compile_sql(bound, want=("scores", "outcome", "passes"), dialect=dialect).sql)
