"""Services that read their settings in the shape of another protocol: who they are, and how they are answered."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from api import hot, live
from api.bearer import presented
from api.etags import unchanged
from registry.live import served, wire
from registry.live.served import Grant, Served

PERSONAL = "A personal token names no environment to read settings of: ask for a service token."
LARGEST_QUESTION = 200_000


@dataclass(frozen=True, slots=True)
class NotHeard(Exception):
    """Who asks is not told anything."""

    status: int
    detail: str


def digest(request: HttpRequest, *headers: str) -> str:
    """The digest of the token in `Authorization` or in one of these headers. "" where there is none."""
    tokens = [
        _authorization(request.headers.get("Authorization", "")),
        *(request.headers.get(name, "") for name in headers),
    ]
    return digest_of(next((each.strip() for each in tokens if each.strip()), ""))


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest() if token else ""


def grant(presented_digest: str) -> Grant:
    """What this token may read: all that is released of its system's integrations. One statement."""
    found = served.every(presented_digest) if presented_digest else None
    if found is None or not found.is_valid:
        raise NotHeard(401, hot.OPENS_NOTHING if presented_digest else hot.NOTHING_SENT)
    if not found.is_service:
        raise NotHeard(403, PERSONAL)
    return found


def settings(release: Served) -> dict[str, Any]:
    """A release's body, read."""
    read: dict[str, Any] = json.loads(release.body)
    return read


def newest(found: Grant) -> int:
    """The greatest number among what may be read; 0 where nothing is."""
    return max((each.number for each in found.releases), default=0)


def question(request: HttpRequest) -> dict[str, Any]:
    """The JSON object sent. Raises ValueError with what is wrong."""
    length = request.headers.get("Content-Length", "0")
    if length.isdigit() and int(length) > LARGEST_QUESTION:
        raise ValueError(f"the body has more than {LARGEST_QUESTION:,} bytes")
    if not request.body.strip():
        return {}
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(asked, dict):
        raise ValueError("the body is not an object")
    return asked


def answer(
    request: HttpRequest,
    found: Grant,
    body: bytes,
    content_type: str,
    tag: str,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The body with its ETag, or 304 where the caller holds it; the token's use is noted afterwards."""
    sent = {**wire.sent_with(tag), **(headers or {})}
    if unchanged(request.headers.get("If-None-Match"), tag):
        return live.held(found, sent)
    return live.whole(request, found, body, content_type, sent)


def written(value: Any) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _authorization(header: str) -> str:
    """The token of a Bearer header, or the password of a Basic one."""
    if token := presented(header):
        return token
    scheme, _, packed = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(packed.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return "?"
