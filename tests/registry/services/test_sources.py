"""Sources: from the approved design, counted only until their owner agrees to more."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from registry.errors import Invalid, NotAllowed
from registry.models import Broker, DeadLetterGroup, DeadLetterSource, Environment, Event, Integration, Person
from registry.services import integrations, plans, routes, sources
from registry.services.masks import HIDDEN
from registry.services.routes import Route
from registry.services.sources import Mode
from tests import landscape, letters
from tests.registry.services.test_overrides import approve_next


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=letters.document(), by=ann
    )


@pytest.fixture
def production(catalog: landscape.Catalog) -> Environment:
    return catalog.environments["production"]


@pytest.fixture
def kafka(production: Environment) -> Broker:
    return letters.broker(production, kind="kafka", slug="kafka-main", url="kafka://127.0.0.1:1")


Define = Callable[..., DeadLetterSource]


@pytest.fixture
def define(approved: Integration, kafka: Broker, cora: Person) -> Define:
    def defined(**more: Any) -> DeadLetterSource:
        given: dict[str, Any] = {"topic": "orders.events", "place": "orders.dlq", "by": cora, "broker": kafka} | more
        return sources.define(approved, **given)

    return defined


def refused(act: Callable[..., Any], **more: Any) -> tuple[str, str]:
    with pytest.raises(Invalid) as refusal:
        act(**more)
    [problem] = refusal.value.problems
    return problem.path, problem.message


def test_who_leads_a_team_defines_a_source_and_it_is_only_counted(define: Define, cora: Person) -> None:
    made = define(masked=["customer.email", " "], searchable=["order"])
    assert (made.mode, made.masked, made.searchable, made.harvested) == ("counts", ["customer.email"], ["order"], 0)
    event = Event.objects.get(kind="source.defined")
    assert (event.subject, event.actor) == (f"integration/orders-to-payments/production/source/{made.pk}", cora)


def test_nobody_else_defines_or_changes_one(define: Define, ops: Person, ivy: Person, ada: Person) -> None:
    for each in (ops, ivy):
        with pytest.raises(NotAllowed):
            define(by=each)
    made = define(by=ada)
    with pytest.raises(NotAllowed):
        sources.change_mode(made, Mode.CURSOR, agreed=True, by=ops)


def test_letters_come_from_and_go_back_to_topics_of_the_approved_design(
    define: Define, approved: Integration, production: Environment
) -> None:
    assert refused(define, topic="orders.other") == ("topic", "is not a topic of the approved design")
    other = letters.broker(production, kind="kafka", slug="kafka-other")
    assert refused(define, broker=other) == ("broker", "is not Kafka main, where the design has this topic")
    assert refused(define, place="orders.events") == ("place", "is the topic itself")
    define()
    assert refused(define) == ("place", "is read for Orders to payments already")


def test_what_is_masked_is_not_kept_in_clear(define: Define) -> None:
    assert refused(define, masked=["Email"], searchable=["email"]) == ("searchable", "names email, which is masked")
    assert refused(define, masked=["email"], searchable=["customer.email"])[0] == "searchable"
    assert refused(define, masked=["customer"], searchable=["order", "customer.email"])[0] == "searchable"
    assert refused(define, masked=["ce_id"]) == ("masked", "names ce_id, which is the id")
    assert refused(define, retention_days=0) == ("retention_days", "is out of range")
    assert refused(define, unknown_policy="guess") == ("unknown_policy", "is not known")


def test_kinds_are_said_where_a_broker_has_several(define: Define, approved: Integration, kafka: Broker) -> None:
    assert refused(define, place_kind="quorum") == ("place_kind", "is nothing Kafka has")
    Broker.objects.filter(pk=kafka.pk).update(kind="rabbitmq")
    kafka.refresh_from_db()
    assert refused(define, topic_kind="exchange") == ("place_kind", "is not said")
    assert define(topic_kind="exchange", place_kind="quorum").place_kind == "quorum"


def test_more_than_counting_needs_consent_which_is_recorded(define: Define, cora: Person) -> None:
    made = define()
    path, message = refused(lambda: sources.change_mode(made, Mode.CURSOR, by=cora))
    assert (path, message) == ("agreed", "is missing")
    assert refused(lambda: sources.change_mode(made, Mode.CONSUME, agreed=True, by=cora))[0] == "mode"
    changed = sources.change_mode(made, Mode.CURSOR, agreed=True, by=cora)
    assert (changed.mode, changed.consented_by, changed.fence) == ("cursor", cora, 1)
    assert sources.change_mode(changed, Mode.COUNTS, by=cora).mode == "counts"
    assert Event.objects.filter(kind="source.mode_changed").count() == 2


def test_what_is_to_be_hidden_is_kept_before_a_letter_is_read_or_neither_is(define: Define, cora: Person) -> None:
    made = define()
    kept: Any = {"masked": ["card.number"], "searchable": [], "retention_days": 7, "max_redrives": 3}
    kept |= {"unknown_policy": "", "returns_within_seconds": 60}
    assert refused(lambda: sources.change_with_mode(made, Mode.CURSOR, by=cora, **kept))[0] == "agreed"
    made.refresh_from_db()
    assert (made.mode, made.masked) == ("counts", [])
    changed = sources.change_with_mode(made, Mode.CURSOR, agreed=True, by=cora, **kept)
    assert (changed.mode, changed.masked) == ("cursor", ["card.number"])
    assert [each.kind for each in Event.objects.order_by("-pk")[:2]] == ["source.mode_changed", "source.changed"]


@pytest.mark.parametrize(
    ("kind", "place_kind", "modes", "taken_in"),
    [
        ("kafka", "", ("counts", "cursor"), "exact"),
        ("rabbitmq", "stream", ("counts", "cursor"), "exact"),
        ("rabbitmq", "quorum", ("counts", "consume"), "exact"),
        ("rabbitmq", "classic", ("counts", "consume"), "at least once"),
        ("sqs", "", ("counts", "consume"), "exact"),
    ],
)
def test_the_broker_decides_how_it_can_be_read_and_what_that_risks(
    approved: Integration, production: Environment, kind: str, place_kind: str, modes: tuple[str, ...], taken_in: str
) -> None:
    source = letters.source(approved, letters.broker(production, kind=kind), place_kind=place_kind)
    assert sources.modes(source) == modes
    source.mode = modes[-1]
    assert sources.taken_in(source).name == taken_in
    assert sources.risk(source, source.mode)


def test_changes_are_kept_and_told_once(define: Define, cora: Person) -> None:
    made = define()
    terms: dict[str, Any] = {
        "masked": ["email"],
        "searchable": [],
        "retention_days": 7,
        "max_redrives": 1,
        "unknown_policy": "resend",
        "returns_within_seconds": 60,
    }
    for _ in range(2):
        changed = sources.change(made, by=cora, **terms)
    assert (changed.masked, changed.retention_days, changed.is_active) == (["email"], 7, True)
    assert Event.objects.filter(kind="source.changed").count() == 1


def test_what_is_hidden_from_now_on_is_taken_out_of_what_was_kept_in_clear(define: Define, cora: Person) -> None:
    made = define(searchable=["tenant", "email"])
    quoted = "$.email: 'ann@example.com' is not of type 'integer'"
    one = letters.letter(made, facts={"tenant": "nl", "email": "ann@example.com"}, schema_problem=quoted)
    other = letters.letter(made, facts={"tenant": "nl"}, schema_problem="")
    said = '{"email": "ann@example.com"}'
    unchecked = letters.letter(made, schema_problem=None, message=said, error_class=said)
    elsewhere = letters.letter(define(place="other"), message=said)
    terms: Any = {"retention_days": 7, "max_redrives": 3, "unknown_policy": "", "returns_within_seconds": 60}
    sources.change(made, masked=["email"], searchable=["tenant"], by=cora, **terms)
    for each in (one, other, unchecked, elsewhere):
        each.refresh_from_db()
    assert (one.facts, one.schema_problem, one.message) == ({"tenant": "nl"}, sources.UNQUOTED, "")
    assert (other.facts, other.schema_problem) == ({"tenant": "nl"}, "")
    # Nobody looks into JSON that stands as text, and what was not checked has not failed.
    assert (unchecked.message, unchecked.error_class, unchecked.schema_problem) == (HIDDEN, HIDDEN, None)
    assert DeadLetterGroup.objects.get(pk=unchecked.group_id).error_class == HIDDEN
    assert elsewhere.message == said


def test_what_was_kept_under_a_mask_before_its_text_was_hidden_is_hidden_too(define: Define) -> None:
    said, refused = '[{"email": "ann@example.com"}]', "$.customers['ann@example.com']: does not hold to “type”"
    masked, plain = (
        letters.letter(define(place=place, masked=names), message=said, error_class=said, schema_problem=refused)
        for place, names in (("masked", ["email"]), ("plain", []))
    )
    unchecked = letters.letter(masked.source, schema_problem=None)
    import_module("registry.migrations.0035_hidden_in_text").hide(apps, None)
    for each in (masked, plain, unchecked):
        each.refresh_from_db()
    assert (masked.message, masked.error_class, masked.schema_problem) == (HIDDEN, HIDDEN, sources.UNQUOTED)
    assert DeadLetterGroup.objects.get(pk=masked.group_id).error_class == HIDDEN
    assert (plain.message, plain.error_class, plain.schema_problem) == (said, said, refused)
    assert (unchecked.message, unchecked.error_class, unchecked.schema_problem) == ("", "TimeoutError", None)


DESIGNS: dict[str, tuple[dict[str, Any], dict[str, Any], bool, bool]] = {
    "known longer than kept": ({}, {}, True, True),
    "known for ever": ({"strategy": "natural_key", "window": None}, {}, True, True),
    "window too short": ({"window": "P1D"}, {}, True, False),
    "nothing known": ({"strategy": "none"}, {}, True, False),
    "known for nobody knows how long": ({"window": None}, {}, True, False),
    "kept for nobody knows how long": ({}, {"retention": None}, True, False),
    "not idempotent": ({}, {}, False, False),
}


@pytest.mark.parametrize("named", DESIGNS)
def test_what_is_uncertain_is_sent_again_only_where_the_design_says_it_does_no_harm(
    approved: Integration, production: Environment, named: str
) -> None:
    deduplication, topic, idempotent, harmless = DESIGNS[named]
    assert approved.in_force is not None
    record = approved.in_force.record
    designed = record.model_copy(
        update={
            "deduplication": record.deduplication.model_copy(update=deduplication),
            "topics": (record.topics[0].model_copy(update=topic),),
            "contracts": (record.contracts[0].model_copy(update={"idempotent": idempotent}),),
        }
    )
    source = letters.source(approved, letters.broker(production))
    assert sources.bears_repeating(Route(source, None, designed)) == harmless


def test_the_design_gives_the_grade_unless_its_owner_says_otherwise(define: Define) -> None:
    made = define()
    assert told(made) == ("resend", "once within window")
    made.unknown_policy = "hold"
    assert told(made) == ("hold", "hold and ask")


def test_who_wants_more_than_the_design_allows_gets_at_least_once(
    approved: Integration, production: Environment
) -> None:
    source = letters.source(approved, letters.broker(production), topic="orders.other", unknown_policy="resend")
    assert told(source) == ("resend", "at least once")
    source.unknown_policy = ""
    assert told(source) == ("hold", "hold and ask")


def test_what_counts_is_the_design_served_where_the_source_lies(
    approved: Integration, production: Environment, ann: Person, sign: Any, without_triggers: Callable[[str], None]
) -> None:
    """A later revision is approved, and staging alone is served by it so far."""
    here, ahead = (
        letters.source(approved, letters.broker(each)) for each in (production, Environment.objects.get(slug="staging"))
    )
    approve_next(approved, ann, sign, lambda policy: policy["retry"].update(max_retries=0), idempotent=False)
    Environment.objects.filter(pk=production.pk).update(
        release_policy="promote", promoted_from=ahead.broker.environment
    )
    approve_next(Integration.objects.get(pk=approved.pk), ann, sign, None, idempotent=True)
    here, ahead = (DeadLetterSource.objects.placed().get(pk=each.pk) for each in (here, ahead))
    assert (told(here), told(ahead)) == (("hold", "hold and ask"), ("resend", "once within window"))
    second = "the design does not say that doing it twice has the effect of once"
    assert [plans.second_because(routes.of(each), 1, 0, by=ann) for each in (here, ahead)] == [second, ""]
    designs = [sources.design(each) for each in (here, ahead)]
    assert [each and each.contracts[0].idempotent for each in designs] == [False, True]
    without_triggers(f"DELETE FROM registry_release WHERE environment_id = {production.pk}")
    assert told(here) == ("hold", "hold and ask")
    assert sources.design(here) == sources.design(ahead)


def told(source: DeadLetterSource) -> tuple[str, str]:
    """What becomes of what may have arrived, and the grade."""
    route = routes.of(source)
    return sources.unknown_policy(route), sources.grade(route).name


def test_the_design_proposes_what_is_not_defined(
    define: Define, approved: Integration, production: Environment, kafka: Broker
) -> None:
    [proposal] = sources.proposals(approved, production)
    assert proposal == sources.Proposal("orders.events", "orders.dlq", "Kafka main", kafka)
    define()
    assert sources.proposals(approved, production) == []


def test_a_place_the_design_only_names_is_proposed_by_its_name_and_said_to_be_a_guess(
    approved: Integration, production: Environment, kafka: Broker
) -> None:
    assert approved.in_force is not None
    record = approved.in_force.record
    topic = record.topics[0].model_copy(update={"dead_letter": None})
    named = [topic, topic.model_copy(update={"name": "orders.events-dlt"}), topic.model_copy(update={"name": "other"})]
    vars(approved.in_force)["record"] = record.model_copy(update={"topics": tuple(named)})
    [guess] = sources.proposals(approved, production)
    assert guess == sources.Proposal("orders.events", "orders.events-dlt", "Kafka main", kafka, is_guess=True)
