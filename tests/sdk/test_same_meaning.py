"""The SDK imports nothing of ours, so what both sides say twice is compared here."""

from typing import Any, get_args

import pytest
from integration_registry import bounds
from integration_registry.settings import ErrorRow, parse_defaults

from registry.live.document import compile_settings
from registry.models import releases
from registry.record import contracts, documents, policy
from tests.landscape import document

PARTS: dict[str, type[Any]] = {
    "retry": policy.Retry,
    "circuit_breaker": policy.CircuitBreaker,
    "rate_limit": policy.RateLimit,
    "timeouts": policy.Timeouts,
}


def test_the_bounds_are_those_of_the_record() -> None:
    for name, bound in bounds.WHOLE.items():
        part, _, field = name.partition(".")
        info = PARTS[part].model_fields[field]
        stated = {type(each).__name__: each for each in info.metadata}
        assert (stated["Ge"].ge, stated["Le"].le) == bound, name
    assert releases.LARGEST_BODY <= bounds.LARGEST_BODY


def test_the_choices_are_those_of_the_record() -> None:
    assert get_args(policy.Jitter) == bounds.JITTERS
    assert get_args(policy.LimitAction) == bounds.LIMIT_ACTIONS
    assert get_args(contracts.ErrorAction) == bounds.ERROR_ACTIONS


@pytest.mark.parametrize("status", ["429", "502/503", "500-504", "5xx", "UNAVAILABLE", "4xx"])
def test_a_row_of_the_error_table_covers_the_same_statuses(status: str) -> None:
    ours, theirs = contracts.ErrorRow(status=status), ErrorRow(status, None, None)
    assert [each for each in range(100, 600) if theirs.covers(each)] == [
        each for each in range(100, 600) if ours.covers(each)
    ]


def test_the_sdk_reads_what_the_registry_compiles() -> None:
    compiled = compile_settings(documents.parse(document()), "production")
    contract = parse_defaults("orders-to-payments", compiled).contracts["payments-api"]
    stated = compiled["contracts"]["payments-api"]
    assert contract.endpoint == stated["endpoint"]
    assert contract.retry.delays_ms == tuple(stated["retry"]["delays_ms"])
    assert contract.retry.max_retries == stated["retry"]["max_retries"]
    assert {each.name: each.calls for each in contract.limits} == {
        name: stated["rate_limit"][name] for name in ("requests_per_minute", "burst_per_second", "daily_quota")
    }
    assert [each.action for each in contract.errors] == [each["action"] for each in stated["errors"]]
