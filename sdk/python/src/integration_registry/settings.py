"""Settings as they are obeyed: frozen, typed, every value inside its bounds. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from . import bounds

T = TypeVar("T")

_DURATION = re.compile(r"P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")
_URL = re.compile(r"https?://[A-Za-z0-9._~\-\[\]:@]+(?:[/?#][^\s<>\"`\\^{}|]*)?")
_PERCENT = re.compile(r"\d{1,3}(?:\.\d{1,6})?")
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")


class Unusable(ValueError):
    """Settings that must not be obeyed; the message names the field."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed call is tried again."""

    max_retries: int = 0
    delays_ms: tuple[int, ...] = (200, 400, 800, 1_600, 3_200)
    jitter: str = "full"
    on_statuses: frozenset[int] = frozenset()
    on_network_errors: bool = False
    attempt_timeout_ms: int | None = None

    def delay_ms(self, retry: int) -> int:
        """The longest wait before the retry of that index; beyond the list, its last."""
        return self.delays_ms[min(retry, len(self.delays_ms) - 1)] if self.delays_ms else 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """When calls stop for a while."""

    failure_percent: int = 50
    window_seconds: int = 30
    minimum_calls: int = 20
    open_seconds: int = 30
    half_open_calls: int = 1
    alert_after_seconds: int | None = None
    forced: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls in so many seconds, and what happens to those beyond."""

    name: str
    calls: int
    seconds: int
    action: str


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait."""

    connect_ms: int = 1_000
    read_ms: int = 5_000
    total_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """What the consumer does on a failure."""

    status: str
    code: str | None
    action: str | None

    def covers(self, status: int) -> bool:
        """Whether this row speaks of `status`: 502/503 names two, 500-504 and 5xx a range."""
        if "/" in self.status:
            return str(status) in self.status.split("/")
        low, _, high = self.status.partition("-")
        if high:
            return low.isdigit() and high.isdigit() and int(low) <= status <= int(high)
        return self.status == str(status) or (self.status.endswith("xx") and self.status[0] == str(status)[0])


@dataclass(frozen=True, slots=True)
class Contract:
    """One agreed way to call another system."""

    name: str
    protocol: str | None = None
    endpoint: str | None = None
    idempotent: bool | None = None
    idempotency_header: str | None = None
    retry: Retry = Retry()
    breaker: Breaker | None = None
    limits: tuple[Limit, ...] = ()
    timeouts: Timeouts = Timeouts()
    errors: tuple[ErrorRow, ...] = ()

    def error_for(self, status: int) -> ErrorRow | None:
        """The row of the error table that speaks of `status`; an exact row goes before a range."""
        rows = [row for row in self.errors if row.covers(status)]
        return min(rows, key=lambda row: row.status != str(status), default=None)


@dataclass(frozen=True, slots=True)
class Topic:
    """Where events travel."""

    name: str
    broker: str | None = None
    kind: str | None = None
    key: str | None = None
    dead_letter: str | None = None
    ordering: str | None = None
    ordering_scope: str | None = None
    deduplication_window: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Tracing:
    """What is passed on with each call."""

    headers: tuple[str, ...] = ("X-Request-ID", "traceparent")
    sampling_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """An emergency change of what the design says, until it expires."""

    id: str
    reason: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one release says."""

    integration: str
    environment: str = ""
    release: int = 0
    epoch: int = 0
    revision: str = ""
    content_hash: str = ""
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    tracing: Tracing = Tracing()
    override: Override | None = None


def parse(body: bytes) -> Settings:
    """The settings a release's bytes hold, or Unusable. Fields of later versions are left alone."""
    whole = _Part("", read_object(body))
    release = _content(whole)
    return Settings(
        **release,
        environment=whole.needed_text("environment"),
        release=whole.needed_whole("release"),
        epoch=whole.needed_whole("epoch"),
        revision=whole.needed_text("revision"),
        content_hash=whole.needed_text("content_hash"),
        override=_override(whole.part("override")),
    )


def parse_defaults(integration: str, document: Mapping[str, Any]) -> Settings:
    """Settings stated in a program: contracts, topics and tracing alone are enough; held to the same bounds."""
    whole = _Part("", {"integration": integration, **document})
    environment = whole.text("environment") or ""
    return Settings(**_content(whole), environment=environment)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, or Unusable."""
    if len(body) > bounds.LARGEST_BODY:
        raise Unusable(f"the body has {len(body):,} bytes; {bounds.LARGEST_BODY:,} is the most")
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as problem:
        raise Unusable(f"the body is not JSON: {problem}"[:200]) from None
    if not isinstance(found, dict):
        raise Unusable("the body is not a JSON object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


class _Part:
    """An object at a place of the document; each read checks the value's type and bounds."""

    def __init__(self, place: str, values: Mapping[str, Any]) -> None:
        self.place, self.values = place, values

    def refuse(self, name: str, why: str) -> Unusable:
        return Unusable(f"{self.where(name)} {why}")

    def where(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def part(self, name: str) -> "_Part | None":
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.refuse(name, "is not an object")
        return _Part(self.where(name), value)

    def parts(self, name: str) -> dict[str, "_Part"]:
        found = self.part(name)
        if found is None:
            return {}
        if len(found.values) > bounds.MOST_ITEMS:
            raise self.refuse(name, f"has more than {bounds.MOST_ITEMS:,} entries")
        each = {key: found.part(key) for key in found.values}
        if empty := [key for key, part in each.items() if part is None]:
            raise found.refuse(empty[0], "is null")
        return {key: part for key, part in each.items() if part is not None}

    def items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.refuse(name, "is not a list")
        if len(value) > bounds.MOST_ITEMS:
            raise self.refuse(name, f"has more than {bounds.MOST_ITEMS:,} entries")
        return list(value)

    def text(self, name: str, matching: "re.Pattern[str] | None" = None) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > 20_000:
            raise self.refuse(name, "is not text")
        if matching is not None and not matching.fullmatch(value):
            raise self.refuse(name, f"is {value[:60]!r}, which cannot be used")
        return value

    def needed_text(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise self.refuse(name, "is missing")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value is not None and value not in choices:
            raise self.refuse(name, f"is {value[:60]!r}, which this client does not know")
        return value

    def yes_no(self, name: str) -> bool | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.refuse(name, "is neither true nor false")
        return value

    def whole(self, name: str, bound: tuple[int, int]) -> int | None:
        value = self.values.get(name)
        return None if value is None else self._inside(name, value, bound)

    def needed_whole(self, name: str) -> int:
        value = self.whole(name, bounds.NUMBER)
        if value is None:
            raise self.refuse(name, "is missing")
        return value

    def wholes(self, name: str, bound: tuple[int, int]) -> tuple[int, ...]:
        return tuple(self._inside(f"{name}[{index}]", value, bound) for index, value in enumerate(self.items(name)))

    def stated(self, part: str, names: tuple[str, ...]) -> dict[str, int]:
        """The whole numbers among these that are stated, each inside its own bounds."""
        read = {name: self.whole(name, bounds.WHOLE[f"{part}.{name}"]) for name in names}
        return {name: value for name, value in read.items() if value is not None}

    def _inside(self, name: str, value: Any, bound: tuple[int, int]) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(name, "is not a whole number")
        low, high = bound
        if not low <= value <= high:
            raise self.refuse(name, f"is {str(value)[:30]}; it must be from {low:,} to {high:,}")
        return value


def _content(whole: _Part) -> dict[str, Any]:
    return {
        "integration": whole.needed_text("integration"),
        "contracts": {name: _contract(name, part) for name, part in whole.parts("contracts").items()},
        "topics": {name: _topic(name, part) for name, part in whole.parts("topics").items()},
        "tracing": _tracing(whole.part("tracing")),
    }


def _contract(name: str, part: _Part) -> Contract:
    return Contract(
        name=name,
        protocol=part.text("protocol"),
        endpoint=part.text("endpoint", _URL),
        idempotent=part.yes_no("idempotent"),
        idempotency_header=part.text("idempotency_header", _HEADER),
        retry=_read(part, "retry", _retry, Retry()),
        breaker=_read(part, "circuit_breaker", _breaker, None),
        limits=_read(part, "rate_limit", _limits, ()),
        timeouts=_read(part, "timeouts", _timeouts, Timeouts()),
        errors=tuple(_error(part, index, row) for index, row in enumerate(part.items("errors"))),
    )


def _read(part: _Part, name: str, read: Callable[[_Part], T], absent: T) -> T:
    found = part.part(name)
    return absent if found is None else read(found)


def _retry(part: _Part) -> Retry:
    whole = part.stated("retry", ("max_retries", "base_delay_ms", "max_delay_ms", "attempt_timeout_ms"))
    usual = Retry()
    return Retry(
        max_retries=whole.get("max_retries", usual.max_retries),
        delays_ms=part.wholes("delays_ms", bounds.DELAY_MS) or usual.delays_ms,
        jitter=part.one_of("jitter", bounds.JITTERS) or usual.jitter,
        on_statuses=frozenset(part.wholes("retry_on_statuses", bounds.STATUS)),
        on_network_errors=bool(part.yes_no("retry_on_network_errors")),
        attempt_timeout_ms=whole.get("attempt_timeout_ms"),
    )


_BREAKER = (
    "failure_percent",
    "window_seconds",
    "minimum_calls",
    "open_seconds",
    "half_open_calls",
    "alert_after_seconds",
)


def _breaker(part: _Part) -> Breaker:
    return Breaker(**part.stated("circuit_breaker", _BREAKER), forced=part.one_of("forced", bounds.FORCED))


_LIMITS = (
    ("requests_per_minute", 60, "requests_per_minute_action", "reject_with_retry_after"),
    ("burst_per_second", 1, "burst_action", "reject_immediately"),
    ("daily_quota", 86_400, "daily_action", "reject_and_contact_support"),
)


def _limits(part: _Part) -> tuple[Limit, ...]:
    calls = part.stated("rate_limit", tuple(name for name, *_ in _LIMITS))
    actions = {name: part.one_of(action, bounds.LIMIT_ACTIONS) or usual for name, _, action, usual in _LIMITS}
    return tuple(Limit(name, calls[name], seconds, actions[name]) for name, seconds, *_ in _LIMITS if name in calls)


def _timeouts(part: _Part) -> Timeouts:
    return Timeouts(**part.stated("timeouts", ("connect_ms", "read_ms", "total_ms")))


def _error(contract: _Part, index: int, row: Any) -> ErrorRow:
    if not isinstance(row, Mapping):
        raise contract.refuse(f"errors[{index}]", "is not an object")
    part = _Part(contract.where(f"errors[{index}]"), row)
    return ErrorRow(
        status=part.text("status") or "", code=part.text("code"), action=part.one_of("action", bounds.ERROR_ACTIONS)
    )


def _topic(name: str, part: _Part) -> Topic:
    stated = {each: part.text(each) for each in ("broker", "kind", "key", "dead_letter", "ordering", "ordering_scope")}
    window = part.text("deduplication_window", _DURATION)
    return Topic(name=name, **stated, deduplication_window=None if window is None else _duration(window))


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    assert found
    counts = (int(each or 0) for each in found.groups())
    return timedelta(**dict(zip(("weeks", "days", "hours", "minutes", "seconds"), counts, strict=True)))


def _tracing(part: _Part | None) -> Tracing:
    if part is None:
        return Tracing()
    percent = part.text("sampling_percent", _PERCENT)
    if percent is not None and float(percent) > 100:
        raise part.refuse("sampling_percent", "is more than 100")
    headers = part.items("headers")
    if not all(isinstance(each, str) for each in headers):
        raise part.refuse("headers", "are not all text")
    return Tracing(
        headers=tuple(headers) or Tracing().headers, sampling_percent=None if percent is None else float(percent)
    )


def _override(part: _Part | None) -> Override | None:
    if part is None:
        return None
    return Override(
        id=str(part.values.get("id", "")), reason=part.text("reason") or "", expires_at=part.text("expires_at") or ""
    )
