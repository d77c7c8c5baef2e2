"""Comparisons for any list: what each column is decides how it is compared.

For lists outside the register that are not in Chinese; Chinese lists use the comparisons of ``comparisons``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from anju.exchange.linkage.comparisons import Comparison, Level
from anju.exchange.linkage.conditions import (
    All,
    Begins,
    Condition,
    Crossed,
    Exchanged,
    Missing,
    Same,
    SameBag,
    Within,
)
from anju.exchange.linkage.parameters import Chance

FAMILY = {"name": "name", "given_name": "name", "surname": "name", "address": "address"}
"""Kinds whose columns are sometimes filled the wrong way round."""
DIGITS = ("birthday", "number", "citizen_no", "phone", "postcode")
COARSE = ("sex", "region")
KNOWN = ("name", "given_name", "surname", "birthday", "number", "citizen_no", "phone", "email", "address", "house_number", "place", "postcode", "region", "sex", "text")  # fmt: skip
"""Kinds that have comparisons here; a column of another kind is compared as text."""
TOGETHER = ("surname", "phone", "address", "house_number", "place", "postcode", "region", "text")
"""Kinds in which people of one household agree without being one person."""
ALONE = ("number", "citizen_no", "phone", "email")
"""Kinds selective enough to bring pairs together by themselves."""


@dataclass(frozen=True, slots=True)
class ListColumn:
    """One column of a list: ``id`` its name inside a run, ``source`` its heading, ``kind`` one of ``KNOWN``."""

    id: str
    source: str
    kind: str


def comparisons(columns: Sequence[ListColumn]) -> tuple[Comparison, ...]:
    """One comparison for each column."""
    return tuple(_comparison(c, columns) for c in columns)


def _comparison(column: ListColumn, every: Sequence[ListColumn]) -> Comparison:
    name = column.id
    levels = [Level("same", "相同", "same", Same(name), "" if column.kind in (*COARSE, *ALONE) else name)]
    family = FAMILY.get(column.kind)
    levels += [
        Level(
            f"crossed_{other.id}",
            "填反",
            "filled the wrong way round",
            (Exchanged if family == "name" else Crossed)(name, other.id),
        )
        for other in every
        if family and other.id != name and FAMILY.get(other.kind) == family
    ]
    if column.kind in DIGITS:
        turned: Condition = All(Within(name, 2), SameBag(name))
        levels.append(Level("one_edit", "差一位", "one character apart", Within(name, 1)))
        levels.append(Level("turned", "两位颠倒", "two digits turned round", turned))
    elif column.kind not in COARSE:
        if column.kind == "name":
            levels.append(Level("order", "词序不同", "in another order", SameBag(name)))
        levels.append(Level("one_edit", "差一字", "one character apart", Within(name, 1)))
        if column.kind not in ("house_number", "email"):  # namesakes have addresses of mail that are alike
            levels.append(Level("two_edits", "差两字", "two characters apart", Within(name, 2)))
            levels.append(Level("begins", "一方是另一方的开头", "one begins with the other", Begins(name, 3)))
    return Comparison(name, column.source, column.source, Missing(name), tuple(levels))


def together(columns: Sequence[ListColumn]) -> frozenset[str]:
    """The columns in which people of one household agree; none where no other column could tell them apart."""
    shared = frozenset(c.id for c in columns if c.kind in TOGETHER)
    telling = [c for c in columns if c.kind not in (*TOGETHER, *COARSE)]
    return shared if telling else frozenset()


def alike(columns: Sequence[ListColumn]) -> frozenset[str]:
    """The columns in which namesakes agree; addresses of mail are often made of the name."""
    return frozenset(c.id for c in columns if FAMILY.get(c.kind) == "name" or c.kind == "email")


def starting_chances(columns: Sequence[ListColumn]) -> Mapping[str, Mapping[str, float]]:
    """Where training begins: among pairs of one person most columns agree and a few are mistyped."""
    started: dict[str, dict[str, float]] = {}
    for column, comparison in zip(columns, comparisons(columns), strict=True):
        names = comparison.names()
        other = 0.08 if column.kind not in ("address", "phone", "email") else 0.15
        rest = 0.12 / max(len(names) - 2, 1)
        started[column.id] = {
            n: (1 - other - (0.12 if len(names) > 2 else 0))
            if n == "same"
            else other
            if n == "other"
            else rest
            for n in names
        }
    return started


def chances(m: Mapping[str, float], u: Mapping[str, float]) -> dict[str, Chance]:
    """Chances of one comparison, kept away from 0 and 1."""
    return {name: Chance(_inside(m[name]), _inside(u[name])) for name in m}


def _inside(p: float) -> float:
    return min(max(p, 1e-6), 1 - 1e-6)


def blocking_keys(columns: Sequence[ListColumn], most: int) -> list[tuple[str, str]]:
    """Rules (name, SQL text key) on the table ``lk_list``: columns alone where selective, and every two together.

    ``columns`` come most telling first; only the first ``most`` are paired.
    """
    rules = [(c.id, c.id) for c in columns if c.kind in ALONE]
    fine = [c for c in columns if c.kind not in COARSE][:most]
    rules += [(f"{a.id}_{b.id}", f"{a.id} || '|' || {b.id}") for a, b in combinations(fine, 2)]
    names = [c for c in fine if c.kind in FAMILY and FAMILY[c.kind] == "name"]
    rules += [
        (f"sketch_{a.id}_{b.id}", f"{sketch_sql(a.id)} || '|' || {b.id}")
        for a in names
        for b in fine
        if b.kind not in FAMILY
    ]
    if len(names) > 1:
        rules.append(("sketches", " || '|' || ".join(f"least({sketch_sql(n.id)}, '~')" for n in names[:2])))
        rules.append(
            (
                "crossed",
                f"least({names[0].id}, {names[1].id}) || '|' || greatest({names[0].id}, {names[1].id})",
            )
        )
    return rules


def sketch_sql(column: str) -> str:
    """SQL for a word's first letter and the consonants that follow, at most four: a spelling that survives typing."""
    return (
        f"nullif(substring(concat(substring({column}, 1, 1), "
        f"regexp_replace(substring({column}, 2), '[aeiouyhw ]', '', 'g')), 1, 4), '')"
    )
