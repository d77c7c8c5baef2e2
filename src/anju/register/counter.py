"""The counter's rules: who needs a guardian, which days can be true. The numbers stand in the packs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from anju.kernel import packs
from anju.kernel.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Guardian:
    """Who stands beside a minor: name, relation (GB/T 4761), and how to reach them."""

    name: str
    relation: str
    phone: str = ""
    citizen_no: str = ""


@dataclass(frozen=True, slots=True)
class CounterRules:
    """``packs/*/counter.yaml``."""

    guardian_below: int
    guardian_article: tuple[str, str]
    guardian_relations: frozenset[str]
    days_back: int
    days_ahead: int


@lru_cache
def rules() -> CounterRules:
    """The rules of this place. Refuses when the pack has none."""
    path = packs.find_file("counter.yaml")
    if path is None:
        raise Refusal("register.no_counter_rules")
    told = packs.read_yaml(path)
    article = told["guardian_article"]
    return CounterRules(
        int(told["guardian_below"]),
        (str(article["zh"]), str(article["en"])),
        frozenset(map(str, told["guardian_relations"])),
        int(told["days_back"]),
        int(told["days_ahead"]),
    )


def age_on(born_on: date, day: date) -> int:
    """Full years on ``day``; one born on 29 February grows older on 1 March."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def needs_guardian(born_on: date | None, day: date) -> bool:
    """Whether somebody has to stand beside this person. Unknown birthdays do not say so."""
    return born_on is not None and age_on(born_on, day) < rules().guardian_below


def check_day(stated: date, today: date) -> None:
    """Refuse a day too long ago or too far ahead to be meant."""
    book = rules()
    if not today - timedelta(book.days_back) <= stated <= today + timedelta(book.days_ahead):
        raise Refusal("register.day_not_meant", back=book.days_back, ahead=book.days_ahead)
