"""Standard addresses as people and offices write them: the same dwelling in several wordings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from anju.city.arrays import Array, Text, chosen, coalesced, joined, numbered, table, take
from anju.city.housing import Dwellings
from anju.city.world import World

HEADS, TAILS = 4, 4
"""Ways to begin an address (city … street) and to end it (building, unit, room)."""


class Addresses:
    """Every dwelling's address in each wording, made when first asked for."""

    def __init__(self, world: World, dwellings: Dwellings) -> None:
        self.world, self.dwellings = world, dwellings
        self._heads: Text | None = None
        self._tails: Text | None = None

    def heads(self) -> Text:
        """City to community, per wording and community: in full, without city, from the community, without it."""
        if self._heads is None:
            district, sub, community = self.world.community_names
            rows = list(zip(district, sub, community, strict=True))
            city = self.world.city_name
            self._heads = table(
                [f"{city}{d}{s}{c}" for d, s, c in rows]
                + [f"{d}{s}{c}" for d, s, c in rows]
                + [f"{s}{c}" for _, s, c in rows]
                + [f"{city}{d}{s}" for d, s, _ in rows]
            )
        return self._heads

    def tails(self) -> Text:
        """Street to room, per wording and dwelling: 12号3幢2单元501室, 12号3栋…, 12号3号楼…, 12号3-2-501."""
        if self._tails is None:
            homes = self.dwellings
            street = take(self.world.edge_street, homes.edge)
            number = numbered(homes.number)
            building = chosen(homes.building == 0, None, numbered(homes.building))
            unit = chosen(homes.unit == 0, None, numbered(homes.unit))
            room = chosen(homes.room == 0, None, numbered(homes.room))
            stem = joined(street, number, "号")
            forms = [
                coalesced(stem, joined(building, b), joined(unit, u), joined(room, r))
                for b, u, r in (("幢", "单元", "室"), ("栋", "单元", "房"), ("号楼", "单元", ""))
            ]
            short = coalesced(stem, joined(building, "-"), joined(unit, "-"), room)
            self._tails = pa.concat_arrays([*forms, short])
        return self._tails

    def write(self, dwelling: Array, luck: Array, rough: float) -> Text:
        """Addresses of ``dwelling`` (-1 is null): in full and standard, or for a share ``rough`` x 3 otherwise."""
        odd = luck < min(rough * 3, 0.9)
        wording = (luck * 99_991).astype(np.int64)
        head = np.where(odd, wording % HEADS, 0)
        tail = np.where(odd, wording // HEADS % TAILS, 0)
        at = np.maximum(dwelling, 0)
        homes, places = len(self.dwellings), len(self.world.centrality)
        text = joined(
            take(self.heads(), head * places + self.dwellings.community[at]),
            take(self.tails(), tail * homes + at),
        )
        return chosen(dwelling < 0, None, text)
