"""Section 4.2 of the document: the topics and queues events travel on."""

from typing import ClassVar, Literal

from .base import Duration, Line, Part, Whole, listed, stated

TopicKind = Literal["topic", "queue"]


class Topic(Part):
    """A topic or queue, who writes it, who reads it, and where its failures go."""

    TITLE: ClassVar[str] = "Topic"
    KEY: ClassVar[str | None] = "name"

    name: Line | None = stated("orders.events")
    """The topic's or queue's name on the broker."""
    kind: TopicKind | None = stated("topic")
    """A topic keeps messages for many readers; a queue hands each to one."""
    broker: Line | None = stated("kafka-main")
    """The broker it lives on."""
    partitions: Whole | None = stated(12, ge=1, le=10_000)
    """How many partitions it has (1 for a queue)."""
    replication_factor: Whole | None = stated(3, ge=1, le=20)
    """On how many brokers each message is kept."""
    retention: Duration | None = stated("P7D")
    """How long messages are kept."""
    key: Line | None = stated("tenantId")
    """The message key; messages with one key stay in order."""
    producer: Line | None = stated("order-service")
    """The system that writes."""
    consumer_groups: tuple[Line, ...] = listed(["payment-workers"])
    """The groups that read."""
    dead_letter: Line | None = stated("orders.events.dlq")
    """The topic or queue that takes what cannot be processed."""
