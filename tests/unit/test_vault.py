"""A vault opens only whole, unchanged and with its key."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju.kernel.refusal import Refusal
from anju.trust import vault
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL, TAG, Suite

HEAD = len(vault.MAGIC) + 1 + vault.SALT + vault.PREFIX


@pytest.fixture(autouse=True)
def _quick_stretching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "stretch", lambda secret, salt, length: (secret * 32)[:length])


def locked(plain: bytes, suite: Suite = INTERNATIONAL) -> bytes:
    target = io.BytesIO()
    writer = vault.Writer(target, b"secret", suite)
    writer.write(plain)
    writer.close()
    return target.getvalue()


def opened(sealed: bytes, secret: bytes = b"secret") -> bytes:
    return io.BufferedReader(vault.Reader(io.BytesIO(sealed), secret)).read()


@pytest.mark.parametrize("suite", [INTERNATIONAL, NATIONAL], ids=lambda s: s.name)
@pytest.mark.parametrize("size", [0, 1, vault.PIECE - 1, vault.PIECE, vault.PIECE + 1, 2 * vault.PIECE + 7])
def test_comes_back_as_it_was(suite: Suite, size: int) -> None:
    plain = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
    assert opened(locked(plain[:size], suite)) == plain[:size]


def test_a_wrong_key_opens_nothing() -> None:
    with pytest.raises(Refusal, match="vault.does_not_open"):
        opened(locked(b"x" * 100), b"another")


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_found(where: int, change: int) -> None:
    sealed = bytearray(locked(b"abc" * 1000))
    sealed[where % len(sealed)] ^= change
    with pytest.raises(Refusal, match="vault"):
        opened(bytes(sealed))


def test_frames_cannot_be_cut_off_or_swapped() -> None:
    sealed = locked(b"y" * (2 * vault.PIECE + 5))
    frame = vault.PIECE + TAG
    head, first, second = sealed[:HEAD], sealed[HEAD : HEAD + frame], sealed[HEAD + frame : HEAD + 2 * frame]
    rest = sealed[HEAD + 2 * frame :]
    for broken in (
        head + first,
        head + first + second,
        head + second + first + rest,
        head + first + rest,
        head,
    ):
        with pytest.raises(Refusal, match="vault"):
            opened(broken)
