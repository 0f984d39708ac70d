"""A page on which a part of the demo is broken and mended. Standard library only."""

import html
import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
<h1>{title}</h1>
<p>It now <strong>{now}</strong>. {answered}</p>
<form method="post" action="/behave">{buttons}</form>
<p>From a terminal: <code>curl -d as={other} http://127.0.0.1:{port}/behave</code></p>
</html>
"""
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 40rem; padding: 0 1rem }
button { display: block; width: 100%; margin: .5rem 0; padding: .6rem 1rem; font: inherit; text-align: left }
button[aria-pressed=true] { font-weight: bold }
code { overflow-wrap: anywhere }
"""


class Behaviour:
    """How it behaves at the moment, and how often it was asked since."""

    def __init__(self, name: str, ways: Mapping[str, str]) -> None:
        self.name, self.ways = name, ways
        self.way = next(iter(ways))
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def count(self, what: str) -> int:
        with self.lock:
            self.counts[what] += 1
            return self.counts[what]

    def behave(self, way: str) -> None:
        with self.lock:
            self.way = way
            self.counts.clear()
        print(json.dumps({self.name: f"now {self.ways[way]}"}), flush=True)

    def told(self) -> str:
        with self.lock:
            return ", ".join(f"{what} {count:,}" for what, count in self.counts.items())


class Handler(BaseHTTPRequestHandler):
    """The page at /, and its form at /behave."""

    protocol_version = "HTTP/1.1"
    TITLE: ClassVar[str]
    behaviour: ClassVar[Behaviour]

    def do_GET(self) -> None:
        if self.path == "/":
            self.answer(200, self.page().encode(), "text/html; charset=utf-8")
        elif self.path == "/style.css":
            self.answer(200, STYLE.encode(), "text/css")
        else:
            self.answer(404, b'{"code": "NOT_FOUND"}')

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 100_000))
        ways = self.behaviour.ways
        if self.path != "/behave":
            self.answer(404, b'{"code": "NOT_FOUND"}')
        elif (way := parse_qs(body.decode(errors="replace")).get("as", [""])[0]) in ways:
            self.behaviour.behave(way)
            self.answer(303, b"", more={"Location": "/"})
        else:
            self.answer(400, f"as= must be one of: {', '.join(ways)}\n".encode(), "text/plain")

    def page(self) -> str:
        way, ways = self.behaviour.way, self.behaviour.ways
        buttons = "".join(
            f'<button name="as" value="{each}" aria-pressed="{str(each == way).lower()}">{html.escape(told)}</button>'
            for each, told in ways.items()
        )
        told = self.behaviour.told()
        return PAGE.format(
            title=html.escape(self.TITLE),
            now=html.escape(ways[way]),
            answered=f"Since then: {told}." if told else "",
            buttons=buttons,
            other=next(each for each in ways if each != way),
            port=port_asked(),
        )

    def answer(
        self, status: int, body: bytes, kind: str = "application/json", more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in {**headers, "Content-Security-Policy": "default-src 'self'", **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing; what matters is told by the consumers."""


class Server(ThreadingHTTPServer):
    """Listens on the loopback alone."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[Handler]) -> None:
        super().__init__(("127.0.0.1", port), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who gave up waiting is no error here."""


def port_asked() -> int:
    return int(sys.argv[1])
