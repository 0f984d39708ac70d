"""The board and what is done from it: released, promoted, scheduled, rolled back, overridden."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry.models import Environment, Integration, Override, Person, Release, Revision, ScheduledRelease
from registry.services import catalog as catalogs
from registry.services import instances, overrides, releases
from registry.services.instances import Breaker, Counters, Refused, Reported
from tests import landscape
from tests.console.browsing import form, text
from tests.registry.services.test_overrides import PATCH, approve_next

SLUG = "orders-to-payments"
LIVE = f"/integrations/{SLUG}/live/"


@pytest.fixture
def oncall(db: None) -> Person:
    return landscape.person("otto", "Otto Oncall", group="on-call")


@pytest.fixture
def browse(client: Client) -> Any:
    def browsing(person: Person) -> Client:
        client.force_login(person)
        return client

    return browsing


@pytest.fixture
def said(approved: Integration, catalog: landscape.Catalog) -> Any:
    """`said("one", release=1)` is what an instance in production says now, or `ago` it said."""

    def report(name: str, ago: timedelta = timedelta(), **given: Any) -> None:
        now = timezone.now() - ago
        instances.report(
            system=catalog.systems["order-service"],
            environment=catalog.environments["production"],
            instance=name,
            sdk="python 0.1",
            started_at=now - timedelta(seconds=20),
            integrations={SLUG: Reported(**given)},
            now=now,
        )

    return report


@pytest.fixture
def second(approved: Integration, ann: Person, sign: Any) -> Revision:
    """1.1 is served everywhere as release 2."""
    approve_next(approved, ann, sign, lambda policy: policy["timeouts"].update(total_ms=9_000))
    return Revision.objects.get(integration=approved, major=1, minor=1)


def test_each_instance_stands_where_it_says_and_none_is_green_that_is_silent_or_unknown(
    said: Any, second: Revision, browse: Any, mallory: Person
) -> None:
    said("a", release=2, content_hash=second.content_hash)
    said("b", release=1)
    said("c", release=1, refused=Refused(2, "total_ms is odd"))
    said("d", timedelta(minutes=4), release=2)
    said("e")
    said("f", release=2, content_hash="0" * 64)
    page = browse(mallory).get(LIVE)
    shown = text(page)
    for words in (
        "Behind still on 1 for",
        "Refused 2: total_ms is odd",
        "Silent for 4\xa0min , then on 2",
        "Unknown names no release",
        "Other content says 2, with the hash 000000000000…",
        "On release 2",
    ):
        assert " ".join(words.split()) in shown.replace("\xa0", " "), words
    assert page.content.decode().count('class="badge is-good"><svg') - page.content.decode().count("Active") >= 2
    board = browse(mallory).get("/live/").content.decode()
    for words in ("1 refused", "1 with other content", "1 behind", "1 silent", "1 unknown", "1 on it"):
        assert words in board
    assert board.count("1 on it") == board.count("is-good")
    assert "1 refused" in browse(mallory).get("/live/?show=look").content.decode()


def test_nobody_who_reports_is_not_green(approved: Integration, browse: Any, ann: Person) -> None:
    board = browse(ann).get("/live/").content.decode()
    assert "Nobody reports" in board
    assert "is-good" not in board.split('id="board"')[1]
    assert "Nothing wants a look" in browse(ann).get("/live/?show=look").content.decode()


def test_calls_of_the_last_hour_are_a_chart_with_words(said: Any, browse: Any, ann: Person) -> None:
    breaker = Breaker("open", datetime.now(UTC) - timedelta(minutes=5))
    counted = Counters(calls=120, failures=30)
    said("a", release=1, counters={"payments-api": counted}, breakers={"payments-api": breaker})
    page = browse(ann).get(LIVE).content.decode()
    assert 'aria-label="120 calls in the last hour, 30 failed; 120 in the busiest minute"' in page
    assert "Breaker open" in page
    assert "style=" not in page.split("<main")[1]


def test_the_board_alone_is_answered_to_the_board(approved: Integration, browse: Any, ann: Person) -> None:
    for address in (LIVE, "/live/"):
        part = browse(ann).get(address, headers={"HX-Request": "true", "HX-Target": "board"}).content.decode()
        assert part.lstrip().startswith('<div id="board"')
        assert "<main" not in part


def test_the_board_costs_the_same_with_one_instance_and_with_sixty(
    said: Any, browse: Any, ann: Person, django_assert_num_queries: Any
) -> None:
    client = browse(ann)
    said("first", release=1)
    # One more than with none: what came after the release that the hindmost obeys.
    with django_assert_num_queries(18):
        client.get(LIVE)
    for number in range(60):
        said(f"n{number}", release=1)
    with django_assert_num_queries(18):
        page = client.get(LIVE)
    assert "50 of 61, those to look at first." in text(page)
    with django_assert_num_queries(9):
        client.get("/live/")


def test_an_older_release_is_served_again_with_a_reason(
    second: Revision, browse: Any, zoe: Person, approved: Integration
) -> None:
    client = browse(zoe)
    assert "Roll back…" in client.get(f"{LIVE}releases/?environment=staging").content.decode()
    address = f"{LIVE}roll-back/?environment=staging&to=1"
    page = client.get(address)
    assert "a whole call may take 9 s → 10 s +11 %" in text(page)
    sent = form(page)
    assert sent == {"seen": "2", "reason": ""}
    refused = client.post(address, sent)
    assert (refused.status_code, "Is missing. Write a few words." in refused.content.decode()) == (400, True)
    done = client.post(address, sent | {"reason": "Too fast"}, follow=True)
    assert "Staging serves 1.0 again, as release 3." in done.content.decode()
    stale = client.post(address, sent | {"reason": "Too fast"})
    assert stale.status_code == 409
    assert "serves release 3 by now; you saw 2" in text(stale)
    assert client.get(f"{LIVE}diff/?environment=staging&to=3").status_code == 200


def test_what_is_served_before_is_promoted_now_or_scheduled_and_cancelled(
    approved: Integration, second: Revision, browse: Any, zoe: Person, ada: Person
) -> None:
    later = catalogs.save_environment(
        slug="later", name="Later", position=9, promoted_from=Environment.objects.get(slug="production"), by=ada
    )
    client = browse(zoe)
    assert "Promote 1.1…" in client.get(f"{LIVE}?environment=later").content.decode()
    address = f"{LIVE}release/?environment=later"
    sent = form(client.get(address))
    assert sent == {"seen": "0", "when": "now", "due_at": "", "reason": ""}
    refused = client.post(address, sent | {"when": "later", "due_at": "tomorrow"})
    assert (refused.status_code, "Is no moment" in refused.content.decode()) == (400, True)
    due_at = (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    client.post(address, sent | {"when": "later", "due_at": due_at, "reason": "Quiet"})
    made = ScheduledRelease.objects.get()
    assert (made.environment, made.revision, made.due_at.strftime("%Y-%m-%dT%H:%M")) == (later, second, due_at)
    page = client.get(f"{LIVE}?environment=later")
    assert "1.1 will be served in 5 hours" in text(page)
    client.post(f"{LIVE}scheduled/{made.pk}/cancel/")
    made.refresh_from_db()
    assert made.state == "cancelled"
    done = client.post(address, sent, follow=True)
    assert "1.1 is served in Later as release 1." in done.content.decode()
    assert Release.objects.get(environment=later).kind == "promoted"
    assert "serves 1.1 already" in text(client.get(address))


def test_somebody_on_call_overrides_from_the_page_and_it_is_shown_everywhere(
    approved: Integration, browse: Any, oncall: Person, zoe: Person
) -> None:
    client = browse(oncall)
    address = f"{LIVE}override/?environment=production"
    sent = form(client.get(address))
    assert (sent["seen"], sent["minutes"], sent["retry.max_retries"]) == ("1", "60", "")
    wrong = client.post(address, sent | {"retry.max_retries": "many", "rate_limit.requests_per_minute": "1"})
    assert wrong.status_code == 400
    kept = form(wrong)
    assert (kept["retry.max_retries"], kept["rate_limit.requests_per_minute"]) == ("many", "1")
    assert "Is not a whole number." in wrong.content.decode() or "Is missing." in wrong.content.decode()
    beyond = client.post(address, sent | {"retry.max_retries": "11", "reason": "x"})
    assert "Is more than 10. Write 10 or less." in beyond.content.decode()
    asked = {"retry.max_retries": "0", "circuit_breaker.forced": "open", "reason": "The bank is down"}
    done = client.post(address, sent | asked, follow=True)
    assert "Production is overridden until" in done.content.decode()
    override = Override.objects.get()
    assert override.patch == PATCH
    for shown in (f"/integrations/{SLUG}/", "/integrations/", LIVE, "/live/", "/"):
        assert "Overridden" in client.get(shown).content.decode(), shown
    again = client.post(address, sent | asked)
    assert again.status_code == 409
    page = client.get(f"{LIVE}overrides/{override.pk}/")
    assert "is kept open" in text(page)
    assert "calls to the provider at worst" in text(page)
    client.post(f"{LIVE}overrides/{override.pk}/", {"act": "end", "note": "Back"})
    override.refresh_from_db()
    assert override.end_note == "Back"
    assert client.post(f"{LIVE}overrides/{override.pk}/", {"act": "review"}).status_code == 409
    assert "wants to be looked at" in text(browse(zoe).get(LIVE))
    done = browse(zoe).post(f"{LIVE}overrides/{override.pk}/", {"act": "review", "note": "Fine"}, follow=True)
    assert "you looked at it" in text(done)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("release/?environment=production", 403),
        ("roll-back/?environment=production&to=1", 403),
        ("override/?environment=production", 403),
        ("release/?environment=none", 404),
        ("diff/?environment=production&to=99", 404),
        ("diff/?environment=%00&to=1", 404),
        ("diff/?environment=production&to=1&from=x", 404),
        ("overrides/9/", 404),
        ("releases/?environment=none", 200),
        ("releases/?cursor=x", 400),
    ],
)
def test_mallory_looks_and_touches_nothing(
    approved: Integration, browse: Any, mallory: Person, address: str, status: int
) -> None:
    client = browse(mallory)
    assert client.get(LIVE + address).status_code == status
    if status == 403:
        assert client.post(LIVE + address, {"reason": "x", "minutes": "60"}).status_code == 403


def test_a_release_says_how_it_differs_from_the_one_before(
    approved: Integration, second: Revision, browse: Any, ann: Person, oncall: Person
) -> None:
    production = Environment.objects.get(slug="production")
    overrides.begin(approved, production, patch=PATCH, reason="x", by=oncall)
    client = browse(ann)
    first = client.get(reverse("releases-diff", args=[SLUG]) + "?environment=production&to=2")
    assert "10 s" in text(first)
    assert "9 s" in text(first)
    forced = text(client.get(reverse("releases-diff", args=[SLUG]) + "?environment=production&to=3&view=side"))
    assert "payments-api : is kept open" in forced
    back = text(client.get(reverse("releases-diff", args=[SLUG]) + "?environment=production&from=3&to=2"))
    assert "was kept open, decides by itself again" in back
    assert releases.in_force(approved, production) is not None


def test_an_administrator_says_how_an_environment_is_released(approved: Integration, browse: Any, ada: Person) -> None:
    client = browse(ada)
    address = "/environments/production/edit/"
    sent = form(client.get(address))
    staging = Environment.objects.get(slug="staging")
    done = client.post(address, sent | {"promoted_from": str(staging.pk)}, follow=True)
    assert "released by promoting from Staging" in text(done)
    assert form(client.get(address))["promoted_from"] == str(staging.pk)
    circle = client.post(
        "/environments/staging/edit/",
        form(client.get("/environments/staging/edit/"))
        | {"promoted_from": str(Environment.objects.get(slug="production").pk)},
    )
    assert "Is served by promoting from this one" in circle.content.decode()
    assert "By promoting from Staging" in text(client.get("/environments/"))
