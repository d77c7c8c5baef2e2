"""The invented city's ground as arrays: communities, streets by community, facilities."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from anju.city.arrays import Array, Text, table
from anju.city.calibration import data


@dataclass(frozen=True, slots=True)
class Facilities:
    """Facilities of one kind: code, name, community index."""

    codes: Text
    names: Text
    community: Array


@dataclass(frozen=True, slots=True)
class World:
    """Communities in the order of their codes; edges grouped by community (``first_edge`` … in ``edge_of``)."""

    city_name: str
    districts: Array
    """Six-digit numbers, ascending."""
    community_codes: Text
    community_names: tuple[list[str], ...]
    """Names of district, sub-district, community, per community."""
    community_district: Array
    """Six-digit number of the district of each community."""
    centrality: Array
    """0 at the edge of the city, 1 in the middle."""
    is_village: Array
    first_edge: Array
    edge_count: Array
    edge_street: Text
    edge_number: Array
    edge_start: Array
    edge_end: Array
    """Longitude and latitude of both ends, n x 2."""
    facilities: dict[str, Facilities]


def load_world() -> World:
    """Read the ground from the pack."""
    with data("regions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    name = {r["code"]: r["name"] for r in rows}
    communities = [r for r in rows if r["level"] == "5"]
    index = {r["code"]: i for i, r in enumerate(communities)}
    codes = [r["code"] for r in communities]
    nodes = pq.read_table(data("streets/nodes.parquet"))
    edges = pq.read_table(data("streets/edges.parquet"))
    points = np.stack([nodes["longitude"].to_numpy(), nodes["latitude"].to_numpy()], axis=1)
    owner = np.array([index[c] for c in edges["community"].to_pylist()])
    order = np.argsort(owner, kind="stable")
    count = np.bincount(owner, minlength=len(codes))
    return World(
        city_name=next(r["name"] for r in rows if r["level"] == "2"),
        districts=np.array(sorted(int(r["code"]) for r in rows if r["level"] == "3")),
        community_codes=table(list(codes)),
        community_names=(
            [name[c[:6]] for c in codes],
            [name[c[:9]] for c in codes],
            [r["name"] for r in communities],
        ),
        community_district=np.array([int(c[:6]) for c in codes]),
        centrality=np.array([float(r["centrality"]) for r in communities]),
        is_village=np.array([r["name"].endswith("村") for r in communities]),
        first_edge=np.cumsum(count) - count,
        edge_count=count,
        edge_street=table(edges["street"].to_pylist()).take(order),
        edge_number=edges["first_number"].to_numpy()[order].astype(np.int64),
        edge_start=points[edges["from_node"].to_numpy()[order]],
        edge_end=points[edges["to_node"].to_numpy()[order]],
        facilities=_facilities(index),
    )


def _facilities(index: dict[str, int]) -> dict[str, Facilities]:
    with data("facilities.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {}
    for kind in sorted({r["kind"] for r in rows}):
        some = [r for r in rows if r["kind"] == kind]
        found[kind] = Facilities(
            table([r["code"] for r in some]),
            table([r["name"] for r in some]),
            np.array([index[r["region"]] for r in some]),
        )
    return found


def nearest_by_order(facilities: Facilities, community: Array) -> Array:
    """For each community index the facility whose community comes nearest in the order of codes."""
    order = np.argsort(facilities.community, kind="stable")
    place = np.clip(np.searchsorted(facilities.community[order], community), 0, len(order) - 1)
    return order[place]
