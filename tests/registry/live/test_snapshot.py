"""What is served from memory after each change."""

import hashlib
import json
from typing import Any

import pytest

from registry.live.snapshot import Change, Snapshot, TokenRow
from registry.live.wire import Release, prepared

ALL = b"/api/v1/settings"


def release(integration: str, number: int, *parties: str, environment: str = "production", epoch: int = 1) -> Release:
    body = json.dumps({"integration": integration, "release": number}).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    return Release(environment, integration, number, epoch, sha256, body, "k", "s", frozenset(parties))


def token(plain: str, system: str, *, ends_at: float = float("inf"), pk: int = 1) -> TokenRow:
    return TokenRow(pk, hashlib.sha256(plain.encode()).hexdigest(), system, "production" if system else "", ends_at)


def change(*put: Release, turn: int = 1, **more: Any) -> Change:
    numbers = {each.environment: each.number for each in put}
    return Change(turn, 100.0, numbers, tuple((each, prepared(each)) for each in put), **more)


@pytest.fixture
def snapshot() -> Snapshot:
    made = Snapshot()
    made.apply(change(tokens=(token("shop", "shop"), token("bank", "bank", pk=2), token("ann", "", pk=3))))
    return made


def reads(snapshot: Snapshot, system: str) -> dict[bytes, int]:
    scope = snapshot.scope(system, "production")
    return {path: each.number for path, each in scope.answers.items() if path != ALL}


def test_a_release_is_read_by_its_parties_alone(snapshot: Snapshot) -> None:
    told = snapshot.apply(change(release("orders", 1, "shop", "bank"), release("stock", 2, "shop")))
    assert reads(snapshot, "shop") == {b"/api/v1/settings/orders": 1, b"/api/v1/settings/stock": 2}
    assert reads(snapshot, "bank") == {b"/api/v1/settings/orders": 1}
    assert sorted((scope.system, ready.number) for scope, ready in told) == [("bank", 1), ("shop", 1), ("shop", 2)]


def test_a_party_that_left_reads_it_no_longer(snapshot: Snapshot) -> None:
    snapshot.apply(change(release("orders", 1, "shop", "bank")))
    told = snapshot.apply(change(release("orders", 2, "shop")))
    assert reads(snapshot, "bank") == {}
    assert [scope.system for scope, _ in told] == ["shop"]


def test_what_is_gone_is_read_by_nobody(snapshot: Snapshot) -> None:
    snapshot.apply(change(release("orders", 1, "shop", "bank")))
    snapshot.apply(change(gone=(("production", "orders"),)))
    assert reads(snapshot, "shop") == reads(snapshot, "bank") == {}


def test_the_document_of_all_is_made_anew_when_a_part_of_it_changes(snapshot: Snapshot) -> None:
    snapshot.apply(change(release("orders", 1, "shop"), release("stock", 2, "shop")))
    scope = snapshot.scope("shop", "production")
    before = scope.answer(ALL)
    assert before is scope.answer(ALL)
    assert before is not None and before.number == 2
    snapshot.apply(change(release("orders", 3, "shop")))
    after = scope.answer(ALL)
    assert after is not None and after.number == 3
    assert list(json.loads(after.whole.partition(b"\r\n\r\n")[2])["integrations"]) == ["orders", "stock"]


def test_only_the_newest_of_each_integration_is_resumed_with(snapshot: Snapshot) -> None:
    snapshot.apply(change(release("orders", 1, "shop"), release("stock", 2, "shop"), release("orders", 3, "shop")))
    scope = snapshot.scope("shop", "production")
    scope.answer(ALL)
    assert [each.number for each in scope.newer_than(0)] == [2, 3]
    assert [each.number for each in scope.newer_than(2)] == [3]
    assert scope.newer_than(3) == []


def test_a_grant_lives_on_with_its_followers_when_other_tokens_change(snapshot: Snapshot) -> None:
    digest = hashlib.sha256(b"shop").digest()
    grant = snapshot.grants[digest]
    snapshot.apply(change(tokens=(token("shop", "shop"), token("new", "shop", pk=9))))
    assert snapshot.grants[digest] is grant
    assert len(snapshot.scope("shop", "production").grants) == 2
    assert hashlib.sha256(b"bank").digest() not in snapshot.grants


@pytest.mark.parametrize("rows", [(), (token("shop", "shop", ends_at=0),), (token("shop", "shop", ends_at=50),)])
def test_a_token_that_ended_ends_its_followers(snapshot: Snapshot, rows: tuple[TokenRow, ...]) -> None:
    grant = snapshot.grants[hashlib.sha256(b"shop").digest()]
    grant.followers.add(object())  # type: ignore[arg-type]
    assert snapshot.ended(60) == []
    snapshot.apply(change(tokens=rows))
    assert snapshot.ended(60) == [grant]


def test_answers_say_how_old_they_are_only_when_they_are(snapshot: Snapshot) -> None:
    assert snapshot.stale_seconds(102.9) == 0
    assert snapshot.stale_seconds(107.2) == 7
