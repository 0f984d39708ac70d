"""Section 4.1 of the document: the events, as CloudEvents 1.0."""

from typing import ClassVar

from .base import Code, Line, Part, Slug, listed, stated


class Event(Part):
    """Something that happened, told to whoever wants to know."""

    TITLE: ClassVar[str] = "Event"
    KEY: ClassVar[str | None] = "name"

    name: Line | None = stated("order.PLACED")
    """The event's short name: entity.ACTION."""
    type: Line | None = stated("com.example.orders.order.placed.v1")
    """The CloudEvents type, in reverse DNS."""
    source: Line | None = stated("https://orders.example.com/orders")
    """The CloudEvents source: where it comes from."""
    subject: Line | None = stated("the order's id")
    """What the event is about, within its source."""
    published_by: Slug | None = stated("order-service")
    """The system that publishes it."""
    consumed_by: tuple[Slug, ...] = listed(["payment-service"])
    """The systems that read it."""
    data_schema: Code | None = stated('{"type": "object"}', widget="code", language="json")
    """The JSON Schema (2020-12) of its data."""
    example: Code | None = stated('{"specversion": "1.0"}', widget="code", language="json", example_of="data_schema")
    """A whole valid CloudEvents envelope."""
