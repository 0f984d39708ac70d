"""The topology diagram: complete, readable, and safe whatever the record says."""

from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.exporters.grid import Box
from registry.exporters.saga import saga_svg
from registry.exporters.topology import topology_boxes, topology_mermaid, topology_svg
from registry.record import documents

SVG = "{http://www.w3.org/2000/svg}"
SNAPSHOT = Path(__file__).with_name("topology.svg")
PAYMENTS: dict[str, Any] = {
    "overview": {"type": "bidirectional"},
    "parties": [
        {"role": "consumer", "system": "order-service", "team": "checkout"},
        {"role": "provider", "system": "payment-service", "team": "payments"},
    ],
    "topology": {
        "consumer_service": "OrderService",
        "provider_service": "PaymentService",
        "gateway": "Edge gateway",
        "alert_system": "PagerDuty",
        "provider_store": "payments-db",
        "worker": "PaymentEventWorker",
    },
    "contracts": [
        {
            "name": "payments-api",
            "protocol": "rest",
            "consumer": "order-service",
            "provider": "payment-service",
            "policy": {
                "retry": {"max_retries": 3, "strategy": "explicit", "delays_ms": [200, 400, 800]},
                "circuit_breaker": {"failure_percent": 50, "window_seconds": 30, "alert_after_seconds": 20},
            },
        }
    ],
    "events": [{"name": "payment.CAPTURED", "published_by": "payment-service", "consumed_by": ["order-service"]}],
    "topics": [
        {
            "name": "payments.events",
            "kind": "topic",
            "partitions": 12,
            "retention": "P7D",
            "producer": "payment-service",
            "consumer_groups": ["order-workers"],
            "dead_letter": "payments.events.dlq",
        }
    ],
}

systems = st.sampled_from(["order-service", "payment-service", "stock-service", "a" * 90, "x"])
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)
protocols = st.sampled_from(["rest", "grpc", "graphql", "websocket", "amqp", "file"])
policies = st.fixed_dictionaries(
    {},
    optional={
        "retry": st.fixed_dictionaries({"max_retries": st.integers(0, 10), "base_delay_ms": st.integers(1, 9_000)}),
        "circuit_breaker": st.fixed_dictionaries(
            {"failure_percent": st.integers(1, 100)}, optional={"alert_after_seconds": st.integers(1, 90)}
        ),
    },
)
contracts = st.fixed_dictionaries(
    {},
    optional={"protocol": protocols, "consumer": systems, "provider": systems, "policy": policies}
    | {"definition": st.fixed_dictionaries({"exchange": names, "location": names})},
)
topics = st.fixed_dictionaries(
    {"name": names},
    optional={"producer": systems, "dead_letter": names, "partitions": st.integers(1, 99), "kind": st.just("queue")}
    | {"consumer_groups": st.lists(names, max_size=3)},
)
events = st.fixed_dictionaries(
    {}, optional={"name": names, "published_by": systems, "consumed_by": st.lists(systems, max_size=3, unique=True)}
)
parties = st.fixed_dictionaries({"role": st.sampled_from(["consumer", "provider"])}, optional={"system": systems})
PLACES = ("gateway", "queue", "dead_letter_queue", "alert_system", "provider_store", "worker")
topologies = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(PLACES, names),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "parties": st.lists(parties, max_size=4),
        "topology": topologies,
        "contracts": st.lists(contracts, max_size=6),
        "topics": st.lists(topics, max_size=6),
        "events": st.lists(events, max_size=4),
    },
)


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


@settings(max_examples=150, deadline=None)
@given(records)
def test_no_two_boxes_overlap_and_all_lie_in_the_picture(document: dict[str, Any]) -> None:
    record = documents.parse(document)
    boxes = topology_boxes(record)
    assert [(one.node.key, other.node.key) for one, other in combinations(boxes, 2) if overlap(one, other)] == []
    root = ElementTree.fromstring(topology_svg(record))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    assert all(box.x >= 0 and box.right <= width and box.y >= 0 and box.bottom <= height for box in boxes)
    assert topology_mermaid(record).startswith("flowchart LR\n")


def test_the_picture_is_the_one_somebody_looked_at() -> None:
    assert topology_svg(documents.parse(PAYMENTS)) + "\n" == SNAPSHOT.read_text()


def test_the_picture_says_in_words_what_it_shows() -> None:
    root = ElementTree.fromstring(topology_svg(documents.parse(PAYMENTS)))
    assert root.get("role") == "img"
    assert [root[0].tag, root[1].tag] == [SVG + "title", SVG + "desc"]
    assert root[1].text == (
        "OrderService calls PaymentService through Edge gateway by payments-api "
        "(REST/HTTPS; circuit breaker 50 % in 30 s; 3 retries). "
        "PaymentEventWorker publishes to payments.events; OrderService consumes it. "
        "What fails on payments.events goes to payments.events.dlq, which alerts PagerDuty. "
        "PaymentService keeps its data in payments-db."
    )


def test_the_picture_holds_no_style_and_no_script_of_its_own() -> None:
    root = ElementTree.fromstring(topology_svg(documents.parse(PAYMENTS)))
    assert [each for each in root.iter() if each.get("style") or each.tag in (SVG + "style", SVG + "script")] == []


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", 'a" onload="x', "]]>&amp;", "a;b|c`d#quot;"])
def test_hostile_names_stay_text(hostile: str) -> None:
    record = documents.parse(PAYMENTS | {"topology": {"gateway": hostile, "worker": hostile}})
    root = ElementTree.fromstring(topology_svg(record))
    assert hostile in {text for each in root.iter() for text in [each.text or ""]}
    assert {each.tag for each in root.iter()} <= {
        SVG + tag for tag in ("svg", "title", "desc", "g", "rect", "path", "polygon", "text")
    }
    assert hostile not in topology_mermaid(record)


def test_a_long_name_is_shortened_and_kept_as_a_tooltip() -> None:
    name = "the-gateway-with-a-name-nobody-will-ever-read-to-its-end"
    svg = topology_svg(documents.parse(PAYMENTS | {"topology": {"gateway": name}}))
    assert f"<title>{name}</title>" in svg
    assert "…</text>" in svg


def test_an_asynchronous_integration_has_no_gateway() -> None:
    events_only = {name: PAYMENTS[name] for name in ("parties", "events", "topics")}
    assert "is-gateway" not in topology_svg(documents.parse(events_only))


def test_an_empty_record_is_an_empty_picture() -> None:
    root = ElementTree.fromstring(topology_svg(documents.parse({})))
    assert root[1].text == "Nothing is stated yet."


def test_the_mermaid_text_is_in_the_shape_of_the_template() -> None:
    assert topology_mermaid(documents.parse(PAYMENTS)) == SNAPSHOT.with_suffix(".mmd").read_text()


def test_a_call_between_two_systems_of_one_side_says_its_contract() -> None:
    parties = [{"role": "consumer", "system": "a"}, {"role": "consumer", "system": "b"}]
    contract = {"name": "near", "protocol": "grpc", "consumer": "a", "provider": "b"}
    assert "near · gRPC" in words(topology_svg(documents.parse({"parties": parties, "contracts": [contract]})))


def test_a_line_that_joins_others_on_its_way_names_its_end() -> None:
    parties = [{"role": "consumer", "system": each} for each in "ab"]
    parties += [{"role": "provider", "system": each} for each in "xy"]
    pairs = [("a", "x"), ("a", "y"), ("b", "x")]
    contracts = [{"name": f"{a}-{b}", "protocol": "rest", "consumer": a, "provider": b} for a, b in pairs]
    shown = words(topology_svg(documents.parse({"parties": parties, "contracts": contracts})))
    assert [each for each in shown if each.startswith("REST")] == ["REST/HTTPS", "REST/HTTPS", "REST/HTTPS · x"]


def test_no_name_widens_a_saga_beyond_reading() -> None:
    steps = [{"name": "s" * 290, "service": "b" * 290}, {"name": "own " + "x" * 280, "compensation": "undo"}]
    record = documents.parse({"saga": {"orchestrator": "a" * 290, "steps": steps}})
    assert float(ElementTree.fromstring(saga_svg(record)).attrib["width"]) < 1_000


def words(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]
