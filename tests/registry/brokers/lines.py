"""A line to a broker that goes dead in the very moment in which it matters."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Port:
    """A port of the loopback, whatever stands behind it."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.number: int = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.server.close()


class Line(Port):
    """A port that stands for a broker's. Once `mark` went by, the broker's answers are not passed on any more.

    `answers` are passed on still; then the line is cut, or stays open and silent.
    """

    def __init__(self, behind: str, mark: bytes, *, answers: int, cuts: bool) -> None:
        parts = urlsplit(behind)
        self.far = (parts.hostname or "", parts.port or 0)
        self.mark, self.answers, self.cuts = mark, answers, cuts
        super().__init__()
        self.url = behind.replace(f":{parts.port}", f":{self.number}")

    def _carry(self, near: socket.socket) -> None:
        last, is_seen, left = b"", False, self.answers
        with near, socket.create_connection(self.far) as far, suppress(OSError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    if not (data := ready.recv(65_536)):
                        return
                    if ready is near:
                        last = (last + data)[-65_536:]
                        is_seen = is_seen or self.mark in last
                        far.sendall(data)
                    elif not is_seen or left:
                        left -= is_seen
                        near.sendall(data)
                    if ready is far and is_seen and not left and self.cuts:
                        return


@contextmanager
def line(behind: str, mark: bytes, *, answers: int = 0, cuts: bool = False) -> Iterator[str]:
    """The url of such a line."""
    made = Line(behind, mark, answers=answers, cuts=cuts)
    try:
        yield made.url
    finally:
        made.close()
