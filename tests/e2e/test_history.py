"""History, difference and restoring in a real browser: by keys, without scripts, narrow and wide, light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.models import Integration, Person, Revision
from registry.services import reviews, revisions
from tests import landscape
from tests.e2e.conftest import NARROW, WIDE, watched
from tests.e2e.test_pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BASE = "/integrations/orders-to-payments"
PAGES = {
    "history": f"{BASE}/history/",
    "difference": f"{BASE}/diff/",
    "side by side": f"{BASE}/diff/?view=side",
    "restore": f"{BASE}/restore/?from=1.0",
    "old document": f"{BASE}/?revision=1.0",
}


@pytest.fixture
def written(approved: Integration, ann: Person) -> Integration:
    """1.0 in force, a withdrawn round as 1.1, and a draft of 1.2 that differs in many ways."""
    draft = revisions.start_draft(approved, by=ann)
    document = landscape.document()
    contract = document["contracts"][0]
    contract["name"] = "payments"
    contract["policy"]["circuit_breaker"]["open_seconds"] = 60
    contract["operations"][0]["request_schema"] = '{"type": "object", "properties": {"id": {"type": "string"}}}'
    document["overview"]["purpose"] = "Take the customer's money twice when an order is placed."
    draft = revisions.save(draft, document, by=ann, if_match=draft.etag)
    review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Another name")
    reviews.withdraw(review, by=ann, reason="The schema is wrong")
    contract["operations"][0]["request_schema"] = '{"properties": {"id": {"type": "integer"}}, "type": "object"}'
    document["saga"] = {"steps": [{"name": each, "action": "POST /"} for each in ("reserve", "pay")]}
    draft = Revision.objects.get(pk=draft.pk)
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    return approved


def test_one_goes_from_change_to_change_by_keys(
    live_server: Any, context: BrowserContext, written: Integration, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}{BASE}/diff/")
    at = page.locator(".change.is-at")
    for name in ("Purpose", "payments", "Request schema", "Open"):
        page.keyboard.press("n")
        expect(at).to_contain_text(name)
        expect(at).to_be_focused()
        expect(at).to_be_in_viewport()
    page.keyboard.press("p")
    expect(at).to_contain_text("Request schema")
    page.get_by_role("link", name="Side by side").click()
    page.wait_for_url(re.compile("view=side"))
    page.goto(f"{live_server.url}{BASE}/diff/?section=overview")
    expect(page.locator(".differences.is-apart")).to_be_visible()
    expect(page.locator(".change")).to_have_count(1)


def test_without_scripts_two_texts_are_chosen_and_one_is_restored(
    live_server: Any, browser: Browser, written: Integration, ann: Person
) -> None:
    with watched(browser, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}{BASE}/history/")
        page.get_by_label("From 1.1").check()
        page.get_by_label("To 1.2").check()
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".change").first).to_contain_text("Request schema")
        page.locator("details.unchanged summary").first.click()
        expect(page.locator("details.unchanged dd").first).to_be_visible()
        page.goto(f"{live_server.url}{BASE}/history/")
        page.locator(".entry", has=page.get_by_role("link", name="1.0", exact=True)).get_by_text("Restore…").click()
        page.get_by_role("checkbox", name="Overview").uncheck()
        page.get_by_role("checkbox", name="Saga").uncheck()
        page.get_by_role("button", name="Restore into draft 1.2").click()
        expect(page.get_by_text("Restored from 1.0: contracts. This is draft 1.2.")).to_be_visible()
    assert written.revisions.latest("number").document["contracts"] == landscape.document()["contracts"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody_wide_and_narrow(
    live_server: Any,
    context: BrowserContext,
    written: Integration,
    ann: Person,
    violations: Callable[[Page], list[str]],
    picture: Callable[[Page, str], None],
    scheme: Any,
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    sign_in(page, live_server.url, ann)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for name, path in PAGES.items():
            page.goto(live_server.url + path)
            assert violations(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
            picture(page, f"history {name} {scheme} {size['width']}".replace(" ", "-"))
