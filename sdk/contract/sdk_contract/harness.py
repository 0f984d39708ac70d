"""The other side of the line protocol: starts a harness and asks it things."""

import json
import queue
import subprocess
import threading
from typing import Any

LONGEST_S = 30


class HarnessFailed(Exception):
    """The harness ended, said nothing in time, or said that it could not."""


class Harness:
    """One process; a JSON object per line in both directions."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        hello = self._next()
        self.sdk = str(hello.get("sdk", "an SDK without a name"))
        self.can = frozenset(hello.get("can", ()))

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Have it do something; what it answers under "ok"."""
        assert self._process.stdin
        try:
            print(json.dumps({"do": do, **details}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise HarnessFailed("the harness has ended") from None
        answer = self._next()
        if "ok" not in answer:
            raise HarnessFailed(str(answer.get("failed", answer)))
        found: dict[str, Any] = answer["ok"]
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _next(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=LONGEST_S)
        except queue.Empty:
            raise HarnessFailed(f"the harness said nothing for {LONGEST_S} s") from None
        if line is None:
            raise HarnessFailed("the harness has ended")
        found: dict[str, Any] = json.loads(line)
        return found
