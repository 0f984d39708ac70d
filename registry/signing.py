"""Ed25519 signatures of sign-offs and releases. Anybody can check them with the public key alone."""

import base64
import functools
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in base64, and which key made it."""

    key_id: str
    signature: str


def sign(content: bytes) -> Signature:
    """Sign with the present key, SIGNING_KEY: 32 bytes as 64 hex digits."""
    key = _private_key(settings.SIGNING_KEY)
    return Signature(_key_id(key.public_key()), base64.b64encode(key.sign(content)).decode())


def verify(content: bytes, *, key_id: str, signature: str) -> bool:
    """Whether the key of that id made this signature of these bytes. An unknown key has signed nothing."""
    key = _public_keys().get(key_id)
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_keys() -> dict[str, str]:
    """Every key that may have signed something, by id, as 64 hex digits: the present one first, then retired ones."""
    return {key_id: key.public_bytes_raw().hex() for key_id, key in _public_keys().items()}


def _public_keys() -> dict[str, Ed25519PublicKey]:
    retired = [bytes.fromhex(text) for text in getattr(settings, "RETIRED_PUBLIC_KEYS", ())]
    keys = [_private_key(settings.SIGNING_KEY).public_key(), *map(Ed25519PublicKey.from_public_bytes, retired)]
    return {_key_id(key): key for key in keys}


@functools.lru_cache(maxsize=4)
def _private_key(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
