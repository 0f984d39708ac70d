"""Policies must hold in each environment, and a finding points at the environment it is about."""

from typing import Any

from registry.record import documents
from registry.rules import check

from .sample import CATALOG, spoiled

POLICY = "contracts.0.policy."


def findings(changes: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in check(documents.parse(spoiled(changes)), CATALOG)]


def test_what_an_environment_breaks_is_found_there() -> None:
    own = {"environment": "staging", "timeouts": {"total_ms": 4_000}}
    assert findings({POLICY + "environments": [own]}) == [
        ("budget-exceeded", "contracts[payments-api].policy.environments[staging].timeouts.total_ms")
    ]


def test_what_holds_everywhere_is_said_once() -> None:
    own = {"environment": "staging", "timeouts": {"connect_ms": 400}}
    assert findings({POLICY + "environments": [own], POLICY + "retry.jitter": "none"}) == [
        ("retry-no-jitter", "contracts[payments-api].policy.retry.jitter")
    ]


def test_what_an_environment_mends_is_found_only_elsewhere() -> None:
    own = {"environment": "staging", "timeouts": {"total_ms": 9_000}}
    assert findings({POLICY + "environments": [own], POLICY + "timeouts.total_ms": 5_000}) == [
        ("budget-exceeded", "contracts[payments-api].policy.timeouts.total_ms")
    ]


def test_of_two_entries_for_one_environment_the_first_counts() -> None:
    first = {"environment": "staging", "timeouts": {"total_ms": 9_000}}
    second = {"environment": "staging", "timeouts": {"total_ms": 1}}
    assert findings({POLICY + "environments": [first, second]}) == [
        ("key-twice", "contracts[payments-api].policy.environments")
    ]
