"""The two pages that show the API's description work under their strict policy, with nothing from elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]


def test_requests_can_be_tried_in_swagger(live_server: Any, context: BrowserContext, picture: Picture) -> None:
    page = context.new_page()
    page.goto(f"{live_server.url}/api/docs/")
    expect(page.get_by_role("button", name="Authorize")).to_be_visible(timeout=30_000)
    page.locator("#operations-settings-read_settings").click()
    expect(page.get_by_text("byte for byte as released").first).to_be_visible()
    picture(page, "api-docs")


def test_the_description_can_be_read_in_redoc(live_server: Any, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{live_server.url}/api/redoc/")
    expect(page.get_by_role("heading", name="Integration registry")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Circuit breaker").first).to_be_attached()
