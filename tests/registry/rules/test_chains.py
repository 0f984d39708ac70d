"""Chains of calls on any graph, circles and all: what the search finds is what trying every chain finds."""

import itertools
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.rules.chains import LONGEST_CHAIN, MOST_STEPS, Chain, Network
from registry.rules.facts import Call, Numbers, Owner

SYSTEMS = "abcdef"


@st.composite
def calls(draw: st.DrawFn) -> list[Call]:
    """A few calls among six systems: parallel ones, opposite ones and circles among them."""
    pairs = st.tuples(st.sampled_from(SYSTEMS), st.sampled_from(SYSTEMS)).filter(lambda pair: pair[0] != pair[1])
    amounts = st.none() | st.integers(0, 5)
    numbers = st.builds(Numbers, attempts=amounts, longest_ms=amounts, total_ms=amounts)
    owners = st.sampled_from([Owner("one"), Owner("two"), Owner("three")])
    rows = draw(st.lists(st.tuples(pairs, numbers, owners), min_size=1, max_size=14))
    return [Call(owner, f"contracts[{place}]", *sides, numbers=said) for place, (sides, said, owner) in enumerate(rows)]


def chains(known: list[Call]) -> Iterator[Chain]:
    """Every chain there is, by trying."""
    waiting: list[Chain] = [(each,) for each in known]
    while waiting:
        chain = waiting.pop()
        yield chain
        seen = {chain[0].consumer, *(each.provider for each in chain)}
        if len(chain) < LONGEST_CHAIN:
            waiting += [
                (*chain, each) for each in known if each.consumer == chain[-1].provider and each.provider not in seen
            ]


def product(network: Network, chain: Chain) -> int:
    made = 1
    for each in chain:
        made *= network.attempts(each)
    return made


def hops(known: list[Call], call: Call, *, ahead: bool, open_only: str = "") -> dict[Call, int]:
    """How many calls away each call below (or above) one is, by widening circles; 2 is the next."""
    start, barred = (call.provider, call.consumer) if ahead else (call.consumer, call.provider)
    reached, found = {start: 1}, dict[Call, int]()
    for step in range(2, LONGEST_CHAIN + 1):
        for each in known:
            near, far = (each.consumer, each.provider) if ahead else (each.provider, each.consumer)
            if reached.get(near, step) < step and far not in (start, barred):
                found.setdefault(each, reached[near] + 1)
        for each in list(found):
            far = each.provider if ahead else each.consumer
            if not open_only or getattr(each.numbers, open_only) is None:
                reached.setdefault(far, found[each])
    return found


@given(calls(), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_the_worst_chain_is_the_worst_of_all_chains(known: list[Call], above: int) -> None:
    network, every = Network(known), list(chains(known))
    for call in known:
        through = [each for each in every if call in each]
        most = max(product(network, each) for each in through)
        worst = network.worst(call, above=above)
        if most <= above:
            assert worst is None
            continue
        assert worst is not None
        assert worst.is_exact
        assert worst.product == most == product(network, worst.calls)
        assert worst.calls in through
        ends = {worst.calls[0], worst.calls[-1]} - {call}
        assert all(network.attempts(each) > 1 for each in ends)


@given(calls())
@settings(max_examples=300, deadline=None)
def test_what_lies_below_and_above_is_found_with_the_shortest_ways(known: list[Call]) -> None:
    network = Network(known)
    for call in known:
        for ahead in (True, False):
            ways = list(network.beyond(call, ahead=ahead))
            ends = {way[-1 if ahead else 0]: len(way) for way in ways}
            assert ends == hops(known, call, ahead=ahead)
            assert [len(way) for way in ways] == sorted(len(way) for way in ways)
            for way in ways:
                assert way[0 if ahead else -1] is call
                assert all(one.provider == two.consumer for one, two in itertools.pairwise(way))


@given(calls())
@settings(max_examples=300, deadline=None)
def test_budgets_are_those_of_the_slowest_below_and_the_least_patient_above(known: list[Call]) -> None:
    network = Network(known)
    for call in known:
        below = hops(known, call, ahead=True, open_only="ends_ms")
        ends = [each.numbers.ends_ms for each in below if each.numbers.ends_ms is not None]
        slowest = network.slowest_below(call)
        assert (slowest and slowest[0]) == max(ends, default=None)
        above = hops(known, call, ahead=False, open_only="waits_ms")
        waits = sorted(each.numbers.waits_ms for each in above if each.numbers.waits_ms is not None)
        assert [each[0] for each in network.impatient_above(call, below_ms=4)] == [each for each in waits if each < 4]


@given(calls())
@settings(max_examples=300, deadline=None)
def test_a_circle_is_the_shortest_there_is(known: list[Call]) -> None:
    network = Network(known)
    for call in known:
        closing = [
            (*chain, each)
            for chain in chains(known)
            if chain[0] is call and len(chain) < LONGEST_CHAIN
            for each in known
            if each.consumer == chain[-1].provider and each.provider == call.consumer
        ]
        foreign = [each for each in closing if len(each) > 2 or each[1].owner.slug != call.owner.slug]
        circle = network.circle(call)
        assert (circle and len(circle)) == min((len(each) for each in foreign or closing), default=None)
        assert circle is None or circle in closing


def test_each_environment_has_its_own_numbers() -> None:
    first = Call(Owner("one"), "contracts[x]", "a", "b", numbers=Numbers(attempts=2))
    second = Call(
        Owner("two"), "contracts[y]", "b", "c", numbers=Numbers(attempts=3), environments={"staging": {"attempts": 5}}
    )
    products = [Network([first, second], name).worst(first, above=1) for name in ("", "staging", "production")]
    assert [each and (each.factors, each.product) for each in products] == [((2, 3), 6), ((2, 5), 10), ((2, 3), 6)]


@pytest.mark.parametrize("size", [60, 200])
def test_a_landscape_that_is_one_large_circle_takes_no_time(size: int) -> None:
    numbers = Numbers(attempts=3)
    known = [
        Call(Owner(f"i-{start}-{step}"), "contracts[x]", f"s-{start}", f"s-{(start + step) % size}", numbers=numbers)
        for start in range(size)
        for step in (1, 2, 5, 11, 23)
    ]
    network = Network(known)
    begun = time.process_time()
    worst = network.worst(known[0], above=10)
    assert time.process_time() - begun < 2
    assert worst is not None
    assert (worst.product, worst.is_exact) == (3**LONGEST_CHAIN, True)


def test_a_search_that_is_given_up_says_so() -> None:
    """Walks promise what no chain keeps: among few systems that all call each other every long walk comes back."""
    few = "abcd"
    known = [
        Call(
            Owner(f"i-{one}-{two}-{copy}"), "contracts[x]", f"{one}{copy}", f"{two}{copy}", numbers=Numbers(attempts=2)
        )
        for copy in range(MOST_STEPS // 3)
        for one, two in zip(few, few[1:] + few[0], strict=True)
    ]
    gate = [
        Call(Owner(f"g-{copy}"), "contracts[g]", "gate", f"a{copy}", numbers=Numbers(attempts=2))
        for copy in range(MOST_STEPS // 3)
    ]
    start = Call(Owner("start"), "contracts[s]", "start", "gate", numbers=Numbers(attempts=2))
    worst = Network([start, *gate, *known]).worst(start, above=10)
    assert worst is not None
    assert worst.product == 2**5
    assert not worst.is_exact
