"""Passwords, asked for at sign-in and before a signature. Too many wrong ones close that door for a while."""

import hashlib
import logging
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from redis.exceptions import RedisError

from registry import origin
from registry.models import Person

log = logging.getLogger(__name__)

MOST_TRIES = 5
MOST_SIGN_INS = 10
FORGOTTEN_AFTER_SECONDS = 15 * 60


def may_try(door: str, *, most: int = MOST_TRIES) -> bool:
    """Count one more try, before its password is looked at: tries made at the same moment count as well."""
    key = _key(door)
    try:
        cache.add(key, 0, FORGOTTEN_AFTER_SECONDS)
        return cache.incr(key) <= most
    except ValueError:
        # The count ended between the two lines.
        return True
    except RedisError:
        # Without the cache nobody is locked out; the password itself is still asked for.
        log.warning("wrong passwords are not counted: the cache does not answer", exc_info=True)
        return True


def is_closed(door: str, *, most: int = MOST_TRIES) -> bool:
    """Whether no further try would be looked at."""
    try:
        return int(cache.get(_key(door), 0)) >= most
    except RedisError:
        return False


def came_in(door: str) -> None:
    """Forget the tries that were wrong."""
    try:
        cache.delete(_key(door))
    except RedisError:
        log.warning("wrong passwords are not forgotten: the cache does not answer", exc_info=True)


def sign_in_door(username: str) -> str:
    """By name and address: a stranger elsewhere keeps nobody out, and whether the name exists makes no difference."""
    return f"sign-in:{username}:{origin.current.get().ip}"


class CountedSignIn(ModelBackend):
    """Signs in with a password, for the console and for the back room."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> Person | None:
        door = sign_in_door(username or "")
        if not may_try(door, most=MOST_SIGN_INS):
            raise PermissionDenied("too many wrong passwords")
        person = super().authenticate(request, username, password, **more)
        if person is None:
            return None
        came_in(door)
        assert isinstance(person, Person)
        return person


def _key(door: str) -> str:
    return f"wrong-passwords:{hashlib.sha256(door.encode(errors='replace')).hexdigest()}"
