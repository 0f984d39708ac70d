"""A provider that fails as it is told: by status, slowly, in the middle of a body, or not at all."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from .serving import Handler, Serving


@dataclass(frozen=True)
class Reply:
    """What the provider does with one request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok": true}'
    after_s: float = 0.0
    """Waits so long before the first byte."""
    drip_s: float = 0.0
    """Waits so long before each byte of the body."""
    cut: bool = False
    """Resets the connection instead of answering."""
    truncate: bool = False
    """Says how long the body is, sends half of it, and closes."""


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Provider(Serving):
    """Answers with `replies`, one by one, and then with `usual`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.usual = Reply()
        self.replies: deque[Reply] = deque()
        self.seen: list[Seen] = []
        self.tokens: set[str] | None = None
        """Where set, any other bearer token is answered 401."""
        self._lock = threading.Lock()

    def will(self, *replies: Reply | int) -> None:
        """Answer the next requests so; a number is a status."""
        self.replies = deque(each if isinstance(each, Reply) else Reply(each) for each in replies)

    def forget(self) -> None:
        self.seen, self.replies, self.usual, self.tokens = [], deque(), Reply(), None

    def answer(self, request: Handler) -> None:
        body = request.read_body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.seen.append(Seen(time.monotonic(), request.command, request.path, headers, body))
            reply = self._reply(headers)
        if reply.after_s:
            time.sleep(reply.after_s)
        if reply.cut:
            request.cut()
        elif reply.truncate:
            request.close_connection = True
            length = {"Content-Length": str(len(reply.body))}
            request.send(reply.status, reply.body[: len(reply.body) // 2], reply.headers | length)
        elif reply.drip_s:
            self._drip(request, reply)
        else:
            request.send(reply.status, reply.body, {"Content-Type": "application/json"} | reply.headers)

    def _reply(self, headers: dict[str, str]) -> Reply:
        if self.tokens is not None and headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Reply(401, body=b'{"code": "UNAUTHORIZED"}')
        return self.replies.popleft() if self.replies else self.usual

    def _drip(self, request: Handler, reply: Reply) -> None:
        request.send(reply.status, b"", reply.headers | {"Content-Length": str(len(reply.body))})
        for index in range(len(reply.body)):
            time.sleep(reply.drip_s)
            request.wfile.write(reply.body[index : index + 1])
            request.wfile.flush()


def reply_from(document: dict[str, Any]) -> Reply:
    """A reply as JSON states it."""
    body = document.get("body", {"ok": True})
    return Reply(**{**document, "body": body.encode() if isinstance(body, str) else json.dumps(body).encode()})
