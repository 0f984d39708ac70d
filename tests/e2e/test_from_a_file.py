"""Somebody who has never seen this goes from a file to a submitted integration, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NARROW
from tests.registry.importers.corpus import OWN, REAL

pytestmark = pytest.mark.browser
Visit = Callable[..., Page]
Picture = Callable[[Page, str], None]
Violations = Callable[[Page], list[str]]


def bring(page: Page, path: Path, start: str = "/") -> None:
    """From the home page, or a draft, to the preview of a file."""
    page.goto(start)
    page.get_by_role("link", name="New integration" if start == "/" else "Bring in a file").click()
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_role("button", name="See what it holds").click()
    expect(page.get_by_role("heading", name=re.compile(path.name))).to_be_visible()


def settled(page: Page) -> None:
    """Until the preview was drawn anew."""
    page.wait_for_load_state("networkidle")


def test_from_an_asyncapi_file_to_submission_in_three_forms(
    visit: Visit, picture: Picture, violations: Violations
) -> None:
    """The file, the questions, the note for the reviewers: nothing else is asked."""
    page = visit("ann")
    bring(page, OWN / "van-positions.asyncapi3.yaml")
    picture(page, "import-preview")
    assert violations(page) == []
    expect(page.get_by_label("The system this file describes")).to_have_value("van-tracker")
    page.get_by_label("Name of the integration").fill("App to vans")
    page.get_by_label("The system at the other end").fill("customer-app")
    page.get_by_label("How bad is it when it is down?").select_option("medium")
    page.get_by_label("What stops then, and for whom?").fill("Customers see no van on the map, and call.")
    page.get_by_label("How long may it be down?").select_option("PT4H")
    page.get_by_label("How much data may be lost?").select_option("PT15M")
    page.get_by_label("How much data may be lost?").blur()
    expect(page.get_by_text("Nothing: it can be submitted for review as it is.")).to_be_visible()
    picture(page, "import-answered")
    page.get_by_role("button", name="Create integration").click()

    expect(page.get_by_text("Nothing is missing: submit it for review when you like.")).to_be_visible()
    expect(page.locator("#errors, #warnings")).to_have_count(0)
    page.get_by_label("What changed, and why").fill("First version, from the tracker's own description.")
    page.get_by_role("button", name="Submit for review").click()
    expect(page).to_have_url(re.compile("/integrations/app-to-vans/review/"))
    expect(page.get_by_text("van.ARRIVED").first).to_be_attached()


@pytest.mark.skipif(REAL == OWN, reason="the public documents are not at hand")
def test_a_sparse_public_file_asks_only_for_what_it_does_not_say(visit: Visit, picture: Picture) -> None:
    """Streetlights says nothing of partitions: four numbers are asked for, then it is submitted."""
    page = visit("ann")
    bring(page, REAL / "asyncapi3-streetlights-kafka.yml")
    expect(page.locator("#own-note")).to_contain_text("streetlights-kafka-api is not in the catalog.")
    page.get_by_label("The system this file describes").fill("van-tracker")
    page.get_by_label("The system at the other end").fill("delivery-planner")
    page.get_by_label("How bad is it when it is down?").select_option("high")
    page.get_by_label("What stops then, and for whom?").fill("Streets stay dark.")
    page.get_by_label("How long may it be down?").select_option("PT1H")
    page.get_by_label("How much data may be lost?").select_option("PT15M")
    page.get_by_label("How much data may be lost?").blur()
    expect(page.locator("#own-note")).to_have_text("")
    page.get_by_role("button", name="Create integration").click()

    expect(page.get_by_text("4 things are still to be said; this is the first.")).to_be_visible()
    expect(page.locator("[name='topics.0.partitions']")).to_be_focused()
    picture(page, "import-first-missing")
    for number in range(4):
        partitions = page.locator(f"[name='topics.{number}.partitions']")
        if not partitions.is_visible():
            page.locator("details.fold-item > summary").nth(number).click()
        partitions.fill("6")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#summary .is-error")).to_have_count(0)
    page.get_by_role("link", name="Submit…").click()
    for reason in page.locator("textarea[name^='why:']").all():
        reason.fill("To be agreed before the first release.")
    page.get_by_label("What changed, and why").fill("First version, from the public description.")
    page.get_by_role("button", name="Submit for review").click()
    expect(page).to_have_url(re.compile("/review/"))


def test_what_became_of_each_line_can_be_looked_up(visit: Visit, picture: Picture, violations: Violations) -> None:
    page = visit("ann")
    bring(page, OWN / "orders.openapi.yaml")
    page.locator("summary", has_text="Contracts").first.click()
    page.get_by_label("Who uses it").fill("customer-app")
    page.get_by_label("Who uses it").blur()
    expect(page.get_by_text("customer-app", exact=False).first).to_be_attached()
    settled(page)
    page.get_by_role("link", name="line 32").click()
    expect(page.locator("tr.is-meant")).to_contain_text("409: the usual action for this status.")
    picture(page, "import-source")
    assert violations(page) == []


def test_without_javascript_a_text_is_pasted_looked_at_and_taken(visit: Visit) -> None:
    page = visit("ann", java_script_enabled=False)
    page.goto("/integrations/new/")
    page.get_by_text("Or paste its text").click()
    page.get_by_label("Text of the file").fill("openapi: 3.1.0\npaths: *x")
    page.get_by_role("button", name="See what it holds").click()
    expect(page.get_by_text("line 2, column 8: an alias (*) is not allowed")).to_be_visible()
    page.get_by_label("Text of the file").fill((OWN / "orders.openapi.yaml").read_text())
    page.get_by_role("button", name="See what it holds").click()
    page.get_by_label("Who uses it").fill("customer-app")
    page.get_by_role("button", name="Look again").last.click()
    expect(page.get_by_label("Who uses it")).to_have_value("customer-app")
    page.get_by_label("Name of the integration").fill("App to orders")
    page.get_by_role("button", name="Create integration").click()
    expect(page.get_by_text("Draft 0.1 of App to orders is open, with what pasted text says.")).to_be_visible()


def test_a_file_is_taken_into_a_draft_field_by_field(visit: Visit, picture: Picture, violations: Violations) -> None:
    page = visit("ann")
    bring(page, OWN / "orders.openapi.yaml", "/integrations/delivery-slots/edit/overview/")
    picture(page, "import-into-draft")
    assert violations(page) == []
    purpose = page.get_by_role("group", name="Overview › Purpose")
    purpose.get_by_label("Take the file's").check()
    settled(page)
    expect(purpose.get_by_label("Take the file's")).to_be_checked()
    page.get_by_role("button", name="Take into draft").click()
    expect(page.get_by_text(re.compile("changes from orders.openapi.yaml are in the draft."))).to_be_visible()
    expect(page.locator("[name='overview.purpose']")).to_have_value("Place and read orders.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_window_holds_the_pages(visit: Visit, picture: Picture, violations: Violations, theme: str) -> None:
    page = visit("ann", color_scheme=theme)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto("/integrations/new/")
    for name in ("new", "preview"):
        picture(page, f"import-{name}-narrow-{theme}")
        assert violations(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
        if name == "new":
            page.get_by_label("File", exact=True).set_input_files(OWN / "van-positions.asyncapi3.yaml")
            page.get_by_role("button", name="See what it holds").click()
            page.get_by_role("heading", name="What the file cannot say").wait_for()
