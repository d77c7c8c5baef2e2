"""Algorithm suites: international and national. Every primitive comes from a vetted library.

* ``international``: AES-256-GCM (NIST SP 800-38D), SHA-256 and HMAC (FIPS 180-4, 198-1), Ed25519 (RFC 8032).
* ``national``: SM4-GCM (GB/T 32907, RFC 8998), SM3 and HMAC-SM3 (GB/T 32905), SM2 signatures (GB/T 32918).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anju.kernel.refusal import Refusal

NONCE = 12
TAG = 16

Encrypt = Callable[[bytes, bytes, bytes], bytes]
"""(nonce, plain, associated) -> cipher text and tag; the inverse takes and gives the other way round."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One set of algorithms.

    ``code`` marks sealed values; ``secret_bytes`` is the length of a sealing key; ``digest`` is hashlib's name.
    ``encrypter(secret)`` and ``decrypter(secret)`` prepare a key once for many values; a decrypter raises
    ``InvalidTag`` when a value or its associated data was changed.
    """

    name: str
    code: int
    secret_bytes: int
    digest: str
    encrypter: Callable[[bytes], Encrypt]
    decrypter: Callable[[bytes], Encrypt]
    sign: Callable[[bytes, bytes], bytes]
    verify: Callable[[bytes, bytes, bytes], bool]
    public: Callable[[bytes], bytes]

    def mac(self, secret: bytes, message: bytes) -> bytes:
        """HMAC of ``message``, 32 bytes."""
        return hmac.digest(secret, message, self.digest)

    def hash(self, message: bytes) -> bytes:
        """Digest of ``message``, 32 bytes."""
        return hashlib.new(self.digest, message).digest()


def _aes_encrypter(secret: bytes) -> Encrypt:
    return AESGCM(secret).encrypt


def _aes_decrypter(secret: bytes) -> Encrypt:
    return AESGCM(secret).decrypt


def _sm4_encrypter(secret: bytes) -> Encrypt:
    algorithm = algorithms.SM4(secret)

    def encrypt(nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        work = Cipher(algorithm, modes.GCM(nonce)).encryptor()
        work.authenticate_additional_data(associated)
        return work.update(plain) + work.finalize() + work.tag

    return encrypt


def _sm4_decrypter(secret: bytes) -> Encrypt:
    algorithm = algorithms.SM4(secret)

    def decrypt(nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        if len(sealed) < TAG:
            raise InvalidTag
        work = Cipher(algorithm, modes.GCM(nonce, sealed[-TAG:])).decryptor()
        work.authenticate_additional_data(associated)
        return work.update(sealed[:-TAG]) + work.finalize()

    return decrypt


def _ed25519_sign(secret: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def _ed25519_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ed25519_public(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


@lru_cache(maxsize=8)
def _sm2_private(secret: bytes) -> object:
    return _sm2().derive_private_key(int.from_bytes(secret, "big"), _sm2().SM2())  # type: ignore[attr-defined]


def _sm2() -> object:
    """SM2 lives in Tongsuo's package, which only the national suite needs."""
    try:
        from tongsuopy.crypto.asymciphers import ec
    except ImportError as missing:
        raise Refusal("trust.sm2_missing") from missing
    return ec


def _sm2_sign(secret: bytes, message: bytes) -> bytes:
    from tongsuopy.crypto import hashes

    scheme = _sm2().ECDSA(hashes.SM3())  # type: ignore[attr-defined]
    return _sm2_private(secret).sign(message, scheme)  # type: ignore[attr-defined, no-any-return]


def _sm2_verify(public: bytes, signature: bytes, message: bytes) -> bool:
    ec = _sm2()
    from tongsuopy.crypto import exceptions, hashes

    try:
        x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SM2()).public_key()  # type: ignore[attr-defined]
        key.verify(signature, message, ec.ECDSA(hashes.SM3()))  # type: ignore[attr-defined]
    except (exceptions.InvalidSignature, exceptions.InternalError, ValueError):
        return False
    return True


def _sm2_public(secret: bytes) -> bytes:
    numbers = _sm2_private(secret).public_key().public_numbers()  # type: ignore[attr-defined]
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")  # type: ignore[no-any-return]


INTERNATIONAL = Suite(
    "international",
    1,
    32,
    "sha256",
    _aes_encrypter,
    _aes_decrypter,
    _ed25519_sign,
    _ed25519_verify,
    _ed25519_public,
)
NATIONAL = Suite(
    "national", 2, 16, "sm3", _sm4_encrypter, _sm4_decrypter, _sm2_sign, _sm2_verify, _sm2_public
)
SUITES = {s.name: s for s in (INTERNATIONAL, NATIONAL)}
BY_CODE = {s.code: s for s in SUITES.values()}


def suite(name: str | None = None) -> Suite:
    """The suite called ``name``, or the one ``ANJU_SUITE`` asks for; refuses an unknown one."""
    wanted = name or os.environ.get("ANJU_SUITE", "international")
    if wanted not in SUITES:
        raise Refusal("trust.unknown_suite", suite=wanted, known=", ".join(SUITES))
    return SUITES[wanted]
