"""Secrets are shown once; only what they speak for is kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.errors import Invalid, NotAllowed
from registry.models import Event, Person, Token
from registry.services import tokens
from tests import landscape


@pytest.fixture
def speaking_for(catalog: landscape.Catalog) -> dict[str, Any]:
    return {"system": catalog.systems["order-service"], "environment": catalog.environments["production"]}


def test_a_service_token_opens_for_its_system_and_environment(speaking_for: dict[str, Any], ada: Person) -> None:
    token, plain = tokens.issue_service(name="orders", by=ada, **speaking_for)
    assert plain.startswith(f"reg_{token.prefix}_")
    assert len(plain) == len("reg_12345678_") + 43
    found = tokens.find(plain)
    assert found == token
    assert (found.system, found.environment, found.person) == (*speaking_for.values(), None)
    kept = {str(value) for value in Token.objects.values().get().values()}
    assert not any(plain.removeprefix(f"reg_{token.prefix}_") in value for value in kept)
    assert plain not in Event.objects.filter(kind="token.issued").get().data


def test_only_an_administrator_issues_service_tokens(speaking_for: dict[str, Any], ann: Person) -> None:
    with pytest.raises(NotAllowed):
        tokens.issue_service(name="orders", by=ann, **speaking_for)


def test_a_personal_token_is_issued_by_its_person(ann: Person, ada: Person) -> None:
    token, plain = tokens.issue_personal(name="laptop", person=ann, by=ann)
    assert tokens.find(plain) == token
    with pytest.raises(NotAllowed):
        tokens.issue_personal(name="laptop", person=ann, by=ada)


@pytest.mark.parametrize(
    "plain", ["", "reg_", "Bearer x", "reg_12345678_" + "x" * 43, "\x00", "reg_12345678_ü", "x" * 9999]
)
@pytest.mark.django_db
def test_what_is_no_token_opens_nothing(plain: str) -> None:
    assert tokens.find(plain) is None


def test_revoked_expired_and_closed_tokens_open_nothing(ann: Person) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    token, plain = tokens.issue_personal(name="a", person=ann, by=ann, expires_at=soon)
    assert tokens.find(plain) is not None
    Token.objects.update(expires_at=timezone.now())
    assert tokens.find(plain) is None
    Token.objects.update(expires_at=None)
    Person.objects.update(is_active=False)
    assert tokens.find(plain) is None
    Person.objects.update(is_active=True)
    assert tokens.find(plain) is not None
    assert tokens.revoke(token, by=ann).revoked_at is not None
    assert tokens.find(plain) is None


def test_revoking_again_changes_nothing(ann: Person, mallory: Person) -> None:
    token, _ = tokens.issue_personal(name="a", person=ann, by=ann)
    with pytest.raises(NotAllowed):
        tokens.revoke(token, by=mallory)
    first = tokens.revoke(token, by=ann)
    assert tokens.revoke(token, by=ann).revoked_at == first.revoked_at
    assert Event.objects.filter(kind="token.revoked").count() == 1


def test_use_is_noted_to_the_minute(ann: Person, django_assert_num_queries: Any) -> None:
    _, plain = tokens.issue_personal(name="a", person=ann, by=ann)
    with django_assert_num_queries(2):
        tokens.find(plain)
    with django_assert_num_queries(1):
        tokens.find(plain)
    Token.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    with django_assert_num_queries(2):
        tokens.find(plain)


def test_a_token_needs_a_name_and_a_future(ann: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        tokens.issue_personal(name="\x00", person=ann, by=ann, expires_at=timezone.now())
    assert [each.path for each in refusal.value.problems] == ["name", "expires_at"]
