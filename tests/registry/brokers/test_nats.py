"""What NATS alone does: headers by lines, of any letters and more than once."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from registry.brokers import Broker, Outgoing, Place, Sent, connect
from registry.models import DeadLetter, Environment, Integration, Person
from registry.services import harvests, payloads
from tests import letters
from tests.registry.brokers import servers
from tests.registry.brokers.worlds import NatsWorld


@pytest.fixture
def world(urls: dict[object, str]) -> NatsWorld:
    return NatsWorld(urls[servers.nats])


@pytest.fixture
def place(world: NatsWorld) -> Place:
    return world.place()


@pytest.fixture
def opened(place: Place) -> Iterator[Broker]:
    held = connect("nats", place)
    yield held
    held.close()


def put_raw(place: Place, lines: bytes, body: bytes = b"{}") -> None:
    """A message whose headers are these bytes, as a client of another language may write them."""
    parts = place.url.rpartition("//")[2].partition(":")
    headers = b"NATS/1.0\r\n" + lines + b"\r\n\r\n"
    sizes = f"{len(headers)} {len(headers) + len(body)}".encode()
    with socket.create_connection((parts[0], int(parts[2]))) as line:
        line.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n')
        line.sendall(b"HPUB " + place.name.encode() + b" " + sizes + b"\r\n" + headers + body + b"\r\nPING\r\n")
        told = b""
        while b"PONG" not in told:
            told += line.recv(4096)
    assert b"-ERR" not in told


def own(headers: Any) -> list[Any]:
    return [each for each in headers if not each[0].startswith("nats:")]


def test_headers_are_found_as_they_were_written(place: Place, opened: Broker) -> None:
    put_raw(
        place,
        "reason: Zeitüberschreitung — 時間切れ\r\nTwice:one\r\nTwice: two\r\nlink: http://a:1\r\nempty:\r\n"
        "encoded: =?utf-8?q?no_mail?=\r\nlines: one\ntwo: 2".encode()
        + b"\r\nlatin: Gr\xf6\xdfe",
    )
    [found] = opened.look("", 5).messages
    assert own(found.headers) == [
        ("reason", "Zeitüberschreitung — 時間切れ"),
        ("Twice", "one"),
        ("Twice", "two"),
        ("link", "http://a:1"),
        ("empty", ""),
        ("encoded", "=?utf-8?q?no_mail?="),
        ("lines", "one\ntwo: 2"),
        ("latin", b"Gr\xf6\xdfe"),
    ]
    assert dict(found.headers)["nats:subject"] == place.name


def test_headers_are_sent_again_as_they_were_found(world: NatsWorld, place: Place, opened: Broker) -> None:
    put_raw(place, "reason: Größe\r\ntwice: one\r\ntwice: two".encode())
    [found] = opened.look("", 5).messages
    assert opened.send(Outgoing(found.body, found.headers)).sent == Sent.CONFIRMED
    again = opened.look("", 5).messages[1]
    assert again.headers == found.headers


def test_a_header_that_is_not_text_is_not_sent_otherwise_than_it_was(place: Place, opened: Broker) -> None:
    outcome = opened.send(Outgoing(b"{}", (("latin", b"Gr\xf6\xdfe"),)))
    assert (outcome.sent, "latin" in outcome.why) == (Sent.UNFIT, True)


def test_a_copy_is_known_by_headers_with_umlauts(place: Place, opened: Broker) -> None:
    first, again, other = (
        Outgoing(b"{}", (("x-registry-attempt", attempt), ("reason", reason), ("reason", "x")), None, "id-1")
        for attempt, reason in (("1", "Größe"), ("2", "Größe"), ("3", "Grösse"))
    )
    assert [opened.send(each).sent for each in (first, again)] == [Sent.CONFIRMED] * 2
    assert opened.send(other).sent == Sent.REFUSED
    assert opened.depth().messages == 1


def test_an_umlaut_in_a_header_holds_up_no_letter(
    world: NatsWorld, place: Place, approved: Integration, ops: Person
) -> None:
    world.put(place, (b"1", (("reason", "Zeitüberschreitung"),), None, "1"), (b"2", (), None, "2"))
    at = letters.broker(Environment.objects.get(slug="production"), kind="nats", url=world.url)
    source = letters.source(approved, at, by=ops, place=place.name)
    assert harvests.harvest(source.pk) == 2
    source.refresh_from_db()
    assert source.trouble == ""
    letter = DeadLetter.objects.get(wire_id="1")
    assert ("reason", "Zeitüberschreitung") in payloads.opened(letter).headers
