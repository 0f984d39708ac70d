"""Live settings while what they depend on is killed: real processes, SIGKILL, every promise a follower is given."""

import hashlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from server.embedded import Postgres, Valkey
from server.places import PROJECT
from server.processes import Process, spawn
from tests.server.front.conftest import Reader, get, until
from tests.server.test_supervise import free_port

pytestmark = pytest.mark.faults

WRITERS = int(os.environ.get("WRITERS", "4"))
WATCHERS = int(os.environ.get("WATCHERS", "12"))
KILLS = int(os.environ.get("KILLS", "6"))
"""WRITERS=20 WATCHERS=50 KILLS=60 is the long form."""
ADDRESS = "/api/v1/settings/orders-to-payments"
STREAM = "/api/v1/settings/stream"
# Nothing here need survive a power cut, but what was committed must survive a kill.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=100")


class Stand:
    """PostgreSQL, Valkey, a front and somebody who writes, all its own."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o711)
        for each in folder.parents:
            if each.name.startswith("pytest-"):
                each.chmod(0o711)
        self.folder, self.port = folder, free_port()
        self.postgres = Postgres(folder / "postgres", folder / "run", folder / "postgres.log", options=OPTIONS)
        self.valkey = Valkey(folder / "valkey", folder / "run", folder / "valkey.log", options=("--appendonly", "no"))
        self.front: Process | None = None
        self.token = ""

    @property
    def environment(self) -> dict[str, str]:
        own = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.valkey.url, "STATE_DIR": str(self.folder)}
        return os.environ | own | {"PORT": str(self.port), "HOST": "127.0.0.1", "DEMO": "0"}

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=PROJECT, env=self.environment, check=True)
        with (self.folder / "writer.log").open("wb") as log:
            self.writer = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.writer"],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.token = self.tell("setup")["token"]
        self.start_front()

    def start_front(self) -> None:
        log = self.folder / "front.log"
        command = [sys.executable, "-m", "server.front"]
        self.front = spawn(command, log=log, dies_by=signal.SIGTERM, env=self.environment, cwd=PROJECT)
        assert until(self.answers, seconds=20), log.read_text()

    def tell(self, line: str) -> Any:
        assert self.writer.stdin and self.writer.stdout
        self.writer.stdin.write(f"{line}\n".encode())
        self.writer.stdin.flush()
        said = self.writer.stdout.readline()
        assert said, (self.folder / "writer.log").read_text()[-3000:]
        return json.loads(said)

    def ask(self, path: str = ADDRESS, token: str | None = None) -> tuple[int, dict[str, str], bytes]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(get(path, self.token if token is None else token))
            return Reader(connection).answer()

    def answers(self) -> bool:
        with suppress(OSError, EOFError):
            return self.ask("/healthz/settings")[0] == 200
        return False

    def kill(self, what: str) -> None:
        process = {"postgres": self.postgres.process, "valkey": self.valkey.process, "front": self.front}[what]
        assert process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def bring_back(self, what: str) -> None:
        {"postgres": self.postgres.start, "valkey": self.valkey.start, "front": self.start_front}[what]()

    def stop(self) -> None:
        self.writer.kill()
        self.writer.wait()
        for pipe in (self.writer.stdin, self.writer.stdout):
            if pipe:
                pipe.close()
        for what in ("front", "valkey", "postgres"):
            with suppress(ProcessLookupError, AssertionError):
                self.kill(what)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("live"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_revoked_token_ends_within_a_second_with_and_without_hints(stand: Stand) -> None:
    took = []
    for valkey_is_up in (True, False):
        if not valkey_is_up:
            stand.kill("valkey")
        for _ in range(3):
            made = stand.tell("token")
            assert stand.ask(token=made["token"])[0] == 200
            at = stand.tell(f"revoke {made['id']}")["at"]
            assert until(lambda made=made: stand.ask(token=made["token"])[0] == 401, seconds=2)  # type: ignore[misc]
            took.append(time.time() - at)
    stand.bring_back("valkey")
    assert max(took) < 1, took


def test_a_release_is_served_without_hints_too(stand: Stand) -> None:
    stand.kill("valkey")
    made = stand.tell("publish orders-to-payments")
    assert until(lambda: stand.ask()[1]["etag"] == made["etag"], seconds=2)
    stand.bring_back("valkey")


def test_settings_are_served_while_all_else_is_down_and_after_a_restart_and_say_how_old_they_are(stand: Stand) -> None:
    fresh = stand.ask()
    assert (fresh[0], "age" in fresh[1]) == (200, False)
    stand.kill("postgres")
    stand.kill("valkey")
    assert stand.ask()[2] == fresh[2]
    assert until(lambda: "x-settings-stale" in stand.ask()[1], seconds=6)
    before = stand.ask()[1]
    assert 3 <= int(before["x-settings-stale"]) <= int(before["age"]) < 10

    stand.kill("front")
    stand.start_front()
    status, headers, body = stand.ask()
    assert (status, body, headers["etag"]) == (200, fresh[2], fresh[1]["etag"])
    assert int(headers["x-settings-stale"]) >= int(before["x-settings-stale"])
    assert stand.ask(token="reg_00000000_" + "x" * 43)[0] == 503
    assert stand.ask("/api/v1/integrations")[0] == 503

    stand.bring_back("postgres")
    stand.bring_back("valkey")
    made = stand.tell("publish orders-to-payments")
    assert until(lambda: stand.ask()[1]["etag"] == made["etag"])
    assert "age" not in stand.ask()[1]
    assert stand.ask(token="reg_00000000_" + "x" * 43)[0] == 401


@dataclass
class Watcher:
    """Follows as a service does: reconnects with the last id it saw, reads the settings it is told of."""

    stand: Stand
    last_id: int
    told: list[tuple[str, int, str]] = field(default_factory=list)
    """(event, id, integration); "connected" before the first of each connection."""
    torn: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ended.is_set():
            with suppress(OSError, EOFError, ValueError):
                self.follow()
            self.ended.wait(random.uniform(0.02, 0.1))

    def follow(self) -> None:
        with socket.create_connection(("127.0.0.1", self.stand.port), timeout=20) as connection:
            connection.sendall(get(STREAM, self.stand.token, **{"Last-Event-ID": str(self.last_id)}))
            reader = Reader(connection)
            if reader.head()[0] != 200:
                return
            self.told.append(("connected", self.last_id, ""))
            while not self.ended.is_set():
                event = reader.event()
                data = json.loads(event["data"])
                self.told.append((event["event"], int(event["id"]), data.get("integration", "")))
                self.last_id = int(event["id"])
                if data and random.random() < 0.2:
                    self.read(data)

    def read(self, told: dict[str, Any]) -> None:
        """What is read because of a hint is whole, and at least as new as the hint."""
        status, headers, body = self.stand.ask(f"/api/v1/settings/{told['integration']}")
        number, _, sha256 = headers.get("etag", "").strip('"').partition("-")
        is_whole = hashlib.sha256(body).hexdigest() == sha256 and json.loads(body)["release"] == int(number)
        if status != 200 or not is_whole or int(number) < told["release"]:
            self.torn.append(f"{told} was answered by {status} {headers.get('etag')}")


def test_followers_are_told_what_they_were_promised_while_everything_is_killed(stand: Stand) -> None:
    """Ordered, Unique, Reliable, Atomic, Resumable, Bookmarkable, under SIGKILL of the front, Valkey and PostgreSQL."""
    began_at = int(stand.ask("/api/v1/settings")[1]["etag"].strip('"').partition("-")[0])
    watchers = [Watcher(stand, began_at) for _ in range(WATCHERS)]
    threads = [threading.Thread(target=each.run, daemon=True) for each in watchers]
    for thread in threads:
        thread.start()
    stand.tell(f"write {WRITERS}")
    victims = ["front", "postgres", "valkey"] * KILLS
    for victim in victims[:KILLS]:
        time.sleep(random.uniform(0.3, 0.9))
        stand.kill(victim)
        time.sleep(random.uniform(0, 0.3))
        stand.bring_back(victim)
    time.sleep(0.5)
    committed = [(number, name) for number, name in stand.tell("end")["releases"] if number > began_at]
    last = committed[-1][0]
    everybody = until(lambda: all(each.last_id >= last for each in watchers), seconds=15)
    for each in watchers:
        each.ended.set()
    assert everybody, [each.last_id for each in watchers]
    assert [number for number, _ in committed] == list(range(began_at + 1, last + 1))
    assert len(committed) > 5 * KILLS
    for promise in PROMISES:
        broken = [found for each in watchers for found in promise(each, committed)]
        assert not broken, (promise.__name__, broken[:3])
    stand.tell("publish refunds")  # ends the streams' silence, so that the threads end
    for thread in threads:
        thread.join(20)


Committed = list[tuple[int, str]]


def ordered(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """No event comes after a later one."""
    ids = [number for event, number, _ in watcher.told if event == "release"]
    yield from (f"{later} after {earlier}" for earlier, later in itertools.pairwise(ids) if later < earlier)


def unique(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """No event comes twice, not over a reconnection either."""
    ids = [number for event, number, _ in watcher.told if event == "release"]
    yield from (f"{number} twice" for number in set(ids) if ids.count(number) > 1)


def reliable(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """Within a connection none is left out."""
    names = dict(committed)
    since, told = 0, set[int]()
    for event, number, name in watcher.told:
        if event == "connected":
            since, told = 0, set()
        elif event == "bookmark":
            since = since or number
        elif since:
            yield from (f"{each} left out before {number}" for each in range(since + 1, number) if each not in told)
            told.add(number)
            if names[number] != name:
                yield f"{number} told of {name}, and is of {names[number]}"


def atomic(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """A hint never comes before what it hints at can be read whole."""
    yield from watcher.torn


def resumable(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """Over all connections the newest of each integration was told: what was left out, a later one replaced."""
    newest: dict[str, int] = {}
    for event, number, name in watcher.told:
        if event == "release":
            newest[name] = number
    yield from (
        f"{name}: {newest.get(name)}, not {number}" for number, name in committed if newest.get(name, 0) < number
    )


def bookmarkable(watcher: Watcher, committed: Committed) -> Iterator[str]:
    """Nothing older than a bookmark comes after it."""
    reached = 0
    for event, number, _ in watcher.told:
        if event == "bookmark":
            reached = max(reached, number)
        elif event == "release" and number <= reached:
            yield f"{number} after the bookmark {reached}"


PROMISES: tuple[Callable[[Watcher, Committed], Iterator[str]], ...] = (
    ordered,
    unique,
    reliable,
    atomic,
    resumable,
    bookmarkable,
)
