"""A named agreement between systems."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery

from .checks import SLUG
from .people import Person

if TYPE_CHECKING:
    from .tags import Tag, Tagging

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NOBODY = "~nobody"
"""Asks for what has no owner. No username has a tilde."""
ME = "~me"
"""Asks for what the reader owns, so that one shared address serves everybody."""
DOCUMENTS = ("current__document", "in_force__document")


class IntegrationQuerySet(models.QuerySet["Integration"]):
    """Questions pages ask of all integrations. Lists never read the documents, which may be large."""

    def listing(
        self,
        *,
        search: str = "",
        state: str = "",
        revision_state: str = "",
        type: str = "",  # noqa: A002 - the field's own name
        criticality: str = "",
        team: str = "",
        system: str = "",
        role: str = "",
        tag: str = "",
        owner: str = "",
        findings: str = "",
        finding: str = "",
    ) -> Self:
        """Integrations with all of these, by slug or value; "" asks for nothing. Rows come with both revisions.

        `role` narrows `team` and `system` to parties of that role. `owner` is a username, or NOBODY. `findings` is a
        severity or "none", `finding` the code of a rule.
        """
        found = self.select_related("current", "in_force", "owner").defer(*DOCUMENTS)
        asked = {"state": state, "current__state": revision_state, "type": type, "criticality": criticality}
        found = found.filter(**{field: value for field, value in asked.items() if value})
        side = {"role": role} if role else {}
        if team:
            found = found.with_party(team_slug=team, **side)
        if system:
            found = found.with_party(system_slug=system, **side)
        if tag:
            found = found.tagged(tag)
        if owner:
            found = found.filter(owner__isnull=True) if owner == NOBODY else found.filter(owner__username=owner)
        if finding:
            found = found.with_finding(finding)
        return found.found_to_have(findings).mentioning(search)

    def with_party(self, **party: str) -> Self:
        """Integrations whose newest revision names such a party."""
        from .index import IndexedParty

        return self.filter(Exists(IndexedParty.objects.filter(revision=OuterRef("current"), **party)))

    def with_tags(self) -> Self:
        """Each with its `tag_slugs`, in the same query."""
        from .tags import Tagging

        borne = Tagging.objects.filter(integration=OuterRef("pk")).order_by("tag__slug")
        return self.annotate(tag_slugs=ArraySubquery(borne.values("tag__slug")))

    def with_override(self) -> Self:
        """Each with the moment until which it is `overridden` somewhere, None where it is not, in the same query."""
        from .overrides import Override

        running = Override.objects.running().filter(integration=OuterRef("pk")).order_by("-expires_at")
        return self.annotate(overridden=Subquery(running.values("expires_at")[:1]))

    def with_sides(self) -> Self:
        """Each with the systems of its newest revision, as `consumers` and `providers`, and the `teams` that sign."""
        from .index import IndexedParty

        parties = IndexedParty.objects.filter(revision=OuterRef("current")).order_by()

        def named(column: str, **party: str) -> ArraySubquery:
            found = parties.filter(**party).exclude(**{column: ""}).values(column).distinct()
            return ArraySubquery(found.order_by(column))

        return self.annotate(
            consumers=named("system_slug", role="consumer"),
            providers=named("system_slug", role="provider"),
            teams=named("team_slug"),
        )

    def tagged(self, slug: str) -> Self:
        from .tags import Tagging

        return self.filter(Exists(Tagging.objects.filter(integration=OuterRef("pk"), tag__slug=slug)))

    def with_finding(self, code: str) -> Self:
        """Integrations of whose newest revision a rule had something to say when it was last looked at."""
        from .index import IndexedFinding

        return self.filter(Exists(IndexedFinding.objects.filter(revision=OuterRef("current"), code=code)))

    def found_to_have(self, findings: str) -> Self:
        """Integrations whose newest revision has errors, warnings, or "none" of either; another word finds none."""
        if not findings:
            return self
        asked = {"error": Q(errors__gt=0), "warning": Q(warnings__gt=0), "none": Q(findings_rank=0)}
        return self.filter(asked[findings]) if findings in asked else self.none()

    def mentioning(self, words: str) -> Self:
        """Integrations whose name, purpose, systems, contracts, events or topics mention every word."""
        asked = Q()
        for word in words.replace("\x00", "").lower().split()[:8]:
            asked &= Q(search_text__contains=word)
        return self.filter(asked)

    def wanting_attention(self) -> Self:
        """Critical integrations of which no revision was ever approved, newest first."""
        wanting = self.filter(criticality="critical", in_force__isnull=True).exclude(state="retired")
        return wanting.select_related("current").defer("current__document").order_by("-updated_at", "-id")

    def drafts_of(self, person: Person) -> Self:
        """Integrations with an open draft that this person began or wrote in, newest first."""
        from .revisions import Contribution, Revision

        # Two lists of keys instead of a condition on each integration: they are as long as what this person wrote.
        begun = Revision.objects.filter(state="draft", created_by=person).order_by().values("pk")
        written = Contribution.objects.filter(revision__state="draft", person=person).values("revision")
        found = self.filter(current__in=begun.union(written))
        found = found.select_related("current").defer("current__document", "search_text")
        return found.order_by("-updated_at", "-id")


class Integration(models.Model):
    """A named agreement between systems; its revisions hold what was agreed."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        ACTIVE = "active", "Active"
        DEPRECATED = "deprecated", "Deprecated"
        RETIRED = "retired", "Retired"

    slug = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    current = models.ForeignKey("Revision", on_delete=models.PROTECT, null=True, related_name="+")
    in_force = models.ForeignKey("Revision", on_delete=models.PROTECT, null=True, related_name="+")

    # Kept beside the record: labels and the person to ask. Changing them changes nothing that was signed.
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="owned", db_index=False)
    tags: "models.ManyToManyField[Tag, Tagging]" = models.ManyToManyField(
        "Tag", through="Tagging", related_name="integrations"
    )
    tag_slugs: list[str]
    """Given by `with_tags`."""
    overridden: datetime | None
    """Given by `with_override`."""

    # What the current revision says, for lists and filters; rewritten whenever it is saved.
    project = models.CharField(max_length=300, blank=True)
    type = models.CharField(max_length=20, blank=True)
    criticality = models.CharField(max_length=20, blank=True)
    purpose = models.TextField(blank=True)
    search_text = models.TextField(blank=True)
    criticality_rank = models.PositiveSmallIntegerField(default=0)

    # What the rules said of it when they last looked.
    errors = models.PositiveIntegerField(default=0)
    warnings = models.PositiveIntegerField(default=0)
    findings_rank = models.PositiveIntegerField(default=0)
    checked_at = models.DateTimeField(default=NEVER)

    objects = IntegrationQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        permissions = (("write_record", "Can write design records"),)
        constraints = (
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="integration_slug_is_plain"),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "active", "deprecated", "retired"]), name="integration_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "retired"]) | Q(in_force__isnull=False),
                name="integration_active_has_revision_in_force",
            ),
        )
        indexes = (
            models.Index(fields=("name", "id"), name="integration_by_name"),
            models.Index(fields=("updated_at", "id"), name="integration_by_change"),
            models.Index(fields=("created_at", "id"), name="integration_by_beginning"),
            models.Index(fields=("criticality_rank", "id"), name="integration_by_criticality"),
            models.Index(fields=("findings_rank", "id"), name="integration_by_findings"),
            models.Index(fields=("checked_at", "id"), name="integration_by_check"),
            # Filters, each in the order of the list.
            models.Index(fields=("state", "name", "id"), name="integration_of_state"),
            models.Index(fields=("type", "name", "id"), name="integration_of_type"),
            models.Index(fields=("criticality", "name", "id"), name="integration_of_criticality"),
            models.Index(fields=("owner", "name", "id"), name="integration_of_owner"),
            models.Index(fields=("name", "id"), name="integration_with_errors", condition=Q(errors__gt=0)),
            models.Index(fields=("name", "id"), name="integration_with_warnings", condition=Q(warnings__gt=0)),
            GinIndex(fields=("search_text",), opclasses=("gin_trgm_ops",), name="integration_by_words"),
        )

    def __str__(self) -> str:
        return self.name
