"""A small landscape to test in: people, teams, systems, environments, one complete document."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from model_bakery import baker

from registry.models import Environment, Person, Review, System, Team
from registry.permissions import GROUPS
from registry.services import catalog as catalogs
from registry.services import reviews

DOCUMENT: dict[str, Any] = {
    "overview": {
        "project": "Checkout renewal",
        "type": "synchronous",
        "criticality": "low",
        "purpose": "Take the customer's money once when an order is placed.",
    },
    "parties": [
        {"role": "consumer", "system": "order-service", "team": "checkout", "contact": "checkout@example.com"},
        {"role": "provider", "system": "payment-service", "team": "payments", "contact": "payments@example.com"},
    ],
    "contracts": [
        {
            "name": "payments-api",
            "protocol": "rest",
            "consumer": "order-service",
            "provider": "payment-service",
            "idempotent": True,
            "idempotency_header": "Idempotency-Key",
            "expected_requests_per_minute": 120,
            "authentication": {"type": "oauth2_client_credentials", "token_endpoint": "https://auth.example.com/token"},
            "base_urls": [
                {"environment": "local", "url": "http://localhost:8080"},
                {"environment": "staging", "url": "https://payments.staging.example.com/v1"},
                {"environment": "production", "url": "https://payments.example.com/v1"},
            ],
            "operations": [
                {
                    "name": "create-payment",
                    "method": "POST",
                    "path": "/payments",
                    "headers": [{"name": "Idempotency-Key", "value": "a UUID", "required": True}],
                    "responses": [{"status": 201}],
                }
            ],
            "errors": [
                {"status": "400", "code": "VALIDATION_ERROR", "action": "fix_request"},
                {"status": "401", "code": "UNAUTHORIZED", "action": "refresh_credentials_and_retry_once"},
                {"status": "429", "code": "RATE_LIMITED", "action": "back_off_retry_after"},
                {"status": "500", "code": "INTERNAL_ERROR", "action": "retry_with_backoff"},
                {"status": "502/503", "code": "UNAVAILABLE", "action": "fail_fast"},
            ],
            "policy": {
                "retry": {
                    "max_retries": 2,
                    "retry_on_statuses": [500, 429],
                    "retry_on_network_errors": True,
                    "strategy": "exponential",
                    "base_delay_ms": 200,
                    "multiplier": "2",
                    "max_delay_ms": 1_000,
                    "jitter": "full",
                    "attempt_timeout_ms": 2_000,
                },
                "circuit_breaker": {
                    "failure_percent": 50,
                    "window_seconds": 60,
                    "minimum_calls": 20,
                    "open_seconds": 30,
                    "half_open_calls": 1,
                    "alert_after_seconds": 20,
                },
                "rate_limit": {
                    "requests_per_minute": 600,
                    "requests_per_minute_action": "reject_with_retry_after",
                    "burst_per_second": 20,
                    "burst_action": "reject_immediately",
                    "daily_quota": 500_000,
                    "daily_action": "reject_and_contact_support",
                },
                "timeouts": {"connect_ms": 500, "read_ms": 2_000, "total_ms": 10_000},
            },
        }
    ],
}


@dataclass(frozen=True)
class Catalog:
    """What the catalog of the tests holds, by slug."""

    teams: dict[str, Team]
    systems: dict[str, System]
    environments: dict[str, Environment]


def document(**sections: Any) -> dict[str, Any]:
    """The complete document, with these sections instead of its own."""
    return copy.deepcopy(DOCUMENT) | sections


def person(username: str, name: str, *, group: str = "") -> Person:
    """Somebody whose password is their username."""
    first, _, last = name.partition(" ")
    made = Person.objects.create_user(username, f"{username}@example.com", username, first_name=first, last_name=last)
    if group:
        made.groups.add(group_of(group))
    return made


def group_of(name: str) -> Group:
    """The group, made anew where a test emptied the tables."""
    group, made = Group.objects.get_or_create(name=name)
    if made:
        group.permissions.set(Permission.objects.filter(content_type__app_label="registry", codename__in=GROUPS[name]))
    return group


def catalog(*, by: Person, cora: Person, paul: Person, ivy: Person) -> Catalog:
    people = {"checkout": cora, "payments": paul, "platform": ivy}
    teams = {
        slug: catalogs.save_team(
            slug=slug, name=slug.title(), is_platform=slug == "platform", leads=[people[slug]], by=by
        )
        for slug in people
    }
    owners = {"order-service": "checkout", "payment-service": "payments"}
    systems = {
        slug: catalogs.save_system(slug=slug, name=slug.replace("-", " ").title(), team=teams[team], by=by)
        for slug, team in owners.items()
    }
    environments = {
        slug: catalogs.save_environment(
            slug=slug, name=slug.title(), position=position, is_production=slug == "production", by=by
        )
        for position, slug in enumerate(("local", "staging", "production"))
    }
    return Catalog(teams, systems, environments)


def signer(people: dict[str, Person]) -> Callable[..., None]:
    def sign(review: Review, *roles: str) -> None:
        for role in roles or people:
            by = people[role]
            reviews.sign(review, role=role, by=by, password=by.username, seen_hash=review.content_hash)

    return sign


def bulk_integrations(count: int, *, by: Person, **fields: Any) -> None:
    """Many integrations without revisions, for lists."""
    baker.make("registry.Integration", count, created_by=by, _bulk_create=True, **fields)
