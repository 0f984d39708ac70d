"""Section 1 of the document: the service levels both sides promise."""

from typing import ClassVar

from .base import Duration, Line, Part, Percent, Whole, stated


class ServiceLevels(Part):
    """How long it may be down, how much may be lost, and how well it must do."""

    TITLE: ClassVar[str] = "Service levels"

    rto: Duration | None = stated("PT15M", title="RTO (acceptable downtime)")
    """Recovery time objective: the longest it may be down."""
    rpo: Duration | None = stated("PT0S", title="RPO (maximum data loss)")
    """Recovery point objective: the most data, in time, that may be lost."""
    availability_percent: Percent | None = stated("99.95")
    """The share of a month in which it must answer."""
    latency_p99_ms: Whole | None = stated(800, ge=1, le=3_600_000, title="Latency p99")
    """The time within which 99 of 100 calls or messages must be done."""
    error_rate_percent: Percent | None = stated("0.5")
    """The share of calls or messages that may fail."""
    support_hours: Line | None = stated("24×7, on call")
    """When somebody answers if it breaks."""
