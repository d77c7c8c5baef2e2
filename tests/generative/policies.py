"""Strategies: whole policies as YAML text, and people for them, unknowns included."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

FACTS = {
    "months": ["pension_months", "medical_months", "permit_months"],
    "count": ["honours", "detentions", "local_hires"],
    "money": ["income_tax_fen", "donated_fen"],
    "boolean": ["has_permit", "has_own_home", "has_stable_job"],
    "date": ["born_on", "registered_on"],
    "code": ["education", "scarce_grade"],
    "percent": ["home_share_percent"],
}
CODES = {
    "education": ["primary", "junior", "senior", "college", "bachelor", "master", "doctor"],
    "scarce_grade": ["none", "a", "b", "c"],
}
ALL = [f for group in FACTS.values() for f in group] + ["patents", "blood_by_year"]
points = st.sampled_from(["0.1", "0.35", "0.5", "1", "1.5", "2", "3", "7", "10", "12.25", "20"])
positive = points
UNITS = {
    "months": ["1 month", "6 months", "1 year", "3 years"],
    "count": ["1", "2", "5"],
    "money": ["1 yuan", "1000 yuan", "50000 yuan"],
}
amounts = [f for k in ("months", "count", "money") for f in FACTS[k]]


def kind_of(fact: str) -> str:
    return next((k for k, v in FACTS.items() if fact in v), "list")


@st.composite
def comparison(draw: st.DrawFn, names: list[str]) -> str:
    fact = draw(st.sampled_from(names))
    kind = kind_of(fact)
    if kind == "boolean":
        return draw(st.sampled_from([fact, f"not {fact}", f"{fact} is true", f"{fact} is not true"]))
    sign = draw(st.sampled_from([">=", ">", "<=", "<", "is", "is not"]))
    if kind == "code":
        code = draw(st.sampled_from(CODES[fact]))
        if fact == "scarce_grade":
            sign = draw(st.sampled_from(["is", "is not"]))
        listed = ", ".join(draw(st.lists(st.sampled_from(CODES[fact]), min_size=1, max_size=3)))
        return draw(
            st.sampled_from([f"{fact} {sign} {code}", f"{fact} in [{listed}]", f"{fact} not in [{listed}]"])
        )
    if kind == "date":
        day = draw(st.dates(date(1950, 1, 1), date(2030, 1, 1)))
        within = draw(st.sampled_from(["5 years", "3 calendar years", "40 days", "18 months"]))
        return draw(st.sampled_from([f"{fact} {sign} {day}", f"{fact} within {within}"]))
    value = {"months": "%d months", "count": "%d", "money": "%d yuan", "percent": "%d %%"}[kind] % draw(
        st.integers(0, 120)
    )
    return f"{fact} {sign} {value}"


def conditions(names: list[str]) -> st.SearchStrategy[Any]:
    leaf = comparison(names)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=4,
    )


class Ids:
    def __init__(self) -> None:
        self.count = 0

    def head(self) -> dict[str, Any]:
        self.count += 1
        return {"id": f"x{self.count}", "zh": "行", "en": "line", "article": "1"}


@st.composite
def shape(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["points", "per", "lookup", "rates", "ladder", "cases"]))
    if kind == "points":
        return {"points": draw(points)}
    if kind == "ladder":
        fact = draw(st.sampled_from(FACTS["code"]))
        return {
            "ladder": {
                "of": fact,
                "points": draw(st.dictionaries(st.sampled_from(CODES[fact]), points, min_size=1)),
            }
        }
    if kind == "cases":
        rows: list[dict[str, Any]] = [{"when": draw(comparison(names)), "points": draw(points)}]
        second = draw(comparison(names))
        if draw(st.booleans()) and second != rows[0]["when"]:
            rows.append({"when": second, "points": draw(points)})
        return {"cases": rows}
    fact = draw(st.sampled_from([n for n in names if kind_of(n) in UNITS]))
    unit = kind_of(fact)
    suffix = {"months": " months", "count": "", "money": " yuan"}[unit]
    if kind == "per":
        made = {"of": fact, "step": draw(st.sampled_from(UNITS[unit])), "points": draw(points)}
        made["round"] = draw(st.sampled_from(["down", "exact", "up"]))
        if unit == "money" and made["round"] == "exact":
            made["round"] = "down"
        limit = draw(st.sampled_from(["", "beyond", "below"]))
        if limit:
            made[limit] = f"{draw(st.integers(0, 80))}{suffix}"
        if draw(st.booleans()):
            made["start"] = draw(points)
        if draw(st.booleans()):
            made["active_from"] = f"{draw(st.integers(0, 60))}{suffix}"
        if draw(st.booleans()):
            made["max_steps"] = draw(st.integers(1, 9))
        if draw(st.integers(0, 4)) == 0:
            made["points"] = "-" + made["points"]
        return {"per": made}
    edges = sorted(draw(st.sets(st.integers(0, 200), min_size=2, max_size=5)))
    rows = [
        {"from": f"{a}{suffix}", "below": f"{b}{suffix}", "points": draw(points)} for a, b in pairwise(edges)
    ]
    if draw(st.booleans()):
        rows.append({"from": f"{edges[-1]}{suffix}", "points": draw(points)})
    if kind == "lookup":
        return {"bands": {"of": fact, "rows": rows}}
    step, how = draw(st.sampled_from(UNITS[unit])), draw(st.sampled_from(["down", "up"]))
    mode = draw(st.sampled_from(["progressive", "whole_period"]))
    return {"bands": {"of": fact, "mode": mode, "step": step, "round": how, "rows": rows}}


@st.composite
def each(draw: st.DrawFn) -> dict[str, Any]:
    """A line over a list."""
    if draw(st.booleans()):
        made: dict[str, Any] = {"for_each": {"of": "patents"}, "points": draw(points)}
        if draw(st.booleans()):
            made["for_each"]["where"] = draw(
                st.sampled_from(
                    ["kind is invention", "on within 5 years", {"any": ["is_first", "holders < 3"]}]
                )
            )
        if draw(st.booleans()):
            made["divide_by"] = draw(st.sampled_from(["holders", {"of": "holders", "plus": 1}]))
        if draw(st.booleans()):
            made["times"] = [{"factor": 2, "when": "is_first"}]
    else:
        made = {
            "for_each": {"of": "blood_by_year", "where": "year within 5 years"},
            "per": {"of": "times", "step": "1", "points": draw(points)},
        }
    if draw(st.booleans()):
        made["for_each"]["cap"] = draw(positive)
    made["for_each"]["take"] = draw(st.sampled_from(["sum", "best", 2]))
    return made


def negative(made: dict[str, Any]) -> bool:
    return str(made.get("per", {}).get("points", "")).startswith("-") or any(
        negative(c) for g in ("sum", "best_of", "choose_one") for c in made.get(g, [])
    )


@st.composite
def item(
    draw: st.DrawFn, ids: Ids, names: list[str], depth: int = 0, *, is_deduction: bool = False
) -> dict[str, Any]:
    made = ids.head()
    kind = draw(st.sampled_from(["leaf", "leaf", "each", "group"] if depth < 2 else ["leaf", "each"]))
    if kind == "group":
        mode = draw(st.sampled_from(["sum", "best_of", "choose_one"]))
        inner = draw(st.lists(item(ids, names, depth + 1, is_deduction=is_deduction), min_size=1, max_size=3))
        for child in inner:
            if (mode != "sum" or is_deduction) and negative(child):
                child["floor"] = 0
        made[mode] = inner
    elif kind == "each":
        made |= draw(each())
    else:
        made |= draw(shape(names))
        if is_deduction and negative(made):
            made["per"]["points"] = made["per"]["points"].lstrip("-")
    if draw(st.integers(0, 3)) == 0:
        made["when"] = draw(conditions(names))
    if kind != "each" and draw(st.integers(0, 5)) == 0:
        made["times"] = [
            {"factor": draw(st.sampled_from(["1.3", "0.5", "2"])), "when": draw(comparison(names))}
        ]
    if kind != "each" and draw(st.integers(0, 5)) == 0:
        made["percent_of"] = "home_share_percent"
    if draw(st.integers(0, 2)) == 0:
        made["cap"] = "30"
    if draw(st.integers(0, 3)) == 0:
        made["floor"] = draw(st.sampled_from(["0", "0", "-10", "2"]))
    return made


@st.composite
def policy(draw: st.DrawFn) -> dict[str, Any]:
    """A whole policy; every fact is listed and used."""
    ids = Ids()
    kinds = {f: kind_of(f) for f in ALL}
    derived = [
        {
            **ids.head(),
            "id": "age",
            "age": {
                "of": "born_on",
                "on": draw(st.sampled_from(["filing", "cutoff"])),
                "count": draw(st.sampled_from(["full_years", "started_years", "calendar_years"])),
            },
        },
        {
            **ids.head(),
            "id": "known",
            "elapsed": {
                "of": "registered_on",
                "until": "cutoff",
                "unit": draw(st.sampled_from(["months", "days"])),
            },
        },
        {
            **ids.head(),
            "id": "least",
            draw(st.sampled_from(["least_of", "greatest_of", "sum_of"])): [
                "pension_months",
                "medical_months",
                "36 months",
            ],
        },
        {**ids.head(), "id": "less", "difference": ["least", "permit_months"]},
        {
            **ids.head(),
            "id": "chosen",
            "choose": [
                {"when": "has_permit", "of": "less"},
                {"when": "has_own_home", "of": "pension_months"},
            ],
        },
        {**ids.head(), "id": "firsts", "count": {"of": "patents", "where": "is_first"}},
        {
            **ids.head(),
            "id": "given",
            "total": {"of": "blood_by_year", "field": "times", "where": "year within 3 years"},
        },
    ]
    names = [*kinds, "honours"]
    names = [n for n in names if kinds[n] != "list"]
    items = draw(st.lists(item(ids, names), min_size=1, max_size=4))
    for extra, step in (
        ("age", "1"),
        ("known", "30" if derived[1]["elapsed"]["unit"] == "days" else "1"),
        ("chosen", "1"),
        ("firsts", "1"),
        ("given", "1"),
    ):
        items.append({**ids.head(), "per": {"of": extra, "step": step, "points": draw(points)}, "cap": "40"})
    deductions = draw(st.lists(item(ids, names, is_deduction=True), max_size=2))
    score: dict[str, Any] = {
        **ids.head(),
        "id": "total",
        "round": {
            "places": draw(st.integers(0, 3)),
            "mode": draw(st.sampled_from(["half_up", "down", "up"])),
        },
    }
    if draw(st.booleans()):
        score["floor"] = "0"
    if draw(st.booleans()):
        score["times"] = [{"factor": draw(st.sampled_from(["1.3", "0.7"])), "when": draw(comparison(names))}]
    used = [{"any": [f"{n} is {_some(n)}" for n in names]}]
    tests = [{**ids.head(), "when": c} for c in draw(st.lists(conditions(names), max_size=2))]
    vetoes = [{**ids.head(), "when": c} for c in draw(st.lists(conditions(names), max_size=1))]
    gap = {**ids.head(), "reason": "not_seen", "open_when": "has_stable_job"}
    use_all = {**ids.head(), "points": "1", "when": {"all": [*used, {"any": ["firsts >= 0", "given >= 0"]}]}}
    return {
        "zh": "例", "en": "example", "document": "1", "authority": "1", "in_force": {"from": date(2000, 1, 1)},
        "cutoff": {"rule": draw(st.sampled_from(["filing", {"day": "12-31", "years_back": 1}])), "article": "1"},
        "facts": {f: {} for f in [*ALL, "filed_on"] if f != "filed_on"} | {},
        "derived": derived, "conditions": tests, "vetoes": vetoes, "items": [*items, use_all, {**ids.head(), "points": "1", "for_each": {"of": "patents"}, "cap": 3}, {**ids.head(), "points": "1", "for_each": {"of": "blood_by_year"}, "cap": 3}, {**ids.head(), "points": "2", "percent_of": "home_share_percent"}],
        "deductions": deductions, "scores": [score],
        "services": [{**ids.head(), "id": "one", "score": "total", "line": draw(st.sampled_from(["5", "20", "50"]))}],
        "gaps": [gap] if draw(st.booleans()) else [],
    }  # fmt: skip


def _some(name: str) -> str:
    kind = kind_of(name)
    values = {
        "months": "1 month",
        "count": "1",
        "money": "1 yuan",
        "boolean": "true",
        "date": "2000-01-01",
        "percent": "1 %",
    }
    return values.get(kind) or CODES[name][0]


def person() -> st.SearchStrategy[dict[str, Any]]:
    """Values of every fact as the engines hold them; each may be unknown."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "months": st.integers(0, 240),
        "count": st.integers(0, 8),
        "money": st.one_of(st.integers(0, 40_000_000), st.integers(0, 40).map(lambda n: n * 1_000_000)),
        "boolean": st.booleans(),
        "date": st.one_of(
            st.dates(date(1950, 1, 1), date(2030, 1, 1)),
            st.sampled_from([date(1984, 2, 29), date(2024, 12, 31), date(1985, 6, 15), date(2020, 5, 31)]),
        ),
        "percent": st.integers(0, 10_000),
    }
    made = {
        n: st.none() | (kinds[k] if k in kinds else st.sampled_from(CODES[n]))
        for k, group in FACTS.items()
        for n in group
    }
    patent = st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["invention", "utility", None]),
            "holders": st.none() | st.integers(0, 14),
            "is_first": st.none() | st.booleans(),
            "on": st.none() | st.dates(date(2015, 1, 1), date(2026, 1, 1)),
        }
    )
    blood = st.fixed_dictionaries(
        {"year": st.none() | st.integers(2015, 2026), "times": st.none() | st.integers(0, 4)}
    )
    return st.fixed_dictionaries(
        {
            **made,
            "patents": st.none() | st.lists(patent, max_size=4),
            "blood_by_year": st.none() | st.lists(blood, max_size=3),
        }
    )
