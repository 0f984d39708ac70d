"""An older version is taken up again: in a draft, by whoever may write, and nobody's edit is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from registry.errors import Conflict, Invalid, NotAllowed, Stale
from registry.models import Contribution, Event, Integration, Person, Review, Revision, Version, find_version
from registry.record import documents, upgrades
from registry.services import integrations, reviews, revisions
from tests import landscape

Signs = Callable[..., None]
RENAMED = {"overview": {"purpose": "Something else."}, "sla": {"rto": "PT4H"}}


def version(integration: Integration, name: str) -> Version:
    found = find_version(Integration.objects.get(pk=integration.pk), name)
    assert found is not None
    return found


def drafted(integration: Integration, *, by: Person, **sections: Any) -> Revision:
    """The next draft with these sections."""
    draft = revisions.start_draft(integration, by=by)
    return revisions.save(draft, landscape.document(**sections), by=by, if_match=draft.etag)


@pytest.fixture
def second(approved: Integration, ann: Person, sign: Signs) -> Integration:
    """1.1 is in force and says something else than 1.0."""
    draft = drafted(approved, by=ann, overview=landscape.DOCUMENT["overview"] | {"purpose": "Something else."})
    sign(revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Other words"))
    return Integration.objects.select_related("current", "in_force").get(pk=approved.pk)


def test_a_draft_is_opened_with_what_the_older_version_said(second: Integration, ann: Person) -> None:
    old = version(second, "1.0")
    draft = revisions.restore(second, old, by=ann)
    assert (draft.version, draft.state, draft.based_on) == ("1.2", "draft", second.in_force)
    assert draft.content_hash == old.content_hash
    assert Contribution.objects.filter(revision=draft, person=ann).exists()
    event = Event.objects.filter(chain=second.slug).latest("id")
    assert (event.kind, event.subject) == ("revision.restored", f"integration/{second.slug}/1.2")
    assert {name: event.details[name] for name in ("restored", "based_on")} == {"restored": "1.0", "based_on": "1.1"}
    assert [each["path"] for each in event.details["changes"]] == ["overview.purpose"]


def test_only_the_sections_asked_for_are_restored(second: Integration, ann: Person) -> None:
    draft = drafted(second, by=ann, **RENAMED)
    restored = revisions.restore(second, version(second, "1.0"), by=ann, sections=["sla"], if_match=draft.etag)
    assert restored.document == landscape.document(overview=RENAMED["overview"])
    event = Event.objects.filter(chain=second.slug).latest("id")
    assert (event.kind, event.details["sections"]) == ("revision.restored", ["sla"])
    assert event.details["before"]["etag"] == draft.etag


def test_an_open_draft_is_not_overwritten_unseen(second: Integration, ann: Person) -> None:
    draft = drafted(second, by=ann, **RENAMED)
    for etag in ("", '"1-0000000000000000"'):
        with pytest.raises(Stale):
            revisions.restore(second, version(second, "1.0"), by=ann, if_match=etag)
    assert Revision.objects.get(pk=draft.pk).content_hash == draft.content_hash


def test_a_draft_that_says_so_already_stays_without_an_event(second: Integration, ann: Person) -> None:
    draft = revisions.restore(second, version(second, "1.0"), by=ann)
    events = Event.objects.count()
    again = revisions.restore(second, version(second, "1.0"), by=ann, if_match=draft.etag)
    assert (again.etag, Event.objects.count()) == (draft.etag, events)


def test_what_is_in_force_is_not_restored_into_a_copy_of_itself(second: Integration, ann: Person) -> None:
    with pytest.raises(Conflict, match=r"1\.1, which is in force, says the same"):
        revisions.restore(second, version(second, "in-force"), by=ann)
    assert Revision.objects.filter(integration=second).count() == 2


def test_a_text_that_was_reviewed_and_written_on_is_restored(review: Review, ann: Person) -> None:
    integration = review.integration
    reviews.withdraw(review, by=ann, reason="Too early")
    draft = Revision.objects.get(pk=review.revision_id)
    draft = revisions.save(draft, RENAMED, by=ann, if_match=draft.etag)
    restored = revisions.restore(integration, version(integration, "0.1"), by=ann, if_match=draft.etag)
    assert (restored.version, restored.content_hash) == ("0.2", review.content_hash)


def test_a_text_in_review_and_a_retired_one_stay_as_they_are(second: Integration, ann: Person) -> None:
    draft = drafted(second, by=ann)
    draft = revisions.save(draft, landscape.document(), by=ann, if_match=draft.etag)
    review = revisions.submit(draft, by=ann, if_match=draft.etag, change_note="Back")
    with pytest.raises(Conflict, match="in review"):
        revisions.restore(second, version(second, "1.0"), by=ann, if_match=draft.etag)
    reviews.withdraw(review, by=ann, reason="No")
    integrations.retire(second, by=ann)
    with pytest.raises(Conflict, match="retired"):
        revisions.restore(second, version(second, "1.0"), by=ann, if_match=draft.etag)


def test_who_may_not_write_restores_nothing(second: Integration, ann: Person, zoe: Person) -> None:
    with pytest.raises(NotAllowed):
        revisions.restore(second, version(second, "1.0"), by=zoe)
    with pytest.raises(Invalid) as refused:
        revisions.restore(second, version(second, "1.0"), by=ann, sections=["contracts", "nothing"])
    assert [each.path for each in refused.value.problems] == ["sections"]


def test_a_document_of_an_older_format_is_brought_to_the_present_one(
    second: Integration, ann: Person, without_triggers: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_triggers("UPDATE registry_revision SET format = 0 WHERE major = 1 AND minor = 0")
    monkeypatch.setitem(upgrades.UPGRADES, 0, lambda old: old | {"sla": {"rto": "PT8H"}})
    draft = revisions.restore(second, version(second, "1.0"), by=ann)
    assert (draft.format, draft.document["sla"]) == (documents.FORMAT, {"rto": "PT8H"})
