"""What is passed on to the web process: all of it, both ways, and only what is for it."""

import json
from typing import Any

import pytest

from server.wsgi import told_by_the_front
from tests.server.front.conftest import Front, Reader, get


def test_a_request_is_passed_on_as_it_was_sent(front: Front) -> None:
    status, headers, body = front.ask(get("/a%2Fb/%C3%A9?q=%20a+b&q=2", X_Some="1", Cookie="a=b"))
    told = json.loads(body)
    assert (status, told["method"], told["path"]) == (200, "GET", "/a%2Fb/%C3%A9?q=%20a+b&q=2")
    heard = {name.lower(): value for name, value in told["headers"]}
    assert heard == {"host": "registry", "x-some": "1", "cookie": "a=b", "x-registry-peer": "127.0.0.1"}
    assert "x-of-this-hop" not in headers


def test_nobody_says_who_they_are_themselves(front: Front) -> None:
    spoofed = get("/", X_Registry_Peer="10.0.0.1", X_Forwarded_For="10.0.0.2")
    spoofed = spoofed.replace(
        b"\r\n\r\n", b"\r\nX_Registry_Peer: 10.0.0.3\r\nConnection: X-Secret\r\nX-Secret: 1\r\n\r\n"
    )
    heard = json.loads(front.ask(spoofed)[2])["headers"]
    assert [value for name, value in heard if name.lower().replace("_", "-") == "x-registry-peer"] == ["127.0.0.1"]
    # What a proxy further out said is handed on: the settings say whether it is believed.
    assert ["x-forwarded-for", "10.0.0.2"] in heard
    assert "x-secret" not in [name for name, _ in heard]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_passed_on_whole(front: Front, chunked: bool) -> None:
    size = 1_500_000
    head = b"POST /upload HTTP/1.1\r\nHost: registry\r\n"
    with front.connect() as connection:
        if chunked:
            piece = b"%x\r\n%b\r\n" % (size // 3, b"x" * (size // 3))
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 3 + b"0\r\n\r\n")
        else:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        status, _, body = Reader(connection).answer()
    assert (status, json.loads(body)["bytes"]) == (200, size)


def test_an_answer_in_pieces_comes_back_whole(front: Front) -> None:
    status, headers, body = front.ask(get("/pieces"))
    assert (status, headers["transfer-encoding"], len(body)) == (200, "chunked", 210_000)


def test_head_has_no_body_and_the_length_of_one(front: Front) -> None:
    with front.connect() as connection:
        connection.sendall(get("/x", method="HEAD") + get("/y"))
        reader = Reader(connection)
        status, headers, _ = reader.answer(has_body=False)
        assert (status, int(headers["content-length"]) > 100) == (200, True)
        assert json.loads(reader.answer()[2])["path"] == "/y"


def test_whoever_expects_to_be_told_to_go_on_is(front: Front) -> None:
    with front.connect() as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        reader = Reader(connection)
        assert reader.head()[0] == 100
        connection.sendall(b"abc")
        assert json.loads(reader.answer()[2])["bytes"] == 3


def test_a_web_process_that_ends_an_answer_is_no_answer(front: Front) -> None:
    status, headers, body = front.ask(get("/dropped"))
    assert (status, headers["content-type"]) == (502, "text/plain; charset=utf-8")
    assert b"started again" in body


def test_a_web_process_that_is_away_is_said_so_while_settings_are_served(front: Front) -> None:
    front.socket.unlink()
    status, headers, body = front.ask(get("/api/v1/integrations"))
    assert (status, headers["content-type"], headers["retry-after"]) == (503, "application/problem+json", "2")
    assert json.loads(body)["type"] == "/api/problems/not-ready"
    assert front.ask(get("/healthz/settings"))[0] == 200


def test_metrics_tell_of_the_front_too(front: Front) -> None:
    told = front.ask(get("/metrics"))[2].decode()
    for name in ("feed_up 1.0", "snapshot_age_seconds", "releases 0.0", "tokens 0.0", "followers 0.0"):
        assert f"\nregistry_front_{name}" in told
    assert 'registry_front_answers_total{result="sent"} 0.0' in told


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_request_is_refused(front: Front, garbage: bytes) -> None:
    assert front.ask(garbage + b"\r\n\r\n")[0] == 400


@pytest.mark.parametrize(("connected", "seen"), [("", "192.0.2.7"), ("198.51.100.1", "198.51.100.1")])
def test_who_is_connected_is_believed_on_the_unix_socket_alone(connected: str, seen: str) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert "HTTP_X_REGISTRY_PEER" not in environ
        return [environ["REMOTE_ADDR"].encode()]

    environ = {"REMOTE_ADDR": connected, "HTTP_X_REGISTRY_PEER": "192.0.2.7"}
    assert list(told_by_the_front(application)(environ, None)) == [seen.encode()]
