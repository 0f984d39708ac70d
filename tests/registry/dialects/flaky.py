"""Providers that fail as often as they are told to, over real sockets."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc


@dataclass
class Provider:
    """Where it listens, and what it was asked."""

    port: int
    failures: int
    status: int = 503
    asked_at: list[float] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    @property
    def waits_ms(self) -> list[float]:
        """The time between its calls."""
        return [(after - before) * 1_000 for before, after in zip(self.asked_at, self.asked_at[1:], strict=False)]


@contextmanager
def http(*, failures: int, status: int = 503) -> Iterator[Provider]:
    """An HTTP provider that fails so many times, then answers 200."""
    provider = Provider(0, failures, status)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            provider.asked_at.append(time.perf_counter())
            provider.methods.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(provider.status if len(provider.asked_at) <= provider.failures else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = answer

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def rpc(*, failures: int, status: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> Iterator[Provider]:
    """A gRPC provider that fails so many times, then answers what it was asked."""
    provider = Provider(0, failures)

    def get(request: bytes, context: grpc.ServicerContext) -> bytes:
        provider.asked_at.append(time.perf_counter())
        if len(provider.asked_at) <= provider.failures:
            context.abort(status, "down")
        return request

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(get)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Stock", {"Get": handler}),))
    provider.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield provider
    finally:
        server.stop(None).wait()
