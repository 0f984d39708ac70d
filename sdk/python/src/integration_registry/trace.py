"""X-Request-ID and traceparent: taken over from whoever called us, or begun here."""

import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random

from .settings import Tracing

_REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
_TRACEPARENT: ContextVar[str | None] = ContextVar("traceparent", default=None)
_W3C = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@contextmanager
def tracing(*, request_id: str | None = None, traceparent: str | None = None) -> Iterator[None]:
    """Pass these headers of an incoming request on with every call made inside."""
    tokens = _REQUEST_ID.set(request_id), _TRACEPARENT.set(traceparent)
    try:
        yield
    finally:
        _REQUEST_ID.reset(tokens[0])
        _TRACEPARENT.reset(tokens[1])


def headers(settings: Tracing, random: Random) -> dict[str, str]:
    """The headers of one call, the same on each of its attempts."""
    wanted = {name.lower(): name for name in settings.headers}
    found: dict[str, str] = {}
    if "x-request-id" in wanted:
        found[wanted["x-request-id"]] = _REQUEST_ID.get() or str(uuid.uuid4())
    if "traceparent" in wanted:
        found[wanted["traceparent"]] = _child_of(_TRACEPARENT.get()) or _begun(settings, random)
    return found


def _child_of(incoming: str | None) -> str | None:
    """The same trace with a span of ours, so that the provider's span hangs below this call."""
    match = _W3C.fullmatch(incoming or "")
    return match and f"00-{match[1]}-{secrets.token_hex(8)}-{match[3]}"


def _begun(settings: Tracing, random: Random) -> str:
    percent = 100.0 if settings.sampling_percent is None else settings.sampling_percent
    sampled = random.uniform(0, 100) < percent
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{'01' if sampled else '00'}"
