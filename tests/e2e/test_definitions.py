"""Sources and examples are checked while somebody types, and the document shows them as tables anybody can use."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from registry.models import Integration, Person, Revision
from registry.services import revisions
from tests.console.test_definitions import PROTO, SCHEMA
from tests.e2e.conftest import NARROW
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def written(draft: Revision, integration: Integration, ann: Person) -> Integration:
    """A draft with a gRPC contract and an event without an example."""
    operation = {"name": "a", "request_schema": SCHEMA, "request_example": '{"id": 3}'}
    contract = {"name": "api", "protocol": "grpc", "definition": {"proto": PROTO}, "operations": [operation]}
    document = {"contracts": [contract], "events": [{"name": "order.PLACED", "data_schema": SCHEMA}]}
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    return integration


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('#sheet details').forEach(each => { each.open = true; })")


def leave(page: Page) -> None:
    """Once all is saved, so that no request is left when the test's tables are emptied."""
    expect(page.locator("#sheet")).not_to_have_attribute("data-unsaved", "")
    page.goto("about:blank")


@pytest.mark.django_db(transaction=True)
def test_a_flaw_is_told_while_one_types_and_its_link_selects_it(
    live_server: Any, context: BrowserContext, written: Integration, ann: Person
) -> None:
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/edit/contracts/")
    unfold(page)
    source = page.locator("[name='contracts.0.definition.proto']")
    source.fill(PROTO.replace("uint32 count", "Uint count"))
    told = page.locator("#f-contracts-0-definition-proto-notes")
    expect(told).to_contain_text("“Uint” is not declared.")
    told.get_by_role("link", name="Line 9, column 70").click()
    assert source.evaluate("each => each.value.slice(each.selectionStart, each.selectionEnd)") == "Uint"
    assert source.evaluate("each => each === document.activeElement")
    source.fill(PROTO)
    expect(told).not_to_contain_text("is not declared")
    leave(page)


@pytest.mark.django_db(transaction=True)
def test_only_what_the_protocol_needs_is_asked_for(
    live_server: Any, context: BrowserContext, written: Integration, ann: Person
) -> None:
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/edit/contracts/")
    unfold(page)
    key, pattern = (page.locator(f"[name='contracts.0.definition.{each}']") for each in ("routing_key", "file_pattern"))
    expect(key).to_be_hidden()
    page.locator("[name='contracts.0.protocol']").select_option("amqp")
    expect(key).to_be_visible()
    expect(pattern).to_be_hidden()
    # What is stated is never hidden.
    expect(page.locator("[name='contracts.0.definition.proto']")).to_be_visible()
    page.locator("[name='contracts.0.protocol']").select_option("")
    expect(pattern).to_be_visible()
    leave(page)


@pytest.mark.django_db(transaction=True)
def test_an_example_is_made_and_then_held_to_its_schema(
    live_server: Any,
    context: BrowserContext,
    written: Integration,
    ann: Person,
    violations: Callable[[Page], list[str]],
) -> None:
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, live_server.url, ann)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/edit/events/")
    unfold(page)
    page.get_by_role("button", name="Make one from the schema").click()
    example, told = page.locator("[name='events.0.example']"), page.locator("#f-events-0-example-notes")
    expect(told).to_contain_text("Fits its schema.")
    assert '"id": 3' in example.input_value()
    assert violations(page) == []
    schema = page.locator("[name='events.0.data_schema']")
    schema.fill(SCHEMA.replace("3", "4"))
    schema.blur()
    expect(told).to_contain_text("$.data.id: 3 is less than the minimum of 4")
    leave(page)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tables_of_a_definition_are_for_everybody(
    live_server: Any, context: BrowserContext, written: Integration, ann: Person, scheme: Any,
    violations: Callable[[Page], list[str]], picture: Callable[[Page, str], None],
) -> None:  # fmt: skip
    page = context.new_page()
    sign_in(page, live_server.url, ann)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/integrations/orders-to-payments/")
    page.get_by_role("link", name="ReserveRequest").first.click()
    expect(page).to_have_url(re.compile("#contract-1-type-ReserveRequest$"))
    # What lies half under the bar is no target.
    page.evaluate("scrollTo(0, 0)")
    assert violations(page) == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    expect(page.get_by_role("group", name="Document history")).to_have_attribute("tabindex", "0")
    assert violations(page) == []
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    picture(page, f"definition-{scheme}")
