"""The measurement of live settings still fits what it measures."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from bench.live import __main__ as bench
from bench.live import followers
from bench.live.followers import Told
from bench.live.reads import KINDS, Place, ratio


def test_a_ratio_is_of_the_same_round() -> None:
    one = Place("front", 1, "", {"200": [10, 40, 90]})
    other = Place("nginx", 2, "", {"200": [10, 20, 30]})
    assert ratio(one, other, "200") == 2


@pytest.mark.parametrize(
    ("found", "target", "sense", "said"),
    [
        (1.2, 1.0, "at least", "at least 1: met"),
        (0.9, 1.0, "at least", "at least 1: missed by 10%"),
        (1.3, 1.3, "at most", "at most 1.3: met"),
        (2.6, 1.3, "at most", "at most 1.3: missed by 100%"),
    ],
)
def test_a_target_that_is_missed_is_said_to_be(found: float, target: float, sense: str, said: str) -> None:
    assert bench.verdict(found, target, sense) == said


def test_the_report_has_a_row_for_each_measurement() -> None:
    same = {kind: [300.0] for kind in KINDS}
    places = [Place(name, 1, "", same, same) for name in ("front", "nginx", "DRF")]
    told = [Told(1_000, [2.0], [1.0], 5.0)]
    rows = [
        each for each in bench.report(places, told, Namespace(rounds=1, seconds=1), (0, 0)) if each.startswith("| ")
    ]
    assert len(rows) == 2 + 4 + 1  # with the two heads
    assert rows[-1] == "| 1,000 | 2.0 | 1.0 | 2.00 | at most 1.3: missed by 54% | 5.0 | at most 8: met |"


@pytest.mark.skipif(bool(followers.missing()), reason="needs gcc and taskset")
def test_followers_are_counted_to_the_last(tmp_path: Path) -> None:
    assert shutil.which("gcc")
    followers.build(tmp_path)
    told = followers.measure(tmp_path, 20, 2)
    assert (told.count, len(told.front_ms), len(told.loop_ms)) == (20, 2, 2)
    assert 0 < told.ratio < 1_000
