"""Findings across the landscape, with links to both sides, and the pages that explain rules."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console import guides
from registry.models import Integration, Person, Review
from registry.rules import ACROSS, RULES
from registry.services import integrations, revisions, surveys
from tests import landscape
from tests.console.browsing import text

FINDINGS = "/findings/"


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture
def pair(integration: Integration, ann: Person) -> Integration:
    """The shop, which calls orders five times, beside orders to payments; both drafts."""
    told = landscape.document()
    contract, parties = told["contracts"][0], told["parties"]
    contract |= {"name": "orders-api", "consumer": "shop", "provider": "order-service"}
    contract["policy"]["retry"]["max_retries"] = 4
    contract["policy"]["timeouts"]["total_ms"] = 30_000
    parties[0]["system"], parties[1]["system"] = "shop", "order-service"
    return integrations.create(name="Shop to orders", slug="shop-to-orders", document=told, by=ann)


def links(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_finding_names_and_links_both_sides(by_ann: Client, pair: Integration) -> None:
    surveys.take()
    page = by_ann.get(FINDINGS)
    assert "5 attempts × 3 = 15 calls reach payment-service at worst: shop → order-service → payment-service." in text(
        page
    )
    assert (
        'href="/integrations/orders-to-payments/?revision=0.1#contracts">draft 0.1 of orders-to-payments</a>'
        in links(page)
    )
    assert 'href="/integrations/shop-to-orders/?revision=0.1#contracts">draft 0.1 of shop-to-orders</a>' in links(page)
    assert 'href="/rules/chain-retries/"' in links(page)


def test_findings_are_narrowed_by_rule_and_severity(by_ann: Client, pair: Integration) -> None:
    surveys.take()
    assert "15 calls reach" in text(by_ann.get(FINDINGS, {"rule": "chain-retries", "severity": "warning"}))
    none = by_ann.get(FINDINGS, {"rule": "chain-circle"})
    assert "Nothing of that kind" in text(none)
    assert "Show all" in text(none)


def test_before_and_after_the_first_look_the_page_says_what_it_waits_for(
    by_ann: Client, integration: Integration
) -> None:
    assert "Not looked at yet" in text(by_ann.get(FINDINGS))
    surveys.take()
    assert "Nothing found" in text(by_ann.get(FINDINGS))


def test_long_lists_of_findings_go_page_by_page(by_ann: Client, catalog: landscape.Catalog, ann: Person) -> None:
    for number in range(104):
        topic = {"name": f"topic-{number // 2}", "broker": "kafka", "partitions": 1 + number % 2}
        integrations.create(name=f"Feed {number}", slug=f"feed-{number}", document={"topics": [topic]}, by=ann)
    surveys.take()
    first = by_ann.get(FINDINGS).context["page"]
    second = by_ann.get(FINDINGS, {"cursor": first.next}).context["page"]
    assert (len(first.rows), len(second.rows), second.next) == (50, 2, "")


def test_a_finding_across_integrations_stands_in_document_editor_submission_and_review(
    by_ann: Client, pair: Integration, ann: Person
) -> None:
    link = 'href="/integrations/shop-to-orders/?revision=0.1#contracts">draft 0.1 of shop-to-orders</a>'
    base = "/integrations/orders-to-payments"
    for path in (f"{base}/", f"{base}/edit/contracts/", f"{base}/submit/"):
        page = by_ann.get(path)
        assert "= 15 calls reach payment-service" in text(page), path
        assert link in links(page), path
    draft = Integration.objects.select_related("current").get(slug="orders-to-payments").current
    assert draft is not None
    key = "chain-retries contracts[payments-api].policy.retry.max_retries"
    revisions.submit(
        draft, by=ann, if_match=draft.etag, change_note="First", justifications={key: "Agreed with the shop."}
    )
    integrations.retire(pair, by=ann)
    frozen = by_ann.get(f"{base}/review/")
    assert "= 15 calls reach payment-service" in text(frozen)
    assert "Agreed with the shop." in text(frozen)
    assert link in links(frozen)


def test_a_review_from_before_there_were_others_is_shown(
    by_ann: Client, review: Review, without_triggers: Callable[[str], None]
) -> None:
    old = {"key": "a b", "code": "retry-many", "severity": "hint", "path": "sla", "message": "Old.", "mend": "So."}
    without_triggers(f"UPDATE registry_review SET findings = '{json.dumps([old])}'")
    assert "Old." in text(by_ann.get("/integrations/orders-to-payments/review/"))


def test_every_rule_is_explained_part_by_part_in_one_group() -> None:
    listed = [each.rule.code for group in guides.groups().values() for each in group]
    assert sorted(listed) == sorted(RULES)
    for code in RULES:
        guide = guides.guide(code)
        assert guide.why
        assert guide.mend
        assert guide.examples or guide.asked
        assert guide.places, code
        for each in guide.examples:
            assert not {"Bad:", "Good:", "Example:", "Better:"} & {*each.bad.split(), *each.good.split()}
            assert each.good or not each.is_bad, code


def test_a_rules_page_says_where_it_was_found(by_ann: Client, pair: Integration) -> None:
    surveys.take()
    page = by_ann.get(reverse("rule", args=["chain-retries"]))
    assert "Orders to payments" in text(page)
    assert 'href="/findings/?rule=chain-retries"' in links(page)
    assert "contracts[].policy.environments[].retry" in text(page)
    assert "Nowhere" in text(by_ann.get(reverse("rule", args=["retry-success"])))
    found = by_ann.get(reverse("rule", args=["system-unknown"]))
    assert 'href="/integrations/shop-to-orders/">Shop to orders</a>' in links(found)


def test_rules_are_searched_by_words_and_severity(by_ann: Client) -> None:
    found = by_ann.get("/rules/", {"q": "token lifetime", "severity": "warning"})
    codes = {each.rule.code for group in found.context["groups"].values() for each in group}
    assert codes <= {code for code, rule in RULES.items() if rule.severity == "warning"}
    assert by_ann.get("/rules/", {"q": "401 twice"}).context["count"] >= 0
    assert "No such rule" in text(by_ann.get("/rules/", {"q": "zebra"}))
    every = by_ann.get("/rules/")
    assert every.context["count"] == len(RULES)
    assert next(iter(every.context["groups"])) == "Across integrations"
    assert len(every.context["groups"]["Across integrations"]) == len(ACROSS)
