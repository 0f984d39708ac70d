"""What is said about a revision: its threads as the review page shows them, and what somebody typed to say more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from console import fields
from registry import permissions
from registry.diff import Change
from registry.models import Comment, Person, Revision, Thread, Visit
from registry.record import SECTIONS, DesignRecord, documents, labels, pointers
from registry.services import threads as services

MOST_THREADS = 200
MOST_PLACES = 300


@dataclass(frozen=True, slots=True)
class Said:
    """A comment as it is shown: what it proposes stands beside what the field says now."""

    comment: Comment
    now: Any
    is_new: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A thread as it is shown to one person."""

    thread: Thread
    label: str
    comments: tuple[Said, ...]
    may_resolve: bool
    problem: str = ""
    text: str = ""

    @property
    def is_new(self) -> bool:
        """Whether anything was said since this person looked last."""
        return any(each.is_new for each in self.comments)


@dataclass(frozen=True, slots=True)
class Place:
    """Something that can be spoken about: a section, or a field that changed."""

    path: str
    label: str


def shown(revision: Revision, record: DesignRecord, *, by: Person, since: Visit | None) -> list[Shown]:
    """The threads of a revision, open ones first, the oldest first."""
    comments = Prefetch("comments", Comment.objects.select_related("by", "decided_by"))
    found = Thread.objects.filter(revision=revision).select_related("opened_by", "resolved_by")
    threads = list(found.prefetch_related(comments).order_by("opened_at", "id")[:MOST_THREADS])
    settles = bool(threads) and _settles(revision, by)
    made = [
        Shown(
            each,
            label_of(each.path),
            tuple(
                Said(comment, _value(record, each.path) if comment.proposes else None, _is_new(comment, by, since))
                for comment in each.comments.all()
            ),
            each.opened_by_id == by.pk or settles,
        )
        for each in threads
    ]
    return sorted(made, key=lambda each: each.thread.is_resolved)


def label_of(path: str) -> str:
    """A pointer in words: “Contracts › payments-api › Policy › Retry › Max retries”."""
    if not path:
        return "The whole record"
    try:
        steps = pointers.steps(path)
    except ValueError:
        return path
    return " › ".join(step[1:-1] if step.startswith("[") else labels.field(step) for step in steps)


def places(changes: Sequence[Change], also: str) -> list[Place]:
    """What a new thread can be about: the whole, each section, and every field that changed."""
    paths: Iterable[str] = ["", *SECTIONS, *(each.path for each in changes[:MOST_PLACES]), also]
    return [Place(path, label_of(path)) for path in dict.fromkeys(paths)]


def proposal(record: DesignRecord, path: str, typed: str) -> Any:
    """What somebody typed as a field's new value, as plain data; MISSING where the place takes no single value."""
    section = path.split(".")[0].split("[")[0]
    if section not in SECTIONS:
        return services.MISSING
    found = fields.control_at(section, getattr(record, section), path)
    return services.MISSING if found is None else fields.value_of(found[0], typed)


def _value(record: DesignRecord, path: str) -> Any:
    try:
        return documents.dump(pointers.resolve(record, path))
    except (KeyError, ValueError):
        return None


def _is_new(comment: Comment, by: Person, since: Visit | None) -> bool:
    return since is not None and comment.by_id != by.pk and comment.at > since.at


def _settles(revision: Revision, by: Person) -> bool:
    wrote = permissions.contributions_since_approval(revision.integration).filter(person=by)
    return permissions.may_release(by) and not wrote.exists()
