"""Model fields that say what they hold, so that key rotation and retention find them by themselves."""

from __future__ import annotations

from typing import Any

from django.db import models


class SealedField(models.BinaryField):
    """A value sealed by ``trust.sealing``. ``kind`` names it, ``index`` its blind-index column on the same table."""

    def __init__(self, *args: Any, kind: str = "", index: str = "", **kwargs: Any) -> None:
        self.kind, self.index = kind, index
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As Django asks, with kind and index."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, list(args), {**kwargs, "kind": self.kind, "index": self.index}
