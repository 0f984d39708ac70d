"""Who can sign each role of a review, before and while it is open."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from registry import permissions
from registry.models import MEANINGS, ROLE_SECTIONS, Delegation, Integration, Membership, Person, Role, granted
from registry.record import DesignRecord


@dataclass(frozen=True, slots=True)
class Signers:
    """The people who can sign one role, or why nobody can."""

    role: Role
    people: tuple[Person, ...]
    gap: str = ""

    @property
    def meaning(self) -> str:
        """What a signature in this role says."""
        return MEANINGS[self.role]

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections this role answers for."""
        return ROLE_SECTIONS[self.role]

    @property
    def names(self) -> str:
        """The people, by name."""
        return ", ".join(each.name for each in self.people)


def signers(integration: Integration, record: DesignRecord, author: Person, roles: Iterable[Role]) -> list[Signers]:
    """The roles asked for, in their order. `author` is whoever submits, and signs nothing else."""
    teams = {side: {each.team for each in record.parties if each.role == side and each.team} for side in _SIDES}
    memberships = Membership.objects.filter(
        Q(is_lead=True, team__slug__in=set().union(*teams.values())) | Q(team__is_platform=True)
    )
    members = [each for each in memberships.select_related("person", "team") if _may_sign(each.person, author)]
    platform = (each.person for each in members if each.team.is_platform)
    wrote = permissions.contributions_since_approval(integration).values("person")
    approvers = Person.objects.filter(granted("approve_revision"), is_active=True)
    approvers = approvers.exclude(pk__in=wrote).exclude(pk=author.pk).distinct().order_by("username")
    found = {
        Role.AUTHOR: Signers(Role.AUTHOR, (author,)),
        Role.CONSUMER_LEAD: _of_side(Role.CONSUMER_LEAD, "consumer", teams["consumer"], members),
        Role.PROVIDER_LEAD: _of_side(Role.PROVIDER_LEAD, "provider", teams["provider"], members),
        Role.PLATFORM: _found(Role.PLATFORM, platform, "No platform team has members, or only the author is one."),
        Role.APPROVER: _found(Role.APPROVER, approvers, "Every approver wrote in it."),
    }
    asked = set(roles)
    return [each for role, each in found.items() if role in asked]


def deputies(people: Iterable[Person]) -> dict[int, Person]:
    """Who signs for each of these people now, by the id of whoever is away."""
    given = Delegation.objects.in_force(timezone.now()).filter(holder__in=list(people), delegate__is_active=True)
    return {each.holder_id: each.delegate for each in given.select_related("delegate")}


_SIDES = ("consumer", "provider")


def _may_sign(person: Person, author: Person) -> bool:
    return person.is_active and person.pk != author.pk


def _of_side(role: Role, side: str, teams: set[str], members: Iterable[Membership]) -> Signers:
    if not teams:
        return Signers(role, (), f"The record names no team for the {side}.")
    leads = (each.person for each in members if each.is_lead and each.team.slug in teams)
    return _found(role, leads, f"Nobody leads {', '.join(sorted(teams))}, or only the author does.")


def _found(role: Role, people: Iterable[Person], gap: str) -> Signers:
    found = tuple(dict.fromkeys(people))
    return Signers(role, found, "" if found else gap)
