"""The breaker, by example and against a plain model of it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from integration_registry.breaker import Breaker, Permit
from integration_registry.settings import Breaker as Rules

RULES = Rules(failure_percent=50, window_seconds=10, minimum_calls=4, open_seconds=5, half_open_calls=2)


def tried(breaker: Breaker, failed: bool | None, now: float, rules: Rules = RULES) -> bool:
    permit = breaker.admit(rules, now)
    if permit:
        breaker.record(permit, failed, rules, now)
    return permit is not None


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(0.0)
    for _ in range(4):
        assert tried(breaker, True, now)
    assert breaker.state(RULES, now)[0] == "open"
    return breaker


def test_it_opens_at_the_share_once_there_are_enough_calls() -> None:
    breaker = Breaker(0.0)
    for failed in (True, True, False):
        tried(breaker, failed, 0)
    assert breaker.state(RULES, 0) == ("closed", 0)
    tried(breaker, False, 1)
    assert breaker.state(RULES, 1) == ("open", 1), "two of four is half, whichever came last"


def test_failures_that_left_the_window_are_forgotten() -> None:
    breaker = Breaker(0.0)
    for _ in range(3):
        tried(breaker, True, 0)
    for at in (11, 12, 13):
        tried(breaker, True, at)
    assert breaker.state(RULES, 13)[0] == "closed"


def test_open_it_lets_nothing_through_until_its_time_is_over() -> None:
    breaker = opened()
    assert not tried(breaker, False, 4.99)
    assert breaker.opens_again_in(RULES, 4) == 1
    assert breaker.state(RULES, 5)[0] == "half_open"


def test_half_open_as_many_trials_as_stated_pass_and_close_it() -> None:
    breaker = opened()
    first, second = breaker.admit(RULES, 5), breaker.admit(RULES, 5)
    assert first and second and breaker.admit(RULES, 5) is None
    breaker.record(first, False, RULES, 5)
    assert breaker.state(RULES, 5)[0] == "half_open"
    breaker.record(second, False, RULES, 6)
    assert breaker.state(RULES, 6) == ("closed", 6)


def test_one_failed_trial_opens_it_again_for_the_whole_time() -> None:
    breaker = opened()
    assert tried(breaker, True, 5)
    assert breaker.state(RULES, 9.9) == ("open", 5)


def test_a_trial_that_was_given_up_makes_room_for_another() -> None:
    breaker = opened()
    for _ in range(10):
        assert tried(breaker, None, 5)


def test_trials_that_never_come_back_do_not_hold_it_for_ever() -> None:
    breaker = opened()
    assert breaker.admit(RULES, 5) and breaker.admit(RULES, 5)
    assert breaker.admit(RULES, 9) is None
    assert breaker.admit(RULES, 10)


def test_a_call_from_before_it_opened_is_no_trial() -> None:
    breaker = Breaker(0.0)
    slow = breaker.admit(RULES, 0)
    assert slow
    for _ in range(4):
        tried(breaker, True, 0)
    trial = breaker.admit(RULES, 5)
    breaker.record(slow, False, RULES, 5)
    assert breaker.state(RULES, 5)[0] == "half_open" and trial


def test_forced_open_and_closed_go_before_what_it_counted() -> None:
    held_open = Rules(4, 10, 4, 5, 1, forced="open")
    held_closed = Rules(50, 10, 4, 5, 1, forced="closed")
    breaker = Breaker(0.0)
    assert not tried(breaker, False, 1, held_open)
    assert breaker.state(held_open, 1) == ("forced_open", 1)
    assert breaker.opens_again_in(held_open, 1) is None
    for _ in range(20):
        assert tried(breaker, True, 2, held_closed)
    assert breaker.state(held_closed, 2) == ("forced_closed", 2)
    assert breaker.state(RULES, 3) == ("closed", 3)
    assert tried(breaker, True, 3), "what was counted meanwhile counts"
    assert breaker.state(RULES, 3)[0] == "open"


def test_rules_taken_away_close_it() -> None:
    breaker = opened()
    assert breaker.admit(None, 1) and breaker.state(None, 1) == ("closed", 1)


class Model(RuleBasedStateMachine):
    """Random calls, times and rules: what must hold whatever happens."""

    @initialize()
    def begin(self) -> None:
        self.now, self.agreed = 0.0, RULES
        self.breaker = Breaker(0.0)
        self.out: list[Permit] = []
        self.opened_at: float | None = None
        self.failures_since_closed = 0
        self.trials = 0

    @rule(seconds=st.floats(0, 20))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule(percent=st.integers(1, 100), minimum=st.integers(1, 8), open_s=st.integers(1, 20), trials=st.integers(1, 3))
    def rules_change(self, percent: int, minimum: int, open_s: int, trials: int) -> None:
        self.agreed = Rules(percent, 10, minimum, open_s, trials)

    @rule()
    def a_call_begins(self) -> None:
        before, since = self.breaker.state(self.agreed, self.now)
        permit = self.breaker.admit(self.agreed, self.now)
        if before == "closed":
            assert permit and not permit.is_trial
        if before == "open":
            assert permit is None and self.now - since < self.agreed.open_seconds
        if permit:
            self.out.append(permit)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), failed=st.sampled_from([True, False, None]))
    def a_call_ends(self, data: st.DataObject, failed: bool | None) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before, _ = self.breaker.state(self.agreed, self.now)
        self.breaker.record(permit, failed, self.agreed, self.now)
        after, _ = self.breaker.state(self.agreed, self.now)
        if before != "open" and after == "open":
            assert failed is not None, "what taught nothing opens nothing"
            assert failed or before == "closed", "a trial that went well does not open it"
        if before == "half_open" and after == "closed":
            assert permit.is_trial and failed is False, "only a trial that went well closes it"
        if before == "open":
            assert after == "open", "no late result moves it while it is open"

    @invariant()
    def it_never_lets_more_trials_out_than_stated(self) -> None:
        trials = [each for each in self.out if each.is_trial and each.generation == self.breaker._generation]
        state, _ = self.breaker.state(self.agreed, self.now)
        if state == "half_open":
            assert len(trials) <= max(3, self.agreed.half_open_calls)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
