"""A person's rights over what is held about them: what may be asked, within which limit, on which article.

Reads ``packs/<place>/trust/rights.yaml``. Pure; rows and actions are in ``trust/store``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any

from anju.kernel import packs
from anju.kernel.periods import add_months
from anju.kernel.refusal import Refusal
from anju.kernel.workdays import Deadline, deadline

FIELDS = (
    "name",
    "citizen_no",
    "sex",
    "born_on",
    "phone",
    "hukou_region",
    "education",
    "marital",
    "stay",
    "job",
    "kin",
)
"""What a person may ask to have corrected."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: its article, limit in working days, and what it must be given."""

    key: str
    zh: str
    en: str
    article: str
    workdays: int
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """One ground on which a request may be refused."""

    key: str
    zh: str
    en: str
    article: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One version of what a person agrees to. ``guardian_under``: below this age a guardian agrees."""

    topic: str
    zh: str
    en: str
    version: int
    text: Mapping[str, str]
    separate: bool
    guardian_under: int | None

    @property
    def text_digest(self) -> str:
        """SHA-256 over both languages: what exactly was agreed to."""
        return sha256("\x1f".join(self.text[k] for k in sorted(self.text)).encode()).hexdigest()


@lru_cache
def catalogue() -> dict[str, Any]:
    """The whole file, nearest pack first."""
    path = packs.find_file("trust/rights.yaml")
    if path is None:
        raise Refusal("rights.no_catalogue")
    found: dict[str, Any] = packs.read_yaml(path)
    return found


def kinds() -> dict[str, Kind]:
    """Every kind of request."""
    return {
        key: Kind(key, k["zh"], k["en"], k["article"], k["workdays"], tuple(k["needs"]))
        for key, k in catalogue()["requests"].items()
    }


def grounds(kind: str) -> dict[str, Ground]:
    """Grounds on which a request of ``kind`` may be refused."""
    return {
        key: Ground(key, g["zh"], g["en"], g["article"], tuple(g["for"]))
        for key, g in catalogue()["refusals"].items()
        if kind in g["for"]
    }


def due(kind: str, asked_on: date) -> Deadline:
    """The last day to answer."""
    return deadline(asked_on, _get(kinds(), kind, "rights.unknown_kind").workdays)


def check_request(kind: str, *, field: str, claim: str, text: str) -> None:
    """Refuse a request that lacks what it needs, or names a field nobody keeps."""
    given = {"field": field, "claim": claim, "text": text}
    for need in _get(kinds(), kind, "rights.unknown_kind").needs:
        if not given[need].strip():
            raise Refusal(f"rights.incomplete_{need}", kind=kind)
    if field and field not in FIELDS:
        raise Refusal("rights.unknown_field", field=field, known=", ".join(FIELDS))


def consent_texts(on: date) -> dict[str, ConsentText]:
    """The version of every consent in force on a day."""
    found = {}
    for topic, told in catalogue()["consents"].items():
        current = [v for v in told["versions"] if v["from"] <= on]
        if current:
            newest = max(current, key=lambda v: v["version"])
            found[topic] = ConsentText(
                topic, told["zh"], told["en"], newest["version"], newest["text"], told["separate"],
                told.get("guardian_under"),
            )  # fmt: skip
    return found


MINOR = 14
"""Below this age a guardian agrees, whatever it is about (PIPL art. 31)."""


def is_minor(born_on: date | None, on: date) -> bool:
    """Whether somebody is known to be a child for whom a guardian agrees."""
    return born_on is not None and add_months(born_on, MINOR * 12) > on


def check_consent(topic: str, born_on: date | None, guardian_code: str, on: date) -> ConsentText:
    """The text agreed to. A child below ``MINOR``, or the age of the topic, agrees through a guardian who is on the
    register; a guardian agrees for such a child alone. A topic about children asks for the birthday."""
    text: ConsentText = _get(consent_texts(on), topic, "rights.unknown_consent")
    under = text.guardian_under or MINOR
    is_child = born_on is not None and add_months(born_on, under * 12) > on
    if not guardian_code and (is_child or (born_on is None and text.guardian_under is not None)):
        raise Refusal("rights.guardian_needed", age=under)
    if guardian_code and not is_child:
        raise Refusal("rights.no_child", age=under)
    return text


def _get(mapping: Mapping[str, Any], key: str, refusal: str) -> Any:
    if key not in mapping:
        raise Refusal(refusal, asked=key, known=", ".join(mapping))
    return mapping[key]
