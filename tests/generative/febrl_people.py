"""Lists corrupted in the way of FEBRL's generator: originals and up to five duplicates of each, with typing, scanning and
phonetic slips, swapped and missing fields, address words moved - from any seed, with the truth beside every row."""

from __future__ import annotations

import random
import string

GIVEN = [
    "emily",
    "joshua",
    "jack",
    "sophie",
    "thomas",
    "isabella",
    "lachlan",
    "mia",
    "samuel",
    "olivia",
    "benjamin",
    "chloe",
    "ethan",
    "jessica",
    "william",
]
GIVEN += [
    "hannah",
    "nicholas",
    "sarah",
    "james",
    "lauren",
    "liam",
    "georgia",
    "daniel",
    "ruby",
    "harrison",
    "caitlin",
    "noah",
    "ella",
    "riley",
    "grace",
]
SURNAMES = [
    "white",
    "smith",
    "clarke",
    "campbell",
    "ryan",
    "webb",
    "reid",
    "green",
    "nguyen",
    "dixon",
    "blake",
    "mccarthy",
    "coleman",
    "matthews",
    "webster",
]
SURNAMES += [
    "berry",
    "goode",
    "wilkins",
    "donaldson",
    "rawlings",
    "bishop",
    "sheppard",
    "burford",
    "hage",
    "jolly",
    "morrison",
    "weller",
    "petersen",
]
STREETS = [
    "dalrymple",
    "carnegie",
    "sturdee",
    "hawkesbury",
    "mawson",
    "tullaroop",
    "barr-smith",
    "light",
    "galmarra",
    "burnie",
    "renwick",
]
KINDS = ("street", "place", "crescent", "circuit", "close", "avenue")
TOWNS = [
    "kellerberrin",
    "glenelg",
    "bondi",
    "hawthorn",
    "noosa",
    "mildura",
    "cairns",
    "toowoomba",
    "balmain",
    "ashgrove",
    "kilmore",
    "canley",
]
STATES = ("nsw", "vic", "qld", "wa", "sa")
SOUNDS = (
    ("ph", "f"),
    ("ck", "k"),
    ("mc", "mac"),
    ("ee", "ea"),
    ("ll", "l"),
    ("y", "ie"),
    ("s", "z"),
    ("c", "k"),
)
SCANS = (("l", "1"), ("o", "0"), ("s", "5"), ("b", "8"), ("g", "9"), ("m", "rn"), ("w", "vv"))
COLUMNS = {
    "given_name": "given_name",
    "surname": "surname",
    "street_number": "house_number",
    "address_1": "address",
    "address_2": "address",
    "suburb": "place",
    "postcode": "postcode",
    "state": "region",
    "date_of_birth": "birthday",
    "soc_sec_id": "number",
}


def person(dice: random.Random) -> dict[str, str]:
    """An original: some fields are missing from the start, as in FEBRL's sets."""
    made = {
        "given_name": dice.choice(GIVEN) + dice.choice(("", "", "a", "e")),
        "surname": dice.choice(SURNAMES) + dice.choice(("", "", "s", "son", "ton")),
        "street_number": str(dice.randrange(1, 400)),
        "address_1": f"{dice.choice(STREETS)} {dice.choice(KINDS)}",
        "address_2": f"{dice.choice(STREETS)} {dice.choice(('village', 'park', 'farm'))}",
        "suburb": dice.choice(TOWNS) + dice.choice(("", " east", " heights", "")),
        "postcode": str(dice.randrange(2000, 7000)),
        "state": dice.choice(STATES),
        "date_of_birth": f"19{dice.randrange(100):02d}{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}",
        "soc_sec_id": str(dice.randrange(10**6, 10**7)),
    }
    if dice.random() < 0.35:
        made["address_2"] = ""
    return made


def rows(originals: int, seed: int, most: int = 5, slips: int = 10) -> list[dict[str, str]]:
    """Originals and zero to ``most`` duplicates of each with up to ``slips`` slips, two in a field at most; shuffled."""
    dice = random.Random(seed)
    made = []
    for who in range(originals):
        first = person(dice)
        made.append({**first, "truth": str(who)})
        more = dice.randint(0, most) if dice.random() < 0.6 else 0
        made += [{**corrupted(first, dice, dice.randint(1, slips)), "truth": str(who)} for _ in range(more)]
    dice.shuffle(made)
    return made


def families(households: int, seed: int) -> list[dict[str, str]]:
    """Households of one to four who share surname, address and telephone; one to three rows of each with up to three slips, a
    quarter of the duplicates having moved away. No number that a person has alone; shuffled."""
    dice = random.Random(seed)
    made = []
    for home in range(households):
        head = person(dice) | {"telephone": f"0{dice.randrange(10**8, 10**9)}"}
        del head["soc_sec_id"]
        for member in range(dice.choice((1, 1, 2, 3, 4))):
            other = person(dice)
            first = head | {k: other[k] for k in ("given_name", "date_of_birth")}
            for row in range(dice.choice((1, 1, 2, 3))):
                told = corrupted(first, dice, dice.randint(1, 3)) if row else dict(first)
                if row and dice.random() < 0.25:
                    moved = person(dice)
                    told |= {k: moved[k] for k in ("street_number", "address_1", "suburb", "postcode")}
                made.append({**told, "truth": f"{home}-{member}"})
    dice.shuffle(made)
    return made


def corrupted(first: dict[str, str], dice: random.Random, slips: int) -> dict[str, str]:
    """A duplicate with so many slips."""
    wrong, spent = dict(first), dict.fromkeys(first, 0)
    while slips:
        slips -= 1
        field = dice.choice([f for f, n in spent.items() if n < 2])
        spent[field] += 1
        _slip(wrong, field, dice)
    return wrong


def _slip(row: dict[str, str], field: str, dice: random.Random) -> None:
    text, luck = row[field], dice.random()
    if not text or luck < 0.12:
        row[field] = ""
    elif luck < 0.20 and field in ("given_name", "surname", "address_1", "address_2"):
        other = {
            "given_name": "surname",
            "surname": "given_name",
            "address_1": "address_2",
            "address_2": "address_1",
        }[field]
        row[field], row[other] = row[other], text
    elif luck < 0.28 and " " in text:
        row[field] = " ".join(reversed(text.split(" ")))
    elif luck < 0.40 and field in ("given_name", "surname", "suburb"):
        row[field] = _replaced(text, SOUNDS, dice)
    elif luck < 0.48:
        row[field] = _replaced(text, SCANS, dice)
    else:
        row[field] = _typed(text, dice)


def _replaced(text: str, pairs: tuple[tuple[str, str], ...], dice: random.Random) -> str:
    fitting = [(old, new) for old, new in pairs if old in text]
    return text.replace(*dice.choice(fitting), 1) if fitting else _typed(text, dice)


def _typed(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    letters = string.digits if text[at].isdigit() else string.ascii_lowercase
    kind = dice.randrange(4)
    if kind == 0:
        return text[:at] + dice.choice(letters) + text[at:]
    if kind == 1 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    if kind == 2 and at + 1 < len(text):
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + dice.choice(letters) + text[at + 1 :]
