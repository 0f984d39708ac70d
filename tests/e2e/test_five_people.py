"""A review among five people: a value proposed and taken, a signature carried over, a stale page that signs nothing."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from registry.demo import files
from tests.e2e.test_journey import SIGNERS, fetch, issue_token

pytestmark = pytest.mark.browser
ADDRESS = "/integrations/orders-to-payments"
Picture = Callable[[Page, str], None]


def edit(page: Page, section: str, name: str, value: str, *, folds: tuple[str, ...] = ()) -> None:
    page.goto(f"{ADDRESS}/edit/{section}/")
    field = page.locator(f"[name='{name}']")
    for fold in folds:
        if not field.is_visible():
            page.locator("summary", has_text=fold).first.click()
    field.fill(value)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#state .when-saved")).to_be_visible()


def submit(page: Page, note: str) -> None:
    page.goto(f"{ADDRESS}/submit/")
    for justification in page.locator("textarea[name^='why:']").all():
        justification.fill("As agreed in the version before.")
    page.get_by_label("What changed, and why").fill(note)
    page.get_by_role("button", name="Submit for review").click()
    expect(page).to_have_url(re.compile(f"{ADDRESS}/review/"))


def open_to_sign(page: Page, role: str) -> None:
    page.goto(f"{ADDRESS}/review/")
    page.get_by_role("link", name=f"Sign as {role}").click()
    page.get_by_label("Your password").fill(files.password())


def sign(page: Page, role: str) -> None:
    open_to_sign(page, role)
    page.get_by_role("button", name=re.compile("^Sign")).click()
    expect(seat(page, role)).to_have_class("is-signed")


def seat(page: Page, role: str) -> Locator:
    return page.locator(".seats > li", has=page.locator(".role", has_text=re.compile(f"^{role}$", re.IGNORECASE)))


def ask_for_changes(page: Page, picture: Picture) -> None:
    """Paul comments on one field that changed, proposes another value for it, and sends the text back."""
    page.goto(f"{ADDRESS}/review/")
    page.locator(".change", has_text="Latency p99").get_by_role("link", name=re.compile("^Comment")).click()
    expect(page.get_by_label("About", exact=True)).to_have_value("sla.latency_p99_ms")
    page.get_by_label("Comment", exact=True).fill("We measured 850 ms at the peak; 900 promises too little.")
    page.get_by_label("Propose another value").check()
    page.get_by_label("The value proposed").fill("850")
    page.get_by_role("button", name="Begin a thread").click()
    thread = page.locator(".thread")
    expect(thread).to_contain_text("Proposes 900 → 850")
    picture(page, "five-people-1-thread")
    page.get_by_text("Request changes…").click()
    page.get_by_label("What has to change").fill("The latency, as proposed.")
    page.get_by_role("button", name="Request changes").click()
    expect(page.get_by_text("Sent back.")).to_be_visible()


def take_the_value(page: Page, picture: Picture) -> None:
    """Ann is led to the thread from her inbox, and takes the value with one click."""
    page.goto("/")
    picture(page, "five-people-2-inbox")
    page.get_by_role("region", name="To answer").get_by_role("link", name="Orders to payments").click()
    expect(page).to_have_url(re.compile(rf"{ADDRESS}/review/#thread-\d+$"))
    picture(page, "five-people-2-sent-back")
    page.get_by_role("button", name="Take this value").click()
    expect(page.get_by_text("Taken. The text is a draft")).to_be_visible()
    edit(page, "consistency", "consistency.notes", "The order page shows “paid” once the bank has answered.")


def test_five_people_review_one_change_until_it_is_served(
    visit: Callable[..., Page],
    live_server: LiveServer,
    picture: Picture,
    violations: Callable[[Page], list[str]],
) -> None:
    people = {name: visit(name) for name, _ in SIGNERS}
    ann, cora, paul, ivy, zoe = (people[name] for name in ("ann", "cora", "paul", "ivy", "zoe"))
    ann.goto(f"{ADDRESS}/")
    ann.get_by_role("button", name="Start draft").click()
    edit(ann, "sla", "sla.latency_p99_ms", "900")
    folds = ("payments-api", "Resilience policy")
    edit(ann, "contracts", "contracts.0.policy.rate_limit.requests_per_minute", "800", folds=folds)
    submit(ann, "Slower answers are promised, and fewer of them.")

    sign(cora, "consumer team lead")
    sign(ivy, "platform/infra")
    late = paul.context.new_page()
    open_to_sign(late, "provider team lead")
    ask_for_changes(paul, picture)
    take_the_value(ann, picture)
    submit(ann, "The latency that was measured.")

    late.get_by_role("button", name=re.compile("^Sign")).click()
    expect(late.get_by_role("heading", name="Nothing was signed")).to_be_visible()
    expect(late.locator(".change", has_text="Latency p99")).to_contain_text("850")
    expect(late.locator(".change", has_text="Notes")).to_be_visible()
    picture(late, "five-people-3-stale")
    assert violations(late) == []
    late.get_by_role("link", name="Read the review again").click()
    expect(seat(late, "provider team lead")).not_to_have_class("is-signed")

    cora.goto(f"{ADDRESS}/review/")
    picture(cora, "five-people-4-carry-over")
    assert violations(cora) == []
    cora.get_by_role("button", name="Carry my signature over").click()
    expect(seat(cora, "consumer team lead")).to_contain_text("carried over")
    ivy.goto(f"{ADDRESS}/review/")
    expect(seat(ivy, "platform/infra")).to_contain_text("Void: Changes requested by Paul")
    expect(ivy.get_by_role("button", name="Carry my signature over")).to_have_count(0)

    for name, role in SIGNERS[1:]:
        sign(people[name], role)
    expect(zoe.get_by_text("Approved as 1.3")).to_be_visible()
    picture(zoe, "five-people-5-approved")
    status, headers, body = fetch(f"{live_server.url}/api/v1/settings/orders-to-payments", issue_token(ivy))
    served = json.loads(body)
    assert (status, served["revision"]) == (200, "1.3")
    assert served["contracts"]["payments-api"]["rate_limit"]["requests_per_minute"] == 800
    verify(zoe, headers["etag"], picture)
    assert violations(zoe) == []


def verify(page: Page, etag: str, picture: Picture) -> None:
    """What an instance holds leads to the five signatures, and so does the review page."""
    page.get_by_role("link", name="Verify").first.click()
    by_hash = page.locator(".verified .signatures").inner_text()
    page.goto("/verify/")
    page.get_by_label("Content hash").fill(etag)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("Everything is as it was signed.")).to_be_visible()
    expect(page.locator(".verified .signatures > li")).to_have_count(5)
    expect(page.locator(".verified .signatures")).to_contain_text("carried over from an earlier round")
    assert page.locator(".verified .signatures").inner_text() == by_hash
    picture(page, "five-people-6-verified")
