"""Rules across integrations: what one record says, against what others say of the same systems, topics and events.

Another team's record never stops one's own: these are warnings and hints. A revision is compared with what is in force
elsewhere, and with the newest revision of what never was.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from ..record import DesignRecord
from ..record.base import Part, in_words
from ..record.contracts import Contract
from ..record.events import Event as EventPart
from ..record.findings import Finding, Other, Severity
from ..record.overview import Overview
from ..record.policy import RateLimit, Retry, Timeouts
from ..record.topics import Topic as TopicPart
from .base import RULES, Rule, add, help_of, in_order
from .chains import Chain, Limit, Network, Worst
from .completeness import CRITICALITIES
from .facts import EVERYWHERE, Call, Event, Fact, Facts, Topic, other
from .retry import counted, listing

MOST_CALLS = 10
"""Calls that one may become before it is worth a word: two places that retry twice make nine."""
MOST_OTHERS = 8
"""Integrations a finding names; a topic may have hundreds."""
MOST_NAMED = 3


class Landscape:
    """What some or all integrations tell, one revision of each."""

    def __init__(
        self, calls: Iterable[Call], topics: Iterable[Topic], events: Iterable[Event], *, is_whole: bool = True
    ) -> None:
        self.is_whole = is_whole
        """Whether every integration near enough to matter is in it; where not, numbers are said to be the least."""
        made = [each for each in calls if each.is_call]
        differing = sorted({name for each in made for name in each.environments})
        self.networks = [Network(made, name) for name in (EVERYWHERE, *differing)]
        self.topics: dict[str, list[Topic]] = defaultdict(list)
        self.events: dict[str, list[Event]] = defaultdict(list)
        for topic in topics:
            self.topics[topic.name].append(topic)
        for event in events:
            self.events[event.type].append(event)

    @classmethod
    def of(cls, known: Iterable[Facts], *, is_whole: bool = True) -> Self:
        """The landscape of some records."""
        every = list(known)
        return cls(
            (call for each in every for call in each.calls),
            (topic for each in every for topic in each.topics),
            (event for each in every for event in each.events),
            is_whole=is_whole,
        )


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says of one record in the landscape, and all facts it is about."""

    path: str
    message: str
    mend: str
    about: tuple[Fact, ...]
    subject: str
    """What it is about: remarks on one subject are told once, by whoever tells the most."""
    severity: Severity | None = None


Says = Callable[[Landscape, Facts], Iterator[Remark]]
ACROSS: list[Rule] = []
"""The rules of this module. They are among all rules, too."""
MIRRORS: set[str] = set()
"""Rules that say of one side what another says of the other."""


def across(
    code: str, severity: Severity, title: str, *, on: type[Part], mirrors: bool = False
) -> Callable[[Says], Says]:
    """Make a function a rule across integrations. Its docstring is the rule's help page."""

    def register(says: Says) -> Says:
        add(Rule(code, severity, title, help_of(says), on.__name__, says))
        ACROSS.append(RULES[code])
        if mirrors:
            MIRRORS.add(code)
        return says

    return register


def check_across(landscape: Landscape, own: Facts, record: DesignRecord) -> list[Finding]:
    """What the rules across integrations say of one record, in its order."""
    return in_order(record, [_finding(rule, each, own) for rule in ACROSS for each in rule.check(landscape, own)])


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding across integrations, from the side of one of them."""

    slug: str
    version: str
    state: str
    finding: Finding


def survey(known: Iterable[Facts]) -> list[Seen]:
    """Everything the rules across integrations say of some records: the worst first, nothing twice from two sides."""
    every = list(known)
    landscape = Landscape.of(every)
    found: list[tuple[Rule, Remark, Facts]] = []
    for own in every:
        for rule in ACROSS:
            if rule.code not in MIRRORS:
                found += [(rule, remark, own) for remark in rule.check(landscape, own)]
    seen = [
        Seen(own.owner.slug, own.owner.version, own.owner.state, _finding(rule, remark, own))
        for rule, remark, own in _once(found)
    ]
    worst = list(Severity)
    return sorted(seen, key=lambda each: (worst.index(each.finding.severity), each.finding.code, each.slug))


def _once(found: list[tuple[Rule, Remark, Facts]]) -> Iterator[tuple[Rule, Remark, Facts]]:
    """Of remarks on one subject, those that are about no less than another."""
    told: dict[tuple[str, str], list[set[Fact]]] = defaultdict(list)
    for rule, remark, own in sorted(found, key=lambda each: -len(each[1].about)):
        about = set(remark.about)
        before = told[rule.code, remark.subject]
        if not any(about <= each for each in before):
            before.append(about)
            yield rule, remark, own


def _finding(rule: Rule, remark: Remark, own: Facts) -> Finding:
    return Finding(
        rule.code,
        remark.severity or rule.severity,
        remark.path,
        remark.message,
        remark.mend,
        _others(remark.about, own),
    )


def _others(about: Iterable[Fact], own: Facts) -> tuple[Other, ...]:
    """The first place in each other integration, in the order of what is said."""
    found = {each.owner.slug: other(each) for each in reversed(list(about)) if each.owner.slug != own.owner.slug}
    order = dict.fromkeys(each.owner.slug for each in about)
    return tuple(found[slug] for slug in order if slug in found)[:MOST_OTHERS]


def route(calls: Chain) -> str:
    """The systems a chain visits: `shop → orders → ledger`."""
    return " → ".join((calls[0].consumer, *(each.provider for each in calls)))


def _in(environment: str) -> str:
    return f" in {environment}" if environment else ""


def owners_of(facts: Iterable[Fact]) -> str:
    """The integrations some facts are of: `orders-to-stock, vans-to-app and 4 others`."""
    slugs = list(dict.fromkeys(each.owner.slug for each in facts))
    rest = len(slugs) - MOST_NAMED
    return listing([*slugs[:MOST_NAMED], f"{rest} {'other' if rest == 1 else 'others'}"] if rest > 0 else slugs)


# --- chains of calls --------------------------------------------------------------------------------------------------


@across("chain-retries", Severity.WARNING, "Retries multiply along a chain", on=Retry)
def chain_retries(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """When a system at the end of a chain fails, each system before it retries, and each of those retries is retried
    by the one before. The attempts multiply, and all of them reach the system that is down.

    Bad: shop makes 4 attempts, orders 3 and payments 4: one click is 48 calls of the ledger. Good: payments makes 3,
    the others 1, and each answers at once that it failed: 3 calls.

    Retry in one place of a chain, best next to what fails, and set max retries to 0 elsewhere. Chains are followed
    through REST, gRPC and GraphQL contracts of other integrations, up to six calls; whether these operations really
    call each other, only you know.
    """
    for call in own.calls:
        if not call.is_call:
            continue
        found = [
            (network.environment, worst)
            for network in landscape.networks
            if network.attempts(call) > 1 and (worst := network.worst(call, above=MOST_CALLS)) and len(worst.calls) > 1
        ]
        if found:
            environment, worst = max(found, key=lambda each: each[1].product)
            yield _multiplied(call, environment, worst, is_least=not landscape.is_whole)


def _multiplied(call: Call, environment: str, worst: Worst, *, is_least: bool) -> Remark:
    first, *others = worst.factors
    factors = " × ".join([counted(first, "attempt", "attempts"), *(f"{each:,}" for each in others)])
    own = worst.factors[worst.calls.index(call)]
    least = "at least " if is_least or not worst.is_exact else ""
    last = worst.calls[-1].provider
    return Remark(
        call.field("attempts", environment),
        f"{factors} = {least}{worst.product:,} calls reach {last} at worst{_in(environment)}: {route(worst.calls)}.",
        f"Retry in one place of a chain, best next to what fails: without retries here it is {worst.product // own:,}.",
        worst.calls,
        route(worst.calls),
    )


@across("chain-budget", Severity.WARNING, "The caller gives up before the answer can come", on=Timeouts)
def chain_budget(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """While the provider answers, it calls others, with timeouts and retries of its own. If those may take longer than
    the caller waits, the caller gives up, and the work goes on for nobody; then the caller tries again.

    Bad: shop waits 2,000 ms for orders, which may need 7,500 ms for payments. Good: shop waits 9,000 ms, or orders
    gives payments 1,500 ms in all.

    Raise the total timeout, agree on less below, or answer first and go on with an event.
    """
    for call in own.calls:
        found = [each for network in landscape.networks if call.is_call and (each := _outlasted(network, call))]
        if found:
            environment, waits, takes, way = max(found, key=lambda each: each[2] - each[1])
            below = way[-1]
            yield Remark(
                call.field("total_ms", environment),
                f"The call ends after {waits:,} ms{_in(environment)}, but {below.consumer} may take {takes:,} ms for "
                f"its call of {below.provider}: {route(way)}.",
                f"Wait for more than {takes:,} ms, or have {below.owner.slug} take less.",
                way,
                route(way),
            )


def _outlasted(network: Network, call: Call) -> tuple[str, int, int, Chain] | None:
    """How long a call waits, and what takes longer below it."""
    waits, slowest = network.numbers[call].waits_ms, network.slowest_below(call)
    if waits is None or slowest is None or slowest[0] <= waits:
        return None
    return network.environment, waits, *slowest


@across("chain-impatient", Severity.WARNING, "Whoever calls gives up first", on=Timeouts, mirrors=True)
def chain_impatient(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """Somebody waits for the system that makes this call. If this call may take longer than they wait, its answer
    comes when nobody listens any more, and they have begun again.

    Bad: payments is given 7,500 ms here, and shop waits 2,000 ms for all of it. Good: payments is given 1,500 ms, or
    shop waits 9,000.

    Take less time, or agree on more with the integration named.
    """
    for call in own.calls:
        found = []
        for network in landscape.networks if call.is_call else ():
            takes = network.numbers[call].ends_ms
            if takes is not None and (above := network.impatient_above(call, below_ms=takes)):
                found.append((network.environment, takes, above))
        if found:
            environment, takes, above = max(found, key=lambda each: each[1] - each[2][0][0])
            waits, way = above[0]
            more = f", and {counted(len(above) - 1, 'other gives', 'others give')} up too" if len(above) > 1 else ""
            yield Remark(
                call.field("total_ms", environment),
                f"This call may take {takes:,} ms{_in(environment)}, but {way[0].consumer} waits {waits:,} ms for "
                f"{way[0].provider}{more}: {route(way)}.",
                f"Take less than {waits:,} ms, or agree on more with {way[0].owner.slug}.",
                (*way, *(chain[0] for _, chain in above[1:])),
                route(way),
            )


@across("chain-circle", Severity.WARNING, "Calls come back to where they began", on=Contract)
def chain_circle(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """Systems that wait for each other in a circle stop together: when one is slow, the threads of all of them wait,
    and each retry feeds the next round. None of them can be started or mended first.

    Bad: orders calls stock, stock calls pricing, pricing calls orders. Good: pricing listens to events of orders and
    keeps what it needs.

    Break the circle with an event or a copy of the data. If these operations never lead to each other, say so when you
    submit. Within one bidirectional integration, whose two sides both sign, it is a hint.
    """
    network, told = landscape.networks[0], set[frozenset[Call]]()
    for call in own.calls:
        circle = network.circle(call) if call.is_call else None
        if circle is None or frozenset(circle) in told:
            continue
        told.add(frozenset(circle))
        is_own = all(each.owner.slug == own.owner.slug for each in circle)
        yield Remark(
            f"{call.path}.provider",
            f"Calls come back to where they began: {route(circle)}.",
            "Break the circle with an event, or say why these operations never lead to each other.",
            circle,
            min(each.consumer for each in circle),
            Severity.HINT if is_own else None,
        )


@across("critical-on-low", Severity.WARNING, "A critical integration depends on a low one", on=Overview)
def critical_on_low(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """What an integration calls to do its work is as critical as itself: when that is down, so is this. But it was
    designed, tested and staffed as something that may be down for a day.

    Bad: the critical checkout calls payments, which calls a fraud check of low criticality, without a night shift.
    Good: the fraud check is high, or payments goes on without it.

    Raise the criticality of what is called, or do without it while it is down and say so. From critical to low is a
    warning, two steps between others a hint.
    """
    way = _furthest(landscape, own, ahead=True)
    if way is not None:
        weak = way[-1].owner
        yield Remark(
            "overview.criticality",
            f"This is {own.owner.criticality}, but depends on {weak.slug}, which is {weak.criticality}: {route(way)}.",
            f"Have {weak.slug} raised, or do without it while it is down.",
            way,
            route(way),
            severity=_gap_severity(own.owner.criticality, weak.criticality),
        )


@across("low-under-critical", Severity.WARNING, "Something critical depends on this", on=Overview, mirrors=True)
def low_under_critical(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """An integration is as critical as what depends on it. Taken for less, it is built and staffed for less, and the
    critical one finds out when it is down.

    Bad: the fraud check is low, and the critical checkout waits for it through payments. Good: it is high too, or
    payments goes on without it.

    Raise the criticality, or agree that the others do without it while it is down.
    """
    way = _furthest(landscape, own, ahead=False)
    if way is not None:
        strong = way[0].owner
        yield Remark(
            "overview.criticality",
            f"This is {own.owner.criticality}, but {strong.slug}, which is {strong.criticality}, depends on it: "
            f"{route(way)}.",
            f"Raise it, or agree with {strong.slug} that it does without.",
            way,
            route(way),
            severity=_gap_severity(strong.criticality, own.owner.criticality),
        )


def _furthest(landscape: Landscape, own: Facts, *, ahead: bool) -> Chain | None:
    """The nearest of the calls below (or above) whose criticality is furthest from one's own, two steps at least."""
    mine = own.owner.criticality
    most = _gap(mine, CRITICALITIES[-1]) if ahead else _gap(CRITICALITIES[0], mine)
    best, furthest = None, 1
    for call in own.calls:
        for way in landscape.networks[0].beyond(call, ahead=ahead) if call.is_call and furthest < most else ():
            end = way[-1 if ahead else 0].owner.criticality
            if (gap := _gap(mine, end) if ahead else _gap(end, mine)) > furthest:
                best, furthest = way, gap
            if furthest == most:
                break
    return best


def _gap(strong: str, weak: str) -> int:
    """How many steps a criticality is below another; none where one is not stated."""
    if strong not in CRITICALITIES or weak not in CRITICALITIES:
        return 0
    return CRITICALITIES.index(weak) - CRITICALITIES.index(strong)


def _gap_severity(strong: str, weak: str) -> Severity:
    return Severity.WARNING if _gap(strong, weak) > 2 else Severity.HINT


# --- one provider's limit, many consumers -----------------------------------------------------------------------------


@across("provider-oversubscribed", Severity.WARNING, "Together they exceed the provider's limit", on=RateLimit)
def provider_oversubscribed(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """A provider that counts all its consumers together refuses whoever comes last. Each keeps its own limit, and still
    all of them get 429 on the day everybody is busy.

    Bad: the provider accepts 1,200 a minute from all, and three consumers may send 600 each. Good: 400 each, or a
    limit of 1,800.

    Agree on shares, or on a higher limit. Where each consumer has the provider's limit for itself, say so in the
    contract: “provider limit is shared: no”. Until somebody says that it is shared, this is a hint.
    """
    for call in own.calls:
        found = [
            limit
            for network in landscape.networks
            if call.is_call and (limit := network.limit_of(call.provider)).is_exceeded and call in limit.sharing
        ]
        if found:
            yield _oversubscribed(call, max(found, key=lambda each: each.total - each.accepted), landscape.is_whole)


def _oversubscribed(call: Call, limit: Limit, is_whole: bool) -> Remark:
    mend = "Agree on shares, or on a higher limit."
    if not limit.is_shared:
        mend = "Say whether the provider counts all its consumers together; if so, agree on shares."
    least = "" if is_whole else "at least "
    return Remark(
        call.field("requests_per_minute", limit.environment),
        f"{len(limit.sharing):,} contracts may send {call.provider} {least}{limit.total:,} calls a minute"
        f"{_in(limit.environment)} together, {limit.sharing[call]:,} of them here; it accepts {limit.accepted:,}.",
        mend,
        tuple(limit.sharing),
        call.provider,
        None if limit.is_shared else Severity.HINT,
    )


# --- one topic, one event, described twice ----------------------------------------------------------------------------

TOPIC_FIELDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "kind": ("is a {}", str),
    "partitions": ("has {} partitions", "{:,}".format),
    "key": ("is keyed by {}", str),
    "retention_seconds": ("keeps messages for {}", lambda value: in_words(f"PT{value}S")),
}
"""What all who describe a topic must agree on, and how it is said."""


@across("topic-differs", Severity.WARNING, "One topic, described in two ways", on=TopicPart)
def topic_differs(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """There is one topic on the broker, whatever records say of it. Whoever reads it by another key, counts on other
    partitions or on a longer retention is wrong, and finds out by lost order or lost messages.

    Bad: orders.events with 12 partitions here and 6 in another integration. Good: the same in both, as on the broker.

    Look at the broker, and correct whichever record is wrong. Topics are taken for one if their names are the same and
    so are their brokers, or one of them is not stated.
    """
    for topic in own.topics:
        elsewhere = [each for each in landscape.topics.get(topic.name, ()) if _is_same(topic, each)]
        for name, (words, shown) in TOPIC_FIELDS.items():
            value = getattr(topic, name)
            differing: dict[Any, list[Topic]] = defaultdict(list)
            for each in elsewhere:
                if getattr(each, name) not in (None, "", value):
                    differing[getattr(each, name)].append(each)
            if value in (None, "") or not differing:
                continue
            said = [f"{shown(each)} in {owners_of(topics)}" for each, topics in differing.items()]
            yield Remark(
                f"{topic.path}.{name.removesuffix('_seconds')}",
                f"{topic.name} {words.format(shown(value))} here, {'; '.join(said[:MOST_NAMED])}.",
                "See what the broker has, and correct whichever record is wrong.",
                (topic, *(each for topics in differing.values() for each in topics)),
                f"{topic.name} {name}",
            )


def _is_same(topic: Topic, each: Topic) -> bool:
    if not topic.name or each.owner.slug == topic.owner.slug:
        return False
    return not topic.broker or not each.broker or topic.broker == each.broker


@across("event-schema-differs", Severity.WARNING, "One event, described by two schemas", on=EventPart)
def event_schema_differs(landscape: Landscape, own: Facts) -> Iterator[Remark]:
    """Consumers choose their code by an event's type. Under one type there is one schema; a reader of the other one
    fails on a field it never heard of, or waits for one that never comes.

    Bad: com.example.order.placed.v1 with amount as text here and as a number in another integration. Good: one schema
    in both, or com.example.order.placed.v2 for the new one.

    Copy the publisher's schema, or give the changed event a type of its own.
    """
    for event in own.events:
        differing = [
            each
            for each in landscape.events.get(event.type, ())
            if each.owner.slug != own.owner.slug and each.schema_hash not in ("", event.schema_hash)
        ]
        if event.type and event.schema_hash and differing:
            yield Remark(
                f"{event.path}.data_schema",
                f"{event.type} has another schema in {owners_of(differing)}.",
                "Copy the publisher's schema, or give the changed event a type of its own.",
                (event, *differing),
                event.type,
            )
