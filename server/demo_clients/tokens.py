"""A service token for as long as the demo's consumers run, from the database of the demo beside us."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from registry.errors import DomainError
from registry.models import Environment, Person, System
from registry.services import tokens

VALID_FOR = timedelta(hours=12)


class CannotIssue(Exception):
    """The message says why not."""


@contextlib.contextmanager
def issued(system: str, environment: str) -> Iterator[str]:
    """The token's text; it is revoked at the end."""
    try:
        by = Person.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if by is None:
            raise CannotIssue("Nobody here may issue a token.")
        token, plain = tokens.issue_service(
            name="demo-clients",
            system=System.objects.get(slug=system),
            environment=Environment.objects.get(slug=environment),
            by=by,
            expires_at=timezone.now() + VALID_FOR,
        )
    except (DatabaseError, System.DoesNotExist, Environment.DoesNotExist, DomainError) as problem:
        raise CannotIssue(f"No token can be issued here: {problem}") from None
    try:
        yield plain
    finally:
        with contextlib.suppress(DatabaseError, DomainError):
            tokens.revoke(token, by=by)
