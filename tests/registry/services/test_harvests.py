"""Taking dead letters in, from a real stream: each once, whatever is in it and whoever dies meanwhile."""

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from registry.brokers import Found
from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    DepthReading,
    Environment,
    Event,
    GroupHour,
    Integration,
    Payload,
    Person,
    RedriveAttempt,
)
from registry.services import endpoints, harvests, ledger, payloads, sightings, sources
from tests import landscape, letters
from tests.letters import taken

LATE = {
    "dead-letter-exception-class-name": "TimeoutError",
    "dead-letter-reason": "No answer after 2000 ms",
}


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return letters.integration(by=ann)


@pytest.fixture
def stream(approved: Integration, ops: Person) -> DeadLetterSource:
    """An empty stream of Redis that is copied."""
    at = letters.broker(Environment.objects.get(slug="production"), url=settings.REDIS_URL)
    return letters.source(approved, at, by=ops, searchable=["customer.email", "region"])


@pytest.fixture
def client() -> Iterator[Any]:
    held = redis.Redis.from_url(settings.REDIS_URL)
    yield held
    held.close()


def put(client: Any, source: DeadLetterSource, *messages: dict[str, Any]) -> None:
    with client.pipeline(transaction=False) as pipe:
        for each in messages:
            pipe.xadd(source.place, each)
        pipe.execute()


def orders(count: int) -> list[dict[str, Any]]:
    return [{"body": json.dumps({"order": n}), "message-id": f"id-{n}", **LATE} for n in range(count)]


def found(body: bytes = b"{}", *headers: tuple[str, Any], position: str = "1-1", **more: Any) -> Found:
    return Found(position, body, headers, **more)


def test_large_letters_are_written_some_at_a_time(stream: DeadLetterSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "LARGEST_STATEMENT", 2_000)
    with CaptureQueriesContext(connection) as captured:
        made = taken(stream, *(found(b"x" * 900, position=f"{number}-1") for number in range(5)))
    assert sum(each["sql"].startswith('INSERT INTO "registry_payload"') for each in captured) == 2
    assert [payloads.opened(each).body for each in made] == [b"x" * 900] * 5


def lease_over(source: DeadLetterSource) -> None:
    DeadLetterSource.objects.filter(pk=source.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_letters_are_copied_once_and_left_where_they_are(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(3))
    assert harvests.harvest(stream.pk) == 3
    assert harvests.harvest(stream.pk) == 0
    put(client, stream, {"body": b"\x00\xff", "dead-letter-exception-class-name": "Late"})
    assert harvests.harvest(stream.pk) == 1
    rows = list(DeadLetter.objects.order_by("id"))
    assert [each.wire_id for each in rows[:3]] == ["id-0", "id-1", "id-2"]
    assert rows[3].wire_id.startswith("reg:")
    assert payloads.opened(rows[3]) == payloads.Opened(b"\x00\xff", (("dead-letter-exception-class-name", b"Late"),))
    stream.refresh_from_db()
    assert (stream.harvested, stream.trouble, stream.lease_until) == (4, "", None)
    assert (client.xlen(stream.place), ledger.imbalance()) == (4, 0)


def test_many_are_taken_in_in_turns(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(1_200))
    assert harvests.harvest(stream.pk, limit=600) == 1_000
    assert harvests.harvest_all(limit=600) == 200
    assert DeadLetterGroup.objects.values_list("letters", flat=True).get() == 1_200


def test_a_batch_takes_this_many_statements(stream: DeadLetterSource, django_assert_num_queries: Any) -> None:
    reader = harvests.claim(stream.pk)
    assert reader is not None
    batch = [found(b'{"order": 1}', position=f"{n}-1", message_id=f"id-{n}") for n in range(500)]
    # Lock, numbers, groups twice, letters, which were new, payloads, groups' counts and hours, source; and a
    # savepoint's two.
    with django_assert_num_queries(12):
        harvests.keep(reader, batch)


def test_letters_that_died_of_the_same_are_one_group(stream: DeadLetterSource) -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    taken(stream, found(b"1", ("dead-letter-exception-class-name", "E"), position="1-1", placed_at=late))
    taken(
        stream,
        found(b"2", ("dead-letter-exception-class-name", "E"), position="1-2", placed_at=early),
        found(b"3", ("dead-letter-exception-class-name", "F"), position="1-3", placed_at=late),
    )
    groups = DeadLetterGroup.objects.order_by("error_class").values_list(
        "error_class", "letters", "first_at", "last_at"
    )
    assert list(groups) == [("E", 2, early, late), ("F", 1, late, late)]


def test_letters_are_counted_in_the_hour_they_died_in_once(stream: DeadLetterSource) -> None:
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    lately = [found(b"1", position=f"1-{n}", placed_at=hour - timedelta(minutes=30)) for n in range(3)]
    taken(stream, *lately, found(b"2", position="2-1", placed_at=now - timedelta(days=15)))
    taken(stream, *lately, found(b"3", position="3-1", placed_at=hour - timedelta(minutes=1)))
    assert list(GroupHour.objects.values_list("hour", "letters")) == [(hour - timedelta(hours=1), 4)]
    harvests.prune(at=now + timedelta(days=15))
    assert not GroupHour.objects.exists()


def test_who_dies_after_the_commit_is_followed_by_one_who_starts_behind_it(
    stream: DeadLetterSource, client: Any
) -> None:
    put(client, stream, *orders(4))
    reader = harvests.claim(stream.pk)
    assert reader is not None
    with endpoints.open(stream.broker, stream.place) as broker:
        looked = broker.look("", 3)
        harvests.keep(reader, looked.messages, cursor=looked.cursor)
    assert harvests.harvest(stream.pk) == 0
    lease_over(stream)
    assert harvests.harvest(stream.pk) == 1
    assert (DeadLetter.objects.count(), ledger.imbalance()) == (4, 0)


def test_who_was_slower_than_their_lease_writes_nothing(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(4))
    slow = harvests.claim(stream.pk)
    assert slow is not None
    lease_over(stream)
    assert harvests.harvest(stream.pk) == 4
    with pytest.raises(harvests.LostLease):
        harvests.keep(slow, [found(position="9-9")], cursor="0-1")
    stream.refresh_from_db()
    assert (stream.harvested, DeadLetter.objects.count(), ledger.imbalance()) == (4, 4, 0)
    assert stream.cursor != "0-1"


def test_who_reads_while_the_mode_changes_writes_nothing(stream: DeadLetterSource, ada: Person) -> None:
    reader = harvests.claim(stream.pk)
    assert reader is not None
    sources.change_mode(stream, "counts", by=ada)
    with pytest.raises(harvests.LostLease):
        harvests.keep(reader, [found()])
    assert harvests.harvest(stream.pk) == 0


def test_what_is_hidden_while_a_batch_is_read_is_hidden_in_it(stream: DeadLetterSource, ada: Person) -> None:
    reader = harvests.claim(stream.pk)
    assert reader is not None
    terms: Any = {"retention_days": 7, "max_redrives": 3, "unknown_policy": "", "returns_within_seconds": 60}
    sources.change(stream, masked=["customer"], searchable=["region"], by=ada, **terms)
    body = b'{"customer": {"email": "cora@example.com"}, "region": "eu"}'
    harvests.keep(reader, [found(body)])
    assert (DeadLetter.objects.get().facts, bool(reader.terms.mask)) == ({"region": "eu"}, True)


@pytest.mark.django_db(transaction=True)
def test_several_at_once_take_each_letter_once(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(1_100))
    counts: list[int] = []

    def work() -> None:
        try:
            counts.append(harvests.harvest(stream.pk, limit=100))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    counts.append(harvests.harvest(stream.pk))
    assert sum(counts) == DeadLetter.objects.count() == 1_100
    assert ledger.imbalance() == 0


def test_what_was_seen_before_is_not_taken_again(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(2))
    harvests.harvest(stream.pk)
    DeadLetterSource.objects.update(cursor="")
    assert harvests.harvest(stream.pk) == 0
    assert (DeadLetterGroup.objects.get().letters, Payload.objects.count(), ledger.imbalance()) == (2, 2, 0)


def test_a_broker_that_does_not_answer_is_told_at_the_source_and_holds_up_nobody(
    stream: DeadLetterSource, client: Any, ops: Person
) -> None:
    dead = letters.source(stream.integration, letters.broker(stream.broker.environment), by=ops)
    put(client, stream, *orders(1))
    assert harvests.harvest_all() == 1
    dead.refresh_from_db()
    assert dead.trouble.startswith("Redis does not answer")
    assert (dead.lease_until, dead.looked_at is not None) == (None, True)


def test_a_source_is_read_through_when_its_end_was_reached_without_trouble(
    stream: DeadLetterSource, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeadLetterSource.objects.update(read_through_at=None)

    def read_through_at() -> datetime | None:
        stream.refresh_from_db()
        return stream.read_through_at

    put(client, stream, *orders(600))
    assert harvests.harvest(stream.pk, limit=500) == 500
    assert read_through_at() is None, "there is more"
    began = timezone.now()
    keep, kept = harvests.keep, []

    def late(*given: Any, **more: Any) -> harvests.Kept:
        kept.append(timezone.now())
        return keep(*given, **more)

    monkeypatch.setattr(harvests, "keep", late)
    assert harvests.harvest(stream.pk) == 100
    through = read_through_at()
    assert through
    assert began <= through <= kept[0], "what dies while it is read may lie behind"
    type(stream.broker).objects.update(url="redis://127.0.0.1:1/0")
    harvests.harvest(stream.pk)
    assert (read_through_at(), stream.trouble != "") == (through, True)


def test_what_was_dropped_unseen_is_told(stream: DeadLetterSource, client: Any) -> None:
    put(client, stream, *orders(3))
    harvests.harvest(stream.pk)
    client.xtrim(stream.place, maxlen=0, approximate=False)
    put(client, stream, *orders(2))
    harvests.harvest(stream.pk)
    stream.refresh_from_db()
    assert stream.skipped_at is not None


def numbered(client: Any, source: DeadLetterSource, *bodies: str) -> None:
    """A stream whose clock stands at the beginning."""
    client.delete(source.place)
    for number, body in enumerate(bodies, 1):
        client.xadd(source.place, {"body": body}, f"{number}-0")


def test_a_log_made_anew_is_read_from_its_beginning_and_that_is_told(stream: DeadLetterSource, client: Any) -> None:
    for number, lie in enumerate((3, 2, 5), 1):
        numbered(client, stream, *[f"log {number}, {n}" for n in range(lie)])
        assert harvests.harvest(stream.pk) == lie
        assert harvests.harvest(stream.pk) == 0
    stream.refresh_from_db()
    assert (stream.generation, stream.harvested, stream.trouble, stream.skipped_at) == (2, 10, "", None)
    assert stream.made_anew_at is not None
    assert DeadLetter.objects.values("identity").distinct().count() == 10
    assert [json.loads(each)["generation"] for each in told("source.made_anew")] == [1, 2]
    assert ledger.imbalance() == 0


def told(kind: str) -> list[str]:
    return list(Event.objects.filter(kind=kind).order_by("pk").values_list("data", flat=True))


def test_a_log_that_went_back_brings_nothing_twice(stream: DeadLetterSource, client: Any) -> None:
    numbered(client, stream, "one", "two", "three", "four")
    assert harvests.harvest(stream.pk) == 4
    numbered(client, stream, "one", "two", "another")
    assert harvests.harvest(stream.pk) == 1
    numbered(client, stream, "one")
    assert harvests.harvest(stream.pk) == 0
    stream.refresh_from_db()
    assert (stream.generation, stream.harvested, ledger.imbalance()) == (2, 5, 0)


def test_a_log_made_anew_brings_back_nothing_that_was_discarded_or_has_expired(
    stream: DeadLetterSource, client: Any
) -> None:
    numbered(client, stream, "one", "two", "three")
    assert harvests.harvest(stream.pk) == 3
    first, second, third = DeadLetter.objects.order_by("pk")
    for letter, state in ((first, "discarded"), (second, "expired"), (third, "discarded")):
        assert ledger.move(letter, state)
        payloads.forget([letter.pk])
    numbered(client, stream, "one", "two", "another")
    DeadLetterSource.objects.update(cursor="9-0 gone")
    assert harvests.harvest(stream.pk) == 1, "one of another size is another"
    stream.refresh_from_db()
    assert (stream.generation, ledger.imbalance()) == (1, 0)


def test_a_cursor_from_before_it_held_what_lies_there_learns_it(stream: DeadLetterSource, client: Any) -> None:
    numbered(client, stream, "one", "two")
    harvests.harvest(stream.pk)
    DeadLetterSource.objects.update(cursor="2-0")
    assert harvests.harvest(stream.pk) == 0
    numbered(client, stream, "other", "bodies")
    assert harvests.harvest(stream.pk) == 2


def test_a_redis_at_another_address_is_read_from_the_beginning_and_brings_nothing_twice(
    stream: DeadLetterSource, client: Any, ada: Person
) -> None:
    numbered(client, stream, "one", "two", "three")
    assert harvests.harvest(stream.pk) == 3
    reader = harvests.claim(stream.pk)
    assert reader is not None
    client.xdel(stream.place, "3-0")
    client.xadd(stream.place, {"body": "four"}, "4-0")
    at = stream.broker
    same: dict[str, Any] = {"slug": at.slug, "environment": at.environment, "kind": at.kind, "by": ada, "broker": at}
    endpoints.save(url=at.url, credentials="env:BROKER_X", **same)
    endpoints.save(url=at.url, **same)
    stream.refresh_from_db()
    assert (stream.generation, stream.fence) == (0, reader.fence)
    endpoints.save(url="redis://elsewhere.example.com:6379/0", **same)
    endpoints.save(url=at.url, **same)
    with pytest.raises(harvests.LostLease):
        harvests.keep(reader, [found()])
    assert harvests.harvest(stream.pk) == 1
    stream.refresh_from_db()
    assert (stream.generation, stream.made_anew_at, stream.harvested) == (1, None, 4)


def test_depths_are_counted_once_a_minute_and_harm_nothing(stream: DeadLetterSource, client: Any, ops: Person) -> None:
    letters.source(stream.integration, letters.broker(stream.broker.environment))
    put(client, stream, *orders(3))
    assert [harvests.count_depths() for _ in range(2)] == [1, 1]
    stream.refresh_from_db()
    assert (stream.depth, stream.harvested) == (3, 0)
    assert stream.oldest_at is not None
    assert set(DepthReading.objects.values_list("messages", flat=True)) == {3}


# --- what a letter is read as ------------------------------------------------------------------------------------


def event(**more: Any) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "e-1", "type": letters.TYPE, "data": {"order": 1}} | more).encode()


def test_ids_types_keys_and_facts_are_found_where_they_stand(stream: DeadLetterSource) -> None:
    whole = event(data={"order": 1, "tenant": "t-1", "customer": {"email": "a@example.com"}})
    told = (("ce_id", b"e-2"), ("ce_type", "x"), ("tenant", "t-2"), ("Region", "eu"), ("content-type", "text/plain"))
    one, other = taken(stream, found(whole), found(b'{"tenant": "t-3"}', *told, position="1-2"))
    assert (one.wire_id, one.event_type, one.ordering_key) == ("e-1", letters.TYPE, "t-1")
    assert one.facts == {"customer.email": "a@example.com"}
    assert (other.wire_id, other.event_type, other.ordering_key) == ("e-2", "x", "t-2")
    assert (other.facts, other.content_type) == ({"region": "eu"}, "text/plain")


def test_where_cloudevents_say_no_type_the_library_does(stream: DeadLetterSource) -> None:
    fault = (("MT-Reason", "fault"), ("MT-Fault-MessageType", "Orders.Placed"))
    rebus = (("rbs2-error-details", "x"), ("rbs2-msg-type", "Orders.Placed, Orders"), ("ce_type", "order.placed"))
    one, other = taken(stream, found(b"{}", *fault), found(b"{}", *rebus, position="1-2"))
    assert (one.event_type, other.event_type) == ("Orders.Placed", "order.placed")


def test_a_brokers_key_orders_letters_unless_the_design_says_nothing_does(stream: DeadLetterSource) -> None:
    one, other = taken(stream, found(key=b"k-1"), found(key=b"\xff\x00", position="1-2"))
    assert (one.ordering_key, other.ordering_key) == ("k-1", "0xff00")
    assert payloads.opened(other).key == b"\xff\x00"
    unordered = sightings.Terms(is_ordered=False)
    letter = sightings.letter(stream, found(key=b"k"), unordered, at=timezone.now(), attempt=None)
    assert letter.ordering_key == ""


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        (event(), (), ""),
        (event(data={"order": "one"}), (), "$.order: 'one' is not of type 'integer'"),
        (event(data={}), (), "$: 'order' is a required property"),
        (b'{"order": 1}', (("ce_type", letters.TYPE),), ""),
        (b"not json", (("ce_type", letters.TYPE),), "The body is no JSON: line 1, column 1: expecting value"),
        (event(type="other"), (), None),
        (b'{"order": 1}', (), None),
        (event(data="x" * 300_000), (("ce_type", letters.TYPE),), None),
    ],
)
def test_bodies_are_held_to_the_schema_of_their_event(
    stream: DeadLetterSource, body: bytes, headers: tuple[tuple[str, str], ...], problem: str | None
) -> None:
    [letter] = taken(stream, found(body, *headers))
    assert letter.schema_problem == problem


def test_what_a_schema_refuses_quotes_nothing_of_a_body_in_which_something_is_hidden(stream: DeadLetterSource) -> None:
    DeadLetterSource.objects.filter(pk=stream.pk).update(masked=["order"])
    stream.refresh_from_db()
    [letter] = taken(stream, found(event(data={"order": "ann@example.com"})))
    assert letter.schema_problem == "$.order: does not hold to “type”"
    [letter] = taken(
        stream, found(b'{"ann@example.com": 1, "ann@example.com": 2}', ("ce_type", letters.TYPE), position="2-1")
    )
    assert letter.schema_problem == "The body is no JSON."


def test_a_letter_from_the_future_or_from_before_time_is_kept(stream: DeadLetterSource) -> None:
    now = timezone.now()
    one, other = taken(
        stream,
        found(placed_at=datetime(9999, 12, 31, tzinfo=UTC)),
        found(placed_at=datetime(1, 1, 1, tzinfo=UTC), position="1-2"),
    )
    assert now <= one.died_at <= timezone.now()
    assert other.died_at == datetime(1, 1, 1, tzinfo=UTC)


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | ANY_TEXT
    | st.binary(max_size=40)
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
NAMES = ANY_TEXT | st.sampled_from(
    [
        *("ce_id", "ce_type", "content-type", "x-registry-attempt", "x-registry-root", "tenant", "region", "x-death"),
        *(
            "dead-letter-exception-class-name",
            "error-message",
            "kafka_dlt-exception-fqcn",
            "x-first-death-reason",
            "x-original-topic",
        ),
    ]
)
BODIES = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            ANY_TEXT | st.sampled_from(["specversion", "id", "type", "data", "tenant"]), inner, max_size=4
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
PLACES = itertools.count(1)
MESSAGES = st.builds(
    Found,
    position=st.builds(lambda: f"{next(PLACES)}-0"),
    body=BODIES,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple),
    key=st.none() | st.binary(max_size=400),
    message_id=ANY_TEXT | st.just("x" * 600),
    placed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    partition=st.just("") | ANY_TEXT,
)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(MESSAGES, min_size=1, max_size=8))
def test_whatever_is_in_a_message_a_letter_comes_out_and_its_bytes_stay(
    stream: DeadLetterSource, messages: list[Found]
) -> None:
    rows = taken(stream, *messages)
    assert len(rows) == len(messages)
    for row, each in zip(rows, messages, strict=True):
        opened = payloads.opened(row)
        assert (opened.body, opened.key, len(opened.headers)) == (each.body, each.key, len(each.headers))
        assert [name for name, _ in opened.headers if name.isascii()] == [n for n, _ in each.headers if n.isascii()]
    assert ledger.imbalance() == 0


@pytest.mark.parametrize(
    "value",
    [
        *({"b64": "x"}, {"at": "2026-01-01"}, {"table": {"at": "x"}}, {"at": {"b64": b"\x00"}}, [b"\xff", 1.5, None]),
        *(datetime(2026, 1, 1, tzinfo=UTC), {"a": {"b": [True, {"at": "z"}]}}, "a\x00\ud800", 2**70),
    ],
)
def test_headers_come_back_as_they_were(stream: DeadLetterSource, value: Any) -> None:
    [letter] = taken(stream, found(b"", ("name", value), ("name", "twice")))
    assert payloads.opened(letter).headers == (("name", value), ("name", "twice"))


# --- letters that came back --------------------------------------------------------------------------------------


@pytest.fixture
def attempt(stream: DeadLetterSource, ops: Person) -> RedriveAttempt:
    """A letter that was sent again and confirmed."""
    return letters.sent_again(letters.letter(stream, wire_id="id-1"), by=ops)


def again(attempt: RedriveAttempt, name: str = "x-registry-attempt", **more: Any) -> Found:
    ours = ((name, str(attempt.pk).encode()), ("x-registry-root", str(attempt.letter_id).encode()))
    return found(b"{}", *ours, **{"message_id": "id-1", "position": "5-1"} | more)


def test_a_letter_that_came_back_is_a_new_row_of_the_same_lineage(
    stream: DeadLetterSource, attempt: RedriveAttempt
) -> None:
    [letter] = taken(stream, again(attempt, "X-Registry-Attempt"))
    assert (letter.parent, letter.root, letter.redrive_count, letter.state) == (
        attempt.letter,
        attempt.letter,
        1,
        "open",
    )
    assert DeadLetter.objects.get(pk=attempt.letter_id).state == "returned"
    assert taken(stream, again(attempt)) == []
    assert ledger.imbalance() == 0


def test_one_that_came_back_too_often_is_parked(stream: DeadLetterSource, attempt: RedriveAttempt) -> None:
    DeadLetterSource.objects.update(max_redrives=1)
    stream.refresh_from_db()
    [letter] = taken(stream, again(attempt))
    assert (letter.state, letter.why) == ("parked", "It was sent again once.")
    assert letter.moves.get().became == "parked"


def test_in_custody_the_attempt_is_its_identity_so_that_its_id_does_not_hide_it(
    stream: DeadLetterSource, attempt: RedriveAttempt
) -> None:
    DeadLetterSource.objects.update(mode="consume")
    stream.refresh_from_db()
    [letter] = taken(stream, again(attempt), again(attempt))
    assert (letter.id_kind, letter.identity) == ("attempt", f"attempt:{attempt.pk}")
    [other] = taken(stream, again(attempt, mark="another death"))
    assert (other.identity, other.parent) == (f"attempt:{attempt.pk}/another death", attempt.letter)


def test_what_dies_again_as_it_did_before_is_parked_and_not_lost(stream: DeadLetterSource, ops: Person) -> None:
    """Its consumer gives what dies no header but its own: id, body and error are those of the first death."""
    DeadLetterSource.objects.update(mode="consume")
    stream.refresh_from_db()
    bare = found(b"{}", ("error", "Timeout"), message_id="id-1", mark="same")
    [first] = taken(stream, bare)
    assert taken(stream, bare) == [], "given back, and not sent since"
    attempt = letters.sent_again(first, by=ops)
    [second] = taken(stream, bare, bare)
    assert (second.state, second.parent, second.root, second.redrive_count) == ("parked", first, first, 1)
    assert second.why.startswith("It lay there again as it was before it was sent")
    attempt.refresh_from_db()
    first.refresh_from_db()
    assert (attempt.state, attempt.item.came_back, first.state) == ("returned", True, "returned")
    assert taken(stream, bare) == []
    assert ledger.move(second, "open")
    again = letters.sent_again(second, by=ops)
    [third] = taken(stream, bare)
    assert (third.parent, third.root, third.identity) == (second, first, f"attempt:{again.pk}/same")
    assert ledger.imbalance() == 0


@pytest.mark.parametrize(("kind", "state"), [("rabbitmq", "refused"), ("sqs", "confirmed")])
def test_what_was_not_sent_or_has_an_id_of_its_brokers_is_the_letter_we_have(
    stream: DeadLetterSource, ops: Person, kind: str, state: str
) -> None:
    DeadLetterSource.objects.update(mode="consume")
    type(stream.broker).objects.update(kind=kind)
    bare = found(b"{}", message_id="id-1")
    [first] = taken(stream, bare)
    letters.sent_again(first, by=ops, state=state)
    assert taken(stream, bare) == []


@pytest.mark.parametrize("forged", ["0", "-1", "1e3", "9" * 30, "\u0663", "nobody's", ""])
def test_a_header_alone_makes_no_lineage(stream: DeadLetterSource, attempt: RedriveAttempt, forged: str) -> None:
    other_id = again(attempt, message_id="id-2")
    no_number = found(b"{}", ("x-registry-attempt", forged), position="5-2", message_id="id-1")
    for letter in taken(stream, other_id, no_number):
        assert (letter.parent, letter.redrive_count) == (None, 0)
    assert DeadLetter.objects.get(pk=attempt.letter_id).state == "published"


def test_headers_copied_to_another_message_make_no_lineage(stream: DeadLetterSource, attempt: RedriveAttempt) -> None:
    """Of its own id, or of none and with another body: many a program sends on the headers it was given."""
    copied = again(attempt, message_id="")
    other, sent = replace(copied, body=b'{"order": 2}'), replace(copied, body=b'{"order": 1}', position="5-2")
    [stranger] = taken(stream, other)
    assert (stranger.parent, DeadLetter.objects.get(pk=attempt.letter_id).state) == (None, "published")
    [back] = taken(stream, sent)
    assert (back.parent, DeadLetter.objects.get(pk=attempt.letter_id).state) == (attempt.letter, "returned")


def test_headers_of_an_attempt_at_another_source_change_nothing_there(
    stream: DeadLetterSource, attempt: RedriveAttempt
) -> None:
    elsewhere = letters.source(stream.integration, stream.broker, by=stream.consented_by)
    [letter] = taken(elsewhere, again(attempt))
    assert (letter.parent, letter.redrive_count) == (None, 0)
    assert letter.why == "Its headers name an attempt of ours that never was at this source."
    attempt.refresh_from_db()
    assert (attempt.state, DeadLetter.objects.get(pk=attempt.letter_id).state) == ("confirmed", "published")


# --- retention ---------------------------------------------------------------------------------------------------


def test_when_the_retention_is_over_payloads_go_and_rows_stay(stream: DeadLetterSource) -> None:
    State = DeadLetter.State
    old = timezone.now() - timedelta(days=31)
    states = [State.OPEN, State.PARKED, State.ARCHIVED, State.QUEUED, State.DISCARDED]
    rows = [letters.letter(stream, harvested_at=old, facts={"region": "eu"}) for _ in states]
    fresh = letters.letter(stream, facts={"region": "eu"})
    for row, state in zip(rows[1:], states[1:], strict=True):
        assert ledger.move(row, state)
    assert harvests.prune() == 4
    assert harvests.prune() == 0
    became = list(DeadLetter.objects.order_by("id").values_list("state", "facts"))
    kept = {"region": "eu"}
    assert became == [
        *[("expired", {})] * 3,
        ("queued", kept),
        ("discarded", {}),
        ("open", kept),
    ]
    assert set(Payload.objects.values_list("letter_id", flat=True)) == {rows[3].pk, fresh.pk}
    assert rows[0].moves.order_by("-version")[0].why == "Its retention of 30 days is over."


def test_old_readings_are_forgotten(stream: DeadLetterSource) -> None:
    now = timezone.now()
    for days in (1, 15):
        DepthReading.objects.create(source=stream, minute=now - timedelta(days=days), messages=1)
    harvests.prune()
    assert DepthReading.objects.count() == 1
