"""Settings are parsed whole or refused whole, and no value outside its bounds is ever held."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from integration_registry import Unusable, bounds
from integration_registry.settings import Breaker, Limit, Retry, Timeouts, parse, parse_defaults
from sdk_contract.registry import Registry

DOCUMENT: dict[str, Any] = json.loads(Registry().release(7).body)
CONTRACT = DOCUMENT["contracts"]["payments-api"]


def changed(**changes: Any) -> bytes:
    """The document with these values; a double underscore goes one level down in the contract."""
    document = json.loads(json.dumps(DOCUMENT))
    for name, value in changes.items():
        *way, last = name.split("__")
        here = document["contracts"]["payments-api"] if way or name in {*CONTRACT, "endpoint"} else document
        for step in way:
            here = here.setdefault(step, {})
        here[last] = value
    return json.dumps(document).encode()


def test_what_a_release_says_is_read() -> None:
    limits = {"requests_per_minute": 600, "burst_per_second": 20, "burst_action": "wait"}
    settings = parse(changed(rate_limit={}, **{f"rate_limit__{name}": value for name, value in limits.items()}))
    contract = settings.contracts["payments-api"]
    assert (settings.integration, settings.environment, settings.release) == ("orders-to-payments", "production", 7)
    assert contract.retry == Retry(2, (20, 40), "none", frozenset({429, 500, 502, 503}), True, 4_000)
    assert contract.breaker == Breaker(50, 10, 1_000, 1, 1)
    assert contract.timeouts == Timeouts(2_000, 3_000, 5_000)
    assert contract.limits == (
        Limit("requests_per_minute", 600, 60, "reject_with_retry_after"),
        Limit("burst_per_second", 20, 1, "wait"),
    )
    assert settings.topics["orders.events"].dead_letter == "orders.events.dlq"


def test_what_is_absent_is_what_the_sdk_does_by_itself() -> None:
    contract = parse_defaults("x", {"contracts": {"a": {"endpoint": "http://a.example"}}}).contracts["a"]
    assert (contract.retry.max_retries, contract.breaker, contract.limits) == (0, None, ())
    assert contract.timeouts == Timeouts(1_000, 5_000, 60_000)


def test_fields_of_later_versions_are_left_alone() -> None:
    assert parse(changed(retry__hedging={"after_ms": 5}, later=[1, 2])).release == 7


@pytest.mark.parametrize(("field", "bound"), bounds.WHOLE.items())
@pytest.mark.parametrize("wrong", ["below", "above", True, 1.5, "5", [], {}])
def test_a_number_outside_its_bounds_refuses_the_release_and_is_named(
    field: str, bound: tuple[int, int], wrong: Any
) -> None:
    value = {"below": bound[0] - 1, "above": bound[1] + 1}.get(wrong, wrong) if isinstance(wrong, str) else wrong
    with pytest.raises(Unusable, match=rf"contracts\.payments-api\.{field.replace('.', '[.]')} "):
        parse(changed(**{field.replace(".", "__"): value}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"retry__delays_ms": [1, -1]}, r"retry\.delays_ms\[1\] is -1; it must be from 0"),
        ({"retry__delays_ms": [bounds.DAY_MS + 1]}, r"retry\.delays_ms\[0\]"),
        ({"retry__retry_on_statuses": [42]}, r"retry\.retry_on_statuses\[0\]"),
        ({"retry__retry_on_statuses": 500}, r"retry_on_statuses is not a list"),
        ({"retry__jitter": "some"}, r"retry\.jitter is 'some'"),
        ({"retry__retry_on_network_errors": "yes"}, r"retry_on_network_errors is neither"),
        ({"circuit_breaker__forced": "ajar"}, r"circuit_breaker\.forced is 'ajar'"),
        ({"rate_limit__burst_action": "explode"}, r"rate_limit\.burst_action"),
        ({"endpoint": "javascript:alert(1)"}, r"endpoint is 'javascript"),
        ({"idempotency_header": "X: y\r\nEvil"}, r"idempotency_header"),
        ({"errors": [{"status": "500", "action": "panic"}]}, r"errors\[0\]\.action is 'panic'"),
        ({"errors": ["500"]}, r"errors\[0\] is not an object"),
        ({"timeouts": 5}, r"timeouts is not an object"),
        ({"contracts": []}, r"contracts is not an object"),
        ({"release": 0}, r"release is 0"),
        ({"release": None}, r"release is missing"),
        ({"epoch": -1}, r"epoch is -1"),
        ({"environment": ""}, r"environment is missing"),
        ({"topics": {"a": {"deduplication_window": "forever"}}}, r"topics\.a\.deduplication_window"),
        ({"tracing": {"sampling_percent": "101"}}, r"tracing\.sampling_percent"),
    ],
)
def test_whatever_else_cannot_be_obeyed_refuses_the_release_and_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Unusable, match=named):
        parse(changed(**changes))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<!doctype html><h1>It works</h1>",
        b'{"release": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"release": 1' + b"0" * 5_000 + b"}",
        b"\xff\xfe",
        b'"' + b"x" * (bounds.LARGEST_BODY + 1) + b'"',
    ],
    ids=["empty", "null", "list", "html", "nan", "twice", "deep", "huge-number", "no-utf8", "long"],
)
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(Unusable):
        parse(body)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
places = st.sampled_from(sorted([*(name.replace(".", "__") for name in bounds.WHOLE), *CONTRACT, *DOCUMENT]))


@given(changes=st.dictionaries(places, values | st.integers(-2, 10), min_size=1, max_size=4))
def test_no_document_whatever_puts_a_value_outside_the_bounds_into_force(changes: dict[str, Any]) -> None:
    try:
        body = changed(**changes)
    except (KeyError, TypeError, AttributeError):
        assume(False)  # one change took away what the next was to be put into
    try:
        settings = parse(body)
    except Unusable:
        return
    for contract in settings.contracts.values():
        held = {
            "retry.max_retries": contract.retry.max_retries,
            "timeouts.connect_ms": contract.timeouts.connect_ms,
            "timeouts.read_ms": contract.timeouts.read_ms,
            "timeouts.total_ms": contract.timeouts.total_ms,
            **{f"rate_limit.{each.name}": each.calls for each in contract.limits},
        }
        if contract.breaker:
            names = ("failure_percent", "window_seconds", "minimum_calls", "open_seconds", "half_open_calls")
            held |= {f"circuit_breaker.{name}": getattr(contract.breaker, name) for name in names}
        for name, value in held.items():
            low, high = bounds.WHOLE[name]
            assert type(value) is int and low <= value <= high
        assert all(0 <= each <= bounds.DAY_MS for each in contract.retry.delays_ms)
