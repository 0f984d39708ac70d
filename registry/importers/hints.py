"""Resilience settings that OpenAPI documents state in extensions: retries, limits, timeouts, as tools write them."""

import re
from collections.abc import Iterator
from typing import Any

from .fitting import line, text_of
from .phrases import milliseconds

__all__ = ["policy_hints"]

PER_MINUTE = {
    "s": 60, "sec": 60, "second": 60, "m": 1, "min": 1, "minute": 1,
    "h": 1 / 60, "hr": 1 / 60, "hour": 1 / 60, "d": 1 / 1_440, "day": 1 / 1_440,
}  # fmt: skip
Hint = tuple[str, str, Any]
"""The part of the policy, its field, the value."""


def policy_hints(holder: dict[str, Any]) -> Iterator[tuple[str, list[Hint]]]:
    """Each extension that says something of the policy, with what it says; an empty list where it is not understood."""
    for name, value in holder.items():
        plain = re.sub("[^a-z]", "", name[2:].lower()) if name.startswith("x-") else ""
        reads = next((each for pattern, each in READERS if re.fullmatch(pattern, plain)), None)
        if reads:
            yield name, [hint for hint in reads(value) if hint[2] is not None]


def _retries(value: Any) -> Iterator[Hint]:
    """`{maxAttempts: 4, backoff: {initialInterval: 500, exponent: 1.5}, statusCodes: [5XX]}`, or a number."""
    flat = _flat(value) if isinstance(value, dict) else {"maxretries": value}
    attempts = _whole(flat, "maxattempts", "attempts", "maxtries")
    retries = _whole(flat, "maxretries", "retries", "retrycount", "max", "count", "limit")
    yield "retry", "max_retries", attempts - 1 if attempts else retries
    strategy = text_of(flat.get("strategy") or flat.get("backoff") or flat.get("backofftype")).lower()
    known = {"backoff": "exponential", "exponential": "exponential", "fixed": "fixed", "constant": "fixed"}
    yield "retry", "strategy", known.get(strategy)
    yield "retry", "base_delay_ms", _wait(flat, "initialinterval", "basedelay", "initialdelay", "delay", "interval")
    yield "retry", "max_delay_ms", _wait(flat, "maxinterval", "maxdelay")
    yield "retry", "multiplier", _decimal(flat, "exponent", "multiplier", "factor", "backoffmultiplier")
    yield (
        "retry",
        "retry_on_statuses",
        _statuses(flat.get("statuscodes") or flat.get("statuses") or flat.get("retryon")),
    )
    network = flat.get("retryconnectionerrors", flat.get("retryonnetworkerrors"))
    yield "retry", "retry_on_network_errors", network if isinstance(network, bool) else None
    yield "timeouts", "total_ms", _wait(flat, "maxelapsedtime", "maxduration")


def _limits(value: Any) -> Iterator[Hint]:
    """`100/minute`, 600, or `{limit: 100, period: minute, burst: 20}`: what the provider accepts."""
    flat = _flat(value) if isinstance(value, dict) else {}
    said = re.fullmatch(
        r"([\d,]{1,12})\s*(?:requests?|calls?|req|r)?\s*(?:/|per|p)?\s*([a-z]+)?", text_of(value).lower()
    )
    period = text_of(
        flat.get("period") or flat.get("window") or flat.get("unit") or flat.get("per") or "minute"
    ).lower()
    count = _whole(flat, "limit", "requests", "count", "rate", "max", "quota")
    if said:
        count, period = int(said[1].replace(",", "")), said[2] or "minute"
    found = re.fullmatch(r"(\d{1,6})?\s*([a-z]+?)s?", period)
    share = PER_MINUTE.get(found[2]) if found else None
    if count and found and share:
        yield "rate_limit", "provider_requests_per_minute", max(1, int(count * share / int(found[1] or 1)))
    yield "rate_limit", "provider_requests_per_minute", _whole(flat, "requestsperminute", "rpm", "perminute")
    yield "rate_limit", "burst_per_second", _whole(flat, "burst", "burstlimit", "requestspersecond", "rps", "persecond")
    yield "rate_limit", "daily_quota", _whole(flat, "dailyquota", "requestsperday", "perday", "daily")


def _timeouts(value: Any) -> Iterator[Hint]:
    """`30s`, 30000 in ms, or `{connect: 500, read: 2000, total: 10000}`."""
    flat = _flat(value) if isinstance(value, dict) else {"total": value}
    yield "timeouts", "connect_ms", _wait(flat, "connect", "connectms", "connecttimeout", "connection")
    yield "timeouts", "read_ms", _wait(flat, "read", "readms", "readtimeout", "response")
    yield "timeouts", "total_ms", _wait(flat, "total", "totalms", "request", "requesttimeout", "timeout")


def _kong(value: Any) -> Iterator[Hint]:
    """Kong's `{connect_timeout: 60000, read_timeout: 60000, retries: 5}`."""
    flat = _flat(value) if isinstance(value, dict) else {}
    yield "timeouts", "connect_ms", _wait(flat, "connecttimeout")
    yield "timeouts", "read_ms", _wait(flat, "readtimeout")
    yield "retry", "max_retries", _whole(flat, "retries")


def _gateway(value: Any) -> Iterator[Hint]:
    """Amazon API Gateway's `{timeoutInMillis: 29000}`."""
    flat = _flat(value) if isinstance(value, dict) else {}
    yield "timeouts", "total_ms", _wait(flat, "timeoutinmillis")


READERS = (
    (r"(?:speakeasy)?retr(?:y|ies)(?:policy|config)?", _retries),
    (r"ratelimit(?:s|ing)?|throttl(?:e|ing)", _limits),
    (r"timeouts?(?:ms)?|requesttimeout", _timeouts),
    (r"kongservicedefaults", _kong),
    (r"amazonapigatewayintegration", _gateway),
)


def _flat(value: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Names without signs and case; what a group inside says, too."""
    found: dict[str, Any] = {}
    for name, each in list(value.items())[:50]:
        if isinstance(each, dict) and depth < 2:
            found |= _flat(each, depth + 1)
        elif isinstance(name, str):
            found[re.sub("[^a-z]", "", name.lower())] = each
    return found


def _whole(flat: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = flat.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 13:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
            return value
    return None


def _wait(flat: dict[str, Any], *names: str) -> int | None:
    """Milliseconds: as a number, or with its unit."""
    for name in names:
        value = flat.get(name)
        if isinstance(value, str) and (found := milliseconds(value.strip())):
            return found
        if (whole := _whole(flat, name)) is not None:
            return whole or None
    return None


def _decimal(flat: dict[str, Any], *names: str) -> str | None:
    return next((line(flat[each]) for each in names if isinstance(flat.get(each), int | float)), None)


def _statuses(value: Any) -> list[int] | None:
    """`[5XX, 429]`: of a range, what is usually tried again."""
    found: list[int] = []
    for each in value if isinstance(value, list) else [value]:
        text = text_of(each).lower()
        found += [500, 502, 503, 504] if text == "5xx" else [int(text)] if re.fullmatch("[1-5][0-9][0-9]", text) else []
    return list(dict.fromkeys(found)) or None
