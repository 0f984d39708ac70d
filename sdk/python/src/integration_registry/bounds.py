"""What a value may be at all. A release with a value outside is refused whole, whoever signed it."""

DAY_MS = 86_400_000
LARGEST_BODY = 2_000_000
MOST_ITEMS = 1_000

WHOLE: dict[str, tuple[int, int]] = {
    "retry.max_retries": (0, 10),
    "retry.base_delay_ms": (1, DAY_MS),
    "retry.max_delay_ms": (1, DAY_MS),
    "retry.attempt_timeout_ms": (1, DAY_MS),
    "circuit_breaker.failure_percent": (1, 100),
    "circuit_breaker.window_seconds": (1, 3_600),
    "circuit_breaker.minimum_calls": (1, 1_000_000),
    "circuit_breaker.open_seconds": (1, 86_400),
    "circuit_breaker.half_open_calls": (1, 1_000),
    "circuit_breaker.alert_after_seconds": (1, 86_400),
    "rate_limit.requests_per_minute": (1, 10_000_000),
    "rate_limit.burst_per_second": (1, 1_000_000),
    "rate_limit.daily_quota": (1, 10_000_000_000),
    "timeouts.connect_ms": (1, 600_000),
    "timeouts.read_ms": (1, DAY_MS),
    "timeouts.total_ms": (1, DAY_MS),
}
STATUS = (100, 599)
DELAY_MS = (0, DAY_MS)
NUMBER = (1, 2**63 - 1)

JITTERS = ("full", "equal", "none")
LIMIT_ACTIONS = ("reject_with_retry_after", "reject_immediately", "reject_and_contact_support", "wait")
ERROR_ACTIONS = (
    "fix_request",
    "refresh_credentials_and_retry_once",
    "alert_and_stop",
    "check_resource",
    "skip_as_duplicate",
    "escalate",
    "back_off_retry_after",
    "retry_with_backoff",
    "fail_fast",
)
FORCED = ("open", "closed")
