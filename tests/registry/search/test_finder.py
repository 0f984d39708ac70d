"""Search finds what records, catalog, people, revisions, releases and trail hold, and only that."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from registry import origin
from registry.models import Event, Integration, Person, Release, Revision
from registry.search import finder, question
from registry.services import integrations, revisions
from tests import landscape

LEDGER = landscape.document(
    overview={
        "type": "asynchronous",
        "criticality": "critical",
        "purpose": "Reconcile the général ledger every night.",
    },
    parties=[{"role": "consumer", "system": "ledger", "team": "finance"}],
    contracts=[],
    events=[
        {
            "name": "payment.CAPTURED",
            "type": "com.example.payment.captured.v1",
            "data_schema": '{"properties": {"amountCents": {"description": "What was taken."}}}',
        }
    ],
    topics=[{"name": "payments.events", "dead_letter": "payments.events.dlq"}],
    testing={"scenarios": [{"title": "Provider returns 500", "expected": "The breaker opens."}]},
    monitoring={"alert_routes": [{"condition": "Consumer lag", "channel": "slack", "target": "#ledger"}]},
    consistency={"notes": "The books lag behind by a minute."},
)


@pytest.fixture
def ledger(integration: Integration, ann: Person) -> Integration:
    """A second one beside orders to payments, that talks by events."""
    return integrations.create(name="Payments to ledger", slug="payments-to-ledger", document=LEDGER, by=ann)


def answer(text: str, by: Person, **options: Any) -> finder.Answer:
    return finder.find(question.read(text), by=by, **options)


def found(text: str, by: Person) -> list[str]:
    return [f"{hit.kind} {''.join(part for part, _ in hit.title)}" for hit in answer(text, by).hits]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("orders to payments", "integration Orders to payments"),
        ("orders-to-payments", "integration Orders to payments"),
        ("reconcile", "integration Payments to ledger"),
        ("GENERAL", "integration Payments to ledger"),
        ("renewal", "integration Orders to payments"),
        ("payments-api", "contract payments-api"),
        ("POST /payments", "operation POST /payments"),
        ("createPayment", "operation POST /payments"),
        ("createpayment", "operation POST /payments"),
        ("VALIDATION_ERROR", "error 400 VALIDATION_ERROR"),
        ("429", "error 429 RATE_LIMITED"),
        ("com.example.payment.captured.v1", "event payment.CAPTURED"),
        ("amountCents", "event payment.CAPTURED"),
        ("payments.events.dlq", "topic payments.events"),
        ("provider returns", "scenario Provider returns 500"),
        ("breaker opens", "scenario Provider returns 500"),
        ("consumer lag", "alert Consumer lag"),
        ("books", "section Consistency"),
        ("Order Service", "system Order Service"),
        ("platform", "team Platform"),
        ("staging in:environments", "environment Staging"),
        ("zimmer", "person Zoe Zimmer"),
        ("zoe", "person Zoe Zimmer"),
        ("oauth2", "contract payments-api"),
        ("auth.example.com/token", "contract payments-api"),
    ],
)
def test_everything_is_found(ledger: Integration, ann: Person, zoe: Person, text: str, first: str) -> None:
    assert found(text, ann)[0] == first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("captured ledger", ["event payment.CAPTURED"]),
        ("captured orders", []),
        ("orders RATE_LIMITED", ["error 429 RATE_LIMITED"]),
        ('"lag behind"', ["section Consistency"]),
        ('"behind lag"', []),
        ("payments -orders in:integrations", ["integration Payments to ledger"]),
        ("payments in:contracts", ["contract payments-api"]),
        ("payment in:topics in:events", ["event payment.CAPTURED", "topic payments.events"]),
        ("type:asynchronous payments in:integrations", ["integration Payments to ledger"]),
        ("criticality:critical", ["integration Payments to ledger"]),
        ("team:checkout in:integrations", ["integration Orders to payments"]),
        ("team:checkout payment in:contracts", ["contract payments-api"]),
        ("-type:asynchronous payments in:integrations", ["integration Orders to payments"]),
        ("system:nowhere payments", []),
        ("team:checkout in:systems", ["system Order Service"]),
        ("aptured", ["event payment.CAPTURED"]),
        ("pay zebra", []),
        ("archer ann in:people", ["person Ann Archer"]),
        ("ann -archer in:people", []),
    ],
)
def test_a_question_means_what_it_says(ledger: Integration, ann: Person, text: str, expected: list[str]) -> None:
    assert found(text, ann) == expected


def test_a_mistyped_word_is_read_as_one_that_occurs(ledger: Integration, ann: Person) -> None:
    mistyped = answer("pyaments ledger in:integrations", ann)
    assert mistyped.instead == {"pyaments": ("payments",)}
    assert ["".join(part for part, _ in hit.title) for hit in mistyped.hits] == ["Payments to ledger"]
    assert answer("zzqqxx", ann) == finder.Answer(question.read("zzqqxx"))


def test_a_hit_says_where_it_is_and_shows_what_was_found(ledger: Integration, ann: Person) -> None:
    [hit] = answer("token in:contracts", ann).hits
    assert hit == finder.Hit(
        "contract",
        [("payments-api", False)],
        slug="orders-to-payments",
        where=("Orders to payments",),
        pointer="contracts[payments-api]",
        anchor="contract-1-authentication",
        label="Token endpoint",
        fragment=[("https://auth.example.com/", False), ("token", True)],
    )
    [error] = answer("429", ann).hits
    assert error.where == ("Orders to payments", "Contracts", "payments-api")


def test_titles_come_before_texts_and_whole_titles_before_all(ledger: Integration, ann: Person) -> None:
    for name in ("Payments", "Payments to bank"):
        slug = name.lower().replace(" ", "-")
        integrations.create(name=name, slug=slug, document={"overview": {"purpose": "Money."}}, by=ann)
    integrations.create(name="Refunds", slug="refunds", document={"overview": {"purpose": "No payments."}}, by=ann)
    names = ["".join(part for part, _ in hit.title) for hit in answer("payments in:integrations", ann).hits]
    assert (names[0], names[-1]) == ("Payments", "Refunds")


def test_what_is_retired_comes_last(ledger: Integration, ann: Person) -> None:
    integrations.create(name="Payments", slug="payments", document={"overview": {"purpose": "Money."}}, by=ann)
    integrations.retire(Integration.objects.get(slug="payments"), by=ann)
    names = ["".join(part for part, _ in hit.title) for hit in answer("payments in:integrations", ann).hits]
    assert names == ["Payments to ledger", "Orders to payments", "Payments"]


def test_only_the_newest_record_is_found(ledger: Integration, draft: Revision, ann: Person) -> None:
    revisions.save(draft, landscape.document(contracts=[]), by=ann, if_match=draft.etag)
    assert found("payments-api", ann) == []
    assert found("POST", ann) == []


def test_a_revision_is_found_by_version_and_by_hash(approved: Integration, ann: Person) -> None:
    revision = approved.in_force
    assert revision is not None
    for text in ("orders-to-payments 1.0", "payments v1.0 in:revisions", f"{revision.content_hash[:8]} in:revisions"):
        assert found(text, ann) == ["revision Orders to payments 1.0"], text
    by_hash = found(revision.content_hash, ann)
    assert by_hash[0] == "revision Orders to payments 1.0"
    assert by_hash[1:] == [f"release Orders to payments 1 in {name}" for name in ("Production", "Staging", "Local")]
    assert found(f"{revision.etag} in:revisions", ann) == ["revision Orders to payments 1.0"]
    assert found("1.0", ann) == found("orders 9.9", ann) == found(revision.content_hash[:7], ann) == []


def test_a_release_is_found_by_its_etag(approved: Integration, ann: Person) -> None:
    release = Release.objects.get(environment__slug="production")
    assert found(release.etag, ann) == ["release Orders to payments 1 in Production"]
    assert found(release.sha256[:12], ann) == ["release Orders to payments 1 in Production"]


def test_acts_are_found_by_the_request_they_came_with(draft: Revision, ann: Person) -> None:
    request_id = str(uuid.uuid4())
    token = origin.current.set(origin.Origin(ip="192.0.2.1", request_id=request_id))
    revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ann, if_match=draft.etag)
    origin.current.reset(token)
    [hit] = answer(request_id, ann).hits
    assert (hit.kind, hit.row) == ("act", Event.objects.first())


def test_who_may_not_read_finds_nothing(approved: Integration, ann: Person, mallory: Person) -> None:
    assert found("payments", mallory)
    mallory.is_active = False
    revision = approved.in_force
    assert revision is not None
    for text in ("payments", "ann", revision.content_hash, "criticality:low"):
        assert found(text, mallory) == []


def test_whoever_left_is_not_found(ann: Person, mallory: Person) -> None:
    assert found("mallory", ann) == ["person Mallory Moss"]
    mallory.is_active = False
    mallory.save()
    assert found("mallory", ann) == []


def test_of_many_the_best_few_are_shown_and_counting_ends(integration: Integration, ann: Person) -> None:
    topics = [{"name": f"payments.{number:03}"} for number in range(120)]
    integrations.create(name="Many", slug="many", document={"topics": topics}, by=ann)
    [group] = answer("payments in:topics", ann).groups
    assert (len(group.hits), group.count, group.is_bounded) == (50, 100, True)
    group = next(each for each in answer("payments", ann).groups if each.kind == "topic")
    assert (len(group.hits), group.count, group.is_bounded) == (5, 100, True)
    [group] = answer("payments.007", ann).groups
    assert (len(group.hits), group.count, group.is_bounded) == (1, 1, False)


def test_a_search_that_takes_too_long_is_given_up(
    integration: Integration, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "LONGEST_MS", 1)
    monkeypatch.setattr(finder, "ENTRIES", f"SELECT pg_sleep(5), %(kinds)s; {finder.ENTRIES}".partition(";")[0])
    assert answer("payments", ann) == finder.Answer(question.read("payments"), took_too_long=True)
    assert Integration.objects.count() == 1


HOSTILE = [
    "\x00",
    "a\x00b",
    "x" * 10_000,
    "word " * 3_000,
    "&", "|", "!", "( ) & | ! <-> :*", "a:*", "foo:B & bar", "'", "'' or 1=1 --", '"', "\\", "'\"\\",
    '"unclosed', "in:", "in:in:in:", "type:'", "-", "- - -", "--", "-a -b",
    "\u202e\u202dabc", "שלום עולם", "💥🦀", "\ud800", "ﷺ" * 500, "%", "_", "%s %(kinds)s", "{0}", "<script>",
    "1.0",     "999999.999999 x", "99999999999999999999.1 x", "deadbeef", "f" * 64, f'"1-{"0" * 64}"', "0" * 5_000,
    "a", "é", "一", "...", "/", "//", "@in=contract", "^payment", "~payment", "+payment", "=payment",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_answered(ledger: Integration, ann: Person, text: str) -> None:
    answer(text, ann)
    answer(f"{text} payments", ann)
    assert not answer(f"payments in:contracts -{text}", ann).took_too_long


def test_a_search_reads_the_index_of_words(ledger: Integration, ann: Person) -> None:
    plans: list[str] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "registry_searchentry" in sql:
            with connection.cursor() as cursor:
                cursor.cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        answer("payments", ann)
    assert plans[0].count("Bitmap Index Scan on search_entry_by_words") == 3
    assert "Seq Scan on registry_searchentry" not in plans[0]


def test_a_search_costs_the_same_however_much_is_found(
    ledger: Integration, ann: Person, django_assert_num_queries: Any
) -> None:
    # Savepoint, its bounds, words that begin so, entries, tags, people, release.
    with django_assert_num_queries(7):
        answer("payments", ann)
    # The words that are like it, and both again.
    with django_assert_num_queries(10):
        answer("pyaments", ann)
    with django_assert_num_queries(5):
        answer("payments in:contracts", ann)


def test_an_integration_is_found_with_its_state(approved: Integration, ann: Person) -> None:
    [hit] = answer("orders in:integrations", ann).hits
    assert hit.state == "active"
    integrations.retire(approved, by=ann)
    [hit] = answer("orders in:integrations", ann).hits
    assert hit.state == "retired"
