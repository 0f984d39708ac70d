"""A line to Valkey that goes dead in the very moment in which it matters."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

from tests.registry.brokers.lines import Port

COMMAND = b"XADD"


class Line(Port):
    """A port that stands for Valkey. While it `swallows`, what was sent arrives and the answer does not."""

    def __init__(self, behind: str) -> None:
        self.path = urlsplit(behind).path
        database = dict(parse_qsl(urlsplit(behind).query)).get("db", "0")
        self.swallows = False
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.number}/{database}"

    def _carry(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far, suppress(OSError):
            far.connect(self.path)
            while asked := near.recv(65_536):
                far.sendall(asked)
                answer = far.recv(65_536)
                if self.swallows and COMMAND in asked:
                    return
                near.sendall(answer)


@contextmanager
def line(behind: str) -> Iterator[Line]:
    made = Line(behind)
    try:
        yield made
    finally:
        made.close()
