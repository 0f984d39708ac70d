"""Whoever says who is on either side finds it all through the document."""

from registry.importers import Asked, Sides, guessed_sides, read, with_sides

from .corpus import own

KNOWN = {"van-tracker": {"team": "delivery", "contact": "delivery@example.com"}}


def test_a_file_that_describes_one_side_leaves_the_other_open() -> None:
    assert guessed_sides(read(own("van-positions.asyncapi3.yaml"))) == Sides("van-tracker-events", "", "provider")
    assert guessed_sides(read(own("orders.openapi.yaml"))) == Sides("orders-api", "", "provider")
    assert guessed_sides(read(own("stock.proto"))) == Sides("stock", "", "provider")
    assert guessed_sides(read(own("shop.graphql"))) == Sides("", "", "provider")
    assert guessed_sides(read(own("filled.md"), "filled.md")) is None


def test_the_answer_goes_into_parties_contracts_events_and_topics() -> None:
    found = read(own("van-positions.asyncapi3.yaml"))
    guessed = guessed_sides(found)
    assert guessed is not None
    document = with_sides(found.document, guessed, Sides("van-tracker", "customer-app", "provider"), KNOWN)
    assert document["parties"] == [
        {"role": "provider", "system": "van-tracker", "contact": "delivery@example.com", "team": "delivery"},
        {"role": "consumer", "system": "customer-app"},
    ]
    assert [(each["published_by"], each["consumed_by"]) for each in document["events"]] == [
        ("van-tracker", ["customer-app"]),
        ("van-tracker", ["customer-app"]),
        ("customer-app", ["van-tracker"]),
    ]
    assert [(each["producer"], each["consumer_groups"]) for each in document["topics"]] == [
        ("van-tracker", ["customer-app"]),
        ("van-tracker", ["customer-app"]),
        ("customer-app", ["van-tracker.replans"]),
    ]


def test_on_a_websocket_the_described_side_may_be_the_consumer() -> None:
    sides = Sides("planner", "positions", "consumer")
    found = read(own("positions.asyncapi3.yaml"), asked=Asked(sides=sides))
    document = with_sides(found.document, Sides("positions", "", "provider"), sides, {})
    [contract] = document["contracts"]
    assert (contract["provider"], contract["consumer"]) == ("planner", "positions")
    assert [each["sent_by"] for each in contract["definition"]["frames"]] == ["consumer", "provider"]


def test_a_call_is_answered_by_whom_the_file_describes() -> None:
    found = read(own("stock.proto"))
    document = with_sides(found.document, Sides("stock"), Sides("stock-service", "shop", "provider"), {})
    [contract] = document["contracts"]
    assert (contract["name"], contract["provider"], contract["consumer"]) == ("stock", "stock-service", "shop")


def test_without_an_answer_nothing_is_claimed() -> None:
    found = read(own("stock.proto"))
    document = with_sides(found.document, Sides("stock"), Sides(), {})
    assert "parties" not in document
    assert "provider" not in document["contracts"][0]
