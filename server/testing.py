"""`make test`: says what it does, then runs the tests on every core."""

import os
import shutil
import subprocess
import sys

from server.places import PROJECT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    given = sys.argv[1:]
    for name, what in {"DATABASE_URL": "PostgreSQL", "REDIS_URL": "Valkey"}.items():
        where = f"the one {name} names" if os.environ.get(name) else "our own from its wheel, thrown away afterwards"
        print(f"  {what}: {where}", flush=True)
    print(f"  Browser: {browser() or 'none found; its tests say so and are skipped'}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *spread(given), *given]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def browser() -> str | None:
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, BROWSERS)), None)


def spread(given: list[str]) -> list[str]:
    """On every core, by file: a file's tests share what is costly to make."""
    chosen = any(each.startswith(("-n", "--numprocesses")) for each in given)
    return [] if chosen else ["-n", "auto", "--dist", "loadfile"]


if __name__ == "__main__":
    sys.exit(main())
