"""Routing keys, names of files and schedules are understood, and what cannot be is told."""

import time
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.definitions import files, routing, schedules
from registry.record.contracts import Definition, Header

NOW = datetime(2026, 11, 24, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "passes", "stays"),
    [
        ("order.*", ["order.placed"], ["order", "order.placed.eu", "orders.placed"]),
        ("order.#", ["order", "order.placed", "order.placed.eu"], ["orders"]),
        ("#", ["", "a", "a.b"], []),
        ("#.eu", ["eu", "order.eu", "a.b.eu"], ["order.eu.x"]),
        ("*.*", ["a.b"], ["a", "a.b.c"]),
        ("a.#.*", ["a.b", "a.b.c"], ["a"]),
        ("order.placed", ["order.placed"], ["order.*"]),
    ],
)
def test_a_pattern_lets_keys_through_word_by_word(pattern: str, passes: list[str], stays: list[str]) -> None:
    assert [each for each in passes if not routing.matches(pattern, each)] == []
    assert [each for each in stays if routing.matches(pattern, each)] == []
    through, not_through = routing.examples(pattern)
    assert all(routing.matches(pattern, each) for each in through)
    assert not any(routing.matches(pattern, each) for each in not_through)


def test_a_pattern_of_many_signs_is_matched_at_once() -> None:
    begun = time.process_time()
    assert not routing.matches(".".join(["#", "b"] * 60), ".".join("a" * 120) + ".b")
    assert not routing.matches(".".join(["#", "a"] * 60), ".".join("a" * 120) + ".b")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("kind", "key", "field"),
    [
        ("direct", "order.placed", ""),
        ("direct", "order.*", "routing_key"),
        ("topic", "order.*", ""),
        ("topic", "order..placed", "routing_key"),
        ("topic", "order.pl*", "routing_key"),
        ("topic", None, "routing_key"),
        ("topic", "ä" * 150, "routing_key"),
        ("fanout", "order", "routing_key"),
        ("fanout", None, ""),
        ("headers", None, "message_headers"),
    ],
)
def test_a_key_must_fit_its_exchange(kind: str, key: str | None, field: str) -> None:
    found = Definition.model_validate({"exchange": "orders", "exchange_type": kind, "routing_key": key})
    assert [each[0] for each in routing.flaws(found)] == ([field] if field else [])


def test_a_headers_exchange_needs_headers_and_knows_how_to_match() -> None:
    rows = (Header(name="region", value="eu"), Header(name="x-match", value="some"))
    found = Definition(exchange_type="headers", message_headers=rows)
    assert [each[1] for each in routing.flaws(found)] == ["x-match is some."]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("settlement-{date}.csv", ["settlement-2026-11-24.csv", "settlement-2026-11-25.csv"]),
        ("PRICAT_{supplier}_{run}.edi", ["PRICAT_supplier_1.edi", "PRICAT_supplier_2.edi"]),
        ("%Y%m%d-x.csv.gz", ["20261124-x.csv.gz", "20261125-x.csv.gz"]),
        ("{yyyyMMdd}_{HHmmss}.xml", ["20261124_142000.xml", "20261125_142000.xml"]),
        ("{date:%d.%m.%Y}.txt", ["24.11.2026.txt", "25.11.2026.txt"]),
        ("{seq:04}.dat", ["0001.dat", "0002.dat"]),
        ("a[0-9]?.csv", ["a01.csv", "a02.csv"]),
        ("<date>-${run}.csv", ["2026-11-24-1.csv", "2026-11-25-2.csv"]),
        ("settlement.csv", ["settlement.csv"]),
    ],
)
def test_names_come_out_of_a_pattern(pattern: str, names: list[str]) -> None:
    assert files.read(pattern).wrong == ()
    assert files.examples(pattern, NOW) == names


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("{open.csv", "“{” has no partner"),
        ("a}.csv", "“}” has no partner"),
        ("%Q.csv", "%Q is no part of a date"),
        ("{date:%Q}.csv", "%Q is no part of a date"),
        ("{}.csv", "a placeholder has no name"),
        ("in/{date}.csv", "it names a folder"),
        ("[a.csv", "“[” has no partner"),
    ],
)
def test_a_pattern_that_nobody_can_read_is_told(pattern: str, wrong: str) -> None:
    assert [each for each, _ in files.read(pattern).wrong] == [wrong]


@pytest.mark.parametrize(
    ("text", "words", "next_times"),
    [
        ("30 2 * * *", "At 02:30, every day", ["25T02:30", "26T02:30", "27T02:30"]),
        ("CRON_TZ=Europe/Amsterdam 30 2 * * *", "At 02:30, every day", ["25T01:30", "26T01:30", "27T01:30"]),
        ("cron: 0 9 L * *", "At 09:00, on the last day of the month", ["30T09:00", "31T09:00", "31T09:00"]),
        ("@hourly", "Every hour, every day", ["24T15:00", "24T16:00", "24T17:00"]),
        ("PT15M", "Every 15 minutes", ["24T14:30", "24T14:45", "24T15:00"]),
        ("P1M", "Every month", []),
        ("R/2026-01-31T02:30:00Z/P1M", "Every month from 31 Jan 2026, 02:30 UTC", ["30T02:30", "31T02:30", "31T02:30"]),
        ("R5/2026-11-21T00:00Z/P1D", "Every day from 21 Nov 2026, 00:00 UTC, 5 times", ["25T00:00"]),
        ("daily at 02:30 UTC", "", ["25T02:30", "26T02:30", "27T02:30"]),
        ("every 15 minutes", "", ["24T14:30", "24T14:45", "24T15:00"]),
        ("Mondays and Thursdays at 04:00 Europe/Amsterdam", "", ["26T03:00", "30T03:00", "03T03:00"]),
        ("Monday to Friday at 7:15 am UTC", "", ["25T07:15", "26T07:15", "27T07:15"]),
        ("weekdays at 06:00 and 18:00", "", ["24T18:00", "25T06:00", "25T18:00"]),
        ("monthly on the 1st at noon", "", ["01T12:00", "01T12:00", "01T12:00"]),
        ("daily at 23:00 UTC; also 12:00 on the last two days of a month", "", ["24T23:00", "25T23:00", "26T23:00"]),
    ],
)
def test_a_schedule_is_told_in_words_with_its_next_times(text: str, words: str, next_times: list[str]) -> None:
    found = schedules.read(text)
    assert (found.is_understood, found.wrong, found.words) == (True, (), words)
    assert [f"{each:%dT%H:%M}" for each in found.after(NOW)] == next_times
    assert all(each.tzinfo is UTC for each in found.after(NOW))


def test_several_times_come_in_one_order() -> None:
    found = schedules.read("daily at 02:30 Europe/Amsterdam; also 12:00 on the last two days of a month")
    later = found.after(datetime(2026, 11, 28, 12, tzinfo=UTC), 5)
    assert [f"{each:%m-%dT%H:%M}" for each in later] == [
        "11-29T01:30",
        "11-29T11:00",
        "11-30T01:30",
        "11-30T11:00",
        "12-01T01:30",
    ]


def test_an_hour_that_comes_twice_counts_once_and_one_that_never_comes_is_made_up() -> None:
    found = schedules.read("daily at 02:30 Europe/Amsterdam")
    autumn = found.after(datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    spring = found.after(datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert [f"{each:%m-%dT%H:%M}" for each in (*autumn, *spring)] == [
        "10-25T00:30",
        "10-26T01:30",
        "03-29T01:30",
        "03-30T00:30",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("61 2 * * *", "61 2 * * * is no cron expression"),
        ("0 0 30 2 *", "0 0 30 2 * never comes"),
        ("0 2 * * * *", "0 2 * * * * has more than five fields"),
        ("daily at 02:30 Europe/Amsterdm", "Europe/Amsterdm is no time zone"),
        ("R/yesterday/P1D", "yesterday is no moment"),
        ("PT0S", "PT0S is no length of time"),
    ],
)
def test_a_schedule_that_cannot_be_is_told(text: str, wrong: str) -> None:
    assert [each for each, _ in schedules.read(text).wrong] == [wrong]


@pytest.mark.parametrize(
    "text", ["when the ledger is closed", "on demand", "nightly at 25:00", "every 0 minutes", "; ;"]
)
def test_other_words_stand_as_they_are(text: str) -> None:
    assert not schedules.read(text).is_understood


WORDS = [
    "daily",
    "at",
    "on",
    "the",
    "last",
    "two",
    "days",
    "of",
    "a",
    "month",
    "every",
    "15",
    "02:30",
    "UTC",
    "Europe/Amsterdam",
    "and",
    ";",
    "R/",
    "P1D",
    "PT0S",
    "2026-01-01T00:00Z",
    "*",
    "*/5",
    "1,L",
    "0-59/0",
    "MON#9",
    "31",
    "2",
    "{date}",
    "%Y",
    "%",
    "[a",
    "]",
    "<",
    ">",
    "?",
    "{",
    "}",
    "{",
    "#",
    ".",
    "*.#",
    "..",
    "99999999999999999999",
    "P9999Y",
    "R999999/",
]


@given(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join) | st.text(max_size=60))
def test_nothing_that_is_typed_stops_us(text: str) -> None:
    found = schedules.read(text)
    assert len(found.after(NOW)) <= 3
    files.examples(text, NOW)
    files.fits(
        Definition(file_pattern=text.replace("\n", " ")[:300].strip() or None) if text.isprintable() else Definition()
    )
    for kind, key in product(("direct", "topic", "fanout", "headers", None), (text[:300],)):
        definition = Definition.model_construct(exchange_type=kind, routing_key=key)  # type: ignore[arg-type]
        assert all(len(each) == 3 for each in routing.flaws(definition))
        routing.examples(key)
