"""Live settings as Spring Cloud Config serves them, read by hand and by the stock client for Node.js."""

import base64
import json
from typing import Any

import pytest
import yaml
from django.test import Client

from api import spring
from registry.models import Integration, Person, Release
from registry.services import integrations, revisions
from tests import landscape, tools
from tests.api.conftest import Issue

NAME = "/spring/orders-to-payments"
MAX_ATTEMPTS = "resilience4j.retry.instances.payments-api.maxAttempts"
RETRIES = "registry.orders-to-payments.contracts.payments-api.retry.max_retries"


def test_an_environment_has_its_sources_version_and_state(service: Client, release: Release) -> None:
    answer = service.get(f"{NAME}/production/main").json()
    [source] = answer.pop("propertySources")
    assert answer == {
        "name": "orders-to-payments",
        "profiles": ["production"],
        "label": "main",
        "version": "1.0",
        "state": f"sha256:{release.sha256}",
    }
    assert source["name"] == "registry:orders-to-payments-production"
    assert source["source"][MAX_ATTEMPTS] == 3
    assert source["source"][RETRIES] == 2
    assert source["source"]["spring.cloud.openfeign.client.config.payments-api.connect-timeout"] == 500
    assert source["source"]["registry.orders-to-payments.contracts.payments-api.retry.retry_on_statuses[1]"] == 429
    assert all(not isinstance(each, dict | list) for each in source["source"].values())


def test_a_system_asks_by_its_own_name_for_all_it_is_party_to(service: Client, ann: Person, sign: Any) -> None:
    one = service.get("/spring/order-service/default").json()
    assert [each["name"] for each in one["propertySources"]] == ["registry:orders-to-payments-production"]
    second = integrations.create(name="Also", slug="also", document=landscape.document(), by=ann)
    draft = second.current
    assert draft is not None
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="First"))
    both = service.get("/spring/order-service/default").json()
    assert [each["name"] for each in both["propertySources"]] == [
        "registry:also-production",
        "registry:orders-to-payments-production",
    ]
    assert both["state"] != one["state"]
    # Both name a contract alike: neither is taken for the other.
    keys = set(both["propertySources"][0]["source"]) & set(both["propertySources"][1]["source"])
    assert keys == set()
    assert "resilience4j.retry.instances.also-payments-api.maxAttempts" in both["propertySources"][0]["source"]
    assert MAX_ATTEMPTS in service.get(f"{NAME}/default").json()["propertySources"][0]["source"]


@pytest.mark.parametrize(
    "address",
    [
        f"{NAME}/default",
        f"{NAME}/production",
        f"{NAME}/production,eu",
        f"{NAME}/production/main",
        f"{NAME}/production/release(_)1",
        "/spring/orders-to-payments,other/production",
    ],
)
def test_every_form_of_the_address_is_answered(service: Client, address: str) -> None:
    assert service.get(address).json()["propertySources"][0]["source"][MAX_ATTEMPTS] == 3


@pytest.mark.parametrize("label", ["", "main/", "release(_)1/"])
@pytest.mark.parametrize("form", ["yml", "yaml", "properties", "json"])
def test_the_same_comes_as_a_file(service: Client, label: str, form: str) -> None:
    answer = service.get(f"/spring/{label}orders-to-payments-production.{form}")
    text = answer.content.decode()
    if form == "properties":
        assert f"{MAX_ATTEMPTS}: 3\n" in text
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        return
    tree = json.loads(text) if form == "json" else yaml.safe_load(text)
    assert tree["resilience4j"]["retry"]["instances"]["payments-api"]["maxAttempts"] == 3
    assert tree["registry"]["orders-to-payments"]["contracts"]["payments-api"]["retry"]["retry_on_statuses"] == [
        500,
        429,
    ]


def test_origins_come_where_they_are_asked_for(service: Client, release: Release) -> None:
    answer = service.get(f"{NAME}/production", headers={"Accept": spring.WITH_ORIGINS})
    assert answer["Content-Type"] == spring.WITH_ORIGINS
    value = answer.json()["propertySources"][0]["source"][MAX_ATTEMPTS]
    assert value == {"value": 3, "origin": f"orders-to-payments 1.0, release {release.number}"}


@pytest.mark.parametrize("way", ["bearer", "basic", "config token"])
def test_a_token_is_taken_in_each_way_clients_send_one(token: str, way: str) -> None:
    packed = base64.b64encode(f"anybody:{token}".encode()).decode()
    headers = {
        "bearer": {"Authorization": f"Bearer {token}"},
        "basic": {"Authorization": f"Basic {packed}"},
        "config token": {"X-Config-Token": token},
    }[way]
    assert Client().get(f"{NAME}/production", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["", "Basic ", "Basic !!", "Basic YTpi", "Bearer x", "Digest x"])
def test_anybody_else_is_asked_for_one(approved: Integration, header: str) -> None:
    answer = Client().get(f"{NAME}/production", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Basic realm="registry"'
    assert answer.json()["path"] == f"{NAME}/production"


@pytest.mark.parametrize("address", [f"{NAME}/production", "/spring/orders-to-payments-production.yml"])
def test_a_foreign_integration_is_answered_like_none(approved: Integration, foreign: str, address: str) -> None:
    stranger = Client(headers={"authorization": f"Bearer {foreign}"})
    there, nowhere = stranger.get(address), stranger.get(address.replace("orders-to", "letters-to"))
    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert there.json()["error"] == nowhere.json()["error"]


def test_nothing_is_sent_again_that_is_held(service: Client) -> None:
    for address in (f"{NAME}/production", "/spring/orders-to-payments-production.yml"):
        etag = service.get(address)["ETag"]
        assert service.get(address, headers={"If-None-Match": etag}).status_code == 304


def test_what_looks_like_a_placeholder_is_escaped() -> None:
    flat = dict(spring._flat({"a": {"b.c": ["${HOME}", "plain"], "d": True}}, ""))
    assert flat == {"a[b.c][0]": "\\${HOME}", "a[b.c][1]": "plain", "a.d": True}
    assert spring._nested(flat) == {"a": {"[b.c]": ["\\${HOME}", "plain"], "d": True}}


def test_properties_are_written_as_java_reads_them() -> None:
    assert spring._property("a\\b\nc é 👩") == "a\\\\b\\nc \\u00e9 \\ud83d\\udc69"
    assert spring._property(True) == "true"


def test_the_stock_node_client_reads_them(
    transactional_db: None, live_server: Any, approved: Integration, issue: Issue
) -> None:
    token = issue("order-service", "production")[1]
    read = tools.cloud_config(
        {"endpoint": f"{live_server.url}/spring", "name": "order-service", "profiles": ["production"], "label": "main",
         "auth": {"user": "order-service", "pass": token}}
    )  # fmt: skip
    assert read["properties"][MAX_ATTEMPTS] == 3
    assert read["object"]["resilience4j"]["circuitbreaker"]["instances"]["payments-api"]["failureRateThreshold"] == 50
    assert read["version"] == "1.0"
