"""RabbitMQ's own headers, and Spring's AMQP recoverer."""

from collections.abc import Sequence

from registry.brokers.base import Value

from .base import LONGEST_STACK, Death, Detail, Family, Fields, cause, count, details, joined, moment, tables, text

DEATHS = (
    *("x-death", "x-first-death-queue", "x-first-death-reason", "x-first-death-exchange"),
    *("x-last-death-queue", "x-last-death-reason", "x-last-death-exchange"),
)
MOST_KEYS = 20
COUNTS = ("x-delivery-count", "x-acquired-count")


def _rabbitmq(of: Fields) -> Death:
    deaths = tables(of.value("x-death"))
    last = _last(deaths)
    reason = text(last.get("reason")) or of.text("x-last-death-reason", "x-first-death-reason")
    origin = text(last.get("queue")) or of.text("x-last-death-queue", "x-first-death-queue")
    exchange = of.value("x-last-death-exchange", "x-first-death-exchange")
    return Death(
        reason=reason,
        origin=origin,
        died_at=moment(last.get("time")),
        attempts=_tries(deaths),
        details=_routed(last, _lived(deaths, "original-expiration"), exchange)
        | details(
            ("First death", _other(of, "x-first-death-", (reason, origin))),
            ("Last death", _other(of, "x-last-death-", (reason, origin))),
            ("Deliveries counted", _deliveries(count(of.value("x-delivery-count")))),
            ("Times acquired", count(of.value("x-acquired-count"))),
        ),
    )


def _routed(death: dict[str, Value], lived: str, exchange: Value = None) -> dict[str, Detail]:
    """By which way it came to the queue it died in, and how long it would have lived there."""
    keys = death.get("routing-keys")
    listed = [text(each) for each in keys[:MOST_KEYS]] if isinstance(keys, list) else [text(keys)]
    return details(
        ("Exchange", _exchange(death.get("exchange", exchange))),
        ("Routing keys", joined(*listed)),
        ("Would expire after", f"{lived} ms" if lived else ""),
    )


def _lived(deaths: Sequence[dict[str, Value]], name: str) -> str:
    """How long its sender let it live; written where it died first of that, and taken away."""
    return next((told for each in deaths if (told := text(each.get(name), longest=30))), "")


def _exchange(told: Value) -> str:
    return "the default one" if told in ("", b"") else text(told)


def _deliveries(counted: int | None) -> str:
    return "" if counted is None else f"{counted}; RabbitMQ 4 lets a quorum queue go up to 20, unless told otherwise"


def _other(of: Fields, begun: str, told: tuple[str, str]) -> str:
    """The death that these tell of; "" where it is the one that is told anyway."""
    reason, queue = of.text(f"{begun}reason"), of.text(f"{begun}queue")
    exchange = _exchange(of.value(f"{begun}exchange"))
    if (reason, queue) == told:
        return ""
    return joined(reason, f"in {queue}" if queue else "", f"exchange {exchange}" if exchange else "")


def _tries(deaths: Sequence[dict[str, Value]]) -> int | None:
    """At its delivery limit a message died once, after many tries; and nobody tries what expires or finds no room.

    Deliveries are not tries: those of the queue it lies in are our own.
    """
    told = [each.get("count") for each in deaths if each.get("reason") == "rejected"]
    counts = [found for each in told if (found := count(each)) is not None]
    return count(sum(counts)) if counts else None


def _last(deaths: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """The last death. To expire in a queue that rejected nothing, after another did, was to wait for the next try."""
    ended = {text(each.get("queue")) for each in deaths if each.get("reason") != "expired"}
    died = (each for each in deaths if each.get("reason") != "expired" or text(each.get("queue")) in ended)
    return next(died, deaths[0] if deaths else {})


def _amqp_1_0(of: Fields) -> Death:
    deaths = tables(of.value("x-opt-deaths"))
    last = _last(deaths)
    return Death(
        reason=text(last.get("reason")),
        origin=text(last.get("queue")),
        died_at=moment(last.get("last-time")) or moment(last.get("first-time")),
        attempts=_tries(deaths),
        details=_routed(last, _lived(deaths, "ttl")) | details(("Died there first", moment(last.get("first-time")))),
    )


def _spring(of: Fields) -> Death:
    stack = of.text("x-exception-stacktrace", longest=LONGEST_STACK)
    name, said = cause(stack)
    exchange, key = of.text("x-original-exchange"), of.text("x-original-routingkey")
    return Death(
        error_class=name,
        message=of.text("x-exception-message") or said,
        origin=f"{exchange}:{key}" if exchange and key else exchange or key,
        stack=stack,
    )


FAMILIES = (
    Family(
        "Spring AMQP",
        ("x-original-exchange", "x-original-routingkey", "x-exception-message", "x-exception-stacktrace"),
        _spring,
        signs=("x-original-exchange", "x-original-routingkey"),
    ),
    Family("AMQP 1.0", ("x-opt-deaths",), _amqp_1_0),
    Family(
        "RabbitMQ",
        (*DEATHS, *COUNTS, "x-stream-offset", "amqp:expiration", "amqp:user_id"),
        _rabbitmq,
        signs=(*DEATHS, *COUNTS),
    ),
)
