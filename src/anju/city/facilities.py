"""Schools, health stations, hospitals and service stations of the invented city, on its ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anju.city.arrays import chance
from anju.city.lattice import Place, bend

KINDS = (
    # kind, one per so many communities, code letter, Chinese, English, places per facility at a million people
    ("kindergarten", 1, "1", "幼儿园", "Kindergarten", 190),
    ("primary", 2, "2", "小学", "Primary School", 700),
    ("junior", 4, "3", "初级中学", "Junior Secondary School", 750),
    ("senior", 12, "4", "高级中学", "Senior Secondary School", 1500),
    ("vocational", 30, "5", "职业技术学校", "Vocational School", 2200),
    ("health_station", 2, "6", "社区卫生服务站", "Community Health Station", 0),
    ("hospital", 15, "7", "人民医院", "People's Hospital", 0),
    ("service_station", 3, "8", "新市民服务站", "New Citizens' Service Station", 0),
    ("legal_aid_station", 18, "9", "法律援助工作站", "Legal Aid Station", 0),
)
"""Schools carry places for a city of a million; a smaller city scales them."""


def write(path: Path, places: list[Place], seed: int) -> None:
    """Write ``facilities.csv``: code, kind, name, en, region (community), longitude, latitude, places."""
    communities = [p for p in places if p.level == 5]
    above = {p.code: p for p in places}
    lines = ["code,kind,name,en,region,longitude,latitude,places"]
    for kind, every, letter, zh, en, capacity in KINDS:
        draw = chance(seed, "facilities", kind)
        for number, place in enumerate(communities[every // 2 :: every], start=1):
            longitude, latitude = _spot(place, draw)
            district = above[place.code[:6]]
            stem = place.name.removesuffix("社区").removesuffix("村")
            stem_en = place.en.removesuffix(" Community").removesuffix(" Village")
            size = int(round(capacity * float(draw.uniform(0.6, 1.4)), -1)) if capacity else 0
            lines.append(
                f"{place.code[:6]}{letter}{number:03d},{kind},{district.name}{stem}{zh},{stem_en} {en},"
                f"{place.code},{longitude:.5f},{latitude:.5f},{size or ''}"
            )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _spot(place: Place, draw: np.random.Generator) -> tuple[float, float]:
    """A point inside the place's block."""
    b = place.block
    column = b.west + (b.east - b.west) * draw.uniform(0.25, 0.75)
    row = b.south + (b.north - b.south) * draw.uniform(0.25, 0.75)
    lon, lat = bend(np.array([column]), np.array([row]))
    return float(lon[0]), float(lat[0])
