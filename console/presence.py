"""Who is writing in a draft at this moment. Kept in Valkey for half a minute; nothing depends on it."""

import functools
import json
import logging
import time
from dataclasses import dataclass

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from console import fields
from registry.models import Person, Revision
from registry.record import SECTIONS

log = logging.getLogger("console.presence")

GONE_AFTER_SECONDS = 30
MOST_SHOWN = 8
_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody else in the draft, and the section they are in."""

    name: str
    section: str

    @property
    def place(self) -> str:
        """The section as people read it."""
        return fields.section_spec(self.section).label if self.section in SECTIONS else "YAML"


def arrive(draft: Revision, section: str, person: Person) -> list[Visitor]:
    """Note that this person is in this section now, and tell who else is in the draft, those nearest first."""
    key, now = f"registry:presence:{draft.pk}", time.time()
    me = json.dumps([person.pk, person.name, section])
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
            pipe.zadd(key, {me: now})
            pipe.zremrangebyscore(key, 0, now - GONE_AFTER_SECONDS)
            pipe.expire(key, GONE_AFTER_SECONDS)
            pipe.zrevrange(key, 0, MOST_SHOWN * 4)
            seen = [json.loads(each) for each in pipe.execute()[-1]]
    except redis.RedisError:
        log.warning("who else is in the draft is not known: Valkey does not answer")
        return []
    others: dict[int, Visitor] = {}
    for key_of, name, place in seen:
        if key_of != person.pk:
            others.setdefault(key_of, Visitor(name, place))
    return sorted(others.values(), key=lambda each: each.section != section)[:MOST_SHOWN]


@functools.cache
def _client(url: str) -> redis.Redis:
    once = Retry(NoBackoff(), retries=0)
    return redis.Redis.from_url(
        url, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS, retry=once
    )
