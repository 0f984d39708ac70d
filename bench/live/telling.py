"""The front's own desk and protocol, with settings made up and told at a word on its input: `… PORT TOKEN`.

Says when it began to tell, by the clock all processes share, or its memory in kilobytes.
"""

import asyncio
import functools
import hashlib
import os
import sys
import time
from pathlib import Path

import uvicorn

from registry.live.snapshot import Change, TokenRow
from registry.live.wire import Release, prepared
from server.front.desk import Desk
from server.front.protocol import bound


def change(number: int, token: str) -> Change:
    body = b'{"release":%d}' % number
    parties = frozenset({"shop"})
    release = Release(
        "production", "orders-to-payments", number, 1, hashlib.sha256(body).hexdigest(), body, "k", "s", parties
    )
    row = TokenRow(1, hashlib.sha256(token.encode()).hexdigest(), "shop", "production", float("inf"))
    tokens = (row,) if number == 1 else None
    return Change(number, time.time() + 3600, {"production": number}, ((release, prepared(release)),), (), tokens)


def resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def serve(port: int, token: str) -> None:
    desk = Desk(database_url="", redis_url="redis://127.0.0.1", folder=Path())
    desk.apply(change(1, token))
    config = uvicorn.Config(
        functools.partial(nothing),
        port=port,
        http=bound(desk),
        ws="none",
        lifespan="off",
        log_config=None,
        backlog=4096,
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    number = 1

    def heard() -> None:
        nonlocal number
        word = sys.stdin.readline().strip()
        if not word:
            server.should_exit = True
        elif word == "memory":
            print(resident_kb(), flush=True)
        else:
            number += 1
            made = change(number, token)
            print(time.monotonic_ns(), flush=True)
            desk.apply(made)

    loop.add_reader(sys.stdin, heard)
    print("LISTENS", flush=True)
    await server.serve()


async def nothing(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
