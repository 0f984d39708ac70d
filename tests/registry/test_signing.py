"""Keys are changed without a past signature becoming worth less, and without an old key signing anything more."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry import signing
from registry.models import Release, Review, SignOff
from registry.services import verification

NEW = "5a" * 32


def rotate(settings: Any) -> str:
    """As the operator's guide says; the id of the key that is retired."""
    (old,) = signing.public_keys().items()
    settings.RETIRED_PUBLIC_KEYS = [old[1]]
    settings.SIGNING_KEY = NEW
    return old[0]


def test_after_a_change_of_keys_old_signatures_verify_and_new_ones_carry_the_new_key(
    review: Review, sign: Callable[..., None], settings: Any, client: Client
) -> None:
    sign(review, "author", "consumer_lead", "provider_lead")
    old = rotate(settings)
    sign(review, "platform", "approver")
    new = next(iter(signing.public_keys()))
    assert new != old
    assert list(SignOff.objects.order_by("id").values_list("key_id", flat=True)) == [old, old, old, new, new]
    assert set(Release.objects.values_list("key_id", flat=True)) == {new}
    assert verification.verify(review.content_hash).is_genuine
    call_command("verify", "--all", verbosity=0)
    published = client.get("/api/v1/keys").json()
    assert {old, new} <= {each["id"] for each in published["keys"]}


def test_a_key_in_neither_place_has_signed_nothing(review: Review, sign: Callable[..., None], settings: Any) -> None:
    sign(review)
    rotate(settings)
    settings.RETIRED_PUBLIC_KEYS = []
    assert not verification.verify(review.content_hash).is_genuine
    with pytest.raises(CommandError):
        call_command("verify", "--all", verbosity=0)
