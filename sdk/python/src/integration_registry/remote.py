"""Speaks to the registry over HTTP: settings, keys, hints, reports."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from . import bounds, retry_after, sse
from .acceptance import Answer, Refused
from .settings import Unusable, read_object
from .wire import DeadlineTransport, ending_at, trusted

TIMEOUT = httpx.Timeout(5.0, connect=3.0)
LONGEST_S = 10.0
# The registry sends at least a comment every 15 seconds.
SILENT_S = 40.0


class Unauthorized(Exception):
    """The token is refused: 401 or 403."""


class Away(Exception):
    """No usable answer: not reached, cut off, an error, or something that is no registry."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may be new."""

    integration: str
    etag: str


class Remote:
    """One registry and one token."""

    def __init__(self, url: str, token: str, user_agent: str, transport: httpx.BaseTransport | None = None) -> None:
        self.origin = url.rstrip("/")
        self._transport, self._last_id = transport, ""
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": user_agent, "Accept": "application/json"}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Connect afresh: connections are not shared with a process that was forked."""
        self._stream_socket: socket.socket | None = None
        # Redirects are not followed: the token is for this registry alone.
        self._client = httpx.Client(
            base_url=self.origin + "/",
            headers=self._headers,
            timeout=TIMEOUT,
            transport=self._transport or DeadlineTransport(),
            verify=trusted(),
            trust_env=False,
        )

    def settings(self, integration: str, etag: str | None) -> Answer | None:
        """The release in force; None where the one held is still right."""
        headers = {"If-None-Match": etag} if etag else {}
        status, found, body = self._get(f"api/v1/settings/{quote(integration, safe='')}", headers)
        if status == 304 and etag:
            return None
        if status != 200:
            raise Away(f"answered {status} to a request for settings")
        if not found.get("Content-Type", "").lower().startswith("application/json"):
            raise Away(f"answered 200 with {found.get('Content-Type', 'no content type')[:60]}, which are no settings")
        tag = found.get("ETag", "").removeprefix("W/")
        return Answer(body, tag, found.get("X-Settings-Key-Id", ""), found.get("X-Settings-Signature", ""))

    def keys(self) -> dict[str, str]:
        """The registry's public keys, by id."""
        status, _, body = self._get("api/v1/keys", {})
        if status != 200:
            raise Away(f"answered {status} to a request for keys")
        try:
            rows = read_object(body)["keys"]
            return {str(row["id"]): str(row["key"]) for row in rows if row["algorithm"] == "Ed25519"}
        except (Unusable, KeyError, TypeError) as problem:
            raise Away(f"the keys cannot be read: {problem}") from None

    def hints(self, connected: Callable[[], None]) -> Iterator[Hint]:
        """What is said to be new, as it is said; ends with Away or Unauthorized."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        timeout = httpx.Timeout(SILENT_S, connect=3.0)
        try:
            with self._client.stream("GET", "api/v1/settings/stream", headers=headers, timeout=timeout) as response:
                self._stream_socket = response.extensions["network_stream"].get_extra_info("socket")
                self._refuse(response)
                if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                    raise Away(f"answered {response.status_code} without a stream")
                connected()
                reader = sse.Reader()
                for piece in response.iter_raw():
                    for event in reader.feed(piece):
                        self._last_id = reader.last_id
                        if event.name == "release" and (hint := _hint(event.data)):
                            yield hint
        except (httpx.HTTPError, sse.TooLong) as problem:
            raise Away(f"the stream broke off: {problem}") from None
        raise Away("the stream ended")

    def report(self, document: Mapping[str, Any]) -> float:
        """Tell what runs here; how many seconds later to tell again."""
        response = self._post("api/v1/instances", document)
        if response.status_code != 200:
            raise Away(f"answered {response.status_code} to a report: {response.text[:300]}")
        try:
            return min(max(float(read_object(response.content)["report_every_seconds"]), 1.0), 3_600.0)
        except (Unusable, KeyError, TypeError, ValueError):
            return 30.0

    def resolved(self, integration: str, attempts: list[int]) -> None:
        """Tell which dead letters that were sent again are processed. A registry that does not know them forgets it."""
        response = self._post("api/v1/dead-letters/resolved", {"integration": integration, "attempts": attempts})
        if response.status_code not in (200, 404, 422):
            raise Away(f"answered {response.status_code} to a report: {response.text[:300]}")

    def close(self) -> None:
        """Whoever reads the stream of hints is woken, and finds it ended."""
        if self._stream_socket is not None:
            with contextlib.suppress(OSError):
                self._stream_socket.shutdown(socket.SHUT_RDWR)
        self._client.close()

    def _get(self, path: str, headers: dict[str, str]) -> tuple[int, httpx.Headers, bytes]:
        try:
            with ending_at(time.monotonic() + LONGEST_S), self._client.stream("GET", path, headers=headers) as response:
                self._refuse(response)
                return response.status_code, response.headers, _bounded(response)
        except httpx.HTTPError as problem:
            raise Away(f"{type(problem).__name__}: {problem}") from None

    def _post(self, path: str, document: Mapping[str, Any]) -> httpx.Response:
        try:
            with ending_at(time.monotonic() + LONGEST_S):
                response = self._client.post(path, json=document)
        except httpx.HTTPError as problem:
            raise Away(str(problem)) from None
        self._refuse(response)
        return response

    def _refuse(self, response: httpx.Response) -> None:
        if response.status_code in (401, 403):
            raise Unauthorized(f"answered {response.status_code}")
        if response.status_code in (429, 503):
            told = retry_after.seconds(response.headers.get("Retry-After"), datetime.now(UTC))
            raise Away(f"answered {response.status_code}", told)


def _bounded(response: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > bounds.LARGEST_BODY:
            raise Refused(f"the body has more than {bounds.LARGEST_BODY:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _hint(data: str) -> Hint | None:
    try:
        found = read_object(data.encode(errors="replace"))
    except Unusable:
        return None
    integration, etag = found.get("integration"), found.get("etag")
    return Hint(integration, etag if isinstance(etag, str) else "") if isinstance(integration, str) else None
