"""The search by keyboard: as a dialog, as a page, and without scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.models import Integration, Person
from tests.e2e.conftest import watched
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.browser


@pytest.mark.django_db(transaction=True)
def test_the_dialog_is_opened_asked_and_left_by_keys(
    live_server: Any,
    context: BrowserContext,
    approved: Integration,
    ann: Person,
    violations: Callable[[Page], list[str]],
    picture: Callable[[Page, str], None],
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Search everything")
    expect(dialog).to_be_visible()
    page.keyboard.type("rate_lim")
    chosen = dialog.locator("[role=option][aria-selected=true]")
    expect(chosen).to_contain_text("429 RATE_LIMITED")
    assert violations(page) == []
    picture(page, "search-dialog")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_text("All that was found")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("429 RATE_LIMITED")
    page.keyboard.press("Enter")
    page.wait_for_url("**/integrations/orders-to-payments/#contract-1-error-3")
    expect(page.locator("tr:target")).to_contain_text("RATE_LIMITED")
    page.keyboard.press("Meta+k")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


@pytest.mark.django_db(transaction=True)
def test_the_page_answers_as_one_types(
    live_server: Any,
    context: BrowserContext,
    approved: Integration,
    ann: Person,
    violations: Callable[[Page], list[str]],
    picture: Callable[[Page, str], None],
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.keyboard.press("/")
    page.keyboard.type("payment")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=payment")
    expect(page.get_by_role("heading", name="Contracts")).to_be_visible()
    assert violations(page) == []
    picture(page, "search")
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type("zzqqxx")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=zzqqxx$"))
    page.keyboard.press("Control+a")
    page.keyboard.type("pyaments")
    expect(page.get_by_text("No word begins with “pyaments”")).to_be_visible()
    page.locator("#q").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    # The team that is called just so stands first.
    page.wait_for_url("**/teams/payments/")


@pytest.mark.django_db(transaction=True)
def test_without_scripts_the_box_in_the_bar_leads_to_the_page(
    live_server: Any, browser: Browser, approved: Integration, ann: Person, violations: Callable[[Page], list[str]]
) -> None:
    with watched(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        sign_in(page, live_server.url, ann)
        box = page.locator(".bar-search input")
        box.fill("RATE_LIMITED")
        box.press("Enter")
        page.get_by_role("link", name="429 RATE_LIMITED").click()
        page.wait_for_url("**/integrations/orders-to-payments/#contract-1-error-3")
