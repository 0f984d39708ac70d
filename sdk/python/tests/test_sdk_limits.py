"""No window ever holds more calls than the limit, and little room is wasted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration_registry.limits import Full, Limiter
from integration_registry.settings import Limit


@given(
    limit=st.integers(1, 20),
    seconds=st.sampled_from([1, 60, 86_400]),
    steps=st.lists(st.floats(0, 0.3), min_size=1, max_size=120),
)
def test_never_more_than_the_limit_in_any_window(limit: int, seconds: int, steps: list[float]) -> None:
    limiter, rule, now, taken = Limiter(), Limit("x", limit, seconds, "wait"), 0.0, []
    for step in steps:
        now += step * seconds
        if limiter.take([rule], now) is None:
            taken.append(now)
        assert sum(1 for each in taken if now - seconds < each <= now) <= limit


@given(limit=st.integers(1, 5), gaps=st.lists(st.floats(0, 0.9), min_size=5, max_size=30))
def test_room_comes_when_it_was_said_and_at_most_a_fiftieth_late(limit: int, gaps: list[float]) -> None:
    limiter, rule, now, taken = Limiter(), Limit("x", limit, 60, "wait"), 0.0, []
    for gap in gaps:
        now += gap * 10
        full = limiter.take([rule], now)
        if full is None:
            taken.append(now)
        else:
            exact = max(0.0, taken[-limit] + 60 - now)
            assert exact <= full.room_in_s <= exact + 1.2 + 1e-6
            assert isinstance(limiter.take([rule], now + full.room_in_s + 1e-6), type(None))
            taken.append(now + full.room_in_s + 1e-6)
            now = taken[-1]


def test_a_call_that_one_limit_refuses_counts_under_none() -> None:
    limiter = Limiter()
    burst, minute = Limit("burst", 1, 1, "wait"), Limit("minute", 2, 60, "reject_with_retry_after")
    assert limiter.take([burst, minute], 0.0) is None
    for _ in range(5):
        assert isinstance(limiter.take([burst, minute], 0.1), Full)
    assert limiter.take([burst, minute], 2.0) is None
    full = limiter.take([burst, minute], 4.0)
    assert full and full.limit == minute and full.room_in_s == pytest.approx(56.6, abs=0.7)


def test_a_higher_limit_holds_at_once_and_a_lower_one_counts_what_was_sent() -> None:
    limiter = Limiter()
    for _ in range(3):
        assert limiter.take([Limit("m", 3, 60, "wait")], 0.0) is None
    assert limiter.take([Limit("m", 3, 60, "wait")], 1.0) is not None
    assert limiter.take([Limit("m", 4, 60, "wait")], 1.0) is None
    assert limiter.take([Limit("m", 1, 60, "wait")], 2.0) is not None
