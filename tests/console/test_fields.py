"""Whatever a record holds survives its form, and whatever is typed is kept, even where it cannot be used."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from console import fields
from registry.record import SECTIONS, DesignRecord, documents
from registry.record.findings import Finding, InvalidRecord, Severity
from tests.strategies import records

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)


def value(spec: fields.Spec, annotation: Any) -> st.SearchStrategy[Any]:
    """Plain data that the field `spec` accepts."""
    if spec.kind == "group":
        return part(spec)
    if spec.kind == "items":
        return st.lists(part(spec).filter(bool), max_size=3)
    if spec.kind in ("words", "lines"):
        examples = st.sampled_from(spec.example.replace(", ", "\n").split("\n") if spec.example else ["a"])
        numbers = spec.items_kind == "whole"
        return st.lists(examples.map(int) if numbers else examples if spec.kind == "words" else WORDS, max_size=3)
    return scalar(spec, is_free=_accepts(annotation, "Ä!"))


def scalar(spec: fields.Spec, *, is_free: bool) -> st.SearchStrategy[Any]:
    """Values for one control: those of its kind, or its example."""
    if spec.kind == "choice":
        return st.sampled_from([each for each, _ in spec.choices])
    if spec.kind == "yesno":
        return st.booleans()
    if spec.kind == "whole":
        return st.integers(spec.lowest or 0, spec.highest if spec.highest is not None else 10**9)
    if spec.kind in ("prose", "code"):
        return st.lists(WORDS, min_size=1, max_size=4).map("\n".join)
    return st.just(spec.example) | WORDS if is_free else st.just(spec.example)


def _accepts(annotation: Any, each: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(each)
    except ValidationError:
        return False
    return True


def part(spec: fields.Spec) -> st.SearchStrategy[dict[str, Any]]:
    annotations = {name: info.annotation for name, info in spec.inner.model_fields.items()}
    each = {inner.name: value(inner, annotations[inner.name]) for inner in fields.specs(spec.inner)}
    return st.fixed_dictionaries({}, optional=each)


def sections(section: str) -> st.SearchStrategy[Any]:
    """A section's part, or tuple of parts."""
    spec = fields.section_spec(section)
    plain = value(spec, None)
    return plain.map(lambda data: documents.parse_section(section, fields.without_blank_items(data)))


def posted(form: fields.Field) -> dict[str, str]:
    """What a browser sends of a form left as it is."""
    return {each.name: each.text for each in fields.walk(form) if isinstance(each, fields.Control)}


@pytest.mark.parametrize("section", SECTIONS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_section_survives_its_form_unchanged(section: str, data: st.DataObject) -> None:
    part = data.draw(sections(section))
    text = fields.as_text(section, part)
    form = fields.form(section, text, fields.read(section, text))
    again = fields.read(section, fields.posted_text(section, posted(form)))
    assert again == fields.Reading(part)


JUNK = st.text(max_size=30) | st.sampled_from(["\x00", "9" * 5_000, "-1", "1,5", "yes", "null", "[]", "💥", "\ud800"])


@pytest.mark.parametrize("section", SECTIONS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_whatever_is_typed_stands_in_its_control_again(section: str, data: st.DataObject) -> None:
    whole = fields.as_text(section, data.draw(sections(section)))
    names = sorted(posted(fields.form(section, whole, fields.read(section, whole))))
    typed = {name: data.draw(JUNK) for name in names}
    text = fields.posted_text(section, typed)
    assert posted(fields.form(section, text, fields.read(section, text))) == typed


@given(
    st.dictionaries(
        st.text(st.sampled_from("contras.0129~open-²"), max_size=30) | st.just("contracts.99999999999999.name"),
        st.text(max_size=5),
    )
)
def test_names_that_belong_to_no_field_are_left_aside(post: dict[str, str]) -> None:
    for section in ("contracts", "overview"):
        text = fields.posted_text(section, post)
        fields.form(section, text, fields.read(section, text))


@pytest.mark.parametrize(
    ("name", "typed", "message", "mend"),
    [
        ("max_retries", "three", "is not a whole number", "Write digits only, such as 3."),
        ("max_retries", "11", "is more than 10", "Write 10 or less."),
        ("retry_on_statuses", "500, abc", "“abc” is not a whole number", "Write digits only, such as 3."),
        ("retry_on_statuses", "500 9", "“9” is less than 100", "Write 100 or more."),
        ("retry_on_network_errors", "perhaps", "is neither yes nor no", "Write true or false."),
        ("multiplier", "double", "is not a number", "Write digits, such as 2 or 1.5."),
        ("jitter", "some", "is not one of the choices", "Choose 'full', 'equal' or 'none'."),
        ("base_delay_ms", "\x00", "is not a whole number", "Write digits only, such as 3."),
    ],
)
def test_a_value_that_cannot_be_kept_is_named_beside_its_control(
    name: str, typed: str, message: str, mend: str
) -> None:
    text = fields.posted_text("contracts", {"contracts.0.name": "api", f"contracts.0.policy.retry.{name}": typed})
    reading = fields.read("contracts", text)
    form = fields.form("contracts", text, reading)
    at_fault = [each for each in fields.walk(form) if each.problem]
    assert [(each.name, each.problem.message, each.problem.mend) for each in at_fault if each.problem] == [
        (f"contracts.0.policy.retry.{name}", message, mend)
    ]
    assert documents.dump(reading.value) == [{"name": "api"}]


def test_a_finding_stands_beside_its_field_or_the_nearest_part_it_lies_in() -> None:
    document = {"contracts": [{}, {"name": "api", "operations": [{"responses": [{"status": 201}]}]}]}
    section = documents.parse(document).contracts
    paths = [
        "contracts",
        "contracts[#1]",
        "contracts[api].operations[#1].responses[201].body_schema",
        "contracts[api].policy.x[3]",
    ]
    findings = [Finding("t", Severity.HINT, path, "", "") for path in paths]
    text = fields.as_text("contracts", section)
    form = fields.form("contracts", text, fields.read("contracts", text), findings)
    assert {each.name: [f.path for f in each.findings] for each in fields.walk(form) if each.findings} == {
        "contracts": [paths[0]],
        "contracts.0": [paths[1]],
        "contracts.1.operations.0.responses.0.body_schema": [paths[2]],
        "contracts.1.policy": [paths[3]],
    }


def test_a_value_that_cannot_be_kept_is_not_called_missing_too() -> None:
    text = fields.posted_text("sla", {"sla.rto": "soon"})
    form = fields.form(
        "sla", text, fields.read("sla", text), [Finding("rto-missing", Severity.ERROR, "sla.rto", "", "")]
    )
    assert [(each.name, each.findings) for each in fields.walk(form) if each.problem] == [("sla.rto", ())]


def test_grouped_digits_are_a_number() -> None:
    text = fields.posted_text("sla", {"sla.latency_p99_ms": "1,200"})
    assert fields.read("sla", text).value.latency_p99_ms == 1_200


def names_of(text: fields.Text) -> list[str]:
    assert isinstance(text, list)
    return [str(each["system"]) for each in text if isinstance(each, dict)]


@pytest.mark.parametrize(
    ("command", "names", "focus"),
    [
        ("add:parties", ["a", "b", "c", ""], "parties.3.role"),
        ("duplicate:parties.0", ["a", "", "b", "c"], "parties.1.system"),
        ("up:parties.1", ["b", "a", "c"], "parties.0:down"),
        ("up:parties.2", ["a", "c", "b"], "parties.1:up"),
        ("down:parties.0", ["b", "a", "c"], "parties.1:down"),
        ("delete:parties.1", ["a", "c"], "parties.add"),
    ],
)
def test_items_are_added_copied_moved_and_deleted(command: str, names: list[str], focus: str) -> None:
    text = fields.as_text("parties", documents.parse({"parties": [{"system": each} for each in "abc"]}).parties)
    acted = fields.act("parties", text, command)
    assert acted is not None
    assert (names_of(text), acted.focus) == (names, focus)


def test_a_deleted_item_comes_back_in_its_place() -> None:
    text = fields.as_text("parties", documents.parse({"parties": [{"system": each} for each in "abc"]}).parties)
    gone = fields.act("parties", text, "delete:parties.1")
    assert gone is not None
    fields.act("parties", text, f"restore:{gone.list_name}", item=gone.item, index=gone.index)
    assert names_of(text) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "add:",
        "add:overview",
        "add:parties.0",
        "up:parties.9",
        "up:parties.²",
        "delete:parties",
        "x:parties.0",
        "up:.",
        "add:parties.0.role",
    ],
)
def test_an_act_on_nothing_changes_nothing(command: str) -> None:
    text = fields.as_text("parties", documents.parse({"parties": [{"system": "a"}]}).parties)
    assert fields.act("parties", text, command) is None
    assert names_of(text) == ["a"]


def test_a_copy_shares_nothing_with_its_original() -> None:
    text = fields.as_text(
        "contracts", documents.parse({"contracts": [{"name": "a", "errors": [{"status": "429"}]}]}).contracts
    )
    fields.act("contracts", text, "duplicate:contracts.0")
    fields.act("contracts", text, "delete:contracts.1.errors.0")
    kept = documents.dump(fields.read("contracts", text).value)
    assert kept == [{"name": "a", "errors": [{"status": "429"}]}, {}]


def test_thousands_of_mistyped_values_are_read_at_once() -> None:
    post = {f"contracts.{i}.errors.{k}.action": "nope" for i in range(10) for k in range(150)}
    started = time.process_time()
    reading = fields.read("contracts", fields.posted_text("contracts", post))
    assert len(reading.problems) == 1_500
    # Read a hundred problems at a time, these take ten times as long.
    with pytest.raises(InvalidRecord) as refused:
        documents.parse_section("contracts", [{"errors": [{"action": "nope"}] * 150}] * 10, most_problems=1_500)
    assert len(refused.value.problems) == 1_500
    assert time.process_time() - started < 5


# --- what others saved, brought in ------------------------------------------------------------------------------------


def topics(*rows: dict[str, Any]) -> Any:
    return documents.parse({"topics": list(rows)}).topics


def test_what_others_saved_is_brought_in_beside_what_is_typed() -> None:
    mine = topics({"name": "a", "broker": "one"}, {"name": "b"})
    text: Any = fields.as_text("topics", mine)
    text[0]["broker"] = " one  "
    text.append({**text[1], "name": ""})
    merged = topics({"name": "a", "broker": "one", "key": "k"}, {"name": "b"})
    brought = fields.bring("topics", text, mine, merged)
    assert (brought.names, brought.lists, brought.now("topics.0.key")) == (("topics.0.key",), (), "topics.0.key")
    assert [(each["name"], each["broker"], each["key"]) for each in brought.text] == [  # type: ignore[index, call-overload]
        ("a", " one  ", "k"),
        ("b", "", ""),
        ("", "", ""),
    ]


def test_rows_that_others_added_moved_or_deleted_leave_the_focus_in_its_row() -> None:
    mine = topics({"name": "a"}, {"name": "b"}, {"name": "c"})
    merged = topics({"name": "new", "key": "k"}, {"name": "c"}, {"name": "a"})
    brought = fields.bring("topics", fields.as_text("topics", mine), mine, merged)
    assert brought.lists == ("topics",)
    assert brought.names == ("topics.0.name", "topics.0.key")
    assert [brought.now(f"topics.{row}.key") for row in range(3)] == ["topics.2.key", "", "topics.1.key"]


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records(), st.sampled_from(SECTIONS))
def test_a_form_into_which_everything_was_brought_says_what_was_merged(
    mine: DesignRecord, merged: DesignRecord, section: str
) -> None:
    has, becomes = (value_without_blanks(each, section) for each in (mine, merged))
    brought = fields.bring(section, fields.as_text(section, has), has, becomes)
    assert brought.text == fields.as_text(section, becomes)


def value_without_blanks(record: DesignRecord, section: str) -> Any:
    document = fields.without_blank_items({section: documents.dump(getattr(record, section))})
    return getattr(documents.parse(document), section)
