"""Notices, who signs while one is away, what reviews need, and webhooks, in the browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from registry.models import ApprovalRule, Delegation, Delivery, Notice, Person, Review, Webhook
from registry.services import webhooks

WEBHOOK = {"name": "Chat", "url": "https://hooks.example.com/registry", "kinds": ["review.signed"], "is_active": "on"}


def page(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def by_cora(client: Client, cora: Person) -> Client:
    client.force_login(cora)
    return client


@pytest.fixture
def by_ada(client: Client, ada: Person) -> Client:
    client.force_login(ada)
    return client


# --- notices --------------------------------------------------------------------------------------------------------


def test_a_notice_leads_to_what_it_is_about_and_is_marked_as_read(
    review: Review, by_cora: Client, paul: Person
) -> None:
    shown = page(by_cora.get("/notices/"))
    assert "To sign: Orders to payments 0.1" in shown
    assert 'href="/integrations/orders-to-payments/review/"' in shown
    assert "1<span" in page(by_cora.get("/notices/count/"))
    other = Notice.objects.get(person=paul)
    by_cora.post("/notices/", {"notice": [str(other.pk), "x", "9" * 30]})
    assert Notice.objects.filter(read_at__isnull=False).count() == 0
    by_cora.post("/notices/", {"notice": str(Notice.objects.get(person__username="cora").pk)})
    assert page(by_cora.get("/notices/count/")).strip() == ""
    assert Notice.objects.filter(person=paul, read_at__isnull=True).exists()


def test_the_count_tells_whoever_was_signed_out_so_and_is_asked_no_more(client: Client, db: None) -> None:
    asked = client.get("/notices/count/", headers={"HX-Request": "true"})
    assert (asked.status_code, "Signed out" in page(asked)) == (286, True)
    assert client.get("/notices/count/")["Location"] == "/sign-in/?next=/notices/"


def test_all_notices_are_marked_at_once(review: Review, by_cora: Client) -> None:
    by_cora.post("/notices/")
    assert not Notice.objects.filter(person__username="cora", read_at__isnull=True).exists()


def test_mail_is_switched_off_and_on(by_cora: Client, cora: Person) -> None:
    by_cora.post("/account/mail/")
    cora.refresh_from_db()
    assert not cora.wants_mail
    by_cora.post("/account/mail/", {"wants_mail": "on"})
    cora.refresh_from_db()
    assert cora.wants_mail


# --- while away -----------------------------------------------------------------------------------------------------


def away(to: Person, **given: str) -> dict[str, str]:
    today = timezone.now().date()
    stated = {
        "away-delegate": str(to.pk),
        "away-starts_on": today.isoformat(),
        "away-ends_on": (today + timedelta(days=6)).isoformat(),
        "away-reason": "On leave",
    }
    return stated | given


def test_somebody_signs_while_one_is_away(by_cora: Client, cora: Person, mallory: Person) -> None:
    answer = by_cora.post("/account/away/", away(mallory), follow=True)
    assert "Mallory Moss signs for you until" in page(answer)
    given = Delegation.objects.get()
    assert (given.holder, given.delegate, given.reason) == (cora, mallory, "On leave")
    assert given.ends_at.date() == timezone.now().date() + timedelta(days=7)
    ended = by_cora.post(f"/account/away/{given.pk}/end/", follow=True)
    assert "Mallory Moss signs no more for Cora Cole." in page(ended)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"away-ends_on": "2020-01-01"}, "Is not after the start"),
        ({"away-ends_on": "2999-01-01"}, "Is more than three months away"),
        ({"away-ends_on": "soon"}, "Enter a valid date"),
        ({"away-delegate": "x"}, "Select a valid choice"),
        ({"away-reason": ""}, "This field is required"),
        ({"away-reason": "a\x00b"}, "Null characters"),
    ],
)
def test_what_is_wrong_with_an_absence_stands_beside_it(
    by_cora: Client, mallory: Person, given: dict[str, str], words: str
) -> None:
    answer = by_cora.post("/account/away/", away(mallory, **given))
    assert answer.status_code == 422
    assert words in page(answer)
    assert not Delegation.objects.exists()


def test_somebody_elses_absence_is_not_mine_to_end(by_cora: Client, paul: Person, mallory: Person) -> None:
    now = timezone.now()
    given = Delegation.objects.create(
        holder=paul, delegate=mallory, starts_at=now, ends_at=now + timedelta(days=1), reason="x", created_at=now
    )
    assert by_cora.post(f"/account/away/{given.pk}/end/").status_code == 403
    assert by_cora.post("/account/away/999/end/").status_code == 404


# --- approval rules -------------------------------------------------------------------------------------------------


RULE = {"name": "Small changes", "weight": "10", "within": ["monitoring"], "threads_block": "on", "is_active": "on"}
MINIMUMS = {"author": "1", "consumer_lead": "0", "provider_lead": "0", "platform": "1", "approver": "1"}


def test_an_administrator_makes_and_changes_a_rule_that_everybody_reads(
    by_ada: Client, cora: Person, client: Client
) -> None:
    by_ada.post("/approval-rules/new/", RULE | MINIMUMS)
    rule = ApprovalRule.objects.get()
    assert (rule.within, rule.minimums) == (["monitoring"], {"author": 1, "platform": 1, "approver": 1})
    by_ada.post(f"/approval-rules/{rule.pk}/", RULE | MINIMUMS | {"approver": "2"})
    client.force_login(cora)
    shown = page(client.get("/approval-rules/"))
    assert "Small changes" in shown
    assert "2 × Approver" in shown
    assert "New rule" not in shown
    assert client.get("/approval-rules/new/").status_code == 403


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"author": "0"}, "Must be one"),
        ({"approver": "9"}, "less than or equal to 5"),
        ({"weight": "x"}, "Enter a whole number"),
        ({"within": ["nothing"]}, "Select a valid choice"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_what_is_wrong_with_a_rule_stands_beside_it(by_ada: Client, given: dict[str, Any], words: str) -> None:
    answer = by_ada.post("/approval-rules/new/", RULE | MINIMUMS | given)
    assert answer.status_code == 422
    assert words in page(answer)
    assert not ApprovalRule.objects.exists()


# --- webhooks -------------------------------------------------------------------------------------------------------


def test_a_webhooks_secret_is_shown_once(by_ada: Client) -> None:
    made = by_ada.post("/webhooks/new/", WEBHOOK)
    assert "whsec_" in page(made)
    assert "no-store" in made["Cache-Control"]
    held = Webhook.objects.get()
    for shown in (f"/webhooks/{held.pk}/", f"/webhooks/{held.pk}/edit/", "/webhooks/"):
        assert "whsec_" not in page(by_ada.get(shown))
    by_ada.post(f"/webhooks/{held.pk}/edit/", WEBHOOK | {"name": "Pipeline"})
    held.refresh_from_db()
    assert held.name == "Pipeline"


def test_an_address_inside_is_refused(by_ada: Client) -> None:
    answer = by_ada.post("/webhooks/new/", WEBHOOK | {"url": "http://169.254.169.254/latest"})
    assert answer.status_code == 422
    assert "Is not https" in page(answer)


def test_a_delivery_is_looked_at_and_sent_again(by_ada: Client, ada: Person) -> None:
    held, _ = webhooks.save(name="Chat", url="https://hooks.example.com/", kinds=["review.signed"], by=ada)
    now = timezone.now()
    delivery = Delivery.objects.create(
        webhook=held, event_id="e1", kind="review.signed", body='{"id":"<script>"}', created_at=now,
        next_attempt_at=now, state="given_up",
    )  # fmt: skip
    shown = page(by_ada.get(f"/webhooks/deliveries/{delivery.pk}/"))
    assert "Given up" in shown
    assert "<script>" not in shown.split("What is sent")[1]
    assert "review.signed" in page(by_ada.get(f"/webhooks/{held.pk}/"))
    by_ada.post(f"/webhooks/deliveries/{delivery.pk}/")
    delivery.refresh_from_db()
    assert delivery.state == "waiting"


@pytest.mark.parametrize("where", ["/webhooks/", "/webhooks/new/", "/webhooks/1/", "/webhooks/deliveries/1/"])
def test_webhooks_are_for_administrators(by_cora: Client, where: str) -> None:
    assert by_cora.get(where).status_code == 403
