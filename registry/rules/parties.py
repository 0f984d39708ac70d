"""Who is bound: names used elsewhere in the record are its parties, keys are unique, and the catalog knows them."""

from collections import Counter
from collections.abc import Iterator
from functools import cache

from ..record import DesignRecord, pointers
from ..record.base import Part
from ..record.contracts import BaseUrl, Contract
from ..record.documents import part_type
from ..record.events import Event
from ..record.findings import Severity
from ..record.monitoring import AlertRoute, Sampling
from ..record.parties import Party
from ..record.policy import EnvironmentPolicy
from ..record.testing import TestEnvironment
from ..record.topics import Topic
from .base import Place, Said, rule


def systems(record: DesignRecord) -> set[str]:
    """The systems the record binds."""
    return {party.system for party in record.parties if party.system}


@rule("key-twice", Severity.ERROR, "Two items with one name", on=DesignRecord)
def key_twice(place: Place[DesignRecord]) -> Said:
    """Items of a list are told apart by their name: settings are served under it, and comments and changes point at
    it. Of two with one name only the first is found.

    Bad: two contracts called payments-api. Good: payments-api and refunds-api.

    Rename one of them.
    """
    for pointer, part in pointers.walk(place.record):
        for name in _lists(type(part)):
            for key in _repeated(getattr(part, name)):
                yield pointers.under(pointer, name), f"{key[:100]} is the name of two items.", "Rename or merge them."


@cache
def _lists(part: type[Part]) -> tuple[str, ...]:
    return tuple(name for name, info in part.model_fields.items() if part_type(info.annotation) and info.default == ())


def _repeated(value: tuple[Part, ...]) -> Iterator[str]:
    # One condition may go to two addresses of one channel.
    keys = Counter(each.item_key for each in value if not isinstance(each, AlertRoute))
    yield from (key for key, count in keys.items() if key is not None and count > 1)


@rule("contract-party-unknown", Severity.ERROR, "A contract binds somebody who does not sign", on=Contract)
def contract_party_unknown(place: Place[Contract]) -> Said:
    """The parties' leads sign the record. A contract with a system that is no party binds a team that was never
    asked.

    Bad: provider ledger, parties order-service and payment-service. Good: ledger is a party, or the contract moves to
    another integration.

    Add the party or correct the contract.
    """
    known = systems(place.record)
    for name in ("consumer", "provider"):
        system = getattr(place.part, name)
        if system is not None and known and system not in known:
            yield name, f"{system} is not a party of this integration.", "Add it to the parties, or correct the name."


@rule("contract-role-differs", Severity.WARNING, "Caller and called are swapped", on=Contract)
def contract_role_differs(place: Place[Contract]) -> Said:
    """A party that is only a provider does not call, unless the integration is bidirectional. Swapped sides put the
    settings at the wrong service.

    Bad: order-service is the consumer among the parties and the provider of the contract. Good: the same role in
    both.

    Swap the sides, or make the integration bidirectional.
    """
    if place.record.overview.type == "bidirectional":
        return
    for role in ("consumer", "provider"):
        system = getattr(place.part, role)
        roles = {party.role for party in place.record.parties if party.system == system and party.role}
        if system is not None and roles and role not in roles:
            yield (
                role,
                f"{system} is the {next(iter(roles))} among the parties.",
                "Swap the sides, or correct the role.",
            )


@rule("party-unused", Severity.HINT, "A party that does nothing", on=Party)
def party_unused(place: Place[Party]) -> Said:
    """Each party signs and is served the settings. One that no contract, event or topic names signs for nothing, or
    its contract is missing.

    Example: notification-service among the parties, and nowhere else. Better: it is a reader of van.ARRIVING.

    Say what it does, or take it out of the parties.
    """
    record, name = place.record, place.part.system
    named = {system for each in record.contracts for system in (each.consumer, each.provider)}
    named |= {system for each in record.events for system in (each.published_by, *each.consumed_by)}
    named |= {topic.producer for topic in record.topics}
    readers = " ".join(group for topic in record.topics for group in topic.consumer_groups)
    if name is not None and named - {None} and name not in named and name not in readers:
        yield "system", f"No contract, event or topic names {name}.", "Say what it does, or take it out."


@rule("publisher-unknown", Severity.WARNING, "Published by somebody unknown", on=(Event, Topic))
def publisher_unknown(place: Place[Part]) -> Said:
    """Who publishes answers for the schema and the order. A name that is no party has signed nothing.

    Bad: published by shop, parties order-service and payment-service. Good: published by order-service.

    Correct the name, or add the party.
    """
    part = place.part
    name, field = (
        (part.published_by, "published_by")
        if isinstance(part, Event)
        else (getattr(part, "producer", None), "producer")
    )
    topology = place.record.topology
    services = {topology.consumer_service, topology.provider_service, topology.worker}
    if name is not None and systems(place.record) and name not in systems(place.record) | services:
        yield field, f"{name} is not a party of this integration.", "Correct the name, or add the party."


@rule("event-without-topic", Severity.HINT, "An event that travels on no topic", on=Event)
def event_without_topic(place: Place[Event]) -> Said:
    """An event reaches its readers on a topic its publisher writes to. If the publisher produces none of the topics,
    the way is missing.

    Example: order.PLACED published by order-service, and all topics produced by payment-service.

    Describe the topic, or correct the producer.
    """
    publisher = place.part.published_by
    producers = {topic.producer for topic in place.record.topics}
    if publisher is not None and place.record.topics and None not in producers and publisher not in producers:
        yield "published_by", f"{publisher} produces none of the topics.", "Describe the topic it writes to."


@rule("parties-one-team", Severity.HINT, "One team on both sides", on=DesignRecord)
def parties_one_team(place: Place[DesignRecord]) -> Said:
    """Where one team owns both sides, its lead signs twice and nobody else has looked.

    Example: order-service and payment-service both owned by checkout.

    Leave it if it is so; ask somebody of another team to read it.
    """
    teams = {party.team for party in place.record.parties if party.team}
    roles = {party.role for party in place.record.parties}
    if len(teams) == 1 and {"consumer", "provider"} <= roles and all(party.team for party in place.record.parties):
        yield "parties", f"{next(iter(teams))} is on both sides.", "Leave it if it is so."


@rule("system-unknown", Severity.ERROR, "A system the catalog does not know", on=Party)
def system_unknown(place: Place[Party]) -> Said:
    """Tokens are issued to systems of the catalog, and settings are served to them. An unknown system can fetch
    nothing.

    Bad: order-servcie. Good: order-service, as in the catalog.

    Correct the name, or add the system to the catalog.
    """
    name = place.part.system
    if place.catalog is not None and name is not None and name not in place.catalog.systems:
        yield "system", f"{name} is not in the catalog.", "Correct it, or have the system added."


@rule("team-unknown", Severity.ERROR, "A team the catalog does not know", on=Party)
def team_unknown(place: Place[Party]) -> Said:
    """The team's lead signs for the party. An unknown team has no lead, so the record could never be approved.

    Bad: chekout. Good: checkout, as in the catalog.

    Correct the name, or have an administrator add the team.
    """
    name = place.part.team
    if place.catalog is not None and name is not None and name not in place.catalog.teams:
        yield "team", f"{name} is not in the catalog.", "Correct it, or have the team added."


@rule(
    "environment-unknown",
    Severity.ERROR,
    "An environment the catalog does not know",
    on=(BaseUrl, EnvironmentPolicy, Sampling),
)
def environment_unknown(place: Place[Part]) -> Said:
    """Settings are published to the environments of the catalog. Values for another one are served nowhere.

    Bad: prod. Good: production, as in the catalog.

    Correct the name, or have an administrator add the environment.
    """
    name = getattr(place.part, "environment", None)
    if place.catalog is not None and name is not None and name not in place.catalog.environments:
        yield "environment", f"{name} is not in the catalog.", "Correct it, or have the environment added."


@rule(
    "environment-unnamed",
    Severity.ERROR,
    "Values for no environment",
    on=(BaseUrl, EnvironmentPolicy, Sampling, TestEnvironment),
)
def environment_unnamed(place: Place[Part]) -> Said:
    """Values that belong to one environment must say which. Without a name they are served to none.

    Bad: total timeout 5,000 ms in an environment without a name. Good: in staging.

    Name the environment.
    """
    field = "name" if isinstance(place.part, TestEnvironment) else "environment"
    if getattr(place.part, field) is None:
        yield field, "The environment is not named.", "Name it, such as production."
