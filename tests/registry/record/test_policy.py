"""What a policy comes to: waits, worst case, environments, and which row of the error table speaks."""

import pytest

from registry.record.contracts import Contract, ErrorRow
from registry.record.policy import CircuitBreaker, EnvironmentPolicy, Policy, Retry, Timeouts


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(), None),
        (Retry(max_retries=0), ()),
        (Retry(max_retries=3, strategy="exponential", base_delay_ms=200, multiplier="2"), (200, 400, 800)),
        (
            Retry(max_retries=3, strategy="exponential", base_delay_ms=200, multiplier="10", max_delay_ms=900),
            (200, 900, 900),
        ),
        (Retry(max_retries=2, strategy="exponential", base_delay_ms=200, multiplier="0"), (200, 0)),
        (Retry(max_retries=2, strategy="fixed", base_delay_ms=50), (50, 50)),
        (Retry(max_retries=2, strategy="explicit", delays_ms=(10, 70)), (10, 70)),
        (Retry(max_retries=2, strategy="exponential"), None),
        (
            Retry(max_retries=10, strategy="exponential", base_delay_ms=86_400_000, multiplier="999999999999"),
            (86_400_000,) * 10,
        ),
    ],
)
def test_waits_follow_the_strategy_and_its_cap(retry: Retry, waits: tuple[int, ...] | None) -> None:
    assert retry.waits_ms() == waits


def test_the_longest_call_is_every_attempt_and_every_wait() -> None:
    retry = Retry(max_retries=2, strategy="explicit", delays_ms=(100, 300), attempt_timeout_ms=1_000)
    assert retry.longest_ms() == 3_400


def test_an_environment_overrides_only_what_it_states() -> None:
    policy = Policy(
        retry=Retry(max_retries=3, base_delay_ms=200),
        timeouts=Timeouts(total_ms=5_000),
        environments=(EnvironmentPolicy(environment="staging", retry=Retry(max_retries=0)),),
    )
    assert policy.inside("staging") == Policy(
        retry=Retry(max_retries=0, base_delay_ms=200), timeouts=Timeouts(total_ms=5_000)
    )
    assert policy.inside("production") == Policy(
        retry=Retry(max_retries=3, base_delay_ms=200), timeouts=Timeouts(total_ms=5_000)
    )


def test_an_environment_may_state_what_is_not_stated_in_common() -> None:
    policy = Policy(
        environments=(EnvironmentPolicy(environment="local", circuit_breaker=CircuitBreaker(failure_percent=90)),)
    )
    assert policy.inside("local").circuit_breaker.failure_percent == 90


@pytest.mark.parametrize(
    ("row", "covered"),
    [("429", [429]), ("502/503", [502, 503]), ("500-504", [500, 502, 503, 504]), ("5xx", [500, 502, 503, 504, 599])],
)
def test_a_row_covers_a_status_a_pair_a_range_or_a_class(row: str, covered: list[int]) -> None:
    statuses = [200, 429, 499, 500, 502, 503, 504, 599]
    assert [status for status in statuses if ErrorRow(status=row).covers(status)] == covered


def test_an_exact_row_goes_before_a_range() -> None:
    rows = (ErrorRow(status="5xx", action="retry_with_backoff"), ErrorRow(status="503", action="fail_fast"))
    contract = Contract(errors=rows)
    assert [contract.error_for(status) for status in (503, 500, 404)] == [rows[1], rows[0], None]
