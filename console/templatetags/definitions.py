"""How the protocols' definitions are shown: as tables, in words, with the names and times that come of them."""

import re
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console import definitions
from registry.definitions import files, graphql, properties, routing, schedules, sources
from registry.record import DesignRecord
from registry.record.contracts import Definition, Frame

register = template.Library()

_PLACE = re.compile(r"\bline (\d{1,7}), column (\d{1,7})\b", re.IGNORECASE)


@register.simple_tag
def proto_tables(record: DesignRecord, definition: Definition, number: int) -> definitions.Source | None:
    """The services and types of the .proto source of a contract, by its number in the document."""
    if not sources.is_read(record, definition):
        return None
    return definitions.source(definition.proto or "", f"contract-{number}-type")


@register.filter
def placed(message: str, element_id: str) -> SafeString | str:
    """A message, the place in the text it names as a link that leads there."""
    found = _PLACE.search(message)
    if not found:
        return message
    return format_html(
        '{}<a href="#{}" data-at="{}:{}">{}</a>{}',
        message[: found.start()],
        element_id,
        found[1],
        found[2],
        found[0],
        message[found.end() :],
    )


@register.filter
def type_link(name: definitions.Named) -> SafeString | str:
    """A type's name, a link where it is declared here."""
    return format_html('<a href="#{}">{}</a>', name.anchor, name.text) if name.anchor else name.text


@register.simple_tag
def graphql_tables(record: DesignRecord, definition: Definition) -> graphql.Read:
    """What can be asked by a GraphQL source, and its types."""
    return graphql.read(definition.graphql or "") if sources.is_read(record, definition) else graphql.Read(None)


@register.filter
def schema_table(schema: str | None) -> properties.Table:
    """A JSON Schema's properties."""
    return properties.table(schema) if schema else properties.Table()


@register.filter
def by_side(frames: tuple[Frame, ...]) -> list[tuple[str, list[tuple[int, Frame]]]]:
    """The frames with their places, those of the consumer first, then the provider's, then those of no side stated."""
    placed = list(enumerate(frames, start=1))
    sides = [
        (side, [each for each in placed if (each[1].sent_by or "") == side]) for side in ("consumer", "provider", "")
    ]
    return [each for each in sides if each[1]]


@register.filter
def routing_words(definition: Definition) -> str:
    """What the routing key lets through, where that needs saying."""
    return routing.in_words(definition.routing_key or "", definition.exchange_type)


@register.filter
def routing_examples(definition: Definition) -> tuple[list[str], list[str]]:
    """Keys that are let through and keys that are not; none of what is no pattern."""
    is_pattern = definition.exchange_type in ("topic", None)
    return routing.examples(definition.routing_key or "") if is_pattern else ([], [])


@register.filter
def file_names(pattern: str) -> list[str]:
    """Names as they come out of a pattern today; none where it cannot be read, or always comes out as itself."""
    found = files.read(pattern)
    return files.examples(pattern, timezone.now()) if found.varies and not found.wrong else []


@register.filter
def schedule_words(text: str) -> str:
    """A schedule in words, where its own text is none."""
    return schedules.read(text).words


@register.filter
def next_times(text: str) -> list[datetime]:
    """The next three times of a schedule, in UTC."""
    return schedules.read(text).after(timezone.now())
