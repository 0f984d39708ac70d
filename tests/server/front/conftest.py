"""A front in a thread of its own, fed by the database of the test, with something behind it that tells what it got."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from django.conf import settings
from django.db import connection

from registry.models import Token
from server.front.__main__ import configured
from server.front.desk import Desk
from server.front.passing import PassedOn
from server.front.protocol import SettingsProtocol
from tests.api.conftest import Issue
from tests.api.conftest import issue as issue


class Behind(BaseHTTPRequestHandler):
    """Answers every request with what it was told."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        heard = {"method": self.command, "path": self.path, "headers": self.headers.items(), "bytes": len(body)}
        if self.path == "/dropped":
            self.close_connection = True
            return
        told = json.dumps(heard).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Of-This-Hop", "1")
        self.send_header("Connection", "X-Of-This-Hop, keep-alive")
        if self.path == "/pieces":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(3):
                self.wfile.write(b"%x\r\n%b\r\n" % (70_000, b"x" * 70_000))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = handle_any

    def address_string(self) -> str:
        return ""

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class Web(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class Front:
    """The front, as a test sees it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.socket = folder / "web.sock"
        self.desk = Desk(database_url=database_url, redis_url=settings.REDIS_URL, folder=folder)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        config = configured(self.desk, str(self.socket))
        config.timeout_graceful_shutdown = 1
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self.server.config.get_loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self.desk.start()
        clock = asyncio.create_task(self.desk.run(self.connections))
        await self.server._serve([self.listener])
        self.desk.stop()
        clock.cancel()
        passing = self.server.config.app
        assert isinstance(passing, PassedOn)
        await passing.aclose()

    def start(self) -> None:
        self.thread.start()
        assert until(lambda: self.desk.snapshot.is_loaded and not self.desk.stale_seconds)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.desk.feed.join(10)
        self.desk.hints.join(10)
        self.listener.close()

    def connections(self) -> list[SettingsProtocol]:
        found = list(self.server.server_state.connections)
        return [each for each in found if isinstance(each, SettingsProtocol)]

    def settled(self) -> None:
        """Wait until everything committed so far is in the snapshot."""
        turn = self.desk.feed.turn + 1
        self.desk.feed.wake()
        assert until(lambda: self.desk.snapshot.turn >= turn)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send these bytes and read one answer."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_answer(connection)


def get(path: str, token: str = "", *, method: str = "GET", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: registry"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Reader:
    """Answers off a connection, one after another."""

    def __init__(self, connection: socket.socket) -> None:
        self.file = connection.makefile("rb")

    def head(self) -> tuple[int, dict[str, str]]:
        line = self.file.readline()
        if not line:
            raise EOFError
        headers = {}
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(line.split()[1]), headers

    def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        status, headers = self.head()
        if not has_body or status == 304:
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(iter(self.chunk, b""))
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def chunk(self) -> bytes:
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def event(self) -> dict[str, str]:
        """The next event that is no heartbeat."""
        while True:
            lines = self.chunk().decode().strip("\n").split("\n")
            if fields := dict(line.split(": ", 1) for line in lines if not line.startswith(":")):
                return fields


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    return Reader(connection).answer()


def until(question: Callable[[], bool], *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.005)
    return question()


def database_url() -> str:
    """The test's own database, as libpq names it."""
    wanted = connection.get_connection_params()
    names = {"host": "host", "port": "port", "user": "user", "password": "password"}
    options = "&".join(f"{n}={quote(str(wanted[n]), safe='')}" for n in names if wanted.get(n))
    return f"postgresql:///{quote(str(wanted['dbname']))}?{options}"


@pytest.fixture
def front(transactional_db: None, tmp_path: Path) -> Iterator[Front]:
    made = Front(tmp_path, database_url())
    with Web(str(made.socket), Behind) as web:
        threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        made.start()
        yield made
        made.stop()
        web.shutdown()


@pytest.fixture
def token(issue: Issue) -> tuple[Token, str]:
    return issue("order-service", "production")
