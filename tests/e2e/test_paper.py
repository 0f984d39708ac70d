"""What comes out of the printer."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from registry.models import Integration, Person
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.browser
PAGES = {"A4": (595, 842), "Letter": (612, 792)}


def printed(page: Page, size: str, to: Path) -> list[str]:
    """The text of each page as it is printed."""
    page.pdf(path=to, format=size)
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("no pdftotext to read what was printed")
    text = subprocess.run([reader, "-layout", to, "-"], check=True, capture_output=True, text=True).stdout
    return text.split("\f")[:-1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", PAGES)
def test_each_page_of_a_printed_record_says_whose_it_is_which_version_and_its_number(
    live_server: Any, context: BrowserContext, approved: Integration, ann: Person, tmp_path: Path, size: str
) -> None:
    assert approved.current is not None
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/")
    first, *others = printed(page, size, tmp_path / "record.pdf")
    assert others
    for number, text in enumerate([first, *others], 1):
        assert f"sha256 {approved.current.content_hash}" in text
        assert f"{number} of {len(others) + 1}" in text
    for text in others:
        assert " ".join(text.split("\n")[0].split()) == "Orders to payments Version 1.0 · Approved"
    whole = "\n".join([first, *others])
    assert "Contents" not in whole and "Sign out" not in whole


@pytest.mark.django_db(transaction=True)
def test_paper_is_light_unfolded_and_shows_diagrams_whole(
    live_server: Any, context: BrowserContext, approved: Integration, ann: Person
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/")
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 680, "height": 900})
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 29, 33)"
    cut = "[...document.querySelectorAll('.diagram')].filter(each => each.scrollWidth > each.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.fold:not([open]):visible").count() == 0
    assert page.locator("nav:visible, .actions:visible, footer:visible").count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_record_as_one_file_opens_without_its_registry(
    live_server: Any, context: BrowserContext, approved: Integration, ann: Person, tmp_path: Path
) -> None:
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/exports/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Web page").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert page.get_by_role("heading", name="3.1 Integration: payments-api").is_visible()
    assert page.locator("svg[role=img]").first.is_visible()
    assert "1 of" in printed(page, "A4", tmp_path / "file.pdf")[0]
