"""The ground of the invented city: shapes that nest and tile, streets that hold together, codes nobody else has."""

from __future__ import annotations

import csv
import filecmp
import json
import shutil
from collections import defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest

from anju.city import ground
from anju.kernel import packs

PACK = packs.root() / "demo"
LEVELS = ("districts", "subdistricts", "communities", "grids")


@pytest.fixture(scope="module")
def regions():
    with (PACK / "regions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def shapes():
    found = {}
    for level in LEVELS:
        for feature in json.loads((PACK / f"shapes/{level}.geojson").read_text("utf-8"))["features"]:
            found[feature["id"]] = np.array(feature["geometry"]["coordinates"][0])
    return found


def area(ring):
    x, y = ring[:, 0], ring[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def inside(point, ring):
    x, y = point
    a, b = ring[:-1], ring[1:]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / (b[:, 1] - a[:, 1]) + a[:, 0]
    return bool((crosses & (x < at)).sum() % 2)


def test_codes_nest_and_no_real_division_has_them(regions):
    codes = {r["code"]: r for r in regions}
    assert len(codes) == len(regions)
    lengths = {"2": 6, "3": 6, "4": 9, "5": 12, "6": 15}
    for row in regions:
        assert len(row["code"]) == lengths[row["level"]]
        if row["level"] != "2":
            parent = codes[row["parent"]]
            assert int(parent["level"]) == int(row["level"]) - 1
            assert row["level"] == "3" or row["code"].startswith(row["parent"])
    national = set(pq.read_table(packs.root() / "cn/codes/divisions.parquet")["code"].to_pylist())
    assert not {c[:6] for c in codes} & national
    names = [r["name"] for r in regions if r["level"] in "345"]
    assert len(set(names)) == len(names)


def test_shapes_are_whole_and_tile_their_parents(regions, shapes):
    children = defaultdict(list)
    for row in regions:
        children[row["parent"]].append(row["code"])
    assert set(shapes) == {r["code"] for r in regions if r["level"] in "3456"}
    for code, ring in shapes.items():
        assert (ring[0] == ring[-1]).all()
        assert area(ring) > 0, "counter-clockwise"
        parts = children.get(code, [])
        if parts:
            assert sum(area(shapes[p]) for p in parts) == pytest.approx(area(ring), rel=1e-3)
            assert all(inside(shapes[p][:-1].mean(axis=0), ring) for p in parts)


def test_the_bent_lattice_never_folds():
    columns, rows = np.meshgrid(np.arange(ground.COLUMNS + 1), np.arange(ground.ROWS + 1))
    lon, lat = ground.bend(columns, rows)
    east, north = np.diff(lon, axis=1)[:-1], np.diff(lat, axis=0)[:, :-1]
    cross = east * north - np.diff(lat, axis=1)[:-1] * np.diff(lon, axis=0)[:, :-1]
    assert (cross > 0).all()


def test_streets_hold_together():
    nodes = pq.read_table(PACK / "streets/nodes.parquet")
    edges = pq.read_table(PACK / "streets/edges.parquet")
    label = np.arange(len(nodes))
    start, end = edges["from_node"].to_numpy(), edges["to_node"].to_numpy()
    while True:
        low = np.minimum(label[start], label[end])
        before = label.copy()
        np.minimum.at(label, start, low)
        np.minimum.at(label, end, low)
        label = label[label]
        if (label == before).all():
            break
    used = np.unique(np.r_[start, end])
    assert (label[used] == label[used[0]]).mean() > 0.995
    length = edges["length_m"].to_numpy()
    assert length.min() > 20
    assert length.max() < 1500


def test_facilities_stand_in_their_communities(shapes):
    with (PACK / "facilities.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len({r["code"] for r in rows}) == len(rows)
    kinds = {r["kind"] for r in rows}
    assert {"kindergarten", "primary", "junior", "senior", "health_station", "service_station"} <= kinds
    for row in rows:
        assert inside((float(row["longitude"]), float(row["latitude"])), shapes[row["region"]])


def test_the_ground_in_the_pack_is_what_the_plan_makes(tmp_path):
    shutil.copy(PACK / "ground.yaml", tmp_path)
    ground.write(tmp_path)
    made = [p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()]
    assert len(made) == 9
    for path in made:
        if path.suffix == ".parquet":
            assert pq.read_table(tmp_path / path).equals(pq.read_table(PACK / path)), path
        else:
            assert filecmp.cmp(tmp_path / path, PACK / path, shallow=False), path
