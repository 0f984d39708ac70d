"""Rows brought side by side: whole, alternating, and in bounded time."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.changes.alignment import Budget, Run, aligned

rows = st.lists(st.sampled_from("abcde"), max_size=40)


@given(rows, rows)
def test_the_runs_make_up_both_rows(old: list[str], new: list[str]) -> None:
    runs = aligned(old, new, Budget())
    assert [each for run in runs for each in run.old] == old
    assert [each for run in runs for each in run.new] == new
    assert all(run.old == run.new for run in runs if run.is_equal)
    assert all(before.is_equal != after.is_equal for before, after in itertools.pairwise(runs))


@given(rows)
def test_a_row_is_one_run_with_itself(row: list[str]) -> None:
    assert aligned(row, row, Budget()) == ([Run(True, row, row)] if row else [])


def test_what_is_told_is_short() -> None:
    old, new = list("take the money once"), list("take all the money twice")
    told = [("".join(run.old), "".join(run.new)) for run in aligned(old, new, Budget()) if not run.is_equal]
    assert told == [("", "all "), ("on", "twi")]


HOSTILE = {
    "all the same": (["a"] * 20_000, ["a"] * 15_000 + ["b"] * 5_000),
    "two by turns": (["a", "b"] * 10_000, ["b", "b", "a"] * 7_000),
    "nothing shared": ([f"a{n}" for n in range(20_000)], [f"b{n}" for n in range(20_000)]),
    "turned round": ([str(n) for n in range(20_000)], [str(n) for n in range(20_000, 0, -1)]),
    "few words many times": ([str(n % 7) for n in range(20_000)], [str(n % 11) for n in range(20_000)]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_odd_rows_take_no_longer_than_the_budget(what: str) -> None:
    began = time.process_time()
    aligned(*HOSTILE[what], Budget())
    assert time.process_time() - began < 8
