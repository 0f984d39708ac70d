"""Topics and events as all records together describe them."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from api import asked, shapes
from api.described import PLACE_HELP, described, query
from api.records import Choices, Endpoint, said, url
from registry.models import IndexedEvent, IndexedTopic, Revision
from registry.models import topics as read
from registry.models.topics import Declaration

PLACE: Choices = {"cursor": (), "size": ()}
TOPIC_FILTERS: Choices = {"q": (), "kind": ("topic", "queue"), "broker": (), "producer": (), **PLACE}
TOPIC_HELP = {
    "q": "Letters its name must have.",
    "kind": "What it is.",
    "broker": "The broker, as records write it.",
    "producer": "The system that writes it.",
    **PLACE_HELP,
}
EVENT_FILTERS: Choices = {"q": (), "publisher": (), "consumer": (), **PLACE}
EVENT_HELP = {
    "q": "Letters its type must have.",
    "publisher": "The slug of the system that publishes it.",
    "consumer": "The slug of a system that reads it.",
    **PLACE_HELP,
}


class TopicList(Endpoint):
    """Topics and queues."""

    @described(
        shapes.TopicPage,
        "invalid",
        parameters=tuple(query(name, TOPIC_HELP[name], TOPIC_FILTERS[name]) for name in TOPIC_FILTERS),
        operation_id="list_topics",
    )
    def get(self, request: Request) -> Response:
        """Topics and queues that integrations in use name, by name, a page at a time."""
        wanted = asked.of(request, TOPIC_FILTERS)
        cursor, size = wanted.pop("cursor"), asked.size(wanted.pop("size"), default=50, most=200)
        page = read.topics_page(wanted, cursor=cursor, size=size)
        return said(
            shapes.TopicPage(
                items=[shapes.TopicInBrief.model_validate(each, from_attributes=True) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


class OneTopic(Endpoint):
    """One topic or queue."""

    @described(shapes.DeclaredTopic, "not-found", operation_id="get_topic")
    def get(self, request: Request, topic: str) -> Response:
        """What each record says of it, and where they do not agree."""
        declared = read.declarations(topic)
        if not declared:
            raise Http404
        return said(shapes.DeclaredTopic(name=topic, declarations=[_declaration(each) for each in declared]))


class EventList(Endpoint):
    """Types of events."""

    @described(
        shapes.EventPage,
        "invalid",
        parameters=tuple(query(name, EVENT_HELP[name], EVENT_FILTERS[name]) for name in EVENT_FILTERS),
        operation_id="list_events",
    )
    def get(self, request: Request) -> Response:
        """Events that integrations in use name, by type, a page at a time."""
        wanted = asked.of(request, EVENT_FILTERS)
        cursor, size = wanted.pop("cursor"), asked.size(wanted.pop("size"), default=50, most=200)
        page = read.events_page(wanted, cursor=cursor, size=size)
        return said(
            shapes.EventPage(
                items=[shapes.EventInBrief.model_validate(each, from_attributes=True) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


class OneEvent(Endpoint):
    """One type of event."""

    @described(shapes.DeclaredEvent, "not-found", operation_id="get_event")
    def get(self, request: Request, event: str) -> Response:
        """What each record says of it. Different `schema_hash`es are different schemas."""
        declared = read.event_declarations(event)
        if not declared:
            raise Http404
        return said(shapes.DeclaredEvent(type=event, declarations=[_event(each) for each in declared]))


def _declaration(declared: Declaration) -> shapes.TopicDeclaration:
    row: IndexedTopic = declared.row
    return shapes.TopicDeclaration(
        **_owner(declared.revision),
        kind=row.kind,
        broker=row.broker,
        partitions=row.partitions,
        replication_factor=row.replication_factor,
        retention=row.retention,
        key=row.key,
        producer=row.producer,
        consumers=declared.consumers,
        consumer_groups=row.consumer_groups,
        dead_letter=row.dead_letter,
        ordering=row.ordering,
        ordering_scope=row.ordering_scope,
        deduplication=row.deduplication,
        deduplication_window=row.deduplication_window,
        differs=[each for each in read.COMPARED if each in declared.differing],
    )


def _event(row: IndexedEvent) -> shapes.EventDeclaration:
    return shapes.EventDeclaration(
        **_owner(row.revision),
        name=row.name,
        publisher=row.publisher_slug,
        consumers=row.consumer_slugs,
        topics=[each.name for each in row.revision.indexed_topics.all() if each.name],
        schema_hash=row.schema_hash,
    )


def _owner(revision: Revision) -> dict[str, str]:
    """Which integration says so, and in which version."""
    slug = revision.integration.slug
    return {
        "integration": slug,
        "version": revision.version,
        "state": revision.state,
        "url": f"{url(slug)}/revisions/{revision.version}",
    }
