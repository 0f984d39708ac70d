"""Real brokers for the tests, each on the loopback, dying with the tests. What is not installed says so."""

import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from server.processes import Process, kill_group, last_lines, spawn, stop, stop_all

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
MOST_BYTES = 4_000_000
"""Of a message, so that one too large need not have a hundred megabytes."""
ERLANG_SPARE = "+S 1:1 +sbwt none"
MOCK_KAFKA = """
import sys, time
from confluent_kafka import Consumer
held = Consumer({"bootstrap.servers": "unused", "group.id": "mock", "test.mock.num.brokers": 1, "log_level": 0})
broker = next(iter(held.list_topics(timeout=10).brokers.values()))
print(f"{broker.host}:{broker.port}", flush=True)
time.sleep(3600)
"""


def missing(name: str) -> None:
    """Not checked is not passed: where all must be there, its absence is a failure."""
    said = f"{name} is not installed here: what it does is not checked."
    if os.environ.get("REQUIRE_BROKERS"):
        pytest.fail(said)
    pytest.skip(said)


def answering(
    command: list[str],
    log: Path,
    *,
    answers: Callable[[], bool],
    dies_by: signal.Signals = signal.SIGKILL,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Process:
    """A server that answers."""
    process = spawn(command, log=log, dies_by=dies_by, env={**os.environ, **environment})
    deadline = time.monotonic() + 60
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process, by=signal.SIGTERM)
            pytest.fail(f"{command[0]} did not start:\n{last_lines(log)}")
        time.sleep(0.05)
    return process


@contextmanager
def running(command: list[str], log: Path, *, answers: Callable[[], bool]) -> Iterator[None]:
    """The same until the block ends."""
    process = answering(command, log, answers=answers)
    try:
        yield
    finally:
        stop(process, by=signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def listens(port: int) -> Callable[[], bool]:
    def answers() -> bool:
        with socket.socket() as trial:
            trial.settimeout(0.5)
            return trial.connect_ex(("127.0.0.1", port)) == 0

    return answers


@dataclass
class RabbitMQ:
    """A RabbitMQ without plugins, with a user of its own; killed, it starts again with what it had kept."""

    home: Path
    port: int = field(default_factory=free_port)
    distribution: int = field(default_factory=free_port)
    names: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    process: Process | None = field(default=None, init=False)
    register: Process | None = field(default=None, init=False)
    """Erlang's, of the names of its nodes."""

    @property
    def url(self) -> str:
        return f"amqp://tests:{self.password}@127.0.0.1:{self.port}/%2F"

    def start(self) -> None:
        if not RABBITMQ.exists():
            missing("RabbitMQ (Debian's rabbitmq-server)")
        settings = self.home / "rabbitmq.conf"
        settings.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndefault_user = tests\ndefault_pass = {self.password}\n"
            f"log.console = true\nmax_message_size = {MOST_BYTES}\n"
        )
        environment = {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.names),
            "HOME": str(self.home),
            "RABBITMQ_BASE": str(self.home),
            "RABBITMQ_CONFIG_FILE": str(settings),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(self.home / "mnesia"),
            "RABBITMQ_NODENAME": f"tests-{self.port}@localhost",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_SPARE,
        }
        log = self.home / "rabbitmq.log"
        if not self.register or self.register.poll() is not None:
            # Else the node starts one that outlives whoever started the node.
            command = ["epmd", "-port", str(self.names)]
            self.register = answering(command, log, answers=listens(self.names), environment=environment)
        # Its virtual machine is a child of that process, which ends it when it is itself asked to end.
        self.process = answering(
            [str(RABBITMQ)], log, answers=listens(self.port), dies_by=signal.SIGTERM, environment=environment
        )

    def kill(self) -> None:
        """SIGKILL, as a machine out of memory would."""
        assert self.process
        kill_group(self.process.pid)
        self.process.wait()
        # Its virtual machine is a child of that process, and dies a moment later.
        while listens(self.port)():
            time.sleep(0.01)

    def stop(self) -> None:
        stop_all([(each, signal.SIGTERM) for each in (self.process, self.register) if each])


@contextmanager
def rabbitmq(home: Path) -> Iterator[str]:
    """The url of a RabbitMQ of one's own."""
    server = RabbitMQ(home)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@contextmanager
def nats(home: Path, *more: str) -> Iterator[str]:
    """The url of a NATS server with JetStream, told `more` at its start."""
    binary = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not binary:
        missing("nats-server")
    port = free_port()
    command = [str(binary), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(home), *more]
    with running(command, home / "nats.log", answers=listens(port)):
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def kafka(home: Path) -> Iterator[str]:
    """host:port of the mock cluster that Kafka's C client carries; it is not a real broker."""
    log = home / "kafka.log"
    with running([sys.executable, "-c", MOCK_KAFKA], log, answers=lambda: bool(log.exists() and log.read_text())):
        yield log.read_text().split()[0]


@contextmanager
def sqs(home: Path) -> Iterator[str]:
    """The url of moto's server, which answers as Amazon would."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, home / "moto.log", answers=listens(port)):
        yield f"http://tests:tests@127.0.0.1:{port}?region=eu-west-1"


@contextmanager
def failing_at(url: str, what: str, *, after: int) -> Iterator[str]:
    """The url of that SQS, but asked for `what` it fails once it answered so many times."""
    host = url.split("@")[1].split("?")[0]
    asked: list[str] = []

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers["X-Amz-Target"].rpartition(".")[2])
            fails = asked[-1] == what and asked.count(what) > after
            status, told = (503, b"{}") if fails else self.answered(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def answered(self, body: bytes) -> tuple[int, bytes]:
            line = HTTPConnection(host, timeout=10)
            line.request("POST", self.path, body, dict(self.headers.items()))
            answer = line.getresponse()
            told = answer.read()
            line.close()
            return answer.status, told

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url.replace(host, f"127.0.0.1:{server.server_port}")
        server.shutdown()


@contextmanager
def hearing() -> Iterator[tuple[str, list[str]]]:
    """The url of an SQS that knows any queue, and by which keys it was asked."""
    heard: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            heard.append(self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.end_headers()
            self.wfile.write(b'{"QueueUrl": "http://%s/orders"}' % self.headers["Host"].encode())

        do_GET = do_PUT = do_POST

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


@contextmanager
def failing(status: int, *, after: int = 0) -> Iterator[str]:
    """The url of an SQS that tells of so many queues, and then fails at whatever it is asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.headers["X-Amz-Target"])
            told = b'{"QueueUrl": "http://%s/orders"}' % self.headers["Host"].encode()
            self.send_response(200 if len(asked) <= after else status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.end_headers()
            self.wfile.write(told if len(asked) <= after else b"{}")

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://tests:tests@127.0.0.1:{server.server_port}?region=eu-west-1"
        server.shutdown()
