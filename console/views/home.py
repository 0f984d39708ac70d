"""The first page: what waits for this person, and what happened lately."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console import discussion
from console.people import signed_in
from registry import permissions
from registry.models import Comment, Integration, Override, RedriveJob, Review, Thread, Visit
from registry.services import burning

MOST_SHOWN = 20
MOST_RECENT = 8
MOST_BURNING = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """The first rows of something that waits, and how many there are as far as it was counted."""

    rows: tuple[Any, ...]
    count: str

    def __bool__(self) -> bool:
        return bool(self.rows)


def home(request: HttpRequest) -> HttpResponse:
    by = signed_in(request)
    submitted = Review.objects.open().filter(submitted_by=by).select_related("integration", "revision")
    submitted = submitted.defer("document", "revision__document").prefetch_related("sign_offs")
    to_answer = _first(Thread.objects.waiting_for(by))
    overrides = Override.objects.select_related("integration", "environment", "begun_by")
    context = {
        "to_sign": _first(Review.objects.waiting_for(by)),
        "to_answer": to_answer,
        "asked": _asked(to_answer.rows),
        "to_second": _first(RedriveJob.objects.listing().waiting_for(by).order_by("requested_at", "id")),
        "changed": _first(Visit.objects.changed(by)),
        "submitted": _first(submitted.order_by("submitted_at", "id")),
        "drafts": _first(Integration.objects.drafts_of(by)),
        "recent": Review.objects.approved_lately()[:MOST_RECENT],
        "running": overrides.running().order_by("expires_at")[:MOST_RECENT],
        "to_review": overrides.to_review().order_by("ended_at")[:MOST_RECENT],
        "burning": burning.longest(by, most=MOST_BURNING),
        "counted_up_to": burning.COUNTED_UP_TO,
        "attention": Integration.objects.wanting_attention()[:MOST_RECENT],
        "may_edit": permissions.may_edit(by),
        "is_empty": not Integration.objects.exists(),
    }
    return render(request, "console/home.html", context)


def _first(found: QuerySet[Any]) -> Waiting:
    rows = tuple(found[: MOST_SHOWN + 1])
    return Waiting(rows[:MOST_SHOWN], f"{MOST_SHOWN}+" if len(rows) > MOST_SHOWN else str(len(rows)))


def _asked(threads: Iterable[Any]) -> list[tuple[Thread, str, Comment]]:
    """Each thread with the place it is about, and what was said last."""
    said = Comment.objects.select_related("by").in_bulk([each.last for each in threads])
    return [(each, discussion.label_of(each.path), said[each.last]) for each in threads]
