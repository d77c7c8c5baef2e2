"""A refusal: something foreseen that cannot be done, told so that the reader knows what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class Refusal(Exception):
    """A foreseen *no*.

    ``code`` is a dotted name such as ``intake.unknown_dataset``; its wording in Chinese and English
    lives in ``packs/<place>/wording/*.yaml``. ``facts`` fill the wording's placeholders and never hold
    personal data: a row number, a column, a file name, a count.
    """

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts: Mapping[str, Any] = MappingProxyType(dict(facts))
        super().__init__(code, dict(facts))

    def __str__(self) -> str:
        told = ", ".join(f"{key}={value!r}" for key, value in self.facts.items())
        return f"{self.code}({told})"

    @property
    def room(self) -> str:
        """The part of the code before the first dot: whose refusal this is."""
        return self.code.partition(".")[0]
