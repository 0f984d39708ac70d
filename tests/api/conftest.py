"""Callers of the API: people with tokens, services with theirs."""

from collections.abc import Callable

import pytest
from django.test import Client

from registry.models import Integration, Person, Release, Revision, Token
from registry.services import catalog as catalogs
from registry.services import revisions, tokens
from tests.api.checked import CheckedClient
from tests.landscape import Catalog

Speak = Callable[[Person], CheckedClient]
Issue = Callable[..., tuple[Token, str]]


def with_token(plain: str) -> CheckedClient:
    return CheckedClient(headers={"authorization": f"Bearer {plain}"})


@pytest.fixture
def speak() -> Speak:
    """`speak(ann)` is a client with a personal token of hers."""

    def client(person: Person) -> CheckedClient:
        _, plain = tokens.issue_personal(name="laptop", person=person, by=person)
        return with_token(plain)

    return client


@pytest.fixture
def issue(catalog: Catalog, ada: Person) -> Issue:
    """`issue("order-service", "production")` is a service token and its text."""

    def issued(system: str, environment: str) -> tuple[Token, str]:
        place = catalog.environments[environment]
        return tokens.issue_service(name="ci", system=catalog.systems[system], environment=place, by=ada)

    return issued


@pytest.fixture
def token(approved: Integration, issue: Issue) -> str:
    """The consumer's token of what is in force in production."""
    return issue("order-service", "production")[1]


@pytest.fixture
def service(token: str) -> Client:
    """The consumer, in a shape that the API description does not check."""
    return Client(headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def release(approved: Integration) -> Release:
    """What is in force in production."""
    return Release.objects.get(integration=approved, environment__slug="production")


@pytest.fixture
def foreign(catalog: Catalog, ada: Person) -> str:
    """The token of a system that is no party of anything."""
    system = catalogs.save_system(slug="newsletter", name="Newsletter", by=ada)
    place = catalog.environments["production"]
    return tokens.issue_service(name="ci", system=system, environment=place, by=ada)[1]


@pytest.fixture
def nobody(db: None) -> CheckedClient:
    """Somebody without a token."""
    return CheckedClient()


@pytest.fixture
def next_draft(approved: Integration, ann: Person) -> Revision:
    """1.0 is in force, and 1.1 begun."""
    return revisions.start_draft(approved, by=ann)
