"""The difference of any two versions in the browser: complete, bounded, in the layout one chose."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import Integration, Person, Review, Revision
from registry.services import integrations, reviews, revisions
from tests import landscape
from tests.console.browsing import text

BASE = "/integrations/orders-to-payments"
DIFF = f"{BASE}/diff/"


@pytest.fixture
def drafted(approved: Integration, ann: Person) -> Revision:
    """1.1 renames the contract, asks for more retries, and says the purpose in other words."""
    draft = revisions.start_draft(approved, by=ann)
    document = landscape.document()
    document["overview"]["purpose"] = "Take the customer's money twice when an order is placed."
    document["contracts"][0]["name"] = "payments"
    document["contracts"][0]["policy"]["retry"]["max_retries"] = 5
    return revisions.save(draft, document, by=ann, if_match=draft.etag)


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def rows(page: Any) -> list[str]:
    found = re.findall(r'<li class="change.*?</li>', page.content.decode(), re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", " ", each).split()) for each in found]


def test_a_draft_is_compared_with_what_it_was_begun_from(drafted: Revision, by_ann: Client) -> None:
    page = by_ann.get(DIFF)
    assert rows(page) == rows(by_ann.get(f"{DIFF}?from=in-force&to=draft"))
    assert rows(page) == [
        "~ Changed: Purpose Take the customer&#x27;s money once twice when an order is placed.",
        "→ Renamed: payments breaking payments-api → payments",
        "~ Changed: Max retries 2 → 5 × 2.5",
    ]
    assert "worst-case time per call 6.6 s → 10 s +52 % worse" in text(page)


def test_the_fields_beside_a_changed_one_can_be_unfolded(drafted: Revision, by_ann: Client) -> None:
    page = text(by_ann.get(DIFF))
    assert "8 unchanged beside it Retry on statuses 500, 429 Retry on network errors yes Strategy Exponential" in page


def test_old_and_new_stand_side_by_side_from_then_on(drafted: Revision, by_ann: Client) -> None:
    assert 'class="differences is-apart"' not in by_ann.get(DIFF).content.decode()
    beside = by_ann.get(f"{DIFF}?view=side")
    assert 'class="differences is-apart"' in beside.content.decode()
    assert beside.cookies["diff"].value == "side"
    again = by_ann.get(DIFF).content.decode()
    assert '<div class="old"><del>2</del></div><div class="new"><ins>5</ins>' in again
    assert "is-apart" not in by_ann.get(f"{DIFF}?view=inline").content.decode()
    assert "is-apart" not in by_ann.get(f"{DIFF}?view=upside-down").content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("section=overview", ["Purpose"]),
        ("section=contracts", ["payments", "Max retries"]),
        ("only=breaking", ["payments"]),
        ("section=overview&only=breaking", []),
        ("section=nothing", ["Purpose", "payments", "Max retries"]),
        ("page=99", ["Purpose", "payments", "Max retries"]),
        ("page=-1&only=odd", ["Purpose", "payments", "Max retries"]),
    ],
)
def test_what_is_shown_can_be_narrowed(drafted: Revision, by_ann: Client, query: str, shown: list[str]) -> None:
    page = by_ann.get(f"{DIFF}?from=1.0&to=1.1&{query}")
    told = [re.search(r": (payments|Purpose|Max retries)", each) for each in rows(page)]
    assert [each[1] for each in told if each] == shown


def test_two_rounds_of_one_revision_are_compared(review: Review, ann: Person, by_ann: Client) -> None:
    reviews.withdraw(review, by=ann, reason="One thing more")
    draft = Revision.objects.get(pk=review.revision_id)
    draft = revisions.save_section(draft, "sla", {"rto": "PT1H"}, by=ann, if_match=draft.etag)
    page = by_ann.get(f"{DIFF}?from=0.1&to=0.2")
    assert rows(page) == ["+ Added: RTO (acceptable downtime) 1 hour"]
    assert text(page).split("Exports ")[1].startswith("0.1 Withdrawn → 0.2 Draft")
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="With an RTO")
    assert rows(by_ann.get(f"{DIFF}?from=0.1&to=0.2")) == rows(page)


def test_what_says_the_same_in_another_layout_is_no_change(approved: Integration, ann: Person, by_ann: Client) -> None:
    document = landscape.document()
    document["contracts"][0]["operations"][0]["request_example"] = '{"a": 1, "b": 2}'
    made = integrations.create(name="Other", slug="other", document=document, by=ann)
    assert made.current
    review = revisions.submit(made.current, by=ann, if_match=made.current.etag, change_note="First")
    reviews.withdraw(review, by=ann, reason="Layout")
    document["contracts"][0]["operations"][0]["request_example"] = '{\n  "b": 2,\n  "a": 1\n}'
    draft = Revision.objects.get(pk=review.revision_id)
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    page = text(by_ann.get("/integrations/other/diff/?from=0.1&to=0.2"))
    assert "0 changes" in page
    assert "Request example Laid out otherwise; it says the same." in page


def test_versions_that_say_the_same_say_so(approved: Integration, by_ann: Client) -> None:
    assert "Nothing differs" in text(by_ann.get(f"{DIFF}?from=1.0&to=1.0"))


def test_a_large_difference_is_shown_a_page_at_a_time(approved: Integration, ann: Person, by_ann: Client) -> None:
    steps = [{"name": f"step {number}", "action": "POST /"} for number in range(200)]
    scenarios = [{"title": f"case {number}", "expected": "Fine."} for number in range(60)]
    draft = revisions.start_draft(approved, by=ann)
    document = landscape.document(saga={"steps": steps}, testing={"scenarios": scenarios})
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    first = by_ann.get(DIFF)
    assert len(rows(first)) == 100
    assert "Still to come: Saga 100, Testing 60." in text(first)
    assert "Page 1 of 3" in text(first)
    assert [len(rows(by_ann.get(f"{DIFF}?page={page}"))) for page in (2, 3, 4)] == [100, 60, 60]
    assert len(rows(by_ann.get(f"{DIFF}?section=testing"))) == 60


def test_the_page_of_a_difference_counts_its_queries(
    drafted: Revision, by_ann: Client, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for query, count in (("", 5), ("?from=1.0&to=1.1", 4)):
        with django_assert_num_queries(count):
            by_ann.get(DIFF + query)


@pytest.mark.parametrize("query", ["from=x", "to=9.9", "from=%00&to=1.0", "from=1.99999999999", "to=١.٠"])
def test_a_version_that_is_not_there_is_not_found(approved: Integration, by_ann: Client, query: str) -> None:
    assert by_ann.get(f"{DIFF}?{query}").status_code == 404
