"""One command runs everything, and nothing outlives it: real processes, really killed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from server.places import PROJECT

pytestmark = pytest.mark.faults

STARTS_WITHIN_S = 90
STOPS_WITHIN_S = 15
OURS_ALONE = ("DATABASE_URL", "REDIS_URL", "REGISTRY_TEST_VALKEY", "MODE", "SECRET_KEY", "SIGNING_KEY")


class Registry:
    """A supervisor of the test's own, with its own state and port."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.told = folder / "told"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """What it printed until it was ready."""
        self.process = process = self.launch()
        assert until(lambda: "Ready in" in self.said() or process.poll() is not None, seconds=STARTS_WITHIN_S)
        assert process.poll() is None, self.said()
        return self.said()

    def refusal(self) -> str:
        """What it says when it cannot start."""
        self.process = self.launch()
        assert self.process.wait(20) == 1
        return self.said()

    def said(self) -> str:
        return self.told.read_text()

    def launch(self) -> "subprocess.Popen[bytes]":
        kept = {name: value for name, value in os.environ.items() if name not in OURS_ALONE}
        # Static files are served as they are, which spares each start their collecting.
        own = {"STATE_DIR": str(self.state), "PORT": str(self.port), "DEMO": "0", "DEBUG": "1"}
        with self.told.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "server.supervise"],
                cwd=PROJECT,
                env=kept | own,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return int((self.state / "supervisor.lock").read_text())

    def processes(self) -> dict[int, str]:
        """Everything alive that belongs to this state: its children carry its folder in their environment or words."""
        return {pid: command for pid, command, marks in all_processes() if str(self.state) in marks}

    def child(self, *words: str) -> int | None:
        """The supervisor's own child whose command has all these words."""
        mine = (pid for pid, command in self.processes().items() if all(word in command for word in words))
        return next((pid for pid in mine if parent_of(pid) == self.pid), None)

    def database(self) -> "psycopg.Connection[tuple[int, ...]]":
        return psycopg.connect(f"host={self.state}/run user=registry dbname=registry", autocommit=True)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz/ready", timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def kill_what_is_left(self) -> None:
        for pid in self.processes():
            try_to_kill(pid)
        if self.process:
            self.process.wait(5)


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    prepared = Registry(tmp_path_factory.mktemp("up"))
    yield prepared
    prepared.kill_what_is_left()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One that the tests leave running."""
    started = Registry(tmp_path_factory.mktemp("up"))
    started.start()
    yield started
    started.kill_what_is_left()


def test_ctrl_c_stops_everything_and_the_next_start_finds_its_data(registry: Registry) -> None:
    said = registry.start()
    assert f"http://127.0.0.1:{registry.port}/" in said
    assert until(registry.answers)
    with closing(registry.database()) as database:
        database.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    os.kill(registry.pid, signal.SIGINT)
    assert until(lambda: not registry.processes()), registry.processes()
    assert registry.process
    assert registry.process.wait(5) == 0

    registry.start()
    with closing(registry.database()) as database:
        assert database.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_web_and_workers_do_not_connect_as_the_owner_of_the_tables(running: Registry) -> None:
    assert until(running.answers)
    # A token is looked up in the database, over a connection that stays.
    asked = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/api/v1/settings", headers={"Authorization": "Bearer x"}
    )
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(asked, timeout=10)
    with closing(running.database()) as database:
        ours = (
            "SELECT count(*) FILTER (WHERE usename = 'registry_app'), count(*) FILTER (WHERE usename <> 'registry_app')"
            " FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        counted = database.execute(ours).fetchone()
        assert counted is not None
        app, others = counted
        assert app > 0
        assert others == 0


def test_kill_9_of_the_supervisor_leaves_no_process(registry: Registry) -> None:
    registry.start()
    assert len(registry.processes()) >= 6

    os.kill(registry.pid, signal.SIGKILL)
    assert until(lambda: not registry.processes()), registry.processes()


def test_without_help_of_the_kernel_kill_9_leaves_no_process_either(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for tool in ("unshare", "true"):
        (tmp_path / tool).symlink_to(Path("/usr/bin") / tool)
    monkeypatch.setenv("PATH", str(tmp_path))
    registry.start()

    os.kill(registry.pid, signal.SIGKILL)
    assert until(lambda: not registry.processes()), registry.processes()


def test_what_dies_starts_again_and_committed_rows_survive(running: Registry) -> None:
    with closing(running.database()) as database:
        database.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    killed = [running.child("postgres", "-D"), running.child("granian"), running.child("celery", "worker")]
    for pid in killed:
        assert pid
        os.kill(pid, signal.SIGKILL)

    assert until(lambda: not set(killed) & set(running.processes()) and running.answers(), seconds=30)
    with closing(running.database()) as database:
        assert database.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert until(lambda: running.child("celery", "worker") not in {None, *killed})


def test_two_do_not_share_one_state(running: Registry) -> None:
    second = Registry(running.told.parent)
    second.told = running.told.with_name("told by the second")

    assert f"It already runs here (process {running.pid})" in second.refusal()
    assert until(running.answers)


def test_a_port_in_use_is_named_before_anything_starts(registry: Registry) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", registry.port))
        taken.listen()
        said = registry.refusal()

    assert f"Port {registry.port} of 127.0.0.1 is in use. Choose another: PORT={registry.port + 1} make run" in said
    assert not (registry.state / "postgres").exists()


def until(question: Callable[[], bool], *, seconds: float = STOPS_WITHIN_S) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.1)
    return question()


def all_processes() -> Iterator[tuple[int, str, str]]:
    """Each living process of ours: its id, its command, and that with its environment."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            marks = command + (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if command:
            yield int(folder.name), command, marks


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def try_to_kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
