"""Section 1 of the document: what the integration is for and what it costs when it is down."""

from typing import ClassVar, Literal

from .base import Line, Part, Prose, stated

IntegrationType = Literal["synchronous", "asynchronous", "bidirectional", "file_based"]
Criticality = Literal["critical", "high", "medium", "low"]


class Overview(Part):
    """Why this integration exists and how much depends on it."""

    TITLE: ClassVar[str] = "Overview"

    project: Line | None = stated("Checkout renewal")
    """The project or programme this integration belongs to."""
    type: IntegrationType | None = stated("synchronous")
    """How the two sides talk: by calls, by events or queues, by both, or by files."""
    criticality: Criticality | None = stated("critical")
    """How badly the business is hurt when it fails; it decides how complete this record must be."""
    purpose: Prose | None = stated("Take the customer's money once, and only once, when an order is placed.")
    """What the business gets from this integration, in a sentence or two."""
    impact_if_down: Prose | None = stated("Nobody can pay: about 1,400 orders an hour are lost at peak.")
    """What stops, for whom, and what it costs while it is unavailable."""
