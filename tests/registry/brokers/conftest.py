"""The brokers, each started once for all that is tried on it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="package")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[object, str]]:
    """The servers started so far, each once."""
    held: dict[object, str] = {None: os.environ["REDIS_URL"]}
    open_ones = []

    def started(server: object) -> str:
        if server not in held:
            home: Path = tmp_path_factory.mktemp("broker")
            one = server(home)  # type: ignore[operator]
            held[server] = one.__enter__()
            open_ones.append(one)
        return held[server]

    class Started(dict[object, str]):
        def __missing__(self, server: object) -> str:
            return started(server)

    yield Started(held)
    for one in reversed(open_ones):
        one.__exit__(None, None, None)
