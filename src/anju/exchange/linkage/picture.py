"""A picture of a linkage as SVG: how pairs weigh, and how large people's groups of rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, GAP = 960, 440, 32, 48
FACE = "PingFang SC, HarmonyOS Sans SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"
JADE, AMBER, INK, LINE = "#0b6e4f", "#b7791f", "#1f2933", "#d5dbe0"


def draw(
    files: Sequence[str],
    rows: int,
    people: int,
    weights: Sequence[tuple[int, str, int]],
    sizes: Mapping[int, int],
) -> str:
    """SVG text. ``weights``: (bits, outcome same|ask, pairs) in whole bits; ``sizes``: rows per person to people."""
    names = " + ".join(files)
    names = names if len(names) <= 60 else names[:59] + "…"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="{FACE}" '
        f'font-size="13" fill="{INK}"><title>{escape(names)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="32" font-size="17" font-weight="600">{escape(names)}</text>',
        f'<text x="{LEFT}" y="56">{rows:,} 行是 {people:,} 人 · {rows:,} rows are {people:,} people</text>',
    ]
    half = (WIDTH - 2 * LEFT - GAP) // 2
    parts += _bars(LEFT, half, _binned(weights), "比较过的对，按证据多少（比特） · pairs by evidence (bits)")
    for x, colour, word in ((0, JADE, "同一人 same"), (110, AMBER, "请人看 for a person to settle")):
        parts.append(
            f'<rect x="{LEFT + x}" y="{HEIGHT - 28}" width="11" height="11" fill="{colour}"/>'
            f'<text x="{LEFT + x + 17}" y="{HEIGHT - 18}">{word}</text>'
        )
    counted = [(str(size), JADE, n) for size, n in sorted(sizes.items())[:12]]
    parts += _bars(LEFT + half + GAP, half, counted, "人，按有几行 · people by number of rows")
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
    top, base = 128, 362
    parts = [f'<text x="{x}" y="96" font-weight="600">{escape(told)}</text>']
    labels = list(dict.fromkeys(label for label, _, _ in bars))
    if not labels:
        return [*parts, f'<text x="{x}" y="{(top + base) // 2}">没有 none</text>']
    whole = {label: sum(n for at, _, n in bars if at == label) for label in labels}
    most = max(whole.values())
    step = width / max(len(labels), 6)
    stacked: dict[str, float] = {}
    for label, colour, n in bars:
        tall = max((base - top) * n / most, 1.0)
        foot = base - stacked.get(label, 0.0)
        stacked[label] = stacked.get(label, 0.0) + tall
        left = x + labels.index(label) * step
        parts.append(
            f'<rect x="{left:.1f}" y="{foot - tall:.1f}" width="{max(step - 3, 1):.1f}" height="{tall:.1f}" fill="{colour}">'
            f"<title>{escape(label)}: {n:,}</title></rect>"
        )
    every = max(1, -(-len(labels) // 12))
    for i, label in enumerate(labels):
        middle = x + i * step + (step - 3) / 2
        if i % every == 0:
            parts.append(
                f'<text x="{middle:.1f}" y="{base + 18}" text-anchor="middle">{escape(label)}</text>'
            )
        if step >= 34 or whole[label] == most:
            parts.append(
                f'<text x="{middle:.1f}" y="{base - stacked[label] - 5:.1f}" font-size="11" text-anchor="middle">{whole[label]:,}</text>'
            )
    parts.append(f'<line x1="{x}" y1="{base}" x2="{x + width}" y2="{base}" stroke="{LINE}"/>')
    return parts
