"""A picture of a linkage as SVG: how pairs weigh, and how large people's groups of rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, GAP = 960, 420, 56, 60
JADE, AMBER, INK, LINE = "#0b6e4f", "#b7791f", "#1f2933", "#d5dbe0"


def draw(title: str, weights: Sequence[tuple[int, str, int]], sizes: Mapping[int, int]) -> str:
    """SVG text. ``weights``: (bits, outcome same|ask, pairs) in whole bits; ``sizes``: rows per person to people."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="28" font-size="17" font-weight="600">{escape(title)}</text>',
    ]
    half = (WIDTH - LEFT - GAP) // 2
    bars = _binned(weights)
    parts += _bars(LEFT, half, bars, "Pairs by weight of evidence (bits)")
    parts.append(
        f'<rect x="{LEFT}" y="392" width="11" height="11" fill="{JADE}"/><text x="{LEFT + 16}" y="402">same</text>'
    )
    parts.append(
        f'<rect x="{LEFT + 70}" y="392" width="11" height="11" fill="{AMBER}"/><text x="{LEFT + 86}" y="402">ask a person</text>'
    )
    counted = [(str(size), JADE, people) for size, people in sorted(sizes.items())[:12]]
    parts += _bars(LEFT + half + GAP, half - GAP, counted, "People by number of rows")
    return "\n".join([*parts, "</svg>"])


def _binned(weights: Sequence[tuple[int, str, int]]) -> list[tuple[str, str, int]]:
    if not weights:
        return []
    low, high = min(w for w, _, _ in weights), max(w for w, _, _ in weights)
    step = max(1, -(-(high - low + 1) // 24))
    found: dict[tuple[int, str], int] = {}
    for weight, outcome, pairs in weights:
        key = (low + (weight - low) // step * step, outcome)
        found[key] = found.get(key, 0) + pairs
    return [(str(at), AMBER if outcome == "ask" else JADE, n) for (at, outcome), n in sorted(found.items())]


def _bars(x: int, width: int, bars: Sequence[tuple[str, str, int]], told: str) -> list[str]:
    top, base = 70, 350
    parts = [f'<text x="{x}" y="54" font-weight="600">{escape(told)}</text>']
    most = max((n for _, _, n in bars), default=1)
    labels = list(dict.fromkeys(label for label, _, _ in bars))
    step = width / max(len(labels), 1)
    stacked: dict[str, float] = {}
    for label, colour, n in bars:
        tall = (base - top) * n / most
        foot = base - stacked.get(label, 0.0)
        stacked[label] = stacked.get(label, 0.0) + tall
        left = x + labels.index(label) * step
        parts.append(
            f'<rect x="{left:.1f}" y="{foot - tall:.1f}" width="{max(step - 2, 1):.1f}" height="{tall:.1f}" fill="{colour}">'
            f"<title>{escape(label)}: {n:,}</title></rect>"
        )
    every = max(1, len(labels) // 10)
    parts += [
        f'<text x="{x + (i + 0.5) * step:.1f}" y="{base + 18}" text-anchor="middle">{escape(label)}</text>'
        for i, label in enumerate(labels)
        if i % every == 0
    ]
    parts.append(f'<line x1="{x}" y1="{base}" x2="{x + width}" y2="{base}" stroke="{LINE}"/>')
    parts.append(f'<text x="{x + width}" y="{top - 4}" text-anchor="end">most: {most:,}</text>')
    return parts
