"""Followers: from the first write to the last of N clients, beside a loop in C that sends the same bytes."""

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.live.reads import LOAD_CORE, SERVER_CORE, free_port, on_core
from registry.live.wire import chunk
from server.front.desk import bookmark
from server.places import PROJECT

HERE = Path(__file__).parent
TOKEN = "reg_bench"  # noqa: S105 - opens nothing
REQUEST = f"GET /api/v1/settings/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Told:
    """How long it took until the last of so many was told, in milliseconds."""

    count: int
    front_ms: list[float]
    loop_ms: list[float]
    kilobytes_each: float

    @property
    def ratio(self) -> float:
        return statistics.median(self.front_ms) / statistics.median(self.loop_ms)


def measure(folder: Path, count: int, rounds: int) -> Told:
    """Both servers stand with all their followers; they are asked to tell in turns."""
    hint = b'{"integration":"orders-to-payments","release":1000,"etag":"%b"}' % (b"x" * 73)
    event = chunk(b"event: release\nid: 1000\ndata: %b\n\n" % hint)
    front_port, loop_port = free_port(), free_port()
    front_command = [sys.executable, "-m", "bench.live.telling", str(front_port), TOKEN]
    loop_command = [str(folder / "loop"), str(loop_port), str(count), bookmark(1).decode(), event.decode()]
    with server(front_command) as front, server(loop_command) as loop:
        before = int(say(front, "memory"))
        with clients(folder, front_port, count) as of_front, clients(folder, loop_port, count) as of_loop:
            each = (int(say(front, "memory")) - before) / count
            front_ms, loop_ms = [], []
            for _ in range(rounds + 1):
                front_ms.append(once(front, of_front))
                loop_ms.append(once(loop, of_loop))
    # The first time pages are touched and ways are learnt, on either side.
    return Told(count, front_ms[1:], loop_ms[1:], each)


def once(telling: subprocess.Popen[str], hearing: subprocess.Popen[str]) -> float:
    began = int(say(telling, "tell"))
    assert hearing.stdout
    _, last = hearing.stdout.readline().split()
    return (int(last) - began) / 1e6


def say(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdin and process.stdout
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return process.stdout.readline()


def build(folder: Path) -> None:
    for name in ("loop", "clients"):
        subprocess.run(["gcc", "-O2", "-o", str(folder / name), str(HERE / f"{name}.c")], check=True)


def missing() -> list[str]:
    return [each for each in ("gcc", "taskset") if not shutil.which(each)]


@contextmanager
def server(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with started(on_core(SERVER_CORE, command)) as process:
        assert process.stdout
        assert process.stdout.readline() == "LISTENS\n"
        yield process


@contextmanager
def clients(folder: Path, port: int, count: int) -> Iterator[subprocess.Popen[str]]:
    command = [str(folder / "clients"), str(port), str(count), REQUEST]
    with started(on_core(LOAD_CORE, command)) as process:
        assert process.stdout
        assert process.stdout.readline() == "READY\n"
        yield process


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
