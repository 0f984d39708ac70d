"""One dead letter: what it holds, what was mended in it, and what became of it."""

import json
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from registry.models import DeadLetter, DeadLetterSource, Environment, Event, Integration, Person
from registry.services import edits, ledger, payloads
from registry.services.masks import HIDDEN
from tests import landscape, letters
from tests.console.browsing import browse, text

SECRET = "cora@example.com"


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops, place="orders.events.dead", masked=["email"])


@pytest.fixture
def letter(source: DeadLetterSource) -> DeadLetter:
    body = json.dumps({"email": SECRET, "total": "83,96", "note": "\u202egnp"}, ensure_ascii=False).encode()
    return letters.letter(source, body=body, headers=[("tenant", "blue"), ("gone", "x"), ("email", SECRET)])


def page(letter: DeadLetter, by: Person) -> Any:
    return browse(by).get(reverse("letter", args=[letter.pk]))


def mended(letter: DeadLetter, by: Person, **more: Any) -> Any:
    body = {"email": HIDDEN, "total": 8396, "note": "\u202egnp"}
    headers = [("tenant", "green"), ("new", "1"), ("email", HIDDEN)]
    given: dict[str, Any] = {"body": json.dumps(body).encode(), "headers": headers, "reason": "Cents", "by": by}
    newest = letter.edits.order_by("-pk").first()
    return edits.edit(letter, **given | {"seen": newest.pk if newest else edits.ORIGINAL} | more)


def test_an_edit_says_who_when_why_and_what(
    letter: DeadLetter, oncall: Person, ann: Person, django_assert_num_queries: Any
) -> None:
    mended(letter, oncall)
    client = browse(ann)
    with django_assert_num_queries(14):
        shown = client.get(reverse("letter", args=[letter.pk]))
    said = text(shown)
    assert "Mended 1 Otto Oncall just now , against the letter as it came Sent so" in said
    for each in ("Changed: Header tenant blue → green", "Added: Header new 1", "Removed: Header gone x"):
        assert each in said
    assert "<del> &quot;total&quot;: <b>&quot;83,96&quot;</b>" in " ".join(shown.content.decode().split())
    assert SECRET not in shown.content.decode()
    assert "\u202e" not in shown.content.decode()


def test_that_a_hidden_value_became_another_is_said_without_it(letter: DeadLetter, oncall: Person, ann: Person) -> None:
    body = json.dumps({"email": "other@example.com", "total": "83,96", "note": "\u202egnp"}).encode()
    mended(letter, oncall, body=body, headers=[("tenant", "blue"), ("gone", "x"), ("email", "other@example.com")])
    shown = page(letter, ann)
    assert "Another hidden value at body/email ." in text(shown)
    assert "Changed: Header email Another hidden value." in text(shown)
    assert "@example.com" not in text(shown)


def test_of_many_edits_the_newest_are_compared(
    letter: DeadLetter, oncall: Person, django_assert_num_queries: Any
) -> None:
    for place in range(7):
        mended(letter, oncall, headers=[("tenant", str(place))])
    client = browse(oncall)
    with django_assert_num_queries(15):
        said = text(client.get(reverse("letter", args=[letter.pk])))
    assert said.count("Changed: Header tenant") == 3
    assert said.count("What it changed is not worked out here.") == 4


def test_a_long_body_is_not_compared(source: DeadLetterSource, oncall: Person) -> None:
    DeadLetterSource.objects.update(masked=[])
    letter = letters.letter(source, body=b"x" * 150_000)
    letter.source.refresh_from_db()
    mended(letter, oncall, body=b"x" * 149_999, headers=[])
    assert "It is changed, and too long to be compared here." in text(page(letter, oncall))


# --- mending one ---------------------------------------------------------------------------------------------------


def sent(page: Any, **more: Any) -> dict[str, Any]:
    """What a browser sends of the form, fields of one name in their order."""
    rows = page.context["headers"]
    return {
        "base": page.context["start"].base,
        "seen": page.context["seen"],
        "body": page.context["body"].replace("\n", "\r\n"),
        "name": [each.name for each in rows],
        "value": [each.value.replace("\n", "\r\n") for each in rows],
        "reason": "Mended",
    } | more


def test_an_untouched_form_changes_nothing(source: DeadLetterSource, oncall: Person) -> None:
    DeadLetterSource.objects.update(masked=[])
    headers = [("tenant", " a\nb\r\rc\u202e "), ("\u0007bell ", b"\xff"), ("nul", "\x00"), ("n", 3), ("t", {"a": [1]})]
    client = browse(oncall)
    for body in (b"\n\none\rtwo\r\nthree\xe2\x80\xae", b'{"a":1.10,\r\n"a b":"\\u0007"}', b"\x00", b"\xff\xfe", b""):
        letter = letters.letter(source, body=body, headers=headers)
        address = reverse("letter-edit", args=[letter.pk])
        refused = client.post(address, sent(client.get(address)))
        assert (refused.status_code, "Nothing is changed." in text(refused)) == (409, True), body
        client.post(address, sent(client.get(address), reason="Only a header", name=["tenant"], value=["x"]))
        made = letter.edits.get()
        made.letter.source.refresh_from_db()
        assert payloads.opened_edit(made).body == body


def test_a_second_edit_starts_from_what_would_be_sent(letter: DeadLetter, oncall: Person) -> None:
    first = mended(letter, oncall, headers=[("tenant", "green"), ("email", "other@example.com")])
    client, address = browse(oncall), reverse("letter-edit", args=[letter.pk])
    page = client.get(address)
    assert "It starts from the edit of Otto Oncall" in text(page)
    assert '"total": 8396' in page.context["body"]
    assert [each.name for each in page.context["headers"] if not each.is_new] == ["tenant", "email"]
    answer = client.post(address, sent(page, body=page.context["body"].replace("8396", "8397")))
    assert answer.status_code == 302
    second = payloads.opened_edit(letter.edits.latest("pk"))
    assert json.loads(second.body) == {"email": SECRET, "total": 8397, "note": "\u202egnp"}
    assert dict(second.headers) == {"tenant": "green", "email": "other@example.com"}
    event = Event.objects.filter(kind="letter.edited").latest("pk")
    assert event.details["base"] == first.pk


def test_one_may_start_again_from_the_letter_as_it_came(letter: DeadLetter, oncall: Person) -> None:
    mended(letter, oncall)
    client, address = browse(oncall), reverse("letter-edit", args=[letter.pk])
    page = client.get(address, {"from": "original"})
    assert "It starts from the letter as it came." in text(page)
    assert '"total": "83,96"' in page.context["body"]
    assert client.post(address, sent(page)).status_code == 302
    assert payloads.opened_edit(letter.edits.latest("pk")) == payloads.opened(letter)
    assert "Nothing differs from the letter as it came." in text(client.get(reverse("letter", args=[letter.pk])))


def test_what_two_typed_at_once_is_shown_to_the_later_and_neither_is_lost(
    letter: DeadLetter, oncall: Person, ops: Person
) -> None:
    ops.groups.add(landscape.group_of("on-call"))
    client, address = browse(ops), reverse("letter-edit", args=[letter.pk])
    begun = client.get(address)
    mended(letter, oncall)
    mine = sent(begun, body=begun.context["body"].replace("83,96", "84.00"), value=["red", "x", HIDDEN, "", ""])
    clash = client.post(address, mine)
    said = text(clash)
    assert clash.status_code == 409
    assert "Otto Oncall edited it meanwhile" in said
    for each in ("84.00", "Changed: Header tenant green → red", "Removed: Header new 1", "Added: Header gone x"):
        assert each in said
    assert SECRET not in clash.content.decode()
    assert letter.edits.count() == 1
    assert client.post(address, sent(clash, name=mine["name"], value=mine["value"])).status_code == 302
    assert dict(payloads.opened_edit(letter.edits.latest("pk")).headers)["tenant"] == "red"
    assert json.loads(payloads.opened_edit(letter.edits.latest("pk")).body)["email"] == SECRET


def test_an_edit_that_begins_with_nothing_there_is_refused(letter: DeadLetter, oncall: Person) -> None:
    client, address = browse(oncall), reverse("letter-edit", args=[letter.pk])
    assert client.get(address, {"from": "7"}).status_code == 409
    assert client.post(address, sent(client.get(address), base="x", seen="9" * 40)).status_code == 409
    ledger.move(letter, DeadLetter.State.ARCHIVED)
    assert "It is archived." in text(client.get(address))


def test_headers_are_added_and_left_out(letter: DeadLetter, oncall: Person) -> None:
    client, address = browse(oncall), reverse("letter-edit", args=[letter.pk])
    page = client.get(address)
    more = {"name": ["tenant", "gone", "email", "shop", ""], "value": ["blue", "x", HIDDEN, "nl", ""], "leave": ["1"]}
    refused = client.post(address, sent(page, **more, reason=""))
    assert refused.status_code == 400
    assert [each.is_left_out for each in refused.context["headers"]] == [False, True, False, False, False]
    assert client.post(address, sent(page, **more)).status_code == 302
    made = payloads.opened_edit(letter.edits.get())
    assert made.headers == (("tenant", "blue"), ("email", SECRET), ("shop", "nl"))


def test_characters_nobody_sees_in_a_field_are_named_beside_it(source: DeadLetterSource, oncall: Person) -> None:
    DeadLetterSource.objects.update(masked=[])
    letter = letters.letter(
        source, body=b"one\ntwo \xe2\x80\xae\x07\nthree\xe2\x80\xae", headers=[("x\u200b", "a\x1b")]
    )
    said = text(browse(oncall).get(reverse("letter-edit", args=[letter.pk])))
    assert "Contains U+202E (right-to-left override) at lines 2, 3, U+0007 (control) at line 2" in said
    assert "Contains U+200B (zero width space) at character 2" in said
    assert "Contains U+001B (control) at character 2" in said


@pytest.mark.parametrize("body", [b"a\x00b", b"\xff\xfe"])
def test_what_is_not_text_is_shown_and_its_headers_may_be_changed(
    source: DeadLetterSource, oncall: Person, body: bytes
) -> None:
    DeadLetterSource.objects.update(masked=[])
    letter = letters.letter(source, body=body, headers=[("tenant", "nl")])
    client, address = browse(oncall), reverse("letter-edit", args=[letter.pk])
    page = client.get(address)
    assert "It is not text, and stays as it is; headers may be changed." in text(page)
    assert '<textarea class="code"' not in page.content.decode()
    told = sent(page, value=["be", "", ""])
    del told["body"]
    assert client.post(address, told).status_code == 302
    assert payloads.opened_edit(letter.edits.get()).body == body


def test_half_characters_are_no_error(source: DeadLetterSource, oncall: Person) -> None:
    letter = letters.letter(source, headers=[("half", "\ud800"), ("\udfff", "x")])
    for name in ("letter", "letter-edit"):
        page = browse(oncall).get(reverse(name, args=[letter.pk]))
        assert page.status_code == 200
    assert 'title="half a character">U+D800' in browse(oncall).get(reverse("letter", args=[letter.pk])).content.decode()


# --- what is hidden ------------------------------------------------------------------------------------------------


def test_the_bytes_are_downloaded_with_a_reason_that_is_written_down_first(letter: DeadLetter, oncall: Person) -> None:
    client, address = browse(oncall), reverse("letter", args=[letter.pk])
    assert "Keep it as a file, hidden values and all" in text(client.get(address))
    refused = client.post(address, {"act": "download", "why": " "})
    assert (refused.status_code, SECRET in refused.content.decode()) == (400, False)
    assert not Event.objects.filter(kind="letter.downloaded").exists()
    answer = client.post(address, {"act": "download", "why": "For the provider"})
    body = payloads.opened(letter).body
    assert (answer.status_code, answer.content) == (200, body)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="letter-{letter.pk}.bin"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    event = Event.objects.get(kind="letter.downloaded")
    told = {"letter": letter.pk, "reason": "For the provider", "sha256": payloads.sha256(body), "size": len(body)}
    assert (event.actor, event.details) == (oncall, told)
    assert SECRET not in event.data


def test_where_it_cannot_be_written_down_nothing_leaves(letter: DeadLetter, oncall: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registry_event ADD CONSTRAINT full_up CHECK (kind NOT LIKE 'letter.%') NOT VALID")
    client = browse(oncall)
    client.raise_request_exception = False
    for told in ({"act": "download", "why": "x"}, {"act": "reveal", "path": "body/email", "why": "x"}):
        answer = client.post(reverse("letter", args=[letter.pk]), told)
        assert (answer.status_code, SECRET in answer.content.decode()) == (500, False)


def test_who_may_not_reveal_downloads_nothing_that_is_hidden(letter: DeadLetter, oncall: Person, ann: Person) -> None:
    client, address = browse(ann), reverse("letter", args=[letter.pk])
    said = text(client.get(address))
    assert "whoever is on call may, with a reason" in said
    assert "Download the bytes" not in said
    for told in ({"act": "download", "why": "x"}, {"act": "reveal", "path": "body/email", "why": "x"}):
        refused = client.post(address, told)
        assert (refused.status_code, "Ask who is on call." in text(refused)) == (403, True)
        assert SECRET not in refused.content.decode()
    raw = reverse("letter-raw", args=[letter.pk])
    assert "Ask who is on call." in text(client.get(raw))
    assert client.get(raw).status_code == 403
    assert "Download it from its page, with a reason." in text(browse(oncall).get(raw))
    assert not Event.objects.filter(kind__in=["letter.downloaded", "letter.revealed"]).exists()


ODD_NAMES = ("a.b", "a/b", "~1", "", " two  spaces ", "line\r\nend", "\u202ename", "x" * 900, "9", "•••••")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_value_is_revealed_whatever_names_lead_to_it(source: DeadLetterSource, oncall: Person, name: str) -> None:
    letter = letters.letter(source, body=json.dumps({name: [{name: {"email": f"\u202e{SECRET}"}}]}).encode())
    client, address = browse(oncall), reverse("letter", args=[letter.pk])
    [(path, _)] = client.get(address).context["hidden"]
    # A browser sends its own line ends.
    shown = client.post(address, {"act": "reveal", "path": path.replace("\r\n", "\n"), "why": "A customer asks"})
    assert shown.context["revealed"] == f"\u202e{SECRET}"
    assert f'<span class="odd" title="right-to-left override">U+202E</span>{SECRET}' in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    event = Event.objects.get(kind="letter.revealed")
    assert event.details["path"] == path[:500]
    assert ("path_sha256" in event.details) == (len(path) > 500)
    assert SECRET not in event.data


@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), {"x": SECRET}])
def test_a_hidden_header_is_revealed(source: DeadLetterSource, oncall: Person, value: Any) -> None:
    letter = letters.letter(source, headers=[("Email", value)])
    client, address = browse(oncall), reverse("letter", args=[letter.pk])
    assert SECRET not in client.get(address).content.decode()
    shown = client.post(address, {"act": "reveal", "path": "headers/Email", "why": "A customer asks"})
    assert SECRET in shown.context["revealed"]
    assert Event.objects.get(kind="letter.revealed").details["path"] == "headers/Email"


def test_what_is_not_hidden_is_not_revealed(letter: DeadLetter, oncall: Person) -> None:
    for path in ("body", "body/total", "headers/tenant", "body/email/x", "", "headers/", "x" * 10_000, "\x00"):
        told = {"act": "reveal", "path": path, "why": "Curious"}
        refused = browse(oncall).post(reverse("letter", args=[letter.pk]), told)
        assert (refused.status_code, "Nothing is hidden there." in text(refused)) == (409, True), path
    assert not Event.objects.filter(kind="letter.revealed").exists()


def test_of_very_many_hidden_values_some_can_be_chosen(source: DeadLetterSource, oncall: Person) -> None:
    letter = letters.letter(source, body=json.dumps([{"email": n} for n in range(3_000)]).encode())
    said = text(page(letter, oncall))
    assert "The first 500 of 3,000 can be chosen here." in said


# --- what became of it ---------------------------------------------------------------------------------------------


def test_what_became_of_it_is_told_in_words(source: DeadLetterSource, oncall: Person) -> None:
    letter = letters.letter(source)
    ledger.move(letter, DeadLetter.State.PARKED, by=oncall, why="Wait for the fix")
    ledger.move(letter, DeadLetter.State.OPEN, by=oncall, why="Fixed")
    for state in ("queued", "publishing", "uncertain"):
        ledger.move(letter, state)
    said = text(page(letter, oncall))
    assert "Uncertain Nobody knows whether it arrived just now , by the registry" in said
    assert "Open Taken up again just now , by Otto Oncall Fixed" in said
    assert "Parked Set aside just now , by Otto Oncall Wait for the fix" in said
    assert "Open Taken in just now , by the registry" in said


def test_the_letters_one_message_died_as_stand_together(source: DeadLetterSource, oncall: Person) -> None:
    first = letters.letter(source)
    second = letters.letter(source, parent=first, root=first, redrive_count=1)
    third = letters.letter(source, parent=second, root=first, redrive_count=2)
    said = text(page(second, oncall))
    assert f"Open Letter {first.pk} died just now TimeoutError" in said
    assert f"Open Letter {second.pk}, this one died just now , came back from letter {first.pk}" in said
    assert f"Open Letter {third.pk} died just now , came back from this one" in said
    assert "each time it died" not in text(page(letters.letter(source), oncall))
