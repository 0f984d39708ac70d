"""A scripted registry and provider, and an integration that both faces of the SDK call through."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from integration_registry import Integration
from integration_registry import Registry as Sdk
from sdk_contract.provider import Provider
from sdk_contract.registry import INTEGRATION, TOKEN, Registry

Connect = Callable[..., Sdk]
Call = Callable[..., httpx.Response]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as registry:
        yield registry


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
def connect(registry: Registry, tmp_path: Path) -> Iterator[Connect]:
    """`connect()` is the SDK at the scripted registry, keeping settings in a folder of this test."""
    made: list[Sdk] = []

    def connected(**options: Any) -> Sdk:
        made.append(Sdk(registry.url, TOKEN, **{"cache_dir": tmp_path / "kept", **options}))
        return made[-1]

    yield connected
    for each in made:
        each.close()


@pytest.fixture
def obeying(registry: Registry, provider: Provider, connect: Connect) -> Callable[..., Integration]:
    """`obeying(retry={...})` is the integration under release 1 with these changes."""

    def integration(**changes: Any) -> Integration:
        registry.publish(1, **{"endpoint": provider.url, **changes})
        found = connect().integration(INTEGRATION)
        assert found.settings.release == 1
        return found

    return integration


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """`call(integration, "POST", "/x")` makes a call through one of the two faces."""

    def synchronous(
        integration: Integration, method: str, path: str = "/", credentials: Any = None, **asked: Any
    ) -> Any:
        with integration.http("payments-api", credentials=credentials) as client:
            return client.request(method, path, **asked)

    def asynchronous(
        integration: Integration, method: str, path: str = "/", credentials: Any = None, **asked: Any
    ) -> Any:
        async def made() -> httpx.Response:
            async with integration.async_http("payments-api", credentials=credentials) as client:
                return await client.request(method, path, **asked)

        return asyncio.run(made())

    return synchronous if request.param == "sync" else asynchronous


def wait_until(true: Callable[[], object], seconds: float = 3.0) -> float:
    """The seconds it took to become true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not become true in time"
        time.sleep(0.005)
    return time.monotonic() - began
