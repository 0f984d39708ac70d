"""Rate limits: whether they agree with each other, with the traffic expected and with the provider."""

from ..record.contracts import HTTP
from ..record.findings import Severity
from ..record.policy import Policy, RateLimit
from .base import Place, Said, rule

REJECTIONS = ("reject_with_retry_after", "reject_immediately", "reject_and_contact_support")


@rule("burst-below-rate", Severity.WARNING, "The burst limit keeps the rate from being reached", on=RateLimit)
def burst_below_rate(place: Place[RateLimit]) -> Said:
    """Sixty seconds at the burst limit must allow at least the calls of a minute. Otherwise the limit per minute
    promises what the burst limit refuses.

    Bad: 600 a minute and 5 a second, which is 300 a minute. Good: 600 a minute and 20 a second.

    Raise the burst or lower the rate.
    """
    limit = place.part
    if limit.burst_per_second is not None and limit.requests_per_minute is not None:
        most = limit.burst_per_second * 60
        if most < limit.requests_per_minute:
            yield (
                "burst_per_second",
                f"{limit.burst_per_second:,} a second are {most:,} a minute, below {limit.requests_per_minute:,}.",
                f"Use {-(-limit.requests_per_minute // 60):,} or more.",
            )


@rule("burst-above-rate", Severity.WARNING, "The burst limit can never be reached", on=RateLimit)
def burst_above_rate(place: Place[RateLimit]) -> Said:
    """A second is part of a minute: a burst limit above the limit per minute is never the one that refuses.

    Bad: 60 a minute and 100 a second. Good: 60 a minute and 10 a second.

    Lower the burst below the rate.
    """
    limit = place.part
    burst, rate = limit.burst_per_second, limit.requests_per_minute
    if burst is not None and rate is not None and burst > rate:
        yield (
            "burst_per_second",
            f"{limit.burst_per_second:,} a second are more than {limit.requests_per_minute:,} in a minute.",
            f"Use less than {limit.requests_per_minute:,}.",
        )


@rule("quota-unreachable", Severity.WARNING, "The daily quota can never be reached", on=RateLimit)
def quota_unreachable(place: Place[RateLimit]) -> Said:
    """A day has 1,440 minutes. A quota above 1,440 times the limit per minute protects nothing.

    Bad: 600 a minute (864,000 a day at most) and a quota of 1,000,000. Good: a quota of 500,000.

    Lower the quota or leave it out.
    """
    limit = place.part
    if limit.daily_quota is not None and limit.requests_per_minute is not None:
        most = limit.requests_per_minute * 1_440
        if limit.daily_quota > most:
            yield (
                "daily_quota",
                f"{limit.requests_per_minute:,} a minute are {most:,} a day; the quota is {limit.daily_quota:,}.",
                f"Use less than {most:,}, or leave the quota out.",
            )


@rule("quota-in-minutes", Severity.WARNING, "The daily quota is gone within the hour", on=RateLimit)
def quota_in_minutes(place: Place[RateLimit]) -> Said:
    """At the rate allowed, the quota should last. One that is used up in less than an hour leaves the consumer
    without the provider for the rest of the day.

    Bad: 600 a minute and a quota of 6,000: gone after 10 minutes. Good: 600 a minute and a quota of 500,000.

    Raise the quota or lower the rate.
    """
    limit = place.part
    if limit.daily_quota is not None and limit.requests_per_minute is not None:
        minutes = limit.daily_quota // limit.requests_per_minute
        if minutes < 60:
            yield (
                "daily_quota",
                f"At {limit.requests_per_minute:,} a minute {limit.daily_quota:,} last {minutes} minutes.",
                "Raise the quota or lower the rate.",
            )


@rule("quota-below-load", Severity.WARNING, "The daily quota is less than a day's ordinary traffic", on=RateLimit)
def quota_below_load(place: Place[RateLimit]) -> Said:
    """Eight hours of the expected traffic must fit the quota, or it runs out on an ordinary working day.

    Bad: 120 calls a minute expected (57,600 in eight hours) and a quota of 50,000. Good: a quota of 100,000.

    Raise the quota, or correct the expected calls per minute.
    """
    quota, expected = place.part.daily_quota, place.contract.expected_requests_per_minute
    if quota is not None and expected is not None and quota < expected * 480:
        yield (
            "daily_quota",
            f"{expected:,} calls a minute are {expected * 480:,} in eight hours, more than the quota of {quota:,}.",
            "Raise the quota, or correct the expected calls.",
        )


@rule("limit-below-load", Severity.ERROR, "Ordinary traffic is refused", on=RateLimit)
def limit_below_load(place: Place[RateLimit]) -> Said:
    """The limit per minute must allow the calls expected on an ordinary day, or the consumer is refused while
    everything works.

    Bad: 120 calls a minute expected, 100 allowed. Good: 120 expected, 300 allowed.

    Raise the limit, or correct the expected calls per minute.
    """
    allowed, expected = place.part.requests_per_minute, place.contract.expected_requests_per_minute
    if allowed is not None and expected is not None and allowed < expected:
        yield (
            "requests_per_minute",
            f"{expected:,} calls a minute are expected, but {allowed:,} allowed.",
            f"Allow more than {expected:,}, or correct the expected calls.",
        )


@rule("limit-above-provider", Severity.ERROR, "More is allowed than the provider accepts", on=RateLimit)
def limit_above_provider(place: Place[RateLimit]) -> Said:
    """The consumer's own limit should refuse calls before the provider has to. Above the provider's limit it never
    does.

    Bad: 1,500 a minute allowed, the provider accepts 1,200. Good: 600 allowed.

    Lower the limit below the provider's, or agree on a higher one.
    """
    allowed, accepted = place.part.requests_per_minute, place.part.provider_requests_per_minute
    if allowed is not None and accepted is not None and allowed > accepted:
        yield (
            "requests_per_minute",
            f"{allowed:,} a minute are allowed, but the provider accepts {accepted:,}.",
            f"Use {accepted:,} or less.",
        )


@rule("retries-above-provider", Severity.WARNING, "With its retries it exceeds the provider's limit", on=Policy)
def retries_above_provider(place: Place[Policy]) -> Said:
    """When calls fail, each is made several times. The provider counts them all, refuses some with 429, and those are
    retried again.

    Bad: 600 a minute with 3 retries are up to 2,400; the provider accepts 1,200. Good: 600 with 1 retry.

    Lower the limit or the retries, or agree on a higher limit.
    """
    limit, attempts = place.part.rate_limit, place.part.retry.attempts
    allowed, accepted = limit.requests_per_minute, limit.provider_requests_per_minute
    if allowed is None or accepted is None or attempts is None or allowed > accepted or allowed * attempts <= accepted:
        return
    yield (
        "rate_limit.requests_per_minute",
        f"With {attempts - 1} retries {allowed:,} a minute become {allowed * attempts:,}; {accepted:,} are accepted.",
        f"Use {accepted // attempts:,} a minute, or fewer retries.",
    )


@rule("limit-unhandled", Severity.WARNING, "Nobody handles the 429", on=RateLimit)
def limit_unhandled(place: Place[RateLimit]) -> Said:
    """Calls beyond a limit are answered with 429. If the error table does not say what the consumer does then, it
    treats it like any other failure, and calls at once again.

    Bad: HTTP 429 beyond 600 a minute, no 429 in the error table. Good: 429 with “back off as Retry-After says”.

    Add 429 to the error table.
    """
    limit, contract = place.part, place.contract
    rejects = {limit.requests_per_minute_action, limit.burst_action, limit.daily_action} & set(REJECTIONS)
    if rejects and contract.protocol in HTTP and contract.errors and contract.error_for(429) is None:
        yield (
            "requests_per_minute_action",
            "Calls beyond the limit get 429, but the error table has no row for it.",
            "Add 429 with “back off as Retry-After says” to the error table.",
        )


@rule("wait-above-total", Severity.HINT, "Calls may wait for a slot longer than they may take", on=Policy)
def wait_above_total(place: Place[Policy]) -> Said:
    """A call that waits for a free slot spends its total timeout waiting. Beyond a limit per minute the wait can be
    up to 60 seconds.

    Example: wait for a free slot, total timeout 5,000 ms. Most waiting calls time out instead of being told to come
    back.

    Reject with Retry-After, or wait only for the burst limit.
    """
    action, total = place.part.rate_limit.requests_per_minute_action, place.part.timeouts.total_ms
    if action == "wait" and total is not None and total < 60_000:
        yield (
            "rate_limit.requests_per_minute_action",
            f"A call may wait up to 60,000 ms for a free slot, but may take {total:,} ms in all.",
            "Reject with Retry-After instead.",
        )
