"""What can be found in a record."""

import pytest

from registry.demo import files
from registry.record import DesignRecord, documents
from registry.record.base import Part
from registry.record.pointers import resolve, walk
from registry.search import pieces, words
from tests import landscape

SCHEMA = """
{"type": "object", "title": "A payment", "required": ["amount"], "properties": {
  "amount": {"type": "integer", "description": "In cents."},
  "method": {"enum": ["ideal", "card"]},
  "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}}}}
"""


def of(**sections: object) -> dict[str, pieces.Piece]:
    record = documents.parse(landscape.document(**sections))
    return {each.pointer: each for each in pieces.pieces("Orders to payments", "orders-to-payments", record)}


def test_each_kind_is_found_where_it_stands() -> None:
    found = of(
        events=[{"name": "order.PLACED", "type": "com.example.order.placed.v1"}],
        topics=[{"name": "orders.events"}],
        saga={"steps": [{"name": "Reserve", "compensation": "Release it"}]},
        testing={"scenarios": [{"title": "Provider returns 500"}]},
        monitoring={
            "metrics": [{"name": "orders_error_rate"}],
            "alert_routes": [{"condition": "Breaker open", "channel": "slack"}],
        },
    )
    assert {pointer: (each.kind, each.title, each.anchor) for pointer, each in found.items()} == {
        "": ("integration", "Orders to payments", ""),
        "contracts[payments-api]": ("contract", "payments-api", "contract-1"),
        "contracts[payments-api].operations[create-payment]": (
            "operation",
            "POST /payments",
            "contract-1-operation-1",
        ),
        "contracts[payments-api].errors[400]": ("error", "400 VALIDATION_ERROR", "contract-1-error-1"),
        "contracts[payments-api].errors[401]": ("error", "401 UNAUTHORIZED", "contract-1-error-2"),
        "contracts[payments-api].errors[429]": ("error", "429 RATE_LIMITED", "contract-1-error-3"),
        "contracts[payments-api].errors[500]": ("error", "500 INTERNAL_ERROR", "contract-1-error-4"),
        "contracts[payments-api].errors[502/503]": ("error", "502/503 UNAVAILABLE", "contract-1-error-5"),
        "events[order.PLACED]": ("event", "order.PLACED", "event-1"),
        "topics[orders.events]": ("topic", "orders.events", "topic-1"),
        "saga": ("section", "Saga", "saga"),
        "testing.scenarios[Provider returns 500]": ("scenario", "Provider returns 500", "scenario-1"),
        "monitoring.metrics[orders_error_rate]": ("alert", "orders_error_rate", "metric-1"),
        "monitoring.alert_routes[Breaker open by slack]": ("alert", "Breaker open", "alert-route-1"),
    }
    assert [(each.label, each.anchor, each.text) for each in found["saga"].lines] == [
        ("Name", "saga-step-1", "Reserve"),
        ("Compensation", "saga-step-1", "Release it"),
    ]
    assert [(each.label, each.anchor, each.text) for each in found[""].lines] == [
        ("Project", "overview", "Checkout renewal"),
        ("Type", "overview", "Synchronous"),
        ("Criticality", "overview", "Low"),
        ("Purpose", "overview", "Take the customer's money once when an order is placed."),
        ("Role", "party-1", "Consumer"),
        ("System", "party-1", "order-service"),
        ("Team", "party-1", "checkout"),
        ("Contact", "party-1", "checkout@example.com"),
        ("Role", "party-2", "Provider"),
        ("System", "party-2", "payment-service"),
        ("Contact", "party-2", "payments@example.com"),
        ("Address", "", "orders-to-payments"),
    ]


def test_a_schema_is_found_by_what_it_names_not_by_its_grammar() -> None:
    assert (
        pieces.json_words(SCHEMA, is_schema=True)
        == "A payment · amount · In cents. · method · ideal · card · lines · sku"
    )
    assert pieces.json_words('{"orderId": "ord_1", "lines": [{"sku": 7}]}', is_schema=False) == (
        "orderId · ord_1 · lines · sku"
    )


@pytest.mark.parametrize("text", ["", "{", "[" * 5_000, '{"a": 1e999}', "\ud800", "null", "[]", '"x"', "{}" * 3])
def test_a_schema_that_is_none_breaks_nothing(text: str) -> None:
    assert isinstance(pieces.json_words(text, is_schema=True), str)


def test_every_text_of_a_real_record_is_found() -> None:
    for story in files.stories():
        record = documents.parse(story.steps[-1].document)
        held = set(" ".join(each.vector for each in pieces.rows(story.name, story.slug, record)).split())
        plain = {each.strip("'").partition("'")[0] for each in held}
        for pointer, part in walk(record):
            for name in texts(part) if "policy" not in pointer else ():
                for word in words.of(getattr(part, name)):
                    assert word in plain, (story.slug, pointer, name, word)


def texts(part: Part) -> list[str]:
    """Fields of plain text."""
    return [
        name
        for name, info in type(part).model_fields.items()
        if isinstance(getattr(part, name), str) and "language" not in str(info.json_schema_extra)
    ]


def test_a_piece_is_where_its_pointer_says() -> None:
    for story in files.stories():
        record = documents.parse(story.steps[-1].document)
        for each in pieces.pieces(story.name, story.slug, record):
            if each.pointer:
                assert resolve(record, each.pointer) is not None


def test_an_endless_record_gives_a_bounded_number_of_pieces() -> None:
    errors = [{"status": str(status)} for status in range(400, 600)]
    contracts = [{"name": f"c-{n}", "errors": errors} for n in range(50)]
    assert len(pieces.rows("x", "x", documents.parse({"contracts": contracts}))) == pieces.MOST_PIECES


def test_the_same_record_gives_the_same_rows() -> None:
    record = documents.parse(landscape.document())
    assert pieces.rows("x", "x", record) == pieces.rows("x", "x", record)
    assert pieces.rows("x", "x", DesignRecord())[0].digest != pieces.rows("y", "x", DesignRecord())[0].digest
