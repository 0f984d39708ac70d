"""Pointers name a place in a record by its items' keys."""

import pytest

from registry.record import documents, pointers

RECORD = documents.parse(
    {
        "contracts": [
            {"name": "payments-api", "policy": {"retry": {"max_retries": 3}}},
            {"protocol": "rest"},
            {"name": "payments-api"},
        ],
        "testing": {"scenarios": [{"title": "odd ] title \\"}, {"title": "#2"}]},
    }
)


def test_every_part_is_found_again_by_its_pointer() -> None:
    for pointer, part in pointers.walk(RECORD):
        assert pointers.resolve(RECORD, pointer) is part


def test_items_are_named_by_key_and_where_that_fails_by_place() -> None:
    assert pointers.item_steps(RECORD.contracts) == ["[payments-api]", "[#2]", "[#3]"]
    assert pointers.item_steps(RECORD.testing.scenarios) == ["[odd \\] title \\\\]", "[\\#2]"]


def test_a_pointer_reaches_a_scalar() -> None:
    assert pointers.resolve(RECORD, "contracts[payments-api].policy.retry.max_retries") == 3


@pytest.mark.parametrize(
    "pointer", ["nothing", "contracts[x]", "overview.nothing", "overview[x]", "overview.type.more"]
)
def test_a_pointer_to_nothing_is_a_key_error(pointer: str) -> None:
    with pytest.raises(KeyError):
        pointers.resolve(RECORD, pointer)


@pytest.mark.parametrize("pointer", ["contracts[", "a b", "contracts[x", "]"])
def test_a_malformed_pointer_is_a_value_error(pointer: str) -> None:
    with pytest.raises(ValueError, match="not a pointer"):
        pointers.resolve(RECORD, pointer)
