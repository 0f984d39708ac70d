"""What each protocol says of a topic or queue in its own words."""

from typing import Any

import pytest

from registry.importers.bindings import channel_facts, group_of

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kafka": (
        {"kafka": {"topic": "t", "partitions": 3, "replicas": 2, "topicConfiguration": {"retention.ms": "604800000"}}},
        {"name": "t", "partitions": 3, "replication_factor": 2, "retention": "P7D"},
    ),
    "kafka for ever": ({"kafka": {"topicConfiguration": {"retention.ms": -1}}}, {}),
    "amqp": (
        {
            "amqp": {
                "queue": {"name": "q", "arguments": {"x-message-ttl": 60_000, "x-dead-letter-routing-key": "q.dead"}}
            }
        },
        {"name": "q", "retention": "PT1M", "dead_letter": "q.dead", "kind": "queue"},
    ),
    "sqs": (
        {
            "sqs": {
                "queue": {
                    "name": "q",
                    "messageRetentionPeriod": 1_209_600,
                    "redrivePolicy": {"deadLetterQueue": {"arn": "arn:aws:sqs:eu-west-1:1:q-dead"}},
                }
            }
        },
        {"name": "q", "retention": "P14D", "dead_letter": "q-dead", "kind": "queue"},
    ),
    "googlepubsub": (
        {"googlepubsub": {"topic": "projects/p/topics/t", "messageRetentionDuration": "86400s"}},
        {"name": "t", "retention": "P1D"},
    ),
    "pulsar": ({"pulsar": {"retention": {"time": 60, "size": 1000}}}, {"retention": "PT1H"}),
    "ibmmq topic": ({"ibmmq": {"destinationType": "topic", "topic": {"string": "t"}}}, {"name": "t"}),
    "jms": ({"jms": {"destination": "q", "destinationType": "queue"}}, {"name": "q", "kind": "queue"}),
    "odd values": ({"kafka": {"partitions": 0, "replicas": "many", "topicConfiguration": [], "topic": {}}}, {}),
    "nulls": ({"kafka": None, "amqp": None}, {}),
}


def stated(bindings: dict[str, Any], channel: dict[str, Any]) -> dict[str, Any]:
    facts = channel_facts(bindings, channel)
    return {each.field: each.value for each in facts if each.field and each.value is not None}


@pytest.mark.parametrize("name", CASES)
def test_settings_become_those_of_the_topic(name: str) -> None:
    bindings, expected = CASES[name]
    assert stated(bindings, {}) == expected


def test_usual_extensions_are_understood() -> None:
    channel = {
        "x-dead-letter-queue": "d",
        "x-retention": "3 days",
        "x-partition-key": "id",
        "x-partitions": 4,
        "x-y": 1,
    }
    assert stated({}, channel) == {"dead_letter": "d", "retention": "P3D", "key": "id", "partitions": 4}


def test_what_has_no_field_says_why() -> None:
    bindings = {"solace": {}, "kafka": {"topicConfiguration": {"retention.ms": -1, "cleanup.policy": ["compact"]}}}
    assert [(each.place, each.value) for each in channel_facts(bindings, {}) if not each.field] == [
        (("bindings", "solace"), "Bindings for solace have no place in a topic."),
        (
            ("bindings", "kafka", "topicConfiguration", "retention.ms"),
            "Messages are kept for ever; a record states a duration.",
        ),
        (("bindings", "kafka", "topicConfiguration", "cleanup.policy"), "cleanup.policy has no place in a topic."),
    ]


@pytest.mark.parametrize(
    ("bindings", "group"),
    [
        ({"kafka": {"groupId": {"type": "string", "enum": ["g"]}}}, "g"),
        ({"kafka": {"groupId": "g"}}, "g"),
        ({"nats": {"queue": "g"}}, "g"),
        ({"kafka": {"groupId": {"description": "yours"}}}, None),
        ({}, None),
    ],
)
def test_the_group_that_reads(bindings: dict[str, Any], group: str | None) -> None:
    assert group_of(bindings) == group
