"""The two faces of one conversation: httpx transports that send, wait and refresh as they are told."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol
from uuid import uuid4

import anyio
import httpx

from . import retry_after, trace
from .calls import SAFE, Answered, Asked, Command, Failed, Problem, Refresh, Result, Send, Verdict, Wait, converse
from .credentials import Credentials
from .errors import OutOfTime
from .line import Line
from .settings import Contract, Tracing
from .wire import DeadlineTransport, ending_at, trusted

VERDICT = "integration_registry"
"""Under this name a response's extensions hold the verdict, and a request's whether its body is streamed."""

log = logging.getLogger("integration_registry")


class Rules(Protocol):
    """Where a transport finds what is in force at the moment of a call."""

    @property
    def line(self) -> Line: ...
    def contract(self) -> Contract: ...
    def tracing(self) -> Tracing: ...
    def observe(self, verdict: Verdict | None, seconds: float) -> None: ...


@dataclass(slots=True)
class Attempt:
    """What the last attempt left: its answer, or why there is none."""

    response: httpx.Response | None = None
    problem: httpx.TransportError | None = None

    def result(self) -> Answered | Failed:
        if self.response is None:
            assert self.problem
            return Failed(_kind(self.problem))
        told = retry_after.seconds(self.response.headers.get("Retry-After"), datetime.now(UTC))
        return Answered(self.response.status_code, told)


class _Common:
    def __init__(self, rules: Rules, credentials: Credentials | None) -> None:
        self._rules, self._credentials = rules, credentials
        self._random = Random()  # noqa: S311 - chance that spreads, not that hides

    def _prepare(self, request: httpx.Request, contract: Contract) -> Asked:
        for name, value in trace.headers(self._rules.tracing(), self._random).items():
            request.headers.setdefault(name, value)
        header = contract.idempotency_header
        if header and contract.idempotent is not False and request.method not in SAFE:
            request.headers.setdefault(header, str(uuid4()))
        has_key = bool(header and contract.idempotent is not False and request.headers.get(header))
        return Asked(request.method, has_key, can_refresh=self._credentials is not None)

    def _finish(self, verdict: Verdict, attempt: Attempt, contract: Contract) -> httpx.Response:
        _tell(verdict, contract)
        if attempt.response is None:
            assert attempt.problem
            attempt.problem.add_note(f"{contract.name}: {verdict.attempts} attempts; stopped by: {verdict.stopped_by}")
            raise attempt.problem
        attempt.response.extensions[VERDICT] = verdict
        return attempt.response


class PolicyTransport(_Common, httpx.BaseTransport):
    """Obeys a contract's settings around another transport."""

    def __init__(
        self,
        rules: Rules,
        *,
        credentials: Credentials | None = None,
        inner: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(rules, credentials)
        self._inner = inner or DeadlineTransport()
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        contract, began = self._rules.contract(), time.monotonic()
        asked = self._prepare(request, contract)
        request.read()
        talk = converse(contract, asked, self._rules.line, clock=time.monotonic, random=self._random)
        attempt, verdict = Attempt(), None
        try:
            command = next(talk)
            while True:
                command = talk.send(self._do(command, request, attempt))
        except StopIteration as end:
            verdict = end.value
        finally:
            talk.close()
            self._rules.observe(verdict, time.monotonic() - began)
        assert verdict
        return self._finish(verdict, attempt, contract)

    def _do(self, command: Command, request: httpx.Request, attempt: Attempt) -> Result:
        if isinstance(command, Send):
            _drop(attempt)
            self._send(command, request, attempt)
            return attempt.result()
        if isinstance(command, Wait):
            self._sleep(command.seconds)
            return None
        assert isinstance(command, Refresh) and self._credentials
        return self._credentials.refresh(request)

    def _send(self, command: Send, request: httpx.Request, attempt: Attempt) -> None:
        if self._credentials:
            self._credentials.apply(request)
        streamed = request.extensions.get(VERDICT) == "stream"
        request.extensions = {**request.extensions, "timeout": _timeouts(command, request)}
        try:
            with ending_at(command.ends_at):
                response = self._inner.handle_request(request)
                _read_on(request, command, streamed)
                if not streamed:
                    response = _whole(response, b"".join(_parts(response, command.ends_at)))
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise  # a mistake in the program; no provider has to do with it
        except httpx.TransportError as problem:
            attempt.problem = problem
        else:
            if streamed:
                response.stream = _Deadline(response.stream, command.total_ends_at)
            attempt.response = response

    def close(self) -> None:
        self._inner.close()


class AsyncPolicyTransport(_Common, httpx.AsyncBaseTransport):
    """The same for asynchronous programs, on asyncio or trio."""

    def __init__(
        self, rules: Rules, *, credentials: Credentials | None = None, inner: httpx.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(rules, credentials)
        self._inner = inner or httpx.AsyncHTTPTransport(verify=trusted())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        contract, began = self._rules.contract(), time.monotonic()
        asked = self._prepare(request, contract)
        await request.aread()
        talk = converse(contract, asked, self._rules.line, clock=time.monotonic, random=self._random)
        attempt, verdict = Attempt(), None
        try:
            command = next(talk)
            while True:
                command = talk.send(await self._do(command, request, attempt))
        except StopIteration as end:
            verdict = end.value
        finally:
            talk.close()
            self._rules.observe(verdict, time.monotonic() - began)
        assert verdict
        return self._finish(verdict, attempt, contract)

    async def _do(self, command: Command, request: httpx.Request, attempt: Attempt) -> Result:
        if isinstance(command, Send):
            await _drop_async(attempt)
            await self._send(command, request, attempt)
            return attempt.result()
        if isinstance(command, Wait):
            await anyio.sleep(command.seconds)
            return None
        assert isinstance(command, Refresh) and self._credentials
        return await self._credentials.refresh_async(request)

    async def _send(self, command: Send, request: httpx.Request, attempt: Attempt) -> None:
        if self._credentials:
            await self._credentials.apply_async(request)
        streamed = request.extensions.get(VERDICT) == "stream"
        request.extensions = {**request.extensions, "timeout": _timeouts(command, request)}
        try:
            with anyio.fail_after(max(0.0, command.ends_at - time.monotonic())):
                response = await self._inner.handle_async_request(request)
                _read_on(request, command, streamed)
                if not streamed:
                    response = _whole(response, await _body(response))
        except TimeoutError:
            attempt.problem = httpx.ReadTimeout("the time of this attempt is over", request=request)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise  # a mistake in the program; no provider has to do with it
        except httpx.TransportError as problem:
            attempt.problem = problem
        else:
            if streamed:
                response.stream = _AsyncDeadline(response.stream, command.total_ends_at)
            attempt.response = response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Deadline(httpx.SyncByteStream):
    """A streamed body, which ends with the call's total time."""

    def __init__(self, stream: Any, ends_at: float) -> None:
        self._stream, self._ends_at = stream, ends_at

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._stream)
        while True:
            # Entered anew for each part: what the caller does in between is not ours to end.
            with ending_at(self._ends_at):
                try:
                    part = next(parts, None)
                except httpx.TimeoutException as problem:
                    raise OutOfTime("the total time of the call is over") from problem
            if part is None:
                return
            if time.monotonic() >= self._ends_at:
                raise OutOfTime("the total time of the call is over")
            yield part

    def close(self) -> None:
        self._stream.close()


class _AsyncDeadline(httpx.AsyncByteStream):
    def __init__(self, stream: Any, ends_at: float) -> None:
        self._stream, self._ends_at = stream, ends_at

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._stream)
        while True:
            try:
                with anyio.fail_after(max(0.0, self._ends_at - time.monotonic())):
                    part = await anext(parts, None)
            except (TimeoutError, httpx.TimeoutException) as problem:
                raise OutOfTime("the total time of the call is over") from problem
            if part is None:
                return
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def _parts(response: httpx.Response, ends_at: float) -> Iterator[bytes]:
    """The raw body. A transport that knows no deadline is at least looked at between two parts."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    try:
        for part in response.stream:
            yield part
            if time.monotonic() >= ends_at:
                raise httpx.ReadTimeout("the time of this attempt is over")
    finally:
        response.close()


async def _body(response: httpx.Response) -> bytes:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([part async for part in response.stream])
    finally:
        await response.aclose()


def _whole(response: httpx.Response, body: bytes) -> httpx.Response:
    """The same response with its body at hand, still encoded as it was sent."""
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=httpx.ByteStream(body),
        extensions={name: each for name, each in response.extensions.items() if name != "network_stream"},
    )


def _timeouts(command: Send, request: httpx.Request) -> dict[str, float]:
    """The settings' times, or the caller's own where those are shorter."""
    own: dict[str, float | None] = request.extensions.get("timeout", {})
    ours = {
        "connect": command.connect_s,
        "read": command.read_s,
        "write": command.read_s,
        "pool": max(0.001, command.ends_at - time.monotonic()),
    }
    return {name: value if (mine := own.get(name)) is None else min(value, mine) for name, value in ours.items()}


def _read_on(request: httpx.Request, command: Send, streamed: bool) -> None:
    """The first byte is there: from now on only the attempt's end counts, or for a stream the call's."""
    ends_at = command.total_ends_at if streamed else command.ends_at
    request.extensions["timeout"]["read"] = max(0.001, ends_at - time.monotonic())


def _kind(problem: httpx.TransportError) -> Problem:
    if isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return "unreachable"
    return "timeout" if isinstance(problem, httpx.TimeoutException) else "broken"


def _drop(attempt: Attempt) -> None:
    if attempt.response is not None:
        attempt.response.close()
    attempt.response = attempt.problem = None


async def _drop_async(attempt: Attempt) -> None:
    if attempt.response is not None:
        await attempt.response.aclose()
    attempt.response = attempt.problem = None


_LEVELS = {
    "fix_request": (logging.ERROR, "the request is wrong; it is not repeated"),
    "check_resource": (logging.WARNING, "there is no such resource; it is not repeated"),
    "escalate": (logging.ERROR, "a business rule refused it; a person must look at it"),
    "alert_and_stop": (logging.CRITICAL, "we are not allowed to; engineering must look at it"),
    "skip_as_duplicate": (logging.INFO, "it was done before; skipped"),
}


def _tell(verdict: Verdict, contract: Contract) -> None:
    """Log what the error table asks to be logged."""
    if verdict.action not in _LEVELS or not isinstance(verdict.result, Answered):
        return
    level, what = _LEVELS[verdict.action]
    log.log(level, "%s answered %d %s: %s", contract.name, verdict.result.status, verdict.code or "", what)
