"""What this process tells Prometheus, beside what the web process tells."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest

from server.front.desk import Desk

disable_created_metrics()  # type: ignore[no-untyped-call]

ANSWERS = ("sent", "not_modified", "token_refused", "not_allowed", "not_found", "not_checked", "followed", "dropped")


def text(desk: Desk) -> bytes:
    """All of it, made anew for each scrape: counting itself costs no more than adding one."""
    registry = CollectorRegistry()
    gauges = {
        "registry_front_feed_up": ("Whether the database was asked within three seconds.", float(_is_fed(desk))),
        "registry_front_snapshot_age_seconds": ("Since the database was asked last.", _age(desk)),
        "registry_front_releases": ("Releases held in memory.", len(desk.snapshot.parties)),
        "registry_front_tokens": ("Tokens held in memory.", len(desk.snapshot.grants)),
        "registry_front_followers": ("Connections that follow the stream.", desk.followers),
        "registry_front_waiting": ("Requests that wait for the next release.", desk.waiting),
    }
    for name, (about, value) in gauges.items():
        Gauge(name, about, registry=registry).set(value)
    answers = Counter("registry_front_answers", "Reads of settings, by result.", ["result"], registry=registry)
    for result in ANSWERS:
        answers.labels(result).inc(desk.counts[result])
    return generate_latest(registry)


def _age(desk: Desk) -> float:
    return max(0.0, time.time() - desk.snapshot.verified_at)


def _is_fed(desk: Desk) -> bool:
    return not desk.snapshot.stale_seconds(time.time())
