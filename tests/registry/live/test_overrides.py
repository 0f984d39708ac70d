"""An override never leaves the bounds of the record's own types and rules."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.live.document import compile_settings, served_part
from registry.live.overrides import AGREED, FIELDS, Overridden, inside, overridden
from registry.record.documents import canonical_bytes, parse
from registry.record.findings import InvalidRecord, Severity
from registry.record.policy import LIVE_PARTS, Policy
from registry.rules import check
from tests import landscape

RECORD = parse(landscape.document())
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(0, 20_000),
    st.floats(allow_nan=True),
    st.text(max_size=12),
    st.lists(st.integers(-5, 700), max_size=4),
    st.sampled_from(["exponential", "fixed", "explicit", "full", "none", "wait", "open", "closed", "2.5"]),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
)
NAMES = sorted({name for names in FIELDS.values() for name in names} | AGREED | {"forced", "x", "environments"})
PATCHES = st.dictionaries(
    st.sampled_from(["payments-api", "payments-api", "other", "forced"]),
    st.dictionaries(
        st.sampled_from([*LIVE_PARTS, "errors", "endpoint"]),
        st.dictionaries(st.sampled_from(NAMES), PLAIN, min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=2,
)


def errors(record: Any) -> set[str]:
    return {each.key for each in check(record) if each.severity == Severity.ERROR}


def laid_over(contracts: dict[str, Any]) -> Overridden | InvalidRecord:
    try:
        return overridden(RECORD, "production", {"contracts": contracts})
    except InvalidRecord as refused:
        return refused


@settings(max_examples=300, deadline=None)
@given(contracts=PATCHES)
def test_whatever_is_asked_what_is_served_is_within_the_bounds(contracts: dict[str, Any]) -> None:
    laid = laid_over(contracts)
    if isinstance(laid, InvalidRecord):
        assert laid.problems
        assert all(each.path and each.message for each in laid.problems)
        return
    served = compile_settings(laid.record, "production", forced=laid.forced)["contracts"]["payments-api"]
    for part in LIVE_PARTS:
        values = {name: value for name, value in served[part].items() if name != "forced"}
        type(getattr(Policy(), part)).model_validate(values)
    assert served["circuit_breaker"].get("forced") in (None, "open", "closed")
    assert errors(laid.record) <= errors(inside(RECORD, "production"))
    before = RECORD.contracts[0].policy.rate_limit
    assert all(getattr(laid.record.contracts[0].policy.rate_limit, name) == getattr(before, name) for name in AGREED)
    # Nothing but the policy is another one, and what is kept of the patch says the same and can be hashed.
    untouched = {"policy": Policy()}
    assert laid.record.contracts[0].model_copy(update=untouched) == RECORD.contracts[0].model_copy(update=untouched)
    assert overridden(RECORD, "production", laid.patch) == laid
    canonical_bytes(laid.patch)


@pytest.mark.parametrize(
    ("part", "values", "problem"),
    [
        ("retry", {"max_retries": 11}, ("contracts[payments-api].policy.retry.max_retries", "is more than 10")),
        ("timeouts", {"total_ms": 0}, ("contracts[payments-api].policy.timeouts.total_ms", "is less than 1")),
        (
            "rate_limit",
            {"requests_per_minute": 100},
            (
                "contracts[payments-api].policy.rate_limit.requests_per_minute",
                "120 calls a minute are expected, but 100 allowed",
            ),
        ),
        (
            "rate_limit",
            {"provider_requests_per_minute": 10_000},
            ("contracts[payments-api].policy.rate_limit.provider_requests_per_minute", "is what the provider does"),
        ),
        (
            "circuit_breaker",
            {"forced": "ajar"},
            ("contracts[payments-api].policy.circuit_breaker.forced", "is not a state"),
        ),
        ("errors", {"x": 1}, ("contracts[payments-api].policy.errors", "cannot be overridden")),
    ],
)
def test_a_refusal_names_the_field(part: str, values: dict[str, Any], problem: tuple[str, str]) -> None:
    with pytest.raises(InvalidRecord) as refused:
        overridden(RECORD, "production", {"contracts": {"payments-api": {part: values}}})
    first = refused.value.problems[0]
    assert (first.path, first.message) == problem
    assert first.mend


@pytest.mark.parametrize("patch", [{}, {"contracts": {}}, {"contracts": []}, {"topics": {}}, {"contracts": {"x": {}}}])
def test_a_patch_of_nothing_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecord):
        overridden(RECORD, "production", patch)


def test_values_that_are_there_already_change_nothing() -> None:
    with pytest.raises(InvalidRecord, match="are as they were"):
        overridden(RECORD, "production", {"contracts": {"payments-api": {"retry": {"max_retries": 2}}}})


def test_a_forced_breaker_is_served_beside_its_values() -> None:
    laid = overridden(RECORD, "production", {"contracts": {"payments-api": {"circuit_breaker": {"forced": "open"}}}})
    served = compile_settings(laid.record, "production", forced=laid.forced)
    plain = compile_settings(RECORD, "production")
    assert served["contracts"]["payments-api"].pop("circuit_breaker") == {
        **plain["contracts"]["payments-api"].pop("circuit_breaker"),
        "forced": "open",
    }
    assert served == plain


def test_what_releases_differ_by_is_all_that_is_compiled() -> None:
    part = served_part(RECORD, "staging")
    assert compile_settings(part, "staging") == compile_settings(RECORD, "staging")
    assert part.contracts[0].operations == ()
    assert part.parties == ()
