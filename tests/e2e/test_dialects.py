"""What a library makes of settings, found and read in a browser, with scripts and without."""

from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from registry.models import Integration, Person
from tests.e2e.conftest import watched
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.browser

PAGE = "/integrations/orders-to-payments/libraries/"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_one_finds_ones_library_and_takes_its_file_away(
    live_server: Any,
    browser: Browser,
    approved: Integration,
    ann: Person,
    violations: Callable[[Page], list[str]],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    with watched(browser, color_scheme=scheme) as context:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}/integrations/orders-to-payments/live/")
        page.get_by_role("link", name="As your library reads it").click()
        assert violations(page) == []
        page.get_by_role("link", name="nginx").click()
        expect(page.get_by_text("A leaky bucket in each nginx")).to_be_hidden()
        page.get_by_text("Nearly the same, or left to your code").click()
        expect(page.get_by_text("A leaky bucket in each nginx")).to_be_visible()
        expect(page.get_by_text("limit_req_zone")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        with page.expect_download() as taken:
            page.get_by_role("link", name="Download").click()
        assert taken.value.suggested_filename == "orders-to-payments-production-nginx.conf"


@pytest.mark.django_db(transaction=True)
def test_without_scripts_another_environment_is_shown_by_its_button(
    live_server: Any, browser: Browser, approved: Integration, ann: Person
) -> None:
    with watched(browser, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, live_server.url, ann)
        page.goto(f"{live_server.url}{PAGE}envoy/")
        page.get_by_label("Environment").select_option("staging")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("payments.staging.example.com").first).to_be_visible()
