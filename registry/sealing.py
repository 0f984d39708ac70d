"""What this installation's secret seals: secrets of webhooks, and the key each source of dead letters has."""

import base64
import functools
import hashlib
import hmac
import os

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
LETTERS, WEBHOOKS = "letters", "webhooks"


class Unsealed(Exception):
    """The key was sealed with another SECRET_KEY, or the bytes are not what was sealed."""


def new_key() -> bytes:
    """A source's key, sealed."""
    return box(LETTERS).encrypt(AESGCM.generate_key(bit_length=256))


class Seal:
    """Encrypts and opens with one source's key. `about` binds bytes to what they belong to."""

    def __init__(self, sealed_key: bytes | memoryview) -> None:
        try:
            key = box(LETTERS).decrypt(bytes(sealed_key))
        except InvalidToken:
            raise Unsealed("Its key was sealed with another SECRET_KEY.") from None
        self._cipher = AESGCM(key)
        self._digests = hmac.digest(key, b"digests", "sha256")

    def digest(self, clear: str) -> str:
        """The same for the same text, and without the key nobody tells which text that is."""
        return hmac.digest(self._digests, clear.encode(errors="surrogatepass"), "sha256").hex()

    def close(self, clear: bytes, about: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, clear, about.encode())

    def open(self, sealed: bytes | memoryview, about: str) -> bytes:
        kept = bytes(sealed)
        try:
            return self._cipher.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], about.encode())
        except Exception:
            raise Unsealed("These bytes are not what was sealed.") from None


@functools.cache
def box(purpose: str) -> Fernet:
    """What seals and opens secrets of one purpose: whoever has the database alone reads none of them."""
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"{purpose}:{settings.SECRET_KEY}".encode()).digest()))
