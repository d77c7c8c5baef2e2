"""Identifiers and their check characters: citizen numbers, credit codes, person codes.

Sources: GB 11643-1999 (citizen number), GB 32100-2015 (unified social credit code).
"""

from __future__ import annotations

import re
import secrets
from datetime import date
from typing import NewType

PersonCode = NewType("PersonCode", str)
CitizenNo = NewType("CitizenNo", str)
CreditCode = NewType("CreditCode", str)

INVENTED_PREFIX = "99"
"""No real citizen number begins so; tests and demos use nothing else."""

CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CITIZEN_CHECKS = "10X98765432"
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 13

_CITIZEN = re.compile(r"[1-9]\d{16}[\dX]")


def citizen_check(first17: str) -> str:
    """The 18th character for the first 17 digits of a citizen number."""
    return CITIZEN_CHECKS[sum(w * int(d) for w, d in zip(CITIZEN_WEIGHTS, first17, strict=True)) % 11]


def is_citizen_no(number: str) -> bool:
    """Whether ``number`` has 18 characters, a real birthday and the right check character."""
    if not _CITIZEN.fullmatch(number) or citizen_check(number[:17]) != number[17]:
        return False
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14])) <= date(2200, 1, 1)
    except ValueError:
        return False


def citizen_from_15(number: str) -> str:
    """The 18-character form of a first-generation 15-digit number (all born in the 1900s)."""
    first17 = f"{number[:6]}19{number[6:]}"
    return first17 + citizen_check(first17)


def credit_check(first17: str) -> str:
    """The 18th character of a unified social credit code."""
    total = sum(w * CREDIT_ALPHABET.index(c) for w, c in zip(CREDIT_WEIGHTS, first17, strict=True))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def is_credit_code(code: str) -> bool:
    """Whether ``code`` is a well-formed unified social credit code."""
    return len(code) == 18 and all(c in CREDIT_ALPHABET for c in code) and credit_check(code[:17]) == code[17]


def code_check(body: str) -> str:
    """The check character of a person code: Luhn over a 32-character alphabet.

    Finds every single wrong character and nearly every swap of neighbours.
    """
    total = 0
    for place, char in enumerate(reversed(body)):
        value = CODE_ALPHABET.index(char) * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return CODE_ALPHABET[-total % 32]


def mint_person_code() -> PersonCode:
    """A new random person code: 60 random bits and a check character, carrying no information."""
    body = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH - 1))
    return PersonCode(body + code_check(body))


def is_person_code(code: str) -> bool:
    """Whether ``code`` could be a person code: length, alphabet and check character."""
    return (
        len(code) == CODE_LENGTH
        and all(c in CODE_ALPHABET for c in code)
        and code_check(code[:-1]) == code[-1]
    )
