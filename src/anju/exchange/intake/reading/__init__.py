"""Reading: any file a department sends, as a stream of text columns with row numbers.

``sniff`` says what a file is and where its header stands; ``rows`` streams it. A file that cannot be trusted - a zip
bomb, formulas, a hundred thousand columns, a wrong ending, null bytes, cut off, empty - is refused before or while it
is read, and nothing of it is kept. Memory is bounded by the block, not by the file (XLSX by its own limits).
"""

from anju.exchange.intake.reading.sniffing import Sniffed, plain, sniff, tables
from anju.exchange.intake.reading.streaming import Stream, chunks, rows

__all__ = ["Sniffed", "Stream", "chunks", "plain", "rows", "sniff", "tables"]
