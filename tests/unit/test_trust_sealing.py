"""Sealing: published vectors, both suites, rotation, and that no changed bit passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from anju.kernel.refusal import Refusal
from anju.trust import sealing
from anju.trust.sealing import ring as rings
from anju.trust.sealing.suites import INTERNATIONAL, NATIONAL

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "national_algorithms.json").read_text())
MADE = "2026-01-01T00:00:00+00:00"


@pytest.fixture(params=["international", "national"])
def sealer(request: pytest.FixtureRequest) -> sealing.Sealer:
    return sealing.Sealer(rings.fresh(request.param, MADE))


def _bytes(vector: dict[str, str], name: str) -> bytes:
    return bytes.fromhex(vector.get(f"{name}_hex", ""))


def test_published_vectors_of_the_national_suite() -> None:
    for v in VECTORS["sm3"]:
        assert NATIONAL.hash(_bytes(v, "msg")).hex() == v["digest_hex"]
    for v in VECTORS["hmac_sm3"]:
        assert NATIONAL.mac(_bytes(v, "key"), v["msg"].encode()).hex() == v["mac_hex"]
    modes_seen = set()
    for v in VECTORS["sm4"]:
        modes_seen.add(v["mode"])
        key, plain, wanted = _bytes(v, "key"), _bytes(v, "plaintext"), _bytes(v, "ciphertext")
        if v["mode"] == "gcm":
            args = _bytes(v, "iv"), plain, _bytes(v, "aad")
            assert NATIONAL.encrypter(key)(*args) == wanted + _bytes(v, "tag")
            assert NATIONAL.decrypter(key)(args[0], wanted + _bytes(v, "tag"), args[2]) == plain
        else:
            mode = modes.ECB() if v["mode"] == "ecb" else modes.CTR(_bytes(v, "iv"))
            work = Cipher(algorithms.SM4(key), mode).encryptor()
            assert work.update(plain) + work.finalize() == wanted
    assert {"gcm", "ecb"} <= modes_seen


def test_published_sm2_signature() -> None:
    from tongsuopy.crypto.asymciphers.utils import encode_dss_signature

    v = VECTORS["sm2"]
    public = bytes.fromhex(v["public_x"] + v["public_y"])
    assert NATIONAL.public(bytes.fromhex(v["private_d"])) == public
    signature = encode_dss_signature(int(v["sign"]["r"], 16), int(v["sign"]["s"], 16))
    message = v["sign"]["message"].encode()
    assert NATIONAL.verify(public, signature, message)
    assert not NATIONAL.verify(public, signature, message + b"!")
    own = NATIONAL.sign(bytes.fromhex(v["private_d"]), message)
    assert NATIONAL.verify(public, own, message)


@pytest.mark.parametrize("suite", [INTERNATIONAL, NATIONAL], ids=lambda s: s.name)
def test_signatures_hold_for_their_message_and_key_alone(suite: sealing.Suite) -> None:
    mine, other = (bytes([n]) * 32 for n in (1, 2))
    signed = suite.sign(mine, b"checkpoint")
    assert suite.verify(suite.public(mine), signed, b"checkpoint")
    assert not suite.verify(suite.public(other), signed, b"checkpoint")
    assert not suite.verify(suite.public(mine), signed[:-1], b"checkpoint")
    assert not suite.verify(b"", signed, b"checkpoint")


@given(st.lists(st.none() | st.text(max_size=40), max_size=20))
def test_what_is_sealed_opens_and_looks_different_each_time(values: list[str | None]) -> None:
    for name in sealing.SUITES:
        sealer = sealing.Sealer(rings.fresh(name, MADE))
        sealed = sealer.seal_many(values)
        assert sealer.open_many(sealed) == values
        present = [s for s in sealed if s is not None]
        assert len(set(present)) == len(present)


def test_every_changed_bit_is_refused(sealer: sealing.Sealer) -> None:
    sealed = sealer.seal("990101199001011234")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Refusal) as told:
            sealer.open(bytes(changed))
        assert told.value.code in {"trust.sealed_by_unknown_key", "trust.sealed_value_changed"}
        assert "9901" not in str(told.value)
    for cut in (0, 4, 16, len(sealed) - 1):
        with pytest.raises(Refusal):
            sealer.open(sealed[:cut])


def test_indexes_find_equal_values_and_separate_kinds_and_keys(sealer: sealing.Sealer) -> None:
    number, other = "990101199001011234", "990101199001011242"
    assert sealer.index("citizen_no", number) == sealer.index_many("citizen_no", [None, number])[1]
    assert sealer.index("citizen_no", number) != sealer.index("citizen_no", other)
    assert sealer.index("citizen_no", number)[2:] != sealer.index("phone", number)[2:]
    stranger = sealing.Sealer(rings.fresh("international", MADE))
    assert sealer.index("citizen_no", number)[2:] != stranger.index("citizen_no", number)[2:]


def test_rotation_across_suites_opens_old_and_finds_old() -> None:
    ring = rings.fresh("international", MADE)
    before = sealing.Sealer(ring)
    sealed, index = before.seal("12345678901"), before.index("phone", "12345678901")
    turned = rings.rotated(ring, ("seal", "index"), "national", MADE)
    after = sealing.Sealer(turned)
    assert after.open(sealed) == "12345678901"
    assert index in after.indexes("phone", "12345678901")
    assert after.index("phone", "12345678901") != index
    assert after.seal("x")[:5] == after.head != before.head
    with pytest.raises(Refusal, match="unknown_key"):
        sealing.Sealer(turned.without(sealing.key_id_of(sealed))).open(sealed)
    with pytest.raises(Refusal, match="key_in_use"):
        turned.without(turned.newest("seal").id)


def test_the_ring_is_made_once_guarded_and_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_KEY_FILE", str(tmp_path / "ring.json"))
    monkeypatch.delenv("ANJU_KEYS", raising=False)
    first = sealing.sealer()
    assert (tmp_path / "ring.json").stat().st_mode & 0o777 == 0o600
    rings.save(rings.fresh("national", MADE), only_new=True)
    assert sealing.sealer().head == first.head
    rings.save(rings.rotated(first.ring, ("seal",), "national", MADE))
    assert sealing.sealer().head != first.head
    assert sealing.sealer().open(first.seal("x")) == "x"
    (tmp_path / "ring.json").chmod(0o644)
    with pytest.raises(Refusal, match="ring_readable"):
        rings.load()


class Locksmith:
    """A key service for the test: its wrapping is not the identity."""

    def wrap(self, secret: bytes) -> bytes:
        return b"wrapped" + secret[::-1]

    def unwrap(self, wrapped: bytes) -> bytes:
        return wrapped.removeprefix(b"wrapped")[::-1]


def test_a_key_service_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = rings.fresh("international", MADE)
    text = rings.to_json(ring, Locksmith())
    assert rings.from_json(text, Locksmith()) == ring
    with pytest.raises(Refusal, match="kms_needed"):
        rings.from_json(text)
    with pytest.raises(Refusal, match="broken_ring"):
        rings.from_json('{"keys": [{"id": "1"}]}')
    monkeypatch.setenv("ANJU_KEYS", rings.to_json(ring))
    assert sealing.sealer().ring == ring
    with pytest.raises(Refusal, match="ring_in_environment"):
        rings.save(ring)
    assert "secret" not in repr(ring)
