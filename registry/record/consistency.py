"""Section 5.1 of the document: how far the two sides may differ, and for how long."""

from typing import ClassVar, Literal

from .base import Part, Prose, Whole, stated

ConsistencyModel = Literal["strong", "eventual", "causal"]


class Consistency(Part):
    """What a reader on one side may assume of the other."""

    TITLE: ClassVar[str] = "Consistency"

    model: ConsistencyModel | None = stated("eventual")
    """Strong, eventual or causal."""
    max_lag_seconds: Whole | None = stated(60, ge=0, le=31_536_000)
    """How long the two sides may differ."""
    notes: Prose | None = stated("The order page shows “payment pending” until the event arrives.")
    """What users see meanwhile."""
