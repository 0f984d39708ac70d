"""Section 2 of the document: the names on the diagram; the diagram itself is drawn from the record."""

from typing import ClassVar

from .base import Line, Part, stated


class Topology(Part):
    """What stands between the two sides."""

    TITLE: ClassVar[str] = "Topology"

    consumer_service: Line | None = stated("OrderService")
    """The consumer's service that makes the calls or reads the events."""
    provider_service: Line | None = stated("PaymentService")
    """The provider's service that answers or publishes."""
    gateway: Line | None = stated("Edge gateway")
    """The API gateway or load balancer the calls pass through."""
    queue: Line | None = stated("orders.events")
    """The queue or topic between the two sides."""
    dead_letter_queue: Line | None = stated("orders.events.dlq")
    """Where messages go that could not be processed."""
    alert_system: Line | None = stated("PagerDuty")
    """What wakes somebody up."""
    provider_store: Line | None = stated("payments-db")
    """The provider's database."""
    worker: Line | None = stated("PaymentEventWorker")
    """The process that publishes or handles events on the provider's side."""
