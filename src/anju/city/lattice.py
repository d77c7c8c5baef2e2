"""The lattice under He'an: blocks of cells, bent onto the map by one smooth function.

Every division is a block of lattice cells, so shapes nest and tile exactly, and every lattice line is a street.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city.arrays import Array

COLUMNS, ROWS = 120, 96
"""Lattice cells west-east and south-north."""
CENTRE = (124.0, 29.8)
"""Longitude and latitude (WGS 84) of the middle: open sea."""
REACH = (0.24, 0.18)
"""Degrees from the middle to the edge."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of lattice cells: columns ``west`` to ``east``, rows ``south`` to ``north`` (half-open)."""

    west: int
    east: int
    south: int
    north: int

    def split(self, parts: int) -> list[Block]:
        """Cut into ``parts`` blocks of like size, across the longer side first."""
        if parts == 1:
            return [self]
        first = parts // 2
        if self.east - self.west >= self.north - self.south:
            cut = self.west + round((self.east - self.west) * first / parts)
            halves = (
                Block(self.west, cut, self.south, self.north),
                Block(cut, self.east, self.south, self.north),
            )
        else:
            cut = self.south + round((self.north - self.south) * first / parts)
            halves = (
                Block(self.west, self.east, self.south, cut),
                Block(self.west, self.east, cut, self.north),
            )
        return halves[0].split(first) + halves[1].split(parts - first)

    def ring(self) -> list[tuple[int, int]]:
        """Lattice points around the block, counter-clockwise, closed."""
        south = [(c, self.south) for c in range(self.west, self.east)]
        east = [(self.east, r) for r in range(self.south, self.north)]
        north = [(c, self.north) for c in range(self.east, self.west, -1)]
        west = [(self.west, r) for r in range(self.north, self.south, -1)]
        return [*south, *east, *north, *west, (self.west, self.south)]

    def middle(self) -> tuple[int, int]:
        """The lattice point nearest the middle."""
        return (self.west + self.east) // 2, (self.south + self.north) // 2


def bend(column: Array, row: Array) -> tuple[Array, Array]:
    """Longitude and latitude of lattice points: denser in the middle, gently waved, never folded."""
    u = np.asarray(column) / COLUMNS * 2 - 1
    v = np.asarray(row) / ROWS * 2 - 1
    x = u * (0.5 + 0.5 * np.abs(u)) + 0.022 * np.sin(2.9 * v + 0.7) + 0.008 * np.sin(8.0 * v + 2.0 * u)
    y = v * (0.5 + 0.5 * np.abs(v)) + 0.026 * np.sin(2.3 * u + 1.9) + 0.008 * np.sin(7.0 * u - 2.0 * v)
    return np.round(CENTRE[0] + REACH[0] * x, 6), np.round(CENTRE[1] + REACH[1] * y, 6)


def metres(lon1: Array, lat1: Array, lon2: Array, lat2: Array) -> Array:
    """Great-circle distance in metres."""
    a1, a2 = np.radians(lat1), np.radians(lat2)
    half = np.sin((a2 - a1) / 2) ** 2 + np.cos(a1) * np.cos(a2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return np.asarray(2 * 6_371_000 * np.arcsin(np.sqrt(half)))


@dataclass(frozen=True, slots=True)
class Place:
    """One division: code, parent's code, level 2–6, names and block."""

    code: str
    parent: str
    level: int
    name: str
    en: str
    block: Block
