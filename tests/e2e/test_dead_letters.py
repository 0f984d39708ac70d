"""A dead letter in a real stream, harvested, planned, and sent back by somebody on call before a real browser."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from registry.models import DeadLetterSource, Environment, Integration, Person, RedriveJob
from registry.services import edits, harvests, integrations, sending, sources
from tests import landscape, letters
from tests.e2e.conftest import NARROW
from tests.e2e.test_pages import sign_in
from tests.registry.deaths import samples
from tests.registry.services.redrives import redriving
from tests.registry.services.redrives.redriving import Stream

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stream() -> Iterator[Stream]:
    one = redriving.stream()
    yield one
    one.client.delete(one.name, f"{one.name}.dead")
    one.client.close()


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person, stream: Stream) -> Integration:
    document = redriving.document(stream.name)
    return integrations.create(name="Orders to payments", slug="orders-to-payments", document=document, by=ann)


@pytest.fixture
def source(approved: Integration, stream: Stream, ada: Person) -> DeadLetterSource:
    at = letters.broker(Environment.objects.get(slug="production"), url=settings.REDIS_URL)
    made = sources.define(approved, at, topic=stream.name, place=f"{stream.name}.dead", by=ada)
    return sources.change_mode(made, "cursor", agreed=True, by=ada)


def test_a_letter_is_sent_back_from_the_browser_and_its_consumer_finds_it(
    live_server: Any, context: BrowserContext, source: DeadLetterSource, stream: Stream, ops: Person
) -> None:
    ops.groups.add(landscape.group_of("on-call"))
    stream.client.xadd(source.place, {"body": '{"order": 7}', "message-id": "evt-7"})
    assert harvests.harvest(source.pk) == 1
    page = context.new_page()
    sign_in(page, live_server.url, ops)
    page.goto(live_server.url + reverse("redrive-new", args=[source.pk]))
    expect(page.get_by_role("heading", level=1)).to_have_text("Redrive 1 letter")
    page.get_by_label("Reason", exact=True).fill("The provider is back")
    page.get_by_role("button", name="Redrive 1 letter").dblclick()
    expect(page.get_by_text("Gathering letters")).to_be_visible()
    job = RedriveJob.objects.get()
    sending.advance(job.pk)
    page.evaluate("document.activeElement.blur()")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Finished", timeout=15_000)
    expect(page.get_by_role("img", name="1 sent")).to_be_visible()
    assert [(each["message-id"], each["body"]) for each in stream.messages()] == [("evt-7", '{"order": 7}')]


def test_a_refusal_stays_where_the_page_would_have_refreshed_it_away(
    live_server: Any, context: BrowserContext, source: DeadLetterSource, ops: Person
) -> None:
    ops.groups.add(landscape.group_of("on-call"))
    job = redriving.begun(source, letters.letter(source), by=ops)
    page = context.new_page()
    sign_in(page, live_server.url, ops)
    page.goto(live_server.url + reverse("redrive", args=[job.pk]))
    shown = page.locator("#redrive")
    expect(shown).to_have_attribute("data-refreshes", "")
    page.get_by_label("Reason").fill("x" * 500)
    page.get_by_label("Reason").evaluate("each => { each.maxLength = 600; each.value += '\\nyz'; }")
    page.get_by_role("button", name="Cancel").click()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("“Reason” is longer than 500 characters.")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(4_500)
    expect(refusal).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("x" * 500 + "\nyz")
    page.get_by_role("link", name="Refresh").click()
    expect(shown).to_have_attribute("data-refreshes", "")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("By Otto Ops, without a reason.")).to_be_visible()


def test_every_page_of_dead_letters_and_redrives_is_accessible_and_fits(
    live_server: Any,
    context: BrowserContext,
    source: DeadLetterSource,
    ada: Person,
    picture: Callable[[Page, str], None],
    flaws: Callable[[Page], list[str]],
) -> None:
    ada.groups.add(landscape.group_of("on-call"))
    one, two = letters.letter(source, key=b"7"), letters.letter(source, message="HTTP 400 VALIDATION_ERROR")
    DeadLetterSource.objects.update(masked=["email"])
    mended = letters.letter(source, body=b'{"email": "x", "order": 1}', headers=[("tenant", "a\u202eb")])
    edits.edit(mended, body='{"email": "y", "order": 2}', headers=[("tenant\u200b", "c")], reason="Wrong", by=ada)
    died = {
        name: letters.letter(source, headers=samples.headers(samples.sample(name)["headers"]))
        for name in ("spring-kafka", "nservicebus", "rabbitmq-quorum")
    }
    finished = redriving.begun(source, one, by=ada)
    running = redriving.begun(source, letters.letter(source), letters.letter(source), by=ada)
    waiting = redriving.begun(source, mended, by=ada)
    for each in (finished, running, waiting):
        sending.advance(each.pk)
    states = [RedriveJob.objects.get(pk=each.pk).state for each in (finished, running, waiting)]
    assert states == ["finished", "canary", "awaiting_approval"]
    begun = redriving.begun(source, letters.letter(source), by=ada)
    # What burns, on Home.
    DeadLetterSource.objects.update(open_since=timezone.now() - timedelta(days=2), trouble="Redis does not answer.")
    slug = source.integration.slug
    pages = {
        "home-burning": reverse("home"),
        "dead-letters": reverse("dead-letters"),
        "source": reverse("source", args=[source.pk]),
        "letters": reverse("letters", args=[source.pk]),
        "all": reverse("letters-all", args=[source.pk]),
        "all-discard": reverse("letters-all", args=[source.pk], query={"act": "discard"}),
        "letter": reverse("letter", args=[two.pk]),
        **{f"letter-{name}": reverse("letter", args=[each.pk]) for name, each in died.items()},
        "letter-edit": reverse("letter-edit", args=[two.pk]),
        "letter-mended": reverse("letter", args=[mended.pk]),
        "letter-mended-edit": reverse("letter-edit", args=[mended.pk]),
        "plan-mended": reverse("redrive-new", args=[source.pk], query={"letters": mended.pk}),
        "plan": reverse("redrive-new", args=[source.pk], query={"letters": two.pk}),
        "redrive": reverse("redrive", args=[begun.pk]),
        "redrive-running": reverse("redrive", args=[running.pk]),
        "redrive-finished": reverse("redrive", args=[finished.pk]),
        "redrive-waiting": reverse("redrive", args=[waiting.pk]),
        "redrives": reverse("redrives"),
        "brokers": reverse("brokers"),
        "broker-edit": reverse("broker-edit", args=[source.broker_id]),
        "sources": reverse("integration-dead-letters", args=[slug]),
        "source-new": reverse("source-new", args=[slug]),
        "source-settings": reverse("source-settings", args=[source.pk]),
    }
    page = context.new_page()
    sign_in(page, live_server.url, ada)
    found: dict[str, list[str]] = {}
    for theme, size in (("light", None), ("dark", NARROW)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        if size:
            page.set_viewport_size(size)  # type: ignore[arg-type]
        for name, address in pages.items():
            page.goto(live_server.url + address)
            if name == "home-burning":
                expect(page.get_by_role("region", name="Dead letters")).to_contain_text("the oldest")
            picture(page, f"{name}-{theme}")
            if wrong := flaws(page):
                found[f"{name}, {theme}"] = wrong
    assert found == {}


def test_a_browser_gives_a_form_nobody_touched_back_to_the_byte(
    live_server: Any, context: BrowserContext, source: DeadLetterSource, ada: Person
) -> None:
    ada.groups.add(landscape.group_of("on-call"))
    headers = [("lines", " a\nb\r\rc "), ("\u0007bell ", b"\xff"), ("nul", "\x00"), ("n", 3), ("t", {"a": [1]})]
    page = context.new_page()
    sign_in(page, live_server.url, ada)
    for body in ("\n\none\rtwo\r\n\x0c\x1b \u202e\u2028\x85\ufeff", '{"a":1.10,\r\n"\u202e":"\\u0007"}', "\x00", "\r"):
        letter = letters.letter(source, body=body.encode(), headers=headers)
        page.goto(live_server.url + reverse("letter-edit", args=[letter.pk]))
        page.get_by_label("Reason").fill("Untouched")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing is changed.")


def test_letters_are_marked_by_the_page_and_by_key(
    live_server: Any, context: BrowserContext, source: DeadLetterSource, ops: Person
) -> None:
    ops.groups.add(landscape.group_of("on-call"))
    for _ in range(3):
        letters.letter(source)
    page = context.new_page()
    sign_in(page, live_server.url, ops)
    page.goto(live_server.url + reverse("letters", args=[source.pk]))
    chosen, whole = page.locator("[data-count]"), page.get_by_label("Choose all on this page")
    whole.check()
    expect(chosen).to_have_text("3 chosen")
    whole.uncheck()
    expect(chosen).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(chosen).to_have_text("3 chosen")
    expect(page.locator("[name=letter]:checked")).to_have_count(3)
