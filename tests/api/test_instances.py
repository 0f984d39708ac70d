"""What a service may report, and how it is told what is wrong with it."""

from typing import Any

import pytest

from registry.models import InstanceReport, Integration
from tests.api.checked import CheckedClient
from tests.api.conftest import Issue, with_token

ADDRESS = "/api/v1/instances"
SLUG = "orders-to-payments"


@pytest.fixture
def service(issue: Issue) -> CheckedClient:
    return with_token(issue("order-service", "production")[1])


def body(**told: Any) -> dict[str, Any]:
    return {
        "instance": "order-service-1",
        "sdk": "python 0.1.0",
        "started_at": "2026-11-24T10:00:00+01:00",
        "integrations": {SLUG: {"release": 1}},
    } | told


def test_a_report_is_taken_and_says_when_the_next_is_expected(approved: Integration, service: CheckedClient) -> None:
    told = {
        "release": 1,
        "content_hash": "0" * 64,
        "applied_at": "2026-11-24T10:00:00Z",
        "refused": {"release": 2, "reason": "The hash is wrong"},
        "breakers": {"payments-api": {"state": "half_open", "since": "2026-11-24T10:00:00.123456Z"}},
        "counters": {"payments-api": {"calls": 5, "failures": 1, "retries": 2, "rejected": 0, "timeouts": 1}},
    }
    answer = service.post(ADDRESS, body(integrations={SLUG: told}), content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"report_every_seconds": 30})
    kept = InstanceReport.objects.select_related("instance__system", "environment").get()
    assert (kept.instance.system.slug, kept.environment.slug) == ("order-service", "production")
    assert kept.counters["payments-api"]["retries"] == 2


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"instance": "x" * 201}, "instance"),
        ({"instance": "\ud800"}, ""),
        ({"started_at": "2026-11-24T10:00:00"}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at"),
        ({"started_at": 10**400}, ""),
        ({"integrations": {"elsewhere": {}}}, "integrations.elsewhere"),
        ({"integrations": {SLUG: {"release": 0}}}, f"integrations.{SLUG}.release"),
        ({"integrations": {SLUG: {"release": 2**63}}}, ""),
        ({"integrations": {SLUG: {"content_hash": "x"}}}, f"integrations.{SLUG}.content_hash"),
        ({"integrations": {SLUG: {"counters": {"c": {"calls": -1}}}}}, f"integrations.{SLUG}.counters.c.calls"),
        ({"integrations": {SLUG: {"breakers": {"c": {"state": "ajar"}}}}}, f"integrations.{SLUG}.breakers.c.state"),
        ({"integrations": {SLUG: {"more": 1}}}, f"integrations.{SLUG}.more"),
        ({"integrations": {f"n{number}": {} for number in range(201)}}, "integrations"),
    ],
)
def test_what_is_wrong_is_named(
    approved: Integration, service: CheckedClient, told: dict[str, Any], pointer: str
) -> None:
    answer = service.post(ADDRESS, body(**told), content_type="application/json")
    assert answer.status_code in (400, 422), answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not InstanceReport.objects.exists()
