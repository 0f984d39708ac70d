"""A record read from a document, written back, and hashed."""

import json

import pytest
from jsonschema import Draft202012Validator

from registry.record import SECTIONS, DesignRecord, documents
from registry.record.base import in_words, seconds, unit_of
from registry.record.documents import part_type
from registry.record.findings import InvalidRecord, Problem


def problems_of(document: object) -> list[Problem]:
    with pytest.raises(InvalidRecord) as caught:
        documents.parse(document)  # type: ignore[arg-type]
    return caught.value.problems


def test_an_empty_document_is_a_record_with_everything_unstated() -> None:
    assert documents.dump(documents.parse({})) == {}


def test_what_is_empty_is_as_what_is_left_out() -> None:
    stated = documents.parse({"overview": {"project": "", "type": None, "purpose": " \n"}, "parties": []})
    assert documents.content_hash(stated) == documents.content_hash(DesignRecord())


def test_canonical_bytes_are_sorted_dense_utf8() -> None:
    assert documents.canonical_bytes({"b": ["é", 1], "a": True}) == '{"a":true,"b":["é",1]}'.encode()


def test_canonical_bytes_refuse_floats() -> None:
    with pytest.raises(ValueError, match="no floats"):
        documents.canonical_bytes({"a": [1.5]})


def test_a_changed_section_changes_its_own_hash_and_the_whole() -> None:
    one = documents.parse({"overview": {"project": "A"}, "sla": {"rto": "PT1H"}})
    two = documents.parse({"overview": {"project": "B"}, "sla": {"rto": "PT1H"}})
    differing = {
        name for name in SECTIONS if documents.section_hashes(one)[name] != documents.section_hashes(two)[name]
    }
    assert differing == {"overview"}
    assert documents.content_hash(one) != documents.content_hash(two)


def test_numbers_in_yaml_become_decimal_text() -> None:
    record = documents.parse({"sla": {"availability_percent": 99.95, "error_rate_percent": 1}})
    assert documents.dump(record) == {"sla": {"availability_percent": "99.95", "error_rate_percent": "1"}}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            {"overview": {"tpye": "rest"}},
            Problem("overview.tpye", "is not a field of a design record", "Did you mean type?"),
        ),
        (
            {"overview": {"criticality": "urgent"}},
            Problem(
                "overview.criticality", "is not one of the choices", "Choose 'critical', 'high', 'medium' or 'low'."
            ),
        ),
        (
            {"sla": {"rto": "15m"}},
            Problem(
                "sla.rto",
                "is not an ISO 8601 duration",
                "Write PT15M for 15 minutes, PT4H for 4 hours, P7D for 7 days.",
            ),
        ),
        (
            {"sla": {"availability_percent": "101"}},
            Problem("sla.availability_percent", "cannot be more than 100", "Write a number from 0 to 100."),
        ),
        (
            {"contracts": [{"name": "api", "policy": {"retry": {"max_retries": 99}}}]},
            Problem("contracts[api].policy.retry.max_retries", "is more than 10", "Write 10 or less."),
        ),
        (
            {"contracts": [{"name": "api", "policy": {"retry": {"max_retries": "3"}}}]},
            Problem(
                "contracts[api].policy.retry.max_retries", "is not a whole number", "Write digits only, such as 3."
            ),
        ),
        (
            {"contracts": [{"operations": [{"summary": "a\0b"}]}]},
            Problem(
                "contracts[#1].operations[#1].summary",
                "holds a character that cannot be shown (U+0000)",
                "Remove that character.",
            ),
        ),
        (
            {"overview": {"purpose": "\ud800"}},
            Problem("overview.purpose", "is not valid Unicode text", "Type it again; half a character was pasted."),
        ),
        ({"contracts": {"name": "api"}}, Problem("contracts", "is not a list", "Write a list.")),
        ({"overview": "text"}, Problem("overview", "is not a group of fields", "Write named fields below it.")),
        (
            {"contracts": [{"idempotent": "yes"}]},
            Problem("contracts[#1].idempotent", "is neither yes nor no", "Write true or false."),
        ),
        (
            {"parties": [{}] * 201},
            Problem("parties", "has more than 200 items", "Split the integration in two."),
        ),
    ],
)
def test_a_value_that_cannot_be_kept_names_its_field_and_the_mend(document: object, problem: Problem) -> None:
    assert problems_of(document) == [problem]


def test_something_else_than_a_mapping_is_refused() -> None:
    assert problems_of(["overview"])[0].message == "is not a design record"


def test_a_document_of_many_megabytes_is_refused() -> None:
    example = "x" * 190_000
    document = {"events": [{"name": f"order.N{number}", "example": example} for number in range(12)]}
    assert "the limit is 2,000,000" in problems_of(document)[0].message


def test_lines_of_pasted_text_end_as_on_unix() -> None:
    assert documents.parse({"overview": {"purpose": "a\r\nb\rc"}}).overview.purpose == "a\nb\nc"


def test_the_published_schema_accepts_what_the_types_accept() -> None:
    validator = Draft202012Validator(documents.json_schema())
    document = {"overview": {"type": "synchronous"}, "contracts": [{"name": "api", "protocol": "rest"}]}
    assert list(validator.iter_errors(document)) == []
    assert [error.json_path for error in validator.iter_errors({"overview": {"type": "post"}})] == ["$.overview.type"]


def every_part() -> list[type]:
    found: list[type] = []
    waiting: list[type] = [DesignRecord]
    while waiting:
        part = waiting.pop()
        found.append(part)
        inner = (part_type(info.annotation) for info in part.model_fields.values())  # type: ignore[attr-defined]
        waiting += [each for each in inner if each and each not in found]
    return found


@pytest.mark.parametrize("part", every_part(), ids=lambda part: part.__name__)
def test_every_field_has_a_sentence_of_help_and_an_example(part: type) -> None:
    for name, info in part.model_fields.items():  # type: ignore[attr-defined]
        assert info.description and info.description.endswith("."), f"{part.__name__}.{name} has no help"
        if part_type(info.annotation) is None:
            assert info.examples, f"{part.__name__}.{name} has no example"


@pytest.mark.parametrize("part", every_part(), ids=lambda part: part.__name__)
def test_every_example_is_a_value_its_own_field_accepts(part: type) -> None:
    for name, info in part.model_fields.items():  # type: ignore[attr-defined]
        for example in info.examples or []:
            part.model_validate({name: example})  # type: ignore[attr-defined]


def test_units_come_from_names() -> None:
    fields = {"read_ms": "ms", "window_seconds": "s", "failure_percent": "%", "requests_per_minute": "per minute"}
    parts = {name: info for part in every_part() for name, info in part.model_fields.items()}  # type: ignore[attr-defined]
    assert {name: unit_of(name, parts[name]) for name in fields} == fields


@pytest.mark.parametrize(
    ("duration", "length", "words"),
    [
        ("PT0S", 0, "0 seconds"),
        ("PT15M", 900, "15 minutes"),
        ("PT90M", 5_400, "1 hour 30 minutes"),
        ("P1DT1S", 86_401, "1 day 1 second"),
        ("P2W", 1_209_600, "14 days"),
    ],
)
def test_durations_have_a_length_and_words(duration: str, length: int, words: str) -> None:
    assert (seconds(duration), in_words(duration)) == (length, words)


@pytest.mark.parametrize("wrong", ["", "P", "PT", "P1M", "PT1.5S", "1h", "P1DT", "-PT1S"])
def test_other_durations_are_refused(wrong: str) -> None:
    assert wrong == "" or problems_of({"sla": {"rto": wrong}})


def test_a_float_in_a_record_never_reaches_its_hash() -> None:
    record = documents.parse({"contracts": [{"policy": {"retry": {"multiplier": 1.5}}}]})
    assert json.loads(documents.canonical_bytes(documents.dump(record))) == {
        "contracts": [{"policy": {"retry": {"multiplier": "1.5"}}}]
    }
