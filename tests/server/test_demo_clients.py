"""The demo's consumers and provider, as processes, before a scripted registry."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from sdk_contract.registry import TOKEN, Registry

from server.demo_clients.provider import WAYS
from server.places import PROJECT


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found: int = taken.getsockname()[1]
    return found


@pytest.fixture
def registry(port: int) -> Iterator[Registry]:
    with Registry() as registry:
        registry.publish(
            1,
            endpoint=f"http://127.0.0.1:{port}/v1",
            circuit_breaker={"minimum_calls": 4, "open_seconds": 1},
            retry={"max_retries": 1, "delays_ms": [1]},
        )
        yield registry


def started(registry: Registry, port: int, *more: str) -> subprocess.Popen[str]:
    told = ["--url", registry.url, "--token", TOKEN, "--provider-port", str(port), "--count", "2", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "server.demo_clients", *told],
        cwd=PROJECT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def line_with(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"never said: {words}")


def test_it_tells_of_settings_failures_and_breakers_and_ends_cleanly(registry: Registry, port: int) -> None:
    provider = f"http://127.0.0.1:{port}"
    with started(registry, port) as process:
        line_with(process, "obeys release 1 of production, from the server")
        assert "It now <strong>answers as it should" in httpx.get(provider).text
        httpx.post(f"{provider}/behave", data={"as": "500"})
        line_with(process, "circuit breaker: closed → open")
        registry.publish(
            2,
            endpoint=f"http://127.0.0.1:{port}/v1",
            circuit_breaker={"minimum_calls": 4, "open_seconds": 1},
            retry={"max_retries": 0, "delays_ms": [1]},
        )
        assert "retry.max_retries 1 → 0" in line_with(process, "obeys release 2 now")
        httpx.post(f"{provider}/behave", data={"as": "well"})
        line_with(process, "→ closed")
        process.send_signal(signal.SIGINT)
        line_with(process, "Stopping.")
        assert process.wait(10) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(provider)
    assert {each["instance"][:8] for each in registry.reports} == {"orders-1", "orders-2"}


def test_a_registry_that_is_not_there_is_said_in_one_line(registry: Registry, port: int) -> None:
    registry.stop()
    with started(registry, port) as process:
        assert "No registry answers at http://127.0.0.1" in line_with(process, "make run")
        assert process.wait(10) == 1


def test_a_port_in_use_is_said_in_one_line(registry: Registry) -> None:
    with started(registry, registry.port) as process:
        line_with(process, f"The provider cannot listen on port {registry.port}")
        assert process.wait(10) == 1


def test_each_way_to_fail_is_told_on_the_page(registry: Registry, port: int) -> None:
    command = [sys.executable, "-m", "server.demo_clients.provider", str(port)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        line_with(process, "ready")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            page = client.get("/").text
            assert all(f'value="{way}"' in page for way in WAYS)
            assert client.post("/behave", data={"as": "explode"}).status_code == 400
            for way, status in (("503", 503), ("429", 429), ("well", 201)):
                assert client.post("/behave", data={"as": way}).headers["Location"] == "/"
                assert client.post("/v1/payments", json={}).status_code == status
        process.terminate()
