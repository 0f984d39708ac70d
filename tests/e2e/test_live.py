"""The board, releases and overrides in a real browser: used by everybody, refreshed by itself, and without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from registry.demo import files
from registry.management.demo_live import report
from registry.models import Environment, Integration, Override, Person
from registry.services import releases
from tests.e2e.conftest import NARROW, watched

pytestmark = pytest.mark.browser
LIVE = "/integrations/orders-to-payments/live/"
PAGES = {
    "board": "/live/",
    "board-look": "/live/?show=look",
    "live": LIVE,
    "live-promoted": f"{LIVE}?environment=belgium",
    "live-overridden": "/integrations/orders-to-stock/live/",
    "releases": f"{LIVE}releases/",
    "release-diff": f"{LIVE}diff/?environment=production&to=3",
    "release-diff-side": f"{LIVE}diff/?environment=production&to=3&view=side",
    "release": f"{LIVE}release/?environment=belgium",
    "roll-back": f"{LIVE}roll-back/?environment=production&to=2",
    "override": "/integrations/orders-to-stock/live/overrides/{running}/",
    "override-over": "/integrations/vans-to-app/live/overrides/{over}/",
    "environments": "/environments/",
    "home": "/",
}
ON_CALL = {"override-new": f"{LIVE}override/?environment=production"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_every_page_is_accessible_and_fits(
    visit: Callable[..., Page],
    picture: Callable[[Page, str], None],
    flaws: Callable[[Page], list[str]],
    theme: str,
    width: str,
) -> None:
    zoe, ops = visit("zoe", color_scheme=theme), visit("ops", color_scheme=theme)
    report(files.live())
    keys = {"running": Override.objects.running().get().pk, "over": Override.objects.to_review().get().pk}
    found: dict[str, list[str]] = {}
    for page, name, address in [(zoe, *each) for each in PAGES.items()] + [(ops, *each) for each in ON_CALL.items()]:
        if width == "narrow":
            page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        path = address.format(**keys)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path} answered {answer.status}"
        picture(page, f"{name}-{width}-{theme}")
        if wrong := flaws(page):
            found[name] = wrong
    assert found == {}


def test_the_board_turns_by_itself_and_waits_while_somebody_uses_it(visit: Callable[..., Page]) -> None:
    page = visit("zoe")
    report(files.live())
    page.goto(LIVE)
    expect(page.locator("#board")).to_contain_text("1 on it")
    payments = Integration.objects.select_related("in_force").get(slug="orders-to-payments")
    production = Environment.objects.get(slug="production")
    first = payments.revisions.get(major=1, minor=0)
    # Somebody's hand is on the board: it stays as it is.
    page.get_by_role("link", name="Refresh").focus()
    made = releases.publish(first, production, by=Person.objects.get(username="zoe"))
    page.wait_for_timeout(6_000)
    expect(page.locator("#board .is-at")).to_contain_text("release 3")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("#board .is-at")).to_contain_text(f"release {made.number}", timeout=12_000)
    expect(page.locator("#board .is-at")).to_contain_text("not 1.1")


def test_an_emergency_from_the_board_and_back(visit: Callable[..., Page], picture: Callable[[Page, str], None]) -> None:
    page = visit("ops")
    page.goto(LIVE)
    page.get_by_role("link", name="Override…").click()
    page.get_by_label("Max retries").fill("40")
    page.get_by_label("Reason").fill("The bank answers slowly")
    page.get_by_role("button", name="Override Production now").click()
    expect(page.get_by_text("Is more than 10. Write 10 or less.")).to_be_visible()
    picture(page, "override-refused")
    page.get_by_label("Max retries").fill("0")
    page.get_by_role("button", name="Override Production now").click()
    expect(page.get_by_text("2 delays for 0 retries. List 0")).to_be_visible()
    page.get_by_label("Delays").fill("none")
    page.get_by_label("Keep open").check()
    page.get_by_role("button", name="Override Production now").click()
    expect(page.get_by_text("Production is overridden until")).to_be_visible()
    page.get_by_role("link", name="What it changes, and how to end it").click()
    expect(page.locator(".forced")).to_contain_text("payments-api: is kept open")
    page.get_by_label("Note").fill("It is back")
    page.get_by_role("button", name="End it: serve the design again").click()
    expect(page.get_by_text("The design is served again in Production")).to_be_visible()
    expect(page.get_by_text("says that they looked at it")).to_be_visible()


def test_without_scripts_a_release_is_rolled_back(live_server: Any, browser: Browser, demo: None) -> None:
    with watched(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{live_server.url}/sign-in/")
        page.get_by_label("Username").fill("zoe")
        page.get_by_label("Password").fill(files.password())
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{live_server.url}{LIVE}")
        page.get_by_role("link", name="Refresh").click()
        page.get_by_role("link", name="Releases and rolling back").click()
        page.get_by_role("link", name="Roll back… to release 2 in Production").click()
        expect(page.get_by_text("worst-case time per call")).to_be_visible()
        page.get_by_label("Reason").fill("Payments is overloaded")
        page.get_by_role("button", name="Roll back to 1.0").click()
        expect(page.get_by_text("Production serves 1.0 again, as release")).to_be_visible()
