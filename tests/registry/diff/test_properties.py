"""What must hold of the difference of any two records."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.diff import Change, breaks, compare, consequences, is_breaking
from registry.record import DesignRecord, documents, pointers
from registry.record.base import Part
from tests.registry.rules.sample import SAMPLE
from tests.strategies import records

few = settings(max_examples=60, deadline=None)


def applied(changes: list[Change], old: DesignRecord) -> DesignRecord:
    """`old` with the changes made to it, by their paths alone: the inverse of `compare`."""
    by_path: dict[str, list[Change]] = {}
    for each in changes:
        by_path.setdefault(each.was or each.path, []).append(each)
    return documents.parse(_part(old, "", by_path))


def _part(part: Part, at: str, changes: dict[str, list[Change]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for here, name, value in pointers.fields(part, at):
        if isinstance(value, Part):
            made[name] = _part(value, here, changes)
        elif documents.part_type(type(part).model_fields[name].annotation):
            made[name] = _items(value, here, changes)
        elif here in changes:
            [change] = changes[here]
            made[name] = change.after
        else:
            made[name] = documents.dump(value)
    return made


def _items(items: tuple[Part, ...], at: str, changes: dict[str, list[Change]]) -> list[Any]:
    placed: dict[int, Any] = {}
    staying = []
    for step, each in zip(pointers.item_steps(items), items, strict=True):
        own = {change.kind: change for change in changes.get(at + step, ())}
        if "removed" in own:
            continue
        made = _part(each, at + step, changes)
        if "renamed" in own:
            assert each.KEY
            made[each.KEY] = own["renamed"].after
        if "moved" in own:
            placed[own["moved"].after] = made
        else:
            staying.append(made)
    for path, own_changes in changes.items():
        for change in own_changes:
            if change.kind == "added" and change.place and _list_of(path) == at:
                placed[change.place] = change.after
    for place in sorted(placed):
        staying.insert(place - 1, placed[place])
    return staying


def _list_of(path: str) -> str:
    last = pointers.steps(path)[-1]
    return path.removesuffix(last) if last.startswith("[") else ""


def shuffled(value: Any, chance: random.Random) -> Any:
    """Plain data with every list of named items in another order."""
    if isinstance(value, dict):
        return {name: shuffled(each, chance) for name, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return chance.sample([shuffled(each, chance) for each in value], len(value))
    return value


@few
@given(records())
def test_a_record_does_not_differ_from_itself(record: DesignRecord) -> None:
    again = documents.parse(documents.dump(record))
    assert (compare(record, again), consequences(record, again)) == ([], [])


@few
@given(records(), records())
def test_the_changes_made_to_the_old_record_give_the_new_one(old: DesignRecord, new: DesignRecord) -> None:
    assert documents.dump(applied(compare(old, new), old)) == documents.dump(new)


@few
@given(records(), records())
def test_every_path_leads_to_what_changed(old: DesignRecord, new: DesignRecord) -> None:
    for each in compare(old, new):
        if each.kind == "removed" and each.path.endswith("]"):
            assert documents.dump(pointers.resolve(old, each.path)) == each.before
        else:
            value = pointers.resolve(new, each.path)
            pointers.resolve(old, each.was or each.path) if each.kind != "added" else None
            assert each.kind in ("moved", "renamed") or documents.dump(value) == documents.dump(each.after or value)


@few
@given(st.randoms(use_true_random=False), st.sampled_from(("retry", "operations", "topics", "nothing")))
def test_changes_stay_what_they_are_where_items_stand_in_another_order(chance: random.Random, what: str) -> None:
    after = documents.dump(documents.parse(SAMPLE))
    if what == "retry":
        after["contracts"][0]["policy"]["retry"]["max_retries"] = 5
    elif what == "operations":
        after["contracts"][0]["operations"][0]["name"] = "take-payment"
    elif what == "topics":
        del after["topics"][0]
    old, new = documents.parse(SAMPLE), documents.parse(after)
    mixed = documents.parse(shuffled(after, chance))

    def but_moves(changes: list[Change]) -> set[tuple[str, ...]]:
        return {(each.path, each.kind, str(each.before), str(each.after)) for each in changes if each.kind != "moved"}

    assert but_moves(compare(old, mixed)) == but_moves(compare(old, new))


@few
@given(records(), records())
def test_a_change_is_breaking_by_one_of_its_parts(old: DesignRecord, new: DesignRecord) -> None:
    changes = compare(old, new)
    assert is_breaking(changes) is any(breaks(each) for each in changes)
    assert all(str(each) for each in consequences(old, new))


# --- size -------------------------------------------------------------------------------------------------------------


def large(contract: Callable[[int], dict[str, Any]], operation: Callable[[int, int], dict[str, Any]]) -> DesignRecord:
    contracts = [contract(i) | {"operations": [operation(i, j) for j in range(200)]} for i in range(200)]
    return DesignRecord.model_validate({"contracts": contracts})


def plain(number: int) -> dict[str, Any]:
    return {"name": f"c{number}", "protocol": "rest", "policy": {"retry": {"max_retries": number % 10}}}


def call(i: int, j: int) -> dict[str, Any]:
    return {"name": f"o{j}", "method": "GET", "path": f"/c{i}/o{j}"}


LARGE = {
    "each operation changed": (plain, lambda i, j: call(i, j) | {"path": f"/v2/c{i}/o{j}"}),
    "each operation renamed": (plain, lambda i, j: call(i, j) | {"name": f"p{j}"}),
    "each contract renamed": (lambda i: plain(i) | {"name": f"d{i}"}, call),
    "all renamed": (lambda i: plain(i) | {"name": f"d{i}"}, lambda i, j: call(i, j) | {"name": f"p{j}"}),
    "nothing alike": (lambda i: {"name": f"d{i}"}, lambda i, j: {"name": f"p{j}", "method": "PUT", "path": "/"}),
    "the order turned round": (lambda i: plain(199 - i), lambda i, j: call(199 - i, 199 - j)),
}


@pytest.mark.parametrize("what", LARGE)
def test_two_hundred_contracts_of_two_hundred_operations_are_compared_in_about_a_second(what: str) -> None:
    old, new = large(plain, call), large(*LARGE[what])
    began = time.process_time()
    changes = compare(old, new)
    compared = time.process_time() - began
    consequences(old, new)
    told = time.process_time() - began - compared
    print(f"{what}: {len(changes):,} changes in {compared:.2f} s, consequences in {told:.2f} s")
    assert compared < 4, "four times what it takes on a slow machine"
