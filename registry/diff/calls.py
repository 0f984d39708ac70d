"""What a change of a contract's policy comes to: time, load, retries, breaker, limits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..record.contracts import Contract
from ..record.policy import Policy, Retry
from .consequence import Consequence, Verdict, choice, count, crossed, lists, quantity, time
from .worst import first_failure_ms, longest_ms, opens_after_ms

Of = Callable[[Contract, Policy], float | None]
Show = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a policy: what it is called, the field it hangs on, and whether more of it is good."""

    what: str
    at: str
    show: Show
    more_is: Verdict = "neutral"
    works_out: Of | None = None
    """How it follows from several fields; else it is the field itself."""

    def of(self, contract: Contract, policy: Policy) -> float | None:
        """The number as it is in one policy; None where too little is stated."""
        if self.works_out:
            return self.works_out(contract, policy)
        part, _, name = self.at.partition(".")
        value: int | None = getattr(getattr(policy, part), name)
        return value


def _seconds(number: float) -> str:
    return time(number * 1_000)


def _load(policy: Policy) -> int | None:
    allowed, attempts = policy.rate_limit.requests_per_minute, policy.retry.attempts
    return None if allowed is None or attempts is None else allowed * attempts


def _opens(contract: Contract, policy: Policy) -> float | None:
    return opens_after_ms(policy, contract.expected_requests_per_minute)


WEIGHTIEST = (
    Measure("worst-case time per call", "retry", time, "worse", lambda _, policy: longest_ms(policy)),
    Measure("calls to the provider at worst", "retry", count, "worse", lambda _, policy: policy.retry.attempts),
)
MEASURES = (
    *WEIGHTIEST,
    Measure("a first failure shows after at most", "retry", time, "worse", lambda _, policy: first_failure_ms(policy)),
    Measure("a whole call may take", "timeouts.total_ms", time),
    Measure("a first byte may take", "timeouts.read_ms", time),
    Measure("a connection may take", "timeouts.connect_ms", time),
    Measure("when every call fails, the breaker opens after", "circuit_breaker", time, "neutral", _opens),
    Measure("the breaker stays open for", "circuit_breaker.open_seconds", _seconds),
    Measure("trial calls before it closes", "circuit_breaker.half_open_calls", count),
    Measure("the alert on an open breaker fires after", "circuit_breaker.alert_after_seconds", _seconds),
    Measure("calls allowed per minute", "rate_limit.requests_per_minute", count),
    Measure("calls allowed in one second", "rate_limit.burst_per_second", count),
    Measure("calls allowed per day", "rate_limit.daily_quota", count),
    Measure("calls the provider accepts per minute", "rate_limit.provider_requests_per_minute", count),
    Measure("calls per minute at worst", "rate_limit", count, "worse", lambda _, policy: _load(policy)),
)
_LIMITS = {
    "requests_per_minute_action": "beyond the limit per minute",
    "burst_action": "beyond the burst",
    "daily_action": "beyond the daily quota",
}


@dataclass(frozen=True, slots=True)
class Side:
    """A contract as one record has it, in one environment, and the latency promised there."""

    contract: Contract
    policy: Policy
    promised_ms: int | None

    def inside(self, environment: str) -> "Side":
        return replace(self, policy=self.contract.policy.inside(environment))

    def number(self, measure: Measure) -> float | None:
        return measure.of(self.contract, self.policy)

    @property
    def retries_unsafely(self) -> bool:
        """Whether a write is repeated that may have been carried out, and the provider could not tell."""
        retry, contract = self.policy.retry, self.contract
        writes = any(each.method in ("POST", "PATCH") for each in contract.operations)
        in_doubt = retry.retry_on_network_errors is not False or set(retry.retry_on_statuses) - {429}
        knows = contract.idempotent and contract.idempotency_header
        return bool(writes and retry.max_retries and in_doubt) and not knows

    @property
    def overloads(self) -> bool:
        load, accepted = _load(self.policy), self.policy.rate_limit.provider_requests_per_minute
        return load is not None and accepted is not None and load > accepted

    @property
    def gives_up_early(self) -> bool:
        """Whether an attempt, or the whole call, ends before the promised p99."""
        patience = first_failure_ms(self.policy)
        return self.promised_ms is not None and patience is not None and patience < self.promised_ms


UNSAFE = "retries now include writes without an idempotency key"


def of_new(side: Side, name: str, at: str) -> Iterator[Consequence]:
    """What weighs most of a contract that was not there before."""
    for measure in WEIGHTIEST:
        value = side.number(measure)
        if value is not None:
            yield Consequence(name, measure.what, after=measure.show(value), path=f"{at}.policy.{measure.at}")
    if side.retries_unsafely:
        yield Consequence(name, UNSAFE, verdict="worse", path=f"{at}.policy.retry")


def of_policy(old: Side, new: Side, name: str, at: str) -> Iterator[Consequence]:
    """Everywhere, then in each environment where it is otherwise."""
    sides = {each: (old.inside(each), new.inside(each)) for each in _places(old, new)}
    for measure in MEASURES:
        values = {each: (was.number(measure), now.number(measure)) for each, (was, now) in sides.items()}
        yield from _told(measure, values, name, f"{at}.policy.{measure.at}")
    everywhere = list(_in_words(*sides[""], f"{at}.policy"))
    for place, (was, now) in sides.items():
        for each in _in_words(was, now, f"{at}.policy"):
            if place == "" or each not in everywhere:
                yield replace(each, about=_about(name, place))


def _places(old: Side, new: Side) -> list[str]:
    stated = [each.environment for side in (old, new) for each in side.contract.policy.environments]
    return ["", *dict.fromkeys(filter(None, stated))]


def _about(name: str, place: str) -> str:
    return f"{name} in {place}" if place else name


Values = tuple[float | None, float | None]


def _told(measure: Measure, values: dict[str, Values], name: str, path: str) -> Iterator[Consequence]:
    common = values[""]
    for place, (was, now) in values.items():
        about = _about(name, place)
        if place and (was, now) == common:
            continue
        if was == now and now is not None and common[0] != common[1]:
            yield Consequence(about, measure.what, after=f"{measure.show(now)} as before", path=path)
        yield from quantity(about, measure.what, was, now, show=measure.show, path=path, more_is=measure.more_is)


# --- what is no number ------------------------------------------------------------------------------------------------


def _in_words(was: Side, now: Side, at: str) -> Iterator[Consequence]:
    yield from crossed(
        (was.retries_unsafely, now.retries_unsafely),
        UNSAFE,
        "retries no longer include writes without an idempotency key",
        f"{at}.retry",
    )
    yield from crossed(
        (was.overloads, now.overloads),
        "limit and retries together may now exceed what the provider accepts",
        "limit and retries together no longer exceed what the provider accepts",
        f"{at}.rate_limit",
    )
    yield from crossed(
        (was.gives_up_early, now.gives_up_early),
        "calls that keep the promised p99 are now given up",
        "calls that keep the promised p99 are no longer given up",
        f"{at}.timeouts",
    )
    yield from _retried(was.policy.retry, now.policy.retry, f"{at}.retry")
    for field, what in _LIMITS.items():
        one, other = getattr(was.policy.rate_limit, field), getattr(now.policy.rate_limit, field)
        yield from choice("", what, one, other, path=f"{at}.rate_limit.{field}")


def _retried(was: Retry, now: Retry, at: str) -> Iterator[Consequence]:
    before, after, path = was.retry_on_statuses, now.retry_on_statuses, f"{at}.retry_on_statuses"
    yield from lists("", "now tried again after", "no longer tried again after", before, after, path=path)
    one, other, path = was.retry_on_network_errors, now.retry_on_network_errors, f"{at}.retry_on_network_errors"
    yield from choice("", "tried again after network errors", one, other, path=path)
