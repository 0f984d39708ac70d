"""Runs everything on one machine: servers, front, web, worker and beat, as children that never outlive it."""

import errno
import fcntl
import functools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from server.embedded import Postgres, Valkey, postgres_home
from server.environment import BadEnvironment, env, number
from server.places import PROJECT, socket_folder, web_socket
from server.processes import DidNotStart, Process, dying_with_parent, last_lines, spawn, stop_all
from server.progress import step
from server.watchdog import Watchdog

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
# A child that ran this long was well; its next end is a new trouble.
WELL_AFTER_S = 60.0


class CannotRun(Exception):
    """The message says what is in the way and what to do."""


@dataclass
class Child:
    """A process that is started again when it ends, later each time."""

    name: str
    launch: Callable[[], Process]
    log: Path
    ends_by: signal.Signals = signal.SIGTERM
    process: Process | None = None
    due_at: float = 0.0
    started_at: float = 0.0
    wait_s: float = FIRST_WAIT_S

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = self.launch()

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self, now: float) -> float:
        """How many seconds from now it starts again."""
        if now - self.started_at > WELL_AFTER_S:
            self.wait_s = FIRST_WAIT_S
        planned, self.wait_s = self.wait_s, min(self.wait_s * 2, LONGEST_WAIT_S)
        self.due_at = now + planned
        return planned


@dataclass
class Supervisor:
    """The children, in the order they start; they stop in reverse."""

    state: Path
    host: str
    port: int
    servers: list[Child] = field(default_factory=list)
    workers: list[Child] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    watchdog: Watchdog = field(default_factory=Watchdog)

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def url(self) -> str:
        return f"http://{'localhost' if self.host in {'0.0.0.0', '::'} else self.host}:{self.port}/"  # noqa: S104

    def start(self) -> str:
        """Start everything; what to tell people about the demo."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.environment |= {"STATE_DIR": str(self.state), "PYTHONUNBUFFERED": "1"}
        self.environment.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
        self.start_servers()
        people = self.prepare()
        self.start_workers()
        return people

    def start_servers(self) -> None:
        home = postgres_home(self.state)
        sockets = socket_folder(self.state) if home == self.state else home / "run"
        if not os.environ.get("DATABASE_URL"):
            postgres = Postgres(home / "postgres", sockets, self.logs / "postgres.log")
            self.servers.append(Child("PostgreSQL", postgres.start, postgres.log, ends_by=signal.SIGINT))
            self.environment |= {"DATABASE_URL": postgres.url, "APP_DATABASE_URL": postgres.app_url}
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(self.state / "valkey", sockets, self.logs / "valkey.log")
            self.servers.append(Child("Valkey", valkey.start, valkey.log))
            self.environment["REDIS_URL"] = valkey.url
        for child in self.servers:
            with step(f"Starting {child.name}"):
                self.start_child(child)

    def prepare(self) -> str:
        done = subprocess.run(
            dying_with_parent([sys.executable, "-m", "server.prepare"], signal.SIGTERM),
            stdout=subprocess.PIPE,
            stderr=sys.stdout,
            env=self.environment,
            cwd=PROJECT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotRun("The registry could not be made ready; see above.")
        return done.stdout

    def start_workers(self) -> None:
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--app=server.celery", "--quiet"]
        beat_file = self.state / "beat-schedule"
        place = {"HOST": self.host, "PORT": str(self.port)}
        self.environment["WEB_SOCKET"] = str(web_socket(self.state))
        self.add_worker("web", [*python, "server.web"], {"DATABASE_POOL_SIZE": "10"})
        self.add_worker("front", [*python, "server.front"], place)
        self.add_worker("worker", [*celery, "worker", "--concurrency=2", "--loglevel=INFO", "--without-mingle"])
        self.add_worker("beat", [*celery, "beat", "--loglevel=INFO", "--pidfile=", f"--schedule={beat_file}"])
        web, front, *others = self.workers
        with step("Starting web, worker and beat"):
            # These alone first: the sooner somebody can sign in, the better.
            self.start_child(web)
            self.start_child(front)
            self.wait_for_web()
            for child in others:
                self.start_child(child)

    def add_worker(self, name: str, command: list[str], more: dict[str, str] | None = None) -> None:
        log = self.logs / f"{name}.log"
        environment = self.environment | (more or {})
        # Only what makes tables connects as their owner.
        environment["DATABASE_URL"] = environment.pop("APP_DATABASE_URL", "") or environment.get("DATABASE_URL", "")
        launch = functools.partial(spawn, command, log=log, dies_by=signal.SIGTERM, env=environment, cwd=PROJECT)
        self.workers.append(Child(name, launch, log))

    def start_child(self, child: Child) -> None:
        child.start()
        assert child.process
        self.watchdog.watch(child.process.pid, child.ends_by)

    def wait_for_web(self, seconds: float = 90) -> None:
        web, front = self.workers[:2]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (web.has_ended or front.has_ended):
            if answers(f"http://{self.url.split('/')[2]}/healthz/live"):
                return
            time.sleep(0.1)
        log = front.log if front.has_ended else web.log
        raise DidNotStart(f"The web server did not start. The end of {log}:\n{last_lines(log)}")

    def watch(self) -> None:
        """Start again what ends, for ever."""
        while True:
            for child in (*self.servers, *self.workers):
                self.look_after(child)
            time.sleep(0.2)

    def look_after(self, child: Child) -> None:
        now = time.monotonic()
        if not child.has_ended:
            return
        assert child.process
        if not child.due_at:
            self.watchdog.forget(child.process.pid)
            wait_s = child.plan_restart(now)
            say(f"{child.name} ended ({how(child.process.returncode)}); it starts again in {wait_s:.0f} s. {child.log}")
        elif now >= child.due_at:
            child.due_at = 0.0
            try:
                self.start_child(child)
            except DidNotStart as problem:
                say(str(problem))

    def stop(self) -> None:
        for group in (self.workers, self.servers):
            stop_all([(child.process, child.ends_by) for child in reversed(group) if child.process])
        self.watchdog.dismiss()


def answers(url: str) -> bool:
    """Whether a process answers there, if only to say no; the front says that nobody is behind it."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError as refusal:
        return refusal.code not in {502, 503}
    except OSError:
        return False


def how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                why = f"Port {port} of {host} is in use. Choose another: PORT={port + 1} make run"
            else:
                why = f"Port {port} of {host} cannot be opened: {problem.strerror}. Set HOST and PORT."
            raise CannotRun(why) from None


def be_alone(state: Path) -> None:
    """Hold the folder of the state; two supervisors must not share data. The kernel lets go when we die."""
    descriptor = os.open(state / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 20).decode() or "another"
        raise CannotRun(f"It already runs here (process {owner}). Stop that one first, or set STATE_DIR.") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def stop_on_signals() -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, interrupt)


def main() -> int:
    stop_on_signals()
    state = Path(env("STATE_DIR", str(PROJECT / "var"))).resolve()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        host, port = env("HOST", "127.0.0.1"), number("PORT", default=8000)
        be_alone(state)
        require_free_port(host, port)
    except (CannotRun, BadEnvironment) as problem:
        print(problem, file=sys.stderr)
        return 1
    return run(Supervisor(state, host, port))


def run(supervisor: Supervisor) -> int:
    began = time.monotonic()
    try:
        people = supervisor.start()
        print(
            f"\nReady in {time.monotonic() - began:.1f} s: {supervisor.url}   (Ctrl-C stops it)\n{people}", flush=True
        )
        supervisor.watch()
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
    except (CannotRun, DidNotStart) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    finally:
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
