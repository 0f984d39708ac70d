"""A real browser before a real server, with pictures kept of what it saw."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from registry.demo import files
from registry.permissions import GROUPS
from tests import landscape

# Playwright keeps an event loop in this thread; Django would take its own synchronous calls for mistakes.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
PROJECT = Path(__file__).resolve().parents[2]
# A busy machine is slow, and no worse for it.
expect.set_options(timeout=20_000)
PICTURES = Path(os.environ.get("ARTIFACTS", PROJECT / "var" / "pictures"))
NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def browser_path() -> str | None:
    """Where the browser is: CHROME, or one by a usual name."""
    return os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: while it is open its event loop runs in this thread, and no other can."""
    path = browser_path()
    if path is None:
        reason = "no browser: set CHROME or install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, live_server: object) -> Iterator[BrowserContext]:
    """A browser's window of one person; what its pages complain about fails the test."""
    with watched(browser) as context:
        yield context


class watched:
    """A context whose console errors and refused requests are collected, and must be none at the end."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context = browser.new_context(viewport=WIDE, **options)  # type: ignore[arg-type]
        self.complaints: list[str] = []
        self.context.on("console", lambda said: self.hear(said.text) if said.type == "error" else None)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def hear(self, complaint: str) -> None:
        """Keep a complaint; a page that refuses what was typed answers 4xx, which the browser notes and is right."""
        if "the server responded with a status of 4" not in complaint:
            self.complaints.append(complaint)

    def __enter__(self) -> BrowserContext:
        return self.context

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.complaints == []


@pytest.fixture
def demo(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo landscape, as `make run` loads it."""
    for name in GROUPS:
        landscape.group_of(name)
    call_command("load_demo", stdout=io.StringIO())


@pytest.fixture
def visit(browser: Browser, demo: None, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """`visit("ann")` is a page of a window in which ann has signed in."""
    windows: list[watched] = []

    def signed_in(name: str, **options: Any) -> Page:
        window = watched(browser, base_url=live_server.url, **options)
        windows.append(window)
        page = window.context.new_page()
        page.goto("/sign-in/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(files.password())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Home")).to_be_visible()
        return page

    yield signed_in
    for window in windows:
        window.__exit__(None)


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """`picture(page, "review")` keeps a picture of the whole page."""
    PICTURES.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        path = PICTURES / f"{name}.png"
        try:
            page.screenshot(path=path, full_page=True)
        except Error as error:
            # A browser on a busy machine now and then has no frame to give; the page itself is as it was.
            if "Unable to capture screenshot" not in str(error):
                raise
            page.wait_for_timeout(500)
            page.screenshot(path=path, full_page=True)

    return take


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """What axe has against a page, a line each."""
    axe = Axe()

    def found(page: Page) -> list[str]:
        response = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).response
        return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in response["violations"]]

    return found


@pytest.fixture
def flaws(violations: Callable[[Page], list[str]]) -> Callable[[Page], list[str]]:
    """What axe has against a page, and what anybody would who looks at it."""

    def found(page: Page) -> list[str]:
        wrong = violations(page)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append("the page scrolls sideways")
        if page.evaluate("[...document.querySelectorAll('dialog:not([open])')].some((each) => each.checkVisibility())"):
            wrong.append("a dialog shows that nobody opened")
        return wrong

    return found
