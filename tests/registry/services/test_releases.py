"""What services obey is what was approved, numbered and signed."""

import hashlib
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from registry import signing
from registry.errors import Conflict, NotAllowed
from registry.live.document import compile_settings
from registry.models import Environment, Event, Integration, OutboxMessage, Person, Release, Revision
from registry.services import integrations, releases, revisions
from tests import landscape


def body_of(release: Release) -> bytes:
    return bytes(Release.objects.get(pk=release.pk).body)


def test_a_release_is_the_compiled_settings_with_where_they_come_from(approved: Integration) -> None:
    release = Release.objects.select_related("revision").get(environment__slug="production")
    body = body_of(release)
    revision = approved.in_force
    assert revision is not None
    assert json.loads(body) == {
        **compile_settings(revision.record, "production"),
        "integration": "orders-to-payments",
        "environment": "production",
        "release": 1,
        "revision": "1.0",
        "content_hash": revision.content_hash,
        "epoch": 1,
        "published_at": release.released_at.isoformat(timespec="microseconds"),
    }
    assert body == json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert release.sha256 == hashlib.sha256(body).hexdigest()
    assert release.etag == f'"1-{release.sha256}"'
    assert signing.verify(body, key_id=release.key_id, signature=release.signature)


def test_each_environment_is_served_its_own_values(approved: Integration) -> None:
    endpoints = {
        release.environment.slug: json.loads(bytes(release.body))["contracts"]["payments-api"]["endpoint"]
        for release in Release.objects.select_related("environment")
    }
    assert endpoints == {each["environment"]: each["url"] for each in landscape.DOCUMENT["contracts"][0]["base_urls"]}


def test_publishing_an_older_revision_rolls_back_with_a_new_number(
    approved: Integration, ann: Person, zoe: Person
) -> None:
    environment = Environment.objects.get(slug="staging")
    revision = Revision.objects.get()
    release = releases.publish(revision, environment, by=zoe)
    assert (release.number, release.content_hash) == (2, revision.content_hash)
    event = Event.objects.filter(kind="release.published").get()
    assert event.subject == "integration/orders-to-payments/staging/2"
    assert event.details["before"] == {"number": 1, "content_hash": revision.content_hash}
    hint = OutboxMessage.objects.filter(kind="release.published").order_by("-id").first()
    assert hint is not None
    assert hint.payload == {"environment": "staging", "integration": "orders-to-payments", "number": 2}


def test_the_newest_release_of_each_environment_is_in_force(approved: Integration, zoe: Person) -> None:
    releases.publish(Revision.objects.get(), Environment.objects.get(slug="staging"), by=zoe)
    in_force = {each.environment.slug: each.number for each in Release.objects.in_force().select_related("environment")}
    assert in_force == {"local": 1, "staging": 2, "production": 1}


def test_only_an_approver_publishes_and_only_what_is_approved(approved: Integration, ann: Person, zoe: Person) -> None:
    environment = Environment.objects.get(slug="staging")
    with pytest.raises(NotAllowed):
        releases.publish(Revision.objects.get(), environment, by=ann)
    draft = revisions.start_draft(approved, by=ann)
    with pytest.raises(Conflict, match=r"Version 1\.1 is not approved"):
        releases.publish(draft, environment, by=zoe)
    assert approved.in_force is not None
    integrations.retire(approved, by=ann)
    with pytest.raises(Conflict, match="is retired"):
        releases.publish(approved.in_force, environment, by=zoe)


def test_after_a_restore_all_that_is_in_force_is_released_again_in_a_higher_epoch(
    approved: Integration, zoe: Person, ann: Person
) -> None:
    with pytest.raises(NotAllowed):
        releases.raise_epoch(by=ann, at=timezone.now())
    first, second = (releases.raise_epoch(by=zoe, at=timezone.now()) for _ in range(2))
    assert [(each.environment.slug, each.number, each.kind) for each in second] == [
        (each.environment.slug, 3, "restored") for each in first
    ]
    assert len(second) == Environment.objects.count()
    for before, after in zip(first, second, strict=True):
        old, new = (json.loads(body_of(each)) for each in (before, after))
        assert (new["epoch"], new["release"]) == (after.epoch, 3)
        assert new["epoch"] > old["epoch"] > 1_000_000
        assert (new["contracts"], new["content_hash"]) == (old["contracts"], old["content_hash"])
    assert Event.objects.filter(kind="release.restored").count() == 2 * len(first)


def test_the_command_after_a_restore_names_who_releases(approved: Integration, zoe: Person, ann: Person) -> None:
    told = StringIO()
    call_command("raise_epoch", by="zoe", stdout=told)
    assert told.getvalue().startswith("3 releases made again")
    for nobody, said in (("ann", "Only an approver"), ("unknown", "Nobody active is called unknown")):
        with pytest.raises(CommandError, match=said):
            call_command("raise_epoch", by=nobody)
