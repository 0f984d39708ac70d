"""One connection: reads of live settings are answered where their head ends, anything else goes uvicorn's own way."""

import asyncio
import functools
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import hot
from api.etags import unchanged
from registry.live.snapshot import Grant, Scope
from registry.live.wire import Prepared, fields
from server.front.desk import Desk, bookmark

UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
LONGEST_HEAD = 64 * 1024
IDLE_SWEEPS = 15
UNREAD = 64 * 1024
"""What a follower may leave unread before it is dropped; it resumes by the last id it saw."""
STREAM_HEAD = fields(
    {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        "Vary": "Authorization",
        "X-Accel-Buffering": "no",
        "Transfer-Encoding": "chunked",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A read that cannot be answered in passing."""

    path: bytes
    query: bytes
    authorization: bytes | None
    held: bytes | None
    last_id: bytes | None
    is_head: bool
    keep_alive: bool


class SettingsProtocol(HttpToolsProtocol):
    """Made for each connection by uvicorn."""

    desk: Desk
    following: Grant | None = None
    parked: "asyncio.TimerHandle | bool" = False
    """Whether an answer is waited for; nothing else is answered on this connection before."""
    waits_for: tuple[Scope, bytes, Any] | None = None
    is_overtaken = False
    was_answered = False
    is_in_head = has_ended_head = is_in_message = False
    head_bytes = 0
    idle_sweeps = 0
    asked_in_turn = 0
    """The round of the feed that an answer waits for."""
    again: tuple[bytes, Grant, Scope] | None = None
    """The bytes of the last read, whose they were, and what they may read: most send the very same over and over."""
    begun = 0
    """Requests begun in the bytes that came last."""

    # --- uvicorn's callbacks ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        followed = self.following
        if followed is not None:
            # Whoever follows has nothing more to say.
            self.transport.close()
            return
        again = self.again
        if again is not None and data == again[0] and self._answer_again(again[1], again[2]):
            return
        was_in_head, self.has_ended_head = self.is_in_head, False
        was_between, self.begun, self.again = not self.is_in_message, 0, None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            # Answered as if it had not been asked for.
            return
        if was_in_head and self.is_in_head and not self.has_ended_head:
            self.head_bytes += len(data)
            if self.head_bytes > LONGEST_HEAD:
                self._refuse_head()
        if self.following is not None:
            self._travel_light()
        elif was_between and self.begun == 1 and not self.is_in_message and self.reader is not None:
            self.again = (data, *self.reader)

    def on_message_begin(self) -> None:
        self.is_in_head = self.is_in_message = True
        self.begun += 1
        self.reader: tuple[Grant, Scope] | None = None
        self.url = b""
        self.headers = []
        self.authorization: bytes | None = None
        self.held: bytes | None = None
        self.is_usual = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"authorization":
            self.is_usual = self.is_usual and self.authorization is None
            self.authorization = value
        elif name == b"if-none-match":
            self.held = value if self.held is None else self.held + b"," + value
        elif name in UNUSUAL:
            self.is_usual = False
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_in_head, self.has_ended_head = False, True
        self.head_bytes = self.idle_sweeps = 0
        if self.parked or self.transport.is_closing():
            # Pipelined behind an answer that is waited for: the client asks again on a new connection.
            self.is_overtaken = self.was_answered = True
        elif self.is_usual and self.url.startswith(hot.ALL) and self._is_free() and self._answer():
            self.was_answered = True
        else:
            self._go_usual_way()

    def on_body(self, body: bytes) -> None:
        if not self.was_answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.is_in_message = False
        if self.was_answered:
            self.was_answered = False
        else:
            super().on_message_complete()

    def pause_writing(self) -> None:
        if self.following is not None:
            self.desk.counts["dropped"] += 1
            self.transport.abort()
        else:
            super().pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.following is not None:
            self.following.followers.discard(self.transport)
            self.following = None
        self._stop_waiting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self.following is not None or self.parked:
            self.transport.close()
        else:
            super().shutdown()

    # --- answers ------------------------------------------------------------------------------------------------

    def _is_free(self) -> bool:
        """Whether nothing else is to be written first."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _answer(self) -> bool:
        """Answer at once what can be, and see to the rest; False if another process is to answer."""
        desk, parser = self.desk, self.parser
        method = parser.get_method()
        if method not in (b"GET", b"HEAD") or parser.get_http_version() != "1.1" or not desk.snapshot.is_loaded:
            return False
        keep_alive = parser.should_keep_alive()
        if self.authorization is not None and method == b"GET" and keep_alive:
            grant = hot.grant_of(desk.snapshot, self.authorization)
            if grant is not None and grant.scope is not None and grant.ends_at > desk.now:
                ready = grant.scope.answers.get(self.url)
                if ready is not None:
                    self.reader = (grant, grant.scope)
                    self._say(ready, grant)
                    return True
        self.asked_in_turn = 0
        path, _, query = self.url.partition(b"?")
        return self._consider(
            Asked(path, query, self.authorization, self.held, self._last_id(), method == b"HEAD", keep_alive)
        )

    def _answer_again(self, grant: Grant, scope: Scope) -> bool:
        """Answer a read of the very bytes as the one before, by whoever may still read, without reading them."""
        ready = scope.answers.get(self.url)
        if ready is None or grant.ends_at <= self.desk.now or self.flow.write_paused or self.transport.is_closing():
            return False
        self.idle_sweeps = 0
        self._say(ready, grant)
        return True

    def _say(self, ready: Prepared, grant: Grant) -> None:
        grant.was_used = True
        held, desk = self.held, self.desk
        if held is None:
            desk.counts["sent"] += 1
            self.transport.write(desk.ok + ready.whole)
        elif held == ready.etag:
            desk.counts["not_modified"] += 1
            self.transport.write(desk.not_modified + ready.unchanged)
        else:
            self._send(ready, held=held)

    def _consider(self, asked: Asked, *, is_last: bool = False) -> bool:
        desk = self.desk
        if asked.path not in (hot.ALL, hot.STREAM) and not hot.NAMES.fullmatch(asked.path):
            return False
        try:
            wait = hot.wait_of(asked.query.decode("latin-1"))
        except hot.BadQuery:
            return False
        if asked.authorization is None:
            return self._refuse(asked, "token-needed", hot.NOTHING_SENT)
        grant = hot.grant_of(desk.snapshot, asked.authorization)
        if grant is None or grant.ends_at <= desk.now:
            return self._doubt(asked, is_known=grant is not None, is_last=is_last)
        if grant.scope is None:
            return self._refuse(asked, "not-allowed", hot.PERSONAL, mend=hot.PERSONAL_MEND)
        grant.was_used = True
        counter = desk.snapshot.numbers.get(grant.scope.environment, 0)
        if asked.path == hot.STREAM:
            return not asked.is_head and self._follow_from(asked, grant, grant.scope, counter)
        ready = grant.scope.answer(asked.path)
        if ready is None:
            return self._refuse(asked, "not-found", hot.NOT_SERVED)
        return self._read(asked, grant.scope, ready, wait, counter, is_last=is_last)

    def _read(
        self, asked: Asked, scope: Scope, ready: Prepared, wait: hot.Wait | None, counter: int, *, is_last: bool
    ) -> bool:
        desk = self.desk
        if wait and wait.after > counter and not self._has_asked_anew():
            if not desk.stale_seconds and not is_last:
                return self._ask_anew(asked)
            # Not older than what is held for all that is known: go on with it.
            counter = wait.after
        if wait and wait.seconds and not wait.is_over(ready.number, counter) and not is_last:
            self._wait(asked, scope, wait.seconds)
        else:
            is_news = wait is None or wait.is_over(ready.number, counter)
            self._send(ready, held=asked.held if is_news else b"*", asked=asked)
        return True

    def _send(self, ready: Prepared, *, held: bytes | None, asked: Asked | None = None) -> None:
        """The release, or that what is held is still right."""
        is_held = held is not None and (held == ready.etag or unchanged(held.decode("latin-1"), ready.etag.decode()))
        self.desk.counts["not_modified" if is_held else "sent"] += 1
        lead = self.desk.not_modified if is_held else self.desk.ok
        rest = ready.unchanged if is_held else ready.head if asked and asked.is_head else ready.whole
        self._write(lead, rest, keep_alive=asked is None or asked.keep_alive)

    def _refuse(self, asked: Asked, name: str, detail: str, *, mend: str = "") -> bool:
        self.desk.counts[REFUSALS[name]] += 1
        more = {"token-needed": hot.CHALLENGE, "not-ready": {"Retry-After": "5"}}.get(name)
        rest = hot.refusal(name, asked.path, detail, mend=mend, headers=more)
        if asked.is_head:
            rest = rest[: rest.index(b"\r\n\r\n") + 4]
        self._write(STATUS_LINE[hot.status_of(name)] + self.desk.lead, rest, keep_alive=asked.keep_alive)
        return True

    def _doubt(self, asked: Asked, *, is_known: bool, is_last: bool) -> bool:
        """A token that opens nothing may be one made just now: the database is asked before it is refused."""
        if self.desk.stale_seconds and not is_known:
            return self._refuse(asked, "not-ready", hot.UNCHECKED)
        if is_last or self.desk.stale_seconds:
            return self._refuse(asked, "token-needed", hot.OPENS_NOTHING)
        return self._ask_anew(asked)

    def _ask_anew(self, asked: Asked) -> bool:
        """Decide once the database was asked, or could not be within a second."""
        self.parked = True
        self.asked_in_turn = self.desk.recheck(functools.partial(self._resume, asked))
        return True

    def _has_asked_anew(self) -> bool:
        return 0 < self.asked_in_turn <= self.desk.snapshot.turn

    def _write(self, lead: bytes, rest: bytes, *, keep_alive: bool) -> None:
        self.transport.write(lead + (b"" if keep_alive else b"Connection: close\r\n") + rest)
        if not keep_alive or self.is_overtaken:
            self.transport.close()

    # --- waiting and following ----------------------------------------------------------------------------------

    def _wait(self, asked: Asked, scope: Scope, seconds: int) -> None:
        resume = functools.partial(self._resume, asked)
        scope.waiting.setdefault(asked.path, set()).add(resume)
        self.waits_for = (scope, asked.path, resume)
        self.parked = self.loop.call_later(seconds, resume)

    def _resume(self, asked: Asked) -> None:
        """What was waited for is here, or the time is up."""
        self._stop_waiting()
        if not self.transport.is_closing():
            self._consider(asked, is_last=True)

    def _stop_waiting(self) -> None:
        if isinstance(self.parked, asyncio.TimerHandle):
            self.parked.cancel()
        self.parked = False
        if self.waits_for is not None:
            scope, path, resume = self.waits_for
            self.waits_for = None
            waiting = scope.waiting.get(path, set())
            waiting.discard(resume)
            if not waiting:
                scope.waiting.pop(path, None)

    def _follow_from(self, asked: Asked, grant: Grant, scope: Scope, counter: int) -> bool:
        """Resume after the last id that was seen; everything in force, where that is none of ours."""
        if not asked.last_id:
            return self._follow(grant, scope, counter, [])
        seen = int(asked.last_id) if asked.last_id.isdigit() and len(asked.last_id) < 19 else 0
        if seen > counter and not self._has_asked_anew():
            # Another front may have read further already, or this one before it was started again.
            is_hopeless = self.desk.stale_seconds or self.asked_in_turn
            return self._refuse(asked, "not-ready", hot.BEHIND) if is_hopeless else self._ask_anew(asked)
        # A number that was never given here is of the time before a restore.
        return self._follow(grant, scope, counter, scope.newer_than(seen if seen <= counter else 0))

    def _follow(self, grant: Grant, scope: Scope, counter: int, missed: list[Prepared]) -> bool:
        """From now on this connection is told of each release."""
        said = b"".join((self.desk.ok, STREAM_HEAD, b"\r\n", *(each.event for each in missed), bookmark(counter)))
        self.transport.set_write_buffer_limits(high=UNREAD + len(said))
        self.following = grant
        grant.followers.add(self.transport)
        self.desk.counts["followed"] += 1
        self.transport.write(said)
        return True

    def _last_id(self) -> bytes | None:
        return next((value for name, value in self.headers if name == b"last-event-id"), None)

    def _travel_light(self) -> None:
        """Let go of what a follower no longer needs; there may be ten thousand."""
        self.parser = self.headers = self.scope = self.again = None  # type: ignore[assignment]
        self.url = b""
        self.authorization = self.held = None

    # --- everything else ----------------------------------------------------------------------------------------

    def _go_usual_way(self) -> None:
        url, headers = self.url, self.headers
        if len(url) + sum(len(name) + len(value) for name, value in headers) > LONGEST_HEAD:
            self.was_answered = True
            self._refuse_head()
            return
        super().on_message_begin()
        self.url = url
        self.headers += headers
        self.expect_100_continue = any(n == b"expect" and v.lower() == b"100-continue" for n, v in headers)
        super().on_headers_complete()

    def _refuse_head(self) -> None:
        phrase = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE.phrase.encode()
        told = fields({"Content-Type": "text/plain", "Content-Length": str(len(phrase)), "Connection": "close"})
        if self._is_free():
            self.transport.write(STATUS_LINE[431] + told + b"\r\n" + phrase)
        self.transport.close()

    def sweep(self) -> None:
        """Close the connection once it has been idle, or busy with one head, for too long."""
        if self.following is None and not self.parked and (self.cycle is None or self.cycle.response_complete):
            self.idle_sweeps += 1
            if self.idle_sweeps > IDLE_SWEEPS:
                self.transport.close()


REFUSALS = {
    "token-needed": "token_refused",
    "not-allowed": "not_allowed",
    "not-found": "not_found",
    "not-ready": "not_checked",
}


def bound(desk: Desk) -> type[SettingsProtocol]:
    """The protocol, at this desk."""
    return type("DeskProtocol", (SettingsProtocol,), {"desk": desk})
