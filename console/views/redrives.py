"""Redrives: the plan before anything is sent, the page of one under way, and all of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import waves
from console.letter_filters import LABELS, Asked, in_words
from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from console.refusals import problems_of, sentences, status_of
from console.views.releases import number
from registry import permissions
from registry.errors import DomainError, Invalid
from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    PayloadEdit,
    Person,
    RedriveItem,
    RedriveJob,
    keyset,
)
from registry.record.findings import Problem
from registry.services import edits, letters, plans, redrives
from registry.services.plans import Plan, Selector

MOST_UNDER_WAY = 50
MOST_NAMED = 6
ITEMS_SHOWN = 25
EDITED = "edited"
LINGERS = timedelta(minutes=1)
"""How long the page of a redrive that ended goes on to refresh after its last letter could come back."""
SETTLING = ("arrived", "lost")
HOW = "How do you know?"
Item = RedriveItem.State
Act = Callable[[RedriveJob, Person, str], str]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, source: int) -> HttpResponse:
    """The plan; what is posted is worked out again, or sent if it is still what was seen."""
    by, held = signed_in(request), _source(source)
    selector, posted = Asked.of(request.GET, held).selector(held, by), request.POST
    override = _folded(posted.get("override_reason", ""))
    plan = plans.plan(held, selector, by=by, sends_forbidden=bool(override))
    plan, problems = _at_rate(held, plan, posted.get("rate_per_minute", ""))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    if posted.get("act") == "send" and not problems:
        try:
            return redirect("redrive", _begun(held, selector, plan, posted, by).pk)
        except DomainError as refused:
            problems, status = problems_of(refused), status_of(refused)
    named = {each.path: each for each in problems}
    shown = {"reason", "override_reason", "rate_per_minute", "stop_percent"}
    context = {
        "source": held,
        "plan": plan,
        "chosen": _chosen(held, selector),
        "skips": not override,
        "posted": posted,
        "key": posted.get("idempotency_key") or uuid4().hex,
        "most": plan.rate_limit or redrives.HIGHEST_RATE,
        "stop_percent": posted.get("stop_percent", "10"),
        "seconds": _seconds(by) if plan.needs_second else [],
        "edits": _edits(held, selector) if plan.edited else [],
        "problems": named,
        "elsewhere": [each for each in problems if each.path not in shown],
    }
    return render(request, "console/redrives/new.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def redrive(request: HttpRequest, job: int) -> HttpResponse:
    """How far it got, and what may be done with it; asked again every few seconds until it ends."""
    by = signed_in(request)
    held = get_object_or_404(RedriveJob.objects.select_related(*_WITH), pk=job)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            messages.success(request, _done(held, by, request.POST))
        except DomainError as problem:
            refused = problem
        else:
            return redirect(request.get_full_path())
    is_part = request.headers.get("HX-Target") == "redrive"
    template = "console/redrives/standing.html" if is_part else "console/redrives/redrive.html"
    context = _standing(request, held, by)
    if refused:
        context |= _put_back(refused, request.POST, context)
    return render(request, template, context, status=status_of(refused) if refused else HTTPStatus.OK)


def all_redrives(request: HttpRequest) -> HttpResponse:
    """Those that wait for the reader first, then those under way, then those that ended."""
    by = signed_in(request)
    listed = RedriveJob.objects.listing()
    mine = list(listed.waiting_for(by).order_by("requested_at", "pk")[:MOST_UNDER_WAY])
    moving = listed.under_way().exclude(pk__in=[each.pk for each in mine])
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    context = {
        "to_second": mine,
        "moving": moving.order_by("-requested_at", "-pk")[:MOST_UNDER_WAY],
        "page": keyset(listed.ended(), order="-requested_at", cursor=cursor),
    }
    return render(request, "console/redrives/list.html", context)


_WITH = ("source__integration", "source__broker__environment", "requested_by", "approved_by")


def _source(key: int) -> DeadLetterSource:
    return get_object_or_404(DeadLetterSource.objects.placed(), pk=key)


def _chosen(source: DeadLetterSource, selector: Selector) -> list[tuple[str, str]]:
    """What letters were chosen by, for people."""
    group = DeadLetterGroup.objects.filter(source=source, pk=selector.group).first() if selector.group else None
    named = {"letters": f"{len(selector.letters):,} by hand"} if selector.letters else {}
    told = selector.kept() | named
    facts = told.pop("facts", {})
    return [(LABELS[name], in_words(name, value, group)) for name, value in told.items()] + list(facts.items())


def _at_rate(source: DeadLetterSource, plan: Plan, typed: str) -> tuple[Plan, list[Problem]]:
    """The plan at the rate that was typed, where it may be had."""
    most, rate = plan.rate_limit or redrives.HIGHEST_RATE, number(typed.strip())
    if not typed.strip():
        return plan, []
    if rate is None or not 1 <= rate <= most:
        mend = f"Write 1 to {most:,} letters per minute."
        return plan, [Problem("rate_per_minute", "is out of range", mend)]
    return replace(plan, rate_per_minute=rate, expected_seconds=plans.expected_seconds(source, plan.sending, rate)), []


def _begun(source: DeadLetterSource, selector: Selector, plan: Plan, posted: QueryDict, by: Person) -> RedriveJob:
    """The redrive, if the plan still says what was seen; a second click finds the first one's."""
    key = posted.get("idempotency_key", "")
    if made := RedriveJob.objects.filter(idempotency_key=key, source=source, requested_by=by).first():
        return made
    if number(posted.get("seen", "")) != plan.sending:
        letters_now = f"{plan.sending:,} {'letter' if plan.sending == 1 else 'letters'}"
        raise DomainError(
            f"By now it would be {letters_now}, and you saw {posted.get('seen', '')[:9] or 'none'}.",
            "Look at the plan again: nothing was sent.",
        )
    return redrives.begin(
        source,
        selector,
        reason=_folded(posted.get("reason", "")),
        idempotency_key=key,
        rate_per_minute=plan.rate_per_minute,
        override_reason=_folded(posted.get("override_reason", "")),
        stop_percent=number(posted.get("stop_percent", "10")) or 0,
        by=by,
    )


def _seconds(by: Person) -> list[Person]:
    """Some of those who could agree to what this person asks for."""
    return list(redrives.seconds(RedriveJob(requested_by=by))[:MOST_NAMED])


def _edits(held: DeadLetterSource, selector: Selector) -> list[PayloadEdit]:
    """The newest edits of the letters that would be sent."""
    chosen = selector.of(held).of_state(DeadLetter.State.OPEN).values("pk")
    return list(edits.newest(chosen)[:MOST_NAMED])


def _standing(request: HttpRequest, held: RedriveJob, by: Person) -> dict[str, Any]:
    progress = redrives.progress(held)
    parts, outcomes = waves.parts(progress), waves.outcomes(progress)
    labels = {each.state: each.label for each in (*parts, *outcomes)} | {EDITED: "Edited"}
    show = request.GET.get("show", "") if request.GET.get("show") in labels else ""
    items = RedriveItem.objects.filter(job=held).select_related("letter", "edit__by")
    items = items.defer("letter__facts", "edit__body", "edit__headers")
    edited = items.filter(edit__isnull=False)
    items = edited if show == EDITED else items.filter(redrives.COUNTED[show]) if show else items
    is_over, now = held.state in redrives.ENDED, timezone.now()
    until = redrives.may_return_until(held) if is_over else None
    awaits = held.state == RedriveJob.State.AWAITING_APPROVAL
    may_redrive = permissions.may_redrive(by)
    may_second = not is_over and permissions.may_second(by, held)
    may = {
        "may_start": may_redrive and held.state == RedriveJob.State.DRAFT and by.pk == held.requested_by_id,
        "may_approve": awaits and may_second,
        "may_pause": may_redrive and held.state in redrives.MOVING,
        "may_resume": may_redrive and held.state == RedriveJob.State.PAUSED,
        "may_cancel": not is_over and (may_redrive or may_second),
    }
    return may | {
        "job": held,
        "source": held.source,
        "progress": progress,
        "parts": parts,
        "outcomes": outcomes if progress.sent else (),
        "waves": waves.waves(held, progress),
        "is_over": is_over,
        "may_return_until": until if until and now < until else None,
        "refreshes": not is_over or (until is not None and now < until + LINGERS),
        "may_act": any(may.values()),
        "may_settle": may_redrive,
        "note_label": _note_label(may),
        "how": HOW,
        "seconds": redrives.seconds(held)[:MOST_NAMED] if awaits else [],
        "show": show,
        "shown": labels.get(show, ""),
        "has_edited": awaits and edited.exists(),
        "page": keyset(
            items,
            order="position",
            cursor=plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR),
            size=ITEMS_SHOWN,
        ),
    }


def _note_label(may: Mapping[str, bool]) -> str:
    if may["may_pause"]:
        return "Reason"
    return "Note, or reason to cancel" if may["may_approve"] or may["may_resume"] else "Reason to cancel"


def _put_back(refused: DomainError, posted: QueryDict, standing: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in words, and what was typed in the field it came from. Nothing refreshes it away."""
    letter = number(posted.get("letter", "")) if posted.get("act") in SETTLING else None
    label = HOW if letter else standing["note_label"]
    uncertain = {each.letter_id for each in standing["page"].rows if each.state == Item.UNCERTAIN}
    place = letter or "note"
    return {
        "refused": sentences(refused, {"why": label, "note": label}),
        "note": posted.get("note", ""),
        "typed_in": place,
        "wrong": place if isinstance(refused, Invalid) else None,
        "has_field": standing["may_settle"] and letter in uncertain if letter else standing["may_act"],
        "refreshes": False,
    }


def _folded(text: str) -> str:
    """What was typed into a field of several lines, as one."""
    return " ".join(text.split())


def _done(held: RedriveJob, by: Person, posted: QueryDict) -> str:
    """What came of an act, in words. Raises DomainError."""
    act, note = posted.get("act", ""), _folded(posted.get("note", ""))
    if act in SETTLING:
        return _settled(held, by, act, posted.get("letter", ""), note)
    if act not in _ACTS:
        raise DomainError("Nothing is done that way.", "Use one of the buttons of this page.")
    return _ACTS[act](held, by, note)


def _settled(held: RedriveJob, by: Person, act: str, letter: str, why: str) -> str:
    found = DeadLetter.objects.select_related("source__integration", "source__broker__environment")
    uncertain = get_object_or_404(found.filter(items__job=held), pk=number(letter) or 0)
    settled = letters.settle_uncertain(uncertain, arrived=act == "arrived", why=why, by=by)
    return f"Letter {settled.pk} {letters.SETTLED[settled.state]}."


def _start(held: RedriveJob, by: Person, note: str) -> str:
    redrives.start(held, by=by)
    return "Its letters are gathered."


def _approve(held: RedriveJob, by: Person, note: str) -> str:
    total = redrives.approve(held, by=by, note=note).total
    return f"You agreed. The first letter of {total:,} is sent."


def _pause(held: RedriveJob, by: Person, note: str) -> str:
    redrives.pause(held, why=note, by=by)
    return "It is paused: nothing more is sent until somebody resumes it."


def _resume(held: RedriveJob, by: Person, note: str) -> str:
    redrives.resume(held, by=by, note=note)
    return "It goes on."


def _cancel(held: RedriveJob, by: Person, note: str) -> str:
    waiting = redrives.progress(held).waiting
    redrives.cancel(held, why=note, by=by)
    return f"It is cancelled. {waiting:,} {'letter' if waiting == 1 else 'letters'} that waited are open again."


_ACTS: Mapping[str, Act] = {
    "start": _start,
    "approve": _approve,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
}
