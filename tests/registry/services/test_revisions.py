"""A draft is begun, saved under If-Match, and submitted."""

import pytest

from registry.errors import Conflict, Invalid, NotAllowed, Stale
from registry.models import (
    Contribution,
    Event,
    IndexedContract,
    IndexedEvent,
    IndexedParty,
    IndexedTopic,
    Integration,
    OutboxMessage,
    Person,
    Review,
    Revision,
)
from registry.record.findings import Problem
from registry.services import integrations, reviews, revisions
from tests import landscape

YEARS_LONG = {"authentication": {"type": "api_key", "header": "X-API-Key", "rotation_period": "P730D"}}
WARNED = landscape.document(contracts=[landscape.DOCUMENT["contracts"][0] | YEARS_LONG])


def test_a_new_integration_begins_with_draft_0_1(catalog: landscape.Catalog, ann: Person) -> None:
    integration = integrations.create(name="Orders", slug="orders", project="Renewal", by=ann)
    draft = Revision.objects.get(integration=integration)
    assert integration.current == draft
    assert (draft.version, draft.number, draft.state, draft.lock_version) == ("0.1", 1, "draft", 1)
    assert draft.document == {"overview": {"project": "Renewal"}}
    assert (integration.state, integration.project, integration.in_force) == ("proposed", "Renewal", None)
    event = Event.objects.get(chain="orders")
    assert (event.kind, event.subject, event.actor) == ("integration.created", "integration/orders", ann)


@pytest.mark.parametrize(
    ("name", "slug", "path"),
    [
        ("", "orders", "name"),
        ("two\nlines", "orders", "name"),
        ("nul\x00", "orders", "name"),
        ("x" * 201, "orders", "name"),
        ("half \ud800", "orders", "name"),
        ("Orders", "Or ders", "slug"),
        ("Orders", "", "slug"),
        ("Orders", "registry", "slug"),
        ("Orders", "new", "slug"),
        ("Orders", "x" * 101, "slug"),
        ("Orders", "orders-to-payments", "slug"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused_by_field(
    integration: Integration, ann: Person, name: str, slug: str, path: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        integrations.create(name=name, slug=slug, by=ann)
    assert [each.path for each in refusal.value.problems] == [path]
    assert Integration.objects.count() == 1
    assert Event.objects.exclude(chain="registry").count() == 1


def test_only_an_architect_writes(draft: Revision, ann: Person, mallory: Person) -> None:
    mallory.is_superuser = mallory.is_staff = True
    mallory.save()
    for act in (
        lambda: integrations.create(name="x", slug="x", by=mallory),
        lambda: revisions.save(draft, {}, by=mallory, if_match=draft.etag),
        lambda: revisions.save_section(draft, "overview", {}, by=mallory, if_match=draft.etag),
        lambda: revisions.submit(draft, by=mallory, if_match=draft.etag, change_note="x"),
        lambda: revisions.start_draft(draft.integration, by=mallory),
        lambda: integrations.retire(draft.integration, by=mallory),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert list(Event.objects.exclude(chain="registry").values_list("kind", flat=True)) == ["integration.created"]


def test_saving_replaces_the_document_and_tells_what_changed(draft: Revision, ann: Person, ada: Person) -> None:
    before = draft.etag
    ada.groups.add(landscape.group_of("architects"))
    overview = landscape.DOCUMENT["overview"] | {"criticality": "medium"}
    saved = revisions.save(draft, landscape.document(overview=overview), by=ada, if_match=before)
    assert (saved.lock_version, saved.record.overview.criticality) == (2, "medium")
    assert Revision.objects.get().document == landscape.document(overview=overview)
    assert Integration.objects.get().criticality == "medium"
    assert set(Contribution.objects.values_list("person__username", flat=True)) == {"ann", "ada"}
    event = Event.objects.exclude(chain="registry").first()
    assert event is not None
    assert (event.kind, event.subject) == ("revision.saved", "integration/orders-to-payments/0.1")
    assert event.details["before"]["etag"] == before
    assert event.details["after"]["etag"] == saved.etag
    assert event.details["changes"] == [
        {"path": "overview.criticality", "kind": "changed", "before": "low", "after": "medium"}
    ]


def test_saving_what_is_there_already_changes_nothing(draft: Revision, ada: Person) -> None:
    ada.groups.add(landscape.group_of("architects"))
    moment = Integration.objects.get().updated_at
    saved = revisions.save(draft, landscape.document(), by=ada, if_match=draft.etag)
    assert saved.etag == draft.etag
    assert Integration.objects.get().updated_at == moment
    assert Event.objects.exclude(chain="registry").count() == 1
    assert not Contribution.objects.filter(person=ada).exists()


def test_a_writer_who_saw_an_older_text_is_shown_the_newer_one(draft: Revision, ann: Person) -> None:
    seen = draft.etag
    now = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ann, if_match=seen)
    for stale in (seen, "", "*", '"1-"'):
        with pytest.raises(Stale) as refusal:
            revisions.save(draft, {}, by=ann, if_match=stale)
        assert refusal.value.current_etag == now.etag
        assert refusal.value.current_document == landscape.document(sla={"rto": "PT4H"})


def test_one_section_is_saved_without_touching_the_others(draft: Revision, ann: Person) -> None:
    saved = revisions.save_section(draft, "sla", {"rto": "PT4H"}, by=ann, if_match=draft.etag)
    assert saved.document == landscape.document(sla={"rto": "PT4H"})
    with pytest.raises(Invalid) as refusal:
        revisions.save_section(draft, "sla", {"rto": "soon"}, by=ann, if_match=saved.etag)
    assert [each.path for each in refusal.value.problems] == ["sla.rto"]
    with pytest.raises(Invalid):
        revisions.save_section(draft, "nonsense", {}, by=ann, if_match=saved.etag)


def test_a_document_that_is_none_names_each_field(draft: Revision, ann: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        revisions.save(draft, {"overview": {"type": "magic"}, "colour": 1}, by=ann, if_match=draft.etag)
    assert sorted(each.path for each in refusal.value.problems) == ["colour", "overview.type"]
    assert Revision.objects.get().etag == draft.etag


def test_the_index_says_what_the_record_says(draft: Revision, ann: Person, catalog: landscape.Catalog) -> None:
    document = landscape.document(
        parties=[{"role": "consumer", "system": "order-service", "team": "checkout"}, {"system": "unknown-system"}],
        topics=[{"name": "orders.events", "kind": "topic", "broker": "kafka", "partitions": 12, "key": "tenantId"}],
        events=[{"name": "order.PLACED", "type": "com.example.order.placed", "published_by": "order-service"}],
    )
    revisions.save(draft, document, by=ann, if_match=draft.etag)
    assert list(
        IndexedParty.objects.order_by("id").values_list("role", "system_slug", "system__slug", "team_slug")
    ) == [("consumer", "order-service", "order-service", "checkout"), ("", "unknown-system", None, "")]
    assert list(IndexedContract.objects.values_list("name", "protocol", "consumer_slug", "provider_slug")) == [
        ("payments-api", "rest", "order-service", "payment-service")
    ]
    assert list(IndexedTopic.objects.values_list("name", "kind", "broker", "partitions", "key")) == [
        ("orders.events", "topic", "kafka", 12, "tenantId")
    ]
    assert list(IndexedEvent.objects.values_list("name", "type", "publisher_slug")) == [
        ("order.PLACED", "com.example.order.placed", "order-service")
    ]


def test_submitting_freezes_the_text_and_asks_the_reviewers(draft: Revision, ann: Person, zoe: Person) -> None:
    review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note=" First version ")
    draft.refresh_from_db()
    assert (draft.state, draft.change_note) == ("in_review", "First version")
    assert (review.state, review.round, review.version, review.change_note) == ("open", 1, "0.1", "First version")
    assert (review.document, review.content_hash) == (draft.document, draft.content_hash)
    assert review.section_hashes == draft.section_hashes
    event = Event.objects.exclude(chain="registry").first()
    assert event is not None
    assert (event.kind, event.details["content_hash"]) == ("revision.submitted", review.content_hash)
    mails = OutboxMessage.objects.filter(kind="mail")
    assert sorted(mail.payload["to"].partition("@")[0] for mail in mails) == ["cora", "ivy", "paul", "zoe"]


def test_errors_stop_a_submission_and_name_each_field(draft: Revision, ann: Person) -> None:
    draft = revisions.save(draft, {}, by=ann, if_match=draft.etag)
    with pytest.raises(Invalid) as refusal:
        revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    assert {"overview.type", "overview.criticality", "overview.purpose"} <= {
        each.path for each in refusal.value.problems
    }
    assert Revision.objects.get().state == "draft"
    assert not Review.objects.exists()


def test_a_change_note_is_asked_for(draft: Revision, ann: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        revisions.submit(draft, by=ann, if_match=draft.etag, change_note=" ")
    assert [each.path for each in refusal.value.problems] == ["change_note"]


def test_each_warning_needs_a_justification_that_reviewers_see(draft: Revision, ann: Person) -> None:
    draft = revisions.save(draft, WARNED, by=ann, if_match=draft.etag)
    warnings = [each for each in revisions.findings(draft) if each.severity == "warning"]
    errors = [each for each in revisions.findings(draft) if each.severity == "error"]
    assert (errors, bool(warnings)) == ([], True)
    with pytest.raises(Invalid) as refusal:
        revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x", justifications={"other": "x"})
    assert [each.path for each in refusal.value.problems] == [each.key for each in warnings]
    reasons = {each.key: "Agreed with the provider." for each in warnings}
    review = revisions.submit(
        draft, by=ann, if_match=draft.etag, change_note="x", justifications=reasons | {"unknown": "x"}
    )
    assert review.justifications == reasons
    assert {each["key"] for each in review.findings if each["severity"] == "warning"} == set(reasons)


def test_a_text_in_review_is_saved_only_after_withdrawing(review: Review, ann: Person) -> None:
    revision = review.revision
    for act in (
        lambda: revisions.save(revision, {}, by=ann, if_match=revision.etag),
        lambda: revisions.submit(revision, by=ann, if_match=revision.etag, change_note="x"),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert "Withdraw the review" in refusal.value.mend


def test_each_reviewed_text_has_its_own_version(review: Review, ann: Person) -> None:
    reviews.withdraw(review, by=ann, reason="Not yet")
    draft = Revision.objects.get()
    assert (draft.version, draft.state) == ("0.2", "draft")
    second = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="x")
    assert (second.version, second.round) == ("0.2", 2)


def test_the_next_draft_is_a_copy_of_what_is_in_force(approved: Integration, ann: Person) -> None:
    draft = revisions.start_draft(approved, by=ann)
    assert (draft.version, draft.number, draft.based_on) == ("1.1", 2, approved.in_force)
    assert draft.document == landscape.document()
    assert not Contribution.objects.filter(revision=draft).exists()
    assert Integration.objects.get().current == draft
    assert IndexedParty.objects.filter(revision=draft).count() == 2
    with pytest.raises(Conflict):
        revisions.start_draft(approved, by=ann)


def test_an_approved_text_is_never_saved(approved: Integration, ann: Person) -> None:
    assert approved.in_force is not None
    with pytest.raises(Conflict) as refusal:
        revisions.save(approved.in_force, {}, by=ann, if_match=approved.in_force.etag)
    assert refusal.value.mend == "Start a new draft."


def test_a_problem_is_the_record_s_own() -> None:
    assert Invalid([Problem("a", "is wrong", "Mend it.")]).mend == "Mend it."


def test_an_integration_is_deprecated_and_retired(approved: Integration, ann: Person) -> None:
    assert integrations.deprecate(approved, by=ann, reason="Moved").state == "deprecated"
    with pytest.raises(Conflict):
        integrations.deprecate(approved, by=ann)
    assert integrations.retire(approved, by=ann).state == "retired"
    with pytest.raises(Conflict):
        revisions.start_draft(approved, by=ann)
    event = Event.objects.filter(kind="integration.deprecated").get()
    assert event.details == {"before": {"state": "active"}, "after": {"state": "deprecated"}, "reason": "Moved"}


def test_a_draft_of_what_was_retired_is_neither_saved_nor_submitted(
    integration: Integration, draft: Revision, ann: Person
) -> None:
    integrations.retire(integration, by=ann)
    with pytest.raises(Conflict, match="retired"):
        revisions.save(draft, {}, by=ann, if_match=draft.etag)
    with pytest.raises(Conflict, match="retired"):
        revisions.save_section(draft, "saga", {}, by=ann, if_match=draft.etag)
    with pytest.raises(Conflict, match="retired"):
        revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Once more")


def test_a_name_with_a_hidden_line_break_is_refused(catalog: landscape.Catalog, ann: Person) -> None:
    with pytest.raises(Invalid, match="one line"):
        integrations.create(name="Orders\rBcc: mallory@example.com", slug="orders", by=ann)
