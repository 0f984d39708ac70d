"""A record as YAML and JSON comes back as it was."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from registry.exporters.plain import json_text, yaml_text
from registry.importers import read
from registry.record import DesignRecord, documents
from registry.untrusted import parse_untrusted
from tests.strategies import records

DEMO = Path(__file__).parents[3] / "registry" / "demo" / "integrations"
SCHEMA = Draft202012Validator(documents.json_schema())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_any_record_comes_back_as_it_was(record: DesignRecord) -> None:
    document = documents.dump(record)
    assert json.loads(json_text(record)) == document
    assert parse_untrusted(yaml_text(record), "yaml") == document


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_any_record_is_valid_by_the_published_schema_and_written_again_is_the_same_text(record: DesignRecord) -> None:
    kept = documents.parse(documents.dump(record))
    for text in (json_text(kept), yaml_text(kept)):
        assert list(SCHEMA.iter_errors(yaml.safe_load(text))) == []
    assert json_text(documents.parse(json.loads(json_text(kept)))) == json_text(kept)
    assert yaml_text(documents.parse(yaml.safe_load(yaml_text(kept)))) == yaml_text(kept)


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_every_demo_record_comes_back_by_import(path: Path) -> None:
    document = documents.dump(documents.parse(yaml.safe_load(path.read_text())["document"]))
    for text in (json_text(documents.parse(document)), yaml_text(documents.parse(document))):
        assert list(SCHEMA.iter_errors(yaml.safe_load(text))) == []
        assert read(text).document == document


def test_what_yaml_1_1_and_1_2_read_differently_is_quoted() -> None:
    record = documents.parse({"overview": {"project": "1e5", "purpose": "no"}, "parties": [{"contact": "08"}]})
    text = "overview:\n  project: '1e5'\n  purpose: 'no'\nparties:\n- contact: '08'\n"
    assert yaml_text(record) == text
    assert read(text).document == documents.dump(record)


def test_longer_texts_are_blocks() -> None:
    record = documents.parse({"overview": {"purpose": "One\ntwo"}})
    assert yaml_text(record) == "overview:\n  purpose: |-\n    One\n    two\n"


def test_line_breaks_of_other_alphabets_are_not_folded() -> None:
    record = documents.parse({"overview": {"purpose": "\\\x85a\u2028 b"}})
    assert yaml_text(record) == 'overview:\n  purpose: "\\\\\\Na\\L b"\n'
    assert read(yaml_text(record)).document == documents.dump(record)
