"""What a redrive would do is known before it is begun."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.errors import Invalid, NotAllowed
from registry.models import DeadLetter, DeadLetterSource, Integration, PayloadEdit, Person, Release
from registry.services import overrides, payloads, plans, routes
from registry.services.plans import Forbidden, Overtaken, Selector
from tests import letters as made
from tests.registry.services.redrives.redriving import reported, without_guards


def test_a_plan_says_all_that_is_known(source: DeadLetterSource, oncall: Person, approved: Integration) -> None:
    now = timezone.now()
    made.letter(source, died_at=now - timedelta(days=20), schema_problem="total is missing")
    made.letter(source, schema_problem="")
    made.letter(source, message="status code: 400")
    first = made.letter(source, key=b"order-1", died_at=now - timedelta(hours=2))
    later = made.letter(source, key=b"order-1", died_at=now - timedelta(hours=1))
    without_guards(f"UPDATE registry_deadletter SET state = 'resolved' WHERE id = {later.pk}")
    plan = plans.plan(source, Selector(), by=oncall)
    assert (plan.broker, plan.topic, plan.version, plan.refusals) == (source.broker.slug, source.topic, "1.0", ())
    assert (plan.total, plan.others, plan.sending) == (4, 1, 3)
    assert (plan.window, plan.older_than_window, plan.edited) == ("P14D", 1, 0)
    assert (plan.failing_schema, plan.checked_schema, plan.unchecked_schema) == (1, 2, 1)
    assert plan.forbidden == (
        Forbidden(
            "payments-api: 400 VALIDATION_ERROR, fix the request",
            *("payments-api", "400", "VALIDATION_ERROR", "fix_request"),
            letters=1,
        ),
    )
    assert plan.overtaken == Overtaken(1, 1, ("order-1",))
    assert (plan.rate_per_minute, plan.rate_limit) == (300, 600)
    assert plan.rate_because == "50 % of the 600 requests per minute payments-api allows."
    assert plan.expected_seconds == 60 + 1
    assert (plan.needs_second, plan.grade) == (False, "once within window")
    assert plan.kept()["oldest_at"] == (now - timedelta(days=20)).isoformat()
    assert first.state == "open"


def test_a_plan_holds_to_the_schema_what_would_be_sent(source: DeadLetterSource, oncall: Person) -> None:
    """So each letter's newest edit; and what nobody checked has not passed."""
    broken, sound, unknown, as_it_came = (
        made.letter(source, schema_problem=each) for each in ("total is missing", "", None, "total is missing")
    )
    edits_of = {broken: ["still broken", ""], sound: ["", "now broken"], unknown: [""]}
    for letter, problems in edits_of.items():
        for each in problems:
            edited(letter, each, by=oncall)
    plan = plans.plan(source, Selector(), by=oncall)
    assert (plan.total, plan.edited, plan.failing_schema, plan.unchecked_schema) == (4, 3, 2, 0)
    edited(sound, None, by=oncall)
    plan = plans.plan(source, Selector(), by=oncall)
    assert (plan.failing_schema, plan.checked_schema, plan.unchecked_schema) == (1, 3, 1)
    assert plans.plan(source, Selector(letters=(as_it_came.pk,)), by=oncall).failing_schema == 1


def test_what_is_left_out_counts_for_nothing_else(source: DeadLetterSource, oncall: Person) -> None:
    now = timezone.now()
    sent = made.letter(source, died_at=now - timedelta(hours=2))
    old: dict[str, Any] = {"key": b"k", "died_at": now - timedelta(days=20)}
    for message in ("HTTP 400 VALIDATION_ERROR", "VALIDATION_ERROR", "status code: 400"):
        edited(made.letter(source, message=message, schema_problem="total is missing", **old), "wrong", by=oncall)
    later = made.letter(source, key=b"k", died_at=now - timedelta(hours=1))
    without_guards(f"UPDATE registry_deadletter SET state = 'resolved' WHERE id = {later.pk}")
    plan = plans.plan(source, Selector(), by=oncall)
    assert (plan.total, plan.sending, plan.not_sent) == (4, 1, 3)
    assert (plan.older_than_window, plan.failing_schema, plan.checked_schema, plan.edited, plan.keyed) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert (plan.oldest_at, plan.newest_at, plan.overtaken) == (sent.died_at, sent.died_at, Overtaken())
    keyed = made.letter(source, key=b"k", died_at=now - timedelta(hours=3), message="Timed out")
    assert plans.plan(source, Selector(), by=oncall).overtaken == Overtaken(1, 1, ("k",))
    plan = plans.plan(source, Selector(), by=oncall, sends_forbidden=True)
    assert (plan.sending, plan.failing_schema, plan.edited, plan.overtaken) == (5, 3, 3, Overtaken(1, 4, ("k",)))
    assert (plan.oldest_at, plan.newest_at, keyed.state) == (old["died_at"], sent.died_at, "open")


def edited(letter: DeadLetter, problem: str | None, *, by: Person) -> None:
    kept = payloads.closed(letter, b"{}", ())
    at = {"by": by, "at": timezone.now(), "reason": "Mended", "wire_id": letter.wire_id}
    PayloadEdit.objects.create(letter=letter, schema_problem=problem, **at, **kept)


def test_more_than_one_redrive_sends_are_refused_before_anything_else_is_looked_at(
    source: DeadLetterSource, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        made.letter(source, message="HTTP 400", key=b"k", schema_problem="total is missing")
        made.letter(source, state="parked")
    monkeypatch.setattr(plans, "MOST_LETTERS", 2)
    with CaptureQueriesContext(connection) as captured:
        plan = plans.plan(source, Selector(), by=oncall)
    assert plan.refusals == ("One redrive sends at most 2 letters; choose fewer.",)
    assert (plan.total, plan.others, plan.sending) == (3, 3, 0)
    assert (plan.forbidden, plan.failing_schema, plan.keyed, plan.overtaken) == ((), 0, 0, Overtaken())
    read = [each["sql"] for each in captured if 'FROM "registry_deadletter"' in each["sql"]]
    assert len(read) == 2
    assert all("LIMIT 3" in each and "substring" not in each for each in read)


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_takes_too_long_is_given_up_with_a_word_of_how_to_ask(
    source: DeadLetterSource, oncall: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.letter(source)
    monkeypatch.setattr(plans, "LONGEST_PLAN_MS", 50)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as another:
        another.execute("LOCK TABLE registry_deadletter")
        with pytest.raises(Invalid, match="are too many to look at in time"):
            plans.plan(source, Selector(), by=oncall)
        another.rollback()
    assert plans.plan(source, Selector(), by=oncall).total == 1


def test_a_plan_needs_the_second_by_what_it_holds(source: DeadLetterSource, oncall: Person) -> None:
    route = routes.of(source)
    assert plans.second_because(route, 100, 0, by=oncall) == ""
    many = plans.second_because(route, 101, 2, by=oncall)
    assert many == "101 letters are more than 100; 2 of them are edited"
    source.integration.criticality = "critical"
    assert plans.second_because(route, 1, 0, by=oncall) == "Orders to payments is critical"


def test_an_override_of_the_rate_counts(source: DeadLetterSource, oncall: Person) -> None:
    patch = {"contracts": {"payments-api": {"rate_limit": {"requests_per_minute": 120}}}}
    place = source.broker.environment
    overrides.begin(source.integration, place, patch=patch, reason="Overload", by=oncall)
    assert routes.of(source).rate_per_minute == 60


def test_an_open_breaker_is_told(source: DeadLetterSource, oncall: Person) -> None:
    made.letter(source)
    reported(source, "forced_open")
    plan = plans.plan(source, Selector(), by=oncall)
    assert plan.waits_for_breaker == "The breaker of payments-api is open in 1 of 1 instance."
    assert plan.kept()["breakers"]["payments-api"][0]["state"] == "forced_open"


def test_nothing_is_planned_where_no_design_is_served(source: DeadLetterSource, oncall: Person) -> None:
    without_guards("DELETE FROM registry_release")
    assert not Release.objects.exists()
    [refusal, *_] = plans.plan(source, Selector(), by=oncall).refusals
    assert refusal.startswith("Nothing of Orders to payments is served in Production")


def test_who_may_not_redrive_plans_nothing(source: DeadLetterSource, mallory: Person) -> None:
    with pytest.raises(NotAllowed):
        plans.plan(source, Selector(), by=mallory)


FAILURES = {
    ("HTTPError", "HTTP 400 Bad Request"): True,
    ("Error", "status code: 400"): True,
    ("Error", "HTTP/1.1 400"): True,
    ("Error", "400 Client Error: Bad Request for url"): True,
    ("Error", "the provider answered 400"): True,
    ("Error", "failed (400)"): True,
    ("Error", "code=400, try later"): True,
    ("Error", "VALIDATION_ERROR: total"): True,
    ("ValidationError", ""): True,
    ("Error", "order 400 took 400 ms"): False,
    ("Error", "HTTP 400ms"): False,
    ("Error", "HTTP 429 Too Many Requests"): False,
    ("Error", "HTTP 500 after VALIDATION_ERRORS"): False,
    ("TimeoutError", "timed out after 400 s"): False,
    ("Error", "http://x/orders/4001"): False,
}


def test_what_failed_is_told_by_its_words(source: DeadLetterSource, oncall: Person) -> None:
    letters = {made.letter(source, error_class=name, message=words).pk: (name, words) for name, words in FAILURES}
    route = routes.of(source)
    read: Any = source.letters.annotate(**route.failures())
    told = {letters[each.pk]: route.clause(each.failed_status, each.failed_code) for each in read}
    assert {case: clause is not None for case, clause in told.items()} == FAILURES


def test_a_selector_is_kept_and_read_again(source: DeadLetterSource) -> None:
    now = timezone.now()
    chosen = Selector(letters=(1, 2), group=3, q="holiday", since=now)
    assert Selector.read(chosen.kept()) == chosen
    wanted = made.letter(source, message="Bank holiday", event_type="order.placed", key=b"k")
    made.letter(source)
    choices: list[dict[str, Any]] = [
        {"q": "HOLIDAY"},
        {"q": wanted.wire_id},
        {"event_type": "order.placed"},
        {"ordering_key": "k"},
        {"letters": (wanted.pk,)},
    ]
    for given in choices:
        assert list(Selector(**given).of(source)) == [wanted]
    assert Selector(since=now).of(source).count() == 2
    assert Selector(until=now).of(source).count() == 0


def test_a_plan_costs_the_same_for_many(source: DeadLetterSource, oncall: Person) -> None:
    letter = made.letter(source, message="HTTP 400 for order 1", key=b"order-1")
    with CaptureQueriesContext(connection) as few:
        plans.plan(source, Selector(), by=oncall)
    own = ("id", "identity", "ordering_key")
    columns = ", ".join(each.column or "" for each in letter._meta.concrete_fields if each.column not in own)
    without_guards(
        f"INSERT INTO registry_deadletter ({columns}, identity, ordering_key)"
        f" SELECT {columns}, 'n' || n, 'key-' || n % 500 FROM registry_deadletter, generate_series(1, 3000) n"
    )
    DeadLetterSource.objects.filter(pk=source.pk).update(harvested=3_001)
    with CaptureQueriesContext(connection) as many:
        plan = plans.plan(source, Selector(), by=oncall)
    assert (plan.total, plan.not_sent) == (3_001, 3_001)
    assert len(many) == len(few) <= 20
