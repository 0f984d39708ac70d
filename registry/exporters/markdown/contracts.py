"""Section 3: each contract with its authentication, requests, errors and resilience policy."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal, get_args, get_origin

from ...record import DesignRecord, labels
from ...record.base import Part, unit_of
from ...record.contracts import Authentication, Contract, Definition, Header, Operation
from ...record.policy import LIVE_PARTS, CircuitBreaker, Policy, RateLimit, Retry, Timeouts
from .cells import (
    PLACEHOLDER,
    UNSTATED,
    Written,
    bullets,
    choice,
    duration,
    fence,
    guarded,
    heading,
    lines,
    listed,
    quantity,
    table,
    text,
)

STRATEGIES = {"exponential": "Exponential backoff", "fixed": "Fixed delay", "explicit": "Explicit delays"}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_~-]+")


def contracts(record: DesignRecord) -> Iterator[str]:
    """The section; a dash where there is none."""
    yield heading(2, "3. Service Contracts")
    for number, contract in enumerate(record.contracts, 1):
        yield heading(3, f"3.{number} Integration: ", contract.name, named=True)
        yield from _contract(contract)
    yield "" if record.contracts else UNSTATED


def _contract(contract: Contract) -> Iterator[str]:
    yield lines(
        ("Protocol", choice(contract.protocol)),
        ("Direction", Written(f"{text(contract.consumer)} → {text(contract.provider)}")),
        ("Idempotency", _idempotency(contract)),
    )
    yield bullets(("Expected load", quantity(contract.expected_requests_per_minute, " requests per minute")))
    yield from _definition(contract.definition)
    yield from _authentication(contract.authentication)
    if contract.base_urls:
        yield heading(4, "Base URLs")
        yield table(("Environment", "URL"), [(each.environment, each.url) for each in contract.base_urls])
    yield from chain.from_iterable(_operation(each) for each in contract.operations)
    yield heading(4, "Error Handling")
    rows = [(row.status, row.code, choice(row.action), row.notes) for row in contract.errors]
    yield table(("HTTP Status", "Error Code", "Consumer Action"), rows, more=("Notes",))
    yield from _policy(contract.policy)


def _idempotency(contract: Contract) -> Written:
    answer = {True: "YES", False: "NO", None: UNSTATED}[contract.idempotent]
    if not contract.idempotency_header:
        return Written(answer)
    # The template's sentence may name the header with an article.
    return Written(f"{answer} — use {guarded(contract.idempotency_header, '^(an?|the) ')} header")


def _authentication(authentication: Authentication) -> Iterator[str]:
    period, process = authentication.rotation_period, authentication.rotation_process
    every = f"Every {duration(period)}" if period else ""
    rotation = " — ".join(filter(None, (every, guarded(process, "^Every") if process else "")))
    yield heading(4, "Authentication")
    rows: list[tuple[str, Any]] = [
        ("Type", choice(authentication.type)),
        ("Header", authentication.header),
        ("Key rotation", Written(rotation)),
        ("Token endpoint", authentication.token_endpoint),
    ]
    more = (("Scopes", listed(authentication.scopes)), ("Token lifetime", duration(authentication.token_lifetime)))
    yield table(("Method", "Details"), [*rows, *(each for each in more if each[1])])


def _definition(definition: Definition) -> Iterator[str]:
    yield from fence("proto", definition.proto, "Service definition")
    yield from fence("graphql", definition.graphql, "GraphQL schema")
    for frame in definition.frames:
        yield f"**Frame {text(frame.name)}**, sent by the {text(frame.sent_by)}"
        yield from fence("json", frame.body_schema, "Schema")
        yield from fence("json", frame.example, "Example")
    names = [name for name in Definition.model_fields if name not in ("proto", "graphql", "frames", "message_headers")]
    yield bullets(*((labels.field(name), getattr(definition, name)) for name in names))
    if definition.message_headers:
        rows = [(each.name, each.value, _required(each)) for each in definition.message_headers]
        yield table(("Message header", "Value", "Required"), rows)


def _operation(operation: Operation) -> Iterator[str]:
    yield heading(4, "Request Contract: ", operation.name, named=True)
    endpoint = Written(f"{operation.method or UNSTATED} {text(operation.path)}")
    yield lines(("Endpoint", endpoint), *([("Summary", operation.summary)] if operation.summary else []))
    yield from _headers(operation.headers)
    yield from fence("json", operation.request_example, "Request Body")
    yield from fence("json", operation.request_schema, "Request Body Schema")
    for response in operation.responses:
        yield f"**Successful Response {response.status or UNSTATED}:**"
        yield from fence("json", response.body_example)
        yield from fence("json", response.body_schema, "Response Body Schema")


def _headers(headers: Sequence[Header]) -> Iterator[str]:
    """As lines of a request where they can be such, else as a table."""
    names = [each.name or "" for each in headers]
    if len(set(names)) < len(names) or not all(_is_plain(each) for each in headers):
        rows = [(each.name, each.value, _required(each)) for each in headers]
        yield table(("Header", "Value", "Required"), rows)
        return
    yield from fence("http", "\n".join(f"{each.name}: {each.value or ''}".strip() for each in headers), "Headers")
    for title, wanted in (("Required headers", True), ("Optional headers", False)):
        found = [each.name for each in headers if each.required is wanted]
        yield bullets((title, listed(found))) if found else ""


def _required(header: Header) -> str | None:
    return {True: "yes", False: "no", None: None}[header.required]


def _is_plain(header: Header) -> bool:
    value = header.value or ""
    return bool(_HEADER_NAME.fullmatch(header.name or "")) and not PLACEHOLDER.search(value) and "\r" not in value


def _policy(policy: Policy) -> Iterator[str]:
    yield from _retry(policy.retry)
    yield from _breaker(policy.circuit_breaker)
    yield from _limits(policy.rate_limit)
    yield from _timeouts(policy.timeouts)
    for own in policy.environments:
        yield heading(4, "Different in ", own.environment, named=True)
        parts = ((name, getattr(own, name)) for name in LIVE_PARTS)
        yield table(("Setting", "Value"), [row for name, part in parts for row in _differing(name, part)])


def _retry(retry: Retry) -> Iterator[str]:
    network = {True: "network errors", False: "not network errors", None: ""}[retry.retry_on_network_errors]
    on = ", ".join(filter(None, (*map(str, retry.retry_on_statuses), network)))
    count = text(retry.max_retries) + (f" (retry only on {on})" if on else "")
    jitter = {"none": " without jitter", None: ""}.get(retry.jitter, f" with {retry.jitter} jitter")
    strategy = STRATEGIES.get(retry.strategy or "", UNSTATED) + jitter
    explicit = retry.strategy == "explicit"
    yield heading(4, "Retry Policy")
    yield bullets(
        ("Max retries", Written(count)),
        ("Strategy", Written(strategy)),
        ("Delays", _waits(retry.delays_ms if explicit else retry.waits_ms() or ())),
        ("Listed delays", None if explicit else _waits(retry.delays_ms)),
        ("Base delay", quantity(retry.base_delay_ms, "ms")),
        ("Multiplier", retry.multiplier),
        ("Longest delay", quantity(retry.max_delay_ms, "ms")),
        ("Timeout per attempt", quantity(retry.attempt_timeout_ms, "ms")),
    )


def _waits(values: Sequence[int]) -> Written | None:
    return Written(f"[{', '.join(f'{each}ms' for each in values)}]") if values else None


def _breaker(breaker: CircuitBreaker) -> Iterator[str]:
    yield heading(4, "Circuit Breaker Configuration")
    percent, window, alert = breaker.failure_percent, breaker.window_seconds, breaker.alert_after_seconds
    threshold = f"{text(percent)}% failures in {text(window)}s window" if percent or window else None
    trials = "request" if breaker.half_open_calls == 1 else "requests"
    yield bullets(
        ("Failure threshold", threshold),
        ("Minimum calls", breaker.minimum_calls),
        ("Open duration", quantity(breaker.open_seconds, "s")),
        ("Half-open test", quantity(breaker.half_open_calls, f" {trials}")),
        ("Alert on", f"Circuit open for > {alert}s" if alert else None),
    )


def _limits(limits: RateLimit) -> Iterator[str]:
    yield heading(4, "Rate Limiting")
    rows: list[tuple[str, int | str | None, str, str | None]] = [
        ("Requests per minute", limits.requests_per_minute, "60s sliding", limits.requests_per_minute_action),
        ("Burst limit", limits.burst_per_second, "1s", limits.burst_action),
        ("Daily quota", limits.daily_quota, "24h", limits.daily_action),
    ]
    if limits.provider_requests_per_minute is not None:
        rows.append(("Provider's own limit", limits.provider_requests_per_minute, "60s", None))
    shared = {True: "yes", False: "no", None: None}[limits.provider_limit_is_shared]
    rows += [("Provider's limit is shared", shared, UNSTATED, None)] if shared else []
    columns = ("Limit", "Value", "Window", "Action when exceeded")
    yield table(columns, [(*row, choice(action)) for *row, action in rows])


def _timeouts(timeouts: Timeouts) -> Iterator[str]:
    yield heading(4, "Timeout Configuration")
    yield table(
        ("Timeout Type", "Value", "Notes"),
        [
            ("Connection timeout", quantity(timeouts.connect_ms, "ms"), "Time to establish connection"),
            ("Read timeout", quantity(timeouts.read_ms, "ms"), "Time to receive first byte"),
            ("Total request timeout", quantity(timeouts.total_ms, "ms"), "End-to-end budget"),
        ],
    )


def _differing(part: str, own: Part) -> Iterator[tuple[str, str]]:
    """The settings an environment has of its own: `Retry: Base delay` and `500 ms`."""
    for name, info in type(own).model_fields.items():
        if (value := getattr(own, name)) in (None, ()):
            continue
        chosen = any(get_origin(each) is Literal for each in get_args(info.annotation))
        written = listed(value) if isinstance(value, tuple) else labels.choice(value) if chosen else _said(value)
        unit = unit_of(name, info)
        yield f"{labels.field(part)}: {labels.field(name)}", Written(f"{written} {unit}".strip())


def _said(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
