"""Numbers for Prometheus: what is in the registry, asked at each scrape, and how requests fare, counted as they pass.

Of dead letters a scrape tells what the minute's check of their books found, and how long ago that was.

With several web processes set PROMETHEUS_MULTIPROC_DIR to an empty folder they share: counts are then summed over all
of them at each scrape. Without it, each process tells its own.
"""

import hmac
import ipaddress
import os
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.bearer import presented
from api.problems import problem
from registry import origin

disable_created_metrics()  # type: ignore[no-untyped-call]

REQUESTS = Counter("registry_http_requests_total", "Requests answered.", ("method", "route", "status"))
DURATION = Histogram(
    "registry_http_request_duration_seconds",
    "Time until the answer was ready.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
SETTINGS = Counter(
    "registry_settings_requests_total", "Reads of live settings, by how they were answered.", ("result",)
)
RESULTS = {200: "sent", 304: "not_modified", 401: "token_refused", 403: "not_allowed", 404: "not_found"}
OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Respond = Callable[[HttpRequest], HttpResponseBase]


class CountedRequests:
    """Counts each request and how long it took, by the route that answered it, never by the address asked."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.respond(request)
        match = request.resolver_match
        route = match.route if match else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        DURATION.labels(method, route).observe(time.perf_counter() - started)
        if match and match.url_name in ("api-settings", "api-settings-all", "api-settings-stream"):
            SETTINGS.labels(RESULTS.get(response.status_code, "error")).inc()
        return response


class Contents(Collector):
    """What is in the registry at this moment."""

    def collect(self) -> Iterator[Metric]:
        for name, (text, labels, statement) in GAUGES.items():
            family = GaugeMetricFamily(name, text, labels=labels)
            with connection.cursor() as cursor:
                cursor.execute(statement)
                for *values, amount in cursor.fetchall():
                    family.add_metric([str(each) for each in values], float(amount or 0))
            yield family

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering asks nothing of the database."""
        return iter(())


PLACE = ("integration", "environment", "place")


def _of_sources(amount: str, where: str) -> str:
    """A statement about every source of dead letters that is looked at; all of it is written here."""
    return f"""SELECT integration.slug, environment.slug, source.place, {amount}
        FROM registry_deadlettersource source
        JOIN registry_integration integration ON integration.id = source.integration_id
        JOIN registry_broker broker ON broker.id = source.broker_id
        JOIN registry_environment environment ON environment.id = broker.environment_id
        WHERE source.is_active AND broker.is_active AND {where}"""  # noqa: S608


GAUGES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "registry_integrations": (
        "Integrations, by state.",
        ("state",),
        "SELECT state, count(*) FROM registry_integration GROUP BY state",
    ),
    "registry_reviews_open": (
        "Reviews that wait for signatures.",
        (),
        "SELECT count(*) FROM registry_review WHERE state = 'open'",
    ),
    "registry_reviews_oldest_open_seconds": (
        "How long the oldest open review has waited.",
        (),
        "SELECT extract(epoch FROM clock_timestamp() - min(submitted_at)) FROM registry_review WHERE state = 'open'",
    ),
    "registry_releases_served": (
        "Integrations whose settings are served, by environment.",
        ("environment",),
        """SELECT environment.slug, count(DISTINCT release.integration_id) FROM registry_environment environment
        LEFT JOIN registry_release release ON release.environment_id = environment.id GROUP BY environment.slug""",
    ),
    "registry_release_number": (
        "The last release number, by environment.",
        ("environment",),
        """SELECT environment.slug, counter.number FROM registry_environment environment
        JOIN registry_releasecounter counter ON counter.environment_id = environment.id""",
    ),
    "registry_outbox_waiting": (
        "Messages not delivered yet.",
        (),
        "SELECT count(*) FROM registry_outboxmessage WHERE delivered_at IS NULL",
    ),
    "registry_outbox_oldest_seconds": (
        "How long the oldest undelivered message has waited.",
        (),
        """SELECT extract(epoch FROM clock_timestamp() - min(created_at))
        FROM registry_outboxmessage WHERE delivered_at IS NULL""",
    ),
    "registry_outbox_failing": (
        "Undelivered messages whose delivery failed ten times or more.",
        (),
        "SELECT count(*) FROM registry_outboxmessage WHERE delivered_at IS NULL AND attempts >= 10",
    ),
    "registry_ledger_imbalance": (
        "Dead letters lost, made up, or not as their attempts and redrives say, when last checked."
        " Anything but 0 is a fault of ours.",
        (),
        "SELECT sum(imbalance) FROM registry_ledgerreading",
    ),
    "registry_ledger_checked_seconds": (
        "How long ago the books of dead letters were checked, of those that wait longest for it.",
        (),
        """SELECT extract(epoch FROM clock_timestamp() - min(coalesce(books.at, source.created_at)))
        FROM registry_deadlettersource source
        LEFT JOIN registry_ledgerreading books ON books.source_id = source.id""",
    ),
    "registry_dead_letters": (
        "Dead letters in the ledger, by state, when last checked.",
        ("integration", "environment", "state"),
        """SELECT integration.slug, environment.slug, counted.state, sum(counted.letters::bigint)
        FROM registry_ledgerreading books
        CROSS JOIN LATERAL jsonb_each_text(books.states) AS counted(state, letters)
        JOIN registry_deadlettersource source ON source.id = books.source_id
        JOIN registry_integration integration ON integration.id = source.integration_id
        JOIN registry_broker broker ON broker.id = source.broker_id
        JOIN registry_environment environment ON environment.id = broker.environment_id GROUP BY 1, 2, 3""",
    ),
    "registry_dead_letter_depth": (
        "Messages at the broker that were not taken, or are left there, when last counted.",
        PLACE,
        _of_sources("source.depth", "source.depth IS NOT NULL"),
    ),
    "registry_dead_letter_oldest_seconds": (
        "How old the oldest message at the broker is, where the broker tells.",
        PLACE,
        _of_sources(
            "extract(epoch FROM clock_timestamp() - source.oldest_at)",
            "source.oldest_at IS NOT NULL AND source.depth > 0",
        ),
    ),
    "registry_dead_letter_source_up": (
        "Whether the last look at a source succeeded.",
        PLACE,
        _of_sources("(source.trouble = '')::int", "source.looked_at IS NOT NULL"),
    ),
}

CONTENTS = CollectorRegistry()
CONTENTS.register(Contents())


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """All of it, to whoever may see it."""
    if not _may_see(request):
        mend = "Scrape from this machine, send `Authorization: Bearer <METRICS_TOKEN>`, or set METRICS_OPEN=1."
        return problem(request, "not-allowed", "These numbers are not open to this caller.", mend=mend)
    text = counted()
    try:
        text += generate_latest(CONTENTS)
    except DatabaseError:
        # How requests fare is worth most when the database is down.
        text += b"# what is in the registry cannot be told now: the database does not answer\n"
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def counted() -> bytes:
    """What was counted: by this process, or by all that share the folder."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def _may_see(request: HttpRequest) -> bool:
    if settings.METRICS_OPEN:
        return True
    if settings.METRICS_TOKEN:
        given = presented(request.headers.get("Authorization", ""))
        return hmac.compare_digest(given.encode(errors="replace"), settings.METRICS_TOKEN.encode())
    return _is_from_here(request)


def _is_from_here(request: HttpRequest) -> bool:
    """From this very machine, and not handed on by a proxy on it."""
    if any(header in request.headers for header in OF_PROXIES):
        return False
    ip = origin.current.get().ip
    return bool(ip) and ipaddress.ip_address(ip).is_loopback
