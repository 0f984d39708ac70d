"""The whole thread in a real browser: a record is written, submitted, signed by five, served, and not sent twice."""

import http.client
import json
import os
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from registry.demo import files
from registry.models import Delivery, DeliveryAttempt, Person, Review, Revision
from registry.services import approvals, reviews, threads, webhooks
from tests.e2e.conftest import NARROW, PICTURES, PROJECT

pytestmark = pytest.mark.browser
ADDRESS = "/integrations/orders-to-gift-cards"
SIGNERS = (
    ("cora", "consumer team lead"),
    ("paul", "provider team lead"),
    ("ivy", "platform/infra"),
    ("ann", "author"),
    ("zoe", "approver"),
)


def fetch(url: str, token: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A service's call: status, headers by lower-case name, body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", parts.path, headers={"Authorization": f"Bearer {token}", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def write(page: Page, picture: Callable[[Page, str], None]) -> None:
    """Ann copies an integration and changes how often a call is tried again."""
    page.get_by_role("link", name="New integration").click()
    page.get_by_label("Name").fill("Orders to gift cards")
    page.get_by_label("Integration to copy").select_option(label="Orders to payments")
    expect(page.get_by_label("A copy of another integration")).to_be_checked()
    page.get_by_role("button", name="Begin draft 0.1").click()
    page.goto(f"{ADDRESS}/edit/contracts/")
    retries = page.locator("[name='contracts.0.policy.retry.max_retries']")
    for fold in ("payments-api", "Resilience policy"):
        if not retries.is_visible():
            page.locator("summary", has_text=fold).first.click()
    retries.fill("three")
    retries.blur()
    expect(page.get_by_text("Max retries is not a whole number. Write digits only")).to_be_visible()
    picture(page, "editor-with-a-problem")
    retries.fill("1")
    retries.blur()
    expect(page.get_by_text("is not a whole number")).to_have_count(0)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#state .when-saved")).to_be_visible()
    picture(page, "editor")


def mend(page: Page, picture: Callable[[Page, str], None]) -> None:
    """One retry with two waits listed is an error, which blocks submission and leads back to its field."""
    page.goto(f"{ADDRESS}/submit/")
    expect(page.get_by_role("button", name="Submit for review")).to_be_disabled()
    picture(page, "submit-blocked")
    page.locator("#errors + ul a").first.click()
    waits = page.locator("[name='contracts.0.policy.retry.delays_ms']")
    expect(waits).to_be_visible()
    waits.fill("250")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#state .when-saved")).to_be_visible()


def submit(page: Page, picture: Callable[[Page, str], None]) -> None:
    page.goto(f"{ADDRESS}/submit/")
    for justification in page.locator("textarea[name^='why:']").all():
        justification.fill("Gift cards follow the same agreement as card payments.")
    page.get_by_label("What changed, and why").fill("Gift cards are paid like cards, with one retry fewer.")
    picture(page, "submit")
    page.get_by_role("button", name="Submit for review").click()
    expect(page).to_have_url(re.compile(f"{ADDRESS}/review/"))


def sign(page: Page, role: str, picture: Callable[[Page, str], None]) -> None:
    page.goto(f"{ADDRESS}/review/")
    page.get_by_role("link", name=f"Sign as {role}").click()
    picture(page, f"sign-as-{role.replace('/', '-').replace(' ', '-')}")
    page.get_by_label("Your password").fill(files.password())
    page.get_by_role("button", name=re.compile("^Sign")).click()
    expect(page.locator(".seats .is-signed", has_text=re.compile(role, re.IGNORECASE))).to_be_visible()


def issue_token(page: Page) -> str:
    """Ivy issues a token for the order service in production, and sees it once."""
    page.goto("/account/")
    form = page.get_by_role("region", name="New service token")
    form.get_by_label("Name").fill("Order service")
    form.get_by_label("System").select_option(label="Order service")
    form.get_by_label("Environment").select_option(label="Production")
    form.get_by_role("button", name="Issue service token").click()
    return page.locator("#secret").inner_text()


def test_a_record_is_written_signed_by_five_and_served(
    visit: Callable[..., Page], live_server: LiveServer, picture: Callable[[Page, str], None]
) -> None:
    people = {name: visit(name) for name, _ in SIGNERS}
    write(people["ann"], picture)
    mend(people["ann"], picture)
    submit(people["ann"], picture)
    token = issue_token(people["ivy"])
    url = f"{live_server.url}/api/v1/settings/orders-to-gift-cards"
    assert fetch(url, token)[0] == 404

    for name, role in SIGNERS:
        sign(people[name], role, picture)
    expect(people["zoe"].get_by_text("Approved as 1.0")).to_be_visible()
    picture(people["zoe"], "review-approved")

    status, headers, body = fetch(url, token)
    served = json.loads(body)
    assert (status, served["revision"], served["environment"]) == (200, "1.0", "production")
    assert served["contracts"]["payments-api"]["retry"]["max_retries"] == 1
    again, headers_again, nothing = fetch(url, token, **{"If-None-Match": headers["etag"]})
    assert (again, nothing, headers_again["etag"]) == (304, b"", headers["etag"])

    people["ann"].goto(f"{ADDRESS}/live/")
    picture(people["ann"], "live-settings")
    keep_for_readme(people["ann"])


def keep_for_readme(page: Page) -> None:
    """The picture in the README is this one; UPDATE_PICTURES=1 puts a new one in its place."""
    page.goto("/integrations/orders-to-stock/")
    page.locator("#topology").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.querySelector('#topology').offsetTop - 80)")
    page.screenshot(path=PICTURES / "record.png")
    if os.environ.get("UPDATE_PICTURES"):
        (PROJECT / "docs" / "images").mkdir(exist_ok=True)
        shutil.copy(PICTURES / "record.png", PROJECT / "docs" / "images" / "record.png")


def test_without_javascript_a_draft_is_edited_submitted_and_signed(visit: Callable[..., Page]) -> None:
    page = visit("ann", java_script_enabled=False)
    page.goto("/integrations/delivery-slots/edit/parties/")
    rows = page.locator("[name^='parties.'][name$='.system']")
    before = rows.count()
    page.get_by_role("button", name=re.compile("^Add a party")).click()
    expect(rows).to_have_count(before + 1)
    page.locator(f"[name='parties.{before}.contact']").fill("nobody yet")
    page.get_by_role("button", name=re.compile("^Delete")).nth(before).click()
    expect(rows).to_have_count(before)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(f"[name='parties.{before}.contact']")).to_have_value("nobody yet")
    page.get_by_role("button", name=re.compile("^Delete")).nth(before).click()
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.goto("/integrations/delivery-slots/submit/")
    for justification in page.locator("textarea[name^='why:']").all():
        justification.fill("Agreed with the planners.")
    page.get_by_label("What changed, and why").fill("First version.")
    page.get_by_role("button", name="Submit for review").click()
    page.get_by_role("link", name="Sign as author").click()
    page.get_by_label("Your password").fill("not my password")
    page.get_by_role("button", name=re.compile("^Sign")).click()
    expect(page.get_by_text("Not signed.")).to_be_visible()
    page.get_by_label("Your password").fill(files.password())
    page.get_by_role("button", name=re.compile("^Sign")).click()
    expect(page.get_by_text("1 of 5", exact=True)).to_be_visible()


PAGES = {
    "home": "/",
    "integrations": "/integrations/",
    "integrations-none": "/integrations/?q=nothing+is+called+this",
    "integration-new": "/integrations/new/",
    "record": "/integrations/orders-to-payments/",
    "record-events": "/integrations/orders-to-warehouse/",
    "record-files": "/integrations/supplier-price-files/",
    "live": "/integrations/orders-to-payments/live/",
    "live-none": "/integrations/delivery-slots/live/",
    "history": "/integrations/orders-to-payments/history/",
    "exports": "/integrations/orders-to-stock/exports/",
    "diff": "/integrations/orders-to-payments/diff/?from=1.0&to=1.1",
    "review-open": "/integrations/shop-to-catalogue/review/",
    "review-done": "/integrations/orders-to-payments/review/",
    "review-none": "/integrations/delivery-slots/review/",
    "review-threads": "/integrations/payment-status-live/review/?on=sla.latency_p99_ms",
    "record-as-reviewed": "/integrations/orders-to-payments/?revision=0.1",
    "verify": "/verify/{hash}/",
    "verify-none": "/verify/",
    "notices": "/notices/",
    "approval-rules": "/approval-rules/",
    "edit-overview": "/integrations/delivery-slots/edit/overview/",
    "edit-contracts": "/integrations/delivery-slots/edit/contracts/",
    "edit-topics": "/integrations/delivery-slots/edit/topics/",
    "edit-yaml": "/integrations/delivery-slots/edit/yaml/",
    "submit": "/integrations/payments-to-ledger/submit/",
    "retire": "/integrations/delivery-slots/retire/",
    "landscape": "/landscape/",
    "landscape-around": "/landscape/?system=order-service",
    "landscape-none": "/landscape/?system=nobody",
    "systems": "/systems/",
    "system": "/systems/order-service/",
    "teams": "/teams/",
    "team": "/teams/checkout/",
    "environments": "/environments/",
    "environment": "/environments/production/",
    "trail": "/trail/",
    "rules": "/rules/",
    "rule": "/rules/retry-unsafe/",
    "findings": "/findings/",
    "account": "/account/",
}

ADMINISTRATORS_PAGES = {
    "approval-rule": "/approval-rules/{rule}/",
    "approval-rule-new": "/approval-rules/new/",
    "webhooks": "/webhooks/",
    "webhook-new": "/webhooks/new/",
    "webhook": "/webhooks/{webhook}/",
    "webhook-edit": "/webhooks/{webhook}/edit/",
    "delivery": "/webhooks/deliveries/{delivery}/",
}


@pytest.fixture
def busy(demo: None) -> dict[str, object]:
    """The demo with threads, a rule, somebody away, and a webhook that did not deliver; what their addresses need."""
    people = {each.username: each for each in Person.objects.all()}
    review = Review.objects.open().select_related("revision__integration").get(integration__slug="payment-status-live")
    reviews.note_visit(review, by=people["ann"])
    thread = threads.open_thread(
        review.revision, path="sla.latency_p99_ms", text="Is this enough?", proposal=437, by=people["paul"]
    )
    threads.reply(thread, text="What does the vendor promise?\nWe measured more.", by=people["cora"])
    settled = threads.open_thread(review.revision, path="", text="Who is on call?", by=people["cora"])
    threads.resolve(settled, by=people["cora"])
    minimums = {"author": 1, "platform": 2, "approver": 1}
    rule = approvals.save_rule(
        name="Monitoring alone", weight=10, minimums=minimums, within=["monitoring"], by=people["ivy"]
    )
    now = timezone.now()
    approvals.delegate(
        to=people["ben"], starts_at=now, ends_at=now + timedelta(days=5), reason="On leave", by=people["ann"]
    )
    webhook, _ = webhooks.save(
        name="Chat", url="https://hooks.example.com/x", kinds=["review.signed"], by=people["ivy"]
    )
    delivery = Delivery.objects.create(
        webhook=webhook, event_id="e1", kind="review.signed", body='{"id": "e1"}', created_at=now, next_attempt_at=now,
        state="given_up", attempts=1,
    )  # fmt: skip
    DeliveryAttempt.objects.create(delivery=delivery, at=now, status=503, duration_ms=31, error="It answered 503.")
    approved = Revision.objects.get(integration__slug="orders-to-payments", state="approved")
    return {"hash": approved.content_hash, "rule": rule.pk, "webhook": webhook.pk, "delivery": delivery.pk}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_every_page_is_accessible_and_fits(
    visit: Callable[..., Page],
    picture: Callable[[Page, str], None],
    flaws: Callable[[Page], list[str]],
    busy: dict[str, object],
    theme: str,
    width: str,
) -> None:
    windows = [(visit("ann", color_scheme=theme), PAGES), (visit("ivy", color_scheme=theme), ADMINISTRATORS_PAGES)]
    found: dict[str, list[str]] = {}
    for page, name, address in [(page, *each) for page, pages in windows for each in pages.items()]:
        if width == "narrow":
            page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        path = address.format(**busy)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path} answered {answer.status}"
        picture(page, f"{name}-{width}-{theme}")
        if wrong := flaws(page):
            found[name] = wrong
    assert found == {}
