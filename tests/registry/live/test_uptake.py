"""Where an instance stands: green only for what can be checked."""

import pytest

from registry.live.uptake import ORDER, Said, Served, State, state

SERVED = Served(17, ("aa", "bb"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(17), "on"),
        (Said(17, "aa"), "on"),
        (Said(17, "bb"), "on"),
        (Said(17, "cc"), "differs"),
        (Said(17, "aa", refused=16), "on"),
        (Said(16), "behind"),
        (Said(16, "cc"), "behind"),
        (Said(16, refused=17), "refused"),
        (Said(None, refused=17), "refused"),
        (Said(15, refused=16), "behind"),
        (Said(None), "unknown"),
        (Said(None, refused=3), "unknown"),
        (Said(18), "unknown"),
        (Said(17, "aa", is_silent=True), "silent"),
        (Said(16, refused=17, is_silent=True), "silent"),
    ],
)
def test_an_instance_stands_where_it_can_be_seen_to_stand(said: Said, expected: State) -> None:
    assert state(SERVED, said) == expected
    assert expected in ORDER


def test_nothing_is_known_where_nothing_is_served() -> None:
    assert state(None, Said(1)) == "unknown"
