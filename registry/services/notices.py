"""What people are told about reviews: on the page, and by e-mail where they want it."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from registry.models import Comment, Contribution, Integration, Notice, Person, Review, SignOff, Thread
from registry.services import outbox
from registry.services.signers import deputies, signers


def review_opened(review: Review) -> None:
    """To everybody who may sign it."""
    _tell(
        [person for person in asked(review) if person.pk != review.submitted_by_id],
        "review.opened",
        f"To sign: {_name(review)}",
        f"{review.submitted_by.name} asks for sign-offs on {_name(review)}.\n\n{review.change_note}",
        _review_page(review.integration),
    )


def reminded(review: Review, people: Iterable[Person]) -> None:
    """To those whose signature is still missing."""
    since = f"{review.submitted_at:%d %B}"
    _tell(
        people,
        "review.reminded",
        f"Still to sign: {_name(review)}",
        f"{_name(review)} waits for your signature since {since}; it is wanted by {review.due_at:%d %B}.",
        _review_page(review.integration),
    )


def escalated(review: Review, people: Iterable[Person], missing: str) -> None:
    """To everybody who could get an overdue review signed."""
    _tell(
        people,
        "review.escalated",
        f"Overdue: {_name(review)}",
        f"{_name(review)} was wanted by {review.due_at:%d %B} and still lacks: {missing}.",
        _review_page(review.integration),
    )


def changes_requested(review: Review) -> None:
    """To everybody who wrote in it."""
    assert review.ended_by is not None
    _tell(
        _writers(review),
        "review.changes_requested",
        f"Changes requested: {_name(review)}",
        f"{review.ended_by.name} requests changes to {_name(review)}:\n\n{review.outcome_note}",
        _review_page(review.integration),
    )


def approved(review: Review) -> None:
    """To everybody who wrote in it or signed it."""
    signed = Person.objects.filter(pk__in=SignOff.objects.filter(review=review).values("person"))
    name = f"{review.integration.name} {review.revision.version}"
    _tell(
        _writers(review) | signed,
        "revision.approved",
        f"Approved: {name}",
        f"{name} is approved and its settings are served.",
        _review_page(review.integration),
    )


def thread_moved(thread: Thread, comment: Comment) -> None:
    """To everybody who said something in the thread or wrote in the record, but for whoever speaks."""
    revision = thread.revision
    spoke = Q(pk__in=thread.comments.values("by"))
    wrote = Q(pk__in=Contribution.objects.filter(revision=revision).values("person"))
    about = f"{revision.integration.name} {revision.version}"
    said = comment.text or "A value is proposed."
    _tell(
        Person.objects.filter(spoke | wrote).exclude(pk=comment.by_id),
        "thread.moved",
        f"{comment.by.name} on {about}",
        f"{comment.by.name} wrote about {thread.path or 'the whole record'}:\n\n{said}",
        f"{_review_page(revision.integration)}#thread-{thread.pk}",
    )


def mark_read(person: Person, keys: Iterable[int] | None = None) -> int:
    """Mark somebody's own notices as read: these, or all. How many were not yet."""
    unread = Notice.objects.filter(person=person, read_at__isnull=True)
    if keys is not None:
        unread = unread.filter(pk__in=list(keys))
    return unread.update(read_at=timezone.now())


def asked(review: Review) -> list[Person]:
    """Everybody who may sign a role that still lacks signatures, and who signs for them while they are away."""
    lacking = review.lacking()
    found = signers(review.integration, review.record, review.submitted_by, lacking)
    people = [person for each in found for person in each.people]
    return list({person.pk: person for person in [*people, *deputies(people).values()]}.values())


def _name(review: Review) -> str:
    return f"{review.integration.name} {review.version}"


def _writers(review: Review) -> QuerySet[Person]:
    wrote = Contribution.objects.filter(revision=review.revision)
    return Person.objects.filter(Q(pk__in=wrote.values("person")) | Q(pk=review.submitted_by_id))


def _tell(people: Iterable[Person], kind: str, title: str, text: str, url: str) -> None:
    told = sorted({person for person in people if person.is_active}, key=lambda person: person.pk)
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(person=person, kind=kind, title=title[:300], text=text, url=url, at=now) for person in told
    )
    addresses = sorted({person.email for person in told if person.email and person.wants_mail})
    if addresses:
        letter = f"{text}\n\n{settings.PUBLIC_URL.rstrip('/')}{url}"
        outbox.put("mail", *({"to": address, "subject": title, "text": letter} for address in addresses))


def _review_page(integration: Integration) -> str:
    return reverse("review", args=[integration.slug])
