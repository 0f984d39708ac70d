"""The landscape map by mouse, by keyboard, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from registry.models import Integration, Person
from registry.services import integrations
from tests.console.test_landscape import EVENTS
from tests.e2e.conftest import watched
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def told(approved: Integration, ann: Person) -> Integration:
    """Orders to payments in force, and mails for orders by an event proposed."""
    return integrations.create(name="Orders to mail", slug="orders-to-mail", document=EVENTS, by=ann)


@pytest.mark.django_db(transaction=True)
def test_one_finds_what_depends_on_a_system(
    live_server: Any,
    context: BrowserContext,
    told: Integration,
    ann: Person,
    picture: Callable[[Page, str], None],
    violations: Callable[[Page], list[str]],
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/landscape/")
    expect(page.get_by_role("heading", name="Landscape")).to_be_visible()
    assert violations(page) == []
    picture(page, "landscape")
    page.get_by_label("Blast radius of").fill("payment-service")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="What depends on Payment Service")).to_be_visible()
    expect(page.get_by_role("complementary")).to_contain_text("mail-service in 2 steps, through Order Service")
    assert violations(page) == []
    picture(page, "landscape-blast-radius")
    page.locator(".map-place[data-place='order-service'] a").click()
    page.wait_for_url("**/systems/order-service/")


@pytest.mark.django_db(transaction=True)
def test_the_map_is_zoomed_and_dragged_and_a_drag_follows_no_link(
    live_server: Any, context: BrowserContext, told: Integration, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto(f"{live_server.url}/landscape/")
    frame, svg = page.locator(".map-frame"), page.locator("svg.map").first

    def width() -> float:
        return float(svg.get_attribute("width") or 0)

    before = width()
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    assert width() > 2 * before
    frame.focus()
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert width() < 1.2 * before
    for _ in range(5):
        page.keyboard.press("+")
    box = page.locator(".map-place").first.bounding_box()
    assert box
    left = frame.evaluate("frame => frame.scrollLeft")
    page.locator(".map-place").first.hover(force=True)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 5, steps=6)
    page.mouse.up()
    assert frame.evaluate("frame => frame.scrollLeft") != left
    expect(page).to_have_url(f"{live_server.url}/landscape/")


@pytest.mark.django_db(transaction=True)
def test_the_lines_of_a_box_stand_out_while_one_is_at_it(
    live_server: Any, context: BrowserContext, told: Integration, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/landscape/")
    page.locator(".map-place[data-place='payment-service'] a").focus()
    expect(page.locator(".map-line.is-lit")).to_have_count(1)
    page.locator(".map-place[data-place='order-service'] a").focus()
    expect(page.locator(".map-line.is-lit")).to_have_count(2)
    page.locator("#filter-system").focus()
    expect(page.locator(".map.has-lit")).to_have_count(0)


@pytest.mark.django_db(transaction=True)
def test_a_line_of_several_integrations_unfolds_the_list_that_names_them(
    live_server: Any, context: BrowserContext, told: Integration, ann: Person
) -> None:
    integrations.create(name="Mails again", slug="mails-again", document=EVENTS, by=ann)
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/landscape/")
    page.locator(".map-line[data-from='order-service'] a[href^='#line']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr:target")).to_contain_text("Mails again, Orders to mail")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scripts_and_on_a_narrow_screen_it_is_all_there(
    live_server: Any,
    browser: Browser,
    told: Integration,
    ann: Person,
    scheme: str,
    picture: Callable[[Page, str], None],
) -> None:
    with watched(browser, java_script_enabled=False, color_scheme=scheme) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}/landscape/?system=payment-service")
        expect(page.locator("svg.map").first).to_be_visible()
        expect(page.get_by_role("complementary")).to_contain_text("Order Service")
        expect(page.locator(".map-tools")).to_be_hidden()
        page.get_by_text("The map as a list").click()
        expect(page.locator("#lines table")).to_be_visible()
        picture(page, f"landscape-narrow-{scheme}")
