"""The feed on a real database: what is committed is handed over, in order, and another past is never taken over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import transaction

from registry.live import feed as feeds
from registry.live import kept, reading
from registry.live.feed import Feed
from registry.live.snapshot import Change, Snapshot
from registry.models import Integration, Person, Release, ReleaseCounter, Token
from registry.services import releases, tokens
from tests.api.conftest import Issue
from tests.api.conftest import issue as issue
from tests.server.front.conftest import database_url


class Followed:
    """A feed that is asked to look when the test says so, and the snapshot it makes."""

    def __init__(self, file: Path) -> None:
        self.feed = Feed(database_url(), self.take, file=file)
        self.snapshot = Snapshot()
        self.changes: list[Change] = []
        self.database = psycopg.connect(self.feed.url, autocommit=True)

    def take(self, change: Change) -> None:
        self.changes.append(change)
        self.snapshot.apply(change)

    def look(self) -> Change:
        self.take(self.feed._look(self.database))
        return self.changes[-1]


@pytest.fixture
def followed(transactional_db: None, tmp_path: Path) -> Iterator[Followed]:
    made = Followed(tmp_path / "snapshot")
    yield made
    made.database.close()


def numbers(change: Change) -> list[tuple[str, int]]:
    return [(release.environment, release.number) for release, _ in change.put]


def test_everything_first_then_only_what_is_newer(followed: Followed, approved: Integration, zoe: Person) -> None:
    assert sorted(numbers(followed.look())) == [("local", 1), ("production", 1), ("staging", 1)]
    assert followed.look().put == ()
    production = Release.objects.get(environment__slug="production")
    for _ in range(2):
        releases.publish(production.revision, production.environment, by=zoe)
    assert numbers(followed.look()) == [("production", 2), ("production", 3)]
    newest = Release.objects.get(environment__slug="production", number=3)
    scope = followed.snapshot.scope("order-service", "production")
    ready = scope.answers[b"/api/v1/settings/orders-to-payments"]
    assert ready.whole.endswith(b"\r\n\r\n" + bytes(newest.body))
    assert followed.snapshot.numbers == {"local": 1, "staging": 1, "production": 3}


def test_a_release_that_is_not_committed_is_not_seen_and_none_behind_it_is_missed(
    followed: Followed, approved: Integration, zoe: Person
) -> None:
    """Numbers come from a row that is locked until the commit, so that nobody overtakes."""
    followed.look()
    with psycopg.connect(followed.feed.url) as slow:
        slow.execute(
            "UPDATE registry_releasecounter SET number = number + 1 WHERE environment_id ="
            " (SELECT id FROM registry_environment WHERE slug = 'production')"
        )
        assert followed.look().put == ()
        slow.rollback()
    production = Release.objects.get(environment__slug="production")
    releases.publish(production.revision, production.environment, by=zoe)
    assert numbers(followed.look()) == [("production", 2)]


def test_tokens_are_read_when_one_changed_and_not_when_one_was_used(
    followed: Followed, issue: Issue, ada: Person
) -> None:
    followed.look()
    token, _ = issue("order-service", "production")
    change = followed.look()
    assert change.tokens is not None
    assert [(each.system, each.ends_at) for each in change.tokens] == [("order-service", float("inf"))]
    reading.note_use(followed.database, [token.pk])
    assert followed.look().tokens is None
    token.refresh_from_db()
    assert token.last_used_at is not None
    tokens.revoke(token, by=ada)
    change = followed.look()
    assert change.tokens is not None
    assert [each.ends_at for each in change.tokens] == [0.0]
    Token.objects.all().delete()
    assert followed.look().tokens == ()


def test_an_older_database_is_refused_until_its_epoch_is_raised(
    followed: Followed, approved: Integration, zoe: Person, without_triggers: Callable[[str], None]
) -> None:
    production = Release.objects.get(environment__slug="production")
    releases.publish(production.revision, production.environment, by=zoe)
    followed.look()
    with transaction.atomic():
        without_triggers("UPDATE registry_releasecounter SET number = 1")
        without_triggers("DELETE FROM registry_release WHERE number = 2")
    with pytest.raises(reading.Older, match="production is at 1, and was at 2"):
        followed.look()
    assert followed.snapshot.numbers["production"] == 2
    ReleaseCounter.objects.filter(environment=production.environment).update(epoch=2)
    assert numbers(followed.look()) == [("production", 1)]
    assert followed.snapshot.numbers["production"] == 1


def test_a_database_that_went_another_way_is_refused_even_when_it_is_ahead(
    followed: Followed, approved: Integration, zoe: Person, without_triggers: Callable[[str], None]
) -> None:
    followed.look()
    with transaction.atomic():
        without_triggers("UPDATE registry_release SET body = '{}', sha256 = encode(sha256('{}'), 'hex')")
    production = Release.objects.get(environment__slug="production")
    releases.publish(production.revision, production.environment, by=zoe)
    followed.feed.all_due_at = 0.0
    with pytest.raises(reading.Older, match="another one than was served"):
        followed.look()


def test_a_renamed_integration_is_found_by_looking_at_everything_again(
    followed: Followed, approved: Integration
) -> None:
    followed.look()
    Integration.objects.filter(pk=approved.pk).update(slug="renamed")
    followed.feed.all_due_at = 0.0
    followed.look()
    assert list(followed.snapshot.scope("order-service", "production").answers) == [b"/api/v1/settings/renamed"]


def test_what_was_read_is_kept_and_recalled(followed: Followed, approved: Integration, issue: Issue) -> None:
    issue("order-service", "production")
    followed.look()
    followed.feed._keep()
    recalled = Feed("postgresql:///nowhere", followed.take, file=followed.feed.file)
    change = recalled.recall()
    assert change is not None
    assert recalled.held == followed.feed.held
    again = Snapshot()
    again.apply(change)
    assert again.grants.keys() == followed.snapshot.grants.keys()
    assert again.scope("order-service", "production").answers == (
        followed.snapshot.scope("order-service", "production").answers
    )


def test_a_folder_that_cannot_be_written_costs_only_the_file(followed: Followed, tmp_path: Path) -> None:
    followed.feed.file = tmp_path / "nowhere" / "snapshot"
    followed.look()
    followed.feed._keep()
    assert followed.feed.is_unkept
    assert kept.load(followed.feed.file) is None


def test_a_database_that_is_away_is_asked_again(transactional_db: None, tmp_path: Path) -> None:
    heard: list[Change] = []
    feed = Feed("postgresql:///registry?host=/nowhere", heard.append, file=tmp_path / "snapshot")
    feed.start()
    feed.ended.wait(0.2)
    assert not feed.is_up
    feed.url = database_url()
    assert feeds.ASK_EVERY_S < 1
    while not heard:
        feed.ended.wait(0.05)
    feed.stop()
    feed.join(10)
    assert feed.held.marks.tokens >= 0
