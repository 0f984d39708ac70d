"""Reads: the front, nginx and a plain DRF view, each on one core, asked by wrk on the other, in turns."""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.live.answers import ask
from server.places import PROJECT

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 32
KINDS = ("200", "304", "200, varied")
"""Varied: no request has the bytes of the one before, so that none is recognised."""
VARIED = Path(__file__).with_name("varied.lua")
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000;
    open_file_cache max=10; types {{}} default_type application/json;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/files; }}
}}
"""
ADDRESS = "/api/v1/settings/orders-to-payments"


@dataclass
class Place:
    """A server that answers the read, and what it answered in each round."""

    name: str
    port: int
    token: str
    rates: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in KINDS})
    microseconds: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in KINDS})
    """Processor time of each request, which says the same however busy the machine is with other things."""
    group: int = 0

    def measure(self, kind: str, seconds: int) -> None:
        status = 304 if kind == "304" else 200
        headers = {"Authorization": f"Bearer {self.token}"}
        _, given, _ = ask(self.port, ADDRESS, headers)
        if status == 304:
            headers["If-None-Match"] = given["etag"]
        assert ask(self.port, ADDRESS, headers)[0] == status, self.name
        more = ["-s", str(VARIED)] if kind == "200, varied" else []
        before = processor_seconds(self.group)
        rate, requests = wrk(self.port, headers, seconds, *more)
        self.rates[kind].append(rate)
        self.microseconds[kind].append((processor_seconds(self.group) - before) * 1e6 / requests)

    def median(self, kind: str) -> float:
        return statistics.median(self.rates[kind])

    def median_microseconds(self, kind: str) -> float:
        return statistics.median(self.microseconds[kind])


def ratio(one: Place, other: Place, kind: str) -> float:
    """Of rates in the same round, which saw the same machine."""
    pairs = zip(one.rates[kind], other.rates[kind], strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def processor_seconds(group: int) -> float:
    """What all processes of a group have used so far."""
    total = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[2]) == group:
            total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def wrk(port: int, headers: dict[str, str], seconds: int, *more: str) -> tuple[float, int]:
    """Requests a second, and how many there were."""
    told = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    url = f"http://127.0.0.1:{port}{ADDRESS}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *more, *told, url]
    said = subprocess.run(on_core(LOAD_CORE, command), capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found and "Non-2xx" not in said, said
    count = re.search(r"(\d+) requests in", said)
    assert count
    return float(found[1]), int(count[1])


def missing() -> list[str]:
    """Tools that are needed and not there."""
    return [each for each in ("nginx", "wrk", "taskset") if not shutil.which(each)]


def on_core(core: int, command: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *command]


@contextmanager
def front(folder: Path, token: str) -> Iterator[Place]:
    place = Place("front", free_port(), token)
    environment = {"PORT": str(place.port), "STATE_DIR": str(folder), "HOST": "127.0.0.1"}
    with running([sys.executable, "-m", "server.front"], place, folder, environment):
        yield place


@contextmanager
def plain(folder: Path, token: str) -> Iterator[Place]:
    place = Place("DRF", free_port(), token)
    shape = ["--interface", "wsgi", "--workers", "1", "--blocking-threads", "8", "--no-ws", "--port", str(place.port)]
    command = [sys.executable, "-m", "granian", *shape, "bench.live.plain:application"]
    with running(command, place, folder, {"DATABASE_POOL_SIZE": "8"}):
        yield place


@contextmanager
def nginx(folder: Path, body: bytes) -> Iterator[Place]:
    place = Place("nginx", free_port(), "none")
    file = folder / "files" / ADDRESS.removeprefix("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(body)
    for each in (folder, *file.parents):
        if each.is_relative_to(folder):
            each.chmod(0o755)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=place.port), encoding="ascii")
    with running(["nginx", "-c", str(configuration)], place, folder, {}):
        yield place


@contextmanager
def running(command: list[str], place: Place, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{place.name}.log").open("wb") as log:
        process = subprocess.Popen(
            on_core(SERVER_CORE, command),
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        place.group = process.pid
    try:
        wait_for(lambda: ask(place.port, ADDRESS, {"Authorization": f"Bearer {place.token}"})[0] == 200, place.name)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for(question: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if question():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{what} did not start")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
