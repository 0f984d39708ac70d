"""Text from outside is read within bounds, or refused with its line and column."""

import contextlib
import json
import time
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.record.findings import InvalidRecord, Problem
from registry.untrusted import parse_long_yaml, parse_untrusted

Format = Literal["json", "yaml"]


def refusal(text: str | bytes, kind: Format = "json") -> Problem:
    with pytest.raises(InvalidRecord) as caught:
        parse_untrusted(text, kind)
    [problem] = caught.value.problems
    return problem


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
@settings(deadline=None)
def test_json_that_is_sound_is_read_as_it_is(value: Any) -> None:
    assert parse_untrusted(json.dumps(value)) == value
    assert parse_untrusted(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.text(max_size=60) | st.text("{}[]\"\\:,-.eE0123456789untrfalsINy &*!?|>%#\n'", max_size=60))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    kinds: tuple[Format, ...] = ("json", "yaml")
    for kind in kinds:
        with contextlib.suppress(InvalidRecord):
            parse_untrusted(text, kind)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(InvalidRecord):
        parse_untrusted(text)


def test_yaml_is_read_as_plain_data() -> None:
    text = """
overview:
  project: no
  since: 2024-01-01
  "on": yes
contracts:
- {name: a, idempotent: true, retries: 3, share: 1.5, code: 0x10, nothing: ~}
- |
  two
  lines
1: one
"""
    assert parse_untrusted(text, "yaml") == {
        "overview": {"project": "no", "since": "2024-01-01", "on": "yes"},
        "contracts": [
            {"name": "a", "idempotent": True, "retries": 3, "share": 1.5, "code": "0x10", "nothing": None},
            "two\nlines\n",
        ],
        "1": "one",
    }


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_float_keeps_its_seventeen_digits(kind: Format) -> None:
    assert parse_untrusted("[0.30000000000000004, -1.5, 2.5e-10]", kind) == [0.30000000000000004, -1.5, 2.5e-10]


@pytest.mark.parametrize(
    ("text", "message", "mend"),
    [
        ('{"a": 1,\n "b": 2,\n "a": 3}', "line 3, column 2: “a” is written twice", "Keep one of the two."),
        ('[{"a": 1}, {"\\u0061": 1, "a": 2}]', "line 1, column 26: “a” is written twice", "Keep one of the two."),
        ("[" * 5_000, "line 1, column 61: is nested more than 60 deep", "Flatten it."),
        (
            "[1" + "0" * 400 + "]",
            "line 1, column 2: a number is too large or too exact to be kept",
            "Put it in quotes.",
        ),
        ("[1e999]", "line 1, column 2: a number is too large or too exact to be kept", "Put it in quotes."),
        ("[1, NaN]", "line 1, column 5: NaN is not JSON", "Write a number or null."),
        ("[-Infinity]", "line 1, column 2: -Infinity is not JSON", "Write a number or null."),
        ('["a\\u0000"]', "line 1, column 4: \\u0000 is no character that can be shown", "Remove it."),
        ('["\\\\u0000 \\ud800"]', "line 1, column 11: \\ud800 is no character that can be shown", "Remove it."),
        ("[\x00]", "line 1, column 2: holds a character that cannot be shown (U+0000)", "Remove it."),
        ('["\ud800"]', "line 1, column 3: holds a character that cannot be shown (U+D800)", "Remove it."),
        (b'["a\n\xff"]', "line 2, column 1: is not UTF-8 text", "Save the file as UTF-8."),
        (
            '{"a": 1,\n}',
            "line 2, column 1: expecting property name enclosed in double quotes",
            "Write the name in double quotes, without a comma before }.",
        ),
        ("[] []", "line 1, column 4: extra data", "Remove what follows the end."),
    ],
)
def test_json_is_refused_with_its_place(text: str | bytes, message: str, mend: str) -> None:
    assert refusal(text) == Problem("", message, mend)


def test_a_pair_of_surrogate_escapes_is_one_character() -> None:
    assert parse_untrusted('["\\ud83d\\ude00 \\\\ud800"]') == ["\U0001f600 \\ud800"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", "line 1, column 4: an anchor (&) is not allowed"),
        ("a: *x", "line 1, column 4: an alias (*) is not allowed"),
        (
            "a: !!python/object/apply:os.system [id]",
            "line 1, column 4: the tag “tag:yaml.org,2002:python/object/apply:os…” is not allowed",
        ),
        ("a: !!timestamp 2024-01-01", "line 1, column 4: the tag “tag:yaml.org,2002:timestamp” is not allowed"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: “a” is written twice"),
        ("? [a, b]\n: 1", "line 1, column 3: a name must be plain text"),
        ("a: .inf", "line 1, column 4: .inf is not a number that can be kept"),
        ("a: 1" + "0" * 400, "line 1, column 4: a number is too large or too exact to be kept"),
        ("a: 1e999", "line 1, column 4: a number is too large or too exact to be kept"),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins"),
        ("a: [1", "line 1, column 6: expected ',' or ']', but got '<stream end>'"),
        ("a: \x07", "line 1, column 4: holds a character that cannot be shown (U+0007)"),
        ('a: "\\0"', "line 1, column 4: holds a character that cannot be shown (U+0000)"),
        ('a: "\\ud800"', "line 1, column 4: holds a character that cannot be shown (U+D800)"),
        ('a: "\\UFFFFFFFF"', "line 1, column 1: holds an escape or a number that cannot be read"),
        ("%YAML 1." + "9" * 5_000 + "\n---\na", "line 1, column 1: holds an escape or a number that cannot be read"),
        ("[" * 5_000, "line 1, column 61: is nested more than 60 deep"),
        ("- " * 5_000, "line 1, column 121: is nested more than 60 deep"),
    ],
)
def test_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    assert refusal(text, "yaml").message == message


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_a_body_beyond_the_limit_is_refused_by_its_size_alone(kind: Format) -> None:
    limit = "2,000,000" if kind == "json" else "500,000"
    assert refusal(b"[" * 20_000_000, kind).message == f"is 20,000,000 bytes long; the limit is {limit}"


HOSTILE_JSON = {
    "flat brackets": "[" + "[]," * 660_000 + "[]]",
    "fewer brackets": "[" + "[]      ," * 210_000 + "[]]",
    "an open quote and escapes": '"' + '\\"' * 999_000,
    "quotes": '"' * 1_999_999,
    "repeated names": '{"a":1'
    + ',"b":[' * 50
    + "]" * 50
    + ","
    + ",".join(f'"k{n}":1' for n in range(150_000))
    + ',"k1":2}',
    "digits and signs": "[" + "1e+-" * 490_000 + "]",
    "exponents": "[" + "e" * 1_999_000 + "]",
    "escapes": '"' + "\\u0041" * 330_000 + '"',
    "spaces": " " * 1_999_999,
}
HOSTILE_YAML = {
    "items": "- a\n" * 120_000,
    "words": "a: " + "x y " * 120_000,
    "comments": "#\n" * 240_000,
    "blank lines": "a: '\n" + "\n" * 490_000,
    "spaces": "a:" + " " * 490_000,
    "flow": "[" + "a," * 240_000 + "]",
    "colons": "a: " * 160_000,
    "question marks": "? " * 240_000,
    "quotes": "'" * 499_999,
    "escapes": 'a: "' + "\\x41" * 120_000,
    "block": "a: |\n" + " x\n" * 160_000,
    "tabs": "a:\n" + "\t" * 490_000,
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_is_done_with_in_a_second(name: str) -> None:
    # A second; on a busy machine a processor's seconds are longer.
    assert seconds_for(HOSTILE_JSON[name], "json") < 3


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_yaml_is_done_with_in_a_second(name: str) -> None:
    assert seconds_for(HOSTILE_YAML[name], "yaml") < 3


def seconds_for(text: str, kind: Format) -> float:
    begun = time.process_time()
    with contextlib.suppress(InvalidRecord):
        parse_untrusted(text, kind)
    return time.process_time() - begun


def test_long_yaml_is_read_to_the_same_data() -> None:
    text = "a: {b: [1, 1.5, no, '2', ~]}\nc: |\n  x\n  y\n\"d\": 2024-01-01\n"
    assert parse_long_yaml(text) == parse_untrusted(text, "yaml")
    assert parse_long_yaml("a: 18446744073709551615") == {"a": 2**64 - 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x", "line 1, column 4: an anchor (&) is not allowed"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: “a” is written twice"),
        ("[" * 5_000, "line 1, column 61: is nested more than 60 deep"),
        ("a: 1" + "0" * 400, "line 1, column 4: a number is too large or too exact to be kept"),
        ("- a\n" * 150_001, "line 150000, column 3: holds more than 150,000 values"),
    ],
)
def test_long_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        parse_long_yaml(text)
    assert [each.message for each in caught.value.problems] == [message]


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_long_yaml_is_done_with_in_a_second(name: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(InvalidRecord):
        parse_long_yaml(HOSTILE_YAML[name] * 4)
    assert time.process_time() - begun < 3


@given(st.text(max_size=60) | st.text("{}[]\"\\:,-.eE0123456789untrfalsINy &*!?|>%#\n'", max_size=60))
def test_any_text_is_long_yaml_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRecord):
        parse_long_yaml(text)
