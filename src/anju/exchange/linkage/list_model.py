"""The register's model made to fit a Chinese list: what agrees by chance is counted, how faithfully the list states things is
learned. How names go wrong is the model's: a list in which families stand would teach that surnames suffice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from anju.exchange.linkage import learning
from anju.exchange.linkage.parameters import Chance, Parameters
from anju.exchange.linkage.steps import LinkEngine

LEARNED = 20_000
"""Rows that are learned from, about: those of some names, so that a person's rows stay together."""
RARE = 0.0001
"""The least chance of stating the same house."""
_HOUSE = """nullif(concat("stay.street", '|', "stay.number"), '|')"""


def fitted(engine: LinkEngine, parameters: Parameters, name: str = "mentions") -> Parameters:
    """The model for this list: how often two people of it agree by chance in birthday, origin, house, unit and relative.

    Counted between people of different surnames, whose rows are not one person's; never below the chances in force.
    """
    chances = {c: dict(levels) for c, levels in parameters.chances.items()}
    birth = chances["birth"]
    day = _by_chance(engine, name, '"person.born_on"')
    scale = max(day / birth["same"].u, 1.0)
    year = max(_by_chance(engine, name, 'year("person.born_on")'), birth["year"].u)
    for level, chance in birth.items():
        if level not in ("year", "other"):
            birth[level] = Chance(chance.m, min(chance.u * scale, 0.2, chance.m))
    birth["year"] = Chance(birth["year"].m, min(year, 0.9))
    birth["other"] = Chance(
        birth["other"].m, max(1 - sum(v.u for k, v in birth.items() if k != "other"), 0.05)
    )
    for comparison, level, column in (
        ("origin", "same", '"person.hukou_region"'),
        ("origin", "prefecture", 'substring("person.hukou_region", 1, 4)'),
        ("kin", "same", '"kin.name"'),
        ("work", "same", '"job.employer_code"'),
        ("work", "shared", '"job.employer_code"'),
    ):
        chance = chances[comparison][level]
        chances[comparison][level] = Chance(
            chance.m, min(max(_by_chance(engine, name, column), chance.u), 0.95)
        )
    house = chances["place"]["house"]
    same = _by_chance(engine, name, _HOUSE)
    chances["place"]["house"] = Chance(house.m, min(max(same, RARE), 0.95))
    return replace(parameters, chances=chances, version=f"{parameters.version} fitted")


def _by_chance(engine: LinkEngine, name: str, value: str) -> float:
    """The chance that two rows of different surnames state the same value; 0 where too little is stated."""
    n, same, kin, both = engine.rows(
        f"""WITH stated AS (
            SELECT {value} AS v, substring("person.name", 1, 1) AS s FROM {name}
            WHERE {value} IS NOT NULL AND "person.name" IS NOT NULL
        ), counted AS (SELECT v, s, count(*) AS n FROM stated GROUP BY ALL)
        SELECT (SELECT sum(n) FROM counted),
               (SELECT sum(t * t) FROM (SELECT CAST(sum(n) AS DOUBLE) AS t FROM counted GROUP BY v)),
               (SELECT sum(t * t) FROM (SELECT CAST(sum(n) AS DOUBLE) AS t FROM counted GROUP BY s)),
               (SELECT sum(CAST(n AS DOUBLE) * n) FROM counted)"""
    )[0]
    others = float(n or 0) ** 2 - float(kin or 0)
    return (float(same) - float(both)) / others if others > 10_000 else 0.0


def learned(
    engine: LinkEngine,
    parameters: Parameters,
    name: str = "mentions",
    told: Callable[[str], None] | None = None,
) -> Parameters:
    """The model with the chances that one person's rows of this list agree, learned from the list without truth."""
    ((rows,),) = engine.rows(f"SELECT count(*) FROM {name}")
    every = -(-int(rows) // LEARNED)
    some = name
    if every > 1:
        some = "lk_some_mentions"
        engine.run(
            f"""CREATE OR REPLACE TABLE {some} AS SELECT * FROM {name}
            WHERE hash(substring("person.name", 1, 2)) % {every} = 0"""
        )
    found = learning.fit(engine, some, parameters, told, frozenset({"name"}), turns=2)
    if every > 1:
        engine.run(f"DROP TABLE {some}")
    chances = {
        c: {v: Chance(found.trained.m[c][v], chance.u) for v, chance in levels.items()}
        for c, levels in parameters.chances.items()
    }
    return replace(parameters, chances=chances)
