"""Starts real servers for the tests, once, before Django reads its settings; workers of xdist share them."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.embedded import FORGETFUL, Postgres, Valkey

PREFIX = "registry-tests-"
NEEDS_NO_SERVER = ("--help", "-h", "--version", "-V", "--markers", "--fixtures")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Iterator[None]:
    os.environ["MODE"] = "test"
    for name in ("SECRET_KEY", "SIGNING_KEY"):
        os.environ.setdefault(name, secrets.token_hex(32))
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        use_own_keyspace(worker)
    elif not any(argument in NEEDS_NO_SERVER for argument in args):
        start_servers(early_config.add_cleanup)
    if os.environ.get("DATABASE_URL") == os.environ.get("REGISTRY_TEST_POSTGRES", ""):
        # The whole server is thrown away at the end; dropping each database first would only wait for its last user.
        args.insert(0, "--reuse-db")
    yield


def start_servers(at_end: Callable[[Callable[[], None]], None]) -> None:
    """Start what the environment does not name already."""
    wanted = {"DATABASE_URL": Postgres, "REDIS_URL": Valkey}
    missing = [name for name in wanted if not os.environ.get(name)]
    if not missing:
        return
    sweep()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    at_end(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ.setdefault("STATE_DIR", str(home))
    if "DATABASE_URL" in missing:
        home.chmod(0o711)
        postgres = Postgres(home / "postgres", home / "run", home / "postgres.log", options=FORGETFUL)
        at_end(postgres.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = os.environ["REGISTRY_TEST_POSTGRES"] = postgres.url
    if "REDIS_URL" in missing:
        valkey = Valkey(home / "valkey", home / "run", home / "valkey.log", options=("--appendonly", "no"))
        at_end(valkey.stop)
        valkey.start()
        os.environ["REDIS_URL"] = os.environ["REGISTRY_TEST_VALKEY"] = valkey.url


def sweep() -> None:
    """Remove what runs left that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def use_own_keyspace(worker: str) -> None:
    """Give each worker its own numbered database in the shared Valkey, where that one is ours."""
    if shared := os.environ.get("REGISTRY_TEST_VALKEY"):
        os.environ["REDIS_URL"] = f"{shared}?db={int(worker.removeprefix('gw')) % 63 + 1}"
