"""What the columns of a list are, guessed from headings and from a sample of the values; never from the list's own ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

from anju.exchange.linkage import headings
from anju.exchange.linkage.names import surname_readings
from anju.exchange.linkage.parameters import read as read_parameters
from anju.kernel import packs
from anju.kernel.width import TO_HALF

NOTHING = frozenset(
    [
        "-",
        "--",
        "—",
        "/",
        "\\",
        ".",
        "0",
        "无",
        "空",
        "不详",
        "未知",
        "暂无",
        "没有",
        "待补",
        "null",
        "none",
        "nan",
        "n/a",
        "na",
        "nil",
        "unknown",
        "unk",
        "missing",
        "?",
        "test",
        "xxx",
    ]
)
"""What people write where they know nothing."""
SINGLE = ("name", "sex", "birthday", "citizen_no", "phone", "number", "origin", "relative", "relative_no", "relative_phone", "household", "employer")  # fmt: skip
"""Kinds of which a Chinese list is read for one column only."""
ENOUGH = 8
"""Values that must be seen before they are held against a heading."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One column of one file: heading, some values, rows of the file, and how many are filled and distinct."""

    heading: str
    values: tuple[str, ...]
    rows: int
    filled: int
    distinct: int


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column was taken for; ``confidence`` from 0 to 1; ``why`` heading|values|both|stated|id|empty|constant|taken."""

    heading: str
    kind: str
    confidence: float
    why: str


def _sign(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern, re.IGNORECASE)
    return lambda value: found.fullmatch(value) is not None


_DAY = r"(1[89]|20)\d\d(([-/.年])\d{1,2}([-/.月])\d{1,2}日?|[01]\d[0-3]\d)([ T]\d{1,2}:\d\d.*)?"
_TURNED = r"\d{1,2}[-/. ](\d{1,2}|[a-z]{3,9})[-/. ](1[89]|20)?\d\d"
_MONTH = r"(1[89]|20)\d\d(([-/.年])\d{1,2}月?|[01]\d|年)"
_PLACE = r".*([路街巷弄道里]|号|栋|幢|单元|室|村|镇|乡|区|县|市|省|小区|花园|公寓|宿舍)\d*.*"
SIGNS: Mapping[str, Callable[[str], bool]] = {
    "citizen_no": _sign(
        r"[1-9]\d{5}(18|19|20)\d{2}[01]\d[0-3]\d\d{3}[\dx]|[1-9]\d{7}[01]\d[0-3]\d\d{3}"
        r"|[1-9]\d{5,13}[*#●•×_]{2,}\d{3,}[\dx]|(?=.{18}$)[1-9]\d{2,13}[*x#●•×_]{4,}\d{3,}[\dx]"
    ),
    "mobile": _sign(r"(\+?0{0,2}86[- ]?)?1\d{2}[- ]?\d{4}[- ]?\d{4}|1\d{2,6}[- ]?[*x#●•×_]{2,6}[- ]?\d{4}"),
    "phone": _sign(r"[+(]?[\d() .+-]{6,20}|1\d{2,6}[- ]?[*x#●•×_]{2,6}[- ]?\d{4}"),
    "email": _sign(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "birthday": _sign(f"{_DAY}|{_TURNED}|[1-5]\\d{{4}}(\\.0)?|农历.*|阴历.*|.*年.*月.*"),
    "month": _sign(_MONTH),
    "sex": _sign(r"[男女]性?|[0-2]|0[12]|[mf]|male|female|man|woman|boy|girl|[12]\.0|other|x|u"),
    "sex_word": _sign(r"[男女]性?|[mf]|male|female|man|woman|boy|girl"),
    "han": _sign(r"[\u4e00-\u9fff\u3400-\u4dbf·•．. ]{2,30}([ :/,、;-]*\+?\d[\d -]{6,17})?"),
    "han_place": _sign(_PLACE),
    "word": _sign(r"[a-zà-ÿ'’. -]+"),
    "one_word": _sign(r"[a-zà-ÿ'’-]+"),
    "digits": _sign(r"\d+"),
    "street": _sign(r".*[a-z].*\d.*|\d+.*[a-z].*|.*[a-z]{3,} [a-z]{3,}.*"),
}
FITS: Mapping[str, tuple[str, ...]] = {
    "citizen_no": ("citizen_no",),
    "phone": ("phone",),
    "relative_phone": ("phone",),
    "relative_no": ("citizen_no",),
    "email": ("email",),
    "birthday": ("birthday", "month"),
    "sex": ("sex",),
    "name": ("han", "word"),
    "relative": ("han", "word"),
    "given_name": ("han", "word", "one_han"),
    "surname": ("han", "word", "one_han"),
}
"""Signs of which one must be seen in the values of a column whose heading says so."""


def is_filled(value: str | None) -> bool:
    """Whether a cell states something."""
    return value is not None and value.strip() != "" and value.strip().lower() not in NOTHING


def guess(samples: Sequence[Sample], stated: Mapping[str, str], complete: bool = False) -> list[Guess]:
    """One guess for each column, in order. ``stated``: heading to kind, as a person said; ``complete``: what is not
    stated is not compared."""
    found = []
    for sample in samples:
        if sample.heading in stated:
            kind = stated[sample.heading]
            if kind == "number" and _share(sample, "citizen_no") >= 0.3:
                kind = "citizen_no"
            found.append(Guess(sample.heading, kind, 1.0, "stated"))
        elif complete:
            found.append(Guess(sample.heading, "ignore", 1.0, "stated"))
        else:
            found.append(_guessed(sample))
    return found


def settled(found: Sequence[Guess]) -> list[Guess]:
    """The guesses of a Chinese list: doubtful columns are left out, and of most kinds one column is read."""
    return _once(_trusted(found))


def is_chinese(samples: Sequence[Sample], found: Sequence[Guess]) -> bool:
    """Whether the people of a list are written the Chinese way: names in characters, citizen numbers or mobile phones."""
    kinds = {g.heading: g.kind for g in found}
    named = [s for s in samples if kinds[s.heading] in ("name", "given_name", "surname")] or list(samples)
    if any(sum(_is_han(v) for v in s.values) > 0.2 * max(len(s.values), 1) for s in named if s.values):
        return True
    return any(
        kinds[s.heading] == kind and _share(s, sign) >= 0.3
        for s in samples
        for kind, sign in (("citizen_no", "citizen_no"), ("phone", "mobile"))
    )


def _is_han(value: str) -> bool:
    return any("\u4e00" <= c <= "\u9fff" for c in value)


def _share(sample: Sample, sign: str) -> float:
    if sign == "one_han":
        return sum(len(v) == 1 and _is_han(v) for v in sample.values) / max(len(sample.values), 1)
    values = [v.translate(TO_HALF).strip().strip("'`") for v in sample.values]
    return sum(SIGNS[sign](v) for v in values) / max(len(values), 1)


def _guessed(sample: Sample) -> Guess:
    said = headings.read(sample.heading)
    if said is not None and said[0] == "ignore":
        return Guess(sample.heading, "ignore", said[1], "heading")
    if not sample.values:
        kind = said[0] if said else "ignore"
        return Guess(sample.heading, kind, said[1] - 0.2 if said else 0.9, "empty")
    if sample.distinct <= 1 and sample.rows > 1:
        return Guess(sample.heading, "ignore", 0.9, "constant")
    if said is not None:
        kind, trust = said
        if kind in ("number", "citizen_no") and max(_share(sample, "citizen_no"), 0.0) >= 0.3:
            kind = "citizen_no"
        elif kind == "citizen_no" and len(sample.values) >= ENOUGH:
            kind = "number"
        fits = FITS.get(kind)
        share = max((_share(sample, s) for s in fits), default=0.0) if fits else 1.0
        if share >= 0.5:
            return Guess(sample.heading, kind, min(trust + 0.09, 0.99), "both" if fits else "heading")
        if share >= 0.15 or len(sample.values) < ENOUGH:
            return Guess(sample.heading, kind, trust - 0.1, "heading")
    return _by_values(sample)


def _by_values(sample: Sample) -> Guess:
    """The kind that the values alone suggest."""
    made = Guess(sample.heading, "ignore", 0.5, "values")
    for kind, sign, least in (
        ("email", "email", 0.6),
        ("citizen_no", "citizen_no", 0.3),
        ("phone", "mobile", 0.5),
        ("birthday", "birthday", 0.7),
        ("sex", "sex_word", 0.9),
    ):
        share = _share(sample, sign)
        if (
            share < least
            or (kind == "sex" and sample.distinct > 12)
            or (kind == "birthday" and not _is_birthday(sample))
        ):
            continue
        return replace(made, kind=kind, confidence=round(0.5 + 0.35 * share, 2))
    if sample.rows >= 20 and sample.distinct == sample.rows:
        return replace(made, why="id", confidence=0.8)
    if sum(map(_is_han, sample.values)) > 0.5 * len(sample.values):
        return replace(made, kind=_han_kind(sample), confidence=0.6)
    return replace(made, kind=_latin_kind(sample), confidence=0.55)


def _is_birthday(sample: Sample) -> bool:
    """Days of at least a few years, no more than a few rows each on average."""
    years = [int(m.group()) for v in sample.values if (m := re.search(r"(18|19|20)\d\d", v))]
    return (len(set(years)) >= 12 and sample.distinct > 20) or len(sample.values) < 20


def _han_kind(sample: Sample) -> str:
    if _share(sample, "han_place") >= 0.6 and median(map(len, sample.values)) >= 5:
        return "address"
    first = sum(v[:1] in surname_characters() or v[:2] in surname_characters() for v in sample.values)
    short = sum(2 <= len(v.replace(" ", "")) <= 4 for v in sample.values)
    if min(first, short) >= 0.7 * len(sample.values) and sample.distinct > 0.2 * min(sample.filled, 500):
        return "name"
    return "ignore"


def _latin_kind(sample: Sample) -> str:
    sizes = [len(v) for v in sample.values]
    if _share(sample, "digits") >= 0.85:
        if median(sizes) <= 3 or (max(sizes) <= 4 and len(set(sizes)) > 2):
            return "house_number"
        if median(sizes) >= 6 and sample.distinct >= 0.3 * sample.filled:
            return "number"
        return "postcode" if max(sizes) <= 7 else "number"
    if _share(sample, "one_word") >= 0.8:
        if median(sizes) <= 4 and sample.distinct <= 80:
            return "region"
        return "surname"
    if _share(sample, "word") >= 0.8:
        return "address" if _share(sample, "street") >= 0.8 else "place"
    return "address" if _share(sample, "street") >= 0.5 else "text"


@lru_cache
def surname_characters() -> frozenset[str]:
    """Characters and pairs of characters that begin a Chinese name often enough to tell names by."""
    path = packs.find_file("linkage/surnames.txt")
    usual = path.read_text(encoding="utf-8").split() if path else ()
    from anju.exchange.linkage.comparisons import HAN_COMPARISONS

    compound = read_parameters("han", HAN_COMPARISONS).compound_surnames
    return frozenset("".join(usual)) | frozenset(compound) | frozenset(surname_readings())


def _once(found: list[Guess]) -> list[Guess]:
    """Of each kind read once, the most trusted column; the rest is not compared."""
    best: dict[str, int] = {}
    for i, g in enumerate(found):
        if g.kind in SINGLE and (g.kind not in best or g.confidence > found[best[g.kind]].confidence):
            best[g.kind] = i
    return [
        g if g.kind not in SINGLE or best[g.kind] == i else replace(g, kind="ignore", why="taken")
        for i, g in enumerate(found)
    ]


def _trusted(found: Sequence[Guess]) -> list[Guess]:
    """In a Chinese list: of columns whose heading says nothing, only what no other content looks like is compared."""
    named = any(g.kind == "name" and g.why != "values" for g in found)
    plain = {"name", "citizen_no", "phone", "birthday", "sex", "email"}
    return [
        replace(g, kind="ignore")
        if g.why == "values"
        and (
            (g.kind not in plain and not (g.kind == "address" and g.confidence >= 0.6))
            or (named and g.kind == "name")
        )
        else g
        for g in found
    ]
