"""What others will notice of a change: exact sentences on two or three small records, and any two records compared."""

from hypothesis import HealthCheck, given, settings

from registry.record import DesignRecord
from registry.record.findings import Other
from registry.rules import Facts, Impact, Owner, facts, impact
from tests.registry.rules.test_across import calls, event, record, topic
from tests.strategies import records


def noticed(before: DesignRecord | None, after: DesignRecord, **others: DesignRecord) -> list[Impact]:
    """What the others will notice, each of them in force as 1.0."""
    owner = Owner("orders-to-payments", "1.1", "draft")
    told = [facts(each, Owner(slug.replace("_", "-"), "1.0", "approved")) for slug, each in others.items()]
    elsewhere = Facts(
        Owner(""),
        tuple(call for each in told for call in each.calls),
        tuple(each for one in told for each in one.topics),
        tuple(each for one in told for each in one.events),
    )
    old = facts(before, owner) if before else Facts(owner)
    return impact(old, facts(after, owner), elsewhere)


SHOP = record(calls("shop", "orders", retries=1, total=2_000, limit=100))


def test_more_retries_multiply_with_those_above() -> None:
    found = noticed(
        record(calls("orders", "payments", retries=1)), record(calls("orders", "payments", retries=2)), shop=SHOP
    )
    assert found == [
        Impact(
            "One call that shop makes can become 6 of payments, 4 before: shop → orders → payments.",
            "worse",
            (Other("shop", "1.0", "approved", "contracts[shop-orders]"),),
        )
    ]


def test_whoever_waits_for_less_than_the_call_may_take_now_is_named() -> None:
    slow, slower = (record(calls("orders", "payments", total=each)) for each in (1_500, 3_000))
    (found,) = noticed(slow, slower, shop=SHOP)
    assert (found.text, found.verdict) == (
        "shop waits 2,000 ms for orders; this call may take 3,000 ms, 1,500 ms before: shop → orders → payments.",
        "worse",
    )
    (mended,) = noticed(slower, slow, shop=SHOP)
    assert mended.verdict == "better"
    assert noticed(slow, record(calls("orders", "payments", total=1_600)), shop=SHOP) == []


def test_those_who_share_a_provider_read_what_all_may_send() -> None:
    other = record(calls("refunds", "payments", limit=200))
    (found,) = noticed(
        record(calls("orders", "payments", limit=100, accepts=400)),
        record(calls("orders", "payments", limit=300, accepts=400)),
        refunds=other,
    )
    assert (found.text, found.verdict) == (
        "All consumers of payments together may send 500 calls a minute, 300 before; it accepts 400. "
        "The others: refunds.",
        "worse",
    )


def test_an_environment_that_differs_is_told_by_itself() -> None:
    def in_staging(retries: int) -> DesignRecord:
        own = [{"environment": "staging", "retry": {"max_retries": retries}}]
        return record(calls("orders", "payments", retries=1, environments=own))

    (found,) = noticed(in_staging(2), in_staging(4), shop=SHOP)
    assert found.text.startswith("One call that shop makes can become 10 of payments in staging, 6 before")


def test_a_call_that_begins_or_ends_changes_the_chains_it_is_on() -> None:
    call = record(calls("orders", "payments", retries=2))
    (begun,) = noticed(None, call, shop=SHOP)
    assert begun.text.startswith("One call that shop makes can become 6 of payments, one before")
    (ended,) = noticed(call, record(), shop=SHOP)
    assert (ended.text.split(":")[0], ended.verdict) == (
        "One call that shop makes can become 1 of payments, 6 before",
        "better",
    )


def test_others_who_name_the_topic_or_the_event_read_what_changes() -> None:
    (found,) = noticed(
        topic(partitions=3), topic(partitions=6, key="order_id"), stock=topic(partitions=3), app=topic(partitions=3)
    )
    assert found.text == "The topic orders.events is stock and app's too; its partitions and key change here."
    assert [each.integration for each in found.others] == ["stock", "app"]
    (schema,) = noticed(event('{"type":"object"}'), event('{"type":"array"}'), stock=event('{"type":"object"}'))
    assert schema.text == "The event com.example.order.placed.v1 is stock's too; its schema changes here."
    (gone,) = noticed(topic(partitions=3), record(), stock=topic(partitions=3))
    assert gone.text.endswith("it is no longer here.")


def test_what_concerns_nobody_else_is_not_told() -> None:
    alone = record(calls("orders", "payments", retries=1)), record(calls("orders", "payments", retries=3))
    assert noticed(*alone, far=record(calls("a", "b", retries=3))) == []
    assert noticed(alone[0], alone[0], shop=SHOP) == []


@given(records(), records(), records())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_change_can_be_told(before: DesignRecord, after: DesignRecord, third: DesignRecord) -> None:
    for found in noticed(before, after, third=third):
        assert found.text
        assert found.verdict in {"worse", "better", "neutral"}
    assert noticed(after, after, third=third) == []
