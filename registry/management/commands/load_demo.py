"""Loads the demo through the same services people use, so its events, sign-offs and releases are real."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from registry.demo import files
from registry.demo.files import Step, Story
from registry.management.demo_letters import lie_down
from registry.management.demo_live import go_live
from registry.models import Environment, Integration, Person, System, Team
from registry.services import catalog, integrations, labels, lists, reviews, revisions, surveys, tokens

ONCE = "Instances reported once, just now. Nobody runs them, so after 90 seconds they count as silent."


class Command(BaseCommand):
    help = "Load the demo landscape: people, teams, systems, and integrations in every state. What is there is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing where there are integrations already")
        parser.add_argument("--yes-this-is-a-demo", action="store_true", help="load it with MODE=production, too")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION and not options["yes_this_is_a_demo"]:
            raise CommandError(
                "This is a production registry, and everybody in the demo has a well-known password. "
                "If it is only to be looked at, say --yes-this-is-a-demo."
            )
        if options["if_empty"] and Integration.objects.exists():
            self.stdout.write("There are integrations already; nothing was loaded.")
            return
        begun = time.monotonic()
        with quick_passwords():
            loaded = self.load()
        surveys.take()
        self.stdout.write(
            f"Loaded {loaded} integrations in {time.monotonic() - begun:.1f} s." if loaded else "All there."
        )

    def load(self) -> int:
        people = load_people()
        if not Team.objects.filter(slug="checkout").exists():
            load_catalog(people)
            self.stdout.write(f"People, teams, systems and environments: {len(people)} people")
        there = set(Integration.objects.values_list("slug", flat=True))
        missing = [each for each in files.stories() if each.slug not in there]
        for story in missing:
            integration = tell(story, people)
            newest = integration.current
            assert newest
            self.stdout.write(f"{integration.name}: {newest.version} {newest.get_state_display().lower()}")
        if not there:
            go_live(people)
            self.stdout.write(ONCE)
            lie_down(people, self.stdout.write)
            self.issue_tokens(people["ivy"])
        return len(missing)

    def issue_tokens(self, by: Person) -> None:
        production = Environment.objects.get(slug="production")
        self.stdout.write("Tokens for production, shown only now (Account issues others):")
        for system in System.objects.filter(slug__in=files.catalog()["tokens"]):
            _, plain = tokens.issue_service(name=f"{system.name}, demo", system=system, environment=production, by=by)
            self.stdout.write(f"  {system.slug}  {plain}")


@contextmanager
def quick_passwords() -> Iterator[None]:
    """Each of some fifty signatures asks for the password, which at full strength takes a minute in all.

    The hashes kept in the end are full ones.
    """
    full = PBKDF2PasswordHasher.iterations
    known = Person.objects.filter(username__in=[each.username for each in files.people()])
    kept = dict(known.values_list("pk", "password"))
    PBKDF2PasswordHasher.iterations = 1
    try:
        yield
    finally:
        PBKDF2PasswordHasher.iterations = full
        for key, password in kept.items():
            Person.objects.filter(pk=key).update(password=password)
        # One hash for all of them: this is a demo, and hashing is slow on purpose.
        known.exclude(pk__in=kept).update(password=make_password(files.password()))


@transaction.atomic
def load_people() -> dict[str, Person]:
    """Everybody, by username; who is there already is left alone."""
    password = make_password(files.password())
    for each in files.people():
        first, _, last = each.name.partition(" ")
        person, made = Person.objects.get_or_create(
            username=each.username,
            defaults={
                "first_name": first,
                "last_name": last,
                "email": f"{each.username}@groenmarkt.example",
                "password": password,
                "is_staff": each.staff,
                "is_superuser": each.staff,
            },
        )
        if made:
            person.groups.set(Group.objects.filter(name__in=each.groups))
    return {each.username: each for each in Person.objects.all()}


@transaction.atomic
def load_catalog(people: dict[str, Person]) -> None:
    told, by = files.catalog(), people["ivy"]
    for each in told["teams"]:
        lead, *members = (people[username] for username in each.pop("people"))
        catalog.save_team(**each, leads=[lead], members=members, by=by)
    teams = {each.slug: each for each in Team.objects.all()}
    for each in told["systems"]:
        catalog.save_system(**each | {"team": teams[each["team"]]}, by=by)
    places: dict[str, Environment] = {}
    for position, each in enumerate(told["environments"]):
        source = places.get(each.pop("promoted_from", ""))
        places[each["slug"]] = catalog.save_environment(**each, promoted_from=source, position=position, by=by)
    for each in told["views"]:
        lists.save(**each, is_shared=True, by=people["ann"])


@transaction.atomic
def tell(story: Story, people: dict[str, Person]) -> Integration:
    """One integration through all its revisions, to the state it ends in."""
    by = people[story.author]
    first, *later = story.steps
    integration = integrations.create(name=story.name, slug=story.slug, document=first.document, by=by)
    advance(integration, story, first, people)
    for step in later:
        draft = revisions.start_draft(integration, by=by)
        revisions.save(draft, step.document, by=by, if_match=draft.etag)
        advance(integration, story, step, people)
    if story.tags:
        labels.tag([integration.pk], story.tags, by=by)
    if story.owner:
        labels.set_owner([integration.pk], people[story.owner], by=by)
    if story.state == "deprecated":
        integrations.deprecate(integration, by=by, reason=story.reason)
    if story.state == "retired":
        integrations.retire(integration, by=by, reason=story.reason)
    integration.refresh_from_db()
    return integration


def advance(integration: Integration, story: Story, step: Step, people: dict[str, Person]) -> None:
    """Take the draft as far as the story says."""
    integration.refresh_from_db()
    draft = integration.current
    assert draft
    if step.reach == "draft":
        return
    review = revisions.submit(
        draft,
        by=people[story.author],
        if_match=draft.etag,
        change_note=step.note,
        justifications=step.justifications,
    )
    for role, username in files.signers(story, step).items():
        if step.reach == "approved" or role in step.signed:
            reviews.sign(
                review, role=role, by=people[username], password=files.password(), seen_hash=review.content_hash
            )
    integration.refresh_from_db()
