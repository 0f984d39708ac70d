"""From a bare Python with pip to a running project: makes .venv, installs a lock file into it, and goes on there.

Standard library only: nothing is installed yet when this runs.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from server.places import PROJECT, VENV
from server.progress import step

PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# Which lock file a command needs, and what it then runs.
COMMANDS = {
    "up": ("embedded", ["-m", "server.supervise"]),
    "test": ("dev", ["-m", "server.testing"]),
    "checks": ("dev", ["-m", "server.checks"]),
    "demo-clients": ("embedded", ["-m", "server.demo_clients"]),
    "install": ("dev", ["-c", "pass"]),
}
# A lock file that holds all of another and more.
HOLDS = {"embedded": ("embedded", "dev"), "dev": ("dev",)}


class CannotInstall(Exception):
    """The message says what is missing and how to get it."""


def main(arguments: list[str]) -> int:
    command, *rest = arguments
    lock, then = COMMANDS[command]
    try:
        install(lock)
    except CannotInstall as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return go_on([*then, *rest])


def go_on(arguments: list[str]) -> NoReturn:
    os.chdir(PROJECT)
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])  # noqa: S606 - the Python just installed


def install(lock: str) -> None:
    """Make the virtual environment and fill it, unless it already holds what the lock file says."""
    if PYTHON.exists() and any(is_installed(each) for each in HOLDS[lock]):
        return
    if not PYTHON.exists():
        with step("Making a virtual environment in .venv"):
            # Debian's python3 comes without ensurepip; the pip that is there installs from outside.
            run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    requirements = PROJECT / "requirements" / f"{lock}.txt"
    with step(f"Installing {count_packages(requirements)} packages") as say:
        arguments = ["install", "--require-hashes", "--disable-pip-version-check", "--progress-bar=off"]
        lines = follow([*pip(), *arguments, "-r", str(requirements)])
        done = 0
        for line in lines:
            done += line.startswith("Collecting ")
            say("putting them in place" if line.startswith("Installing collected") else f"{done} fetched")
    stamp(lock).write_text(fingerprint(lock), encoding="ascii")


def is_installed(lock: str) -> bool:
    return stamp(lock).exists() and stamp(lock).read_text(encoding="ascii") == fingerprint(lock)


def stamp(lock: str) -> Path:
    return VENV / f".installed-{lock}"


def fingerprint(lock: str) -> str:
    """The lock file's hash and the Python that installed it."""
    content = (PROJECT / "requirements" / f"{lock}.txt").read_bytes()
    return hashlib.sha256(content + str((VENV / "pyvenv.cfg").stat().st_mtime_ns).encode()).hexdigest()


def count_packages(requirements: Path) -> int:
    return sum("==" in line for line in requirements.read_text(encoding="utf-8").splitlines())


def pip() -> list[str]:
    """A pip that installs into .venv: its own, else this Python's or its parent's with --python."""
    candidates = [[str(PYTHON), "-m", "pip"]]
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        candidates.append([python, "-m", "pip", "--python", str(PYTHON)])
    for candidate in candidates:
        if subprocess.run([*candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    if subprocess.run([str(PYTHON), "-m", "ensurepip"], capture_output=True, check=False).returncode == 0:
        return candidates[0]
    raise CannotInstall(
        f"No pip of version 22.3 or newer was found for {sys.executable}.\n"
        "Install it (Debian: apt install python3-pip; elsewhere: python3 -m ensurepip --upgrade) and start again."
    )


def run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise CannotInstall(f"{' '.join(command)} failed:\n{done.stdout}")


def follow(command: list[str]) -> Iterator[str]:
    """Each line a command prints while it runs."""
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            said.append(line)
            yield line
    if process.returncode:
        raise CannotInstall("Installing failed. The end of what pip said:\n" + "".join(said[-20:]))
