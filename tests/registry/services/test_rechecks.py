"""Lists filter by what the rules found: counted at each save, and again when the catalog grows or a day has passed."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from registry.models import IndexedFinding, IndexedTopic, Integration, Person, Revision
from registry.record.findings import Severity
from registry.services import catalog as catalogs
from registry.services import integrations, rechecks, revisions
from tests import landscape


def found(integration: Integration) -> list[tuple[str, str, int]]:
    return sorted(
        IndexedFinding.objects.filter(revision=integration.current_id).values_list("code", "severity", "count")
    )


def slugs(**asked: Any) -> list[str]:
    return [each.slug for each in Integration.objects.listing(**asked)]


def test_a_save_counts_what_the_rules_say(draft: Revision, ann: Person) -> None:
    assert slugs(findings="error") == []
    parties = landscape.document()["parties"][:1]
    draft = revisions.save_section(draft, "parties", parties, by=ann, if_match=draft.etag)
    said = revisions.findings(draft)
    integration = Integration.objects.get()
    of = {severity: [each for each in said if each.severity == severity] for severity in Severity}
    assert of[Severity.ERROR]
    assert (integration.errors, integration.warnings) == (len(of[Severity.ERROR]), len(of[Severity.WARNING]))
    assert sum(count for _, _, count in found(integration)) == len(said)
    assert slugs(findings="error") == slugs(finding=said[0].code) == [integration.slug]
    assert slugs(findings="none") == slugs(finding="no-such-rule") == slugs(findings="bad") == []


def test_a_system_that_is_added_changes_what_is_found_in_old_records(draft: Revision, ann: Person, ada: Person) -> None:
    parties = landscape.document()["parties"]
    parties[0]["system"] = "basket"
    revisions.save_section(draft, "parties", parties, by=ann, if_match=draft.etag)
    before = found(Integration.objects.get())
    assert rechecks.recheck() == 0
    catalogs.save_system(slug="basket", name="Basket", by=ada)
    assert rechecks.recheck() == 1
    after = found(Integration.objects.get())
    assert len(after) < len(before)
    assert rechecks.recheck() == 0


def test_what_was_looked_at_long_ago_is_looked_at_again_without_a_word(approved: Integration, ann: Person) -> None:
    before = Integration.objects.get()
    revisions.start_draft(approved, by=ann)
    long_ago = timezone.now() - timedelta(days=2)
    Integration.objects.update(checked_at=long_ago, criticality_rank=0)
    IndexedTopic.objects.all().delete()
    assert rechecks.recheck(at_most=5) == 1
    after = Integration.objects.get()
    assert after.checked_at > long_ago
    assert (after.criticality_rank, after.name) == (before.criticality_rank, before.name)
    assert set(IndexedFinding.objects.values_list("revision", flat=True)) <= {after.current_id, after.in_force_id}


def test_only_so_many_at_once(draft: Revision, ann: Person) -> None:
    for number in range(3):
        integrations.create(name=f"Feed {number}", slug=f"feed-{number}", by=ann)
    Integration.objects.update(checked_at=timezone.now() - timedelta(days=2))
    assert [rechecks.recheck(at_most=3) for _ in range(3)] == [3, 1, 0]
