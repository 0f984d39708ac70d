"""The editor as an architect meets it: it saves by itself, loses nothing, and two of them can write at once."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from registry.models import Event, Integration, Revision
from registry.permissions import GROUPS
from registry.record import SECTIONS
from registry.services import integrations, trail
from tests import landscape
from tests.e2e.conftest import NARROW, WIDE, watched

pytestmark = pytest.mark.browser
EDIT = "/integrations/orders-to-payments/edit"


@pytest.fixture
def draft(transactional_db: None) -> Revision:
    """A complete draft, and two architects, ann and ben."""
    for name in GROUPS:
        landscape.group_of(name)
    people = {name: landscape.person(name, name.title()) for name in ("cora", "paul", "ivy")}
    ada = landscape.person("ada", "Ada Adams", group="administrators")
    landscape.catalog(by=ada, **people)
    ann = landscape.person("ann", "Ann Archer", group="architects")
    landscape.person("ben", "Ben Osei", group="architects")
    document = landscape.document()
    made = integrations.create(name="Orders to payments", slug="orders-to-payments", document=document, by=ann)
    assert made.current is not None
    return made.current


@pytest.fixture
def visit(browser: Browser, draft: Revision, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """`visit("ann", "overview")` is a page of a window in which ann has signed in and opened that section."""
    windows: list[watched] = []

    def opened(name: str, section: str, **options: Any) -> Page:
        window = watched(browser, base_url=live_server.url, **options)
        windows.append(window)
        page = window.context.new_page()
        sign_in(page, name)
        page.goto(f"{EDIT}/{section}/")
        return page

    yield opened
    for window in windows:
        # Networks and sessions that are cut off on purpose leave their complaints.
        window.complaints = [each for each in window.complaints if not re.search("net::ERR_|Error Code 401", each)]
        window.__exit__(None)


def sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def saved() -> dict[str, Any]:
    current = Integration.objects.select_related("current").get(slug="orders-to-payments").current
    assert current is not None
    return dict(current.document)


def field(page: Page, name: str) -> Locator:
    return page.locator(f"[name='{name}']")


def state(page: Page) -> Locator:
    return page.locator("#state")


def is_saved(page: Page) -> None:
    """Everything typed so far was sent, and what came of it is shown."""
    assert page.evaluate("autosave.save().then(() => true)")


SAVED = re.compile(r"^Saved \d+ s ago as 0\.1")


# --- saving by itself -------------------------------------------------------------------------------------------------


def test_what_is_typed_is_saved_when_one_leaves_the_field_or_rests(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    field(page, "overview.purpose").fill("Left the field.")
    expect(state(page)).to_have_text(re.compile("Unsaved changes"), use_inner_text=True)
    field(page, "overview.purpose").blur()
    expect(state(page)).to_have_text(SAVED, use_inner_text=True)
    assert saved()["overview"]["purpose"] == "Left the field."
    field(page, "overview.purpose").fill("Rests in the field.")
    expect(state(page)).to_have_text(SAVED, use_inner_text=True, timeout=8_000)
    expect(field(page, "overview.purpose")).to_be_focused()
    assert saved()["overview"]["purpose"] == "Rests in the field."
    expect(state(page)).to_have_text(re.compile("Saved [3-9] s ago"), use_inner_text=True, timeout=8_000)
    assert Event.objects.filter(kind="revision.saved").count() == 2


def test_values_that_cannot_be_kept_are_said_and_kept(visit: Callable[..., Page]) -> None:
    page = visit("ann", "sla")
    field(page, "sla.rto").fill("soon")
    field(page, "sla.rpo").fill("late")
    field(page, "sla.rpo").blur()
    expect(state(page)).to_have_text("Not saved: 2 values cannot be kept as typed.", use_inner_text=True)
    expect(page.locator("#f-sla-rto-notes")).to_contain_text("is not an ISO 8601 duration")
    page.keyboard.press("Control+s")
    expect(field(page, "sla.rto")).to_be_focused()
    field(page, "sla.rto").fill("PT1H")
    field(page, "sla.rpo").fill("PT5M")
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("heading", name="Parties", level=1)).to_be_visible()
    assert saved()["sla"] == {"rto": "PT1H", "rpo": "PT5M"}


def test_a_link_leads_on_with_everything_saved(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    field(page, "overview.purpose").fill("On the way out.")
    page.get_by_role("link", name="YAML", exact=True).click()
    expect(page.locator("#text")).to_have_value(re.compile("purpose: On the way out."))
    page.locator("#text").fill(page.locator("#text").input_value().replace("On the way out.", "And back."))
    page.get_by_role("link", name="Form", exact=True).click()
    expect(field(page, "overview.purpose")).to_have_value("And back.")


def test_without_a_network_text_is_kept_and_saved_when_it_is_back(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    page.context.set_offline(True)
    field(page, "overview.purpose").fill("Typed in a tunnel.")
    field(page, "overview.purpose").blur()
    expect(state(page)).to_have_text("Offline: your text is kept here, trying again", use_inner_text=True)
    page.context.set_offline(False)
    expect(state(page)).to_have_text(SAVED, use_inner_text=True, timeout=10_000)
    assert saved()["overview"]["purpose"] == "Typed in a tunnel."


def test_text_survives_a_reload_without_a_network(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    page.route("**/autosave/", lambda route: route.abort())
    page.on("dialog", lambda asked: asked.accept())
    field(page, "overview.purpose").fill("Typed before the crash.")
    field(page, "overview.purpose").blur()
    expect(state(page)).to_contain_text("Offline")
    page.reload()
    kept = page.locator("#kept")
    expect(kept).to_contain_text("was not saved; this browser kept it")
    expect(field(page, "overview.purpose")).not_to_have_value("Typed before the crash.")
    page.unroute("**/autosave/")
    kept.get_by_role("button", name="Bring it back").click()
    expect(field(page, "overview.purpose")).to_have_value("Typed before the crash.")
    expect(state(page)).to_have_text(SAVED, use_inner_text=True)
    assert saved()["overview"]["purpose"] == "Typed before the crash."
    page.reload()
    expect(page.locator("#kept")).to_be_hidden()


def test_a_server_in_trouble_is_tried_again(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    answers = iter((429, 200))
    page.route(
        "**/autosave/",
        lambda route: (
            route.fulfill(status=code, body="<p>A proxy's page") if (code := next(answers, 0)) else route.continue_()
        ),
    )
    field(page, "overview.purpose").fill("Third time lucky.")
    field(page, "overview.purpose").blur()
    expect(state(page)).to_contain_text("The registry does not answer")
    expect(state(page)).to_have_text(SAVED, use_inner_text=True, timeout=15_000)
    assert saved()["overview"]["purpose"] == "Third time lucky."


def test_a_session_that_ended_says_so_and_loses_nothing(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    Session.objects.all().delete()
    field(page, "overview.purpose").fill("Signed out meanwhile.")
    field(page, "overview.purpose").blur()
    expect(state(page)).to_contain_text("You are signed out: your text is kept here.")
    with page.context.expect_page() as opened:
        state(page).get_by_role("link", name="Sign in again").click()
    other = opened.value
    other.get_by_label("Username").fill("ann")
    other.get_by_label("Password").fill("ann")
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Home")).to_be_visible()
    other.close()
    expect(state(page)).to_have_text(SAVED, use_inner_text=True, timeout=20_000)
    assert saved()["overview"]["purpose"] == "Signed out meanwhile."


# --- two at once ------------------------------------------------------------------------------------------------------


def test_two_see_each_other_and_each_others_changes(visit: Callable[..., Page]) -> None:
    ann, ben = visit("ann", "parties"), visit("ben", "parties")
    expect(ben.locator("#presence")).to_have_text(re.compile("Ann Archer is here too"), use_inner_text=True)
    expect(ann.locator("#presence")).to_have_text(re.compile("Ben Osei is here too"), timeout=12_000)
    ben.get_by_role("button", name="Add a party").click()
    field(ben, "parties.2.system").fill("broker")
    field(ben, "parties.2.system").blur()
    field(ann, "parties.1.contact").fill("ann@example.com")
    expect(state(ben)).to_have_text(SAVED, use_inner_text=True)
    field(ann, "parties.1.contact").blur()
    expect(field(ann, "parties.2.system")).to_have_value("broker", timeout=12_000)
    expect(state(ann)).to_contain_text("Ben Osei changed")
    field(ben, "parties.0.contact").fill("ben@example.com")
    field(ben, "parties.0.contact").blur()
    expect(field(ann, "parties.0.contact")).to_have_value("ben@example.com", timeout=12_000)
    expect(ann.locator("td:has([name='parties.0.contact'])")).to_have_class(re.compile("is-brought"))
    assert [each.get("contact") for each in saved()["parties"]] == ["ben@example.com", "ann@example.com", None]


def test_a_field_both_changed_is_chosen_and_nothing_is_offered_twice(visit: Callable[..., Page]) -> None:
    ann, ben = visit("ann", "overview"), visit("ben", "overview")
    field(ben, "overview.purpose").fill("Ben's.")
    field(ben, "overview.purpose").blur()
    expect(state(ben)).to_have_text(SAVED, use_inner_text=True)
    field(ann, "overview.purpose").fill("Ann's.")
    field(ann, "overview.impact_if_down").fill("Ann's alone.")
    field(ann, "overview.impact_if_down").blur()
    expect(state(ann)).to_contain_text("Not saved: Ben Osei changed Purpose too.")
    assert saved()["overview"]["purpose"] == "Ben's."
    state(ann).get_by_role("button", name="Choose…").click()
    expect(ann.get_by_role("heading", name="Ben Osei saved this meanwhile")).to_be_visible()
    ann.get_by_role("radio", name="Theirs").check()
    ann.get_by_role("button", name="Save as chosen").click()
    expect(field(ann, "overview.purpose")).to_have_value("Ben's.")
    expect(ann.locator("#kept")).to_be_hidden()
    assert (saved()["overview"]["purpose"], saved()["overview"]["impact_if_down"]) == ("Ben's.", "Ann's alone.")


def test_of_two_who_type_at_random_no_value_is_lost_that_nobody_chose_against(visit: Callable[..., Page]) -> None:
    """Every value typed is in the record, was seen and typed over, or was chosen against."""
    dice = random.Random(20_261_124)
    pages = {name: visit(name, "topology") for name in ("ann", "ben")}
    names = [f"topology.{name}" for name in ("consumer_service", "provider_service", "gateway", "queue", "worker")]
    typed: set[tuple[str, str]] = set()
    given_up: set[tuple[str, str]] = set()
    for turn in range(30):
        for who in dice.sample(list(pages), 2):
            name, words = dice.choice(names), f"{who} {turn}"
            given_up.add((name, type_over(pages[who], name, words)))
            typed.add((name, words))
            if dice.random() < 0.5:
                field(pages[who], name).blur()
            given_up |= settled(pages[who], dice)
        pages[dice.choice(list(pages))].wait_for_timeout(dice.choice([0, 50, 300, 700]))
    for _ in range(3):
        for page in pages.values():
            is_saved(page)
            given_up |= settled(page, dice)
    record = {f"topology.{name}": value for name, value in saved()["topology"].items()}
    assert typed - given_up - set(record.items()) == set()
    assert all(field(page, name).input_value() == record[name] for page in pages.values() for name in names)
    assert Event.objects.filter(kind="revision.saved").count() >= 4
    assert trail.verify().is_whole


def type_over(page: Page, name: str, words: str) -> str:
    """Type words into a field; what stood there at that very moment."""
    seen: str = field(page, name).evaluate(
        """(control, words) => {
            const seen = control.value;
            control.focus();
            control.select();
            document.execCommand("insertText", false, words);
            return seen;
        }""",
        words,
    )
    return seen


def settled(page: Page, dice: random.Random) -> set[tuple[str, str]]:
    """Choose at random where there is a choice; what was chosen against, by field."""
    choose = state(page).get_by_role("button", name="Choose…")
    if choose.is_visible():
        choose.click()
        page.locator(".clash").first.wait_for()
    against = set()
    for clash in page.locator(".clash").all():
        label = clash.locator("legend").inner_text().split(" › ")[1]
        taken = dice.randrange(2)
        clash.get_by_role("radio").nth(taken).check()
        against.add(
            (f"topology.{label.lower().replace(' ', '_')}", clash.locator(".value").nth(1 - taken).inner_text())
        )
    if against:
        page.get_by_role("button", name="Save as chosen").click()
        page.wait_for_function(
            "document.querySelector('#sheet') || document.querySelector('.clash input:not(:checked)')"
        )
        return against | settled(page, dice)
    return against


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_is_written_with_keys_alone(visit: Callable[..., Page]) -> None:
    page = visit("ann", "parties")

    def is_at(name: str) -> None:
        expect(field(page, name)).to_be_focused()

    field(page, "parties.0.system").focus()
    for key, name in (
        ("ArrowDown", "parties.1.system"),
        ("Enter", "parties.2.system"),
        ("ArrowUp", "parties.1.system"),
        ("ArrowRight", "parties.1.system"),
        ("End", "parties.1.system"),
        ("ArrowRight", "parties.1.team"),
        ("Home", "parties.1.team"),
        ("ArrowLeft", "parties.1.system"),
        ("Alt+ArrowUp", "parties.0.system"),
        ("Alt+ArrowDown", "parties.1.system"),
        ("Alt+ArrowDown", "parties.2.system"),
        ("Alt+Shift+ArrowDown", "parties.3.system"),
        ("Alt+Shift+Backspace", "parties.2.system"),
        ("Alt+Enter", "parties.3.system"),
    ):
        page.keyboard.press(key)
        is_at(name)
    page.keyboard.type("broker")
    page.keyboard.press("Alt+Shift+Delete")
    expect(page.locator(".said")).to_contain_text("Deleted broker.")
    page.keyboard.press("Alt+z")
    expect(field(page, "parties.3.system")).to_have_value("broker")
    is_saved(page)
    systems = [each.get("system") for each in saved()["parties"]]
    assert systems == ["order-service", "payment-service", "broker"]
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Move the row or block")


def pasted(page: Page, name: str, text: str, html: str = "") -> None:
    """What a browser does when somebody pastes into the field `name`; in one go, as htmx may still move the focus."""
    field(page, name).evaluate(
        """(field, [text, html]) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            if (html) data.setData("text/html", html);
            const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
            field.focus();
            field.dispatchEvent(event);
        }""",
        [text, html],
    )


def test_rows_of_a_spreadsheet_are_pasted_and_taken_back_in_one_step(visit: Callable[..., Page]) -> None:
    page = visit("ann", "parties")
    pasted(page, "parties.1.role", "Consumer\tledger\nprovider\tbroker\tmessaging\tm@example.com\tmore\n")
    expect(field(page, "parties.2.system")).to_have_value("broker")
    expect(field(page, "parties.1.role")).to_be_focused()
    expect(page.locator(".said")).to_contain_text(
        "Pasted 2 rows, 1 of them new. Not placed, as there is no such column: 1 value."
    )
    expect(state(page)).to_have_text(SAVED, use_inner_text=True)
    assert saved()["parties"][2] == {
        "role": "provider",
        "system": "broker",
        "team": "messaging",
        "contact": "m@example.com",
    }
    page.keyboard.press("Alt+z")
    expect(field(page, "parties.1.system")).to_have_value("payment-service")
    expect(field(page, "parties.2.system")).to_have_count(0)
    pasted(page, "parties.0.system", "\n".join(f"s-{row}" for row in range(10_000)))
    expect(page.locator(".said")).to_contain_text("Nothing was pasted: 10,000 rows are too many")
    pasted(page, "parties.0.system", "x\t" * 600_000)
    expect(page.locator(".said")).to_have_text("Nothing was pasted: that is more than a list holds.")
    expect(field(page, "parties.0.system")).to_have_value("order-service")


def test_what_is_typed_while_rows_are_fetched_stays(visit: Callable[..., Page]) -> None:
    page = visit("ann", "parties")

    def slowly(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/edit/parties/", slowly)
    page.get_by_role("button", name="Add a party").click(no_wait_after=True)
    field(page, "parties.0.contact").fill("typed meanwhile")
    expect(field(page, "parties.2.contact")).to_be_visible()
    expect(field(page, "parties.0.contact")).to_have_value("typed meanwhile")


def test_more_than_the_server_takes_is_said_and_kept(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    page.evaluate("""document.querySelector("[name='overview.purpose']").value = "x".repeat(2100000)""")
    field(page, "overview.project").fill("Too long")
    field(page, "overview.project").blur()
    expect(state(page)).to_contain_text("That is more than this page can take at once, which is 2 MB.")
    assert page.evaluate("""document.querySelector("[name='overview.purpose']").value.length""") == 2_100_000


# --- YAML -------------------------------------------------------------------------------------------------------------


def test_yaml_is_checked_as_one_types_and_leads_to_the_line(visit: Callable[..., Page]) -> None:
    page = visit("ann", "yaml")
    text = page.locator("#text")
    text.fill(text.input_value().replace("criticality: low", "criticality: lowest"))
    mark = page.locator("#marks li").first
    expect(mark).to_contain_text("overview.criticality is not one of the choices")
    line = mark.get_by_role("link").inner_text().removeprefix("Line ")
    expect(page.locator("#line-numbers .is-problem")).to_have_text(line)
    mark.get_by_role("link").click()
    expect(text).to_be_focused()
    assert "criticality: lowest" in page.evaluate(
        "(area => area.value.slice(area.selectionStart, area.selectionEnd))(document.activeElement)"
    )
    page.keyboard.press("Control+s")
    expect(state(page)).to_contain_text("Not saved: 1 problem to mend first.")
    text.fill(text.input_value().replace("lowest", "medium"))
    page.keyboard.press("Control+s")
    expect(state(page)).to_have_text(SAVED, use_inner_text=True)
    assert saved()["overview"]["criticality"] == "medium"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_every_section_is_accessible_and_fits(
    visit: Callable[..., Page],
    picture: Callable[[Page, str], None],
    flaws: Callable[[Page], list[str]],
    theme: str,
    width: str,
) -> None:
    page = visit("ann", "overview", color_scheme=theme)
    size = WIDE if width == "wide" else NARROW
    found: dict[str, list[str]] = {}
    for section in (*SECTIONS, "yaml"):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(f"{EDIT}/{section}/")
        for fold in page.locator("#sheet details:not([open]) > summary").all():
            if fold.is_visible():
                fold.click()
        # As tall as the page, so that the bars that stick to its edges hide nothing.
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": tall})
        picture(page, f"edit-{section}-{width}-{theme}")
        if wrong := flaws(page):
            found[section] = wrong
    assert found == {}


def test_whoever_was_signed_out_and_does_something_is_asked_to_sign_in(visit: Callable[..., Page]) -> None:
    page = visit("ann", "overview")
    page.goto("/integrations/")
    Session.objects.all().delete()
    page.locator("#q").press_sequentially("pay")
    expect(page.get_by_label("Username")).to_be_visible()
