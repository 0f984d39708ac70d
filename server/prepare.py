"""What must be done before a server starts: tables, demo data, static files. Progress to stderr, people to stdout."""

import hashlib
import io
import os
import sys
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command, get_commands
from django.db import DatabaseError, connection

from server.environment import flag
from server.progress import step


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
    django.setup()
    try:
        timed("Creating tables", lambda: quietly("migrate", interactive=False))
        if settings.APP_DATABASE_URL:
            quietly("grant_app_role")
        if flag("DEMO", default=True) and "load_demo" in get_commands():
            prepare_demo()
        if not (settings.TESTING or settings.DEBUG):
            prepare_static_files()
    except (DatabaseError, CommandError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def prepare_demo() -> None:
    """Load the demo once for each database; what people do with it afterwards is theirs."""
    marker = demo_marker()
    if not marker.exists():
        told = io.StringIO()
        timed("Loading the demo landscape", lambda: call_command("load_demo", stdout=told))
        marker.touch()
        print_tokens(told.getvalue())
    if "demo_people" in get_commands():
        call_command("demo_people")


def print_tokens(told: str) -> None:
    """Service tokens are told only when they are made."""
    _, found, tokens = told.partition("Tokens for ")
    if found:
        print(found + tokens[: tokens.rfind("Loaded ")])


def demo_marker() -> Path:
    where = {name: str(connection.settings_dict[name]) for name in ("NAME", "HOST", "PORT")}
    return Path(settings.STATE_DIR) / f"demo-loaded-{hashlib.sha256(repr(where).encode()).hexdigest()[:12]}"


def prepare_static_files() -> None:
    """Collect them when one has changed since; hashing and compressing them takes longer than all else."""
    present, collected = static_fingerprint(), Path(settings.STATE_DIR) / "static-collected"
    if collected.exists() and collected.read_text(encoding="ascii") == present and Path(settings.STATIC_ROOT).exists():
        return
    timed("Collecting static files", lambda: quietly("collectstatic", interactive=False, clear=True))
    collected.write_text(present, encoding="ascii")


def static_fingerprint() -> str:
    found = hashlib.sha256()
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=itemgetter(0)):
            state = os.stat(storage.path(name))
            found.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return found.hexdigest()


def timed(what: str, act: Callable[[], object]) -> None:
    with step(what, out=sys.stderr):
        act()


def quietly(command: str, **options: bool) -> None:
    call_command(command, stdout=io.StringIO(), verbosity=1, **options)


if __name__ == "__main__":
    sys.exit(main())
