"""Metrics by the names of the design document, for prometheus_client: `REGISTRY.register(Collector(registry))`."""

import re
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector as Base

from .registry import Integration, Outlet, Registry
from .stats import BUCKETS_MS


class Collector(Base):
    """`integration_<name>_requests_total`, `_error_rate`, `_latency_p99_ms`, `_circuit_open`; `_consumer_lag` and
    `_dlq_depth` where the program says how to read them; and what is known of the settings themselves.

    `_latency_p99_ms` is a histogram, as the document has it: the 99th percentile is
    `histogram_quantile(0.99, rate(integration_<name>_latency_p99_ms_bucket[5m]))`.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._gauges: list[tuple[str, str, str, Callable[[], float]]] = []

    def watch_lag(self, integration: str, topic: str, read: Callable[[], float]) -> None:
        """Show how many messages wait in a topic for this consumer."""
        self._gauges.append((f"{prefix(integration)}_consumer_lag", "Messages that wait.", topic, read))

    def watch_dead_letters(self, integration: str, topic: str, read: Callable[[], float]) -> None:
        """Show how many messages lie in a dead-letter queue."""
        self._gauges.append((f"{prefix(integration)}_dlq_depth", "Messages in the dead-letter queue.", topic, read))

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        for integration in self._registry.integrations():
            yield from _of(integration)
        yield from self._watched()
        yield from self._settings()

    def _watched(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, told, topic, read in self._gauges:
            family = families.setdefault(name, GaugeMetricFamily(name, told, labels=["topic"]))
            family.add_metric([topic], read())
        yield from families.values()

    def _settings(self) -> Iterator[Metric]:
        release = GaugeMetricFamily(
            "integration_settings_release", "The release that is obeyed.", labels=["integration"]
        )
        age = GaugeMetricFamily(
            "integration_settings_confirmed_seconds", "Since the registry last answered.", labels=["integration"]
        )
        refused = GaugeMetricFamily(
            "integration_settings_refused", "1 while the newest release is refused.", labels=["integration"]
        )
        for each in self._registry.integrations():
            if each.held:
                release.add_metric([each.name], each.held.settings.release)
            if (confirmed := each.confirmed_seconds_ago()) is not None:
                age.add_metric([each.name], confirmed)
            refused.add_metric([each.name], float(each.refused is not None))
        yield from (release, age, refused)


def prefix(integration: str) -> str:
    """`orders-to-payments` as a metric's name begins."""
    return "integration_" + re.sub(r"[^a-zA-Z0-9_]", "_", integration)


def _of(integration: Integration) -> Iterator[Metric]:
    start, outlets = prefix(integration.name), integration.outlets()
    if not outlets:
        return
    labels = ["contract"]
    requests = CounterMetricFamily(f"{start}_requests", "Calls, by how they ended.", labels=["contract", "outcome"])
    errors = GaugeMetricFamily(f"{start}_error_rate", "Percent of calls in 5 minutes that failed.", labels=labels)
    latency = HistogramMetricFamily(
        f"{start}_latency_p99_ms", "Milliseconds a call took, retries included.", labels=labels
    )
    is_open = GaugeMetricFamily(f"{start}_circuit_open", "1 while the circuit breaker is open.", labels=labels)
    for outlet in outlets:
        shown = outlet.stats.shown()
        for outcome, count in sorted(shown.by_outcome.items()):
            requests.add_metric([outlet.name, outcome], count)
        errors.add_metric([outlet.name], shown.error_percent)
        latency.add_metric([outlet.name], _buckets(shown.buckets), shown.sum_ms)
        is_open.add_metric([outlet.name], float(_is_open(integration, outlet)))
    yield from (requests, errors, latency, is_open)


def _buckets(counts: tuple[int, ...]) -> list[tuple[str, float]]:
    total, shown = 0, []
    for edge, count in zip([*map(str, BUCKETS_MS), "+Inf"], counts, strict=True):
        total += count
        shown.append((edge, float(total)))
    return shown


def _is_open(integration: Integration, outlet: Outlet) -> bool:
    held = integration.held
    contract = held.settings.contracts.get(outlet.name) if held else None
    return contract is not None and outlet.line.breaker(contract)[0] in ("open", "forced_open")


def serve_text(registry: Registry) -> bytes:
    """The metrics as text, where a program has no /metrics of its own."""
    from prometheus_client import CollectorRegistry, generate_latest

    own = CollectorRegistry()
    own.register(Collector(registry))
    return generate_latest(own)
