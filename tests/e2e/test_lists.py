"""A list is narrowed, kept as a view, and many of its rows are labelled at once, with scripts and without."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.models import Integration, Person
from registry.services import integrations
from tests.console.test_topics import PLACED, event, record, topic
from tests.e2e.conftest import watched
from tests.e2e.test_pages import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Violations = Callable[[Page], list[str]]


@pytest.fixture
def feeds(approved: Integration, ann: Person) -> list[Integration]:
    """Five integrations beside Orders to payments."""
    return [integrations.create(name=f"Feed {n}", slug=f"feed-{n}", by=ann) for n in range(5)]


def test_rows_are_chosen_by_mouse_and_keyboard_and_tagged_at_once(
    live_server: Any, context: BrowserContext, feeds: list[Integration], ann: Person, violations: Violations
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/")
    bar = page.locator(".choosing")
    height = bar.bounding_box()
    page.get_by_label("Choose Feed 1").click()
    page.get_by_label("Choose Feed 3").click(modifiers=["Shift"])
    expect(page.get_by_text("3 chosen")).to_be_visible()
    assert bar.bounding_box() == height
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_label("Choose Feed 0")).to_be_checked()
    expect(page.get_by_text("4 chosen")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Tag…", exact=True).click()
    expect(page.get_by_role("heading", name="Tag 4 integrations")).to_be_visible()
    page.get_by_label("Tags").fill("pci Peak-Season")
    assert violations(page) == []
    page.get_by_role("button", name="Tag 4 integrations").click()
    expect(page.get_by_text("4 integrations are tagged.")).to_be_visible()
    page.locator("#filter-tag").select_option("peak-season")
    expect(page.get_by_text("4 integrations", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?tag=peak-season$"))


def test_a_list_is_kept_as_a_view_and_begins_with_it(
    live_server: Any, context: BrowserContext, feeds: list[Integration], ann: Person, violations: Violations
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/")
    page.locator("summary", has_text="Columns").click()
    page.locator("#column-owner").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("columnheader", name="Owner")).to_be_visible()
    page.locator("#filter-state").select_option("active")
    expect(page.get_by_text("1 integration", exact=True)).to_be_visible()
    page.locator("summary", has_text="Save view").click()
    page.get_by_label("Name").fill("What runs")
    page.get_by_label("Share with everybody").check()
    assert violations(page) == []
    page.locator("form[action$='/views/'] .is-main").click()
    expect(page.get_by_text("View “What runs” is saved, shared with everybody.")).to_be_visible()
    page.goto(f"{live_server.url}/lists/integrations/views/")
    assert violations(page) == []
    page.get_by_role("button", name="Begin here").click()
    page.goto(f"{live_server.url}/integrations/")
    expect(page.get_by_role("link", name="What runs")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("columnheader", name="Owner")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scripts_rows_are_ticked_and_sent(
    live_server: Any, browser: Browser, feeds: list[Integration], ann: Person, scheme: str, violations: Violations
) -> None:
    with watched(browser, java_script_enabled=False, color_scheme=scheme) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}/integrations/")
        page.get_by_label("Choose Feed 1").check()
        page.get_by_role("button", name="Owner…").click()
        page.get_by_label("Owner").fill("ann")
        page.get_by_role("button", name="Set owner of 1 integration").click()
        expect(page.get_by_text("1 integration is given that owner.")).to_be_visible()
        page.get_by_label("All found").check()
        page.get_by_role("button", name="Tag…", exact=True).click()
        expect(page.get_by_role("heading", name="Tag 6 integrations")).to_be_visible()
        page.goto(f"{live_server.url}/integrations/?owner=~me")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_catalogs_can_be_read_by_everybody(
    live_server: Any, browser: Browser, approved: Integration, ann: Person, scheme: str, violations: Violations
) -> None:
    documents = [record("payment-service", topic(partitions=partitions), events=[event()]) for partitions in (6, 12)]
    for number, document in enumerate(documents):
        integrations.create(name=f"Feed {number}", slug=f"feed-{number}", document=document, by=ann)
    with watched(browser, color_scheme=scheme) as context:
        page = context.new_page()
        sign_in(page, live_server.url, ann)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            for path in CATALOGS:
                page.goto(f"{live_server.url}{path}")
                assert violations(page) == [], path
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path


CATALOGS = (
    "/systems/",
    "/systems/order-service/",
    "/teams/",
    "/teams/checkout/",
    "/topics/",
    "/topics/orders.events/",
    "/events/",
    f"/events/{PLACED}/",
    "/environments/",
    "/environments/production/",
    "/environments/production/?show=releases",
    "/tags/",
)
