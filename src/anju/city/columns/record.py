"""Columns about the record itself, and the making of any column by its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from anju.city.addresses import Addresses
from anju.city.arrays import Text, chosen, joined, numbered, table, take
from anju.city.pen import Pen


class RecordColumns(Pen):
    """The record's own number, day and status."""

    addresses: Addresses

    def make(self, maker: str) -> Text:
        """The column called ``maker`` in a layout."""
        method: Callable[[], Text] = getattr(self, maker)
        return method()

    def key(self) -> Text:
        """The department's own number of the record: prefix and serial, telling nothing else."""
        return joined(self.layout.prefix, numbered(self.rows.serial[self.lines.row], 9))

    def observed(self) -> Text:
        return self.date(self.lines.observed, "observed")

    def status_police(self) -> Text:
        """注销 once the police learn that the person has left the city."""
        gone = (self.lines.end >= 0) & (self.city.events.leaves[self.p] > 0)
        return chosen(gone, "注销", self._all("正常"))

    def status_valid(self) -> Text:
        return self._all("有效")

    def status_school(self) -> Text:
        return chosen(self.lines.end >= 0, "转出", self._all("在读"))

    def _all(self, word: str) -> Text:
        return take(table([word]), np.zeros(self.count, dtype=np.int64))
