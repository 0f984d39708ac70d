"""Dead letters as people look at them, and what they do with them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console import odd
from registry.models import DeadLetter, DeadLetterSource, DepthReading, Environment, Event, Integration, Person
from registry.services import edits, integrations, ledger
from tests import letters
from tests.console.browsing import browse, form, text

State = DeadLetter.State
HOSTILE = '{"note": "<script>alert(1)</script> \u202egnp.exe", "email": "cora@example.com"}'.encode()


@pytest.fixture
def by_ann(ann: Person) -> Client:
    return browse(ann)


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops, place="orders.events.dead", masked=["email"])


def act(client: Client, source: DeadLetterSource, what: str, *chosen: DeadLetter, why: str = "Because") -> Any:
    told = {"act": what, "letter": [each.pk for each in chosen], "why": why}
    return client.post(reverse("letters", args=[source.pk]), told)


def marked(page: Any) -> list[str]:
    return re.findall(r'name="letter" value="(\d+)"[^>]* checked', page.content.decode())


def test_sources_are_listed_by_what_lies_longest(source: DeadLetterSource, by_ann: Client, ops: Person) -> None:
    letters.letter(source)
    now = timezone.now()
    ages = {
        "told.by.broker": (5, None),
        "taken.in": (None, 7),
        "both": (2, 9),
        "empty": (None, None),
        "longest": (9, 1),
    }
    for place, (told, taken) in ages.items():
        lies, lie = (hours and now - timedelta(hours=hours) for hours in (told, taken))
        letters.source(source.integration, source.broker, place=place, oldest_at=lies, open_since=lie)
    DeadLetterSource.objects.filter(pk=source.pk).update(depth=1_204, oldest_at=now - timedelta(hours=1))
    said = text(by_ann.get(reverse("dead-letters")))
    assert "orders.events.dead from orders.events Orders to payments Production" in said
    places = ["longest", "taken.in", "told.by.broker", "both", "orders.events.dead", "empty"]
    assert sorted(places, key=lambda each: said.index(f"{each} from")) == places
    assert said.count("of those taken in") == 1


def test_a_source_whose_broker_tells_no_age_tells_the_ledgers(source: DeadLetterSource, by_ann: Client) -> None:
    now = timezone.now()
    since = now - timedelta(hours=5)
    DeadLetterSource.objects.update(depth=3, open_since=since)
    DepthReading.objects.create(source=source, minute=now, messages=3, open_since=since)
    page = by_ann.get(reverse("source", args=[source.pk]))
    assert "the oldest taken in and undecided 5 hours ago" in text(page)
    assert "How old the oldest was of those taken in and undecided" in text(page)
    assert "The oldest was 5\N{NO-BREAK SPACE}hours old when last looked at" in page.content.decode()
    DeadLetterSource.objects.update(oldest_at=since)
    assert "undecided" not in text(by_ann.get(reverse("source", args=[source.pk])))


def test_a_source_says_that_another_log_is_there_and_what_cannot_be_counted(
    source: DeadLetterSource, by_ann: Client
) -> None:
    now = timezone.now()
    address = reverse("source", args=[source.pk])
    assert "Not counted yet" in text(by_ann.get(address))
    DeadLetterSource.objects.update(looked_at=now, made_anew_at=now - timedelta(hours=2))
    said = text(by_ann.get(address))
    assert "Not known" in said
    assert "Another log was found by this name, 2 hours ago" in said


def test_a_source_says_what_its_letters_died_of(
    source: DeadLetterSource, by_ann: Client, django_assert_num_queries: Any
) -> None:
    for error in ("TimeoutError", "TimeoutError", "ValueError"):
        letters.letter(source, error_class=error)
    now = DeadLetter.objects.latest("pk").harvested_at
    DepthReading.objects.create(source=source, minute=now, messages=3, oldest_at=now - timedelta(hours=5))
    with django_assert_num_queries(13):
        page = by_ann.get(reverse("source", args=[source.pk]))
    said = text(page)
    assert "TimeoutError The design says nothing of it. 2 2 ▲ Rising 2 in the last day, 0 the day before" in said
    assert "ValueError The design says nothing of it. 1 1" in said
    assert "Redrive…" not in said
    assert "3 when last counted; at most 3" in page.content.decode()
    assert "The oldest was 5\N{NO-BREAK SPACE}hours old when last looked at" in page.content.decode()


def test_a_redrive_is_offered_only_where_one_can_be_had(source: DeadLetterSource, oncall: Person) -> None:
    parked = letters.letter(source, error_class="ValueError")
    ledger.move(parked, State.PARKED)
    client, address = browse(oncall), reverse("source", args=[source.pk])
    listed = reverse("letters", args=[source.pk])
    assert "ValueError None is open. 0 1" in text(client.get(address))
    assert "Redrive… letters" not in text(client.get(address))
    letters.letter(source, error_class="ValueError")
    assert "Redrive… letters of ValueError" in text(client.get(address))
    offered = f'href="{reverse("redrive-new", args=[source.pk])}?q=value">Redrive all that fit…'
    for state, is_offered in (("", True), ("open", True), ("parked", False)):
        page = client.get(listed, {"q": "value", "state": state}).content.decode()
        assert (offered in page.replace("?q=value&amp;", "?q=value")) is is_offered, state
    DeadLetterSource.objects.update(mode="counts")
    assert "Redrive… letters" not in text(client.get(address))
    assert "Redrive all" not in text(client.get(listed))


def test_what_is_undecided_is_counted_alike_on_every_page(source: DeadLetterSource, by_ann: Client) -> None:
    for state in (State.OPEN, State.PARKED, State.UNCERTAIN, State.ARCHIVED):
        letters.letter(source, state=state)
    counted = [
        by_ann.get(reverse(name, args=args)).context["sources"][0].opened
        for name, args in (("dead-letters", []), ("integration-dead-letters", [source.integration.slug]))
    ]
    assert counted == [2, 2]


def test_a_list_tells_what_is_mended(source: DeadLetterSource, oncall: Person) -> None:
    refused = "total is missing"
    one, other = (letters.letter(source, body=b'{"order": 1}', schema_problem=refused) for _ in range(2))
    edits.edit(one, body='{"order": 2}', headers=[], reason="Wrong total", by=oncall)
    client = browse(oncall)
    page = text(client.get(reverse("letters", args=[source.pk])))
    assert (page.count("Mended"), page.count("Fails its schema")) == (1, 1)
    page = text(client.get(reverse("letter", args=[one.pk])))
    assert f"{oncall.name} mended it" in page
    assert "Body as it came" in page
    assert "mended it" not in text(client.get(reverse("letter", args=[other.pk])))


def test_what_is_text_but_for_a_few_bytes_is_read_as_text(source: DeadLetterSource, oncall: Person) -> None:
    body = b'{"name": "Caf\xe9 de Paris, and what follows of it"'
    letter = letters.letter(source, body=body)
    client, address = browse(oncall), reverse("letter", args=[letter.pk])
    assert "All of it is hidden: it is no JSON that can be looked into" in text(client.get(address))
    told = text(client.post(address, {"act": "reveal", "path": "body", "why": "A customer asks"}))
    assert "Caf" in told
    assert "de Paris, and what follows of it" in told
    DeadLetterSource.objects.update(masked=[])
    told = text(client.get(address))
    assert "de Paris, and what follows of it" in told
    assert "7b 22 6e 61" in told


def test_nothing_is_decided_by_a_key_pressed_in_a_field(source: DeadLetterSource, oncall: Person) -> None:
    """A browser presses the first button of a form for Enter."""
    client, letter = browse(oncall), letters.letter(source)
    for address in (reverse("letters", args=[source.pk]), reverse("letter", args=[letter.pk])):
        page = client.get(address).content.decode()
        [acts] = [each for each in page.split("<form ")[1:] if 'id="why"' in each]
        assert re.findall(r"<button[^>]*>", acts)[0] == "<button disabled hidden>"


def test_what_lies_open_is_told_by_its_age(source: DeadLetterSource, by_ann: Client) -> None:
    now = timezone.now()
    for days in (0, 0, 2, 9):
        letters.letter(source, died_at=now - timedelta(days=days))
    ledger.move(letters.letter(source, died_at=now), State.ARCHIVED)
    page = by_ann.get(reverse("source", args=[source.pk]))
    assert "Under an hour 2 Under a day 0 Under a week 1 Older 1 Taken in" in text(page)
    ledger.move_all(source.letters.values_list("pk", flat=True), State.OPEN, State.ARCHIVED)
    assert "Under an hour" not in text(by_ann.get(reverse("source", args=[source.pk])))


def test_the_list_draws_a_day_of_every_source(
    source: DeadLetterSource, by_ann: Client, django_assert_num_queries: Any
) -> None:
    now = timezone.now()
    for hours, count in ((30, 99), (5, 4), (0, 9)):
        DepthReading.objects.create(source=source, minute=now - timedelta(hours=hours), messages=count)
    for _ in range(3):
        letters.source(source.integration, source.broker)
        with django_assert_num_queries(4):
            page = by_ann.get(reverse("dead-letters"))
    assert page.content.decode().count("In the last day from 4 to 9, at most 9") == 1


def test_letters_are_found(source: DeadLetterSource, by_ann: Client, django_assert_num_queries: Any) -> None:
    one, other = letters.letter(source, error_class="TimeoutError"), letters.letter(source, error_class="ValueError")
    ledger.move(other, State.PARKED)
    address = reverse("letters", args=[source.pk])
    for asked in ({"state": "parked"}, {"q": "valueerr"}, {"group": other.group_id}):
        assert [each.pk for each in by_ann.get(address, asked).context["page"].rows] == [other.pk], asked
    with django_assert_num_queries(8):
        assert [each.pk for each in by_ann.get(address).context["page"].rows] == [other.pk, one.pk]
    refused = by_ann.get(address, {"since": "yesterday"})
    assert [each.path for each in refused.context["problems"]] == ["since"]


@pytest.mark.parametrize(
    "asked",
    [{"group": "x"}, {"group": "9" * 40}, {"q": "\x00"}, {"state": "lost"}, {"cursor": "x"}, {"since": "x" * 999}],
)
def test_what_cannot_be_asked_for_is_no_error(source: DeadLetterSource, by_ann: Client, asked: dict[str, str]) -> None:
    letters.letter(source)
    assert by_ann.get(reverse("letters", args=[source.pk]), asked).status_code in (200, 400)


def test_letters_are_parked_opened_archived_and_discarded(source: DeadLetterSource, oncall: Person) -> None:
    client, made = browse(oncall), [letters.letter(source) for _ in range(3)]
    for what, state in (("park", "parked"), ("reopen", "open"), ("archive", "archived")):
        act(client, source, what, *made[:2])
        assert [each.state for each in source.letters.order_by("pk")] == [state, state, "open"]
    where = act(client, source, "discard", *made[:2], why="Test orders")["Location"]
    asks = client.get(where)
    assert "Discard 2 letters for ever Those that were marked." in text(asks)
    assert [each.state for each in source.letters.order_by("pk")] == ["archived", "archived", "open"]
    sent = form(asks)
    assert sent["why"] == "Test orders"
    assert "2 letters are discarded." in text(client.post(where, sent, follow=True))
    assert [each.state for each in source.letters.order_by("pk")] == ["discarded", "discarded", "open"]
    act(client, source, "take", made[2])
    assert source.letters.get(pk=made[2].pk).assignee == oncall
    assert ledger.imbalance() == 0


def test_what_is_refused_is_said_and_nothing_is_done(source: DeadLetterSource, oncall: Person) -> None:
    client, letter = browse(oncall), letters.letter(source)
    address = reverse("letters", args=[source.pk])
    unmarked = client.post(address, {"act": "park", "why": "Sold out"})
    assert (unmarked.status_code, "No letter is marked." in text(unmarked)) == (400, True)
    assert 'value="Sold out"' in unmarked.content.decode()
    letters.letter(source)
    refused = client.post(address, {"act": "park", "letter": letter.pk})
    assert (refused.status_code, "Why is missing. Write a few words." in text(refused)) == (400, True)
    # What was marked and typed stays.
    assert marked(refused) == [str(letter.pk)]
    refused = act(client, source, "reopen", letter, why="They are back")
    assert (refused.status_code, marked(refused)) == (409, [str(letter.pk)])
    assert 'value="They are back"' in refused.content.decode()
    assert act(client, source, "explode", letter).status_code == 400
    assert set(source.letters.values_list("state", flat=True)) == {"open"}


def test_chosen_letters_go_to_the_plan(source: DeadLetterSource, oncall: Person) -> None:
    made = [letters.letter(source) for _ in range(2)]
    assert act(browse(oncall), source, "redrive", *made)["Location"] == (
        f"/dead-letters/{source.pk}/redrive/?letters={made[0].pk}%2C{made[1].pk}"
    )


def test_who_is_not_on_call_looks_and_touches_nothing(source: DeadLetterSource, mallory: Person) -> None:
    client, letter = browse(mallory), letters.letter(source, body=HOSTILE)
    for name, key in (("source", source.pk), ("letters", source.pk), ("letter", letter.pk)):
        assert client.get(reverse(name, args=[key])).status_code == 200
    assert act(client, source, "archive", letter).status_code == 403
    assert client.get(act(client, source, "discard", letter)["Location"]).status_code == 403
    for told in ({"act": "park", "why": "x"}, {"act": "reveal", "path": "body/email", "why": "x"}):
        assert client.post(reverse("letter", args=[letter.pk]), told).status_code == 403
    assert client.get(reverse("letter-edit", args=[letter.pk])).status_code == 403
    assert source.letters.get().state == "open"


def test_a_letter_is_text_and_nothing_else(source: DeadLetterSource, by_ann: Client) -> None:
    DeadLetterSource.objects.update(masked=[])
    letter = letters.letter(source, body=HOSTILE, headers=[("x-tenant", "<b>\u202e</b>")], message="\u0007 beep")
    page = by_ann.get(reverse("letter", args=[letter.pk])).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '<span class="odd" title="right-to-left override">U+202E</span>' in page
    assert "\u202e" not in page


def test_a_hidden_value_is_revealed_with_a_reason_and_the_trail_knows(source: DeadLetterSource, oncall: Person) -> None:
    client, letter = browse(oncall), letters.letter(source, body=HOSTILE)
    address = reverse("letter", args=[letter.pk])
    assert "cora@example.com" not in text(client.get(address))
    refused = client.post(address, {"act": "reveal", "path": "body/email", "why": ""})
    assert (refused.status_code, "cora@example.com" in text(refused)) == (400, False)
    page = client.post(address, {"act": "reveal", "path": "body/email", "why": "A customer asks"})
    assert "cora@example.com" in text(page)
    assert Event.objects.filter(kind="letter.revealed", actor=oncall).count() == 1
    assert client.get(reverse("letter-raw", args=[letter.pk])).status_code == 409


def test_a_body_is_kept_as_a_file_and_never_shown_as_a_page(approved: Integration, ops: Person, by_ann: Client) -> None:
    production = Environment.objects.get(slug="production")
    letter = letters.letter(letters.source(approved, letters.broker(production), by=ops), body=b"<h1>\xff")
    answer = by_ann.get(reverse("letter-raw", args=[letter.pk]))
    assert (answer.content, answer["Content-Type"]) == (b"<h1>\xff", "application/octet-stream")
    assert answer["Content-Disposition"].startswith("attachment")


def test_a_note_and_what_was_uncertain_are_written_down(source: DeadLetterSource, oncall: Person) -> None:
    client, letter = browse(oncall), letters.letter(source)
    address = reverse("letter", args=[letter.pk])
    client.post(address, {"act": "note", "text": "Asked the provider"})
    assert "Otto Oncall just now Asked the provider" in text(client.get(address))
    for state in (State.QUEUED, State.PUBLISHING, State.UNCERTAIN):
        ledger.move(letter, state)
    client.post(address, {"act": "lost", "why": "Their log has no such id"})
    assert "Their log has no such id" in text(client.get(address))
    assert source.letters.get().state == "open"
    assert client.post(address, {"act": "explode"}).status_code == 400


def test_a_letter_is_mended_and_its_locked_headers_are_not(source: DeadLetterSource, oncall: Person) -> None:
    client = browse(oncall)
    letter = letters.letter(source, body=b'{"total": "83,96"}', headers=[("traceparent", "00-1"), ("x-tenant", "nl")])
    address = reverse("letter-edit", args=[letter.pk])
    assert "locked" in text(client.get(address))
    told = {"body": '{"total": 8396}', "name": ["traceparent", "x-tenant"], "value": ["00-2", "nl"], "reason": "Cents"}
    refused = client.post(address, told)
    assert refused.status_code in (400, 409)
    assert "8396" in refused.content.decode()
    assert client.post(address, told | {"value": ["00-1", "nl"]})["Location"] == reverse("letter", args=[letter.pk])
    assert "Mended 1 Otto Oncall" in text(client.get(reverse("letter", args=[letter.pk])))


def test_letters_are_taken_away_as_a_file(source: DeadLetterSource, by_ann: Client) -> None:
    letter = letters.letter(source, body=HOSTILE, message="=HYPERLINK(1)")
    address = reverse("letters-export", args=[source.pk, "json"])
    [row] = json.loads(b"".join(by_ann.get(address)))
    assert (row["id"], row["state"], row["message"]) == (letter.pk, "open", "=HYPERLINK(1)")
    sheet = b"".join(by_ann.get(reverse("letters-export", args=[source.pk, "csv"]))).decode()
    assert "'=HYPERLINK(1)" in sheet
    assert "cora@example.com" not in sheet
    assert by_ann.get(reverse("letters-export", args=[source.pk, "xml"])).status_code == 404


def test_what_the_design_says_against_it_is_said(source: DeadLetterSource, by_ann: Client) -> None:
    letter = letters.letter(source, message="400 VALIDATION_ERROR: no such order")
    for name, key in (("source", source.pk), ("letter", letter.pk)):
        assert "The design says: Log, do not retry: fix the request" in text(by_ann.get(reverse(name, args=[key]))), (
            name
        )


def test_a_group_says_what_the_design_says_or_that_it_says_nothing(source: DeadLetterSource, by_ann: Client) -> None:
    letters.letter(source, error_class="Throttled", message="HTTP 429 Too Many Requests")
    letters.letter(source, error_class="Teapot", message="HTTP 418")
    ledger.move(letters.letter(source, error_class="Old", message="HTTP 400"), State.ARCHIVED)
    said = text(by_ann.get(reverse("source", args=[source.pk])))
    assert "Throttled The design says: Back off as Retry-After says payments-api 429 RATE_LIMITED" in said
    assert "Teapot The design says nothing of it." in said
    assert "Old None is open." in said


def test_where_no_design_is_in_force_that_is_said_once(catalog: Any, ann: Person, by_ann: Client) -> None:
    bare = integrations.create(name="Bare", slug="bare", document=letters.document(), by=ann)
    source = letters.source(bare, letters.broker(Environment.objects.get(slug="production")))
    for error in ("One", "Two"):
        letters.letter(source, error_class=error)
    said = text(by_ann.get(reverse("source", args=[source.pk])))
    assert said.count("No design is in force here") == 1
    assert "The design says nothing" not in said


def test_a_page_of_oddities_stays_small() -> None:
    assert len(odd.visible("\u202e" * 200_000)) < 600_000
