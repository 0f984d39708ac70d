"""The page that says whether a text is what was signed, and the evidence to take away."""

import zipfile
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from registry.models import Integration, Person, Release, Review
from registry.services import evidence


@pytest.fixture
def by_mallory(client: Client, mallory: Person) -> Client:
    """Whoever may sign in may check: it needs no right to see that something was not forged."""
    client.force_login(mallory)
    return client


def test_the_page_says_who_signed_what(
    by_mallory: Client, approved: Integration, django_assert_num_queries: Any
) -> None:
    digest = Review.objects.get().content_hash
    with django_assert_num_queries(7):
        page = by_mallory.get(f"/verify/{digest}/").content.decode()
    for words in (
        "Everything is as it was signed.",
        "Zoe Zimmer",
        "I approve this design record as a whole",
        "In force",
    ):
        assert words in page


@pytest.mark.parametrize("form", ['"{}-{}"', "{}-{}"])
def test_an_etag_leads_to_the_page_of_its_text(by_mallory: Client, approved: Integration, form: str) -> None:
    release = Release.objects.filter(environment__slug="production").get()
    answer = by_mallory.get("/verify/", {"hash": form.format(release.number, release.sha256)}, follow=True)
    assert answer.redirect_chain == [(f"/verify/{release.sha256}/", 302)]
    assert "This is release 1 of Orders to payments in Production." in answer.content.decode()


def test_a_forged_text_is_marked(by_mallory: Client, approved: Integration, without_triggers: Any) -> None:
    without_triggers("UPDATE registry_signoff SET printed_name = 'Somebody Else' WHERE role = 'approver'")
    page = by_mallory.get(f"/verify/{Review.objects.get().content_hash}/").content.decode()
    assert "Not everything is as it was signed." in page
    assert "Everything is as it was signed." not in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [("0" * 64, "Nothing was reviewed or released"), ("nonsense", "That is no hash"), ("\x00<b>", "That is no hash")],
)
def test_what_is_not_known_is_said(by_mallory: Client, typed: str, words: str) -> None:
    answer = by_mallory.get("/verify/", {"hash": typed}, follow=True)
    assert answer.status_code == 404
    assert words in answer.content.decode()


def test_nothing_typed_shows_the_keys(by_mallory: Client) -> None:
    answer = by_mallory.get("/verify/")
    assert (answer.status_code, "Public keys" in answer.content.decode()) == (200, True)


def test_the_evidence_is_taken_away_as_one_file(by_mallory: Client, approved: Integration) -> None:
    review = Review.objects.select_related("integration", "revision").get()
    answer = by_mallory.get(f"/integrations/orders-to-payments/evidence/?review={review.pk}")
    assert answer["Content-Disposition"] == 'attachment; filename="evidence-orders-to-payments-1.0.zip"'
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert f"{evidence.folder(review)}/check.py" in archive.namelist()


@pytest.mark.parametrize("asked", ["?review=999999", "?review=x", "?review=99999999999999999999"])
def test_evidence_of_nothing_is_not_found(by_mallory: Client, approved: Integration, asked: str) -> None:
    assert by_mallory.get(f"/integrations/orders-to-payments/evidence/{asked}").status_code == 404


def test_evidence_wants_a_sign_in(client: Client, approved: Integration) -> None:
    assert client.get("/integrations/orders-to-payments/evidence/")["Location"].startswith("/sign-in/")
    assert client.get("/verify/")["Location"].startswith("/sign-in/")
