"""Tests: happy paths and the failures every integration meets."""

import re
from typing import NamedTuple

from ..record import DesignRecord
from ..record.findings import Severity
from ..record.testing import Pact, Testing
from .base import Place, Said, rule


class Failure(NamedTuple):
    """A failure every integration of some types meets, and the words that show it is tried."""

    title: str
    types: str
    words: str
    expected: str


FAILURES = (
    Failure("Provider returns 500", "SB", r"\b50\d\b|\b5xx\b|breaker|provider (is )?down", "the circuit breaker opens"),
    Failure("Provider times out", "SB", r"time[ds]? ?out|timeout|slow", "the retry policy kicks in"),
    Failure(
        "Auth token expired",
        "SB",
        r"token|credential|\b401\b|expired",
        "the token is refreshed and the call goes through",
    ),
    Failure("Rate limit exceeded", "SB", r"rate limit|\b429\b|too many", "429 is handled and the consumer backs off"),
    Failure("Duplicate event consumed", "AB", r"duplicate|twice|again|idempot", "the second one has no effect"),
)


@rule("error-scenario-missing", Severity.WARNING, "A failure nobody tries", on=Testing)
def error_scenario_missing(place: Place[Testing]) -> Said:
    """These failures come to every integration: a failing provider, a timeout, an expired token, a rate limit, a
    message that comes twice. What was never tried does not work on the day.

    Bad: only happy scenarios. Good: “Provider returns 500: the breaker opens after 20 calls”.

    Add the scenario with what is expected. For critical and high integrations this is a warning, else a hint.
    """
    kind, criticality = place.record.overview.type, place.record.overview.criticality
    if kind is None or not place.part.scenarios:
        return
    severity = Severity.WARNING if criticality in ("critical", "high") else Severity.HINT
    told = " ".join(f"{each.title} {each.expected}" for each in place.part.scenarios if each.kind != "happy")
    for failure in FAILURES:
        if kind[0].upper() in failure.types and not re.search(failure.words, told, re.IGNORECASE):
            yield (
                "scenarios",
                f"No scenario tries “{failure.title}”.",
                f"Add it; expected: {failure.expected}.",
                severity,
            )


@rule("happy-scenario-missing", Severity.WARNING, "Nobody tries what it is for", on=Testing)
def happy_scenario_missing(place: Place[Testing]) -> Said:
    """Failures are tried against something that works. Without a happy path nobody knows that it does.

    Bad: five error scenarios only. Good: “An order is paid: the payment is captured once”.

    Add a happy scenario.
    """
    if place.part.scenarios and all(each.kind == "error" for each in place.part.scenarios):
        yield "scenarios", "All scenarios are failures.", "Add a happy one."


@rule("pact-one-side", Severity.ERROR, "A Pact with itself", on=Pact)
def pact_one_side(place: Place[Pact]) -> Said:
    """A Pact is between a consumer and a provider, each with its own name in the broker.

    Bad: consumer and provider both order-service. Good: order-service and payment-service.

    Correct one of the names.
    """
    if place.part.consumer is not None and place.part.consumer == place.part.provider:
        yield "provider", f"{place.part.consumer} is on both sides.", "Correct one of the names."


@rule("production-untested", Severity.HINT, "Nothing is tried in production", on=DesignRecord)
def production_untested(place: Place[DesignRecord]) -> Said:
    """Staging is never quite like production. A synthetic call every few minutes notices a broken certificate or
    route before users do.

    Example: local and staging only. Better: production, synthetic monitoring, every 5 minutes.

    Add production to the test environments.
    """
    environments = place.record.testing.environments
    if environments and not any("prod" in (each.name or "") for each in environments):
        yield "testing.environments", "Production is not among them.", "Add synthetic monitoring in production."
