"""Types and sources are guessed from domains and names, and only where those tell something."""

from typing import Any

import pytest

from registry.importers.cloudevents import event_source, event_type, owner, payload_of


@pytest.mark.parametrize(
    ("mail", "hosts", "domain"),
    [
        ("team@orders.example.com", [], "com.example"),
        ("somebody@gmail.com", ["kafka.example.org:9092"], "org.example"),
        (None, ["pkc-1.eu.confluent.cloud:9092", "localhost:9092", "10.0.0.1"], ""),
        (None, ["kafka+ssl://user:x@broker.example.net/a"], "net.example"),
        ("", [""], ""),
        ({"a": 1}, [], ""),
    ],
)
def test_whose_events_they_are(mail: Any, hosts: list[str], domain: str) -> None:
    assert owner(mail, hosts) == domain


def test_a_type_is_made_of_domain_system_and_name() -> None:
    assert event_type("com.example", "order-service", "order.PLACED") == "com.example.order-service.order.placed"
    assert event_type("com.example", "", "lightMeasured") == "com.example.light-measured"
    assert event_type("", "a", "b") is None


@pytest.mark.parametrize(
    ("identifier", "system", "source"),
    [
        ("urn:example:orders", "a", "urn:example:orders"),
        ("https://example.com/orders", "a", "https://example.com/orders"),
        ("not a uri", "a", "/a"),
        (None, "", None),
    ],
)
def test_a_source_is_the_applications_identifier_or_its_name(identifier: Any, system: str, source: str | None) -> None:
    assert event_source(identifier, system) == source


@pytest.mark.parametrize(
    ("example", "payload"),
    [
        ({"payload": {"a": 1}}, {"a": 1}),
        ({"payload": '{"a": 1}'}, {"a": 1}),
        ({"payload": "plain"}, "plain"),
        ({"laurent": {"summary": "x", "payload": "[1]"}}, [1]),
        ({"headers": {}}, None),
        (7, None),
    ],
)
def test_payloads_of_examples_as_files_write_them(example: Any, payload: Any) -> None:
    assert payload_of(example) == payload
