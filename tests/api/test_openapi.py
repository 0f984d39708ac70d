"""The API's description: valid, complete, and with the design record in it as what it is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from api.openapi import description
from registry.record import SECTIONS, documents
from tests.landscape import document

PUBLIC = ("/api/v1/keys",)
PAGES = ("/api/docs/", "/api/redoc/")


def test_the_description_is_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--file", str(tmp_path / "api.yaml"), "--fail-on-warn", "--validate")


def test_the_description_is_valid_openapi(client: Client) -> None:
    answer = client.get("/api/schema/")
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    made = json.loads(answer.content)
    assert made["openapi"] == "3.1.0"
    validate(made)
    assert client.get("/api/schema/", headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(description())
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(description()["components"]["schemas"])


def test_the_design_record_is_described_field_by_field() -> None:
    schemas = description()["components"]["schemas"]
    assert tuple(schemas["DesignRecord"]["properties"]) == SECTIONS
    field = schemas["Timeouts"]["properties"]["read_ms"]
    assert field == {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 86_400_000}, {"type": "null"}],
        "description": "Time to receive the first byte. (ms)",
        "examples": [2_000],
        "title": "Read Ms",
        "unit": "ms",
    }
    assert schemas["NewIntegration"]["properties"]["document"]["$ref"] == "#/components/schemas/DesignRecord"


def test_every_field_of_every_component_has_its_sentence() -> None:
    schemas: dict[str, Any] = description()["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, about in schema.get("properties", {}).items()
        if not about.get("description") and "$ref" not in about
    ]
    assert silent == []


def test_every_operation_says_what_it_does_and_how_it_is_refused() -> None:
    for path, operations in description()["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            if path.startswith("/api/v1") and path not in PUBLIC:
                assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_the_records_json_schema_accepts_a_record_and_names_what_is_wrong(client: Client) -> None:
    answer = client.get("/api/schemas/design-record.json")
    schema = json.loads(answer.content)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(documents.dump(documents.parse(document())))) == []
    assert not validator.is_valid({"sla": {"rpo": 5}})
    assert not validator.is_valid({"slo": {}})
    assert client.get("/api/schemas/design-record.json", headers={"If-None-Match": answer["ETag"]}).status_code == 304


@pytest.mark.parametrize("page", PAGES)
def test_a_docs_page_loads_only_what_we_serve(client: Client, page: str) -> None:
    answer = client.get(page)
    text = answer.content.decode()
    addresses = re.findall(r'(?:src|href|data-schema|spec-url)="([^"]+)"', text)
    assert all(each.startswith(("/static/", "/api/")) for each in addresses)
    assert all(finders.find(each.removeprefix("/static/")) for each in addresses if each.startswith("/static/"))
    assert "'unsafe-inline'" not in re.findall(r"script-src[^;]*", answer["Content-Security-Policy"])[0]
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text)
