"""What a read of live settings answers, header by header and as the very bytes on the wire. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CACHING = {"Cache-Control": "private, no-cache, stale-if-error=86400", "Vary": "Authorization"}
OK = b"HTTP/1.1 200 OK\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"


@dataclass(frozen=True, slots=True)
class Release:
    """One release, as it is sent."""

    environment: str
    integration: str
    number: int
    epoch: int
    sha256: str
    body: bytes
    key_id: str
    signature: str
    parties: frozenset[str]
    """The systems that may read it."""

    @property
    def etag(self) -> str:
        return f'"{self.number}-{self.sha256}"'

    @property
    def is_whole(self) -> bool:
        return hashlib.sha256(self.body).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer ready to be written: all of it but the status line and what changes by the second."""

    path: bytes
    number: int
    etag: bytes
    whole: bytes
    head: bytes
    unchanged: bytes
    event: bytes = b""
    """What followers are told of it, as one chunk."""


def prepared(release: Release) -> Prepared:
    """The answers that one release gives."""
    path = f"/api/v1/settings/{release.integration}"
    headers = sent_with(release.etag, key_id=release.key_id, signature=release.signature)
    hint = {"integration": release.integration, "release": release.number, "etag": release.etag}
    event = f"event: release\nid: {release.number}\ndata: {json.dumps(hint, separators=(',', ':'))}\n\n"
    return _prepared(path, release.number, release.etag, headers, release.body, chunk(event.encode()))


def prepared_document(system: str, environment: str, releases: Iterable[tuple[str, int, bytes]]) -> Prepared:
    """The answers that all of a system's releases give together; each as (integration, number, body)."""
    in_order = sorted(releases)
    body = document(system, environment, [(integration, body) for integration, _, body in in_order])
    newest = max((number for _, number, _ in in_order), default=0)
    etag = etag_of_document(newest, body)
    return _prepared("/api/v1/settings", newest, etag, sent_with(etag), body, b"")


def document(system: str, environment: str, bodies: Iterable[tuple[str, bytes]]) -> bytes:
    """The releases' own bytes, joined: what was signed stays as it was signed."""
    parts = b",".join(b'"%b":%b' % (integration.encode(), body) for integration, body in bodies)
    return b'{"environment":"%b","integrations":{%b},"system":"%b"}' % (environment.encode(), parts, system.encode())


def etag_of_document(newest: int, body: bytes) -> str:
    return f'"{newest}-{hashlib.sha256(body).hexdigest()}"'


def sent_with(etag: str, *, key_id: str = "", signature: str = "") -> dict[str, str]:
    """The headers of a whole answer; the signature is of the body's bytes, where they were signed as one."""
    signed = {"X-Settings-Key-Id": key_id, "X-Settings-Signature": signature} if signature else {}
    return {"ETag": etag, **CACHING, **signed}


def unchanged_with(etag: str) -> dict[str, str]:
    """The headers of "go on with what you hold"."""
    return {"ETag": etag, **CACHING}


def _prepared(path: str, number: int, etag: str, headers: Mapping[str, str], body: bytes, event: bytes) -> Prepared:
    head = fields({"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}) + b"\r\n"
    unchanged = fields(unchanged_with(etag)) + b"\r\n"
    return Prepared(path.encode(), number, etag.encode(), head + body, head, unchanged, event)


def fields(headers: Mapping[str, str]) -> bytes:
    """Header lines, each with its end."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """A piece of an answer whose length nobody knows yet."""
    return b"%x\r\n%b\r\n" % (len(data), data)
