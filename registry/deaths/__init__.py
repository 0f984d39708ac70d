"""Why a message died, as whoever set it aside wrote into its headers. Each family of headers is read by its own names.

Several may be present, such as Kafka Connect's inside Spring's: each part is told by the most telling family that has
it. Headers are written by anybody: they are shown, they group letters, and they never say where anything is sent.
"""

from dataclasses import fields, replace
from datetime import datetime

from registry.brokers.base import Headers, Value

from . import amqp, clouds, dotnet, kafka, others
from .alike import group_key, normalised
from .base import Death, Detail, Family, Fields, moment, names, packed
from .meanings import meaning
from .places import belongs_to

__all__ = [
    "FAMILIES",
    "Death",
    "Detail",
    "Family",
    "belongs_to",
    "group_key",
    "is_owned",
    "meaning",
    "normalised",
    "read",
    "stands_for",
    "stripped",
]

OURS = "x-registry-"
FAMILIES: list[Family] = [
    *kafka.FAMILIES,
    *dotnet.FAMILIES,
    *others.FAMILIES,
    *clouds.FAMILIES,
    *amqp.FAMILIES,
]
"""Libraries before brokers: who ran the consumer knows more of why it failed."""
NATS = ("nats-", "nats:")
"""NATS does what these say: one of them empties a stream."""
ROUTES = ("CC", "BCC")
"""RabbitMQ sends copies to all that these name, in capitals: no header chooses where we send."""
OWNED = names((OURS, *NATS, *(each for family in FAMILIES for each in family.owns)))
MOMENTS = frozenset(
    {
        *(each for each in kafka.PACKED if each.endswith("timestamp")),
        *(f"sqs:{each}" for each in ("senttimestamp", "approximatefirstreceivetimestamp")),
        "approximatefirstreceivetimestamp",
    }
)
"""Names of moments that are written as milliseconds since 1970."""
NOTHING = Death()
_ERROR = ("error_class", "message", "stack")
"""Of one error, never of two."""
_PARTS = [each.name for each in fields(Death) if each.name not in ("families", "details", *_ERROR)]


def read(headers: Headers) -> Death:
    """What the headers say. Whatever is in them, something comes out."""
    told = Fields(headers)
    death = NOTHING
    for family in FAMILIES:
        if family.wrote(told):
            death = _joined(death, family.read(told), family.name)
    return death


def stripped(headers: Headers) -> Headers:
    """Those that go along when a message is sent again: without what a family owns, and without ours."""
    return tuple(each for each in headers if not is_owned(each[0]))


def is_owned(name: str) -> bool:
    """Whether a header is a family's, a broker's or ours, and not its sender's."""
    return name in ROUTES or name.lower() in OWNED


def stands_for(name: str, value: Value) -> int | datetime | None:
    """What a header's number means to people, where its value does not show it: bytes, or a moment in milliseconds."""
    name = name.lower()
    if name in MOMENTS:
        return None if isinstance(value, datetime) else moment(packed(value, kafka.PACKED.get(name, ())))
    return packed(value, kafka.PACKED[name]) if name in kafka.PACKED and isinstance(value, bytes) else None


def _joined(death: Death, more: Death, family: str) -> Death:
    parts = _PARTS if death.error_class or death.message else [*_PARTS, *_ERROR]
    missing = {
        name: getattr(more, name)
        for name in parts
        if getattr(death, name) == getattr(NOTHING, name) and getattr(more, name) != getattr(NOTHING, name)
    }
    details = death.details | {name: told for name, told in more.details.items() if name not in death.details}
    return replace(death, families=(*death.families, family), details=details, **missing)
