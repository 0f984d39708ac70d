"""Live settings: what a service reads, and when it hears "go on with what you hold"."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry import signing
from registry.models import Environment, Integration, Person, Release, Revision, Token
from registry.services import catalog as catalogs
from registry.services import releases, revisions, tokens
from tests.api.checked import CheckedClient
from tests.api.conftest import Issue, Speak, with_token

ADDRESS = "/api/v1/settings/orders-to-payments"
ALL = "/api/v1/settings"


@pytest.fixture
def service(issue: Issue) -> CheckedClient:
    """The order service in production."""
    return with_token(issue("order-service", "production")[1])


@pytest.fixture
def release(approved: Integration) -> Release:
    return Release.objects.get(integration=approved, environment__slug="production")


def test_a_service_reads_the_very_bytes_that_were_released(release: Release, service: CheckedClient) -> None:
    answer = service.get(ADDRESS)
    assert answer.status_code == 200
    assert answer.content == bytes(release.body)
    assert dict(answer.headers) == {
        "Content-Type": "application/json",
        "Content-Length": str(len(bytes(release.body))),
        "ETag": f'"{release.number}-{hashlib.sha256(bytes(release.body)).hexdigest()}"',
        "Cache-Control": "private, no-cache, stale-if-error=86400",
        "Vary": "Authorization",
        "X-Settings-Key-Id": release.key_id,
        "X-Settings-Signature": release.signature,
        **of_every_answer(answer),
    }


def test_the_environment_is_the_tokens(approved: Integration, issue: Issue) -> None:
    bodies = {
        name: with_token(issue("order-service", name)[1]).get(ADDRESS).json() for name in ("staging", "production")
    }
    assert {name: body["environment"] for name, body in bodies.items()} == {
        "staging": "staging",
        "production": "production",
    }
    assert bodies["staging"]["contracts"]["payments-api"]["endpoint"] == "https://payments.staging.example.com/v1"


@pytest.mark.parametrize(
    "held",
    ["{etag}", "W/{etag}", '"other", {etag}', 'W/"other" , W/{etag}', "*"],
    ids=["same", "weak", "list", "weak list", "any"],
)
def test_what_the_service_holds_already_is_not_sent_again(release: Release, service: CheckedClient, held: str) -> None:
    answer = service.get(ADDRESS, headers={"If-None-Match": held.format(etag=release.etag)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == release.etag
    assert answer["Cache-Control"] == "private, no-cache, stale-if-error=86400"
    assert answer["Vary"] == "Authorization"


@pytest.mark.parametrize("held", ['"other"', "{bare}", "", '"{bare}x"', ",,,"])
def test_anything_else_is_answered_whole(release: Release, service: CheckedClient, held: str) -> None:
    bare = release.etag.strip('"')
    answer = service.get(ADDRESS, headers={"If-None-Match": held.format(bare=bare)})
    assert answer.status_code == 200


def test_head_says_what_get_would(release: Release, service: CheckedClient) -> None:
    get, head = service.get(ADDRESS), service.head(ADDRESS)
    assert head.content == b""
    different = {"X-Request-ID"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in get.headers.items() if k not in different
    }
    assert service.head(ADDRESS, headers={"If-None-Match": release.etag}).status_code == 304


def test_a_foreign_integration_is_answered_like_one_that_does_not_exist(
    draft: Revision, ann: Person, sign: Any, foreign: str
) -> None:
    stranger = with_token(foreign)
    unreleased = stranger.get(ADDRESS)
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First"))
    released = stranger.get(ADDRESS)
    Integration.objects.filter(slug="orders-to-payments").update(slug="renamed")
    missing = stranger.get(ADDRESS)
    assert unreleased.status_code == released.status_code == missing.status_code == 404
    assert unreleased.content == released.content == missing.content
    assert without_id(unreleased) == without_id(released) == without_id(missing)


def test_a_party_reads_nothing_before_the_first_release(integration: Integration, service: CheckedClient) -> None:
    assert service.get(ADDRESS).status_code == 404


def test_the_newest_release_is_served(release: Release, service: CheckedClient, zoe: Person) -> None:
    newer = releases.publish(release.revision, release.environment, by=zoe)
    assert service.get(ADDRESS)["ETag"] == newer.etag


def test_a_system_that_left_is_not_served_an_older_release(
    approved: Integration, service: CheckedClient, ann: Person, ada: Person, sign: Any
) -> None:
    catalogs.save_system(slug="basket", name="Basket", by=ada)
    draft = revisions.start_draft(approved, by=ann)
    document = json.loads(json.dumps(draft.document).replace("order-service", "basket"))
    saved = revisions.save(draft, document, by=ann, if_match=draft.etag)
    problems = [each for each in revisions.findings(saved) if each.severity != "hint"]
    notes = {each.key: "It is a test." for each in problems}
    sign(revisions.submit(saved, by=ann, if_match=saved.etag, change_note="Orders leave", justifications=notes))
    assert service.get(ADDRESS).status_code == 404
    assert service.get(ALL).json()["integrations"] == {}


def test_all_settings_of_a_system_are_one_document_with_one_etag(release: Release, service: CheckedClient) -> None:
    answer = service.get(ALL)
    body = answer.content
    assert bytes(release.body) in body
    assert answer.json() == {
        "environment": "production",
        "system": "order-service",
        "integrations": {"orders-to-payments": json.loads(bytes(release.body))},
    }
    assert answer["ETag"] == f'"{release.number}-{hashlib.sha256(body).hexdigest()}"'
    assert service.get(ALL, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_a_system_without_settings_reads_an_empty_document(foreign: str, approved: Integration) -> None:
    assert with_token(foreign).get(ALL).json()["integrations"] == {}


@pytest.mark.parametrize(
    "header",
    [
        "Bearer reg_00000000_" + "x" * 43,
        "Bearer ",
        "Bearer",
        "Basic YTpi",
        "Token x",
        "",
        "Bearer \x00",
        "Bearer Ünïcode",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("address", [ADDRESS, ALL, "/api/v1/integrations"])
def test_a_wrong_token_is_refused_with_the_header_to_send_and_never_repeated(
    db: None, nobody: CheckedClient, address: str, header: str
) -> None:
    answer = nobody.get(address, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="registry"'
    assert "Authorization: Bearer reg_" in answer.json()["mend"]
    assert len(header) < 8 or header.split()[-1].encode() not in answer.content


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_token_that_ended_is_refused(release: Release, issue: Issue, ada: Person, end: str) -> None:
    token, plain = issue("order-service", "production")
    if end == "revoked":
        tokens.revoke(token, by=ada)
    else:
        Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    for address in (ADDRESS, ALL):
        assert with_token(plain).get(address).status_code == 401


def test_a_personal_token_is_told_that_it_names_no_environment(release: Release, ann: Person, speak: Speak) -> None:
    answer = speak(ann).get(ADDRESS)
    assert answer.status_code == 403
    assert "service token" in answer.json()["mend"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_settings_are_only_read(release: Release, service: CheckedClient, method: str) -> None:
    answer = getattr(service, method)(ADDRESS)
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", [ADDRESS, ALL])
def test_a_read_is_one_statement(release: Release, service: CheckedClient, address: str) -> None:
    service.get(address)
    with CaptureQueriesContext(connection) as statements:
        whole = service.get(address)
        service.get(address, headers={"If-None-Match": whole["ETag"]})
    assert len(statements) == 2


def test_what_is_signed_are_the_bytes_that_are_sent(release: Release, service: CheckedClient) -> None:
    answer = service.get(ADDRESS)
    key_id, signature = answer["X-Settings-Key-Id"], answer["X-Settings-Signature"]
    assert signing.verify(answer.content, key_id=key_id, signature=signature)
    assert not signing.verify(answer.content + b" ", key_id=key_id, signature=signature)


@pytest.mark.parametrize(("ahead", "status"), [(-1, 200), (0, 304), (1, 200)])
def test_only_a_release_that_is_newer_than_the_one_held_is_sent_or_one_after_a_restore(
    release: Release, service: CheckedClient, ahead: int, status: int
) -> None:
    answer = service.get(f"{ADDRESS}?after={release.number + ahead}")
    assert (answer.status_code, answer["ETag"]) == (status, release.etag)


@pytest.mark.parametrize(
    ("query", "field"), [("after=x", "after"), ("after=1&wait=56", "wait"), ("wait=5", "after"), ("after=", "after")]
)
def test_a_wait_that_cannot_be_read_is_refused_with_its_field(
    release: Release, service: CheckedClient, query: str, field: str
) -> None:
    answer = service.get(f"{ADDRESS}?{query}")
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [field]


def test_use_is_noted_at_most_once_a_minute_and_after_the_answer(release: Release, issue: Issue) -> None:
    token, plain = issue("order-service", "production")
    client = with_token(plain)
    with CaptureQueriesContext(connection) as statements:
        client.get(ADDRESS)
        client.get(ADDRESS)
    assert ["UPDATE" in each["sql"] for each in statements] == [False, True, False]
    token.refresh_from_db()
    assert token.last_used_at is not None
    Token.objects.filter(pk=token.pk).update(last_used_at=timezone.now() - timedelta(hours=1))
    with CaptureQueriesContext(connection) as statements:
        client.get(ADDRESS)
    assert len(statements) == 2


def test_a_new_environment_serves_nothing_until_something_is_released_there(
    release: Release, ada: Person, zoe: Person, issue: Issue
) -> None:
    place = Environment.objects.create(slug="canary", name="Canary", position=9)
    system = issue("order-service", "production")[0].system
    assert system is not None
    _, plain = tokens.issue_service(name="ci", system=system, environment=place, by=ada)
    assert with_token(plain).get(ADDRESS).status_code == 404
    releases.publish(release.revision, place, by=zoe)
    assert with_token(plain).get(ADDRESS).json()["environment"] == "canary"


def without_id(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


def of_every_answer(answer: Any) -> dict[str, str]:
    names = (
        "X-Request-ID",
        "Content-Security-Policy",
        "Permissions-Policy",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    )
    return {name: answer[name] for name in names}
