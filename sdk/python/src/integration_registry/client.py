"""httpx clients whose base address and behaviour follow the settings in force."""

from collections.abc import Callable
from typing import Any

import httpx

from .transport import VERDICT
from .wire import trusted


def _address(text: str) -> httpx.URL:
    url = httpx.URL(text)
    return url if url.raw_path.endswith(b"/") else url.copy_with(raw_path=url.raw_path + b"/")


class Client(httpx.Client):
    """An httpx.Client; relative paths go to the endpoint that the settings name at that moment."""

    def __init__(self, endpoint: Callable[[], str], transport: httpx.BaseTransport, **options: Any) -> None:
        self._endpoint = endpoint
        super().__init__(**{"verify": trusted(), **options}, transport=transport, timeout=None)

    @property
    def base_url(self) -> httpx.URL:
        return _address(self._endpoint())

    @base_url.setter
    def base_url(self, url: httpx.URL | str) -> None:
        self._endpoint = lambda: str(url)

    def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        request.extensions = {**request.extensions, VERDICT: "stream" if stream else "whole"}
        return super().send(request, stream=stream, **options)


class AsyncClient(httpx.AsyncClient):
    """An httpx.AsyncClient; relative paths go to the endpoint that the settings name at that moment."""

    def __init__(self, endpoint: Callable[[], str], transport: httpx.AsyncBaseTransport, **options: Any) -> None:
        self._endpoint = endpoint
        super().__init__(**{"verify": trusted(), **options}, transport=transport, timeout=None)

    @property
    def base_url(self) -> httpx.URL:
        return _address(self._endpoint())

    @base_url.setter
    def base_url(self, url: httpx.URL | str) -> None:
        self._endpoint = lambda: str(url)

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        request.extensions = {**request.extensions, VERDICT: "stream" if stream else "whole"}
        return await super().send(request, stream=stream, **options)
