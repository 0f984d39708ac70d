"""Brokers: named by administrators, reached only where the operator allows, with passwords that are kept elsewhere."""

import ipaddress
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from registry import brokers, outgoing, permissions
from registry.brokers import BrokerError, NoSuchPlace, Place, Unreachable
from registry.errors import NotAllowed, kind_and_place
from registry.models import Broker, Environment, Person
from registry.services import addresses, trail
from registry.services.addresses import Address, Door, Misread
from registry.services.text import Reading

log = logging.getLogger(__name__)

VOUCHED_FOR = frozenset({"amqps", "rediss", "kafkas", "https"})
"""Schemes that encrypt before anything else is said: who has no certificate for the name hears nothing."""
VARIABLE = "BROKER_"
"""Passwords stand in variables of this beginning alone: a broker's owner must not be sent our other secrets."""


class Refused(BrokerError):
    """The operator allows no connection there. The message says what they would have to add."""


@transaction.atomic
def save(
    *,
    slug: str,
    environment: Environment,
    kind: str,
    url: str,
    credentials: str = "",
    is_active: bool = True,
    by: Person,
    broker: Broker | None = None,
) -> Broker:
    """Name a broker, or change one. Its name, environment and kind stay."""
    _require_administrator(by)
    reading = Reading()
    held = Broker.objects.select_for_update(no_key=True).get(pk=broker.pk) if broker else None
    slug, kind = (held.slug, held.kind) if held else (reading.slug("slug", slug), kind)
    if kind not in Broker.Kind.values:
        reading.refuse("kind", "is no kind of broker", f"Choose one of {', '.join(Broker.Kind.values)}.")
    fields = {
        "url": _url(reading, kind, url),
        "credentials": _reference(reading, credentials),
        "is_active": is_active,
    }
    if held is None and Broker.objects.filter(slug=slug, environment=environment).exists():
        reading.refuse("slug", f"is taken in {environment.name}", "Change that broker, or choose another name.")
    reading.done()
    before = {name: getattr(held, name) for name in fields} if held else {}
    if held is None:
        held = Broker.objects.create(slug=slug, environment=environment, kind=kind, created_at=timezone.now(), **fields)
    elif before != fields:
        Broker.objects.filter(pk=held.pk).update(**fields)
        held.refresh_from_db()
        if before["url"] != held.url and held.kind == Broker.Kind.REDIS_STREAMS:
            _read_from_the_beginning(held)
    if before != fields:
        told = {"before": before, "after": fields, "kind": kind}
        subject = f"broker/{held.environment.slug}/{slug}"
        trail.record("broker.changed" if before else "broker.added", by=by, subject=subject, data=told)
    return held


def _read_from_the_beginning(broker: Broker) -> None:
    """What is there by now may be other streams by the same names, with ids before those that were read.

    Redis alone cannot be asked that. What is there already is known again by its id, moment and body.
    """
    read = broker.sources.exclude(cursor="")
    read.update(cursor="", generation=F("generation") + 1, fence=F("fence") + 1, lease_until=None)


@contextmanager
def open(broker: Broker, name: str, kind: str = "") -> Iterator[brokers.Broker]:  # noqa: A001
    """Hold a place of this broker open. Raises BrokerError where it may not or cannot be reached.

    What is raised never holds the password, whatever a client says.
    """
    secret = _secret(broker.credentials)
    try:
        held = _connected(broker, Place(_address(broker, secret), name, kind))
        try:
            yield held
        finally:
            held.close()
    except BrokerError as problem:
        raise type(problem)(_without(secret, str(problem))) from None


def _connected(broker: Broker, place: Place) -> brokers.Broker:
    """What a client says that fails otherwise than it should may hold the password in any form: it is not told."""
    try:
        return brokers.connect(broker.kind, place)
    except BrokerError:
        raise
    except Exception as problem:
        kind, where = kind_and_place(problem)
        log.error("%s while connecting to %s, at %s", kind, broker.slug, where)
        raise Unreachable(f"The client of {broker.get_kind_display()} fails with {kind}; the log says where.") from None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a broker, in words."""

    is_reached: bool
    words: str


def tried(broker: Broker, place: str, kind: str = "", *, by: Person) -> Tried:
    """Look whether it answers, and knows this queue, stream or topic. Nothing there changes by it."""
    _require_administrator(by)
    reading = Reading()
    place = reading.line("place", place, longest=300)
    kind = reading.line("place_kind", kind, longest=20, required=False)
    reading.done()
    try:
        if missing := closed_doors(broker):
            return Tried(
                False, f"The operator allows no connection there: add {', '.join(missing)} to BROKER_NETWORKS."
            )
        with open(broker, place, kind) as held:
            lying = held.depth().messages
            if lying is None:
                return Tried(True, f"It answers, and has {place}. It does not say that anything lies there.")
    except NoSuchPlace as unknown:
        return Tried(True, f"It answers. {unknown}")
    except BrokerError as problem:
        return Tried(False, str(problem))
    return Tried(True, f"It answers: {lying:,} {'message lies' if lying == 1 else 'messages lie'} in {place}.")


def closed_doors(broker: Broker) -> list[str]:
    """What the operator would have to add to BROKER_NETWORKS before this broker is reached; [] where nothing."""
    address = _read(broker)
    if address.socket:
        return [] if _is_own_socket(address.socket) else [broker.url]
    missing: list[str] = []
    for door in address.doors:
        found = [door.host] if _is_literal(door.host) else _resolved(door)
        missing += [_network(each, door.port) for each in found if not _is_allowed(each, door.port)]
    return missing


def _url(reading: Reading, kind: str, value: str) -> str:
    url = reading.line("url", value, longest=500)
    if url and kind in Broker.Kind.values:
        try:
            addresses.read(kind, url)
        except Misread as why:
            reading.refuse("url", why.what, why.mend)
    return url


def _reference(reading: Reading, value: str) -> str:
    """Where the password stands; whether it is there is seen when it is needed."""
    text = reading.line("credentials", value, longest=300, required=False)
    source, _, name = text.partition(":")
    if text and not (source == "env" and name.startswith(VARIABLE) and name.isidentifier()) and source != "file":
        reading.refuse(
            "credentials",
            "do not say where user and password stand",
            f"Write env:{VARIABLE}… for a variable, or file:/… for a file in {settings.BROKER_SECRETS}.",
        )
    elif source == "file" and not _is_kept_apart(Path(name)):
        reading.refuse("credentials", "name a file elsewhere", f"Put it in {settings.BROKER_SECRETS}.")
    return text


def _is_kept_apart(path: Path) -> bool:
    """Whether a file is among those that hold brokers' passwords and nothing else."""
    return path.resolve().is_relative_to(Path(settings.BROKER_SECRETS).resolve())


def _secret(reference: str) -> str:
    """user:password, from where it stands. Raises Unreachable."""
    source, _, name = reference.partition(":")
    if not reference:
        return ""
    if source == "env" and name.startswith(VARIABLE):
        if name in os.environ:
            return os.environ[name].strip()
        raise Unreachable(f"The variable {name} is not set, which should hold user:password.")
    if source != "file" or not _is_kept_apart(Path(name)):
        raise Unreachable(f"{reference} is not where brokers' passwords may stand.")
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        raise Unreachable(f"The file {name} cannot be read, which should hold user:password.") from None


def _address(broker: Broker, secret: str) -> str:
    """The address to connect to: what was checked, with user and password."""
    address = _read(broker)
    if address.socket:
        if not _is_own_socket(address.socket):
            raise Refused("Sockets of this machine are not reached.")
        return address.written(())
    user, _, password = secret.partition(":")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if secret else ""
    checked = [_checked(each, address.scheme) for each in address.doors]
    # NATS speaks in clear first, so the name alone would lead to whoever it leads to by then.
    named = {"host": address.doors[0].host} if broker.kind == Broker.Kind.NATS else {}
    return address.written(checked, login, **named)


def _read(broker: Broker) -> Address:
    """Its address; what was kept may have been written when more was taken. Raises Refused."""
    try:
        return addresses.read(broker.kind, broker.url if "://" in broker.url else f"{broker.kind}://{broker.url}")
    except Misread as why:
        raise Refused(f"The broker's address {why.what}. {why.mend}") from None


def _checked(door: Door, scheme: str) -> Door:
    """The door by the address that was checked; by its name where a certificate vouches for that."""
    addresses = _resolved(door)
    for each in addresses:
        if not _is_allowed(each, door.port):
            named = "" if each == door.host else f"{door.host} is at {each}. "
            raise Refused(
                f"{named}The operator allows no connection there: add {_network(each, door.port)} to BROKER_NETWORKS."
            )
    return door if scheme in VOUCHED_FOR else Door(addresses[0], door.port)


def _resolved(door: Door) -> list[str]:
    try:
        return outgoing.resolved(door.host, door.port)
    except outgoing.Failed as why:
        raise Unreachable(str(why)) from None


def _is_allowed(address: str, port: int) -> bool:
    place = outgoing.place_of(address)
    return place is not None and any(
        place.version == network.version and place in network and wanted in (None, port)
        for network, wanted in settings.BROKER_NETWORKS
    )


def _network(address: str, port: int) -> str:
    place = ipaddress.ip_address(address.partition("%")[0])
    return f"{place}/{place.max_prefixlen}:{port}" if place.version == 4 else f"[{place}/{place.max_prefixlen}]:{port}"


def _is_own_socket(path: Path) -> bool:
    return any(path.resolve().is_relative_to(Path(each).resolve()) for each in settings.BROKER_SOCKETS)


def _is_literal(host: str) -> bool:
    return outgoing.place_of(host) is not None


def _without(secret: str, text: str) -> str:
    _, _, password = secret.partition(":")
    for each in {secret, password, quote(password, safe="")} - {""}:
        text = text.replace(each, "…")
    return text


def _require_administrator(by: Person) -> None:
    if not permissions.may_manage_catalog(by):
        raise NotAllowed("Only an administrator names brokers.", "Ask an administrator.")
