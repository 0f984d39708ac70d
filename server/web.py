"""Runs the web process, pages and API, on the Unix socket where the front reaches it: `python -m server.web`."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import httpcore

from server.environment import BadEnvironment, env, number
from server.places import PROJECT, web_socket


def command(socket: Path, threads: int) -> list[str]:
    place = ["--uds", str(socket), "--uds-permissions", "0o600"]
    shape = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", str(threads), "--no-ws"]
    care = ["--respawn-failed-workers", "--workers-kill-timeout", "5s"]
    return [sys.executable, "-m", "granian", *place, *shape, *care, "server.wsgi:application"]


def main(arguments: list[str]) -> int:
    try:
        socket = Path(env("WEB_SOCKET", str(web_socket(Path(env("STATE_DIR", str(PROJECT / "var"))).resolve()))))
        threads = number("WEB_THREADS", default=8)
    except BadEnvironment as problem:
        print(problem, file=sys.stderr)
        return 1
    if arguments == ["--is-live"]:
        return 0 if is_live(socket) else 1
    return become(command(socket, threads), socket)


def is_live(socket: Path) -> bool:
    """Whether it answers; for a container's health check."""
    try:
        with httpcore.ConnectionPool(uds=str(socket)) as pool:
            return pool.request("GET", "http://127.0.0.1/healthz/live").status == 200
    except httpcore.ConnectError:
        return False


def become(arguments: list[str], socket: Path) -> NoReturn:
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # One that was killed leaves its socket, on which no other can listen.
    socket.unlink(missing_ok=True)
    os.execv(arguments[0], arguments)  # noqa: S606 - this very Python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
