"""Invented people and what offices write about them, for linkage tests: a factory of mentions with the truth."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from anju.exchange.linkage.mentions import COLUMNS
from anju.kernel.identifiers import citizen_check

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰涛明超兰霞平刚桂文辉建华国志海云飞"
SOUNDS = {
    "伟": "维",
    "芳": "方",
    "英": "鹰",
    "静": "敬",
    "明": "鸣",
    "华": "划",
    "志": "智",
    "国": "帼",
    "建": "健",
}
TRADITIONAL = {"张": "張", "刘": "劉", "陈": "陳", "杨": "楊", "华": "華", "国": "國", "丽": "麗", "军": "軍"}
DATES = {"person.born_on", "person.born_lunar_on"}


def people(count: int, seed: int) -> list[dict[str, Any]]:
    """So many people in families of one to four who share county, room, surname and often a parent's phone."""
    dice = random.Random(seed)
    made: list[dict[str, Any]] = []
    while len(made) < count:
        surname, county = dice.choice(SURNAMES), f"9901{dice.randrange(2, 9):02d}"
        room = (f"和平路{dice.randrange(40)}", str(dice.randrange(1, 200)), str(dice.randrange(1, 30)))
        for _ in range(dice.randint(1, 4)):
            born = date(1950, 1, 1) + timedelta(dice.randrange(25_000))
            first = f"{county}{born:%Y%m%d}{dice.randrange(1000):03d}"
            given = "".join(dice.choice(GIVEN) for _ in range(dice.choice((1, 2, 2, 2))))
            made.append(
                {
                    "id": len(made),
                    "name": surname + given,
                    "sex": "1" if int(first[16]) % 2 else "2",
                    "born": born,
                    "no": first + citizen_check(first),
                    "phone": f"12{dice.randrange(10**9):09d}",
                    "county": county,
                    "room": room,
                }
            )
    return made


def mentions(of: list[dict[str, Any]], seed: int, most: int = 6) -> tuple[pa.Table, dict[int, int]]:
    """Two to ``most`` records of each person with ordinary mistakes; and which person each record is about."""
    dice = random.Random(seed + 1)
    rows, truth = [], {}
    for person in of:
        for _ in range(dice.randint(2, most)):
            record = dice.getrandbits(62)
            truth[record] = person["id"]
            rows.append({"record_id": record, "dataset": "office", **_written(person, dice)})
    dice.shuffle(rows)
    return table(rows), truth


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table with the columns linkage reads."""
    schema = pa.schema(
        [("record_id", pa.uint64()), ("dataset", pa.string())]
        + [(c, pa.date32() if c in DATES else pa.string()) for c in COLUMNS]
    )
    return pa.Table.from_pylist([{n: r.get(n) for n in schema.names} for r in rows], schema)


def _written(person: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    name, number, stated, born = person["name"], person["no"], None, person["born"]
    luck = dice.random()
    if luck < 0.04:
        name = "".join(SOUNDS.get(c, c) for c in name)
    elif luck < 0.08:
        name = "".join(TRADITIONAL.get(c, c) for c in name)
    if dice.random() < 0.12:
        number = None
    elif dice.random() < 0.03:
        at = dice.randrange(6, 17)
        stated, number = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :], None
    if dice.random() < 0.02 and born.day <= 12:
        born = date(born.year, born.day, born.month)
    street, house, room = person["room"]
    return {
        "person.name": name,
        "person.citizen_no": number,
        "person.citizen_no_stated": stated,
        "person.sex": person["sex"],
        "person.born_on": born if dice.random() < 0.8 else None,
        "person.phone": person["phone"] if dice.random() < 0.8 else None,
        "person.hukou_region": person["county"] if dice.random() < 0.6 else None,
        "stay.street": street,
        "stay.number": house,
        "stay.room": room if dice.random() < 0.5 else None,
    }
