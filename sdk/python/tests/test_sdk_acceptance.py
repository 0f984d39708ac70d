"""An answer is obeyed only if it is whole, signed, in bounds, of this integration, and newer."""

import json
from dataclasses import replace
from typing import Any

import pytest
from integration_registry.acceptance import Answer, Held, KeyUnknown, Refused, judge
from sdk_contract.registry import Key, Registry, Release

REGISTRY = Registry()


def answer(release: Release) -> Answer:
    return Answer(release.body, release.etag, release.key_id, release.signature)


def judged(release: Release, held: Held | None = None, **changes: Any) -> Held:
    asked: dict[str, Any] = {"integration": "orders-to-payments", "keys": REGISTRY.keys, "source": "server"} | changes
    return judge(answer(release), held=held, **asked)


def refused(release: Release, held: Held | None = None, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        judged(release, held, **changes)
    assert caught.value.release in (None, release.number)
    return caught.value.reason


def test_a_genuine_release_is_held() -> None:
    assert judged(REGISTRY.release(3)).settings.release == 3


def test_any_flipped_bit_of_the_body_is_noticed() -> None:
    release = REGISTRY.release(3)
    for index in range(0, len(release.body), 37):
        body = bytearray(release.body)
        body[index] ^= 1
        assert "SHA-256 differs" in refused(replace(release, body=bytes(body)))


def test_a_wrong_signature_is_refused_even_where_the_hash_is_right() -> None:
    genuine, forged = REGISTRY.release(3), Key()
    assert "signature is not of this body" in refused(replace(genuine, signature=forged.sign(genuine.body)))
    assert "signature is not of this body" in refused(replace(genuine, signature="no base64 !"))
    assert refused(replace(genuine, signature="")) == "the answer is not signed"


def test_an_unknown_key_has_signed_nothing() -> None:
    with pytest.raises(KeyUnknown):
        judged(REGISTRY.release(3, key=Key()))


def test_an_unsafe_value_is_refused_however_well_it_is_signed() -> None:
    assert "retry.max_retries is 11" in refused(REGISTRY.release(3, retry={"max_retries": 11}))


def test_number_and_integration_are_those_asked_for() -> None:
    release = REGISTRY.release(3)
    assert "says release 3, its ETag 4" in refused(replace(release, number=4, etag=release.etag.replace('"3-', '"4-')))
    assert "settings of other" in refused(REGISTRY.release(3, integration="other"))
    assert "no ETag" in refused(replace(release, etag='W/"x"'))


def test_a_lower_number_is_old_news_unless_the_epoch_rose() -> None:
    held = judged(REGISTRY.release(5))
    assert refused(REGISTRY.release(4), held) == "release 4 is before 5, which is held"
    assert judged(REGISTRY.release(4, epoch=2), held).settings.release == 4
    assert judged(REGISTRY.release(6), held).settings.release == 6
    assert "epoch 1 is before 2" in refused(REGISTRY.release(9), judged(REGISTRY.release(5, epoch=2)))


def test_one_number_has_one_body() -> None:
    held = judged(REGISTRY.release(5))
    assert judged(REGISTRY.release(5), held) == held
    assert "another body under the number 5" in refused(REGISTRY.release(5, retry={"max_retries": 1}), held)


def test_the_environment_of_a_running_process_does_not_change() -> None:
    held = judged(REGISTRY.release(5))
    assert refused(REGISTRY.release(6, environment="staging"), held) == "these are the settings of staging"


def test_what_a_file_holds_of_another_environment_or_registry_gives_way_to_the_server() -> None:
    kept = judged(REGISTRY.release(5), source="last known good")
    assert judged(REGISTRY.release(2, environment="staging"), kept).settings.release == 2
    assert judged(REGISTRY.release(2), kept, origin="https://other.example").settings.release == 2


def test_a_body_signed_as_something_else_is_refused() -> None:
    document = json.loads(REGISTRY.release(3).body) | {"contracts": None, "release": 3}
    assert judged(REGISTRY.signed(document)).settings.contracts == {}
    assert "contracts is not an object" in refused(REGISTRY.signed(document | {"contracts": [1]}))
