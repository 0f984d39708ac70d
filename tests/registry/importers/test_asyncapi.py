"""AsyncAPI 2 and 3 → topics, events, frames and contracts."""

import json

from registry.importers import Asked, Sides, read

from .corpus import imported, left, own


def test_kafka_settings_become_those_of_the_topic() -> None:
    events, payments, commands = imported("orders.asyncapi2.json").document["topics"]
    assert events == {
        "name": "orders.events",
        "kind": "topic",
        "broker": "kafka-main",
        "partitions": 12,
        "replication_factor": 3,
        "retention": "P7D",
        "key": "tenantId",
        "producer": "order-events",
    }
    assert payments["consumer_groups"] == ["order-workers"]
    assert (commands["name"], commands["kind"]) == ("orders.q", "queue")


def test_a_cloudevents_payload_is_told_apart_into_attributes_and_data() -> None:
    placed = imported("orders.asyncapi2.json").document["events"][0]
    assert json.loads(placed.pop("data_schema")) == {"type": "object", "properties": {"id": {"type": "string"}}}
    assert json.loads(placed.pop("example"))["specversion"] == "1.0"
    assert placed == {
        "name": "order.PLACED",
        "type": "com.example.order.placed.v1",
        "source": "https://orders.example.com/orders",
        "published_by": "order-events",
    }


def test_an_avro_payload_is_shown_as_json_schema_and_one_of_another_kind_left_out() -> None:
    found = imported("orders.asyncapi2.json")
    old = found.document["events"][1]
    assert (old["name"], json.loads(old["data_schema"])) == ("order.OLD", {"type": "object", "properties": {}})
    assert "Written in Avro: shown as the JSON Schema of the same fields." in [each.text for each in found.understood]


def test_an_amqp_binding_becomes_a_contract() -> None:
    assert imported("orders.asyncapi2.json").document["contracts"] == [
        {
            "name": "orders.commands",
            "protocol": "amqp",
            "consumer": "order-events",
            "definition": {"exchange": "orders", "exchange_type": "topic", "routing_key": "orders.commands"},
        }
    ]


def test_a_websocket_becomes_a_contract_of_frames() -> None:
    [found] = imported("positions.asyncapi3.yaml").document["contracts"]
    update, watch = found["definition"]["frames"]
    assert (update["name"], update["sent_by"], json.loads(update["example"])) == ("update", "provider", {"van": "v-1"})
    assert (watch["name"], watch["sent_by"]) == ("watch", "consumer")
    assert found["base_urls"] == [{"environment": "staging", "url": "https://positions.staging.example.com"}]
    assert found["authentication"]["type"] == "bearer_jwt"


def test_an_operation_without_its_channel_is_listed() -> None:
    missing = "#/channels/nowhere is not in this file: add it, or remove the reference."
    assert (17, missing) in left(imported("positions.asyncapi3.yaml"))


def test_a_realistic_file_gives_a_record_that_lacks_little() -> None:
    found = imported("van-positions.asyncapi3.yaml")
    moved, arrived, changed = found.document["events"]
    assert moved["type"] == "example.groenmarkt.van-tracker-events.van.moved"
    assert moved["source"] == "urn:example:groenmarkt:van-tracker"
    assert json.loads(moved["example"])["data"]["vanId"] == "van-17"
    assert json.loads(arrived["example"])["data"]["vanId"] == "van-17", "made from the schema's own example"
    assert json.loads(changed["data_schema"])["properties"]["reason"] == {"type": ["string", "null"]}
    assert "source" not in changed, "somebody else publishes it, and nobody said who"
    assert found.document["topics"][0] == {
        "name": "vans.positions",
        "kind": "topic",
        "broker": "kafka.groenmarkt.example",
        "partitions": 12,
        "replication_factor": 3,
        "retention": "P1D",
        "key": "vanId",
        "producer": "van-tracker-events",
        "dead_letter": "vans.positions.dlq",
    }


def test_what_the_file_does_not_say_outright_is_marked_as_guessed() -> None:
    guesses = {
        each.target_pointer for each in imported("van-positions.asyncapi3.yaml").understood if each.kind == "guessed"
    }
    assert {"parties[van-tracker-events]", "overview.purpose", "topics[vans.doors].broker"} <= guesses
    assert "events[van.ARRIVED].example" in guesses
    assert "events[van.MOVED].example" not in guesses


def test_whoever_is_named_at_the_other_end_publishes_what_is_received() -> None:
    asked = Asked(sides=Sides("van-tracker", "planner", "provider"), domain="com.example")
    changed = read(own("van-positions.asyncapi3.yaml"), asked=asked).document["events"][2]
    assert (changed["type"], changed["source"]) == ("com.example.planner.round.changed", "/planner")
    assert json.loads(changed["example"])["source"] == "/planner"


def test_channels_are_chosen_by_their_address_or_by_how_it_begins() -> None:
    def names(*only: str) -> list[str]:
        document = read(own("van-positions.asyncapi3.yaml"), asked=Asked(only=only)).document
        return [each["name"] for each in document.get("topics", [])]

    assert names("vans.doors") == ["vans.doors"]
    assert names("vans.") == ["vans.positions", "vans.doors"]
    assert names("nothing") == []


def test_an_example_that_does_not_fit_its_schema_is_left_out_with_the_reason() -> None:
    found = read(
        "asyncapi: 3.0.0\ninfo: {title: A, contact: {email: a@example.com}}\n"
        "channels:\n  c:\n    address: c\n    messages:\n      m:\n        payload: {type: object, required: [id]}\n"
        "        examples: [{payload: {}}]\n"
        "operations: {s: {action: send, channel: {$ref: '#/channels/c'}}}\n"
    )
    assert "id" in json.loads(found.document["events"][0]["example"])["data"], "one is made in its place"
    assert left(found) == [(9, "The example does not fit its schema: $: 'id' is a required property.")]
