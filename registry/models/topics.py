"""Topics and events as all records together describe them: listed by name, and compared where several declare one."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Func, Q

from .index import IndexedEvent, IndexedParty, IndexedTopic
from .integrations import Integration
from .pages import Page, keyset_values
from .revisions import Revision

MOST_DECLARATIONS = 200
COMPARED = (
    "kind",
    "broker",
    "partitions",
    "replication_factor",
    "retention",
    "key",
    "producer",
    "ordering",
    "ordering_scope",
    "dead_letter",
)
"""What one topic can have only one of, whoever describes it."""
NUMBERS = {"partitions", "replication_factor"}


@dataclass(frozen=True, slots=True)
class TopicInBrief:
    """A topic or queue: what the living integrations say of it, all together."""

    name: str
    kinds: list[str]
    brokers: list[str]
    producers: list[str]
    groups: list[str]
    integrations: int
    differing: list[str]
    """The fields of COMPARED on which the records do not agree."""


@dataclass(frozen=True, slots=True)
class EventInBrief:
    """A type of event: what the living integrations say of it, all together."""

    type: str
    names: list[str]
    publishers: list[str]
    consumers: list[str]
    integrations: int
    schemas: int
    """How many different schemas it has."""


@dataclass
class Declaration:
    """What one revision says of a topic, and where the others say something else."""

    row: IndexedTopic
    differing: set[str] = field(default_factory=set)

    @property
    def revision(self) -> Revision:
        return self.row.revision

    @property
    def integration(self) -> Integration:
        return self.row.revision.integration

    @cached_property
    def parties(self) -> list[IndexedParty]:
        return list(self.revision.indexed_parties.all())

    @property
    def consumers(self) -> list[str]:
        """The systems that read, as far as the record says: its consumers, without the one that writes."""
        named = (each.system_slug for each in self.parties if each.role == "consumer")
        return [slug for slug in dict.fromkeys(named) if slug and slug != self.row.producer]

    @cached_property
    def takes_failures(self) -> bool:
        """Whether another topic of the record sends here what could not be processed."""
        return any(each.dead_letter == self.row.name for each in self.revision.indexed_topics.all())

    @property
    def siblings(self) -> set[str]:
        """Other topics of the record with the same producer, which its events may travel on as well."""
        rows = list(self.revision.indexed_topics.all())
        failures = {each.dead_letter for each in rows}
        return {
            each.name
            for each in rows
            if each.name not in failures and each.name != self.row.name and each.producer == self.row.producer
        }

    @property
    def events(self) -> list[IndexedEvent]:
        """The record's events that its producer publishes; a record does not say which topic each travels on."""
        if self.takes_failures:
            return []
        found = self.revision.indexed_events.all()
        return [each for each in found if self.row.producer in ("", each.publisher_slug) or not each.publisher_slug]


def topics(*, q: str = "", kind: str = "", broker: str = "", producer: str = "") -> Any:
    """What living integrations say, with all of these; "" asks for nothing."""
    found = IndexedTopic.objects.living().exclude(name="")
    asked = {"kind": kind, "broker": broker, "producer": producer}
    found = found.filter(**{name: value for name, value in asked.items() if value})
    return found.filter(name__icontains=q) if q else found


def events(*, q: str = "", publisher: str = "", consumer: str = "") -> Any:
    """What living integrations say, with all of these; "" asks for nothing."""
    found = IndexedEvent.objects.living().exclude(type="")
    if publisher:
        found = found.filter(publisher_slug=publisher)
    if consumer:
        found = found.filter(consumer_slugs__contains=[consumer])
    return found.filter(type__icontains=q) if q else found


def topics_page(
    asked: Mapping[str, str], *, cursor: str = "", size: int = 50, falling: bool = False
) -> Page[TopicInBrief]:
    """A page of topics by name."""
    page = keyset_values(topics(**asked), field="name", falling=falling, cursor=cursor, size=size)
    named = IndexedTopic.objects.living().filter(name__in=page.rows)
    found = {row["name"]: row for row in named.values("name").annotate(**_topic_columns())}
    groups: dict[str, list[str]] = {}
    read_by = named.annotate(group=Func(F("consumer_groups"), function="unnest")).order_by("group")
    for name, group in read_by.values_list("name", "group").distinct():
        groups.setdefault(name, []).append(group)
    rows = [
        TopicInBrief(
            name=name,
            kinds=found[name]["kinds"],
            brokers=found[name]["brokers"],
            producers=found[name]["producers"],
            groups=groups.get(name, []),
            integrations=found[name]["integrations"],
            differing=[each for each in COMPARED if found[name][f"different_{each}"] > 1],
        )
        for name in page.rows
        if name in found
    ]
    return Page(rows, page.previous, page.next)


def events_page(
    asked: Mapping[str, str], *, cursor: str = "", size: int = 50, falling: bool = False
) -> Page[EventInBrief]:
    """A page of events by type."""
    page = keyset_values(events(**asked), field="type", falling=falling, cursor=cursor, size=size)
    named = IndexedEvent.objects.living().filter(type__in=page.rows)
    columns = {
        "names": _all("name"),
        "publishers": _all("publisher_slug"),
        "integrations": Count("revision__integration", distinct=True),
        "schemas": Count("schema_hash", distinct=True, filter=~Q(schema_hash="")),
    }
    found = {row["type"]: row for row in named.values("type").annotate(**columns)}
    consumers: dict[str, list[str]] = {}
    read_by = named.annotate(consumer=Func(F("consumer_slugs"), function="unnest")).order_by("consumer")
    for type_, consumer in read_by.values_list("type", "consumer").distinct():
        consumers.setdefault(type_, []).append(consumer)
    rows = [
        EventInBrief(
            type=each,
            names=found[each]["names"],
            publishers=found[each]["publishers"],
            consumers=consumers.get(each, []),
            integrations=found[each]["integrations"],
            schemas=found[each]["schemas"],
        )
        for each in page.rows
        if each in found
    ]
    return Page(rows, page.previous, page.next)


def declarations(name: str) -> list[Declaration]:
    """What the newest revisions and those in force say of a topic, by integration, the newest first.

    Retired integrations are listed and not compared.
    """
    found = IndexedTopic.objects.standing().filter(name=name).select_related("revision__integration")
    found = found.prefetch_related(
        "revision__indexed_parties", "revision__indexed_events", "revision__indexed_topics"
    ).defer("revision__document", "revision__integration__search_text")
    ordered = found.order_by("revision__integration__name", "revision__integration_id", "-revision__number", "id")
    listed = [Declaration(row) for row in ordered[:MOST_DECLARATIONS]]
    compared = [each for each in listed if each.integration.state != Integration.State.RETIRED]
    for aspect in COMPARED:
        _mark(compared, aspect)
    return listed


def event_declarations(type: str) -> list[IndexedEvent]:  # noqa: A002 - the field's own name
    """What the newest revisions and those in force say of an event, by integration, the newest first."""
    found = IndexedEvent.objects.standing().filter(type=type).select_related("revision__integration")
    found = found.prefetch_related("revision__indexed_topics")
    found = found.defer("revision__document", "revision__integration__search_text")
    ordered = found.order_by("revision__integration__name", "revision__integration_id", "-revision__number", "id")
    return list(ordered[:MOST_DECLARATIONS])


def _mark(compared: list[Declaration], aspect: str) -> None:
    """Mark those that say something else than most; all of them where no value has more for it."""
    stated = Counter(value for each in compared if (value := getattr(each.row, aspect)) not in (None, ""))
    if len(stated) < 2:
        return
    (usual, most), (_, second) = stated.most_common(2)
    for each in compared:
        value = getattr(each.row, aspect)
        if value not in (None, "") and (value != usual or most == second):
            each.differing.add(aspect)


def _topic_columns() -> dict[str, Any]:
    counts = {
        f"different_{each}": Count(each, distinct=True, filter=Q() if each in NUMBERS else ~Q(**{each: ""}))
        for each in COMPARED
    }
    return counts | {
        "kinds": _all("kind"),
        "brokers": _all("broker"),
        "producers": _all("producer"),
        "integrations": Count("revision__integration", distinct=True),
    }


def _all(column: str) -> ArrayAgg:
    """Every different value of a text column, without the empty one."""
    return ArrayAgg(column, distinct=True, filter=~Q(**{column: ""}), default=[], order_by=column)
