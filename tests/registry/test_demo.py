"""The demo: every file is a record the rules accept, and loading it makes the landscape once."""

import dataclasses
import io
from collections.abc import Iterable
from typing import Any

import pytest
import yaml
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import CommandError, call_command

from registry.demo import files, letters
from registry.demo.files import Step, Story
from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    Event,
    Integration,
    Membership,
    Override,
    Person,
    Release,
    Review,
    Revision,
    ScheduledRelease,
    System,
    Team,
    Token,
)
from registry.record import documents
from registry.record.findings import Severity
from registry.rules import ACROSS, Catalog, Facts, Landscape, Owner, check, check_across, facts
from registry.services import board, ledger, tokens, trail

STORIES = files.stories()
STEPS = [(story, step) for story in STORIES for step in story.steps]
TOLD = files.catalog()
CATALOG = Catalog(
    systems=frozenset(each["slug"] for each in TOLD["systems"]),
    teams=frozenset(each["slug"] for each in TOLD["teams"]),
    environments=frozenset(each["slug"] for each in TOLD["environments"]),
)


def of(story_or_step: Any) -> str:
    return story_or_step.slug if isinstance(story_or_step, Story) else story_or_step.reach


def told(story: Story, step: Step) -> Facts:
    return facts(documents.parse(step.document), Owner(story.slug, "1.0", step.reach))


def compared(story: Story) -> list[Facts]:
    """What others are compared with once the story is told."""
    in_force = [each for each in story.steps if each.reach == "approved"] or story.steps
    return [] if story.state == "retired" else [told(story, in_force[-1])]


def warnings(story: Story, step: Step, others: Iterable[Story]) -> set[str]:
    """What has to be justified of a revision with these stories told before it; there is never an error."""
    record, own = documents.parse(step.document), told(story, step)
    landscape = Landscape.of([own, *(each for other in others if other != story for each in compared(other))])
    findings = [*check(record, CATALOG), *check_across(landscape, own, record)]
    assert [each for each in findings if each.severity == Severity.ERROR] == []
    return {each.key for each in findings if each.severity == Severity.WARNING}


@pytest.mark.parametrize(("story", "step"), STEPS, ids=of)
def test_every_revision_is_without_errors_and_every_warning_is_justified(story: Story, step: Step) -> None:
    """Whichever of the others are there already: stories are told by slug, and one may be added later."""
    found = [warnings(story, step, others) for others in ([], STORIES[: STORIES.index(story)], STORIES)]
    if step.reach != "draft":
        assert set.union(*found) == set(step.justifications)


def test_the_demo_has_something_to_learn_across_integrations() -> None:
    found = {
        (story.slug, key.split()[0])
        for story in STORIES
        if story.state != "retired"
        for key in warnings(story, story.steps[-1], STORIES)
        if key.split()[0] in {rule.code for rule in ACROSS}
    }
    assert found == {("delivery-slots", "chain-budget"), ("orders-to-payments", "chain-impatient")}


@pytest.mark.parametrize(("story", "step"), STEPS, ids=of)
def test_a_record_written_as_yaml_and_read_again_is_the_same(story: Story, step: Step) -> None:
    record = documents.parse(step.document)
    written = yaml.safe_dump(documents.dump(record), allow_unicode=True, sort_keys=False)
    assert documents.parse(yaml.safe_load(written)) == record


def stated(*path: str) -> set[Any]:
    """Every value at a path through the demo's documents."""
    values: list[Any] = [step.document for _, step in STEPS]
    for name in path:
        values = [each[name] for each in values if name in each]
        values = [item for each in values for item in (each if isinstance(each, list) else [each])]
    return set(values)


def test_the_demo_shows_every_type_criticality_protocol_and_state() -> None:
    assert stated("overview", "type") == {"synchronous", "asynchronous", "bidirectional", "file_based"}
    assert stated("overview", "criticality") == {"critical", "high", "medium", "low"}
    assert stated("contracts", "protocol") == {"rest", "grpc", "graphql", "websocket", "amqp", "file"}
    assert {story.state for story in STORIES} == {"proposed", "active", "deprecated", "retired"}
    assert {story.steps[-1].reach for story in STORIES} == {"draft", "in_review", "approved"}


def test_every_team_has_a_lead_and_every_person_is_somewhere() -> None:
    people = {each.username for each in files.people()}
    assert all(each["people"] for each in TOLD["teams"])
    assert {username for each in TOLD["teams"] for username in each["people"]} <= people
    assert {story.author for story in STORIES} <= people
    assert {each["team"] for each in TOLD["systems"]} <= CATALOG.teams
    assert set(TOLD["tokens"]) <= CATALOG.systems


def test_changes_replace_values_and_add_items() -> None:
    document = {"contracts": [{"name": "api", "policy": {"retry": {"max_retries": 3}}}]}
    changes = {"contracts[api].policy.retry.max_retries": 2, "contracts[two]": {"name": "two"}, "sla.rto": "PT1H"}
    assert files.amended(document, changes) == {
        "contracts": [{"name": "api", "policy": {"retry": {"max_retries": 2}}}, {"name": "two"}],
        "sla": {"rto": "PT1H"},
    }
    assert document["contracts"][0] == {"name": "api", "policy": {"retry": {"max_retries": 3}}}


def load(*arguments: str) -> str:
    out = io.StringIO()
    call_command("load_demo", *arguments, stdout=out)
    return out.getvalue()


def landscape() -> dict[str, Any]:
    """What there is, without moments and secrets."""
    revisions = Revision.objects.order_by("integration__slug", "number")
    return {
        "integrations": sorted(Integration.objects.values_list("slug", "name", "state")),
        "revisions": list(revisions.values_list("integration__slug", "number", "major", "minor", "state")),
        "people": sorted(Person.objects.values_list("username", flat=True)),
        "leads": sorted(Membership.objects.filter(is_lead=True).values_list("team__slug", "person__username")),
        "counts": [model.objects.count() for model in (Team, System, Event, Release, Token, Review)],
    }


def letters_lie_there() -> None:
    """Dead letters of each cause the file tells, taken in."""
    about = letters.told()
    groups = DeadLetterGroup.objects.order_by("-letters", "error_class").values_list("error_class", "letters")
    assert list(groups) == sorted(
        ((each["error"], each["letters"]) for each in about["causes"]), key=lambda each: (-each[1], each[0])
    )
    source = DeadLetterSource.objects.get()
    assert (source.depth, source.harvested, source.trouble) == (110, 110, "")
    assert ledger.imbalance() == 0
    odd = DeadLetter.objects.exclude(schema_problem="")
    assert {each.error_class.rpartition(".")[2] for each in odd} >= {"InvalidFormatException"}


def test_loading_makes_the_landscape_and_loading_again_changes_nothing(db: None, settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    lines = load().splitlines()
    once = landscape()
    assert len(lines) == 1 + len(STORIES) + 3 + len(TOLD["tokens"]) + 1
    assert load() == "All there.\n"
    letters_lie_there()
    assert load("--if-empty") == "There are integrations already; nothing was loaded.\n"
    assert landscape() == once
    assert {(slug, state) for slug, _, state in once["integrations"]} == {(each.slug, each.state) for each in STORIES}
    versions = {(slug, f"{major}.{minor}", state) for slug, _, major, minor, state in once["revisions"]}
    assert versions >= {
        ("orders-to-payments", "1.0", "superseded"),
        ("orders-to-payments", "1.1", "approved"),
        ("payments-to-ledger", "1.0", "approved"),
        ("payments-to-ledger", "1.1", "draft"),
        ("shop-to-catalogue", "0.1", "in_review"),
        ("delivery-slots", "0.1", "draft"),
    }
    waiting = Review.objects.get(integration__slug="shop-to-catalogue")
    assert sorted(waiting.sign_offs.values_list("role", flat=True)) == ["author", "consumer_lead", "provider_lead"]
    assert trail.verify().faults == []
    assert tokens.find(lines[-2].split()[-1]) is not None
    full_strength = f"pbkdf2_sha256${PBKDF2PasswordHasher.iterations}$"
    assert {each.password.startswith(full_strength) for each in Person.objects.all()} == {True}
    assert authenticate(username="ann", password=files.password()) is not None


def test_a_production_registry_is_not_filled_with_people_everybody_knows(db: None, settings: LazySettings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="--yes-this-is-a-demo"):
        load()
    assert not Person.objects.exists()


def test_the_people_are_printed_in_columns() -> None:
    out = io.StringIO()
    call_command("demo_people", stdout=out)
    head, *rows = out.getvalue().splitlines()
    assert len(rows) == len(files.people())
    assert {row[head.index("password") :].startswith(f"{files.password()}  ") for row in rows} == {True}


def test_a_story_is_not_changed_by_reading_it() -> None:
    assert [dataclasses.asdict(each) for each in files.stories()] == [dataclasses.asdict(each) for each in STORIES]


def test_the_board_has_an_instance_in_each_state_and_something_to_do(db: None) -> None:
    load()
    payments = Integration.objects.get(slug="orders-to-payments")
    production = Release.objects.filter(integration=payments).in_force().get(environment__slug="production")
    states = board.of([production])[payments.pk, production.environment_id].counts
    assert states == {"on": 1, "behind": 1, "refused": 1, "silent": 1, "unknown": 1}
    [traffic] = board.traffic(payments, production.environment)
    assert traffic.contract == "payments-api"
    assert sum(bool(minute["calls"]) for minute in traffic.minutes) >= 58
    assert Override.objects.running().get().integration.slug == "orders-to-stock"
    assert Override.objects.to_review().get().integration.slug == "vans-to-app"
    assert ScheduledRelease.objects.waiting().get().environment.slug == "belgium"
