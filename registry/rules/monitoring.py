"""Metrics, alerts, routes and traces: whether an alert can fire, fires too easily, and reaches somebody."""

import re
from decimal import Decimal

from ..record import DesignRecord
from ..record.base import in_words, seconds
from ..record.findings import Severity
from ..record.monitoring import AlertRoute, Metric, Monitoring, Tracing
from .base import Place, Said, rule

KEY_METRICS = {
    "requests": ("SABF", r"request|message|file"),
    "error rate": ("SABF", r"error|fail"),
    "latency": ("SB", r"latency|duration"),
    "open circuits": ("SB", r"circuit|breaker"),
    "dead letters": ("AB", r"dlq|dead"),
    "consumer lag": ("AB", r"lag\b|lag_|_lag"),
}

_COMMON_WORDS = frozenset(
    {"service", "system", "engine", "worker", "gateway", "server", "client", "message", "messages", "event", "events"}
    | {"integration", "request", "requests", "error", "errors", "rate", "total", "latency", "circuit", "open", "depth"}
    | {"consumer", "provider", "seconds", "platform", "data", "file", "files", "notification", "notifications"}
)
"""Words of systems' and metrics' names that say nothing of whose they are."""


@rule("latency-alert-never", Severity.WARNING, "The latency alert can never fire", on=Metric)
def latency_alert_never(place: Place[Metric]) -> Said:
    """A call that takes longer than its timeout is no slow call but a failed one. A latency threshold above the
    timeouts is never reached, while everybody waits.

    Bad: alert above 5,000 ms, read timeout 2,000 ms, total 4,000 ms. Good: alert above 1,500 ms.

    Lower the threshold below the timeout, near the promised p99.
    """
    metric = place.part
    if metric.threshold is None or metric.condition != "above" or not _is_latency(metric):
        return
    timeouts = [each.policy.timeouts for each in place.record.contracts]
    longest = [limit for each in timeouts if (limit := each.total_ms or each.read_ms) is not None]
    threshold = Decimal(metric.threshold) * (1_000 if _unit(metric) == "s" else 1)
    if longest and threshold > max(longest):
        yield (
            "threshold",
            f"The alert waits for more than {threshold:,f} ms, but every call ends after {max(longest):,} ms.",
            f"Use less than {max(longest):,} ms.",
        )


def _is_latency(metric: Metric) -> bool:
    return re.search(r"latency|duration", metric.name or "", re.IGNORECASE) is not None and _unit(metric) in ("ms", "s")


def _unit(metric: Metric) -> str:
    stated = (metric.unit or "").lower()
    if stated in ("ms", "milliseconds") or (not stated and (metric.name or "").endswith("_ms")):
        return "ms"
    return "s" if stated in ("s", "seconds") or (not stated and (metric.name or "").endswith("_seconds")) else stated


@rule("dead-letter-page", Severity.WARNING, "One bad message wakes somebody", on=Metric)
def dead_letter_page(place: Place[Metric]) -> Said:
    """A single message that cannot be processed is work for tomorrow; a hundred are an outage. An alert on the first
    one is soon ignored.

    Bad: dlq_depth above 0, high. Good: above 0 for a day: low; above 50, or growing for 15 minutes: high.

    Raise the threshold, let it last, or lower the severity.
    """
    metric = place.part
    counts_dead_letters = re.search(r"dlq|dead.?letter", metric.name or "", re.IGNORECASE) is not None
    if not counts_dead_letters or metric.condition != "above" or metric.severity not in ("critical", "high"):
        return
    if metric.threshold is not None and Decimal(metric.threshold) == 0:
        yield (
            "threshold",
            f"A single dead letter raises an alert of severity {metric.severity}.",
            "Raise the threshold, or lower the severity.",
        )


@rule("error-alert-below-promise", Severity.WARNING, "An alert while the promise is kept", on=Metric)
def error_alert_below_promise(place: Place[Metric]) -> Said:
    """The service levels say which share of calls may fail. An alert below it wakes people for what was agreed, and is
    soon muted.

    Bad: 2 percent may fail, alert above 1 percent. Good: 0.5 percent may fail, alert above 2 percent.

    Raise the threshold above the promised rate, or promise a better one.
    """
    metric, promised = place.part, place.record.sla.error_rate_percent
    if metric.threshold is None or metric.condition != "above" or promised is None or metric.unit != "%":
        return
    is_error_rate = re.search(r"error|fail", metric.name or "", re.IGNORECASE) is not None
    if is_error_rate and Decimal(metric.threshold) < Decimal(promised):
        yield (
            "threshold",
            f"The alert fires above {metric.threshold} %, but {promised} % may fail by the service levels.",
            f"Use more than {promised} %.",
        )


@rule("alert-after-rto", Severity.WARNING, "The alert comes when it should be over", on=Metric)
def alert_after_rto(place: Place[Metric]) -> Said:
    """The RTO is the longest it may be down. An alert that waits as long leaves no time to look, decide and mend.

    Bad: RTO 15 minutes, alert after 15 minutes. Good: RTO 15 minutes, alert after 2 minutes.

    Alert after a small part of the RTO.
    """
    metric, rto = place.part, place.record.sla.rto
    if metric.severity != "critical" or metric.lasting is None or rto is None:
        return
    if seconds(metric.lasting) >= seconds(rto) > 0:
        yield (
            "lasting",
            f"The alert waits for {in_words(metric.lasting)}, and it may be down for {in_words(rto)} at most.",
            "Alert after a small part of the RTO, such as PT2M.",
        )


@rule("circuit-alert-never", Severity.WARNING, "The breaker is never open for so long", on=Metric)
def circuit_alert_never(place: Place[Metric]) -> Said:
    """After the open time a breaker lets a trial call through, and the metric says half-open for that moment. An alert
    on “open” that must last longer is never raised, however long the provider is down.

    Bad: open for 30 s at a time, alert when open for 1 minute. Good: alert when open for 20 s, or at once.

    Let it last for less than the open time.
    """
    metric = place.part
    opened = [each.policy.circuit_breaker.open_seconds for each in place.record.contracts]
    longest = max((each for each in opened if each is not None), default=None)
    if metric.lasting is None or longest is None or metric.condition != "equals":
        return
    if re.search(r"circuit|breaker", metric.name or "", re.IGNORECASE) and seconds(metric.lasting) > longest:
        yield (
            "lasting",
            f"The alert waits for {in_words(metric.lasting)}, but a breaker is open for {longest:,} s at a time.",
            f"Use {longest:,} s or less.",
        )


@rule("counter-alert", Severity.WARNING, "An alert on a number that only grows", on=Metric)
def counter_alert(place: Place[Metric]) -> Said:
    """A counter grows until the process restarts. An alert above a threshold fires some day and never stops.

    Bad: counter errors_total above 100. Good: gauge error_rate above 5 percent for 5 minutes.

    Alert on its rate, as a gauge.
    """
    metric = place.part
    if metric.type == "counter" and metric.condition == "above" and metric.threshold is not None:
        yield (
            "condition",
            f"A counter passes {metric.threshold} some day and stays there.",
            "Alert on its rate, as a gauge.",
        )


@rule("metric-name-form", Severity.ERROR, "Not a metric name", on=Metric)
def metric_name_form(place: Place[Metric]) -> Said:
    """Prometheus names hold letters, digits and underscores. A rule with any other name is refused, with all the
    rules of its file.

    Bad: error rate (%). Good: integration_orders_payments_error_rate.

    Rename it.
    """
    name = place.part.name
    if name is not None and not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        yield "name", f"{name[:100]} holds other signs than letters, digits and underscores.", "Rename it."


@rule("metric-histogram-p99", Severity.HINT, "A histogram named after one percentile", on=Metric)
def metric_histogram_p99(place: Place[Metric]) -> Said:
    """A histogram holds all percentiles; p99 is worked out of it. Named latency_p99, it is recorded once more for the
    p95.

    Example: histogram integration_x_latency_p99_ms. Better: histogram integration_latency_seconds, and a rule that
    records the p99 under the old name.

    Leave it where the name is agreed: the rule that records it is generated.
    """
    name = place.part.name or ""
    if place.part.type == "histogram" and re.search(r"p\d{2,3}(_|$)", name):
        yield (
            "name",
            f"{name} is a histogram named after one percentile.",
            "Leave it: a recording rule publishes that name.",
        )


@rule("metric-unit-abbreviated", Severity.HINT, "A metric in thousandths", on=Metric)
def metric_unit_abbreviated(place: Place[Metric]) -> Said:
    """Prometheus counts in base units with their whole names: seconds and bytes. A metric in ms cannot be drawn beside
    one in seconds, and dashboards made for the base units show it a thousand times too large.

    Example: integration_latency_ms above 1500. Better: integration_latency_seconds above 1.5.

    Rename it and divide the threshold, or leave it where the name is agreed: the rule that records it is generated.
    """
    name = place.part.name or ""
    found = re.search(r"_(ms|millis(?:econds)?|us|kb|mb|kib|mib|mins?|minutes)(?:_|$)", name, re.IGNORECASE)
    if found:
        base = "bytes" if found[1].lower().endswith("b") else "seconds"
        yield "name", f"{name} counts in {found[1]}, not in {base}.", f"Count in {base} where the name is still open."


@rule("metric-of-one-integration", Severity.HINT, "A metric name for each integration", on=Monitoring)
def metric_of_one_integration(place: Place[Monitoring]) -> Said:
    """With the integration in the metric's name, no rule or dashboard covers two integrations: each needs a copy. With
    a label, one covers all.

    Example: integration_orders_payments_error_rate. Better: integration_error_rate{integration="orders-to-payments"}.

    Leave it where the names are agreed: rules that publish them under those names are generated.
    """
    sides = {word for each in place.record.parties for word in _words(each.system or "")}
    named = [each.name for each in place.part.metrics if each.name and sides & set(_words(each.name))]
    if named:
        count = f"{len(named)} metrics carry" if len(named) > 1 else "A metric carries"
        yield (
            "metrics",
            f"{count} a party's name, such as {named[0][:100]}.",
            "Name it the same everywhere and tell integrations apart by a label.",
        )


def _words(name: str) -> list[str]:
    """The words of a name that tell it from others, in the singular."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return [word.removesuffix("s") for word in words if len(word) > 3 and word not in _COMMON_WORDS]


@rule("key-metric-missing", Severity.HINT, "A key metric is missing", on=Monitoring)
def key_metric_missing(place: Place[Monitoring]) -> Said:
    """Calls are watched by requests, error rate, latency and open circuits; messages by dead letters and consumer lag
    too. What is not watched is noticed by users.

    Example: requests and errors only. Better: those, latency above 1,500 ms for 5 minutes, and circuit open.

    Add the metric.
    """
    kind = place.record.overview.type
    if kind is None or not place.part.metrics:
        return
    names = " ".join(metric.name or "" for metric in place.part.metrics)
    for title, (types, pattern) in KEY_METRICS.items():
        if kind[0].upper() in types and not re.search(pattern, names, re.IGNORECASE):
            yield "metrics", f"Nothing measures {title}.", "Add a metric for it."


@rule("alert-without-route", Severity.WARNING, "Alerts that reach nobody", on=Monitoring)
def alert_without_route(place: Place[Monitoring]) -> Said:
    """A metric that alerts and no route: the alert is raised and nobody hears of it.

    Bad: circuit open is critical, no alert routes. Good: circuit breaker open by PagerDuty to checkout-on-call.

    Add a route.
    """
    alerts = [metric.name for metric in place.part.metrics if metric.condition is not None]
    if alerts and not place.part.alert_routes:
        yield "alert_routes", f"{len(alerts)} metrics alert, but there is no route.", "Add a route."


@rule("nobody-woken", Severity.WARNING, "Nobody is woken", on=DesignRecord)
def nobody_woken(place: Place[DesignRecord]) -> Said:
    """A critical integration that fails at night must wake somebody. Mail and chat are read in the morning.

    Bad: critical, all alerts to Slack. Good: circuit breaker open by PagerDuty, the rest to Slack.

    Add a route by PagerDuty or a webhook that calls.
    """
    record = place.record
    channels = {route.channel for route in record.monitoring.alert_routes if route.channel}
    if record.overview.criticality == "critical" and channels and channels <= {"slack", "email"}:
        yield (
            "monitoring.alert_routes",
            "The integration is critical, but alerts go to mail and chat only.",
            "Add a route by PagerDuty or a webhook.",
        )


@rule("alert-target-form", Severity.WARNING, "An alert that cannot be delivered", on=AlertRoute)
def alert_target_form(place: Place[AlertRoute]) -> Said:
    """A mail needs an address and a webhook a URL. The mistake shows on the day the alert should have arrived.

    Bad: e-mail to checkout; webhook to ops. Good: checkout@example.com; https://alerts.example.com/hook.

    Correct the target.
    """
    channel, target = place.part.channel, place.part.target
    if target is None:
        return
    if channel == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", target):
        yield "target", f"{target} is no mail address.", "Write it like checkout@example.com."
    if channel == "webhook" and not re.match(r"https?://\S+$", target):
        yield "target", f"{target} is no web address.", "Write it like https://alerts.example.com/hook."


@rule("traceparent-missing", Severity.WARNING, "Traces end between the two sides", on=Tracing)
def traceparent_missing(place: Place[Tracing]) -> Said:
    """Tracing tools join both sides by the W3C header traceparent. Without it each side has traces of its own that
    nobody can join.

    Bad: X-Request-ID only. Good: X-Request-ID and traceparent.

    Add traceparent.
    """
    headers = [header.lower() for header in place.part.headers]
    if headers and "traceparent" not in headers and "b3" not in headers:
        yield "headers", "traceparent is not passed on.", "Add traceparent."
