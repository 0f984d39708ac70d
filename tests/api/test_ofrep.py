"""Live settings by OpenFeature's remote evaluation, asked by hand and by the stock Python provider."""

from typing import Any

import pytest
from django.test import Client
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.provider import AbstractProvider

from registry.models import Integration, Release
from tests.api.conftest import Issue

FLAGS = "/ofrep/v1/evaluate/flags"
KEY = "orders-to-payments.payments-api"


def ask(client: Client, address: str, body: Any = None, **headers: str) -> Any:
    sent = {"context": {"targetingKey": "orders-1"}} if body is None else body
    return client.post(address, data=sent, content_type="application/json", headers=headers)


def test_one_value_comes_with_its_release(service: Client, release: Release) -> None:
    answer = ask(service, f"{FLAGS}/{KEY}.retry.max_retries")
    assert answer.json() == {
        "key": f"{KEY}.retry.max_retries",
        "value": 2,
        "reason": "STATIC",
        "variant": f"release-{release.number}",
        "metadata": {
            "release": release.number,
            "revision": "1.0",
            "contentHash": release.content_hash,
            "environment": "production",
        },
    }


@pytest.mark.parametrize(
    ("key", "kind"),
    [("orders-to-payments", dict), (KEY, dict), (f"{KEY}.retry", dict), (f"{KEY}.idempotent", bool),
     (f"{KEY}.retry.delays_ms", list), (f"{KEY}.retry.jitter", str)],
)  # fmt: skip
def test_a_key_goes_as_deep_as_one_likes(service: Client, key: str, kind: type) -> None:
    assert isinstance(ask(service, f"{FLAGS}/{key}").json()["value"], kind)


def test_bulk_has_every_key_and_where_to_hear_of_changes(service: Client) -> None:
    answer = ask(service, FLAGS)
    flags = {each["key"]: each["value"] for each in answer.json()["flags"]}
    assert flags[f"{KEY}.circuit_breaker.failure_percent"] == 50
    for key, value in list(flags.items())[:12]:
        assert ask(service, f"{FLAGS}/{key}").json()["value"] == value
    [stream] = answer.json()["eventStreams"]
    assert stream["type"] == "sse"
    assert stream["url"] == "http://testserver/api/v1/settings/stream"


@pytest.mark.parametrize("address", [FLAGS, f"{FLAGS}/{KEY}"])
def test_nothing_is_sent_again_that_is_held(service: Client, address: str) -> None:
    etag = ask(service, address)["ETag"]
    again = ask(service, address, **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("key", ["orders-to-payments.none", "orders-to", f"{KEY}.retry.max_retries.more", "x", "a/b"])
def test_an_unknown_key_is_a_flag_that_is_not_found(service: Client, key: str) -> None:
    answer = ask(service, f"{FLAGS}/{key}")
    assert answer.status_code == 404
    assert answer.json() == {
        "key": key,
        "errorCode": "FLAG_NOT_FOUND",
        "errorDetails": "No such setting is served to this token.",
    }


def test_a_foreign_integration_is_answered_like_none(approved: Integration, foreign: str) -> None:
    stranger = Client(headers={"authorization": f"Bearer {foreign}"})
    there, nowhere = ask(stranger, f"{FLAGS}/orders-to-payments"), ask(stranger, f"{FLAGS}/none")
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert there.json() | {"key": ""} == nowhere.json() | {"key": ""}
    assert ask(stranger, FLAGS).json()["flags"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [("{", "PARSE_ERROR"), ("[]", "PARSE_ERROR"), ('{"context": 1}', "INVALID_CONTEXT"), ("[" * 50_000, "PARSE_ERROR"),
     ('"' + "x" * 200_001 + '"', "PARSE_ERROR"), (b"\xff", "PARSE_ERROR")],
    ids=["cut off", "a list", "no context", "deep", "long", "no text"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_the_protocols_words(service: Client, body: Any, code: str) -> None:
    answer = service.post(f"{FLAGS}/{KEY}", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == code
    assert answer.json()["key"] == KEY


def test_an_empty_question_is_one_too(service: Client) -> None:
    assert service.post(FLAGS, data="", content_type="application/json").status_code == 200


def test_a_key_header_is_taken_as_well(token: str) -> None:
    assert ask(Client(headers={"x-api-key": token}), FLAGS).status_code == 200
    assert ask(Client(headers={"x-api-key": "reg_wrong"}), FLAGS).status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "delete", "options"])
def test_flags_are_only_evaluated(service: Client, method: str) -> None:
    answer = getattr(service, method)(FLAGS)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.fixture
def provider(transactional_db: None, live_server: Any, approved: Integration, issue: Issue) -> AbstractProvider:
    token = issue("order-service", "production")[1]
    return OFREPProvider(live_server.url, headers_factory=lambda: {"Authorization": f"Bearer {token}"})


def test_the_stock_provider_reads_whole_policies_and_single_values(provider: AbstractProvider) -> None:
    who = EvaluationContext(targeting_key="orders-1")
    policy = provider.resolve_object_details(f"{KEY}.circuit_breaker", {}, who)
    assert isinstance(policy.value, dict)
    assert policy.value["open_seconds"] == 30
    assert policy.variant is not None and policy.variant.startswith("release-")
    assert policy.flag_metadata["revision"] == "1.0"
    assert provider.resolve_integer_details(f"{KEY}.retry.max_retries", 9, who).value == 2
    assert provider.resolve_boolean_details(f"{KEY}.idempotent", False, who).value is True
    assert provider.resolve_string_details(f"{KEY}.retry.jitter", "none").value == "full"


def test_the_stock_provider_understands_our_refusals(provider: AbstractProvider) -> None:
    with pytest.raises(Exception, match="No such setting") as raised:
        provider.resolve_integer_details("none", 9)
    assert getattr(raised.value, "error_code", None) == ErrorCode.FLAG_NOT_FOUND
