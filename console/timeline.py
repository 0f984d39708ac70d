"""Revisions as a history shows them: how much each changed, its rounds of review, where it is served."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from registry.diff import breaks, compare
from registry.models import Integration, Release, Review, Revision, SignOff

UNREAD = ("document", "section_hashes", "findings", "justifications", "requirement")
"""Of a review, what its history does not tell."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much differs from the revision before."""

    fields: int
    is_breaking: bool


@dataclass(frozen=True, slots=True)
class Round:
    """A round of review: how it ended, and who had signed."""

    review: Review
    signed: tuple[SignOff, ...]
    has_own_text: bool
    """Whether its text went on to change, so that it is a version of its own."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where and since when the settings of a revision were served."""

    environment: str
    since: datetime
    newest: int
    times: int
    is_now: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision."""

    revision: Revision
    previous: str
    size: Size | None
    rounds: tuple[Round, ...]
    served: tuple[Served, ...]


def entries(integration: Integration, revisions: Sequence[Revision]) -> list[Entry]:
    """The revisions, told. They come with their reviews and signatures."""
    served = _served(integration, revisions)
    return [
        Entry(
            each,
            each.based_on.version if each.based_on else "",
            _size(integration, each),
            tuple(_rounds(each)),
            tuple(served[each.pk]),
        )
        for each in revisions
    ]


def _rounds(revision: Revision) -> Iterable[Round]:
    for review in sorted(revision.reviews.all(), key=lambda each: each.round):
        has_own_text = review.state in (Review.State.WITHDRAWN, Review.State.CHANGES_REQUESTED)
        yield Round(review, tuple(review.sign_offs.all()), has_own_text)


def _size(integration: Integration, revision: Revision) -> Size | None:
    """As its last round told; of a draft as it is now. None for what was reviewed before sizes were kept."""
    current = integration.current
    if revision.state == Revision.State.DRAFT and current is not None and current.pk == revision.pk:
        base = integration.in_force
        changes = compare(base.record if base else None, current.record)
        return Size(sum(each.kind != "reformatted" for each in changes), base is not None and any(map(breaks, changes)))
    last = max(revision.reviews.all(), key=lambda each: each.round, default=None)
    if last is None or last.changed_fields is None:
        return None
    return Size(last.changed_fields, bool(last.is_breaking))


def _served(integration: Integration, revisions: Sequence[Revision]) -> dict[int, list[Served]]:
    now = set(Release.objects.filter(integration=integration).in_force().values_list("number", "environment"))
    rows = (
        Release.objects.filter(revision__in=[each.pk for each in revisions])
        .order_by("environment__position", "environment__slug")
        .values("revision", "environment", "environment__name")
        .annotate(since=Min("released_at"), newest=Max("number"), times=Count("id"))
    )
    found: defaultdict[int, list[Served]] = defaultdict(list)
    for row in rows:
        is_now = (row["newest"], row["environment"]) in now
        served = Served(row["environment__name"], row["since"], row["newest"], row["times"], is_now)
        found[row["revision"]].append(served)
    return found
