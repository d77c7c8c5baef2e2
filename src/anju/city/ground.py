"""The ground He'an stands on: divisions with shapes, streets, facilities. Made once, kept in the pack.

The city is a lattice bent by a smooth map: every division is a block of lattice cells, so shapes nest and
tile exactly, and every lattice line is a street. It lies in the open sea, so that no real place is meant.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from anju.city import facilities
from anju.city.arrays import Array, chance
from anju.city.lattice import COLUMNS, ROWS, Block, Place, bend, metres

NUMBERS_AN_EDGE = 40
GRIDS_A_COMMUNITY = 4


def divisions(plan: dict[str, Any]) -> list[Place]:
    """Every division from the plan of names: city, districts, sub-districts, communities, grids."""
    city = plan["city"]
    places = [Place(city["code"], "", 2, city["name"], city["en"], Block(0, COLUMNS, 0, ROWS))]
    names = iter(plan["communities"])
    for district in plan["districts"]:
        block = Block(*district["block"])
        places.append(Place(district["code"], city["code"], 3, district["name"], district["en"], block))
        parts = block.split(len(district["subdistricts"]))
        for number, (sub, part) in enumerate(zip(district["subdistricts"], parts, strict=True), start=1):
            code = f"{district['code']}{number if sub['name'].endswith('街道') else 99 + number:03d}"
            places.append(Place(code, district["code"], 4, sub["name"], sub["en"], part))
            places += _communities(code, sub["name"], part.split(plan["communities_a_subdistrict"]), names)
    return places


def _communities(parent: str, of: str, blocks: list[Block], names: Any) -> list[Place]:
    found = []
    for number, block in enumerate(blocks, start=1):
        zh, en = next(names)
        is_village = not of.endswith("街道") and number % 2 == 0
        code = f"{parent}{200 + number if is_village else number:03d}"
        kind = ("村", "Village") if is_village else ("社区", "Community")
        found.append(Place(code, parent, 5, zh + kind[0], f"{en} {kind[1]}", block))
        for grid, part in enumerate(block.split(GRIDS_A_COMMUNITY), start=1):
            found.append(
                Place(
                    f"{code}{grid:03d}",
                    code,
                    6,
                    f"{zh}第{'一二三四'[grid - 1]}网格",
                    f"{en} Grid {grid}",
                    part,
                )
            )
    return found


def shape(place: Place) -> dict[str, Any]:
    """A division as a GeoJSON feature."""
    ring = np.array(place.block.ring())
    lon, lat = bend(ring[:, 0], ring[:, 1])
    points = [[round(float(x), 5), round(float(y), 5)] for x, y in zip(lon, lat, strict=True)]
    return {
        "type": "Feature",
        "id": place.code,
        "properties": {"code": place.code, "parent": place.parent, "name": place.name, "en": place.en},
        "geometry": {"type": "Polygon", "coordinates": [points]},
    }


def streets(places: list[Place], names: list[tuple[str, str]], seed: int) -> tuple[pa.Table, pa.Table]:
    """Nodes and edges of the street network.

    Grain: a node is a crossing; an edge is one stretch between two crossings, walkable both ways.
    Units: ``length_m`` metres; ``first_number`` lowest house number on the edge.
    """
    columns, rows = np.meshgrid(np.arange(COLUMNS + 1), np.arange(ROWS + 1))
    lon, lat = bend(columns.ravel(), rows.ravel())
    nodes = pa.table({"node": np.arange(lon.size, dtype=np.int32), "longitude": lon, "latitude": lat})
    across = _lines(COLUMNS, ROWS, "路", names[: 3 * (ROWS + 1)], horizontal=True)
    along = _lines(COLUMNS, ROWS, "街", names[3 * (ROWS + 1) :], horizontal=False)
    edges = {key: np.concatenate([across[key], along[key]]) for key in across}
    # Three in twenty small stretches are missing, as in any grown town; main roads (every eighth line) stay.
    keep = (edges["line"] % 8 == 0) | (chance(seed, "streets").random(len(edges["line"])) > 0.15)
    edges = {key: value[keep] for key, value in edges.items()}
    start, end = edges["from"], edges["to"]
    width = COLUMNS + 1
    west, south = np.minimum(start % width, COLUMNS - 1), np.minimum(start // width, ROWS - 1)
    community = _owner(places)[south, west]
    return nodes, pa.table(
        {
            "edge": np.arange(len(start), dtype=np.int32),
            "from_node": start.astype(np.int32),
            "to_node": end.astype(np.int32),
            "length_m": np.round(metres(lon[start], lat[start], lon[end], lat[end]), 1).astype(np.float32),
            "street": pa.array(edges["name"]).dictionary_encode(),
            "community": pa.array(community).dictionary_encode(),
            "first_number": edges["first_number"].astype(np.int16),
            "is_main": edges["line"] % 8 == 0,
        }
    )


def _lines(
    columns: int, rows: int, kind: str, names: list[tuple[str, str]], horizontal: bool
) -> dict[str, Array]:
    """Every lattice line as streets: each line is three streets one after the other."""
    lines, steps = (rows + 1, columns) if horizontal else (columns + 1, rows)
    line, step = (a.ravel() for a in np.meshgrid(np.arange(lines), np.arange(steps), indexing="ij"))
    width = columns + 1
    start = line * width + step if horizontal else step * width + line
    third = -(-steps // 3)
    label = np.array([zh + kind for zh, _ in names])[line * 3 + step // third]
    return {
        "from": start,
        "to": start + (1 if horizontal else width),
        "line": line,
        "name": label,
        "first_number": (step % third) * NUMBERS_AN_EDGE + 1,
    }


def _owner(places: list[Place]) -> Array:
    """The community code of every lattice cell, [row, column]."""
    owner = np.empty((ROWS, COLUMNS), dtype="U12")
    for place in places:
        if place.level == 5:
            b = place.block
            owner[b.south : b.north, b.west : b.east] = place.code
    return owner


def write(folder: Path, seed: int = 1) -> None:
    """Write regions, shapes, streets and facilities of the plan ``ground.yaml`` into the pack ``folder``."""
    plan = yaml.safe_load((folder / "ground.yaml").read_text(encoding="utf-8"))
    plan = _spelled(plan)
    places = divisions(plan)
    (folder / "shapes").mkdir(exist_ok=True)
    (folder / "streets").mkdir(exist_ok=True)
    _write_regions(folder / "regions.csv", places)
    for level, name in ((3, "districts"), (4, "subdistricts"), (5, "communities"), (6, "grids")):
        features = [shape(p) for p in places if p.level == level]
        text = json.dumps(
            {"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":")
        )
        (folder / "shapes" / f"{name}.geojson").write_text(text + "\n", encoding="utf-8")
    nodes, edges = streets(places, plan["streets"], seed)
    for name, rows in (("nodes", nodes), ("edges", edges)):
        pq.write_table(rows, folder / "streets" / f"{name}.parquet", compression="zstd", compression_level=19)
    facilities.write(folder / "facilities.csv", places, seed)


def _write_regions(path: Path, places: list[Place]) -> None:
    lines = ["code,parent,level,name,en,longitude,latitude,centrality"]
    for p in places:
        column, row = p.block.middle()
        lon, lat = bend(np.array([column]), np.array([row]))
        away = max(abs(column / COLUMNS * 2 - 1), abs(row / ROWS * 2 - 1))
        lines.append(
            f"{p.code},{p.parent},{p.level},{p.name},{p.en},{lon[0]:.5f},{lat[0]:.5f},{1 - away:.3f}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _spelled(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with the names of communities and streets put together from its word lists."""
    first, second = plan["words"]["first"], plan["words"]["second"]
    pairs = [
        (a[0] + b[0], (a[1] + b[1]).capitalize()) for i, b in enumerate(second) for a in first[i % 3 :: 3]
    ]
    pairs += [
        (a[0] + b[0], (a[1] + b[1]).capitalize())
        for i, b in enumerate(second)
        for a in first[(i + 1) % 3 :: 3]
    ]
    count = sum(len(d["subdistricts"]) for d in plan["districts"]) * plan["communities_a_subdistrict"]
    needed = 3 * (ROWS + 1 + COLUMNS + 1)
    if len(set(pairs)) < count + needed:
        raise ValueError("the plan's word lists give too few names")
    return plan | {"communities": pairs[:count], "streets": pairs[count : count + needed]}
