"""What distinct texts were read as, remembered from chunk to chunk and from file to file.

Days, codes, credit codes: a city's files hold the same few ten thousand over and over. Texts of which there is no end
(names, addresses) are given up once they are too many, and asked about anew each time.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

MOST = 1 << 17
"""Texts remembered per reading: looking one up needs a table of all of them, made for each chunk."""


class Recall:
    """Answers SQL over the texts of a table ``cells`` with the column ``f0``, asking only about those it does not know.

    Several threads may ask at once: each replaces what is known by a whole new table, and a lost one is read again.
    """

    def __init__(self, ask: Callable[[str, pa.Table], pa.Table]) -> None:
        self._ask = ask
        self._known: dict[str, pa.Table] = {}
        self._endless: set[str] = set()

    def __call__(self, sql: str, texts: pa.Array) -> pa.Table:
        """One row per text, in their order. ``texts`` are distinct."""
        known = self._known.get(sql)
        if sql in self._endless or len(texts) > MOST:
            return self._ask(sql, pa.table({"f0": texts}))
        if known is None:
            known = self._ask(sql, pa.table({"f0": texts})).append_column("f0", texts)
            self._remember(sql, known)
            return known
        at = pc.index_in(texts, value_set=known["f0"])
        if at.null_count:
            new = texts.filter(pc.is_null(at))
            told = self._ask(sql, pa.table({"f0": new})).append_column("f0", new)
            at = pc.replace_with_mask(
                at, pc.is_null(at), pa.array(range(len(known), len(known) + len(new)), pa.int32())
            )
            known = pa.concat_tables([known, told]).combine_chunks()
            self._remember(sql, known)
        return known.take(at)

    def _remember(self, sql: str, known: pa.Table) -> None:
        if len(known) > MOST:
            self._endless.add(sql)
            self._known.pop(sql, None)
        else:
            self._known[sql] = known
