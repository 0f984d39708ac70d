"""Retries: what is retried, how often, after which waits, and whether that is safe."""

import itertools
from decimal import Decimal

from ..record import labels
from ..record.contracts import HTTP, Contract
from ..record.findings import Severity
from ..record.policy import DAY_MS, Retry
from .base import Place, Said, rule

FORBID_RETRY = ("fix_request", "alert_and_stop", "check_resource", "skip_as_duplicate", "escalate")
ASK_FOR_RETRY = ("retry_with_backoff", "back_off_retry_after")
UNSAFE_METHODS = ("POST", "PATCH")
MANY_RETRIES = 5
RETRYABLE_CLIENT_ERRORS = (401, 408, 425, 429)


def counted(number: int, one: str, many: str) -> str:
    """`1 retry`, `2 retries`."""
    return f"{number:,} {one if number == 1 else many}"


def _retried(retry: Retry) -> str:
    return "once" if retry.max_retries == 1 else f"up to {retry.max_retries} times"


def listing(values: object) -> str:
    """`a, b and c`."""
    *most, last = map(str, values) if isinstance(values, list | tuple) else [str(values)]
    return f"{', '.join(most)} and {last}" if most else last


@rule("retry-delays-count", Severity.ERROR, "Delays and retries disagree", on=Retry)
def delays_count(place: Place[Retry]) -> Said:
    """With explicit delays there is one wait before each retry. One too few and a library stops early, waits nothing
    or repeats the last; one too many is never used. Different libraries do different things.

    Bad: max retries 3, delays 200, 400 ms. Good: max retries 3, delays 200, 400, 800 ms.

    Write as many delays as there are retries, or choose the exponential strategy, which works them out.
    """
    retry = place.part
    if retry.strategy == "explicit" and retry.max_retries is not None and len(retry.delays_ms) != retry.max_retries:
        yield (
            "delays_ms",
            f"{counted(len(retry.delays_ms), 'delay', 'delays')} for {counted(retry.max_retries, 'retry', 'retries')}.",
            f"List {retry.max_retries}, or set max retries to {len(retry.delays_ms)}.",
        )


@rule("retry-delays-unused", Severity.WARNING, "Delays that no strategy uses", on=Retry)
def delays_unused(place: Place[Retry]) -> Said:
    """Listed delays count only with the explicit strategy. With another one they mislead whoever reads them.

    Bad: strategy exponential from 200 ms and delays 1000, 1000, 1000. Good: strategy explicit with those delays.

    Remove the delays or choose the explicit strategy.
    """
    retry = place.part
    if retry.delays_ms and retry.strategy in ("exponential", "fixed"):
        yield (
            "delays_ms",
            f"The strategy is {retry.strategy} and does not use the delays {listing(retry.delays_ms)} ms.",
            "Remove the delays, or choose the explicit strategy.",
        )


@rule("retry-delay-range", Severity.ERROR, "A delay that cannot be waited", on=Retry)
def delay_range(place: Place[Retry]) -> Said:
    """A wait is a number of milliseconds from 1 to one day. Nothing can wait less than nothing, and a wait of 0
    hammers a provider that just failed.

    Bad: delays 0, 400, 800 ms. Good: delays 200, 400, 800 ms.

    Write each delay as a whole number of milliseconds between 1 and 86,400,000.
    """
    wrong = [delay for delay in place.part.delays_ms if not 1 <= delay <= DAY_MS]
    if wrong:
        yield "delays_ms", f"Holds {wrong[0]:,} ms.", "Write delays from 1 to 86,400,000 ms."


@rule("retry-delays-shrink", Severity.WARNING, "Waits that grow shorter", on=Retry)
def delays_shrink(place: Place[Retry]) -> Said:
    """A provider that failed twice needs more time, not less. Waits that shrink send the most calls at the worst
    moment.

    Bad: delays 800, 400, 200 ms. Good: delays 200, 400, 800 ms.

    Put the delays in growing order.
    """
    delays = place.part.delays_ms
    for before, after in itertools.pairwise(delays):
        if after < before:
            yield (
                "delays_ms",
                f"The wait of {after:,} ms follows one of {before:,} ms.",
                "Put the delays in growing order.",
            )
            return


@rule("retry-base-delay", Severity.ERROR, "No first wait to start from", on=Retry)
def base_delay(place: Place[Retry]) -> Said:
    """Exponential and fixed strategies work all waits out of the first. Without it every library takes its own
    default, from 0 to 2,000 ms.

    Bad: exponential, 3 retries, no base delay. Good: exponential, 3 retries, base delay 200 ms.

    State the base delay.
    """
    retry = place.part
    if retry.strategy in ("exponential", "fixed") and retry.max_retries and retry.base_delay_ms is None:
        yield (
            "base_delay_ms",
            f"{counted(retry.max_retries, 'retry', 'retries')}, {retry.strategy}, but no base delay.",
            "State the wait before the first retry, such as 200 ms.",
        )


@rule("retry-multiplier", Severity.WARNING, "Exponential waits that do not grow", on=Retry)
def multiplier(place: Place[Retry]) -> Said:
    """Exponential waits are multiplied each time. A multiplier of 1 keeps them equal, less makes them shrink to
    nothing.

    Bad: base 200 ms, multiplier 1: 200, 200, 200. Good: base 200 ms, multiplier 2: 200, 400, 800.

    Choose a multiplier above 1, or the fixed strategy if equal waits are meant.
    """
    retry = place.part
    if retry.strategy == "exponential" and retry.multiplier is not None and Decimal(retry.multiplier) <= 1:
        yield (
            "multiplier",
            f"Waits are multiplied by {retry.multiplier}, so they do not grow.",
            "Choose a multiplier above 1, such as 2, or the fixed strategy.",
        )


@rule("retry-cap-below-base", Severity.WARNING, "The longest wait is shorter than the first", on=Retry)
def cap_below_base(place: Place[Retry]) -> Said:
    """No wait is longer than the maximum delay, so a maximum below the base delay makes every wait equal to it.

    Bad: base 500 ms, maximum 200 ms: 200, 200, 200. Good: base 200 ms, maximum 5,000 ms.

    Raise the maximum or lower the base.
    """
    retry = place.part
    if retry.max_delay_ms is not None and retry.base_delay_ms is not None and retry.max_delay_ms < retry.base_delay_ms:
        yield (
            "max_delay_ms",
            f"No wait is longer than {retry.max_delay_ms:,} ms, yet the first is to be {retry.base_delay_ms:,} ms.",
            "Raise the maximum delay or lower the base delay.",
        )


@rule("retry-no-jitter", Severity.WARNING, "Retries in step", on=Retry)
def no_jitter(place: Place[Retry]) -> Said:
    """When a provider fails, all its consumers fail at the same moment. Without jitter they all come back at the same
    moment too, and knock it over again.

    Bad: 50 instances wait exactly 200 ms. Good: each waits between 0 and 200 ms (full jitter).

    Choose full jitter, or equal jitter where a shortest wait matters.
    """
    if place.part.jitter == "none" and place.part.max_retries:
        yield "jitter", "Every caller waits equally long, so all retry in step.", "Choose full or equal jitter."


@rule("retry-many", Severity.WARNING, "Very many retries", on=Retry)
def many_retries(place: Place[Retry]) -> Said:
    """Each retry is one more call to a provider that is already failing. Chains multiply it: three services with 6
    attempts each make 216 calls out of one.

    Bad: max retries 9. Good: max retries 2 or 3, then the breaker.

    Lower max retries. For work that must succeed in the end, use a queue.
    """
    retries = place.part.max_retries
    if retries is not None and retries > MANY_RETRIES:
        yield (
            "max_retries",
            f"{retries} retries make up to {retries + 1} calls out of each one while the provider is failing.",
            f"Use {MANY_RETRIES} or fewer, and a queue for work that must succeed in the end.",
        )


@rule("retry-grpc-attempts", Severity.WARNING, "More attempts than gRPC makes", on=Retry)
def grpc_attempts(place: Place[Retry]) -> Said:
    """gRPC clients count the first call as an attempt and treat more than 5 attempts as 5, without a word.

    Bad: max retries 5 (6 attempts). Good: max retries 4 (5 attempts).

    Use 4 retries or fewer on a gRPC contract.
    """
    retry = place.part
    if place.contract.protocol == "grpc" and retry.max_retries is not None and retry.max_retries > 4:
        yield (
            "max_retries",
            f"{retry.max_retries} retries are {retry.max_retries + 1} attempts; gRPC makes at most 5.",
            "Use 4 retries or fewer.",
        )


@rule("retry-unsafe", Severity.ERROR, "A write is retried that must not run twice", on=Retry)
def unsafe(place: Place[Retry]) -> Said:
    """A call that timed out may have been carried out. Retried, it is carried out twice, unless the provider
    recognises it.

    Bad: POST /payments, not idempotent, 3 retries: the customer pays up to four times. Good: the same with an
    idempotency key the provider remembers.

    Have the provider honour an idempotency key and say so in the contract, or set max retries to 0. Retrying only on
    429 is safe too: the call was refused before it ran.
    """
    retry, contract = place.part, place.contract
    if contract.idempotent is not False or not _retries_after_doubt(retry):
        return
    writes = _writes(contract)
    if writes or contract.protocol in ("grpc", "graphql"):
        yield (
            "max_retries",
            f"{listing(writes or ['The call'])} is retried {_retried(retry)}, but is not idempotent.",
            "Make the provider honour an idempotency key, or set max retries to 0.",
        )


@rule("retry-without-key", Severity.WARNING, "A write is retried without an idempotency key", on=Retry)
def without_key(place: Place[Retry]) -> Said:
    """POST and PATCH have no way of their own to recognise a repeated call. “Idempotent” needs a key that both sides
    know.

    Bad: idempotent: yes, POST /payments, no header. Good: idempotent: yes, header Idempotency-Key.

    Name the header that carries the key. If a field of the body does it, such as an order number with a unique index,
    say so when you submit.
    """
    retry, contract = place.part, place.contract
    writes = _writes(contract)
    if contract.idempotent and not contract.idempotency_header and writes and _retries_after_doubt(retry):
        yield (
            "max_retries",
            f"{listing(writes)} is retried {_retried(retry)}, but no idempotency header is named.",
            "Name the header, such as Idempotency-Key.",
        )


def _retries_after_doubt(retry: Retry) -> bool:
    """Whether a call is repeated that may have been carried out: anything but a plain refusal with 429."""
    return bool(retry.max_retries) and (
        retry.retry_on_network_errors is not False or bool(set(retry.retry_on_statuses) - {429})
    )


def _writes(contract: Contract) -> list[str]:
    return [
        f"{each.method} {each.path or each.name or ''}".strip()
        for each in contract.operations
        if each.method in UNSAFE_METHODS
    ]


@rule("retry-forbidden", Severity.ERROR, "Retried, although the error table forbids it", on=Retry)
def forbidden(place: Place[Retry]) -> Said:
    """The error table says what a consumer does on each answer; the retry list must not say the opposite. A library
    can obey only one of them.

    Bad: 422 escalate in the error table, and 422 among the statuses retried. Good: 422 only in the error table.

    Take the status out of the retry list, or change its action to retry with back-off.
    """
    for status in dict.fromkeys(place.part.retry_on_statuses):
        row = place.contract.error_for(status)
        if row is not None and row.action in FORBID_RETRY:
            yield (
                "retry_on_statuses",
                f"{status} is retried, but for {row.status} the error table says “{labels.choice(row.action)}”.",
                f"Take {status} out of the list, or change its action in the error table.",
            )


@rule("retry-credentials", Severity.ERROR, "401 retried more than once", on=Retry)
def credentials(place: Place[Retry]) -> Said:
    """Refresh the token and try once more: that is outside the retry count. A second 401 with a new token will not go
    away, and repeating it may lock the account.

    Bad: 401 among the statuses retried with max retries 3; or with max retries 1 and “refresh credentials, retry once”
    in the error table, which makes two. Good: 401 only in the error table.

    Take 401 out of the retry list.
    """
    retry, row = place.part, place.contract.error_for(401)
    refreshes = row is not None and row.action == "refresh_credentials_and_retry_once"
    if 401 in retry.retry_on_statuses and retry.max_retries and retry.max_retries + refreshes > 1:
        once_more = " and once more with new credentials" if refreshes else "; new credentials are tried once"
        yield (
            "retry_on_statuses",
            f"401 is retried {_retried(retry)}{once_more}.",
            "Take 401 out and give it the action “refresh credentials, retry once” in the error table.",
        )


@rule("retry-fail-fast", Severity.HINT, "Both retried and failing fast", on=Retry)
def fail_fast(place: Place[Retry]) -> Said:
    """A status may be retried while the breaker is closed and fail at once when it is open. Many documents write
    both, and readers ask which one holds.

    Example: 503 fail fast in the error table and 503 in the retry list. It is served as: retry while closed, fail at
    once while open.

    If that is meant, leave it. Else take the status out of the retry list.
    """
    both = [
        status
        for status in dict.fromkeys(place.part.retry_on_statuses)
        if (row := place.contract.error_for(status)) and row.action == "fail_fast"
    ]
    if both:
        yield (
            "retry_on_statuses",
            f"Retried while the breaker is closed, failing at once while it is open: {listing(both)}.",
            "Leave it if that is meant, else take it out of the list.",
        )


@rule("retry-promised", Severity.WARNING, "The error table promises a retry that never happens", on=Retry)
def promised(place: Place[Retry]) -> Said:
    """An error whose action is to retry is retried only if its status is in the retry list and there are retries at
    all.

    Bad: 500 retry with back-off in the error table, retry list 502, 503. Good: retry list 500, 502, 503.

    Add the status to the list, or change the action.
    """
    retry = place.part
    if retry.max_retries is None:
        return
    for row in place.contract.errors:
        if row.action not in ASK_FOR_RETRY or row.status is None or not row.status[0].isdigit():
            continue
        if retry.max_retries == 0:
            yield (
                "max_retries",
                f"The error table retries {row.status}, but max retries is 0.",
                "Allow retries, or change the action.",
            )
        elif not any(row.covers(status) for status in retry.retry_on_statuses):
            yield (
                "retry_on_statuses",
                f"The error table retries {row.status}, but the list does not hold it.",
                f"Add {row.status} to the list, or change its action in the error table.",
            )


@rule("retry-client-error", Severity.WARNING, "A mistake of the caller is retried", on=Retry)
def client_error(place: Place[Retry]) -> Said:
    """A 4xx says that the request is wrong. The same request is just as wrong the second time. Exceptions: 408, 425
    and 429.

    Bad: retry on 404, 500. Good: retry on 429, 500, 502, 503.

    Take it out. If the provider answers 404 for a moment after creating, say so in the error table with the action
    retry with back-off.
    """
    for status in dict.fromkeys(place.part.retry_on_statuses):
        if 400 <= status < 500 and status not in RETRYABLE_CLIENT_ERRORS and place.contract.error_for(status) is None:
            yield (
                "retry_on_statuses",
                f"{status} says that the request is wrong; repeating it changes nothing.",
                f"Take {status} out, or explain it in the error table.",
            )


@rule("retry-success", Severity.ERROR, "A success is retried", on=Retry)
def success(place: Place[Retry]) -> Said:
    """A status below 400 is no failure. A library told to retry on it repeats work that was done.

    Bad: retry on 202, 500. Good: retry on 500, and poll the resource that the 202 names.

    Take it out of the list.
    """
    for status in dict.fromkeys(place.part.retry_on_statuses):
        if status < 400:
            yield "retry_on_statuses", f"{status} is no failure.", f"Take {status} out of the list."


@rule("retry-statuses-without-http", Severity.HINT, "HTTP statuses on a contract without HTTP", on=Retry)
def statuses_without_http(place: Place[Retry]) -> Said:
    """gRPC, AMQP, WebSocket and file contracts have no HTTP statuses, so this list is served but nobody can obey it.

    Bad: gRPC with retry on 503. Good: gRPC with UNAVAILABLE and retry with back-off in the error table.

    Remove the statuses. For gRPC put codes in the error table.
    """
    protocol = place.contract.protocol
    if place.part.retry_on_statuses and protocol is not None and protocol not in HTTP:
        yield "retry_on_statuses", f"The protocol {protocol} has no HTTP statuses.", "Remove them; use the error table."
