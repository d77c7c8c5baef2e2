"""Lists as a school, a clinic, a factory or a landlord keeps them: invented people, several rows of some, with the truth.

Errors are those of keyboards, ears and eyes: a character of the same sound or the same look, traditional characters, letters, a
given name turned round, a digit off, a lunar birthday, day and month exchanged, a relative's number, an office's phone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from anju.city.calibration import data
from anju.city.misspelling import Speller, wrong_birthdays
from anju.kernel import packs
from anju.kernel.identifiers import citizen_check

Row = dict[str, str]
NOBODY = ("", "", "无", "/", "不详", "N/A", "123456", "00000000000", "-")
STREETS = (
    "和平路",
    "建设北路",
    "滨江大道",
    "人民中路",
    "学府街",
    "工业二路",
    "红旗巷",
    "新华东街",
    "望江路",
    "青年路",
)
SUBURBS = ("南塘区青石街道", "临川县河口镇", "北岭区柳河街道", "东湖区望湖街道")
HEADINGS = {
    "zh": ("姓名", "性别", "出生日期", "身份证号", "联系电话", "现住址", "户籍地", "班级", "家长姓名", "备注"),
    "zh2": ("学生姓名", "性别", "出生年月日", "证件号码", "手机号", "家庭住址", "籍贯", "所在班级", "监护人", "备注"),
    "en": ("name", "gender", "dob", "id_card", "mobile", "address", "hometown", "class", "parent_name", "remark"),
}  # fmt: skip
FIELDS = ("name", "sex", "born", "number", "phone", "address", "origin", "unit", "kin", "note")
SETTINGS = {"school": (2008, 2018), "clinic": (1935, 2024), "factory": (1966, 2006), "landlord": (1955, 2020)}
RATES = {"mild": 0.3, "real": 1.0, "harsh": 2.2}


def people(count: int, seed: int, setting: str) -> list[dict[str, object]]:
    """So many people in families: shared surname, county, address, often a parent's phone; some twins, some namesakes."""
    dice, words = random.Random(seed), packs.read_yaml(data("names.yaml"))
    first, last = SETTINGS[setting]
    surnames, weights = list(words["surnames"]), [float(v) for v in words["surnames"].values()]
    offices = [f"120{dice.randrange(10**8):08d}" for _ in range(max(1, count // 400))]
    made: list[dict[str, object]] = []
    while len(made) < count:
        surname = dice.choices(surnames, weights)[0]
        county = f"99{dice.randrange(1, 4):02d}{dice.randrange(1, 8):02d}"
        home = (
            dice.choice(SUBURBS),
            dice.choice(STREETS),
            dice.randrange(1, 300),
            dice.randrange(1, 30),
            dice.randrange(101, 1205),
        )
        phone, size = f"12{dice.randrange(10**9):09d}", dice.choice((1, 1, 2, 3))
        parent, born = surname + _given(words, dice, "male", 1985), None
        for _ in range(size):
            twin = born is not None and dice.random() < 0.03
            before = born.year if born else 0
            while not twin and (born is None or abs(born.year - before) < 2):
                born = date(first, 1, 1) + timedelta(dice.randrange((last - first + 1) * 365))
            sex = dice.choice(("male", "female"))
            taken = {p["name"] for p in made[-4:]}
            plain = next(
                n for _ in range(99) if (n := surname + _given(words, dice, sex, born.year)) not in taken
            )
            if dice.random() < 0.01:
                plain = "·".join(dice.choice(words["dotted"][s]) for s in (sex, "male"))
            body = f"{county}{born:%Y%m%d}{dice.randrange(50):02d}{dice.randrange(5) * 2 + (sex == 'male')}"
            luck = dice.random()
            own = f"12{dice.randrange(10**9):09d}" if luck < (0.1 if setting == "school" else 0.7) else phone
            made.append(
                {"id": str(len(made)), "name": plain, "sex": sex, "born": born, "number": body + citizen_check(body), "kin": parent,
                 "phone": dice.choice(offices) if luck > 0.97 else own, "home": home, "county": county,
                 "unit": f"{dice.randrange(1, 7)}年级{dice.randrange(1, 9)}班" if setting == "school" else f"{dice.randrange(60)}车间"}
            )  # fmt: skip
    return made[:count]


def rows(
    count: int,
    seed: int,
    setting: str = "clinic",
    rate: str = "real",
    no_number: float = 0.3,
    leave: Sequence[str] = (),
    most: int = 3,
) -> list[Row]:
    """Rows under plain field names (``FIELDS`` without ``leave``) and ``truth``; a third of the people stand there more than once."""
    dice, speller = random.Random(seed * 7 + 1), Speller(np.random.default_rng(seed))
    of = people(count, seed, setting)
    made = []
    for at, person in enumerate(of):
        relative = of[max(at - 1, 0)]
        more = dice.randint(1, most) if dice.random() < 0.35 else 0
        made += [_written(person, relative, dice, speller, RATES[rate], no_number) for _ in range(1 + more)]
    dice.shuffle(made)
    return [{f: r[f] for f in (*FIELDS, "truth") if f not in leave} for r in made]


def masked(of: Sequence[Row], seed: int, share: float, sign: str = "*") -> list[Row]:
    """The same rows, of so many of them numbers and phones with the middle hidden and no birthday, as published lists have it."""
    dice = random.Random(seed)
    return [_masked(row, sign) if dice.random() < share else row for row in of]


def _masked(row: Row, sign: str) -> Row:
    number, phone = row["number"], "".join(c for c in row["phone"] if c.isdigit()).removeprefix("86")
    if len(number) in (15, 18) and number[:5].isdigit():
        number = f"{number[:6]}{sign * (len(number) - 10)}{number[-4:]}"
    return row | {
        "number": number,
        "phone": f"{phone[:3]}{sign * 4}{phone[-4:]}" if len(phone) == 11 else row["phone"],
        "born": "",
    }


def headed(of: Sequence[Row], way: str = "zh", truth: str = "核对") -> list[Row]:
    """The same rows under the headings of one of ``HEADINGS``."""
    names = {**dict(zip(FIELDS, HEADINGS[way], strict=True)), "truth": truth}
    return [{names[f]: v for f, v in row.items()} for row in of]


def _given(words: dict, dice: random.Random, sex: str, year: int) -> str:  # type: ignore[type-arg]
    cohort = next(
        c
        for c, end in (("before_1960", 1960), ("before_1980", 1980), ("before_2000", 2000), ("later", 9999))
        if year < end
    )
    parts = words["given"][cohort][sex]
    second = dice.choice(parts["second"])
    return second if dice.random() < words["single_given"][cohort] else dice.choice(parts["first"]) + second


def _written(
    person: dict, relative: dict, dice: random.Random, speller: Speller, rate: float, no_number: float
) -> Row:  # type: ignore[type-arg]
    born, sex = person["born"], person["sex"]
    if dice.random() < 0.03 * rate:
        kind = dice.choice(("lunar", "swapped", "digit", "year"))
        days = np.array([(born - date(1900, 1, 1)).days])
        born = date(1900, 1, 1) + timedelta(int(wrong_birthdays(days, np.array([kind]), speller.draw)[0]))
    if dice.random() < 0.01 * rate:
        born = dice.choice((date(born.year, 1, 1), date(1900, 1, 1)))
    if dice.random() < 0.005 * rate:
        sex = "male" if sex == "female" else "female"
    district, street, house, building, room = person["home"]
    if dice.random() < 0.12 * rate:
        district, street, house = dice.choice(SUBURBS), dice.choice(STREETS), dice.randrange(1, 300)
    address = dice.choice(
        (f"{district}{street}{house}号{building}栋{room}室", f"{street}{house}号{building}幢{room}", f"{district}{street}{house}-{building}-{room}", f"{street} {house} 号 {building} 号楼 {room} 室")
    )  # fmt: skip
    phone = person["phone"] if dice.random() > 0.12 * rate else f"12{dice.randrange(10**9):09d}"
    written = {
        "name": _name(person["name"], dice, speller, rate),
        "sex": {"male": "男", "female": "女"}[sex],
        "born": dice.choice((f"{born:%Y-%m-%d}", f"{born:%Y-%m-%d}", f"{born:%Y/%m/%d}", f"{born:%Y%m%d}", f"{born.year}年{born.month}月{born.day}日", f"{born.year}.{born.month}.{born.day}")),
        "number": _number(person, relative, dice, rate) if dice.random() >= no_number else dice.choice(NOBODY),
        "phone": dice.choice((phone, phone, f"{phone[:3]}-{phone[3:7]}-{phone[7:]}", f"+86 {phone}")),
        "address": address,
        "origin": person["county"] if dice.random() > 0.05 * rate else "",
        "unit": person["unit"] if dice.random() > 0.1 * rate else "",
        "kin": person["kin"] if dice.random() > 0.1 * rate else "",
        "note": dice.choice(("", "", "", "已核", "待补")),
        "truth": person["id"],
    }  # fmt: skip
    for field, share in (("born", 0.04), ("phone", 0.06), ("address", 0.05), ("sex", 0.02)):
        if dice.random() < share * rate:
            written[field] = dice.choice(NOBODY)
    return written


def _name(name: str, dice: random.Random, speller: Speller, rate: float) -> str:
    luck = dice.random() / rate
    if luck < 0.04:
        name = (
            speller.wrong(
                name, dice.choice(("homophone", "homophone", "lookalike", "dropped", "swapped", "added"))
            )
            or name
        )
    elif luck < 0.05:
        name = speller.in_traditional(name)
    elif luck < 0.055:
        name = speller.in_letters(name)
    elif luck < 0.07 and len(name) < 4:
        name = " ".join(name) if dice.random() < 0.5 else f"{name} "
    return name.replace("·", dice.choice("··•．.")) if dice.random() < 0.3 * rate else name


def _number(person: dict, relative: dict, dice: random.Random, rate: float) -> str:  # type: ignore[type-arg]
    number, luck = str(person["number"]), dice.random() / rate
    if luck < 0.01:
        return str(relative["number"])
    if luck < 0.025:
        at = dice.randrange(6, 17)
        return number[:at] + str((int(number[at]) + dice.randrange(1, 10)) % 10) + number[at + 1 :]
    if luck < 0.03:
        at = dice.randrange(6, 16)
        return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    if luck < 0.033 and person["born"].year < 2000:
        return number[:6] + number[8:17]
    return number.lower() if luck < 0.05 else number
