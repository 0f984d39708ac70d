"""What proves to the provider who calls; refreshed when it says 401."""

import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

import anyio.to_thread
import httpx

Fetch = Callable[[], str | Awaitable[str]]


class Credentials(Protocol):
    """Puts credentials on a request, and gets new ones when those were refused."""

    def apply(self, request: httpx.Request) -> None: ...
    def refresh(self, refused: httpx.Request) -> bool: ...
    async def apply_async(self, request: httpx.Request) -> None: ...
    async def refresh_async(self, refused: httpx.Request) -> bool: ...


class BearerToken:
    """`Authorization: Bearer …` with a token that `fetch` gets; many calls refused at once fetch one new token."""

    def __init__(self, fetch: Fetch, *, header: str = "Authorization", scheme: str = "Bearer") -> None:
        self._fetch, self._header, self._scheme = fetch, header, scheme
        self._lock = threading.Lock()
        self._value: str | None = None

    def apply(self, request: httpx.Request) -> None:
        with self._lock:
            self._value = self._value or self._fetched()
        request.headers[self._header] = self._value

    def refresh(self, refused: httpx.Request) -> bool:
        with self._lock:
            if self._value == refused.headers.get(self._header):
                self._value = self._fetched()
        return True

    async def apply_async(self, request: httpx.Request) -> None:
        if self._value is None:
            await self._renew(None)
        request.headers[self._header] = self._value or ""

    async def refresh_async(self, refused: httpx.Request) -> bool:
        await self._renew(refused.headers.get(self._header))
        return True

    async def _renew(self, refused: str | None) -> None:
        if not inspect.iscoroutinefunction(self._fetch):
            return await anyio.to_thread.run_sync(self._renew_blocking, refused)
        # Two tasks may both fetch; the later token holds. No lock is held over an await.
        if self._value == refused:
            self._value = f"{self._scheme} {await self._fetch()}".strip()
        return None

    def _renew_blocking(self, refused: str | None) -> None:
        with self._lock:
            if self._value == refused:
                self._value = self._fetched()

    def _fetched(self) -> str:
        token = self._fetch()
        if not isinstance(token, str):
            raise TypeError("an asynchronous fetch works with the asynchronous client only")
        return f"{self._scheme} {token}".strip()
