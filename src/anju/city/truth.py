"""The truth beside the files: who the people are, what each record is, what departments state wrongly."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.city import housing, numbers, work
from anju.city.arrays import EPOCH, NEVER, Array, Text, dates, numbered, table, take
from anju.city.holdings import ABOUT_NOBODY
from anju.city.lives import City
from anju.city.mistakes import Mistakes, Wrong
from anju.city.order import Order
from anju.city.people import EDUCATION, MARITAL
from anju.city.rows import Rows


def write(
    order: Order,
    city: City,
    rows: dict[str, Rows],
    mistakes: Mistakes,
    missing: Array,
    records: list[pa.Table],
) -> dict[str, Any]:
    """Write ``truth/*.parquet`` and ``truth/summary.json``; return the summary.

    Rates are as of the first load. Definitions: see ``docs/reference/city.md``.
    """
    folder = order.out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    all_records = _dated(pa.concat_tables(records), order)
    tables = {
        "records": all_records,
        "people": _people(city, rows, mistakes, missing),
        "contradictions": _contradictions(city, mistakes),
        "kin": _kin(city),
        "stays": _stays(city),
        "jobs": _jobs(city),
        "dwellings": _dwellings(city),
        "employers": _employers(city),
    }
    for name, content in tables.items():
        pq.write_table(content, folder / f"{name}.parquet", compression="zstd", row_group_size=262_144)
    summary = _summary(order, city, mistakes, missing, all_records)
    (folder / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return summary


def _dated(records: pa.Table, order: Order) -> pa.Table:
    """Days of sending as dates."""
    days = [order.today + timedelta(days=d) for d in range(order.days + 1)]
    place = records.column_names.index("sent_on")
    return records.set_column(place, "sent_on", pa.array(days, pa.date32()).take(records["sent_on"]))


def _summary(
    order: Order, city: City, mistakes: Mistakes, missing: Array, records: pa.Table
) -> dict[str, Any]:
    there = city.residents
    first = records.filter(pc.equal(records["sent_on"], pa.scalar(order.today)))
    of_people = first.filter(pc.is_valid(first["person_id"]))
    total = max(len(of_people), 1)
    return {
        "city": city.world.city_name,
        "like": city.row.city,
        "people": int(there.sum()),
        "arrivals": int((~there).sum()),
        "seed": order.seed,
        "errors": order.errors,
        "first_day": order.today.isoformat(),
        "days": order.days,
        "records": len(records),
        "records_first_load": len(first),
        "records_a_person": round(len(of_people) / int(there.sum()), 3),
        "duplicate_rate": round(int(pc.sum(of_people["is_duplicate"]).as_py() or 0) / total, 4),
        "contradiction_rate": round(float((mistakes.contradicted & there).sum() / there.sum()), 4),
        "missing_police_rate": round(float((missing & there).sum() / there.sum()), 4),
        "without_number_rate": round(1 - int(pc.sum(of_people["has_number"]).as_py() or 0) / total, 4),
        "bad_rate": round(int(pc.sum(first["is_bad"]).as_py() or 0) / max(len(first), 1), 4),
    }


def _ids(count: int) -> Array:
    return np.arange(count, dtype=np.int64)


def _coded(codes: tuple[str, ...], places: Array) -> Text:
    return take(table(list(codes)), places.astype(np.int64))


def _people(city: City, rows: dict[str, Rows], mistakes: Mistakes, missing: Array) -> pa.Table:
    """Grain: one person; those who arrive later too (``arrived_on`` after the first day)."""
    folk, stays, drawn = city.people, city.stays, city.people.families
    count = len(city)
    held = np.zeros(count, dtype=np.int64)
    for name, some in rows.items():
        if name not in ABOUT_NOBODY:
            held += np.bincount(some.person, minlength=count)
    left = np.where(city.events.leaves > 0, city.today + city.events.leaves, NEVER)
    return pa.table(
        {
            "person_id": _ids(count),
            "name": folk.name,
            "sex": numbered(folk.sex.astype(np.int64)),
            "born_on": dates(folk.born),
            "age": folk.age,
            "citizen_no": numbers.text_of(folk.number),
            "phone": folk.phone,
            "hukou_region": numbered(folk.hukou, 6),
            "education": _coded(EDUCATION, folk.education),
            "marital": _coded(MARITAL, folk.marital),
            "scope": drawn.scope,
            "household_id": drawn.household,
            "is_renting": drawn.is_renting,
            "is_collective": drawn.is_collective,
            "region": take(city.world.community_codes, city.dwellings.community[stays.dwelling]),
            "dwelling_code": take(city.dwellings.code, stays.dwelling),
            "employer_code": take(city.employers.code, city.jobs.employer),
            "arrived_on": dates(stays.arrived),
            "left_on": dates(left),
            "is_resident": city.residents,
            "in_police": ~missing,
            "has_contradiction": mistakes.contradicted,
            "record_count": held,
        }
    )


def _contradictions(city: City, mistakes: Mistakes) -> pa.Table:
    """Grain: one person, field and dataset that states it wrongly, with what it states and what is true."""
    parts = []
    for (dataset, field), wrong in mistakes.wrong.items():
        count = len(wrong.person)
        parts.append(
            pa.table(
                {
                    "person_id": wrong.person,
                    "field": pa.array([field] * count, pa.string()),
                    "dataset": pa.array([dataset] * count, pa.string()),
                    "stated": _stated(field, wrong),
                }
            )
        )
    empty = {"person_id": pa.int64(), "field": pa.string(), "dataset": pa.string(), "stated": pa.string()}
    return pa.concat_tables(parts) if parts else pa.table({k: pa.array([], v) for k, v in empty.items()})


def _stated(field: str, wrong: Wrong) -> Text:
    value: Any = wrong.value
    if field == "name":
        return value
    if field == "citizen_no":
        return numbers.text_of(value)
    if field == "born_on":
        return pa.array((EPOCH + value.astype("timedelta64[D]")).astype("datetime64[D]")).cast(pa.string())
    if field in ("education", "marital"):
        return _coded(EDUCATION if field == "education" else MARITAL, value)
    return numbered(np.asarray(value, dtype=np.int64))


def _kin(city: City) -> pa.Table:
    """Grain: one relative of one person, both in the city; codes of GB/T 4761 (relation of the relative)."""
    folk = city.people
    parts = []
    for to, code in ((folk.spouse, "10"), (folk.mother, "52"), (folk.father, "51")):
        some = np.flatnonzero(to >= 0)
        parts.append(
            pa.table({"person_id": some, "relative_id": to[some], "relation": pa.array([code] * len(some))})
        )
    return pa.concat_tables(parts)


def _stays(city: City) -> pa.Table:
    """Grain: one person in one dwelling for one period, ``end_on`` the first day no longer there."""
    stays, events, count = city.stays, city.events, len(city)
    leave = np.where(events.leaves > 0, city.today + events.leaves, NEVER)
    move = np.where(events.moves > 0, city.today + events.moves, NEVER)
    had, moved = np.flatnonzero(stays.former >= 0), np.flatnonzero(events.moves > 0)
    return pa.concat_tables(
        [
            _period(city, had, stays.former[had], stays.former_since[had], stays.since[had]),
            _period(city, _ids(count), stays.dwelling, stays.since, np.where(move >= 0, move, leave)),
            _period(city, moved, events.next_dwelling[moved], move[moved], np.full(len(moved), NEVER)),
        ]
    )


def _period(city: City, person: Array, dwelling: Array, begin: Array, end: Array) -> pa.Table:
    return pa.table(
        {
            "person_id": person.astype(np.int64),
            "dwelling_code": take(city.dwellings.code, dwelling),
            "region": take(city.world.community_codes, city.dwellings.community[dwelling]),
            "begin_on": dates(begin),
            "end_on": dates(end),
        }
    )


def _jobs(city: City) -> pa.Table:
    """Grain: one person at one employer for one period."""
    jobs, events = city.jobs, city.events
    change = np.where(events.changes_job > 0, city.today + events.changes_job, NEVER)
    leave = np.where(events.leaves > 0, city.today + events.leaves, NEVER)
    had, now, new = (
        np.flatnonzero(m) for m in (jobs.former >= 0, jobs.employer >= 0, events.changes_job > 0)
    )
    parts = (
        (had, jobs.former[had], jobs.former_begin[had], jobs.former_end[had]),
        (now, jobs.employer[now], jobs.begin[now], np.where(change >= 0, change, leave)[now]),
        (new, events.next_employer[new], change[new], np.full(len(new), NEVER)),
    )
    return pa.concat_tables(
        [
            pa.table(
                {
                    "person_id": person,
                    "employer_code": take(city.employers.code, employer),
                    "begin_on": dates(begin),
                    "end_on": dates(end),
                }
            )
            for person, employer, begin, end in parts
        ]
    )


def _dwellings(city: City) -> pa.Table:
    homes = city.dwellings
    return pa.table(
        {
            "dwelling_code": homes.code,
            "kind": take(table(list(housing.KINDS)), homes.kind),
            "region": take(city.world.community_codes, homes.community),
            "street": take(city.world.edge_street, homes.edge),
            "number": homes.number,
            "building": homes.building,
            "unit": homes.unit,
            "room": homes.room,
            "is_let": homes.is_let,
            "rent_yuan": homes.rent.astype(np.int64),
            "longitude": homes.point[:, 0],
            "latitude": homes.point[:, 1],
        }
    )


def _employers(city: City) -> pa.Table:
    some = city.employers
    letters = table([letter for letter, _, _, _ in work.INDUSTRIES])
    return pa.table(
        {
            "credit_code": some.code,
            "name": some.name,
            "kind": take(table(list(work.KINDS)), some.kind),
            "industry": take(letters, some.industry),
            "region": take(city.world.community_codes, some.community),
            "opened_on": dates(some.opened),
            "closed_on": dates(some.closed),
        }
    )
