"""Full-width characters (ＡＢ１２) and the half-width ones they stand for; the ideographic space stands for a blank."""

from __future__ import annotations

HALF = "".join(map(chr, range(0x21, 0x7F))) + " "
FULL = "".join(chr(code + 0xFEE0) for code in range(0x21, 0x7F)) + "\u3000"
TO_HALF = str.maketrans(FULL, HALF)
"""For ``str.translate``."""
