"""Teams, systems and environments: made or changed by their slug, which never changes."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models, transaction

from registry import permissions
from registry.errors import NotAllowed
from registry.models import Environment, IndexedParty, Membership, Person, ReleaseCounter, System, Team
from registry.record import DesignRecord
from registry.rules import Catalog
from registry.services import entries, locks, trail
from registry.services.text import Reading

Row = TypeVar("Row", Team, System, Environment)


@transaction.atomic
def save_team(
    *,
    slug: str,
    name: str,
    contact: str = "",
    is_platform: bool = False,
    leads: Iterable[Person] | None = None,
    members: Iterable[Person] | None = None,
    by: Person,
) -> Team:
    """Make or change a team. Leads and members replace those it has; None leaves them as they are."""
    _require_administrator(by)
    reading = Reading()
    fields = {
        "name": reading.line("name", name),
        "contact": reading.line("contact", contact, longest=300, required=False),
        "is_platform": is_platform,
    }
    slug = reading.slug("slug", slug)
    reading.done()
    team, before, after = _save(Team, slug, fields)
    if leads is not None or members is not None:
        before["people"], after["people"] = _replace_people(team, leads, members)
    entries.keep(entries.of_team(team))
    _tell("team", slug, before, after, by=by)
    return team


@transaction.atomic
def save_system(*, slug: str, name: str, description: str = "", team: Team | None = None, by: Person) -> System:
    """Make or change a system. Records that already name it are linked to it. Architects add; they change nothing."""
    if not permissions.may_manage_catalog(by):
        _require_new_system(slug, by=by)
    reading = Reading()
    fields = {
        "name": reading.line("name", name),
        "description": reading.prose("description", description, required=False),
        "team_id": team and team.pk,
    }
    slug = reading.slug("slug", slug)
    reading.done()
    system, before, after = _save(System, slug, fields)
    if not before:
        IndexedParty.objects.filter(system_slug=slug).update(system=system)
    entries.keep(entries.of_system(system))
    _tell("system", slug, before, after, by=by)
    return system


@transaction.atomic
def save_environment(
    *,
    slug: str,
    name: str,
    position: int = 0,
    is_production: bool = False,
    purpose: str = "",
    promoted_from: Environment | None = None,
    by: Person,
) -> Environment:
    """Make or change an environment. Releases in a new one begin at 1.

    With `promoted_from`, an approval releases nothing here: what that one serves is promoted. Else it does at once.
    """
    _require_administrator(by)
    reading = Reading()
    fields = {
        "name": reading.line("name", name),
        "position": position,
        "is_production": is_production,
        "purpose": reading.line("purpose", purpose, longest=300, required=False),
        "promoted_from_id": promoted_from and promoted_from.pk,
        "release_policy": str(
            Environment.ReleasePolicy.PROMOTE if promoted_from else Environment.ReleasePolicy.AT_ONCE
        ),
    }
    slug = reading.slug("slug", slug)
    if promoted_from is not None and slug in _sources(promoted_from):
        reading.refuse("promoted_from", "is served by promoting from this one", "Choose one that comes before it.")
    if not 0 <= position <= 1_000:
        reading.refuse("position", "is not a place in the list", "Write a number from 0 to 1,000.")
    reading.done()
    environment, before, after = _save(Environment, slug, fields)
    ReleaseCounter.objects.get_or_create(environment=environment)
    entries.keep(entries.of_environment(environment))
    _tell("environment", slug, before, after, by=by)
    return environment


def _require_new_system(slug: str, *, by: Person) -> None:
    if not permissions.may_add_system(by):
        raise NotAllowed("Only architects and administrators add systems.", "Ask one of them.")
    if System.objects.filter(slug=slug).exists():
        raise NotAllowed(
            f"The catalog has {slug} already, and only an administrator changes it.", "Choose another slug."
        )


def _sources(environment: Environment) -> list[str]:
    """The environment and those a revision passes before it, in turn. Held, so that no circle closes meanwhile."""
    held = {each.pk: each for each in Environment.objects.select_for_update(no_key=True).order_by("pk")}
    found: list[str] = []
    at: Environment | None = held[environment.pk]
    while at is not None and at.slug not in found:
        found.append(at.slug)
        at = held.get(at.promoted_from_id or 0)
    return found


def _require_administrator(by: Person) -> None:
    if not permissions.may_manage_catalog(by):
        raise NotAllowed("Only an administrator changes teams, systems and environments.", "Ask an administrator.")


def _save(model: type[Row], slug: str, fields: dict[str, Any]) -> tuple[Row, dict[str, Any], dict[str, Any]]:
    """The row, what it said before (nothing if it is new) and what it says now."""
    rows: models.QuerySet[Row] = model._default_manager.all()
    before = rows.select_for_update(no_key=True).filter(slug=slug).values(*fields).first() or {}
    row, _ = rows.update_or_create(slug=slug, defaults=fields)
    return row, dict(before), dict(fields)


def _replace_people(
    team: Team, leads: Iterable[Person] | None, members: Iterable[Person] | None
) -> tuple[list[str], list[str]]:
    kept = {each.person: each.is_lead for each in team.memberships.select_related("person")}
    wanted = dict.fromkeys((person for person, lead in kept.items() if not lead) if members is None else members, False)
    wanted |= dict.fromkeys((person for person, lead in kept.items() if lead) if leads is None else leads, True)
    locks.people(person.pk for person in {*kept, *wanted})
    team.memberships.all().delete()
    Membership.objects.bulk_create(
        Membership(team=team, person=person, is_lead=is_lead) for person, is_lead in wanted.items()
    )
    return _named(kept), _named(wanted)


def _named(people: dict[Person, bool]) -> list[str]:
    return sorted(f"{person.username} (lead)" if is_lead else person.username for person, is_lead in people.items())


def _tell(noun: str, slug: str, before: dict[str, Any], after: dict[str, Any], *, by: Person) -> None:
    if before == after:
        # Saving what is there already changes nothing.
        return
    kind = f"{noun}.changed" if before.get("name") else f"{noun}.added"
    trail.record(kind, by=by, subject=f"{noun}/{slug}", data={"before": before, "after": after})


def names_in(record: DesignRecord) -> Catalog:
    """Of the systems and teams a record names, those the catalog has; and every environment."""
    systems = {each.system for each in record.parties if each.system}
    teams = {each.team for each in record.parties if each.team}
    return Catalog(
        systems=frozenset(System.objects.filter(slug__in=systems).values_list("slug", flat=True)),
        teams=frozenset(Team.objects.filter(slug__in=teams).values_list("slug", flat=True)),
        environments=frozenset(Environment.objects.values_list("slug", flat=True)),
    )
