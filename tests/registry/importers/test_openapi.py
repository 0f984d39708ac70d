"""OpenAPI 3 → one REST contract."""

import json
from typing import Any

import pytest

from registry.importers import Asked, read
from registry.record.findings import InvalidRecord

from .corpus import imported, left, own


def contract() -> dict[str, Any]:
    [found] = imported("orders.openapi.yaml").document["contracts"]
    return dict(found)


def test_addresses_and_authentication_are_those_of_the_file() -> None:
    found = contract()
    assert found["base_urls"] == [
        {"environment": "production", "url": "https://orders.example.com/v1"},
        {"environment": "staging", "url": "https://orders.staging.example.com/v1"},
        {"environment": "local", "url": "http://localhost:8080/v1"},
    ]
    assert found["authentication"] == {
        "type": "oauth2_client_credentials",
        "header": "Authorization: Bearer <access token>",
        "scopes": ["orders.write"],
        "token_endpoint": "https://auth.example.com/token",
    }


def test_each_failure_gets_the_usual_action_for_its_status() -> None:
    assert contract()["errors"] == [
        {"status": "409", "action": "skip_as_duplicate", "notes": "Placed before"},
        {"status": "4xx", "action": "fix_request", "notes": "Wrong"},
        {"status": "503", "action": "fail_fast", "notes": "Overloaded"},
        {"status": "5xx", "action": "retry_with_backoff"},
    ]


def test_operations_have_names_headers_bodies_and_answers() -> None:
    place, read_all, _ = contract()["operations"]
    assert (place["name"], place["method"], place["path"]) == ("place-order", "POST", "/orders")
    assert place["headers"] == [{"name": "X-Request-ID", "value": "a UUID", "required": True}]
    assert json.loads(place["request_example"]) == {"id": "o-1"}
    assert [each["status"] for each in place["responses"]] == [201]
    assert read_all["name"] == "get-orders"
    assert json.loads(read_all["responses"][0]["body_schema"])["items"]["properties"]["id"]["type"] == "string"


def test_schemas_become_json_schema_2020_12() -> None:
    properties = json.loads(contract()["operations"][0]["request_schema"])["properties"]
    assert properties["note"] == {"type": ["string", "null"]}
    assert properties["amount"] == {"type": "integer", "exclusiveMinimum": 0}
    assert properties["id"] == {"type": "string", "examples": ["o-1"]}


def test_a_schema_that_holds_itself_keeps_a_reference_to_its_definitions() -> None:
    schema = json.loads(contract()["operations"][2]["responses"][0]["body_schema"])
    assert schema["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    assert schema["$defs"]["Part"]["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}


def test_what_has_no_place_is_listed_with_its_line() -> None:
    assert left(imported("orders.openapi.yaml"))[:6] == [
        (4, "The version of an API has no place in a design record."),
        (11, "This server has no whole web address (https://…): state base URLs by hand."),
        (25, "#/components/schemas/Nowhere is not in this file: add it, or remove the reference."),
        (25, "other.yaml#/More is another file: nothing is fetched; paste it into this one."),
        (27, "application/xml: a body is described once, as application/json."),
        (37, "No place for parameters: query page."),
    ]


def test_a_selection_takes_a_tag_or_the_beginning_of_a_path() -> None:
    def names(*only: str) -> list[str]:
        [found] = read(own("orders.openapi.yaml"), asked=Asked(only=only)).document["contracts"]
        return [each["name"] for each in found.get("operations", [])]

    assert names("reading") == ["get-orders"]
    assert names("/orders/{id}") == ["get-orders-id-parts"]
    assert names("nothing") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('swagger: "2.0"\npaths: {}', "line 1, column 1: is Swagger 2.0, the format before OpenAPI 3"),
        ("info: {}\nopenapi: 4.0.0", "line 2, column 1: names no OpenAPI version 3"),
        ("openapi: 3.1.0\npaths: [a]", "line 2, column 1: paths is not a group of fields"),
        ('{"openapi": "3.1.0",\n "paths": }', "line 2, column 11: expecting value"),
        ("openapi: 3.1.0\npaths: *x", "line 2, column 8: an alias (*) is not allowed"),
    ],
)
def test_a_broken_file_is_refused_with_line_and_column(text: str, problem: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        read(text)
    [found] = caught.value.problems
    assert found.message == problem
    assert found.mend


RICH = """
openapi: 3.1.0
info: {title: Payments API v2}
security: []
paths:
  /payments:
    post:
      tags: [pay]
      parameters:
        - {name: Idempotency-Key, in: header, required: true, schema: {type: string}}
        - {name: traceparent, in: header, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {type: object, required: [id]}, example: {}}}}
      responses:
        "401": {description: Who are you}
        "409":
          description: Paid before
          content: {application/json: {example: {code: ALREADY_PAID}}}
        "422":
          description: No
          content: {application/json: {schema: {properties: {code: {enum: [NO_MONEY, NO_CARD]}}}}}
        "503":
          description: Overloaded.
          headers: {Retry-After: {schema: {type: integer}}}
        default: {description: Anything}
  /payments/{id}:
    get: {tags: [read], deprecated: true, responses: {"200": {description: One}}}
"""


def test_idempotency_tracing_error_codes_and_patience_are_understood() -> None:
    found = read(RICH)
    [api] = found.document["contracts"]
    assert (api["name"], api["idempotent"], api["idempotency_header"]) == ("payments-api", True, "Idempotency-Key")
    assert api["authentication"] == {"type": "none"}
    assert found.document["monitoring"]["tracing"]["headers"] == ["traceparent"]
    assert api["errors"] == [
        {"status": "401", "action": "alert_and_stop", "notes": "Who are you"},
        {"status": "409", "code": "ALREADY_PAID", "action": "skip_as_duplicate", "notes": "Paid before"},
        {"status": "422", "action": "escalate", "notes": "No"},
        {"status": "503", "action": "back_off_retry_after", "notes": "Overloaded. Retry-After says how long to wait."},
        {"status": "4xx", "action": "fix_request"},
        {"status": "5xx", "action": "retry_with_backoff"},
    ]


def test_an_example_that_does_not_fit_and_what_is_deprecated_are_said() -> None:
    assert left(read(RICH)) == [
        (12, "The example does not fit its schema: $: 'id' is a required property."),
        (26, "get-payments-id is marked as deprecated: better use another."),
    ]


def test_what_can_be_chosen_is_told_with_how_many_operations_it_has() -> None:
    assert [(each.name, each.count) for each in read(RICH).groups] == [("pay", 1), ("read", 1)]
    untagged = "openapi: 3.1.0\npaths:\n" + "".join(
        f"  /v1/{each}/{{id}}: {{get: {{}}, put: {{}}}}\n" for each in ("a", "b", "c", "d")
    )
    assert [(each.name, each.count) for each in read(untagged).groups] == [
        ("/v1/a", 2),
        ("/v1/b", 2),
        ("/v1/c", 2),
        ("/v1/d", 2),
    ]
    assert read("openapi: 3.1.0\npaths: {/a: {get: {}}}").groups == ()


def test_an_api_that_only_reads_may_be_asked_twice() -> None:
    found = read("openapi: 3.1.0\npaths: {/a: {get: {responses: {}}}}")
    assert found.document["contracts"][0]["idempotent"] is True
