"""Retention runs and ordered erasures, from the count to the log entry.

Counted first, put forward by one person, approved by a second (``/dpo/retention/``), then carried out here, by
``anju trust retention run`` or by the keeper beside the server. What is erased once is held back from later deliveries
by ``sweep``, which every linkage run calls before it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from anju.jobs.engine import DuckEngine
from anju.jobs.pipeline import erasure
from anju.kernel.engine import literal
from anju.kernel.workdays import day_of
from anju.trust.access import system
from anju.trust.rights import catalogue

Tell = Callable[[str], None]
BY = "retention"


def _now() -> datetime:
    return datetime.now(UTC)


def count(as_of: date, tell: Tell = lambda _: None) -> dict[str, int]:
    """What a run on ``as_of`` would erase: class -> rows. Changes nothing."""
    from anju.trust.store import erasing

    tell("records of the lake")
    with erasure.opened() as engine:
        due = erasure.find_due(engine, as_of)
        held = _held_texts(engine, as_of, dry=True)
    counts = {f"records.{dataset}": rows for dataset, rows in due.records.items()}
    if due.people:
        counts["people"] = len(due.people)
    tell("dated facts")
    counts |= {f"facts.{table}": rows for table, rows in erasing.count_facts(as_of).items()}
    counts |= {f"house.{name}": rows for name, rows in erasing.count_house(_midnight(as_of)).items()}
    return counts | ({"house.quarantine_rows": held} if held else {})


def plan(as_of: date, *, by: str = "schedule", tell: Tell = lambda _: None) -> str:
    """Count and keep the plan; return its number."""
    from anju.trust.store import erasure_actions

    return erasure_actions.plan_run(as_of, count(as_of, tell), by=system(by), at=_now())


def carry_out(number: str, as_of: date, tell: Tell = lambda _: None) -> dict[str, int]:
    """Erase what an approved run covers; counts per class. Killed and run again, it ends the same.

    Facts whose records went leave the pages with the next publication, and their history with the next run.
    """
    from django.db import transaction

    from anju.register.store import runs
    from anju.trust.store import erasing, erasure_actions

    with runs.only_one(), erasure.opened() as engine:
        tell("records of the lake")
        due = erasure.find_due(engine, as_of)
        with transaction.atomic():
            _bury(engine, due.people)
            dwellings = _blot(engine, due.people)
            erased = {f"records.{dataset}": rows for dataset, rows in due.records.items()}
            people = erasing.erase_people(due.people) if due.people else {}
            facts = erasing.erase_facts(as_of)
            house = erasing.erase_house(_midnight(as_of))
        tell("files of the lake")
        erasure.purge_files(engine, due.people)
        held = _held_texts(engine, as_of, dry=False)
    erased |= {"people": len(due.people)} if due.people else {}
    erased |= {"named": dwellings} if dwellings else {}
    erased |= {f"facts.{t}": facts.get(t, 0) + people.get(t, 0) for t in sorted({*facts, *people})}
    erased |= {f"house.{name}": rows for name, rows in house.items()}
    erased |= {"house.quarantine_rows": held} if held else {}
    erasure_actions.finish_run(number, erased, by=system(BY), at=_now())
    return erased


def erase_person(number: str, code: str, *, ground: str, as_of: date) -> dict[str, int]:
    """Carry out one ordered erasure: for ``unlawful`` processing everything whatever its term, for ``sender`` what was
    buried when a peer told that it is erased there."""
    from django.db import transaction

    from anju.register.store import runs
    from anju.trust.store import erasing, erasure_actions

    with runs.only_one(), erasure.opened() as engine:
        all_of_it, told = ground == "unlawful", ground == "sender"
        due = erasure.find_due(engine, as_of, code, all_of_it=all_of_it, buried=told)
        # Somebody known from a counter alone has no record in the lake: the order itself says that all of it goes.
        is_whole = bool(due.people) or all_of_it
        with transaction.atomic():
            _bury(engine, (code,) if is_whole else ())
            dwellings = _blot(engine, (code,)) if is_whole else 0
            counts = erasing.erase_people([code]) if is_whole else erasing.erase_facts(as_of, code)
        erasure.purge_files(engine, (code,) if is_whole else ())
    counts |= {f"records.{dataset}": rows for dataset, rows in due.records.items()}
    counts |= {"named": dwellings} if dwellings else {}
    erasure_actions.finish_erasure(number, counts, is_whole=is_whole, by=system(BY), at=_now())
    return counts


def _bury(engine: DuckEngine, people: tuple[str, ...]) -> None:
    """Tombstones for the records of ``due``, and for what was entered here about people who go whole: peers were told that."""
    from anju.jobs.pipeline.own_records import CARRIED, ids
    from anju.register.store.queries import entries
    from anju.trust.store import erasing

    numbers = [str(number) for number in ids(CARRIED, entries.keys_of(people))] if people else []
    names = pa.array([CARRIED] * len(numbers), pa.string())
    erasing.bury(erasure.entomb(engine), _now())
    erasing.bury(pa.table({"record_id": pa.array(numbers, pa.string()), "dataset": names}), _now())


def _blot(engine: DuckEngine, people: tuple[str, ...]) -> int:
    """People of whom nothing is left go out of records about something else; dwellings changed. The files follow."""
    from anju.trust.store import named

    found = erasure.names_of(engine, people) if people else set()
    named.bury(found, _now())
    return named.blot_dwellings(found) if found else 0


def work(today: date | None = None, tell: Tell = lambda _: None) -> int:
    """Carry out every ordered erasure and every approved run; return how many."""
    from anju.trust.store import erasure_queries

    day, done = today or day_of(_now()), 0
    for order in erasure_queries.open_erasures():
        tell(order.number)
        # As of the day the officer saw it: a clock that runs ahead since then must not take more.
        seen = min(day, day_of(order.ordered_at))
        erase_person(order.number, order.person_code, ground=order.ground, as_of=seen)
        done += 1
    for run in erasure_queries.approved_runs():
        tell(run.number)
        carry_out(run.number, run.as_of, tell)
        done += 1
    return done


def plan_if_due(today: date) -> str | None:
    """The schedule: a plan when the last is older than ``retention_every_days`` (rights.yaml) and none waits.

    A last plan of a day to come was made by a clock that has been set back since: it holds nothing up.
    """
    from anju.trust.store import erasure_queries

    newest = next(iter(erasure_queries.list_runs(1)), None)
    every = timedelta(days=catalogue()["retention_every_days"])
    if newest and (newest.state in {"asked", "approved"} or newest.as_of <= today < newest.as_of + every):
        return None
    return plan(today)


def sweep() -> int:
    """Drop erased records that were sent again, before anything reads them; return the files changed.

    Without tombstones it costs one small query.
    """
    from anju.trust.store import erasure_queries

    if not erasure_queries.count_tombstones() and not erasure_queries.has_named():
        return 0
    with erasure.opened() as engine:
        return erasure.purge_files(engine, ())


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _held_texts(engine: DuckEngine, as_of: date, *, dry: bool) -> int:
    """Raw text of held rows past its term: counted, or taken out of the held files."""
    from anju.exchange.store import queries, retention

    days, found = catalogue()["retention"]["quarantine_rows"]["days"], 0
    for batch, rows in retention.texts_due(_midnight(as_of) - timedelta(days=days)).items():
        path = queries.held_path(batch)
        if not path.is_file():
            continue
        hit = f"row_no IN ({', '.join(map(str, rows))})"
        ((texts,),) = engine.rows(f"SELECT count(*) FROM read_parquet({literal(str(path))}) WHERE {hit}")
        if texts and not dry:
            engine.save(f"SELECT * FROM read_parquet({literal(str(path))}) WHERE NOT ({hit})", path, "row_no")
            path.chmod(0o600)
        found += int(texts)
    return found
