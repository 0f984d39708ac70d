"""Templates hold what is usual, are coherent by the rules, and leave open what only somebody who knows can say."""

from typing import Any

import pytest

from registry.importers import read
from registry.record import documents
from registry.record.findings import Severity
from registry.rules import check
from registry.rules.completeness import TABLE
from registry.skeletons import TEMPLATES, Template, completed, template
from tests.registry.importers.corpus import own

ABSENCES = {each.code for each in TABLE}
ALSO = {"alert-without-route"}
"""What follows from something that is left open."""
NAMES = [each.name for each in TEMPLATES]
COMMON = {
    "overview.criticality",
    "overview.purpose",
    "parties[#1].system",
    "parties[#1].team",
    "parties[#2].system",
    "parties[#2].team",
}


def test_there_is_a_template_for_each_kind_of_integration() -> None:
    assert NAMES == ["rest", "grpc", "graphql", "events", "bidirectional", "websocket", "files"]
    assert template("rest") is TEMPLATES[0]
    assert template("nothing") is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("criticality", ["critical", "high", "medium", "low"])
def test_the_rules_find_nothing_in_a_template_but_what_is_left_open(name: str, criticality: str) -> None:
    document = chosen(name).document("orders-to-stock")
    document["overview"]["criticality"] = criticality
    said = [each for each in check(documents.parse(document)) if each.severity != Severity.HINT]
    assert {each.code for each in said} - ALSO <= ABSENCES


@pytest.mark.parametrize("name", NAMES)
def test_what_must_be_filled_in_is_known(name: str) -> None:
    document = chosen(name).document("orders-to-stock")
    errors = {each.path for each in check(documents.parse(document)) if each.severity == Severity.ERROR}
    contracts = {
        f"contracts[{each['name']}].{field}"
        for each in document.get("contracts", [])
        for field in ("consumer", "provider")
    }
    topics = {f"topics[{each['name']}].producer" for each in document.get("topics", [])}
    assert errors == COMMON | contracts | topics


def test_names_in_a_template_follow_the_integration() -> None:
    document = chosen("bidirectional").document("orders.to-stock")
    assert document["contracts"][0]["name"] == "orders.to-stock-api"
    assert [each["name"] for each in document["topics"]] == ["orders.to-stock.events", "orders.to-stock.events.dlq"]
    assert document["monitoring"]["metrics"][0]["name"] == "integration_orders_to_stock_requests_total"


def test_usual_settings_fill_what_is_open_and_leave_what_is_stated() -> None:
    stated: dict[str, Any] = {
        "overview": {"type": "asynchronous"},
        "parties": [
            {"role": "provider", "system": "a"},
            {"role": "consumer", "system": "b", "contact": "team-b@example.com, #b"},
        ],
        "topics": [
            {"name": "t", "producer": "a", "retention": "P1D", "kind": "topic", "broker": "kafka"},
            {"name": "u", "producer": "b", "dead_letter": "u.dead"},
        ],
        "ordering": [{"topic": "t", "guarantee": "strict"}],
        "consistency": {"model": "causal"},
    }
    made = completed(stated, "b-to-a")
    assert made["topics"] == [
        stated["topics"][0] | {"dead_letter": "t.dlq"},
        stated["topics"][1] | {"retention": "P7D"},
        {
            "name": "t.dlq",
            "kind": "topic",
            "broker": "kafka",
            "partitions": 1,
            "retention": "P14D",
            "producer": "b",
        },
        {"name": "u.dead", "partitions": 1, "retention": "P14D", "producer": "a"},
    ]
    assert made["ordering"] == [*stated["ordering"], {"topic": "u", "guarantee": "best_effort"}]
    assert made["consistency"] == {"model": "causal", "max_lag_seconds": 600}
    assert made["monitoring"]["alert_routes"][0]["target"] == "team-b@example.com"


def test_a_credential_that_cannot_be_fetched_anew_is_not_tried_again() -> None:
    call = {"name": "a", "protocol": "rest", "authentication": {"type": "api_key"}}
    [contract] = completed({"overview": {"type": "synchronous"}, "contracts": [call]}, "a")["contracts"]
    assert {each["status"]: each["action"] for each in contract["errors"]}["401"] == "alert_and_stop"


def test_an_error_table_that_was_begun_gets_only_the_row_that_the_limits_need() -> None:
    call = {"name": "a", "protocol": "rest", "errors": [{"status": "404", "action": "check_resource"}]}
    [contract] = completed({"overview": {"type": "synchronous"}, "contracts": [call]}, "a")["contracts"]
    assert [each["status"] for each in contract["errors"]] == ["404", "429"]


def test_a_record_full_of_topics_stays_within_what_a_record_holds() -> None:
    topics = [{"name": f"t{n}"} for n in range(150)]
    made = completed({"overview": {"type": "asynchronous"}, "topics": topics}, "a")
    assert len(made["topics"]) == 200


@pytest.mark.parametrize("name", ["orders.openapi.yaml", "van-positions.asyncapi3.yaml", "stock.proto", "filled.md"])
def test_completing_what_was_imported_changes_nothing_the_second_time(name: str) -> None:
    once = completed(read(own(name), name).document, "a")
    assert completed(once, "a") == once


def chosen(name: str) -> Template:
    found = template(name)
    assert found is not None
    return found
