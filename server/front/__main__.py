"""Runs it: `python -m server.front`. HOST, PORT, DATABASE_URL, REDIS_URL, STATE_DIR and WEB_SOCKET as elsewhere."""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

import uvicorn

from server.environment import BadEnvironment, env, number, redis_address
from server.front.desk import Desk
from server.front.passing import PassedOn
from server.front.protocol import bound
from server.logs import JsonLine
from server.places import PROJECT, web_socket


def main() -> int:
    log_lines()
    try:
        state = Path(env("STATE_DIR", str(PROJECT / "var"))).resolve()
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        redis_url = redis_address(env("REDIS_URL")).client
        desk = Desk(database_url=env("DATABASE_URL"), redis_url=redis_url, folder=state)
        config = configured(desk, env("WEB_SOCKET", str(web_socket(state))))
    except BadEnvironment as problem:
        print(problem, file=sys.stderr)
        return 1
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve(desk, config))
    return 0


def configured(desk: Desk, socket: str) -> uvicorn.Config:
    return uvicorn.Config(
        PassedOn(desk, socket),
        host=env("HOST", "127.0.0.1"),
        port=number("PORT", default=8000),
        http=bound(desk),
        loop="uvloop" if os.name != "nt" else "asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Who is connected is told apart, and what a proxy in front says is the web process's to believe or not.
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        backlog=4096,
    )


async def serve(desk: Desk, config: uvicorn.Config) -> None:
    server = uvicorn.Server(config)
    await desk.start()
    clock = asyncio.create_task(desk.run(lambda: server.server_state.connections))
    try:
        await server.serve()
    finally:
        desk.stop()
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock


def log_lines() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), handlers=[handler])
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # The web process has a line for each request it answers.
    logging.getLogger("uvicorn.access").propagate = False
    logging.getLogger("httpcore").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
