"""Long polls and the stream: told at once, resumed where one was, never told of what one may not read."""

import asyncio
import json
import socket
import time
from typing import Any

import pytest

from registry.models import Integration, Person, Release, Token
from registry.services import releases, tokens
from server.front.desk import bookmark
from tests.api.conftest import Issue
from tests.api.conftest import foreign as foreign
from tests.server.front.conftest import Front, Reader, get, until

ADDRESS = "/api/v1/settings/orders-to-payments"
STREAM = "/api/v1/settings/stream"


@pytest.fixture
def release(approved: Integration) -> Release:
    return Release.objects.get(integration=approved, environment__slug="production")


def follow(connection: socket.socket, token: str, **headers: str) -> Reader:
    connection.sendall(get(STREAM, token, **headers))
    reader = Reader(connection)
    status, given = reader.head()
    assert (status, given["content-type"], given["cache-control"]) == (200, "text/event-stream", "no-store")
    return reader


def hint(release: Release) -> dict[str, Any]:
    return {"integration": "orders-to-payments", "release": release.number, "etag": release.etag}


def test_a_long_poll_is_answered_by_the_next_release(
    front: Front, release: Release, token: tuple[Token, str], zoe: Person
) -> None:
    front.settled()
    with front.connect() as connection:
        connection.sendall(get(f"{ADDRESS}?after={release.number}&wait=30", token[1]))
        assert until(lambda: front.desk.waiting == 1)
        newer = releases.publish(release.revision, release.environment, by=zoe)
        began = time.monotonic()
        status, headers, body = Reader(connection).answer()
        assert (status, headers["etag"], body) == (200, newer.etag, bytes(newer.body))
        assert time.monotonic() - began < 1
    assert front.desk.waiting == 0


def test_a_long_poll_of_all_settings_is_answered_by_any_release(
    front: Front, release: Release, token: tuple[Token, str], zoe: Person
) -> None:
    front.settled()
    with front.connect() as connection:
        connection.sendall(get(f"/api/v1/settings?after={release.number}&wait=30", token[1]))
        assert until(lambda: front.desk.waiting == 1)
        newer = releases.publish(release.revision, release.environment, by=zoe)
        assert bytes(newer.body) in Reader(connection).answer()[2]


def test_a_long_poll_ends_with_go_on(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    began = time.monotonic()
    status, headers, _ = front.ask(get(f"{ADDRESS}?after={release.number}&wait=1", token[1]))
    assert (status, headers["etag"]) == (304, release.etag)
    assert 0.9 < time.monotonic() - began < 3


def test_a_long_poll_says_at_once_what_is_known_already(
    front: Front, release: Release, token: tuple[Token, str]
) -> None:
    front.settled()
    for after in (release.number - 1, release.number + 5):
        assert front.ask(get(f"{ADDRESS}?after={after}&wait=30", token[1]))[0] == 200
    assert front.ask(get("/api/v1/settings/unknown?after=1&wait=30", token[1]))[0] == 404


def test_who_goes_away_while_waiting_is_forgotten(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    with front.connect() as connection:
        connection.sendall(get(f"{ADDRESS}?after={release.number}&wait=30", token[1]))
        assert until(lambda: front.desk.waiting == 1)
    assert until(lambda: front.desk.waiting == 0)


def test_what_is_asked_behind_a_wait_is_asked_again_on_another_connection(
    front: Front, release: Release, token: tuple[Token, str]
) -> None:
    front.settled()
    with front.connect() as connection:
        connection.sendall(get(f"{ADDRESS}?after={release.number}&wait=1", token[1]) + get(ADDRESS, token[1]))
        reader = Reader(connection)
        assert reader.answer()[0] == 304
        with pytest.raises(EOFError):
            reader.head()


def test_a_follower_is_told_of_each_release_in_order(
    front: Front, release: Release, token: tuple[Token, str], zoe: Person
) -> None:
    front.settled()
    with front.connect() as connection:
        reader = follow(connection, token[1])
        assert reader.event() == {"event": "bookmark", "id": str(release.number), "data": "{}"}
        for _ in range(3):
            newer = releases.publish(release.revision, release.environment, by=zoe)
            told = reader.event()
            assert (told["event"], told["id"]) == ("release", str(newer.number))
            assert json.loads(told["data"]) == hint(newer)
            assert front.ask(get(ADDRESS, token[1]))[1]["etag"] == newer.etag


@pytest.mark.parametrize(
    ("seen", "told"), [("1", [3]), ("0", [3]), ("3", []), ("99", [3]), ("x", [3]), ("", []), ("9" * 30, [3])]
)
def test_a_follower_resumes_after_the_last_id_it_saw(
    front: Front, release: Release, token: tuple[Token, str], zoe: Person, seen: str, told: list[int]
) -> None:
    for _ in range(2):
        newest = releases.publish(release.revision, release.environment, by=zoe)
    front.settled()
    with front.connect() as connection:
        reader = follow(connection, token[1], **({"Last_Event_ID": seen} if seen else {}))
        events = [reader.event() for _ in range(len(told) + 1)]
    assert [int(each["id"]) for each in events] == [*told, newest.number]
    assert [each["event"] for each in events] == ["release"] * len(told) + ["bookmark"]


def test_a_front_that_cannot_read_as_far_as_its_follower_says_so(
    front: Front, release: Release, token: tuple[Token, str]
) -> None:
    """It may have begun with an older snapshot: a greater number is not one of the time before a restore then."""
    front.settled()
    front.desk.feed.stop()
    front.desk.feed.join(10)
    ahead = str(release.number + 1)
    assert front.ask(get(STREAM, token[1], Last_Event_ID=ahead))[0] == 503
    assert front.ask(get(f"{ADDRESS}?after={ahead}&wait=0", token[1]))[0] == 304
    with front.connect() as connection:
        assert follow(connection, token[1], Last_Event_ID=str(release.number)).event()["event"] == "bookmark"


def test_who_is_no_party_and_who_is_elsewhere_is_told_nothing_but_how_far_things_are(
    front: Front, release: Release, issue: Issue, foreign: str, zoe: Person
) -> None:
    front.settled()
    with front.connect() as stranger, front.connect() as elsewhere:
        readers = [follow(stranger, foreign), follow(elsewhere, issue("order-service", "staging")[1])]
        for reader in readers:
            assert reader.event()["event"] == "bookmark"
        newer = releases.publish(release.revision, release.environment, by=zoe)
        front.settled()
        beat(front)
        assert readers[0].event() == {
            "event": "bookmark",
            "id": str(newer.number),
            "data": "{}",
        }


def test_a_heartbeat_is_a_comment_when_nothing_moved(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    with front.connect() as connection:
        reader = follow(connection, token[1])
        reader.chunk()
        beat(front)
        assert reader.chunk() == bookmark(release.number).split(b"\r\n", 1)[1].removesuffix(b"\r\n")
        beat(front)
        assert reader.chunk() == b":\n\n"


def test_a_revoked_token_ends_its_streams_within_a_second(
    front: Front, release: Release, token: tuple[Token, str], ada: Person
) -> None:
    front.settled()
    with front.connect() as connection:
        reader = follow(connection, token[1])
        reader.event()
        began = time.monotonic()
        tokens.revoke(token[0], by=ada)
        assert reader.file.readline() == b""
        assert time.monotonic() - began < 1
    assert until(lambda: front.desk.followers == 0)


def test_a_follower_that_does_not_read_is_dropped(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    with front.connect() as connection:
        follow(connection, token[1])
        assert until(lambda: front.desk.followers == 1)
        [grant] = [each for each in front.desk.snapshot.grants.values() if each.followers]
        [transport] = grant.followers
        loop = front.server.servers[0].get_loop()
        for _ in range(200):
            loop.call_soon_threadsafe(transport.write, bookmark(1) * 2_000)
        assert until(lambda: front.desk.followers == 0)
    assert front.desk.counts["dropped"] == 1


@pytest.mark.parametrize("given", ["", "Bearer nothing"])
def test_the_stream_needs_a_token_that_opens_something(front: Front, given: str) -> None:
    assert front.ask(get(STREAM, **({"Authorization": given} if given else {})))[0] == 401


def beat(front: Front) -> None:
    loop = front.server.servers[0].get_loop()
    asyncio.run_coroutine_threadsafe(front.desk._beat(), loop).result(10)
