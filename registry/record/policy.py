"""The resilience settings of a contract (section 3: retry, breaker, rate limits, timeouts). These are served live."""

from decimal import Decimal as Number
from typing import ClassVar, Literal

from .base import Decimal, Part, Slug, Status, Whole, YesNo, listed, stated

Strategy = Literal["exponential", "fixed", "explicit"]
Jitter = Literal["full", "equal", "none"]
LimitAction = Literal["reject_with_retry_after", "reject_immediately", "reject_and_contact_support", "wait"]
DAY_MS = 86_400_000


class Retry(Part):
    """When a failed call is tried again, how often, and how long to wait in between."""

    TITLE: ClassVar[str] = "Retry"

    max_retries: Whole | None = stated(3, ge=0, le=10)
    """Further attempts after the first call; 0 means never retry."""
    retry_on_statuses: tuple[Status, ...] = listed([500, 502, 503, 429])
    """HTTP statuses after which the call is tried again."""
    retry_on_network_errors: YesNo | None = stated(True)
    """Whether a refused connection, a reset or a timeout is tried again."""
    strategy: Strategy | None = stated("exponential")
    """Growing waits, equal waits, or the waits listed one by one."""
    base_delay_ms: Whole | None = stated(200, ge=1, le=DAY_MS)
    """The wait before the first retry."""
    multiplier: Decimal | None = stated("2")
    """How many times longer each wait is than the one before (exponential only)."""
    max_delay_ms: Whole | None = stated(5_000, ge=1, le=DAY_MS)
    """No wait is ever longer than this."""
    delays_ms: tuple[Whole, ...] = listed([200, 400, 800])
    """The waits one by one, as many as there are retries (explicit only)."""
    jitter: Jitter | None = stated("full")
    """How much of each wait is left to chance, so that callers do not retry in step."""
    attempt_timeout_ms: Whole | None = stated(2_000, ge=1, le=DAY_MS)
    """How long one attempt may take."""

    @property
    def attempts(self) -> int | None:
        """Calls at worst, the first one counted."""
        return None if self.max_retries is None else self.max_retries + 1

    def waits_ms(self) -> tuple[int, ...] | None:
        """The longest each wait can be, in ms, first to last; None while too little is stated."""
        if self.max_retries is None:
            return None
        if self.strategy == "explicit":
            waits = self.delays_ms
        elif self.base_delay_ms is None:
            return () if self.max_retries == 0 else None
        else:
            growth = Number(self.multiplier or "2") if self.strategy == "exponential" else Number(1)
            factors = (growth**step if step else Number(1) for step in range(self.max_retries))  # 0**0 is no number
            waits = tuple(int(min(self.base_delay_ms * factor, Number(DAY_MS))) for factor in factors)
        return tuple(min(wait, self.max_delay_ms or wait) for wait in waits)

    def longest_ms(self) -> int | None:
        """The longest a call with all its attempts and waits can take, in ms, were there no total timeout."""
        waits = self.waits_ms()
        if waits is None or self.attempts is None or self.attempt_timeout_ms is None:
            return None
        return self.attempts * self.attempt_timeout_ms + sum(waits)


class CircuitBreaker(Part):
    """When calls stop for a while because too many fail."""

    TITLE: ClassVar[str] = "Circuit breaker"

    failure_percent: Whole | None = stated(50, ge=1, le=100)
    """The breaker opens when this share of calls in the window failed."""
    window_seconds: Whole | None = stated(30, ge=1, le=3_600)
    """How far back calls are counted."""
    minimum_calls: Whole | None = stated(20, ge=1, le=1_000_000)
    """Calls that must be in the window before the share means anything."""
    open_seconds: Whole | None = stated(30, ge=1, le=86_400)
    """How long calls fail at once before a trial is made."""
    half_open_calls: Whole | None = stated(1, ge=1, le=1_000)
    """Trial calls let through before the breaker closes again."""
    alert_after_seconds: Whole | None = stated(20, ge=1, le=86_400)
    """An alert is raised when it has been open this long."""


class RateLimit(Part):
    """How much the consumer may send, and what happens beyond that."""

    TITLE: ClassVar[str] = "Rate limits"

    requests_per_minute: Whole | None = stated(600, ge=1, le=10_000_000)
    """Calls allowed in any 60 seconds."""
    requests_per_minute_action: LimitAction | None = stated("reject_with_retry_after")
    """What happens to calls beyond the limit per minute."""
    burst_per_second: Whole | None = stated(20, ge=1, le=1_000_000)
    """Calls allowed in one second."""
    burst_action: LimitAction | None = stated("reject_immediately")
    """What happens to calls beyond the burst."""
    daily_quota: Whole | None = stated(500_000, ge=1, le=10_000_000_000, unit="per day")
    """Calls allowed in 24 hours."""
    daily_action: LimitAction | None = stated("reject_and_contact_support")
    """What happens to calls beyond the day's quota."""
    provider_requests_per_minute: Whole | None = stated(1_200, ge=1, le=10_000_000)
    """What the provider itself accepts, retries included."""
    provider_limit_is_shared: YesNo | None = stated(True)
    """Whether the provider counts all its consumers together; no where each has that limit for itself."""


class Timeouts(Part):
    """How long to wait for a connection, a first byte, and the whole answer."""

    TITLE: ClassVar[str] = "Timeouts"

    connect_ms: Whole | None = stated(500, ge=1, le=600_000)
    """Time to establish a connection."""
    read_ms: Whole | None = stated(2_000, ge=1, le=DAY_MS)
    """Time to receive the first byte."""
    total_ms: Whole | None = stated(10_000, ge=1, le=DAY_MS)
    """The whole budget of a call, retries and waits included."""


class EnvironmentPolicy(Part):
    """What differs in one environment; whatever is left out is as everywhere."""

    TITLE: ClassVar[str] = "Environment"
    KEY: ClassVar[str | None] = "environment"

    environment: Slug | None = stated("staging")
    """The environment these values are for."""
    retry: Retry = Retry()
    """Retry settings that differ here."""
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    """Breaker settings that differ here."""
    rate_limit: RateLimit = RateLimit()
    """Rate limits that differ here."""
    timeouts: Timeouts = Timeouts()
    """Timeouts that differ here."""


class Policy(Part):
    """The live settings of a contract."""

    TITLE: ClassVar[str] = "Resilience policy"

    retry: Retry = Retry()
    """When a failed call is tried again."""
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    """When calls stop for a while."""
    rate_limit: RateLimit = RateLimit()
    """How much may be sent."""
    timeouts: Timeouts = Timeouts()
    """How long to wait."""
    environments: tuple[EnvironmentPolicy, ...] = listed()
    """Where an environment needs other values."""

    def inside(self, environment: str) -> "Policy":
        """The policy as it is in `environment`: its own values over the common ones."""
        own = next((each for each in self.environments if each.environment == environment), None)
        if own is None:
            return self.model_copy(update={"environments": ()})
        parts = {name: _over(getattr(own, name), getattr(self, name)) for name in LIVE_PARTS}
        return self.model_copy(update={**parts, "environments": ()})


LIVE_PARTS: dict[str, type[Part]] = {
    "retry": Retry,
    "circuit_breaker": CircuitBreaker,
    "rate_limit": RateLimit,
    "timeouts": Timeouts,
}


def _over(own: Part, common: Part) -> Part:
    stated_here = {name: value for name in type(own).model_fields if (value := getattr(own, name)) not in (None, ())}
    return common.model_copy(update=stated_here)
