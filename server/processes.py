"""Child processes that never outlive this one. Standard library only."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Process = subprocess.Popen[bytes]


class DidNotStart(Exception):
    """A server or one of its tools failed; the message ends with what it said."""


def spawn(
    command: list[str],
    *,
    log: Path,
    dies_by: signal.Signals,
    env: Mapping[str, str],
    user: int | None = None,
    cwd: str | Path | None = None,
) -> Process:
    """Start a child that gets the signal `dies_by` when this process dies, however it dies."""
    with log.open("ab") as output:
        return subprocess.Popen(
            dying_with_parent(command, dies_by),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            user=user,
            cwd=cwd,
            # Ctrl-C in the terminal is for the supervisor, which stops its children in order.
            start_new_session=True,
        )


def dying_with_parent(command: list[str], by: signal.Signals) -> list[str]:
    """The command, with the kernel told to send it `by` when its parent dies, where setpriv can tell it so."""
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", by.name.removeprefix("SIG"), "--", *command]
    return command


def start_until_ready(
    launch: Callable[[], Process], is_ready: Callable[[], bool], *, what: str, log: Path, seconds: float
) -> Process:
    """Launch until it answers; one that ends at once is launched again for a while."""
    deadline = time.monotonic() + seconds
    process = launch()
    while time.monotonic() < deadline:
        if process.poll() is not None:
            time.sleep(0.3)
            process = launch()
        elif is_ready():
            return process
        time.sleep(0.03)
    stop(process, by=signal.SIGTERM)
    raise DidNotStart(f"{what} did not start within {seconds:.0f} s. The end of {log}:\n{last_lines(log)}")


def stop(process: Process, *, by: signal.Signals, seconds: float = 8) -> None:
    stop_all([(process, by)], seconds=seconds)


def stop_all(processes: Sequence[tuple[Process, signal.Signals]], *, seconds: float = 8) -> None:
    """Ask all to end, wait for all, and kill the groups of those that have not."""
    for process, by in processes:
        if process.poll() is None:
            process.send_signal(by)
    deadline = time.monotonic() + seconds
    for process, _ in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            process.wait()


def kill_group(leader: int) -> None:
    """Kill a child with everything it started; each of ours leads its own group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def last_lines(log: Path, count: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(no log)"
