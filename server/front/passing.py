"""Passes on what this process does not answer itself, to the web process on its Unix socket, streaming both ways."""

import json
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from api.problems import MEDIA_TYPE, document
from server.front import numbers
from server.front.desk import Desk

log = logging.getLogger(__name__)

PEER = b"x-registry-peer"
"""Tells the web process who is connected here. Nobody else reaches its socket, and nobody's own is passed on."""
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
    }
)
TIMEOUTS = {"connect": 5.0, "read": 300.0, "write": 60.0, "pool": 60.0}
Headers = list[tuple[bytes, bytes]]
AWAY = "The pages and the records are being started again. Live settings go on being served."


class PassedOn:
    """An ASGI application."""

    def __init__(self, desk: Desk, socket: str) -> None:
        self.desk = desk
        # The web process closes what is idle for thirty seconds; a connection it may be closing is not used.
        self.pool = httpcore.AsyncConnectionPool(uds=socket, max_connections=200, keepalive_expiry=15, retries=4)

    async def __call__(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        if scope["path"] == "/healthz/settings":
            await _answer(send, *self._health())
            return
        try:
            async with self.pool.stream(
                scope["method"],
                httpcore.URL(scheme=b"http", host=b"web", port=None, target=_target(scope)),
                headers=_passed_on(scope),
                content=_body(receive) if _has_body(scope) else None,
                extensions={"timeout": TIMEOUTS},
            ) as answer:
                await self._hand_back(scope, answer, send)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as problem:
            log.warning("the web process cannot be reached: %s", problem)
            await _answer(send, 503, *_away(scope["path"]), (b"retry-after", b"2"))
        except httpcore.RemoteProtocolError as problem:
            log.warning("the web process ended an answer: %s", problem)
            await _answer(send, 502, *_away(scope["path"]))

    async def _hand_back(self, scope: HTTPScope, answer: httpcore.Response, send: ASGISendCallable) -> None:
        headers = _end_to_end(answer.headers)
        more = b""
        if scope["path"] == "/metrics" and answer.status == 200 and scope["method"] == "GET":
            more = numbers.text(self.desk)
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for part in answer.aiter_stream():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": more, "more_body": False})

    def _health(self) -> tuple[int, bytes, bytes]:
        """Whether this process can serve settings, whatever else is down."""
        state = {"status": "serving" if self.desk.snapshot.is_loaded else "empty", "stale": self.desk.stale_seconds}
        return 200 if self.desk.snapshot.is_loaded else 503, json.dumps(state).encode(), b"application/json"

    async def aclose(self) -> None:
        await self.pool.aclose()


def _target(scope: HTTPScope) -> bytes:
    """The address as it was sent, not as it reads."""
    query = scope["query_string"]
    return scope["raw_path"] + (b"?" + query if query else b"")


def _passed_on(scope: HTTPScope) -> Headers:
    client = scope["client"]
    # A name with an underscore reads like one with a hyphen over there: none of those is passed on.
    kept = [(n, v) for n, v in _end_to_end(scope["headers"]) if n.lower() != PEER and b"_" not in n]
    if _is_chunked(scope):
        kept.append((b"transfer-encoding", b"chunked"))
    return [*kept, (PEER, client[0].encode() if client else b"")]


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    listed = list(headers)
    named = {
        word.strip().lower() for name, value in listed if name.lower() == b"connection" for word in value.split(b",")
    }
    return [(name, value) for name, value in listed if name.lower() not in HOP_BY_HOP | named]


def _is_chunked(scope: HTTPScope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _has_body(scope: HTTPScope) -> bool:
    return _is_chunked(scope) or any(name == b"content-length" and value != b"0" for name, value in scope["headers"])


async def _body(receive: ASGIReceiveCallable) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise httpcore.WriteError("the client went away")
        more = message.get("more_body", False)
        if body := message.get("body", b""):
            yield body


def _away(path: str) -> tuple[bytes, bytes]:
    if path.startswith("/api/"):
        return document("not-ready", path, AWAY), MEDIA_TYPE.encode()
    return f"{AWAY} Try again in a moment.\n".encode(), b"text/plain; charset=utf-8"


async def _answer(send: ASGISendCallable, status: int, body: bytes, kind: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
