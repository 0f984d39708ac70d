"""What leaves by HTTP reaches public addresses alone, and only where the name pointed when it was looked up."""

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from registry import outgoing

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


class Receiver(BaseHTTPRequestHandler):
    """Answers by the path: a status, a redirect, or silence."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(3)
        status = int(self.path[1:]) if self.path[1:].isdigit() else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/200")
        body = b"x" * 200_000 if self.path == "/large" else b"said"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def sent(url: str, **options: Any) -> outgoing.Answer:
    return outgoing.post(url, b"{}", {"Content-Type": "application/json"}, **({"allowed": LOOPBACK} | options))


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
def test_the_answer_is_what_the_first_address_said(receiver: str, status: int) -> None:
    assert sent(f"{receiver}/{status}").status == status


def test_only_the_beginning_of_an_answer_is_read(receiver: str) -> None:
    assert len(sent(f"{receiver}/large").body) == outgoing.LARGEST_ANSWER


def test_who_does_not_answer_is_left(receiver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.2)
    with pytest.raises(outgoing.Failed, match="ReadTimeout"):
        sent(f"{receiver}/slow")


def test_nobody_there_is_a_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(outgoing.Failed, match="ConnectError"):
        sent(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1"])
def test_this_machine_is_not_reached(receiver: str, host: str) -> None:
    port = receiver.rpartition(":")[2]
    with pytest.raises((outgoing.Refused, outgoing.Failed)) as refused:
        sent(f"http://{host}:{port}/200", allowed=())
    assert "200" not in str(refused.value) or "not a public address" in str(refused.value)


def test_a_name_that_points_inside_at_the_moment_of_connecting_is_refused(
    receiver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First public, then inside: only what is connected to counts, and it is looked up once."""
    port = int(receiver.rpartition(":")[2])
    asked = []

    def rebinding(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with pytest.raises(outgoing.Refused, match=r"rebind\.example is at 127\.0\.0\.1"):
        sent(f"http://rebind.example:{port}/200", allowed=())
    assert asked == ["rebind.example"]


def test_one_inside_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "resolved", lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(outgoing.Refused):
        sent("https://mixed.example/", allowed=())


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "127.0.0.1",
        "0.0.0.0",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::",
        "nonsense",
    ],
)
def test_what_is_no_public_address(address: str) -> None:
    assert not outgoing.is_reachable(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_what_is_a_public_address(address: str) -> None:
    assert outgoing.is_reachable(address)


def test_an_operator_opens_a_network_inside() -> None:
    inside = [ipaddress.ip_network("10.1.0.0/16")]
    assert outgoing.is_reachable("10.1.2.3", inside)
    assert not outgoing.is_reachable("10.2.2.3", inside)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://hooks.example.com/a?b=c", ""),
        ("https://hooks.example.com:8443/", ""),
        ("http://127.0.0.1:9000/", ""),
        ("http://hooks.example.com/", "is not https"),
        ("http://10.0.0.1/", "is not https"),
        ("https://user:pw@hooks.example.com/", "holds a password or a fragment"),
        ("https://hooks.example.com/#x", "holds a password or a fragment"),
        ("ftp://hooks.example.com/", "is not a web address"),
        ("file:///etc/passwd", "is not a web address"),
        ("https://", "is not a web address"),
        ("https://x:99999/", "is not a web address"),
        ("https://[::1", "is not a web address"),
        ("nonsense", "is not a web address"),
    ],
)
def test_which_addresses_may_be_given(url: str, fault: str) -> None:
    assert outgoing.check_url(url, LOOPBACK) == fault
