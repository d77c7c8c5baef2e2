"""Employers and jobs: who works where, since when, for how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anju.city import numbers
from anju.city.arrays import NEVER, Array, Text, chance, day_number, joined, quota, table, take
from anju.city.calibration import Calibration
from anju.city.families import COLLECTIVE, Families
from anju.city.world import World

INDUSTRIES = (
    # GB/T 4754 section, share (or the name of its share in the census row), words in names, occupations
    ("C", "manuf", ("电子", "五金", "纺织", "塑胶", "家具", "机械", "灯饰"), "6662"),
    ("E", "construction", ("建筑工程", "装饰工程", "市政工程"), "6666"),
    ("F", "retail", ("商贸", "百货", "超市", "建材"), "4443"),
    ("H", "hotel_food", ("餐饮", "酒店", "小吃"), "4444"),
    ("G", 0.20, ("物流", "快递", "运输"), "4464"),
    ("I", 0.09, ("软件", "信息技术"), "2223"),
    ("J", 0.04, ("财务咨询",), "2333"),
    ("K", 0.08, ("物业服务",), "4443"),
    ("L", 0.10, ("人力资源", "商务服务"), "4433"),
    ("O", 0.17, ("家政服务", "汽车维修", "美容美发"), "4444"),
    ("P", 0.12, ("教育咨询",), "2222"),
    ("Q", 0.10, ("医疗服务",), "2224"),
    ("S", 0.10, ("社会服务中心",), "1333"),
)
OCCUPATIONS = ("1", "2", "3", "4", "5", "6", "7", "8")
COMPANY, SELF_EMPLOYED, SITE, INSTITUTION = range(4)
KINDS = ("company", "self_employed", "site", "institution")
CREDIT_KINDS = ("91", "92", "91", "12")
ENDINGS = ("有限公司", "店", "项目部", "")
FIRST_WORDS = "宏达鑫恒泰瑞丰盛华荣嘉友联启博远卓越迅捷星辉众诚信德"
SECOND_WORDS = "泰昌隆源兴利达成安顺通科创新力威腾飞凯旺福庆祥和美"


@dataclass(slots=True)
class Employers:
    """Grain: one employer. ``industry`` a place in INDUSTRIES, ``kind`` in KINDS, days as numbers."""

    code: Text
    name: Text
    kind: Array
    industry: Array
    community: Array
    edge: Array
    number: Array
    opened: Array
    closed: Array
    size: Array
    """Relative size, for drawing workers."""


@dataclass(slots=True)
class Jobs:
    """Grain: one person. ``employer`` -1 without work; ``former`` the job before, -1 none; wages in yuan."""

    employer: Array
    begin: Array
    former: Array
    former_begin: Array
    former_end: Array
    occupation: Array
    wage: Array
    has_contract: Array
    is_student: Array


def draw_employers(people: int, row: Calibration, world: World, today: str, seed: int) -> Employers:
    """Employers in proportion to ``people``; industries as the census row has workers."""
    draw = chance(seed, "employers")
    counts = quota(industry_shares(row), max(60, round(people * 0.03)))
    industry = draw.permutation(np.repeat(np.arange(len(INDUSTRIES)), np.maximum(counts, 2)))
    count = len(industry)
    luck = draw.random(count)
    kind = np.where(luck < 0.46, COMPANY, SELF_EMPLOYED)
    kind[(industry == 1) & (luck < 0.3)] = SITE
    kind[industry == len(INDUSTRIES) - 1] = INSTITUTION
    # Every industry has a company and construction a site, however small the city.
    for place in range(len(INDUSTRIES)):
        kind[np.flatnonzero(industry == place)[0]] = INSTITUTION if place == len(INDUSTRIES) - 1 else COMPANY
    kind[np.flatnonzero(industry == 1)[1]] = SITE
    size = np.minimum(draw.pareto(1.15, count) + 1, 4000) * np.array([14.0, 1.2, 40.0, 20.0])[kind]
    community = draw.choice(len(world.centrality), count, p=_weights(world))
    edge = world.first_edge[community] + draw.integers(0, 10_000, count) % world.edge_count[community]
    number = world.edge_number[edge] + 2 * draw.integers(0, 20, count)
    first_day = day_number(today)
    opened = first_day - np.floor(draw.gamma(1.4, 1900, count)).astype(np.int64) - 200
    closed = np.where(draw.random(count) < 0.02, first_day - draw.integers(1, 200, count), NEVER)
    code = numbers.credit_codes(
        np.array(CREDIT_KINDS)[kind], world.community_district[community], np.arange(count)
    )
    name = _names(industry, kind, world, community, draw)
    return Employers(code, name, kind, industry, community, edge, number, opened, closed, size)


def industry_shares(row: Calibration) -> Array:
    """Share of workers in each of INDUSTRIES: four from the census row, the others share what is left."""
    named = np.array([row[s] if isinstance(s, str) else 0.0 for _, s, _, _ in INDUSTRIES])
    rest = np.array([0.0 if isinstance(s, str) else s for _, s, _, _ in INDUSTRIES])
    return np.asarray(named + rest / rest.sum() * (1 - named.sum()))


def _weights(world: World) -> Array:
    """How likely an employer stands in a community."""
    weights = 0.4 + world.centrality
    return np.asarray(weights / weights.sum())


def _names(industry: Array, kind: Array, world: World, community: Array, draw: np.random.Generator) -> Text:
    count = len(industry)
    first, second = table(list(FIRST_WORDS)), table(list(SECOND_WORDS))
    trades: list[str | None] = []
    begins = []
    for _, _, words, _ in INDUSTRIES:
        begins.append(len(trades))
        trades += list(words)
    widths = np.array([len(words) for _, _, words, _ in INDUSTRIES])
    trade = np.array(begins)[industry] + draw.integers(0, 1000, count) % widths[industry]
    where = table([world.city_name, *sorted(set(world.community_names[0]))])
    return joined(
        take(where, np.where(kind == SELF_EMPLOYED, 1 + community % (len(where) - 1), 0)),
        take(first, draw.integers(0, len(first), count)),
        take(second, draw.integers(0, len(second), count)),
        take(first, draw.integers(0, len(first), count)),
        take(table(trades), trade),
        take(table(list(ENDINGS)), kind),
    )


def draw_jobs(
    families: Families, arrived: Array, employers: Employers, row: Calibration, today: str, seed: int
) -> Jobs:
    """Jobs of the people: about three in four of working age; dormitories first fill factories and sites."""
    draw = chance(seed, "jobs")
    count = len(families.age)
    age, collective = families.age, families.role == COLLECTIVE
    student = (
        (age >= 15)
        & (age <= 22)
        & (draw.random(count) < np.interp(age, [15, 17, 18, 22], [0.9, 0.7, 0.35, 0.15]))
    )
    likely = np.where(age < 16, 0, np.where(age < 60, 0.74, np.where(age < 70, 0.15, 0.0)))
    likely = np.where(collective & (age < 60) & (age > 16), 0.97, likely)
    working = np.flatnonzero(~student & (draw.random(count) < likely))
    employer = np.full(count, -1)
    industry = _industries(collective[working], row, draw)
    employer[working] = _employer_of(industry, collective[working], employers, draw)
    first_day = day_number(today)
    grown = first_day - ((age - 16) * 365.2425).astype(np.int64)
    earliest = np.maximum(np.where(arrived >= 0, arrived, 0), grown)
    begin = np.maximum(first_day - np.floor(draw.exponential(900, count)).astype(np.int64) - 3, earliest)
    begin = np.minimum(begin, first_day - 3)
    former = np.full(count, -1)
    moved = (employer >= 0) & (begin - earliest > 240) & (draw.random(count) < 0.6)
    former[moved] = draw.permutation(employer[moved])
    former[former == employer] = -1
    former_end = begin - draw.integers(1, 90, count)
    former_begin = np.maximum(
        former_end - 60 - np.floor(draw.exponential(700, count)).astype(np.int64), earliest
    )
    occupation = _occupations(employers.industry[np.maximum(employer, 0)], draw)
    wage = np.round(np.exp(draw.normal(8.62, 0.36, count)) / 50) * 50
    small = employers.kind[np.maximum(employer, 0)] == SELF_EMPLOYED
    has_contract = draw.random(count) < np.where(small, 0.35, 0.78)
    return Jobs(employer, begin, former, former_begin, former_end, occupation, wage, has_contract, student)


def _industries(collective: Array, row: Calibration, draw: np.random.Generator) -> Array:
    """Industry of each worker: the census counts exactly; people in dormitories first in factories and sites."""
    left = quota(industry_shares(row), len(collective))
    inside, outside = np.flatnonzero(collective), np.flatnonzero(~collective)
    wish = quota(np.array([0.72, 0.24, 0.0, 0.04]), len(inside))
    given = np.zeros(len(INDUSTRIES), dtype=np.int64)
    given[:4] = np.minimum(wish, (left[:4] * 0.8).astype(np.int64))
    lacking = len(inside) - int(given.sum())
    given += quota(np.maximum(left - given, 1e-9), lacking)
    industry = np.empty(len(collective), dtype=np.int64)
    industry[inside] = draw.permutation(np.repeat(np.arange(len(INDUSTRIES)), given))
    rest = np.maximum(left - given, 0)
    industry[outside] = draw.permutation(
        np.repeat(np.arange(len(INDUSTRIES)), quota(rest + 1e-9, len(outside)))
    )
    return industry


def _employer_of(
    industry: Array, collective: Array, employers: Employers, draw: np.random.Generator
) -> Array:
    """An employer of the industry, by size; builders in dormitories work on sites."""
    found = np.empty(len(industry), dtype=np.int64)
    for place in range(len(INDUSTRIES)):
        for lives_in in (False, True):
            rows = np.flatnonzero((industry == place) & (collective == lives_in))
            fits = employers.industry == place
            if lives_in:
                wanted = fits & (employers.kind == (SITE if place == 1 else COMPANY))
                fits = wanted if wanted.any() else fits
            choices = np.flatnonzero(fits & (employers.closed < 0))
            choices = choices if len(choices) else np.flatnonzero(fits)
            weights = employers.size[choices]
            found[rows] = draw.choice(choices, len(rows), p=weights / weights.sum())
    return found


def _occupations(industry: Array, draw: np.random.Generator) -> Array:
    choices = np.array([[int(c) - 1 for c in words] for _, _, _, words in INDUSTRIES])
    return choices[industry, draw.integers(0, 4, len(industry))].astype(np.int8)
