"""Ends the supervisor's children when it dies without doing so. Standard library only; run as a script.

The kernel already signals each child on Linux with setpriv; this one sees to it that they are really gone, and is all
there is elsewhere. It reads lines `+pid signal` and `-pid` from a pipe that only the supervisor holds open.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 3.0


class Watchdog:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve())], stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, pid: int, ends_by: signal.Signals) -> None:
        self._tell(f"+{pid} {ends_by.value}")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            # Somebody ended the watchdog; the kernel's signal is left.
            return

    def dismiss(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    watched: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, ends_by = line[1:].split()
            watched[int(pid)] = int(ends_by)
        else:
            watched.pop(int(line[1:]), None)
    end(watched)


def end(watched: dict[int, int]) -> None:
    for pid, ends_by in watched.items():
        send(pid, ends_by)
    deadline = time.monotonic() + PATIENCE_S
    while any(map(group_lives, watched)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in watched:
        send(-pid, signal.SIGKILL)


def group_lives(leader: int) -> bool:
    return send(-leader, 0)


def send(pid: int, number: int) -> bool:
    """Signal a process, or a group when negative; whether there was one."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
