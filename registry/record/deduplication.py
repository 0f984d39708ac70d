"""Section 4.4 of the document: how a message handled twice takes effect once."""

from typing import ClassVar, Literal

from .base import Duration, Line, Part, Prose, stated

DeduplicationStrategy = Literal["processed_events", "idempotency_key", "natural_key", "none"]


class Deduplication(Part):
    """How a consumer recognises what it has already done."""

    TITLE: ClassVar[str] = "Deduplication"

    strategy: DeduplicationStrategy | None = stated("processed_events")
    """By a table of handled event ids, an idempotency key, a natural unique key, or not at all."""
    store: Line | None = stated("processed_events in payments-db")
    """Where handled ids are kept."""
    window: Duration | None = stated("P14D")
    """How long they are kept; a duplicate that comes later is handled again."""
    notes: Prose | None = stated("Insert the event id first, in the same transaction as the effect.")
    """How it is done: insert first under a unique key, not check and then insert."""
