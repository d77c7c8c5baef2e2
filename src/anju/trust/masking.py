"""Masking: what a list shows of a name, a number, a phone, an address, when nobody asked for more.

Length may be guessed from the mask; nothing else. Empty and unknown stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

STAR = "*"
SEPARATORS = "·•・ "


def mask_name(name: str | None) -> str | None:
    """First and last character, stars between: 张小三 -> 张*三, 张三 -> 张*, 阿依古丽·买买提 -> 阿*提."""
    if not name:
        return name
    if len(name) <= 2:
        return name[0] + STAR
    if any(s in name for s in SEPARATORS) or len(name) > 4:
        return f"{name[0]}{STAR}{name[-1]}"
    return name[0] + STAR * (len(name) - 2) + name[-1]


def mask_number(number: str | None) -> str | None:
    """All but the last four characters: any document number. A short one is hidden whole."""
    if not number:
        return number
    kept = 4 if len(number) >= 8 else 0
    return STAR * (len(number) - kept) + number[len(number) - kept :]


def mask_citizen_no(number: str | None) -> str | None:
    """**************1234."""
    return mask_number(number)


def mask_phone(phone: str | None) -> str | None:
    """*******8901."""
    return mask_number(phone)


def mask_address(address: str | None) -> str | None:
    """The first six characters, then stars: the street may be seen, the door may not."""
    if not address:
        return address
    return address[:6] + STAR * 4 if len(address) > 6 else address[:2] + STAR * 4


MASKS: Mapping[str, Callable[[str | None], str | None]] = MappingProxyType(
    {
        "name": mask_name,
        "citizen_no": mask_citizen_no,
        "phone": mask_phone,
        "address": mask_address,
        "number": mask_number,
    }
)


def mask(kind: str, value: str | None) -> str | None:
    """Mask by kind; raises KeyError for an unknown one, so that nothing is shown by a slip."""
    return MASKS[kind](value)
