"""What records tell each other: the calls, topics and events of one, as rules across integrations compare them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..definitions.schemas import schema_hash
from ..record import DesignRecord, pointers
from ..record.base import seconds
from ..record.contracts import Contract
from ..record.findings import Other
from ..record.policy import Policy
from .completeness import CALLS

FIELDS = {
    "attempts": "retry.max_retries",
    "total_ms": "timeouts.total_ms",
    "requests_per_minute": "rate_limit.requests_per_minute",
}
"""Where a policy states a number."""
LONGEST_MS = 10**10
"""No call is said to take longer, which is 115 days."""
EVERYWHERE = ""
"""The environment of what holds wherever nothing else is said."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The revision of an integration that says it."""

    slug: str
    version: str = ""
    state: str = ""
    criticality: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a contract's policy comes to in one environment."""

    attempts: int | None = None
    longest_ms: int | None = None
    total_ms: int | None = None
    requests_per_minute: int | None = None
    provider_requests_per_minute: int | None = None
    provider_limit_is_shared: bool | None = None

    @property
    def ends_ms(self) -> int | None:
        """The longest a call takes; None while nothing bounds it."""
        stated = [each for each in (self.longest_ms, self.total_ms) if each is not None]
        return min(stated, default=None)

    @property
    def waits_ms(self) -> int | None:
        """How long the caller is ready to wait in all."""
        return self.longest_ms if self.total_ms is None else self.total_ms


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A contract: one system uses another."""

    owner: Owner
    path: str
    consumer: str
    provider: str
    protocol: str = "rest"
    numbers: Numbers = Numbers()
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The numbers that differ, by environment."""

    @property
    def is_call(self) -> bool:
        """Whether one side waits for the other's answer."""
        return self.protocol in CALLS and bool(self.consumer and self.provider) and self.consumer != self.provider

    def inside(self, environment: str) -> Numbers:
        """The numbers in one environment."""
        own = self.environments.get(environment)
        return replace(self.numbers, **own) if own else self.numbers

    def field(self, name: str, environment: str = EVERYWHERE) -> str:
        """The pointer of the field that states a number in an environment."""
        if not self.path.endswith("]"):
            return self.path
        differs = name in self.environments.get(environment, {})
        own = f".environments{pointers.item(environment)}" if differs else ""
        return f"{self.path}.policy{own}.{FIELDS[name]}"


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """A topic or queue."""

    owner: Owner
    path: str
    name: str
    broker: str = ""
    kind: str = ""
    partitions: int | None = None
    key: str = ""
    retention_seconds: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """An event and the hash of its schema."""

    owner: Owner
    path: str
    type: str
    schema_hash: str = ""


Fact = Call | Topic | Event


@dataclass(frozen=True, slots=True)
class Facts:
    """What one record tells."""

    owner: Owner
    calls: tuple[Call, ...] = ()
    topics: tuple[Topic, ...] = ()
    events: tuple[Event, ...] = ()


def facts(record: DesignRecord, owner: Owner) -> Facts:
    """What a record tells, in its own order."""
    owner = replace(owner, criticality=record.overview.criticality or "")
    return Facts(owner, tuple(_calls(record, owner)), tuple(_topics(record, owner)), tuple(_events(record, owner)))


def other(fact: Fact) -> Other:
    """A fact as a finding of another integration refers to it."""
    return Other(fact.owner.slug, fact.owner.version, fact.owner.state, fact.path)


def numbers(policy: Policy) -> Numbers:
    """What a policy comes to, wherever no environment says otherwise."""
    longest = policy.retry.longest_ms()
    return Numbers(
        policy.retry.attempts,
        # Listed delays may be any number while a rule calls them wrong.
        None if longest is None else min(max(longest, 0), LONGEST_MS),
        policy.timeouts.total_ms,
        policy.rate_limit.requests_per_minute,
        policy.rate_limit.provider_requests_per_minute,
        policy.rate_limit.provider_limit_is_shared,
    )


def environments(policy: Policy) -> dict[str, dict[str, Any]]:
    """The numbers that differ, by environment; those without any are left out."""
    common = numbers(policy)
    named = dict.fromkeys(each.environment for each in policy.environments if each.environment)
    found = {name: _differing(common, numbers(policy.inside(name))) for name in named}
    return {name: differing for name, differing in found.items() if differing}


def _differing(common: Numbers, own: Numbers) -> dict[str, Any]:
    names = Numbers.__dataclass_fields__
    return {name: value for name in names if (value := getattr(own, name)) != getattr(common, name)}


def _calls(record: DesignRecord, owner: Owner) -> Iterator[Call]:
    for step, each in zip(pointers.item_steps(record.contracts), record.contracts, strict=True):
        yield _call(each, owner, f"contracts{step}")


def _call(contract: Contract, owner: Owner, path: str) -> Call:
    return Call(
        owner,
        path,
        contract.consumer or "",
        contract.provider or "",
        contract.protocol or "",
        numbers(contract.policy),
        environments(contract.policy),
    )


def _topics(record: DesignRecord, owner: Owner) -> Iterator[Topic]:
    for step, each in zip(pointers.item_steps(record.topics), record.topics, strict=True):
        kept = None if each.retention is None else seconds(each.retention)
        yield Topic(
            owner,
            f"topics{step}",
            each.name or "",
            each.broker or "",
            each.kind or "",
            each.partitions,
            each.key or "",
            kept,
        )


def _events(record: DesignRecord, owner: Owner) -> Iterator[Event]:
    for step, each in zip(pointers.item_steps(record.events), record.events, strict=True):
        hashed = schema_hash(each.data_schema) if each.data_schema else ""
        yield Event(owner, f"events{step}", each.type or "", hashed)
