"""The document reads like the template it came from."""

import re

from django.test import Client
from django.urls import reverse

from registry.models import Integration, Person, Release, Revision
from registry.services import catalog as catalogs

HEADINGS = """
Document history
1 Integration overview & context
Parties
2 Integration topology diagram
3 Service contracts
3.1 Integration: payments-api
Authentication
Request contract
Error handling
Retry policy
Circuit breaker configuration
Rate limiting
Timeout configuration
4 Event-driven integrations
4.1 Event schemas (CloudEvents 1.0)
4.2 Topics / queues
4.3 Ordering guarantees
4.4 Idempotency strategy
5 Data consistency patterns
5.1 Consistency model
5.2 Saga pattern
6 Integration testing strategy
6.1 Contract testing (Pact)
6.2 Integration test environments
6.3 Test scenarios
Happy path
Error scenarios
7 Monitoring & alerting
7.1 Key metrics
7.2 Distributed tracing
7.3 Alert routing
Approval
"""


def page_of(client: Client, by: Person, query: str = "") -> str:
    client.force_login(by)
    return client.get(reverse("integration", args=["orders-to-payments"]) + query).content.decode()


def headings(page: str) -> list[str]:
    found = re.findall(r"<h[234][^>]*>(.*?)</h[234]>", page[page.index("<article") :], re.DOTALL)
    plain = (re.sub(r'<span class="section-number">(.*?)</span>', r"\1 ", each) for each in found)
    return [" ".join(re.sub(r"<[^>]+>", "", each).replace("&amp;", "&").split()) for each in plain]


def test_headings_stand_in_the_order_and_numbering_of_the_template(
    client: Client, ann: Person, approved: Integration
) -> None:
    assert headings(page_of(client, ann)) == HEADINGS.strip().splitlines() + ["Keyboard"]


def test_an_approved_document_names_the_five_who_signed(client: Client, ann: Person, approved: Integration) -> None:
    page = page_of(client, ann)
    approval = page[page.index('id="approval"') :]
    assert re.findall(r'<th scope="row">([^<]+)</th>\s*<td>([^<]+)</td>', approval) == [
        ("Author", "Ann Archer"),
        ("Consumer team lead", "Cora Cole"),
        ("Provider team lead", "Paul Pratt"),
        ("Platform/infra", "Ivy Ives"),
        ("Approver", "Zoe Zimmer"),
    ]


def test_a_draft_says_where_nothing_is_stated(client: Client, ann: Person, draft: Revision) -> None:
    page = page_of(client, ann)
    assert 'Not stated<span class="yet"> yet</span>' in page
    assert page.count("Not signed yet") == 5
    assert "finding" in page


def test_only_who_may_write_is_offered_to(client: Client, ann: Person, mallory: Person, draft: Revision) -> None:
    assert "Edit draft" in page_of(client, ann)
    assert "Edit draft" not in page_of(client, mallory)


def test_a_draft_is_started_from_the_page_of_an_approved_revision(
    client: Client, ann: Person, approved: Integration
) -> None:
    assert "Start draft" in page_of(client, ann)
    answer = client.post(reverse("draft-new", args=["orders-to-payments"]))
    assert answer["Location"] == reverse("edit", args=["orders-to-payments", "overview"])
    assert "Document history" in page_of(client, ann)


def test_who_may_not_write_starts_no_draft(client: Client, mallory: Person, approved: Integration) -> None:
    client.force_login(mallory)
    answer = client.post(reverse("draft-new", args=["orders-to-payments"]))
    assert answer.status_code == 403
    assert "You may not do this" in answer.content.decode()


def test_a_second_draft_is_refused_with_a_page_that_says_why(client: Client, ann: Person, draft: Revision) -> None:
    client.force_login(ann)
    answer = client.post(reverse("draft-new", args=["orders-to-payments"]))
    assert answer.status_code == 409


def test_an_approver_publishes_in_an_environment_added_after_the_approval(
    client: Client, approved: Integration, ada: Person, zoe: Person, ann: Person
) -> None:
    catalogs.save_environment(slug="canary", name="Canary", by=ada)
    live = f"{reverse('live', args=[approved.slug])}?environment=canary"
    release = f"{reverse('release', args=[approved.slug])}?environment=canary"
    client.force_login(ann)
    assert "Publish 1.0" not in client.get(live).content.decode()
    assert client.post(release, {"seen": "0"}).status_code == 403
    client.force_login(zoe)
    assert "Publish 1.0…" in client.get(live).content.decode()
    assert client.post(release, {"seen": "0"})["Location"] == live
    released = Release.objects.get(environment__slug="canary")
    assert (released.number, released.revision, released.released_by) == (1, approved.in_force, zoe)
    assert "Publish 1.0" not in client.get(live).content.decode()


def test_nothing_odd_is_published(client: Client, approved: Integration, zoe: Person) -> None:
    client.force_login(zoe)
    release = reverse("release", args=[approved.slug])
    for asked in ("", "?environment=%00", "?environment=staging&version=9.9", "?environment=staging&version=x"):
        assert client.post(release + asked).status_code == 404
    assert client.post(f"{release}?environment=staging", {"seen": "7"}).status_code == 409
    assert Release.objects.count() == 3
