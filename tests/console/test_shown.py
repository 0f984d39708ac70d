"""Values as people read them; nothing that somebody typed becomes markup."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console import highlight, settings_table
from console.changes import Marker
from console.templatetags import shown
from registry.diff import Change


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=50), "50 seconds ago"),
        (timedelta(minutes=1, seconds=5), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(days=-2), "in 2 days"),
    ],
)
def test_moments_are_told_from_now_with_the_exact_one_on_hover(age: timedelta, words: str) -> None:
    told = shown.ago(timezone.now() - age)
    assert f">{words}</time>" in told
    assert 'datetime="' in told
    assert 'title="' in told


def test_durations_are_words_with_the_original_on_hover() -> None:
    assert shown.duration("PT90M") == '<abbr title="PT90M">1 hour 30 minutes</abbr>'


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2000, "ms", "2,000\xa0ms"),
        (0, "", "0"),
        (False, "", "No"),
        ((500, 429), "", "500, 429"),
        ("99.95", "%", "99.95\xa0%"),
    ],
)
def test_values_have_their_units(value: object, unit: str, text: str) -> None:
    assert shown.stated(value, unit) == text


@pytest.mark.parametrize("value", [None, "", ()])
def test_holes_are_named(value: object) -> None:
    assert "Not stated" in shown.stated(value)


HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize("language", ["json", "proto"])
@pytest.mark.parametrize("text", [HOSTILE, f'{{"{HOSTILE}": 1}}', f'"{HOSTILE}', f"// {HOSTILE}", "[" * 50_000])
def test_coloured_source_is_escaped(text: str, language: str) -> None:
    assert "<img" not in highlight.coloured(text, language)


def test_json_is_laid_out_and_coloured() -> None:
    assert highlight.coloured('{"a":[1,true,"b"]}', "json") == (
        '{\n  <span class="k">&quot;a&quot;</span>: [\n    <span class="n">1</span>,\n'
        '    <span class="w">true</span>,\n'
        '    <span class="s">&quot;b&quot;</span>\n  ]\n}'
    )


def marked(change: Change) -> str:
    return Marker().cells(change).whole


@pytest.mark.parametrize(
    ("before", "after"), [(None, HOSTILE), (HOSTILE, None), (HOSTILE, "a b c d e f"), ([HOSTILE], ["x"])]
)
def test_marked_changes_are_escaped(before: object, after: object) -> None:
    assert "<img" not in marked(Change("overview.purpose", "Purpose", "changed", before, after))


def test_prose_is_marked_word_by_word() -> None:
    change = Change(
        "overview.purpose", "Purpose", "changed", "Take the money once, always.", "Take the money twice, always."
    )
    assert marked(change) == '<div class="text">Take the money <del>once</del><ins>twice</ins>, always.</div>'


def test_numbers_are_marked_with_units() -> None:
    change = Change("x", "Read", "changed", 2000, 3000, "ms")
    assert (
        marked(change)
        == '<del>2,000\xa0ms</del> <span class="arrow">→</span> <ins>3,000\xa0ms</ins> <span class="ratio">+50 %</span>'
    )


def test_settings_are_read_in_the_order_of_the_document() -> None:
    body = {"contracts": {"api": {"timeouts": {"total_ms": 7500, "connect_ms": 500}, "protocol": "rest"}}}
    assert settings_table.groups(body) == [
        settings_table.Group("api", (settings_table.Value("Protocol", "protocol", "REST/HTTPS"),)),
        settings_table.Group(
            "api: timeouts",
            (
                settings_table.Value("Connect", "connect_ms", "500 ms"),
                settings_table.Value("Total", "total_ms", "7,500 ms"),
            ),
        ),
    ]
