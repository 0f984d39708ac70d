"""Two editors at once: no edit is lost, and only a field both changed is asked about."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.merge import Conflict, Merged, merge
from registry.record import DesignRecord, documents
from tests.strategies import records


def contract(**fields: Any) -> dict[str, Any]:
    return {"contracts": [{"name": "api", **fields}]}


def record(document: dict[str, Any]) -> DesignRecord:
    return documents.parse(document)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ({}, {"sla": {"rto": "PT1H"}}, {"sla": {"rpo": "PT0S"}}, {"sla": {"rto": "PT1H", "rpo": "PT0S"}}),
        ({"sla": {"rto": "PT1H"}}, {}, {"sla": {"rto": "PT1H", "rpo": "PT0S"}}, {"sla": {"rpo": "PT0S"}}),
        (contract(), contract(protocol="rest"), contract(idempotent=True), contract(protocol="rest", idempotent=True)),
        (
            {"parties": [{"system": "a"}, {"system": "b"}]},
            {"parties": [{"system": "b"}, {"system": "a"}]},
            {"parties": [{"system": "a", "team": "t"}, {"system": "b"}, {"system": "c"}]},
            {"parties": [{"system": "b"}, {"system": "a", "team": "t"}, {"system": "c"}]},
        ),
        (
            {"parties": [{"system": "a"}, {"system": "b"}]},
            {"parties": [{"system": "a"}]},
            {"parties": [{"system": "a"}, {"system": "b"}, {"system": "c"}]},
            {"parties": [{"system": "a"}, {"system": "c"}]},
        ),
        (
            contract(),
            contract(errors=[{"status": "429"}]),
            contract(errors=[{"status": "500"}]),
            contract(errors=[{"status": "500"}, {"status": "429"}]),
        ),
    ],
)
def test_changes_to_different_fields_come_together(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], merged: dict[str, Any]
) -> None:
    result = merge(record(base), record(mine), record(theirs))
    assert (documents.dump(result.record), result.conflicts) == (merged, ())


def test_a_field_both_changed_is_asked_about() -> None:
    base, mine, theirs = (record({"sla": {"rto": each}}) for each in ("PT1H", "PT2H", "PT3H"))
    result = merge(base, mine, theirs)
    label = "Service levels › RTO (acceptable downtime)"
    assert result.conflicts == (Conflict("sla.rto", label, "PT1H", "PT2H", "PT3H"),)
    assert (result.record, merge(base, mine, theirs, take={"sla.rto": "mine"}).record) == (theirs, mine)


def test_what_one_deleted_and_the_other_changed_is_asked_about() -> None:
    base, theirs = record(contract()), record(contract(protocol="rest"))
    result = merge(base, record({}), theirs)
    assert [(each.path, each.mine, each.theirs) for each in result.conflicts] == [
        ("contracts[api]", None, {"name": "api", "protocol": "rest"})
    ]
    assert merge(base, record({}), theirs, take={"contracts[api]": "mine"}).record == record({})


def party(system: str, **fields: Any) -> dict[str, Any]:
    return {"system": system, "team": "t", "contact": f"{system}@example.com", **fields}


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        # an item I renamed and they changed is one item
        (
            [party("a"), party("b")],
            [party("renamed", contact="a@example.com"), party("b")],
            [party("a", role="consumer"), party("b")],
            [party("renamed", contact="a@example.com", role="consumer"), party("b")],
        ),
        # items without a name are known by what they say, though their places moved
        (
            [{"team": "one"}, {"team": "two"}, {"team": "three", "contact": "c"}],
            [{"team": "two"}, {"team": "three", "contact": "c"}],
            [{"team": "one"}, {"team": "two"}, {"team": "three", "contact": "c", "role": "provider"}],
            [{"team": "two"}, {"team": "three", "contact": "c", "role": "provider"}],
        ),
        # both deleted it
        ([party("a"), party("b")], [party("b")], [party("b"), party("c")], [party("b"), party("c")]),
        # both added one of the same name
        (
            [],
            [{"system": "a", "team": "t"}],
            [{"system": "a", "role": "consumer"}],
            [{"system": "a", "team": "t", "role": "consumer"}],
        ),
    ],
)
def test_items_are_followed_through_renames_and_moves(base: Any, mine: Any, theirs: Any, merged: Any) -> None:
    result = merge(*(record({"parties": each}) for each in (base, mine, theirs)))
    assert (documents.dump(result.record)["parties"], result.conflicts) == (merged, ())


def test_two_conflicts_never_share_a_path() -> None:
    base = [{"team": "one", "contact": "a"}, {"team": "two", "contact": "b"}]
    mine: list[dict[str, Any]] = []
    theirs = [{"team": "one", "contact": "A"}, {"team": "two", "contact": "B"}]
    result = merge(*(record({"parties": each}) for each in (base, mine, theirs)))
    paths = [each.path for each in result.conflicts]
    assert len(paths) == len(set(paths)) == 2


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records(), records())
def test_a_merge_takes_one_side_where_only_one_changed_and_asks_where_both_did(
    base: DesignRecord, mine: DesignRecord, theirs: DesignRecord
) -> None:
    assert merge(base, mine, base).record == mine
    assert merge(base, base, theirs).record == theirs
    assert merge(base, mine, mine) == Merged(mine)
    asked = merge(base, mine, theirs)
    again = merge(base, mine, theirs, take={each.path: "mine" for each in asked.conflicts})
    assert [each.path for each in again.conflicts] == [each.path for each in asked.conflicts]
    assert all(each.mine != each.theirs for each in asked.conflicts)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records(), st.data())
def test_no_value_is_lost_in_a_merge_unless_it_is_asked_about(
    base: DesignRecord, theirs: DesignRecord, data: st.DataObject
) -> None:
    """I change one field of the base; then that is in what came of it, or in a conflict."""
    words = data.draw(st.sampled_from(["Mine only", "Also mine"]))
    mine = base.model_copy(update={"overview": base.overview.model_copy(update={"purpose": words})})
    result = merge(base, mine, theirs)
    asked = [each.mine for each in result.conflicts if each.path == "overview.purpose"]
    assert result.record.overview.purpose == words or asked == [words]
