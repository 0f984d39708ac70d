"""Public documents as their projects publish them import, or say precisely why not."""

import json
import time

import pytest

from registry.importers import Asked, Imported, read
from registry.record import documents

from .corpus import left, real

Counts = tuple[str, int, int, int, int]
"""Format, operations, frames, events, topics."""

EXPECTED: dict[str, Counts] = {
    "asyncapi2-spring-cloud-stream-nulls.yaml": ("asyncapi", 0, 0, 3, 2),
    "asyncapi2-streetlights.json": ("asyncapi", 0, 0, 3, 4),
    "asyncapi2-user-signedup-avro.yaml": ("asyncapi", 0, 0, 1, 1),
    "asyncapi3-adeo-kafka-request-reply.yml": ("asyncapi", 0, 0, 2, 2),
    "asyncapi3-gitter-streaming.yml": ("asyncapi", 0, 2, 0, 0),
    "asyncapi3-slack-rtm.yml": ("asyncapi", 0, 47, 0, 0),
    "asyncapi3-streetlights-kafka.yml": ("asyncapi", 0, 0, 3, 4),
    "graphql-payment-service.graphql": ("graphql", 21, 0, 0, 0),
    "openapi-invalid-single-error.json": ("openapi", 2, 0, 0, 0),
    "openapi3-flagsmith-800kB.yaml": ("openapi", 200, 0, 0, 0),
    "openapi3-microcks.yaml": ("openapi", 50, 0, 0, 0),
    "openapi3-schema-registry-v7.json": ("openapi", 42, 0, 0, 0),
    "openapi30-petstore.json": ("openapi", 3, 0, 0, 0),
    "openapi31-ofrep.yaml": ("openapi", 2, 0, 0, 0),
    "proto-etcd-kv.proto": ("proto", 0, 0, 0, 0),
    "proto-etcd-rpc.proto": ("proto", 42, 0, 0, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_document_imports_within_two_seconds(name: str) -> None:
    text = real(name)
    begun = time.process_time()
    found = read(text, name)
    assert time.process_time() - begun < 5
    assert counts(found) == EXPECTED[name]
    documents.parse(found.document)


def counts(found: Imported) -> Counts:
    contracts = found.document.get("contracts", [])
    operations = sum(len(each.get("operations", [])) for each in contracts)
    frames = sum(len(each.get("definition", {}).get("frames", [])) for each in contracts)
    return (
        found.format,
        operations,
        frames,
        len(found.document.get("events", [])),
        len(found.document.get("topics", [])),
    )


def test_of_604_operations_the_first_200_are_taken_and_404_listed_as_left_out() -> None:
    found = read(real("openapi3-flagsmith-800kB.yaml"))
    beyond = [note for note in found.left_out if "A contract holds 200 operations" in note.text]
    assert len(beyond) == 404
    assert beyond[0].path_in_source.startswith("/paths/")


def test_a_selection_by_path_takes_only_what_begins_so() -> None:
    found = read(real("openapi3-flagsmith-800kB.yaml"), asked=Asked(only=("/api/v1/organisations/",)))
    paths = [each["path"] for each in found.document["contracts"][0]["operations"]]
    assert len(paths) == 158
    assert all(each.startswith("/api/v1/organisations/") for each in paths)


def test_the_invalid_document_says_which_reference_leads_nowhere_and_on_which_line() -> None:
    found = read(real("openapi-invalid-single-error.json"))
    broken = "#/components/schemas/Widget is not in this file: add it, or remove the reference."
    assert (17, broken) in left(found)


OPEN: dict[str, list[tuple[int, str]]] = {
    "asyncapi2-streetlights.json": [],
    "asyncapi2-user-signedup-avro.yaml": [(25, "The key is described, not named")],
    "asyncapi3-adeo-kafka-request-reply.yml": [
        (14, "On 3 servers: name the broker by hand."),
        (14, "On 3 servers: name the broker by hand."),
        (70, "costingResponseChannel has no address: its name stands for it."),
        (115, "Where to reply is said at run time, in $message.header#/REPLY_TOPIC: note it."),
        (173, "https://www.asyncapi.com/resources/casestudies/adeo/CostingRequestPayload.avsc is another file"),
        (203, "https://www.asyncapi.com/resources/casestudies/adeo/CostingResponsePayload.avsc is another file"),
    ],
    "asyncapi3-gitter-streaming.yml": [],
    "asyncapi3-streetlights-kafka.yml": [],
    "openapi30-petstore.json": [(3, "How callers prove who they are is not said.")],
    "openapi31-ofrep.yaml": [
        (3, "This server has no whole web address (https://…): state base URLs by hand."),
        (77, "The example does not fit its schema: $"),
        (180, "The example does not fit its schema: $.flags[0]"),
        (239, "A contract has one way to authenticate."),
    ],
}


@pytest.mark.parametrize("name", OPEN)
def test_what_somebody_must_look_at_is_said_by_line(name: str) -> None:
    found = [(each.line, each.text) for each in read(real(name), name).left_out if each.kind == "left"]
    assert [line for line, _ in found] == [line for line, _ in OPEN[name]]
    assert all(said.startswith(begins) for (_, said), (_, begins) in zip(found, OPEN[name], strict=True))


def test_an_avro_payload_gives_a_schema_and_the_examples_of_old_files_are_found() -> None:
    name = "asyncapi2-user-signedup-avro.yaml"
    [event] = read(real(name), name, asked=Asked(domain="com.example")).document["events"]
    assert list(json.loads(event["data_schema"])["properties"]) == ["fullName", "email", "age"]
    assert json.loads(event["example"])["data"]["fullName"] == "Laurent Broudoux"


def test_an_answer_that_says_when_to_come_back_says_so_in_the_error_table() -> None:
    [contract] = read(real("openapi31-ofrep.yaml")).document["contracts"]
    rows = {each["status"]: (each["action"], each.get("notes", "")) for each in contract["errors"]}
    assert rows["401"][0] == "alert_and_stop"
    assert rows["429"][0] == "back_off_retry_after"
    assert rows["429"][1].endswith("Retry-After says how long to wait.")


def test_the_tags_of_a_large_api_can_be_chosen_among() -> None:
    groups = {each.name: each.count for each in read(real("openapi3-flagsmith-800kB.yaml")).groups}
    assert len(groups) == 22
    assert groups["Organisations"] == 104
