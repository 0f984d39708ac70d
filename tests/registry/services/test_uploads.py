"""A file is kept for a day, for whoever brought it, exactly as it came; the trail says what was taken from it."""

import hashlib
import json
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from registry.errors import Invalid, NotAllowed
from registry.models import Event, Person, Revision, Upload
from registry.services import integrations, revisions, uploads

TEXT = b"openapi: 3.1.0\r\ninfo: {title: Shop}\r\npaths: {/a: {get: {responses: {}}}}\r\n"


def test_a_file_is_kept_as_it_came_with_its_digest(ann: Person) -> None:
    kept = uploads.keep(TEXT, filename="C:\\apis\\shop\x07.yaml", by=ann)
    found = uploads.find(kept.key, by=ann)
    assert found is not None
    assert bytes(found.content) == TEXT
    assert (found.filename, found.format) == ("shop.yaml", "openapi")
    assert found.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert not Event.objects.exists()


def test_nobody_else_finds_it_and_nobody_after_a_day(ann: Person, zoe: Person) -> None:
    kept = uploads.keep(TEXT, filename="a", by=ann)
    assert uploads.find(kept.key, by=zoe) is None
    assert uploads.find(uuid.uuid4(), by=ann) is None
    Upload.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert uploads.find(kept.key, by=ann) is None
    assert uploads.prune() == 1
    assert not Upload.objects.exists()


def test_the_oldest_of_a_persons_files_make_room(ann: Person) -> None:
    first = uploads.keep(TEXT, filename="first", by=ann)
    for number in range(uploads.MOST_KEPT):
        uploads.keep(TEXT, filename=str(number), by=ann)
    assert Upload.objects.count() == uploads.MOST_KEPT
    assert uploads.find(first.key, by=ann) is None


def test_what_cannot_be_read_is_not_kept(ann: Person) -> None:
    with pytest.raises(Invalid, match="line 1, column 1: is no format that can be read"):
        uploads.keep(b"Dear all,", filename="a.txt", by=ann)
    with pytest.raises(Invalid, match="is a gzip archive"):
        uploads.keep(b"\x1f\x8b\x08\x00\xff", filename="a.yaml", by=ann)
    assert not Upload.objects.exists()


def test_only_an_architect_brings_files(mallory: Person) -> None:
    with pytest.raises(NotAllowed):
        uploads.keep(TEXT, filename="a", by=mallory)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/" * 500 + "x" * 500, "", "\x00\x1b[31m", "صورة.yaml"])
def test_any_filename_becomes_a_short_one_that_can_be_shown(name: str, ann: Person) -> None:
    kept = uploads.keep(TEXT, filename=name, by=ann)
    assert kept.filename.isprintable()
    assert 0 < len(kept.filename) <= uploads.LONGEST_NAME
    assert "/" not in kept.filename


def test_a_digest_that_is_none_is_refused_by_the_database(ann: Person) -> None:
    kept = uploads.keep(TEXT, filename="a", by=ann)
    with pytest.raises(IntegrityError, match="upload_sha256_is_one"), connection.cursor() as cursor:
        cursor.execute("UPDATE registry_upload SET sha256 = 'x' WHERE key = %s", [kept.key])


SOURCE = uploads.Source("shop.yaml", "a" * 64, "openapi", ("contracts",))


def test_the_trail_says_which_file_a_change_came_from(draft: Revision, ann: Person) -> None:
    document = draft.document | {"overview": {**draft.document["overview"], "purpose": "As the file says."}}
    revisions.save(draft, document, by=ann, if_match=draft.etag, source=SOURCE)
    told = json.loads(Event.objects.filter(kind="revision.imported").get().data)
    assert told["imported"] == {
        "filename": "shop.yaml",
        "format": "openapi",
        "sections": ["contracts"],
        "sha256": "a" * 64,
    }
    assert [each["path"] for each in told["changes"]] == ["overview.purpose"]


def test_the_trail_says_which_file_an_integration_began_with(ann: Person) -> None:
    integrations.create(name="Shop", slug="shop", by=ann, source=SOURCE)
    integrations.create(name="Other", slug="other", by=ann)
    begun, other = (json.loads(each.data) for each in Event.objects.filter(kind="integration.created").order_by("id"))
    assert begun["imported"]["sha256"] == "a" * 64
    assert "imported" not in other
