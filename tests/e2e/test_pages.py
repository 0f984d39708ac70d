"""The pages that are read work by keyboard, without scripts, and in the theme somebody chose."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.models import Integration, Person
from registry.services import revisions
from tests.e2e.conftest import watched

pytestmark = pytest.mark.browser


def sign_in(page: Page, url: str, by: Person) -> None:
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Username").fill(by.username)
    page.get_by_label("Password").fill(by.username)
    page.locator("main button").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.wait_for_load_state()  # until the scripts listen for keys


@pytest.fixture
def drafted(approved: Integration, ann: Person) -> Integration:
    """Orders to payments with 1.0 in force and a draft of 1.1."""
    draft = revisions.start_draft(approved, by=ann)
    overview = {"type": "synchronous", "criticality": "low", "purpose": "Take the customer's money twice."}
    revisions.save_section(draft, "overview", overview, by=ann, if_match=draft.etag)
    return approved


@pytest.mark.django_db(transaction=True)
def test_the_list_is_searched_as_one_types_and_walked_by_keys(
    live_server: Any, context: BrowserContext, drafted: Integration, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/integrations/")
    page.keyboard.press("/")
    page.keyboard.type("zebra")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=zebra$"))
    page.locator("#q").fill("payments")
    expect(page.get_by_role("row", name=re.compile("Orders to payments"))).to_be_visible()
    page.locator("#filter-state").select_option("retired")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.locator("#filter-state").select_option("")
    expect(page.get_by_role("row", name=re.compile("Orders to payments"))).to_be_visible()
    page.locator("#q").blur()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/integrations/orders-to-payments/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    page.wait_for_url("**/integrations/orders-to-payments/edit/overview/")


@pytest.mark.django_db(transaction=True)
def test_without_scripts_the_list_is_searched_by_its_button(
    live_server: Any, browser: Browser, drafted: Integration, ann: Person
) -> None:
    with watched(browser, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}/integrations/")
        page.locator("#q").fill("zebra")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("Nothing matches")).to_be_visible()


@pytest.mark.django_db(transaction=True)
def test_a_chosen_theme_goes_before_the_theme_of_the_system(
    live_server: Any, context: BrowserContext, drafted: Integration, ann: Person
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme="light")
    sign_in(page, live_server.url, ann)
    page.locator("summary[aria-label*='menu']").click()
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 21)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.django_db(transaction=True)
def test_a_page_left_open_says_once_that_its_session_ended_and_asks_no_more(
    live_server: Any, context: BrowserContext, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.clock.install()
    page.reload()
    asked: list[int] = []
    page.on("response", lambda answer: asked.append(answer.status) if "/notices/count/" in answer.url else None)
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    context.clear_cookies()
    page.clock.run_for(61_000)
    expect(page.locator(".bar-notices")).to_have_text("Signed out")
    page.clock.run_for(180_000)
    page.wait_for_timeout(200)
    assert (asked[-1], asked.count(286), errors) == (286, 1, [])
