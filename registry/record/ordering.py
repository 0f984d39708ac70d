"""Section 4.3 of the document: which messages stay in order."""

from typing import ClassVar, Literal

from .base import Line, Part, Prose, stated

Guarantee = Literal["strict", "best_effort", "none"]


class Ordering(Part):
    """The order a reader of one topic may rely on."""

    TITLE: ClassVar[str] = "Ordering"
    KEY: ClassVar[str | None] = "topic"

    topic: Line | None = stated("orders.events")
    """The topic or queue."""
    guarantee: Guarantee | None = stated("strict")
    """Strict order, best effort, or none."""
    scope: Line | None = stated("tenantId")
    """Within what the order holds: a message key, or global."""
    notes: Prose | None = stated("Partitioned by tenantId.")
    """How it is achieved, and what breaks it."""
