"""What reviewers and authors say about a field or a section, until it is settled."""

from typing import Any, Self

from django.db import models
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from .checks import both_or_neither, set_exactly_when
from .people import Person
from .reviews import Review
from .revisions import Contribution, Revision

OPEN = (Revision.State.DRAFT, Revision.State.IN_REVIEW)
"""While a revision may still change, it is spoken about."""


class ThreadQuerySet(models.QuerySet["Thread"]):
    """Questions asked of threads."""

    def waiting_for(self, person: Person) -> Self:
        """Open threads in which this person has the next word, the longest waiting first, each with its `last` comment.

        In what they write, a word of somebody who does not write in it, or who began the thread; in a thread they
        began, an answer.
        """
        newest = Comment.objects.filter(thread=OuterRef("pk")).order_by("-at", "-id")
        wrote = Contribution.objects.filter(person=person, revision__state__in=OPEN).values("revision")
        ours = Exists(Contribution.objects.filter(revision=OuterRef("revision"), person=OuterRef("last_by")))
        asked = self.filter(resolved_at__isnull=True, revision__state__in=OPEN).annotate(
            last=Subquery(newest.values("pk")[:1]), last_by=Subquery(newest.values("by")[:1])
        )
        # Two lists of keys, each as long as what concerns this person, instead of a condition on every thread.
        written = self.filter(revision__in=wrote).order_by().values("pk")
        begun = self.filter(opened_by=person).order_by().values("pk")
        found = asked.filter(pk__in=written.union(begun)).exclude(last_by=person)
        found = found.filter(Q(opened_by=person) | ~ours | Q(last_by=F("opened_by")))
        return found.select_related("revision__integration").defer("revision__document").order_by("updated_at", "id")


class Thread(models.Model):
    """A conversation about one place of a revision; it stays through the rounds of its review."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="threads")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, null=True, related_name="+")
    path = models.CharField(max_length=500, blank=True)
    opened_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ThreadQuerySet.as_manager()

    class Meta:
        ordering = ("opened_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=both_or_neither("resolved_at", "resolved_by"), name="thread_resolved_paired"
            ),
        )
        indexes = (models.Index(fields=("revision",), condition=Q(resolved_at__isnull=True), name="thread_unresolved"),)

    def __str__(self) -> str:
        return f"{self.path or 'the whole record'}, by {self.opened_by}"

    @property
    def is_resolved(self) -> bool:
        """Whether it is settled."""
        return self.resolved_at is not None

    @property
    def section(self) -> str:
        """The section it is about; "" for the record as a whole."""
        return self.path.split(".")[0].split("[")[0]


class Comment(models.Model):
    """One thing said in a thread, perhaps with a value proposed for its field. Never changed."""

    class Outcome(models.TextChoices):
        TAKEN = "taken", "Taken"
        DECLINED = "declined", "Declined"

    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="comments")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField(blank=True)
    proposes = models.BooleanField(default=False)
    proposal = models.JSONField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(proposes=True) | (Q(proposal__isnull=True) & ~Q(text="")), name="comment_says_something"
            ),
            models.CheckConstraint(
                condition=both_or_neither("decided_at", "decided_by"), name="comment_decided_paired"
            ),
            models.CheckConstraint(
                condition=set_exactly_when("decided_at", ~Q(outcome="")), name="comment_outcome_exactly_when_decided"
            ),
            models.CheckConstraint(condition=Q(outcome="") | Q(proposes=True), name="comment_outcome_of_a_proposal"),
        )

    def __str__(self) -> str:
        return f"{self.by}: {self.text[:40]}"


class VisitQuerySet(models.QuerySet["Visit"]):
    """Questions asked of what people looked at."""

    def changed(self, person: Person) -> Self:
        """What this person looked at or signed and others changed since, while it is not approved; the newest first.

        Each with the version of a `newer` round, and how many `comments` came.
        """
        rounds = Review.objects.filter(revision=OuterRef("revision"), pk__gt=OuterRef("review"))
        newer = rounds.exclude(submitted_by=person).order_by("-id").values("version")[:1]
        said = Comment.objects.filter(thread__revision=OuterRef("revision"), at__gt=OuterRef("at")).exclude(by=person)
        counted: QuerySet[Comment, Any] = said.order_by().values("thread__revision").annotate(n=Count("id")).values("n")
        found = self.filter(person=person, revision__state__in=OPEN).annotate(
            newer=Subquery(newer), comments=Coalesce(Subquery(counted), 0, output_field=IntegerField())
        )
        ended = Q(review__ended_at__gt=F("at")) & ~Q(review__ended_by=person)
        found = found.filter(Q(newer__isnull=False) | Q(comments__gt=0) | ended)
        found = found.select_related("revision__integration", "review__ended_by")
        return found.defer("revision__document", "review__document").order_by("-revision__updated_at", "-id")


class Visit(models.Model):
    """The text of a revision that somebody looked at last in its review; what changed since is marked for them."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+")
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    objects = VisitQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("person", "revision"), name="visit_once"),)

    def __str__(self) -> str:
        return f"{self.person} at {self.review}"
