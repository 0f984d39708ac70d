"""Reads of live settings at the front: the same as from Django, from memory."""

import hashlib
import json
import socket
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registry.models import Integration, Person, Release, Token
from registry.services import releases, tokens
from tests.api.conftest import Issue
from tests.api.conftest import foreign as foreign
from tests.server.front.conftest import Front, Reader, get, until

ADDRESS = "/api/v1/settings/orders-to-payments"
ALL = "/api/v1/settings"
OF_ITS_OWN = {"date", "server", "x-request-id"}
FOR_BROWSERS = {
    "content-security-policy",
    "permissions-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
}


@pytest.fixture
def release(approved: Integration) -> Release:
    return Release.objects.get(integration=approved, environment__slug="production")


READS = [
    (ADDRESS, ""),
    (ADDRESS, "{etag}"),
    (ADDRESS, "W/{etag}"),
    (ADDRESS, '"other", W/{etag}'),
    (ADDRESS, "*"),
    (ADDRESS, '"other"'),
    (ADDRESS, "{etag}x"),
    (ALL, ""),
    (ALL, '"other"'),
    (ALL, "*"),
    (f"{ADDRESS}?x=1", ""),
    (f"{ADDRESS}?after=0", ""),
    (f"{ADDRESS}?after=1", ""),
    (f"{ADDRESS}?after=99", ""),
    ("/api/v1/settings/unknown", ""),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_front_and_django_agree_byte_by_byte(
    front: Front, release: Release, token: tuple[Token, str], client: Client, method: str
) -> None:
    front.settled()
    for path, template in READS:
        held = {"If-None-Match": template.format(etag=release.etag)} if template else {}
        with front.connect() as connection:
            connection.sendall(get(path, token[1], method=method, **held))
            status, headers, body = Reader(connection).answer(has_body=method == "GET")
        django = getattr(client, method.lower())(path, headers={"Authorization": f"Bearer {token[1]}", **held})
        assert (status, body) == (django.status_code, django.content), path
        expected = {name.lower(): value for name, value in django.headers.items()}
        if status != 200:
            # Of a refusal the server in front of Django adds it; a 304 need not have one.
            expected.pop("content-length", None)
            headers.pop("content-length", None)
        assert without(headers) == without(expected), path


def test_every_refusal_is_django_s(front: Front, release: Release, ann: Person, client: Client) -> None:
    _, personal = tokens.issue_personal(name="laptop", person=ann, by=ann)
    front.settled()
    for header in (None, "Bearer reg_00000000_" + "x" * 43, "Bearer", "Basic YTpi", "", f"Bearer {personal}"):
        given = {} if header is None else {"Authorization": header}
        status, headers, body = front.ask(get(ADDRESS, **given))
        django = client.get(ADDRESS, headers=given)
        assert (status, body) == (django.status_code, django.content), header
        expected = {name.lower(): value for name, value in django.headers.items()}
        assert without(headers) == without(expected | {"content-length": str(len(body))}), header


def test_a_foreign_integration_is_answered_like_one_that_does_not_exist(
    front: Front, release: Release, foreign: str
) -> None:
    front.settled()
    there, nowhere = (front.ask(get(f"/api/v1/settings/{each}", foreign)) for each in ("orders-to-payments", "nowhere"))
    assert there[0] == nowhere[0] == 404
    assert there[2].replace(b"orders-to-payments", b"") == nowhere[2].replace(b"nowhere", b"")


def test_a_new_release_is_served_at_once(front: Front, release: Release, token: tuple[Token, str], zoe: Person) -> None:
    assert until(lambda: front.ask(get(ADDRESS, token[1]))[1].get("etag") == release.etag)
    newer = releases.publish(release.revision, release.environment, by=zoe)
    assert until(lambda: front.ask(get(ADDRESS, token[1]))[1]["etag"] == newer.etag, seconds=1)
    whole = front.ask(get(ALL, token[1]))
    assert bytes(newer.body) in whole[2]
    assert whole[1]["etag"] == f'"{newer.number}-{hashlib.sha256(whole[2]).hexdigest()}"'


def test_a_token_works_as_soon_as_it_is_made_and_ends_within_a_second(
    front: Front, release: Release, issue: Issue, ada: Person
) -> None:
    token, plain = issue("order-service", "production")
    assert front.ask(get(ADDRESS, plain))[0] == 200
    tokens.revoke(token, by=ada)
    assert until(lambda: front.ask(get(ADDRESS, plain))[0] == 401, seconds=1)
    expiring, plain = issue("order-service", "production")
    assert front.ask(get(ADDRESS, plain))[0] == 200
    Token.objects.filter(pk=expiring.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    assert until(lambda: front.ask(get(ADDRESS, plain))[0] == 401, seconds=1)


def test_the_very_same_request_again_is_answered_anew(
    front: Front, release: Release, issue: Issue, ada: Person, zoe: Person
) -> None:
    token, plain = issue("order-service", "production")
    front.settled()
    with front.connect() as connection:
        reader = Reader(connection)

        def again(request: bytes) -> tuple[int, str]:
            connection.sendall(request)
            status, headers, _ = reader.answer()
            return status, headers.get("etag", "")

        read, held = get(ADDRESS, plain), get(ADDRESS, plain, If_None_Match=release.etag)
        for request in (read, read, held, held, get("/else", plain), held, read):
            status = 304 if request == held else 200
            assert again(request)[0] == status
        assert again(read) == (200, release.etag)
        newer = releases.publish(release.revision, release.environment, by=zoe)
        front.settled()
        assert again(read) == (200, newer.etag)
        assert again(read) == (200, newer.etag)
        connection.sendall(read * 3)
        assert [reader.answer()[0] for _ in range(3)] == [200] * 3
        assert again(read)[0] == 200
        tokens.revoke(token, by=ada)
        front.settled()
        assert again(read)[0] == 401
        assert again(read)[0] == 401


def test_the_use_of_a_token_is_noted(front: Front, release: Release, token: tuple[Token, str]) -> None:
    assert front.ask(get(ADDRESS, token[1]))[0] == 200
    front.desk.feed.note_due_at = 0.0

    def was_noted() -> bool:
        token[0].refresh_from_db()
        return token[0].last_used_at is not None

    assert until(was_noted)


def test_pipelined_reads_are_answered_in_their_order(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    paths = [ADDRESS, ALL, ADDRESS, "/elsewhere", ADDRESS, ALL, "/again", ADDRESS]
    with front.connect() as connection:
        connection.sendall(b"".join(get(path, token[1]) for path in paths))
        reader = Reader(connection)
        bodies = [reader.answer()[2] for _ in paths]
    own = bytes(release.body)
    assert [body == own for body in bodies[:3]] == [True, False, True]
    assert own in bodies[1]
    # What waits behind an answer of the web process is answered there too, so that nothing overtakes it.
    assert [json.loads(body)["path"] for body in bodies[3:]] == paths[3:]


def test_a_read_may_come_in_pieces(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    request = get(ADDRESS, token[1])
    with front.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), 40):
            connection.sendall(request[at : at + 40])
            time.sleep(0.002)
        assert Reader(connection).answer()[2] == bytes(release.body)


def test_whoever_asks_to_close_is_answered_and_closed(front: Front, release: Release, token: tuple[Token, str]) -> None:
    front.settled()
    with front.connect() as connection:
        connection.sendall(get(ADDRESS, token[1], Connection="close"))
        reader = Reader(connection)
        status, headers, body = reader.answer()
        assert (status, headers["connection"], body) == (200, "close", bytes(release.body))
        with pytest.raises(EOFError):
            reader.head()


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/api/v1/settings/%6frders-to-payments", "TOKEN"),
        get("/api/v1/settings/orders-to-payments/", "TOKEN"),
        get(ADDRESS, "TOKEN").replace(b"HTTP/1.1", b"HTTP/1.0"),
        get(ADDRESS, "TOKEN", Content_Length="2") + b"{}",
        get(ADDRESS, "TOKEN", method="POST", Content_Length="0"),
        get(f"{ADDRESS}?after=x", "TOKEN"),
        get(ADDRESS, "TOKEN", authorization="Bearer another"),
    ],
    ids=["encoded", "slash", "HTTP/1.0", "body", "POST", "bad query", "two tokens"],
)
def test_what_is_out_of_the_ordinary_is_left_to_django(
    front: Front, release: Release, token: tuple[Token, str], request_bytes: bytes
) -> None:
    front.settled()
    status, _, body = front.ask(request_bytes.replace(b"TOKEN", token[1].encode()))
    assert status == 200
    assert request_bytes.split()[1].decode() == json.loads(body)["path"]


@pytest.mark.parametrize("where", ["one header", "many headers", "the address"])
def test_a_head_without_end_is_refused(front: Front, where: str) -> None:
    head = {
        "one header": b"GET /x HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 400_000,
        "many headers": b"GET /x HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 60_000,
        "the address": b"GET /" + b"x" * 400_000,
    }[where]
    with front.connect() as connection:
        try:
            connection.sendall(head)
            status = Reader(connection).head()[0]
        except ConnectionError:
            return
    assert status == 431


def test_a_reader_that_asks_and_never_reads_fills_no_memory(
    front: Front, release: Release, token: tuple[Token, str]
) -> None:
    front.settled()
    with front.connect() as connection:
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.sendall(get(ADDRESS, token[1]) * 100_000)
        waiting = [each.transport.get_write_buffer_size() for each in list(front.server.server_state.connections)]
    assert max(waiting) < 500_000


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(front: Front, token: tuple[Token, str]) -> None:
    with front.connect() as idle, front.connect() as follower:
        follower.sendall(get("/api/v1/settings/stream", token[1]))
        Reader(follower).head()
        assert until(lambda: len(front.server.server_state.connections) == 2)
        for _ in range(16):
            for each in front.connections():
                front.server.servers[0].get_loop().call_soon_threadsafe(each.sweep)
        assert idle.recv(1) == b""
        assert len(front.server.server_state.connections) == 1


def without(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OF_ITS_OWN | FOR_BROWSERS}
