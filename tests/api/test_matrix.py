"""Who may do what: every address of the API × every kind of caller. The addresses come from the URLconf."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern

from api.urls import urlpatterns
from registry.models import Person, Revision
from registry.services import tokens
from tests.api.checked import CheckedClient
from tests.api.conftest import Issue, Speak, with_token

CALLERS = ("none", "revoked", "foreign service", "own service", "mallory", "ann")
EXPECTED = {
    #                                            none revoked foreign own mallory ann
    ("api-settings-all", "GET"):                (401, 401, 200, 200, 403, 403),
    ("api-settings", "GET"):                    (401, 401, 404, 200, 403, 403),
    ("api-instances", "POST"):                  (401, 401, 422, 200, 403, 403),
    ("api-settings-stream", "GET"):             (401, 401, 503, 503, 403, 403),  # followed at the front alone
    ("api-settings-as", "GET"):                 (401, 401, 404, 200, 403, 403),
    ("api-settings-losses", "GET"):             (401, 401, 404, 200, 403, 403),
    ("spring", "GET"):                          (401, 401, 404, 200, 403, 403),
    ("spring-of-label", "GET"):                 (401, 401, 404, 200, 403, 403),
    ("spring-file", "GET"):                     (401, 401, 404, 200, 403, 403),
    ("spring-file-of-label", "GET"):            (401, 401, 404, 200, 403, 403),
    ("ofrep-flags", "POST"):                    (401, 401, 200, 200, 403, 403),
    ("ofrep-flag", "POST"):                     (401, 401, 404, 200, 403, 403),
    ("xds-clusters", "POST"):                   (401, 401, 200, 200, 403, 403),
    ("xds-routes", "POST"):                     (401, 401, 200, 200, 403, 403),
    ("api-integrations", "GET"):                (401, 401, 403, 403, 200, 200),
    ("api-integrations", "POST"):               (401, 401, 403, 403, 403, 201),
    ("api-integration", "GET"):                 (401, 401, 403, 403, 200, 200),
    ("api-revisions", "GET"):                   (401, 401, 403, 403, 200, 200),
    ("api-revisions", "POST"):                  (401, 401, 403, 403, 403, 409),
    ("api-revision", "GET"):                    (401, 401, 403, 403, 200, 200),
    ("api-revision", "PUT"):                    (401, 401, 403, 403, 403, 200),
    ("api-findings", "GET"):                    (401, 401, 403, 403, 200, 200),
    ("api-submit", "POST"):                     (401, 401, 403, 403, 403, 201),
    ("api-restore", "POST"):                    (401, 401, 403, 403, 403, 200),
    ("api-diff", "GET"):                        (401, 401, 403, 403, 200, 200),
    ("api-reviews", "GET"):                     (401, 401, 403, 403, 200, 200),
    ("api-releases", "GET"):                    (401, 401, 403, 403, 200, 200),
    ("api-roll-back", "POST"):                  (401, 401, 403, 403, 403, 403),  # approvers; see test_releases
    ("api-promote", "POST"):                    (401, 401, 403, 403, 403, 403),
    ("api-overrides", "GET"):                   (401, 401, 403, 403, 200, 200),
    ("api-overrides", "POST"):                  (401, 401, 403, 403, 403, 403),  # on call; see test_releases
    ("api-override-end", "POST"):               (401, 401, 403, 403, 404, 404),
    ("api-board", "GET"):                       (401, 401, 403, 403, 200, 200),
    ("api-dead-letters", "GET"):                (401, 401, 403, 403, 200, 200),
    ("api-dead-letters-resolved", "POST"):      (401, 401, 404, 200, 403, 403),
    ("api-letters", "GET"):                     (401, 401, 403, 403, 404, 404),  # no such source; see test_letters
    ("api-redrives", "GET"):                    (401, 401, 403, 403, 404, 404),
    ("api-redrives", "POST"):                   (401, 401, 403, 403, 404, 404),
    ("api-letter", "GET"):                      (401, 401, 403, 403, 404, 404),
    ("api-redrive", "GET"):                     (401, 401, 403, 403, 404, 404),
    ("api-redrive", "POST"):                    (401, 401, 403, 403, 404, 404),
    ("api-landscape-findings", "GET"):          (401, 401, 403, 403, 200, 200),
    ("api-search", "GET"):                      (401, 401, 403, 403, 200, 200),
    ("api-import", "POST"):                     (401, 401, 403, 403, 200, 200),
    ("api-systems", "GET"):                     (401, 401, 403, 403, 200, 200),
    ("api-teams", "GET"):                       (401, 401, 403, 403, 200, 200),
    ("api-topics", "GET"):                      (401, 401, 403, 403, 200, 200),
    ("api-topic", "GET"):                       (401, 401, 403, 403, 404, 404),
    ("api-events", "GET"):                      (401, 401, 403, 403, 200, 200),
    ("api-event", "GET"):                       (401, 401, 403, 403, 404, 404),
    ("api-environments", "GET"):                (401, 401, 403, 403, 200, 200),
    ("api-verify", "GET"):                      (401, 401, 403, 403, 404, 404),
    ("api-keys", "GET"):                        (200, 200, 200, 200, 200, 200),
    ("api-design-record-schema", "GET"):        (200, 200, 200, 200, 200, 200),
    ("api-schema", "GET"):                      (200, 200, 200, 200, 200, 200),
    ("api-docs", "GET"):                        (200, 200, 200, 200, 200, 200),
    ("api-redoc", "GET"):                       (200, 200, 200, 200, 200, 200),
    ("api-problem", "GET"):                     (200, 200, 200, 200, 200, 200),
    ("api-nothing", "GET"):                     (404, 404, 404, 404, 404, 404),
    ("metrics", "GET"):                         (200, 200, 200, 200, 200, 200),  # from this machine; see test_metrics
    ("health-live", "GET"):                     (200, 200, 200, 200, 200, 200),
    ("health-ready", "GET"):                    (200, 200, 200, 200, 200, 200),
}  # fmt: skip
PLACES = {
    "<name:slug>": "orders-to-payments",
    "<version:version>": "draft",
    "<slug:name>": "stale",
    "<digest:digest>": "0" * 64,
    "<text:topic>": "orders.events",
    "<text:event>": "com.example.placed",
    "<rest:rest>": "v2",
    "<int:key>": "9",
    "<name:dialect>": "resilience4j",
    "<str:name>": "orders-to-payments",
    "<str:profiles>": "production",
    "<path:label>": "main",
    "<str:label>": "main",
    "<str:joined>": "orders-to-payments-production",
    "<form:form>": "yml",
    "<path:key>": "orders-to-payments",
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("api-instances", "POST"): {
        "instance": "a",
        "sdk": "python 0.1",
        "started_at": "2026-11-24T10:00:00Z",
        "integrations": {"orders-to-payments": {"release": 1}},
    },
    ("ofrep-flags", "POST"): {},
    ("xds-clusters", "POST"): {},
    ("xds-routes", "POST"): {},
    ("ofrep-flag", "POST"): {"context": {"targetingKey": "orders-1"}},
    ("api-integrations", "POST"): {"name": "Another", "slug": "another"},
    ("api-revision", "PUT"): {},
    ("api-submit", "POST"): {"change_note": "Again"},
    ("api-restore", "POST"): {},
    ("api-roll-back", "POST"): {"environment": "production", "to": 1, "reason": "x"},
    ("api-promote", "POST"): {"environment": "production"},
    ("api-overrides", "POST"): {"environment": "production", "patch": {}, "reason": "x"},
    ("api-override-end", "POST"): {},
    ("api-dead-letters-resolved", "POST"): {"integration": "orders-to-payments", "attempts": [1]},
    ("api-redrives", "POST"): {"group": 1, "reason": "x", "idempotency_key": "1"},
    ("api-redrive", "POST"): {"act": "start"},
    ("api-import", "POST"): {"overview": {"purpose": "Sell"}},
}


def endpoints() -> Iterator[tuple[str, str]]:
    """Every name of the URLconf with every method it answers, HEAD apart: it is GET without a body."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        assert pattern.name
        view = getattr(pattern.callback, "view_class", None)
        for method in [name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)] or ["get"]:
            yield pattern.name, method.upper()


def test_every_endpoint_has_its_row() -> None:
    assert set(endpoints()) == set(EXPECTED)


@pytest.fixture
def callers(
    next_draft: Revision, ann: Person, mallory: Person, ada: Person, speak: Speak, issue: Issue, foreign: str
) -> dict[str, CheckedClient]:
    token, revoked = issue("order-service", "production")
    tokens.revoke(token, by=ada)
    return {
        "none": CheckedClient(),
        "revoked": with_token(revoked),
        "foreign service": with_token(foreign),
        "own service": with_token(issue("order-service", "production")[1]),
        "mallory": speak(mallory),
        "ann": speak(ann),
    }


@pytest.mark.parametrize("endpoint", EXPECTED, ids=" ".join)
def test_each_caller_gets_what_the_table_says(
    callers: dict[str, CheckedClient], next_draft: Revision, endpoint: tuple[str, str]
) -> None:
    name, method = endpoint
    got = {caller: ask(callers[caller], name, method, next_draft.etag).status_code for caller in CALLERS}
    assert got == dict(zip(CALLERS, EXPECTED[endpoint], strict=True))


@pytest.mark.parametrize("name", sorted({name for name, _ in EXPECTED} - {"api-nothing"}))
def test_what_an_address_does_not_do_it_refuses(callers: dict[str, CheckedClient], name: str) -> None:
    offered = {method for each, method in EXPECTED if each == name}
    for method in {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - offered:
        answer = ask(callers["ann"], name, method, "")
        assert answer.status_code == 405, method
        assert set(answer["Allow"].replace(" ", "").split(",")) - {"HEAD", "OPTIONS"} == offered


def ask(client: CheckedClient, name: str, method: str, etag: str) -> Any:
    body = BODIES.get((name, method))
    options = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(client, method.lower())(address(name), **options, headers={"If-Match": etag} if etag else {})


def address(name: str) -> str:
    [route] = [str(each.pattern) for each in urlpatterns if each.name == name]
    for place, value in PLACES.items():
        route = route.replace(place, value)
    assert "<" not in route, f"give {route} an example in PLACES"
    return f"/{route}"
