"""What a client raises by itself, before or instead of a call. All are httpx errors too, so old handlers catch them."""

import httpx


class PolicyError(httpx.TransportError):
    """A call that the settings in force did not let through, or ended."""


class CircuitOpen(PolicyError):
    """The breaker is open: nothing was sent. `retry_in_s` is None while it is held open by hand."""

    def __init__(self, contract: str, retry_in_s: float | None) -> None:
        until = "it is held open by an override" if retry_in_s is None else f"a trial follows in {retry_in_s:.1f} s"
        super().__init__(f"{contract}: the circuit breaker is open; {until}")
        self.contract, self.retry_in_s = contract, retry_in_s


class LimitReached(PolicyError):
    """One of our own rate limits is full: nothing was sent."""

    def __init__(self, contract: str, limit: str, action: str, retry_in_s: float) -> None:
        what = {
            "reject_and_contact_support": "agree on more with the provider",
            "reject_with_retry_after": f"there is room in {retry_in_s:.1f} s",
        }.get(action, "call more slowly")
        super().__init__(f"{contract}: the limit {limit} is reached; {what}")
        self.contract, self.limit, self.action = contract, limit, action
        self.retry_in_s = None if action == "reject_immediately" else retry_in_s


class OutOfTime(PolicyError, httpx.TimeoutException):
    """The total time of a call is over before an answer was whole."""


class NoSettings(LookupError):
    """Nothing is known of this integration or contract: no default, no file, no answer of the registry."""
