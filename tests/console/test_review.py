"""Submitting, reviewing and signing in the browser, without JavaScript: each by those who may, on the text they saw."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from registry.models import Integration, Person, Release, Review, Revision, SignOff
from registry.services import integrations, reviews, revisions
from tests import landscape
from tests.console.browsing import form, text

BASE = "/integrations/orders-to-payments"
SUBMIT, REVIEW = f"{BASE}/submit/", f"{BASE}/review/"
Signs = Callable[..., None]


def sign_url(role: str) -> str:
    return f"{REVIEW}sign/{role}/"


@pytest.fixture
def as_(client: Client) -> Callable[[Person], Client]:
    """The browser of somebody."""

    def sign_in(person: Person) -> Client:
        client.force_login(person)
        return client

    return sign_in


As = Callable[[Person], Client]


def changed(draft: Revision, section: str, value: Any, *, by: Person) -> Revision:
    """The draft, saved with another section."""
    fresh = Revision.objects.select_related("integration").get(pk=draft.pk)
    return revisions.save_section(fresh, section, value, by=by, if_match=fresh.etag)


# --- submitting -------------------------------------------------------------------------------------------------------


def test_the_submit_page_says_who_will_have_to_sign(
    as_: As, draft: Revision, ann: Person, zoe: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = as_(ann)
    with django_assert_num_queries(12):
        page = browser.get(SUBMIT)
    assert page.status_code == 200
    seats = text(page).split("Who will have to sign ")[1]
    assert seats.startswith(
        "Author You, Ann Archer Consumer team lead Cora Cole Provider team lead Paul Pratt "
        "Platform/infra Ivy Ives Approver Zoe Zimmer Submit for review"
    )


def test_a_role_nobody_can_sign_is_named_before_submission(as_: As, draft: Revision, ann: Person) -> None:
    assert "Approver Nobody can sign this yet. Every approver wrote in it" in text(as_(ann).get(SUBMIT))


def test_submitting_freezes_the_draft_and_leads_to_the_review(as_: As, draft: Revision, ann: Person) -> None:
    browser = as_(ann)
    answer = browser.post(SUBMIT, form(browser.get(SUBMIT)) | {"change_note": "First version"}, follow=True)
    assert answer.redirect_chain == [(REVIEW, 302)]
    assert "Submitted. Asked to sign: Cora Cole, Paul Pratt, Ivy Ives" in text(answer)
    assert Revision.objects.get(pk=draft.pk).state == "in_review"


def test_errors_lead_to_their_field_and_stop_submission(as_: As, draft: Revision, ann: Person) -> None:
    changed(draft, "overview", {}, by=ann)
    browser = as_(ann)
    page = browser.get(SUBMIT)
    assert f'href="{BASE}/edit/overview/?at=overview.purpose"' in page.content.decode()
    refused = browser.post(SUBMIT, form(page) | {"change_note": "Try"})
    assert refused.status_code == 422
    assert form(refused)["change_note"] == "Try"
    assert Revision.objects.get(pk=draft.pk).state == "draft"


@pytest.fixture
def with_a_warning(draft: Revision, ann: Person) -> Revision:
    """The draft with a warning on purpose: a low-criticality contract without a way to prove who calls."""
    contracts = landscape.document()["contracts"]
    contracts[0]["authentication"] = {}
    return changed(draft, "contracts", contracts, by=ann)


def test_each_warning_asks_for_a_justification_that_reviewers_read(
    as_: As, with_a_warning: Revision, ann: Person, cora: Person
) -> None:
    browser = as_(ann)
    page = browser.get(SUBMIT)
    asked = [name for name in form(page) if name.startswith("why:")]
    assert len(asked) == 1
    refused = browser.post(SUBMIT, form(page) | {"change_note": "First"})
    assert refused.status_code == 422
    assert "A justification is missing." in text(refused)
    assert form(refused)["change_note"] == "First"
    browser.post(SUBMIT, form(refused) | {asked[0]: "The network is closed."})
    assert "The network is closed." in text(as_(cora).get(REVIEW))


def test_a_missing_note_is_asked_for(as_: As, draft: Revision, ann: Person) -> None:
    browser = as_(ann)
    refused = browser.post(SUBMIT, form(browser.get(SUBMIT)) | {"change_note": "  "})
    assert refused.status_code == 422
    assert "The note is missing. Write a few words." in text(refused)


def test_a_draft_saved_meanwhile_is_not_submitted_unread(as_: As, draft: Revision, ann: Person) -> None:
    browser = as_(ann)
    typed = form(browser.get(SUBMIT)) | {"change_note": "First"}
    changed(draft, "sla", {"rto": "PT2H"}, by=ann)
    stale = browser.post(SUBMIT, typed)
    assert stale.status_code == 409
    assert form(stale)["change_note"] == "First"
    assert "saved again since you opened this page" in text(stale)
    assert browser.post(SUBMIT, form(stale)).status_code == 302


@pytest.mark.parametrize("post", [{}, {"etag": "\x00", "change_note": "x"}, {"change_note": "\x00", "why:": "x"}])
def test_odd_submissions_submit_nothing(as_: As, draft: Revision, ann: Person, post: dict[str, str]) -> None:
    assert as_(ann).post(SUBMIT, post).status_code in (409, 422)
    assert Revision.objects.get(pk=draft.pk).state == "draft"


# --- reviewing --------------------------------------------------------------------------------------------------------


def test_without_a_review_the_page_says_how_one_begins(as_: As, draft: Revision, ann: Person) -> None:
    page = as_(ann).get(REVIEW)
    assert page.status_code == 200
    assert "No review yet" in text(page)


def test_the_review_page_counts_its_queries(
    as_: As, review: Review, cora: Person, sign: Signs, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sign(review, "author", "provider_lead")
    browser = as_(cora)
    with django_assert_num_queries(29):
        assert browser.get(REVIEW).status_code == 200
    with django_assert_num_queries(13):
        assert browser.get(sign_url("consumer_lead")).status_code == 200


def offers(page: Any) -> list[str]:
    return re.findall(r'/review/sign/(\w+)/\?seen=[0-9a-f]{64}"', page.content.decode())


def test_each_person_is_offered_the_role_they_hold(
    as_: As, review: Review, ann: Person, cora: Person, paul: Person, ivy: Person, zoe: Person, mallory: Person
) -> None:
    seen = {person.username: offers(as_(person).get(REVIEW)) for person in (ann, cora, paul, ivy, zoe, mallory)}
    assert seen == {
        "ann": ["author"],
        "cora": ["consumer_lead"],
        "paul": ["provider_lead"],
        "ivy": ["platform"],
        "zoe": ["approver"],
        "mallory": [],
    }


def test_mallory_reads_a_review_and_can_do_nothing_to_it(as_: As, review: Review, mallory: Person, zoe: Person) -> None:
    browser = as_(mallory)
    page = text(browser.get(REVIEW))
    assert "Only an approver signs this." in page
    assert "Request changes" not in page
    assert "Withdraw" not in page
    for act in ("request-changes", "withdraw"):
        answer = browser.post(REVIEW, {"act": act, "words": "No", "review": str(review.pk)})
        assert answer.status_code == 403
    assert browser.get(sign_url("approver")).status_code == 403
    assert browser.post(sign_url("approver"), {"password": "mallory", "seen": review.content_hash}).status_code == 403
    assert Review.objects.get(pk=review.pk).is_open
    assert not SignOff.objects.exists()


@pytest.mark.parametrize("url", [SUBMIT, REVIEW, sign_url("approver")])
def test_whoever_is_not_signed_in_is_asked_to(client: Client, review: Review, url: str) -> None:
    for answer in (client.get(url), client.post(url, {})):
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")


def test_changes_are_requested_with_a_comment(as_: As, review: Review, cora: Person, ann: Person, sign: Signs) -> None:
    sign(review, "author")
    browser = as_(cora)
    asked = {"act": "request-changes", "review": str(review.pk)}
    refused = browser.post(REVIEW, asked | {"words": " "})
    assert refused.status_code == 422
    assert "The comment is missing. Write a few words." in text(refused)
    assert browser.post(REVIEW, asked | {"words": "Fewer retries, please."}).status_code == 302
    page = text(as_(ann).get(REVIEW))
    assert "Changes requested by Cora Cole" in page
    assert "Fewer retries, please." in page
    assert "Void: Changes requested by Cora Cole" in page


def test_the_author_withdraws_with_a_reason(as_: As, review: Review, ann: Person) -> None:
    browser = as_(ann)
    browser.post(REVIEW, {"act": "withdraw", "words": "One field is wrong.", "review": str(review.pk)})
    assert Review.objects.get(pk=review.pk).state == "withdrawn"
    late = browser.post(REVIEW, {"act": "withdraw", "words": "Again.", "review": str(review.pk)})
    assert late.status_code == 409
    assert "This review has ended" in text(late)


@pytest.mark.parametrize(
    "post", [{}, {"act": "withdraw"}, {"act": "approve", "review": "1"}, {"act": "withdraw", "review": "²\x00"}]
)
def test_odd_answers_to_a_review_do_nothing(as_: As, review: Review, ann: Person, post: dict[str, str]) -> None:
    assert as_(ann).post(REVIEW, post).status_code == 400
    assert Review.objects.get(pk=review.pk).is_open


def test_older_rounds_stay_visible_with_their_void_signatures(
    as_: As, review: Review, draft: Revision, ann: Person, sign: Signs
) -> None:
    sign(review, "author", "consumer_lead")
    reviews.withdraw(review, by=ann, reason="Again, better")
    fresh = changed(draft, "sla", {"rto": "PT2H"}, by=ann)
    second = revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Second try")
    browser = as_(ann)
    newest = text(browser.get(REVIEW))
    assert f"Version {second.version}" in newest
    assert "Signatures 0 of 5" in newest
    older = text(browser.get(REVIEW, {"version": review.version}))
    assert "Again, better" in older
    assert older.count("Void:") == 2
    assert browser.get(REVIEW, {"version": "9.9"}).status_code == 404
    assert browser.get(REVIEW, {"version": "\x00"}).status_code == 404


def test_the_full_document_is_the_text_of_the_round_not_what_was_written_since(
    as_: As, review: Review, draft: Revision, ann: Person, sign: Signs
) -> None:
    sign(review, "author")
    reviews.withdraw(review, by=ann, reason="Again, better")
    changed(draft, "overview", landscape.document()["overview"] | {"purpose": "Something else."}, by=ann)
    browser = as_(ann)
    link = f'{BASE}/?revision={review.version}">Full document</a>'
    assert link in browser.get(REVIEW).content.decode()
    page = browser.get(f"{BASE}/?revision={review.version}")
    assert "Take the customer's money once" in text(page)
    assert "Something else." not in text(page)
    assert "This is 0.1 as it was reviewed. It was not approved; 0.2 was written from it." in text(page)
    assert review.content_hash in text(page)
    assert "Void: Withdrawn by Ann Archer: Again, better" in text(page)
    assert "Something else." in text(browser.get(f"{BASE}/?revision=0.2"))
    printed = browser.get(f"{BASE}/paper.css?revision={review.version}").content.decode()
    assert "Version 0.1 · Withdrawn" in printed


def test_a_new_round_shows_the_void_signatures_of_those_before_and_why_one_signs_anew(
    as_: As, review: Review, draft: Revision, ann: Person, paul: Person, cora: Person, sign: Signs
) -> None:
    sign(review, "consumer_lead", "provider_lead")
    reviews.withdraw(review, by=ann, reason="Again, better")
    fresh = changed(draft, "sla", {"rto": "PT2H"}, by=ann)
    revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Second try")
    page = text(as_(paul).get(REVIEW))
    assert "You signed an earlier round; since then Service levels changed, which your role answers for." in page
    assert page.count("Round 1. Void: Withdrawn by Ann Archer: Again, better") == 2
    assert "You signed an earlier round" not in text(as_(cora).get(REVIEW))


def test_changes_are_shown_against_the_revision_in_force(
    as_: As, approved: Integration, ann: Person, cora: Person
) -> None:
    draft = revisions.start_draft(approved, by=ann)
    contracts = landscape.document()["contracts"]
    contracts[0]["policy"]["retry"]["max_retries"] = 1
    draft = changed(draft, "contracts", contracts, by=ann)
    revisions.submit(draft, by=ann, if_match=draft.etag, change_note="One retry less")
    page = text(as_(cora).get(REVIEW))
    assert "Changes since 1.0 1" in page
    assert "calls to the provider at worst 3 → 2" in page
    assert "What it touches elsewhere 0 Nobody else will notice" in page


def test_the_review_and_the_author_read_what_a_change_comes_to_elsewhere(
    as_: As, approved: Integration, ann: Person, cora: Person
) -> None:
    shop = landscape.document()
    shop["parties"][0]["system"], shop["parties"][1]["system"] = "shop", "order-service"
    shop["contracts"][0] |= {"name": "orders-api", "consumer": "shop", "provider": "order-service"}
    integrations.create(name="Shop to orders", slug="shop-to-orders", document=shop, by=ann)
    contracts = landscape.document()["contracts"]
    contracts[0]["policy"]["retry"]["max_retries"] = 1
    changed(revisions.start_draft(approved, by=ann), "contracts", contracts, by=ann)
    told = "One call that shop makes can become 6 of payment-service, 9 before: shop → order-service → payment-service."
    browser = as_(ann)
    asked = browser.get(SUBMIT)
    why = {name: "As before." for name in form(asked) if name.startswith("why:")}
    assert browser.post(SUBMIT, form(asked) | why | {"change_note": "One retry less"}).status_code == 302
    for page in (asked, as_(cora).get(REVIEW)):
        assert told in text(page)
        assert 'href="/integrations/shop-to-orders/?revision=0.1#' in page.content.decode()


# --- signing ----------------------------------------------------------------------------------------------------------


def test_five_people_sign_and_the_last_signature_serves_it(
    as_: As, review: Review, ann: Person, cora: Person, paul: Person, ivy: Person, zoe: Person
) -> None:
    people = {"author": ann, "consumer_lead": cora, "provider_lead": paul, "platform": ivy, "approver": zoe}
    for role, person in people.items():
        browser = as_(person)
        page = browser.get(sign_url(role), {"seen": review.content_hash})
        last = role == "approver"
        assert (
            "This is the last signature. 1.0 is approved and served in Local, Staging and Production at once."
            in text(page)
        ) == last
        answer = browser.post(sign_url(role), form(page) | {"password": person.username}, follow=True)
        assert answer.redirect_chain == [(REVIEW, 302)]
    assert "Approved as 1.0" in text(answer)
    assert "Signatures 5 of 5" in text(answer)
    assert Release.objects.count() == 3


def test_the_sign_page_says_what_is_signed(as_: As, review: Review, cora: Person) -> None:
    page = text(as_(cora).get(sign_url("consumer_lead")))
    assert "My team accepts the consumer's obligations" in page
    assert review.content_hash in page
    assert "After you, 4 signatures are still missing." in page


def test_a_wrong_password_signs_nothing(as_: As, review: Review, cora: Person) -> None:
    browser = as_(cora)
    typed = form(browser.get(sign_url("consumer_lead")))
    for password in ("wrong", "", "\x00"):
        refused = browser.post(sign_url("consumer_lead"), typed | {"password": password})
        assert refused.status_code == 403
        assert "That password is not yours." in text(refused)
    assert not SignOff.objects.exists()


def test_a_text_that_changed_since_it_was_read_is_not_signed(
    as_: As, review: Review, draft: Revision, ann: Person, cora: Person
) -> None:
    browser = as_(cora)
    typed = form(browser.get(sign_url("consumer_lead"), {"seen": review.content_hash})) | {"password": "cora"}
    reviews.withdraw(review, by=ann, reason="Better")
    fresh = changed(draft, "sla", {"rto": "PT2H"}, by=ann)
    revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Second try")
    for stale in (browser.post(sign_url("consumer_lead"), typed), browser.get(sign_url("consumer_lead"), typed)):
        assert stale.status_code == 409
        assert "Nothing was signed" in text(stale)
        assert "RTO (acceptable downtime)" in text(stale)
    assert not SignOff.objects.exists()


def test_another_round_of_the_same_text_is_not_signed_unread(
    as_: As, review: Review, draft: Revision, ann: Person, cora: Person
) -> None:
    browser = as_(cora)
    typed = form(browser.get(sign_url("consumer_lead"))) | {"password": "cora"}
    reviews.withdraw(review, by=ann, reason="Another reason for it")
    fresh = Revision.objects.get(pk=draft.pk)
    again = revisions.submit(fresh, by=ann, if_match=fresh.etag, change_note="Because of something else")
    assert again.content_hash == review.content_hash
    answer = browser.post(sign_url("consumer_lead"), typed)
    assert answer.status_code == 409
    assert "This review has ended: withdrawn by Ann Archer" in text(answer)
    assert not SignOff.objects.exists()


def test_a_review_that_ended_meanwhile_is_not_signed(as_: As, review: Review, ann: Person, cora: Person) -> None:
    browser = as_(cora)
    typed = form(browser.get(sign_url("consumer_lead"))) | {"password": "cora"}
    reviews.withdraw(review, by=ann, reason="Better")
    answer = browser.post(sign_url("consumer_lead"), typed)
    assert answer.status_code == 409
    assert "This review has ended: withdrawn by Ann Archer" in text(answer)


def test_nobody_signs_twice(as_: As, review: Review, cora: Person, sign: Signs) -> None:
    browser = as_(cora)
    typed = form(browser.get(sign_url("consumer_lead"))) | {"password": "cora"}
    sign(review, "consumer_lead")
    assert browser.post(sign_url("consumer_lead"), typed).status_code == 409
    assert browser.get(sign_url("consumer_lead")).status_code == 403
    assert SignOff.objects.count() == 1


@pytest.mark.parametrize("post", [{}, {"seen": "\x00"}, {"seen": "x" * 500, "password": "cora"}])
def test_odd_signatures_sign_nothing(as_: As, review: Review, cora: Person, post: dict[str, str]) -> None:
    assert as_(cora).post(sign_url("consumer_lead"), post).status_code in (403, 409)
    assert not SignOff.objects.exists()


def test_unknown_roles_are_not_found(as_: As, review: Review, cora: Person) -> None:
    assert as_(cora).get(sign_url("king")).status_code == 404


def test_nothing_is_signed_before_a_review(as_: As, draft: Revision, cora: Person) -> None:
    assert as_(cora).get(sign_url("consumer_lead")).status_code == 404
