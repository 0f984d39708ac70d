"""Section 7 of the document: what is measured, traced and alerted."""

from typing import ClassVar, Literal

from .base import Decimal, Duration, Line, Part, Percent, Slug, Url, listed, stated

MetricType = Literal["counter", "gauge", "histogram"]
Condition = Literal["above", "below", "equals"]
Severity = Literal["critical", "high", "medium", "low"]
Channel = Literal["pagerduty", "slack", "email", "webhook"]


class Metric(Part):
    """A number to watch, and when it means trouble."""

    TITLE: ClassVar[str] = "Metric"
    KEY: ClassVar[str | None] = "name"

    name: Line | None = stated("integration_orders_payments_error_rate")
    """The metric's name."""
    type: MetricType | None = stated("gauge")
    """Counter, gauge or histogram."""
    condition: Condition | None = stated("above")
    """On which side of the threshold the alert is raised."""
    threshold: Decimal | None = stated("5")
    """The threshold."""
    unit: Line | None = stated("%")
    """The threshold's unit."""
    lasting: Duration | None = stated("PT5M")
    """How long it must last before the alert is raised."""
    severity: Severity | None = stated("high")
    """How bad it is."""


class Sampling(Part):
    """How many calls are traced in one environment."""

    TITLE: ClassVar[str] = "Sampling"
    KEY: ClassVar[str | None] = "environment"

    environment: Slug | None = stated("production")
    """The environment."""
    percent: Percent | None = stated("10")
    """The share of calls that are traced."""


class Tracing(Part):
    """How one call is followed through both sides."""

    TITLE: ClassVar[str] = "Tracing"

    headers: tuple[Line, ...] = listed(["X-Request-ID", "traceparent"])
    """Headers that are passed on."""
    sampling: tuple[Sampling, ...] = listed()
    """How many calls are traced, per environment."""
    tool: Line | None = stated("Tempo")
    """The tracing tool."""
    dashboard_url: Url | None = stated("https://grafana.example.com/d/orders-payments")
    """The dashboard to open first."""


class AlertRoute(Part):
    """Who hears of it, and what they do."""

    TITLE: ClassVar[str] = "Alert route"

    condition: Line | None = stated("Circuit breaker open")
    """What happened."""
    channel: Channel | None = stated("pagerduty")
    """How the alert travels."""
    target: Line | None = stated("checkout-on-call")
    """Where it goes: a service, a channel, a mailbox or a URL."""
    escalation: Line | None = stated("On-call engineer, then the team lead after 15 minutes")
    """Who acts, within which time, and who is next."""

    @property
    def item_key(self) -> str | None:
        """One condition may go to several channels."""
        return f"{self.condition} by {self.channel}" if self.condition and self.channel else None


class Monitoring(Part):
    """Metrics, tracing and alert routes."""

    TITLE: ClassVar[str] = "Monitoring"

    metrics: tuple[Metric, ...] = listed()
    """What is measured, and when it alerts."""
    tracing: Tracing = Tracing()
    """How a call is followed."""
    alert_routes: tuple[AlertRoute, ...] = listed()
    """Who hears of what."""
