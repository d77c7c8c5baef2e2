"""The two files of a batch: its rows, and the text of rows that go back to their sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anju.jobs.pipeline.fitting import MARK, mark

LONGEST_HELD = 2_000
LARGEST_LIST = 64 << 20
"""Bytes of distinct values a column may list before they are written out: more than a chunk ever has."""


class BatchFiles:
    """The two files of a batch while they are written: its rows; and the text of rows that go back to their sender.

    The second is for its owner alone. Columns the contract does not know are not in it: nobody agreed to send them.
    """

    def __init__(self, path: Path, text: Path, width: int) -> None:
        self.path, self.text = path, text
        self.schema = pa.schema([*((f"c{i}", pa.string()) for i in range(width)), ("row_no", pa.uint32())])
        self.good_writer: pq.ParquetWriter | None = None
        self.text_writer: pq.ParquetWriter | None = None

    def __enter__(self) -> BatchFiles:
        return self

    def __exit__(self, *failed: object) -> None:
        for writer in (self.good_writer, self.text_writer):
            if writer is not None:
                writer.close()

    def add_good(self, good: pa.Table) -> None:
        """One chunk's rows, a row group of their own."""
        if self.good_writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            listed = [f.name for f in good.schema if pa.types.is_dictionary(f.type)]
            # Smallest and largest of texts take a third of the writing, and nobody asks for them.
            measured = [
                f.name for f in good.schema if f.name not in listed and not pa.types.is_string(f.type)
            ]
            self.good_writer = pq.ParquetWriter(
                self.path, good.schema, compression="lz4", store_schema=False, use_dictionary=listed,
                dictionary_pagesize_limit=LARGEST_LIST, write_statistics=measured,
            )  # fmt: skip
            self.good_writer.add_key_value_metadata({MARK: mark()})
        self.good_writer.write_table(good, row_group_size=max(1, len(good)))

    def add_text(self, text: pa.RecordBatch | None, wanted: Mapping[str, int]) -> None:
        """Rows as they were sent."""
        if text is None:
            return
        there = {place: text[name] for name, place in wanted.items()}
        empty = pa.nulls(text.num_rows, pa.string())
        cells = [there.get(place, empty) for place in range(len(self.schema) - 1)]
        self.add_cells(pa.table([*cells, text["row_no"]], schema=self.schema))

    def add_broken(self, broken: Mapping[int, str]) -> None:
        """Rows that are no rows: what stood there, in the first cell."""
        if broken:
            odd = [{"row_no": number, "c0": text[:LONGEST_HELD]} for number, text in broken.items()]
            self.add_cells(pa.Table.from_pylist(odd, schema=self.schema))

    def add_cells(self, told: pa.Table) -> None:
        """Cells in their places, and the row's number."""
        if self.text_writer is None:
            self.text.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.text.touch(mode=0o600)
            self.text_writer = pq.ParquetWriter(self.text, self.schema, compression="zstd")
        self.text_writer.write_table(told)


def record_ids(path: Path) -> Callable[[list[int]], list[int]]:
    """Which of the asked record ids are in a batch's file."""

    def found(asked: list[int]) -> list[int]:
        there = pq.read_table(path, columns=["record_id"])["record_id"]
        return [
            int(v) for v in pc.unique(there.filter(pc.is_in(there, pa.array(asked, pa.uint64())))).to_pylist()
        ]

    return found
