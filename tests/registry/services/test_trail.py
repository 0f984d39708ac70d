"""What was done stays written as it was done."""

import io
import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from registry import origin
from registry.models import ChainHead, Event, Integration, Person
from registry.services import integrations, trail

SECOND = "chain = 'orders-to-payments' AND sequence = 2"


@pytest.fixture
def told(integration: Integration, ann: Person) -> Integration:
    for place in range(3):
        trail.record("test.done", by=ann, integration=integration, subject=f"test/{place}", data={"größe": place})
    return integration


def faults(chain: str = "orders-to-payments") -> list[tuple[int, str]]:
    return [(each.sequence, each.message) for each in trail.verify(chain=chain).faults]


def test_an_event_says_who_what_when_and_from_where(integration: Integration, ann: Person) -> None:
    mark = origin.current.set(origin.Origin(ip="192.0.2.7", request_id="r-1"))
    event = trail.record("test.done", by=ann, integration=integration, subject="test/1", data={"b": 1, "a": "ä"})
    origin.current.reset(mark)
    kept = Event.objects.get(pk=event.pk)
    assert (kept.actor, kept.actor_name, kept.origin_ip, kept.request_id) == (ann, "Ann Archer", "192.0.2.7", "r-1")
    assert (kept.kind, kept.subject, kept.data) == ("test.done", "test/1", '{"a":"ä","b":1}')
    assert (event.sequence, event.hash, event.at) == (kept.sequence, kept.hash, kept.at)


def test_an_act_without_a_person_is_the_registry_s() -> None:
    assert origin.current.get() == origin.NOWHERE


def test_python_computes_the_hash_that_the_database_computed(told: Integration) -> None:
    for event in Event.objects.all():
        assert trail.event_hash(event) == event.hash


def test_fields_that_run_together_hash_apart() -> None:
    assert trail.chained_hash("ab", "c") != trail.chained_hash("a", "bc")
    assert trail.chained_hash("1:a", "") != trail.chained_hash("", "1:a")


def test_a_whole_trail_has_no_faults(told: Integration) -> None:
    verdict = trail.verify()
    assert (verdict.faults, verdict.chains, verdict.events) == ([], 2, Event.objects.count())


@pytest.mark.parametrize(
    "column",
    ["actor_name", "kind", "subject", "data", "origin_ip", "request_id"],
)
def test_a_changed_event_is_found(told: Integration, without_triggers: Callable[[str], None], column: str) -> None:
    without_triggers(f"UPDATE registry_event SET {column} = 'forged' WHERE {SECOND}")
    assert faults() == [(2, "was changed after it was written")]


def test_an_event_changed_with_its_hash_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    event = Event.objects.get(chain="orders-to-payments", sequence=2)
    event.subject = "forged"
    without_triggers(f"UPDATE registry_event SET subject = 'forged', hash = '{trail.event_hash(event)}' WHERE {SECOND}")
    assert faults() == [(3, "does not continue from the event before it")]


def test_a_moved_moment_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    without_triggers(f"UPDATE registry_event SET at = at - interval '1 day' WHERE {SECOND}")
    assert faults() == [(2, "was changed after it was written")]


def test_a_removed_event_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    without_triggers(f"DELETE FROM registry_event WHERE {SECOND}")
    assert faults() == [(3, "follows a gap: 2 missing")]


def test_a_tail_that_was_cut_off_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    without_triggers("DELETE FROM registry_event WHERE chain = 'orders-to-payments' AND sequence > 2")
    assert faults() == [(4, "is missing: the chain ends at 2 and should end at 4")]


def test_a_chain_that_was_removed_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    without_triggers("DELETE FROM registry_event WHERE chain = 'orders-to-payments'")
    assert faults() == [(4, "is missing: the chain ends at 0 and should end at 4")]


def test_a_removed_head_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    without_triggers("DELETE FROM registry_chainhead WHERE chain = 'orders-to-payments'")
    assert faults() == [(4, "belongs to a chain without a head")]


def test_a_last_event_that_was_replaced_is_found(told: Integration, without_triggers: Callable[[str], None]) -> None:
    event = Event.objects.get(chain="orders-to-payments", sequence=4)
    event.subject = "forged"
    without_triggers(
        f"UPDATE registry_event SET subject = 'forged', hash = '{trail.event_hash(event)}' WHERE id = {event.pk}"
    )
    assert faults() == [(4, "is not the event the chain's head names")]


def test_the_command_says_so(told: Integration, without_triggers: Callable[[str], None]) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command("verify_trail", stdout=out)
    assert out.getvalue().endswith("in 2 chains read; every hash is right.\n")
    without_triggers(f"UPDATE registry_event SET kind = 'forged' WHERE {SECOND}")
    with pytest.raises(CommandError, match="1 faults found"):
        call_command("verify_trail", stderr=err)
    assert err.getvalue() == "orders-to-payments 2: was changed after it was written\n"


def test_each_chain_counts_for_itself(told: Integration) -> None:
    assert dict(ChainHead.objects.values_list("chain", "sequence")) == {
        "orders-to-payments": 4,
        "registry": Event.objects.filter(chain="registry").count(),
    }


def test_details_are_read_back(told: Integration) -> None:
    event = Event.objects.get(subject="test/2")
    assert event.details == json.loads(event.data) == {"größe": 2}


def test_a_chain_begun_while_the_trail_is_read_is_no_fault(
    told: Integration, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = trail.Verdict

    def once_the_heads_are_read(chains: int) -> trail.Verdict:
        integrations.create(name="Begun meanwhile", slug="begun-meanwhile", by=ann)
        return verdict(chains=chains)

    monkeypatch.setattr(trail, "Verdict", once_the_heads_are_read)
    assert trail.verify().faults == []
