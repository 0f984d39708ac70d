"""Tokens of services and people: shown once, kept as digests."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry import permissions
from registry.errors import NotAllowed
from registry.models import Environment, Person, System, Token
from registry.services import trail
from registry.services.text import Reading

USED_PRECISION = timedelta(minutes=1)
_PLAIN = re.compile(r"reg_[0-9a-z]{8}_[A-Za-z0-9_-]{43}")
_PREFIX_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@transaction.atomic
def issue_service(
    *, name: str, system: System, environment: Environment, by: Person, expires_at: datetime | None = None
) -> tuple[Token, str]:
    """A token that speaks for a system in one environment, and its plain text, which cannot be had again."""
    if not permissions.may_issue_tokens(by):
        raise NotAllowed("Only an administrator issues service tokens.", "Ask an administrator.")
    token = Token(kind=Token.Kind.SERVICE, system=system, environment=environment)
    about = {"system": system.slug, "environment": environment.slug}
    return _issue(token, name, expires_at, about, by=by)


@transaction.atomic
def issue_personal(*, name: str, person: Person, by: Person, expires_at: datetime | None = None) -> tuple[Token, str]:
    """A token that speaks for a person, issued by that person, and its plain text, which cannot be had again."""
    if by.pk != person.pk or not by.is_active:
        raise NotAllowed("A personal token is issued only by the person it speaks for.", "Sign in as that person.")
    return _issue(Token(kind=Token.Kind.PERSONAL, person=person), name, expires_at, {"person": person.username}, by=by)


@transaction.atomic
def revoke(token: Token, *, by: Person) -> Token:
    """Close a token for good. Closing it again changes nothing."""
    if not permissions.may_revoke(by, token):
        raise NotAllowed("Only its owner or an administrator revokes a token.", "Ask an administrator.")
    held = Token.objects.select_for_update(no_key=True).get(pk=token.pk)
    if held.revoked_at is None:
        held.revoked_at = timezone.now()
        held.save(update_fields=("revoked_at",))
        trail.record("token.revoked", by=by, subject=f"token/{held.prefix}", data={"name": held.name})
    return held


def find(plain: str) -> Token | None:
    """The valid token this is, with what it speaks for; notes that it was used, to the minute."""
    if not _PLAIN.fullmatch(plain):
        return None
    # Looked up by digest: the time it takes says nothing about the secret.
    token = Token.objects.select_related("system", "environment", "person").filter(digest=digest_of(plain)).first()
    now = timezone.now()
    if token is None or not token.is_valid_at(now) or (token.person is not None and not token.person.is_active):
        return None
    if token.last_used_at is None or token.last_used_at < now - USED_PRECISION:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_PRECISION)
        Token.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    return token


def digest_of(plain: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(plain.encode()).hexdigest()


def _issue(
    token: Token, name: str, expires_at: datetime | None, about: dict[str, str], *, by: Person
) -> tuple[Token, str]:
    now = timezone.now()
    reading = Reading()
    token.name = reading.line("name", name, longest=100)
    if expires_at is not None and expires_at <= now:
        reading.refuse("expires_at", "has passed", "Choose a moment to come, or none.")
    reading.done()
    token.prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(8))
    plain = f"reg_{token.prefix}_{secrets.token_urlsafe(32)}"
    token.digest, token.created_by, token.created_at, token.expires_at = digest_of(plain), by, now, expires_at
    token.save()
    expiry = expires_at.isoformat() if expires_at else None
    data = {"name": token.name, "kind": str(token.kind), "expires_at": expiry, **about}
    trail.record("token.issued", by=by, subject=f"token/{token.prefix}", data=data)
    return token, plain
