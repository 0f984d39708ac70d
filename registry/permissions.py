"""Who may do what. Only memberships and granted permissions count; being a superuser grants nothing here."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from registry.models import (
    Contribution,
    Delegation,
    IndexedParty,
    Integration,
    Membership,
    Override,
    Person,
    RedriveJob,
    Review,
    Role,
    SignOff,
    Thread,
    Token,
)

GROUPS = {
    "architects": ("write_record",),
    "approvers": ("approve_revision",),
    "administrators": ("manage_catalog",),
    "on-call": ("override_settings", "redrive_letters", "reveal_letters"),
}


@dataclass(frozen=True, slots=True)
class RoleOffer:
    """Whether a person may sign a role on a review, and if not, why."""

    role: Role
    allowed: bool
    reason: str = ""
    authority: Person | None = None
    """In whose name: the person's own, or that of somebody who lets them sign."""
    delegation: Delegation | None = None
    carries: SignOff | None = None
    """The person's own void signature that may be carried over: all it answered for is as it was."""


def holds(person: Person, codename: str) -> bool:
    """Whether this person holds the permission itself or through a group."""
    return bool(person.is_active and person.pk and person.grants(codename).exists())


def may_read(person: Person) -> bool:
    """Whether this person may read design records, the catalog, and who is who. Today all who may sign in."""
    return person.is_active


def may_read_trail(person: Person) -> bool:
    """Whether this person may read who did what. Today all who may sign in."""
    return person.is_active


def may_edit(person: Person, integration: Integration | None = None) -> bool:
    """Whether this person may write design records."""
    return holds(person, "write_record")


def may_release(person: Person) -> bool:
    """Whether this person may publish an approved revision again: promote it, schedule it, roll back to it."""
    return holds(person, "approve_revision")


def may_override(person: Person) -> bool:
    """Whether this person may change live settings for a while, outside the design."""
    return holds(person, "override_settings")


def may_end_override(person: Person) -> bool:
    """Whether this person may go back to the design before an override's time is over."""
    return holds(person, "override_settings") or holds(person, "approve_revision")


def may_review_override(person: Person, override: Override) -> bool:
    """Whether this person may say that they looked at it afterwards: not whoever made it."""
    return person.pk != override.begun_by_id and may_end_override(person)


def may_redrive(person: Person) -> bool:
    """Whether this person may send dead letters again, edit, park and close them."""
    return holds(person, "redrive_letters")


def may_second(person: Person, job: RedriveJob) -> bool:
    """Whether this person may agree to a redrive that needs two: on call or an approver, and not who asked for it."""
    return person.pk != job.requested_by_id and (holds(person, "redrive_letters") or holds(person, "approve_revision"))


def may_reveal(person: Person) -> bool:
    """Whether this person may see masked values of dead letters, saying why."""
    return holds(person, "reveal_letters")


def may_keep_sources(person: Person, integration: Integration) -> bool:
    """Whether this person says how an integration's dead letters are read: who keeps the catalog, or leads its team."""
    if holds(person, "manage_catalog"):
        return True
    teams = IndexedParty.objects.filter(revision=integration.in_force_id).exclude(team_slug="")
    led = Membership.objects.filter(person=person, is_lead=True, team__slug__in=teams.values("team_slug"))
    return bool(person.is_active and led.exists())


def may_manage_catalog(person: Person) -> bool:
    return holds(person, "manage_catalog")


def may_add_system(person: Person) -> bool:
    """Whether this person may add a system to the catalog, as whoever writes the first record that names it must."""
    return holds(person, "write_record")


def may_comment(person: Person) -> bool:
    """Whether this person has a say in reviews: writes, approves, or is in some team."""
    if holds(person, "write_record") or holds(person, "approve_revision"):
        return True
    return bool(person.is_active and Membership.objects.filter(person=person).exists())


def may_resolve(person: Person, thread: Thread) -> bool:
    """Whether this person may call a thread settled: whoever opened it, or an approver who did not write the text."""
    if person.pk == thread.opened_by_id:
        return person.is_active
    wrote = contributions_since_approval(thread.revision.integration).filter(person=person)
    return holds(person, "approve_revision") and not wrote.exists()


def may_manage_approval_rules(person: Person) -> bool:
    """Whether this person may say what reviews need. Nobody signs anything by that."""
    return holds(person, "manage_catalog")


def may_issue_tokens(person: Person) -> bool:
    """Whether this person may issue service tokens; everybody may issue personal ones for themselves."""
    return holds(person, "manage_catalog")


def may_revoke(person: Person, token: Token) -> bool:
    return person.pk in (token.person_id, token.created_by_id) or holds(person, "manage_catalog")


def may_withdraw(person: Person, review: Review) -> bool:
    return person.pk == review.submitted_by_id or holds(person, "write_record")


def may_request_changes(person: Person, review: Review, offers: list[RoleOffer] | None = None) -> bool:
    """Whether this person is one of those asked: their role is open to them, or they signed it already.

    `offers` are what `roles_for` answered, where the caller asked already.
    """
    if any(each.person_id == person.pk and each.voided_at is None for each in review.sign_offs.all()):
        return True
    offers = roles_for(person, review) if offers is None else offers
    return any(offer.allowed for offer in offers if offer.role != Role.AUTHOR)


def roles_for(person: Person, review: Review) -> list[RoleOffer]:
    """The roles a review asks for, each with whether this person may sign it now."""
    standing = list(_standing(review).order_by("signed_at", "id"))
    eligible = _Eligibility(person, review, standing)
    return [eligible.offer(role, wanted) for role, wanted in review.minimums.items()]


def _standing(review: Review) -> QuerySet[SignOff]:
    return SignOff.objects.filter(review=review, voided_at__isnull=True)


class _Eligibility:
    """What entitles one person to the roles of one review."""

    def __init__(self, person: Person, review: Review, standing: list[SignOff]) -> None:
        self.person = person
        self.review = review
        self.standing = standing
        held = Delegation.objects.in_force(timezone.now()).filter(delegate=person, holder__is_active=True)
        self.delegations = {each.holder_id: each for each in held.select_related("holder").order_by("starts_at", "id")}
        self.names = [person, *(each.holder for each in self.delegations.values())]
        mine = Membership.objects.filter(person__in=self.names).select_related("team")
        self.memberships = list(mine)
        self.parties = list(IndexedParty.objects.filter(revision_id=review.revision_id))

    def offer(self, role: Role, wanted: int) -> RoleOffer:
        reason = self._reason_against_signing(role, wanted)
        if reason:
            return RoleOffer(role, False, reason)
        refusals = []
        for name in self.names:
            reason = self._reason_against(role, name)
            if not reason:
                return RoleOffer(role, True, "", name, self.delegations.get(name.pk), self._carries(role, name))
            refusals.append(reason)
        return RoleOffer(role, False, refusals[0])

    def _reason_against_signing(self, role: Role, wanted: int) -> str:
        """Why nobody, or not this person in any name, signs it; "" if somebody may."""
        given = [each for each in self.standing if each.role == role]
        own = next((each for each in self.standing if self.person.pk in (each.person_id, each.authority_id)), None)
        if not self.review.is_open:
            return "This review has ended."
        if not self.person.is_active:
            return "Your account is closed."
        if len(given) >= wanted:
            return f"Signed by {', '.join(each.printed_name for each in given)}."
        if own and own.person_id != self.person.pk:
            return f"{own.printed_name} signed as {own.get_role_display().lower()} in your name."
        if own:
            return f"You signed as {own.get_role_display().lower()}; nobody signs for two roles."
        return ""

    def _reason_against(self, role: Role, name: Person) -> str:
        """Why not in this name, or "" if they may."""
        submitted = self.person.pk == self.review.submitted_by_id
        if role == Role.AUTHOR:
            return "" if submitted and name == self.person else "Whoever submitted the review signs as author."
        if submitted:
            return "You submitted this review, so you sign as author."
        if name.pk == self.review.submitted_by_id:
            return f"{name.name} submitted this review and signs as author."
        if any(name.pk in (each.person_id, each.authority_id) for each in self.standing):
            return f"{name.name} signed already; nobody signs for two roles."
        return self._against_role(role, name)

    def _against_role(self, role: Role, name: Person) -> str:
        if role == Role.CONSUMER_LEAD:
            return self._against_leading("consumer", name)
        if role == Role.PROVIDER_LEAD:
            return self._against_leading("provider", name)
        if role == Role.PLATFORM:
            on_platform = any(each.team.is_platform for each in self._memberships(name))
            return "" if on_platform else "Only a member of a platform team signs this."
        return self._against_approving(name)

    def _memberships(self, name: Person) -> list[Membership]:
        return [each for each in self.memberships if each.person_id == name.pk]

    def _against_leading(self, side: str, name: Person) -> str:
        teams = {party.team_slug for party in self.parties if party.role == side and party.team_slug}
        if any(each.is_lead and each.team.slug in teams for each in self._memberships(name)):
            return ""
        named = ", ".join(sorted(teams)) or "none is named"
        return f"Only a lead of the {side}'s team signs this ({named})."

    def _against_approving(self, name: Person) -> str:
        if not holds(name, "approve_revision"):
            return "Only an approver signs this."
        wrote = contributions_since_approval(self.review.integration)
        if wrote.filter(person=self.person).exists():
            return "You wrote in this record since it was last approved, so somebody else approves it."
        if name != self.person and wrote.filter(person=name).exists():
            return f"{name.name} wrote in this record since it was last approved, so nobody approves it in their place."
        return ""

    def _carries(self, role: Role, name: Person) -> SignOff | None:
        """This person's newest signature in the role in an earlier round, if all it answered for is as it was."""
        earlier = SignOff.objects.filter(review__revision=self.review.revision_id, role=role, person=self.person)
        found = earlier.exclude(review=self.review).filter(authority=name).order_by("-review__round", "-id").first()
        if found is None or not found.section_hashes:
            return None
        now = self.review.section_hashes
        return found if all(now.get(section) == was for section, was in found.section_hashes.items()) else None


def contributions_since_approval(integration: Integration) -> QuerySet[Contribution]:
    """Everything written since the last approved revision."""
    found = Contribution.objects.filter(revision__integration=integration)
    if integration.in_force is not None:
        found = found.filter(revision__number__gt=integration.in_force.number)
    return found
