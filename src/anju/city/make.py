"""Make the city: draw it, decide what departments hold and get wrong, write their files, and the truth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anju.city import calibration, truth
from anju.city.addresses import Addresses
from anju.city.arrays import Array, Text, chance, joined
from anju.city.calibration import data
from anju.city.changes import draw_changes
from anju.city.columns import columns_for
from anju.city.families import LOCAL
from anju.city.files import write_file
from anju.city.holdings import ABOUT_NOBODY, HOLDERS
from anju.city.layouts import Layout, load_layouts
from anju.city.lives import FEWEST, City, draw_city
from anju.city.mistakes import ABSENT, INVALID, Mistakes, draw_mistakes, draw_number_states
from anju.city.order import EARLIEST, LATEST, Order
from anju.city.pen import Lines, lines_of
from anju.city.rows import Rows, draw_rows
from anju.kernel import packs
from anju.kernel.refusal import Refusal

STEPS = 6 + len(HOLDERS)
"""How often ``told`` is called, for a progress bar."""
UNREADABLE_DATES = ("2026-02-31", "26/5/1", "待核实", "20261345", "去年三月")
BAD_KINDS = ("date", "name", "code")
CODED = (
    "sex",
    "scheme",
    "education",
    "stage",
    "aid_kind",
    "skill_level",
    "entity_kind",
    "home_kind",
    "occupation",
)


def check(order: Order) -> None:
    """Refuse what no city can be made of: an unknown profile or census row, too few people, a day out of reach."""
    profiles = packs.read_yaml(data("errors.yaml"))["profiles"]
    if order.errors not in profiles:
        raise Refusal("city.unknown_profile", profile=order.errors, known=", ".join(profiles))
    if order.people < FEWEST:
        raise Refusal("city.too_few", people=order.people, least=FEWEST)
    if not EARLIEST <= order.today <= LATEST:
        raise Refusal("city.day_out_of_reach", day=order.today, first=EARLIEST, last=LATEST)
    if order.like:
        calibration.load(order.like)


def make_city(order: Order, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Write the city's files to ``order.out`` and the truth to ``truth`` in it; return the summary.

    Raises: Refusal as ``check`` does.
    """
    check(order)
    settings = packs.read_yaml(data("errors.yaml"))
    profile = settings["profiles"][order.errors]
    layouts = load_layouts()
    city = draw_city(order.people, order.seed, order.days, order.today.isoformat(), order.like, told)
    missing = _missing_police(city, profile["missing_police"])
    rows = draw_rows(city, missing, settings["again"], profile["duplicates"])
    states = draw_number_states(city, rows, profile, settings["no_number"])
    told("mistakes")
    mistakes = draw_mistakes(city, rows, layouts, states, settings, profile["contradicted"])
    addresses = Addresses(city.world, city.dwellings)
    records: list[pa.Table] = []
    for name in HOLDERS:
        told(name)
        records.append(_write_dataset(city, layouts[name], rows[name], mistakes, profile, addresses, order))
    told("truth")
    return truth.write(order, city, rows, mistakes, missing, records)


def _missing_police(city: City, share: float) -> Array:
    """People the police do not hold: newcomers and those in dormitories more often than others."""
    draw = chance(city.seed, "missing")
    drawn = city.people.families
    lean = draw.gumbel(size=len(city)) + np.where(drawn.scope != LOCAL, 0.9, 0.0) + 0.5 * drawn.is_collective
    missing = np.zeros(len(city), dtype=bool)
    for some in (city.residents, ~city.residents):
        at = np.flatnonzero(some)
        missing[at[np.argsort(-lean[at], kind="stable")[: round(len(at) * share)]]] = True
    return missing


def _write_dataset(
    city: City,
    layout: Layout,
    rows: Rows,
    mistakes: Mistakes,
    profile: dict[str, float],
    addresses: Addresses,
    order: Order,
) -> pa.Table:
    """Write one dataset's files of every day; return its part of the truth about records."""
    bad = chance(city.seed, "bad", layout.dataset).random(len(rows)) < profile["bad_rows"]
    lines = lines_of(city, rows, draw_changes(city, layout.dataset, rows, mistakes, bad))
    pen = columns_for(layout.dataset)(city, layout, rows, lines, mistakes, profile)
    pen.addresses = addresses
    columns = {header: pen.make(maker) for header, maker in layout.columns.items()}
    key = joined(*_with_bars([columns[h] for h in layout.key]))
    kind = _spoil(city, layout, columns, np.r_[bad, np.zeros(pen.count - len(rows), dtype=bool)])
    table = pa.table(columns)
    # Files are in the order of the department's own numbers, which tells nothing about people.
    order_of = np.argsort(rows.serial[lines.row], kind="stable")
    for day in range(order.days + 1):
        some = order_of[lines.sent[order_of] == day]
        if len(some):
            date_of = order.today + timedelta(days=day)
            write_file(layout, table.take(pa.array(some)), order.out / date_of.isoformat(), date_of)
    return _records(layout, rows, lines, mistakes, key, bad, kind)


def _with_bars(parts: list[Text]) -> list[Text | str]:
    found: list[Text | str] = []
    for part in parts:
        found += [part] if not found else ["|", part]
    return found


def _spoil(city: City, layout: Layout, columns: dict[str, Text], bad: Array) -> Array:
    """Make the ``bad`` lines unreadable; return how each was spoiled. What is sent again later is in order."""
    draw = chance(city.seed, "spoil", layout.dataset)
    count = len(bad)
    makers = {maker: header for header, maker in layout.columns.items()}
    kinds = [k for k in BAD_KINDS if k != "name" or "name" in makers]
    coded = next((makers[m] for m in CODED if m in makers), None)
    kinds = [k for k in kinds if k != "code" or coded]
    kind = np.where(bad, draw.integers(0, len(kinds), count), -1)
    for place, name in enumerate(kinds):
        hit = pa.array(kind == place)
        if name == "date":
            header = makers.get("observed") or makers["skill_issued"]
            wrong = pa.array(UNREADABLE_DATES).take(pa.array(draw.integers(0, len(UNREADABLE_DATES), count)))
            columns[header] = pc.if_else(hit, wrong, columns[header])
        elif name == "name":
            columns[makers["name"]] = pc.if_else(hit, pa.scalar(None, pa.string()), columns[makers["name"]])
        elif coded:
            columns[coded] = pc.if_else(hit, "待定#", columns[coded])
    names = np.array([*kinds, ""])
    return np.asarray(names[kind])


def _records(
    layout: Layout, rows: Rows, lines: Lines, mistakes: Mistakes, key: Text, bad: Array, kind: Array
) -> pa.Table:
    """Truth about each record: one row a key, whoever it is about."""
    count = len(rows)
    about_nobody = layout.dataset in ABOUT_NOBODY
    state = mistakes.number_state.get(layout.dataset, np.zeros(count, dtype=np.int8))
    source = rows.copy_of
    original = key.take(pa.array(np.maximum(source, 0)))
    return pa.table(
        {
            "dataset": pa.array([layout.dataset]).take(pa.array(np.zeros(count, dtype=np.int64))),
            "record_key": key[:count],
            "person_id": pa.array(rows.person, mask=rows.person < 0),
            "has_number": np.zeros(count, dtype=bool)
            if about_nobody
            else (state != ABSENT) & (state != INVALID),
            "is_duplicate": source >= 0,
            "duplicate_of": pc.if_else(pa.array(source >= 0), original, pa.scalar(None, pa.string())),
            "is_bad": bad,
            "bad_kind": pc.if_else(
                pa.array(bad), pa.array(kind[:count], pa.string()), pa.scalar(None, pa.string())
            ),
            "sent_on": pa.array(lines.sent[:count].astype(np.int32)),
        }
    )
