"""Whether an answer of the registry is to be obeyed: parsed, in bounds, hashed, signed and newer. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .settings import Settings, Unusable, parse

Source = Literal["server", "last known good", "bootstrap", "defaults"]
_ETAG = re.compile(r'"([1-9]\d{0,18})-([0-9a-f]{64})"')


class Refused(Exception):
    """An answer that is not obeyed, and why; `release` is the number it claimed, where it claimed one."""

    def __init__(self, reason: str, release: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.release = reason, release


class KeyUnknown(Refused):
    """Signed with a key that has not been seen yet: worth asking the registry for its keys once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A release as it came: the exact bytes, and what stood in the headers."""

    body: bytes
    etag: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class Held:
    """Settings that are obeyed, and where they came from."""

    settings: Settings
    etag: str | None
    source: Source
    origin: str = ""
    """The registry whose numbers these are; another one counts for itself."""


def judge(
    answer: Answer, *, integration: str, keys: Mapping[str, str], held: Held | None, source: Source, origin: str = ""
) -> Held:
    """What to hold from now on, or Refused. The order matters: nothing of an unsigned body is believed."""
    number, digest = _parts(answer.etag)
    if hashlib.sha256(answer.body).hexdigest() != digest:
        raise Refused("the body is not what its ETag says: its SHA-256 differs", number)
    _verify(answer, keys, number)
    try:
        settings = parse(answer.body)
    except Unusable as problem:
        raise Refused(str(problem), number) from None
    if settings.release != number:
        raise Refused(f"the body says release {settings.release:,}, its ETag {number:,}", number)
    if settings.integration != integration:
        raise Refused(f"these are the settings of {settings.integration[:100]}", number)
    if held is not None and held.origin == origin:
        _must_follow(settings, answer.etag, held)
    return Held(settings, answer.etag, source, origin)


def _parts(etag: str) -> tuple[int, str]:
    found = _ETAG.fullmatch(etag)
    if found is None:
        raise Refused("the answer has no ETag of a release")
    return int(found[1]), found[2]


def _verify(answer: Answer, keys: Mapping[str, str], number: int) -> None:
    if not answer.signature or not answer.key_id:
        raise Refused("the answer is not signed", number)
    key = keys.get(answer.key_id)
    if key is None:
        raise KeyUnknown(f"signed with key {answer.key_id[:40]}, which is not known here", number)
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(base64.b64decode(answer.signature, validate=True), answer.body)
    except (InvalidSignature, ValueError, binascii.Error):
        raise Refused("the signature is not of this body", number) from None


def _must_follow(settings: Settings, etag: str, held: Held) -> None:
    """A lower number is old news, unless the epoch rose: then the registry was restored from a backup."""
    before = held.settings
    if held.source == "defaults" or not before.release:
        return
    if before.environment != settings.environment:
        if held.source == "server":
            raise Refused(f"these are the settings of {settings.environment[:100]}", settings.release)
        return
    if settings.epoch < before.epoch:
        raise Refused(f"epoch {settings.epoch} is before {before.epoch}, which is held", settings.release)
    if settings.epoch > before.epoch:
        return
    if settings.release < before.release:
        raise Refused(f"release {settings.release:,} is before {before.release:,}, which is held", settings.release)
    if settings.release == before.release and held.etag not in (None, etag):
        raise Refused(f"another body under the number {settings.release:,}, which is held", settings.release)
