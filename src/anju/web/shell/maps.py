"""A small map in plain SVG from the place's own shapes: no tiles from elsewhere, no script, prints as it is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from anju.kernel import packs
from anju.web.shell import terms

SIZE = 320
MARGIN = 14
COMMUNITY = 12
Ring = tuple[tuple[float, float], ...]
Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Area:
    """One division as drawn: its code, the path, whether it is the one meant."""

    code: str
    path: str
    is_meant: bool


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawn community with its neighbours; the point in it, where one is known."""

    name: str
    areas: tuple[Area, ...]
    point: tuple[float, float] | None
    size: int = SIZE


@lru_cache
def _shapes() -> dict[str, tuple[Ring, ...]]:
    """Community -> its outer rings, in degrees."""
    path = packs.find_file("shapes/communities.geojson")
    if path is None:
        return {}
    found = {}
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]
        many = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        found[str(feature["id"])] = tuple(tuple((float(x), float(y)) for x, y in rings[0]) for rings in many)
    return found


def community(region: str, longitude: float | None, latitude: float | None) -> Sketch | None:
    """The community of a division code, or None where the pack has no shape for it."""
    meant = region[:COMMUNITY]
    shapes = _shapes()
    if meant not in shapes:
        return None
    box = _box(shapes[meant])
    near = {c: rings for c, rings in shapes.items() if c == meant or _touch(box, _box(rings))}
    place = _projection(box)
    point = None if longitude is None or latitude is None else place(longitude, latitude)
    if point is not None and not all(0 <= p <= SIZE for p in point):
        point = None  # the source's coordinates lie elsewhere: better no point than a wrong one
    areas = tuple(
        Area(code, "".join(_path(ring, place) for ring in rings), code == meant)
        for code, rings in sorted(near.items(), key=lambda n: n[0] == meant)
    )
    return Sketch(terms.region_name(meant, levels=2), areas, point)


def _points(rings: tuple[Ring, ...]) -> Iterator[tuple[float, float]]:
    for ring in rings:
        yield from ring


def _box(rings: tuple[Ring, ...]) -> tuple[float, float, float, float]:
    xs, ys = zip(*_points(rings), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _projection(box: tuple[float, float, float, float]) -> Place:
    """Degrees -> points of the drawing, north up; a degree of longitude is narrower than one of latitude."""
    narrow = math.cos(math.radians((box[1] + box[3]) / 2))
    scale = (SIZE - 2 * MARGIN) / max((box[2] - box[0]) * narrow, box[3] - box[1])
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def place(longitude: float, latitude: float) -> tuple[float, float]:
        return (
            round(SIZE / 2 + (longitude - middle[0]) * narrow * scale, 1),
            round(SIZE / 2 - (latitude - middle[1]) * scale, 1),
        )

    return place


def _path(ring: Ring, place: Place) -> str:
    return "M" + "L".join("{} {}".format(*place(x, y)) for x, y in ring) + "Z"
