"""One round of asking for sign-offs on one exact content hash."""

from collections import Counter
from typing import Any, TypeVar

from django.db import models
from django.db.models import Case, CharField, Count, Exists, F, IntegerField, OuterRef, Q, Subquery, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from registry.record import SECTIONS, DesignRecord, documents
from registry.record.upgrades import FORMAT, upgrade

from .approval import Delegation
from .checks import SHA256, both_or_neither, set_exactly_when
from .index import IndexedParty
from .integrations import Integration
from .people import Membership, Person, granted
from .revisions import Contribution, Revision

Row = TypeVar("Row", bound=models.Model)


class Role(models.TextChoices):
    """In whose name somebody signs."""

    AUTHOR = "author", "Author"
    CONSUMER_LEAD = "consumer_lead", "Consumer team lead"
    PROVIDER_LEAD = "provider_lead", "Provider team lead"
    PLATFORM = "platform", "Platform/infra"
    APPROVER = "approver", "Approver"


ROLE_SECTIONS: dict[str, tuple[str, ...]] = {
    Role.AUTHOR: SECTIONS,
    Role.CONSUMER_LEAD: ("overview", "parties", "contracts", "events", "deduplication", "testing"),
    Role.PROVIDER_LEAD: ("sla", "parties", "contracts", "events", "topics", "ordering", "consistency"),
    Role.PLATFORM: ("sla", "topology", "contracts", "topics", "monitoring"),
    Role.APPROVER: SECTIONS,
}

MEANINGS: dict[str, str] = {
    Role.AUTHOR: "I wrote this design record or answer for it, and it is complete and true as far as I know.",
    Role.CONSUMER_LEAD: "My team accepts the consumer's obligations in overview, parties, contracts, events, "
    "deduplication and testing.",
    Role.PROVIDER_LEAD: "My team accepts the provider's obligations in service levels, parties, contracts, events, "
    "topics, ordering and consistency.",
    Role.PLATFORM: "The platform can carry this: service levels, topology, contracts, topics and monitoring.",
    Role.APPROVER: "I approve this design record as a whole; its settings may be served to running services.",
}


ALL_FIVE: dict[str, Any] = {
    "rule": "",
    "minimums": dict.fromkeys(Role.values, 1),
    "threads_block": True,
}
"""What a review needs where no approval rule says otherwise."""


def all_five() -> dict[str, Any]:
    """A requirement of its own, so that nobody changes everybody's."""
    return {**ALL_FIVE, "minimums": dict(ALL_FIVE["minimums"])}


class ReviewQuerySet(models.QuerySet["Review"]):
    """Questions pages ask of reviews."""

    def open(self) -> "ReviewQuerySet":
        return self.filter(state=Review.State.OPEN)

    def waiting_for(self, person: Person) -> "ReviewQuerySet":
        """Open reviews this person could sign now, oldest first, each with the `role` it waits for.

        In their own name, or in that of somebody who is away and let them.
        """
        standing = SignOff.objects.filter(review=OuterRef("pk"), voided_at__isnull=True)
        offers = [
            When(self._lacks(role) & may, then=Value(role.value))
            for role, may in (
                (Role.AUTHOR, Q(submitted_by=person)),
                (Role.CONSUMER_LEAD, ~Q(submitted_by=person) & Exists(_leads("consumer", person))),
                (Role.PROVIDER_LEAD, ~Q(submitted_by=person) & Exists(_leads("provider", person))),
                (Role.PLATFORM, ~Q(submitted_by=person) & Exists(_members().filter(_acts(person)))),
                (Role.APPROVER, ~Q(submitted_by=person) & ~Exists(_wrote(person)) & Exists(_approvers(person))),
            )
        ]
        return (
            self.open()
            .filter(_may_concern(person), ~Exists(standing.filter(Q(person=person) | Q(authority=person))))
            .annotate(role=Case(*offers, default=Value(""), output_field=CharField()))
            .exclude(role="")
            .select_related("integration", "revision", "submitted_by")
            .defer("document", "revision__document")
            .order_by("submitted_at", "id")
        )

    def approved_lately(self) -> "ReviewQuerySet":
        """Those that ended in an approval, newest first."""
        found = self.filter(state=Review.State.APPROVED).select_related("integration", "revision", "ended_by")
        return found.defer("document", "revision__document", "integration__search_text").order_by("-ended_at", "-id")

    def waiting_for_team(self, slug: str) -> "ReviewQuerySet":
        """Open reviews that still want a lead of this team for one side, oldest first."""

        def names(side: str) -> Exists:
            return Exists(IndexedParty.objects.filter(revision=OuterRef("revision"), role=side, team_slug=slug))

        wanted = (self._lacks(Role.CONSUMER_LEAD) & names("consumer")) | (
            self._lacks(Role.PROVIDER_LEAD) & names("provider")
        )
        found = self.open().filter(wanted).select_related("integration", "submitted_by")
        return found.defer("document", "integration__search_text").order_by("submitted_at", "id")

    @staticmethod
    def _lacks(role: Role) -> Q:
        """Whether the review wants more signatures in this role than it has."""
        given = SignOff.objects.filter(review=OuterRef("pk"), role=role, voided_at__isnull=True)
        counted = given.order_by().values("review").annotate(count=Count("id")).values("count")
        wanted = Cast(KeyTextTransform(role.value, KeyTransform("minimums", "requirement")), IntegerField())
        return Q(GreaterThan(Coalesce(wanted, 0), Coalesce(Subquery(counted), 0)))


def _acts(person: Person, of: str = "person") -> Q:
    """Rows whose person is this one, or somebody who lets this one sign in their place now."""
    lent = Delegation.objects.in_force(timezone.now()).filter(delegate=person)
    return Q(**{of: person.pk}) | Q(**{f"{of}__in": lent.values("holder")})


def _may_concern(person: Person) -> Q:
    """Quickly said of each review, so that all the rest is asked only of the few it may be true of."""
    led = Membership.objects.filter(_acts(person), is_lead=True).values("team__slug")
    of_own_teams = IndexedParty.objects.filter(team_slug__in=led).values("revision")
    on_platform = Membership.objects.filter(_acts(person), team__is_platform=True)
    approvers = Person.objects.filter(_acts(person, "pk")).filter(granted("approve_revision"))
    return Q(submitted_by=person) | Q(revision__in=of_own_teams) | Q(Exists(on_platform)) | Q(Exists(approvers))


def _members() -> models.QuerySet[Membership]:
    """Memberships in platform teams of people who have not signed the review one level out, nor submitted it."""
    return _unused(Membership.objects.filter(team__is_platform=True), "person")


def _leads(side: str, person: Person) -> models.QuerySet[Membership]:
    """Leads of this side's teams in the review one level out, in whose name the person may sign."""
    parties = IndexedParty.objects.filter(revision=OuterRef(OuterRef("revision")), role=side).exclude(team_slug="")
    leads = Membership.objects.filter(is_lead=True, team__slug__in=parties.values("team_slug"))
    return _unused(leads.filter(_acts(person)), "person")


def _approvers(person: Person) -> models.QuerySet[Person]:
    """Approvers who did not write in the review's record, in whose name the person may sign."""
    entitled = Person.objects.filter(_acts(person, "pk")).filter(granted("approve_revision"))
    return _unused(
        entitled.exclude(Exists(_contributions(OuterRef(OuterRef("integration"))).filter(person=OuterRef("pk")))), "pk"
    )


def _unused(rows: models.QuerySet[Row], person: str) -> models.QuerySet[Row]:
    """Rows of people whose name is not used in the review one level out."""
    used = SignOff.objects.filter(
        Q(authority=OuterRef(person)) | Q(person=OuterRef(person)),
        review=OuterRef(OuterRef("pk")),
        voided_at__isnull=True,
    )
    return rows.exclude(**{person: OuterRef("submitted_by")}).exclude(Exists(used))


def _wrote(person: Person) -> models.QuerySet[Contribution]:
    """What this person wrote since the last approval in the record under review one level out."""
    return _contributions(OuterRef("integration")).filter(person=person)


def _contributions(integration: Any) -> models.QuerySet[Contribution]:
    return Contribution.objects.filter(
        Q(revision__integration__in_force__isnull=True)
        | Q(revision__number__gt=F("revision__integration__in_force__number")),
        revision__integration=integration,
    )


class Review(models.Model):
    """A round: the frozen document, what was found in it, and how the round ended."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        WITHDRAWN = "withdrawn", "Withdrawn"
        CHANGES_REQUESTED = "changes_requested", "Changes requested"

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="reviews")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="reviews")
    round = models.PositiveIntegerField()
    version = models.CharField(max_length=20)
    document = models.JSONField()
    format = models.PositiveSmallIntegerField(default=FORMAT)
    content_hash = models.CharField(max_length=64)
    section_hashes = models.JSONField()
    change_note = models.TextField()
    findings = models.JSONField(default=list)
    justifications = models.JSONField(default=dict)
    # What differed from the revision in force at submission; rounds before this was kept know neither.
    changed_fields = models.PositiveIntegerField(null=True)
    is_breaking = models.BooleanField(null=True)
    requirement = models.JSONField(default=all_five)
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    submitted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    outcome_note = models.TextField(blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ("-submitted_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=("revision", "round"), name="review_round_once"),
            models.UniqueConstraint(
                fields=("revision",), condition=Q(state="open"), name="review_one_open_per_revision"
            ),
            models.UniqueConstraint(
                fields=("integration",), condition=Q(state="open"), name="review_one_open_per_integration"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "approved", "withdrawn", "changes_requested"]), name="review_state_known"
            ),
            models.CheckConstraint(condition=Q(content_hash__regex=SHA256), name="review_content_hash_is_sha256"),
            models.CheckConstraint(condition=both_or_neither("ended_at", "ended_by"), name="review_ended_paired"),
            models.CheckConstraint(
                condition=both_or_neither("changed_fields", "is_breaking"), name="review_size_paired"
            ),
            models.CheckConstraint(
                condition=set_exactly_when("ended_at", ~Q(state="open")), name="review_ended_exactly_when_not_open"
            ),
        )
        indexes = (
            models.Index(fields=("submitted_at", "id"), condition=Q(state="open"), name="review_waiting"),
            models.Index(fields=("ended_at", "id"), condition=Q(state="approved"), name="review_approved_lately"),
            models.Index(fields=("content_hash",), name="review_by_hash"),
        )

    def __str__(self) -> str:
        return f"{self.version}, round {self.round}"

    @property
    def is_open(self) -> bool:
        """Whether sign-offs are still asked for."""
        return self.state == self.State.OPEN

    @property
    def minimums(self) -> dict[Role, int]:
        """How many signatures each role must give, in the roles' order; roles that need not sign are left out."""
        wanted = self.requirement["minimums"]
        return {role: wanted[role] for role in Role if wanted.get(role)}

    @property
    def wanted(self) -> int:
        """How many signatures it needs in all."""
        return sum(self.minimums.values())

    def lacking(self) -> dict[Role, int]:
        """How many signatures each role still lacks, in the roles' order; reads those given."""
        given = Counter(each.role for each in self.sign_offs.all() if each.voided_at is None)
        missing = {role: wanted - given[role.value] for role, wanted in self.minimums.items()}
        return {role: count for role, count in missing.items() if count > 0}

    @property
    def record(self) -> DesignRecord:
        """The document under review, typed."""
        return documents.parse(upgrade(self.document, stored_as=self.format))


class SignOff(models.Model):
    """A role's signature on the content of one review. Never changed; at most voided, once, with a reason."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="sign_offs")
    role = models.CharField(max_length=20, choices=Role)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sign_offs")
    authority = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.CharField(max_length=400, blank=True)
    carried_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="carried_to")
    carried_signature = models.CharField(max_length=88, blank=True)
    username = models.CharField(max_length=150)
    printed_name = models.CharField(max_length=310)
    meaning = models.TextField()
    content_hash = models.CharField(max_length=64)
    section_hashes = models.JSONField()
    saw = models.JSONField()
    signed_at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=88)
    voided_at = models.DateTimeField(null=True)
    void_reason = models.TextField(null=True)

    class Meta:
        ordering = ("signed_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("review", "person"), condition=Q(voided_at__isnull=True), name="sign_off_person_once"
            ),
            # Whoever lets another sign in their place has signed: one entitlement is used once.
            models.UniqueConstraint(
                fields=("review", "authority"), condition=Q(voided_at__isnull=True), name="sign_off_authority_once"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="sign_off_role_known"),
            models.CheckConstraint(condition=Q(content_hash__regex=SHA256), name="sign_off_content_hash_is_sha256"),
            models.CheckConstraint(
                condition=both_or_neither("voided_at", "void_reason"), name="sign_off_voided_paired"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.printed_name}"

    @property
    def statement(self) -> dict[str, Any]:
        """What was signed, field by field."""
        stated = {
            "content_hash": self.content_hash,
            "section_hashes": self.section_hashes,
            "role": self.role,
            "printed_name": self.printed_name,
            "username": self.username,
            "meaning": self.meaning,
            "saw": self.saw,
            "signed_at": self.signed_at.isoformat(timespec="microseconds"),
        }
        # Only where they hold: what was signed before there were such signatures keeps its bytes.
        if self.on_behalf_of:
            stated["on_behalf_of"] = self.on_behalf_of
        if self.carried_signature:
            stated["carried_from"] = self.carried_signature
        return stated

    @property
    def signed_bytes(self) -> bytes:
        """The very bytes under the signature."""
        return documents.canonical_bytes(self.statement)
