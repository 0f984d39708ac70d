"""Asking for sign-offs and giving them: submit, review, sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST

from console import dialects, discussion, editing, subject
from console.comparison import compared
from console.people import signed_in
from console.views.editor import desk, no_draft
from registry import diff, permissions
from registry.errors import Conflict, DomainError, Invalid, NotAllowed, Stale
from registry.models import (
    MEANINGS,
    ROLE_SECTIONS,
    Environment,
    Integration,
    Person,
    Review,
    Revision,
    Role,
    SignOff,
    Visit,
)
from registry.permissions import RoleOffer
from registry.record import DesignRecord, labels
from registry.record.findings import Finding, Other, Problem, Severity
from registry.services import approvals, landscape, reviews, revisions
from registry.services.signers import Signers, signers

# --- submitting -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest, slug: str) -> HttpResponse:
    """What changed, what is found, who will be asked; then the question to them."""
    integration, draft = desk(request, slug)
    if draft is None or not draft.may_change:
        return no_draft(request, integration)
    if request.method != "POST":
        return _submit_page(request, integration, draft)
    given = {name.removeprefix("why:"): request.POST[name] for name in request.POST if name.startswith("why:")}
    try:
        review = revisions.submit(
            draft,
            by=signed_in(request),
            if_match=request.POST.get("etag", ""),
            change_note=request.POST.get("change_note", ""),
            justifications=given,
        )
    except Invalid as invalid:
        notice = "Nothing was submitted yet. What is missing is marked below."
        return _submit_page(request, integration, draft, invalid.problems, notice, status=422)
    except Stale:
        notice = "The draft was saved again since you opened this page. Read the changes, then submit once more."
        return _submit_page(request, *_again(integration, draft), [], notice, status=409)
    except DomainError as refused:
        return _submit_page(request, integration, draft, [], f"{refused.message} {refused.mend}", status=409)
    waiting = [
        each.names
        for each in signers(integration, review.record, review.submitted_by, review.minimums)[1:]
        if each.people
    ]
    messages.success(request, f"Submitted. Asked to sign: {', '.join(waiting)}. Sign as author next.")
    return redirect("review", slug)


def _again(integration: Integration, draft: Revision) -> tuple[Integration, Revision]:
    fresh = Revision.objects.get(pk=draft.pk)
    fresh.integration = integration
    return integration, fresh


@dataclass(frozen=True, slots=True)
class Question:
    """A finding on the submit page: where to mend it, and the justification it asks for."""

    finding: Finding
    url: str
    text: str = ""
    problem: Problem | None = None


def _submit_page(
    request: HttpRequest,
    integration: Integration,
    draft: Revision,
    problems: list[Problem] | None = None,
    notice: str = "",
    *,
    status: int = 200,
) -> HttpResponse:
    by_path = {each.path: each for each in problems or []}
    found = [_question(request, integration, each, by_path) for each in revisions.findings(draft)]
    by_severity = {each: [q for q in found if q.finding.severity == each] for each in Severity}
    base = integration.in_force
    needed = approvals.requirement(base.record if base else None, draft.record)
    context = {
        "integration": integration,
        "revision": draft,
        "errors": by_severity[Severity.ERROR],
        "warnings": by_severity[Severity.WARNING],
        "hints": by_severity[Severity.HINT],
        "change_note": request.POST.get("change_note", draft.change_note),
        "note_problem": by_path.get("change_note"),
        "notice": notice,
        "signers": signers(integration, draft.record, signed_in(request), map(Role, needed["minimums"])),
        "needed": needed,
        "impact": landscape.impact_of(draft, base.record if base else None, draft.record),
        **_difference(integration, base, draft.version, draft.record),
    }
    return render(request, "console/submit.html", context, status=status)


def _question(
    request: HttpRequest, integration: Integration, finding: Finding, problems: Mapping[str, Problem]
) -> Question:
    url = editing.field_url(integration, finding.path)
    return Question(finding, url, request.POST.get(f"why:{finding.key}", ""), problems.get(finding.key))


def _difference(
    integration: Integration, base: Revision | Review | None, name: str, after: DesignRecord
) -> dict[str, Any]:
    """What console/difference.html needs; `name` is what the newer text is called."""
    asks = {"from": base.version, "to": name} if base else {"to": name}
    return {
        "base": base,
        "comparison": compared(base.record if base else None, after),
        "diff_url": f"{reverse('diff', args=[integration.slug])}?{urlencode(asks)}",
        "outline": [] if base else editing.outline(after),
    }


# --- reviewing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seat:
    """One of the roles a review asks for, on its page."""

    signers: Signers
    offer: RoleOffer
    wanted: int
    standing: tuple[SignOff, ...]
    voided: tuple[SignOff, ...]
    """Of this round and those before it of the same revision."""
    touched: tuple[str, ...] = ()
    """What changed since this person signed the role in an earlier round, of what it answers for."""

    @property
    def role(self) -> Role:
        """The role."""
        return self.offer.role

    @property
    def missing(self) -> int:
        """How many signatures it still lacks."""
        return max(self.wanted - len(self.standing), 0)


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, slug: str) -> HttpResponse:
    """The open review or the latest, or the one of `?version=`."""
    integration = subject.find(slug)
    rounds = list(_rounds(integration))
    if not rounds:
        context = subject.head(integration, by=signed_in(request), tab="review")
        return render(request, "console/review_none.html", context)
    shown = _shown(rounds, request.GET.get("version", ""), request.GET.get("round", ""))
    if request.method == "POST":
        return _ended(request, integration, rounds, shown)
    return _review_page(request, integration, rounds, shown)


def _rounds(integration: Integration) -> Any:
    # By their ids, not by a clock: those of several hosts may differ.
    found = Review.objects.filter(integration=integration).order_by("-id")
    return found.select_related("submitted_by", "ended_by", "revision__based_on").prefetch_related("sign_offs")


def _shown(rounds: list[Review], version: str, number: str) -> Review:
    for each in rounds:
        if version in ("", each.version) and number in ("", str(each.round)):
            return each
    raise Http404(f"no review of version {version}")


def _ended(request: HttpRequest, integration: Integration, rounds: list[Review], shown: Review) -> HttpResponse:
    """Send it back or withdraw it. The form says which round it was about."""
    by, act, words = signed_in(request), request.POST.get("act", ""), request.POST.get("words", "")
    about = next((each for each in rounds if str(each.pk) == request.POST.get("review")), None)
    if about is None or act not in ("request-changes", "withdraw"):
        notice = "The form arrived incomplete, so nothing was done. Try again."
        return _review_page(request, integration, rounds, shown, notice=notice, status=400)
    try:
        if act == "withdraw":
            reviews.withdraw(about, by=by, reason=words)
        else:
            reviews.request_changes(about, by=by, comment=words)
    except Invalid as invalid:
        return _review_page(request, integration, rounds, shown, problem=invalid.problems[0], status=422)
    except DomainError as refused:
        status = 403 if isinstance(refused, NotAllowed) else 409
        fresh = list(_rounds(integration))
        notice = f"{refused.message} {refused.mend}"
        return _review_page(request, integration, fresh, fresh[0], notice=notice, status=status)
    done = "Withdrawn" if act == "withdraw" else "Sent back"
    messages.info(request, f"{done}. The text is a draft again; sign-offs given so far are void.")
    return redirect("review", integration.slug)


def _review_page(
    request: HttpRequest,
    integration: Integration,
    rounds: list[Review],
    shown: Review,
    *,
    notice: str = "",
    problem: Problem | None = None,
    thread: int = 0,
    status: int = 200,
) -> HttpResponse:
    by, record = signed_in(request), shown.record
    base = shown.revision.based_on
    seats = _seats(by, integration, shown, rounds)
    seen = Visit.objects.filter(person=by, revision=shown.revision_id).select_related("review").first()
    difference = _difference(integration, _compared(request, base, seen), shown.version, record)
    shown.revision.integration = integration
    talk = discussion.shown(shown.revision, record, by=by, since=seen)
    if request.method == "GET" and shown.pk == rounds[0].pk:
        reviews.note_visit(shown, by=by)
    context = subject.head(integration, by=by, tab="review") | {
        "review": shown,
        "rounds": rounds,
        "seats": seats,
        "signed": sum(len(each.standing) for each in seats),
        "wanted": shown.wanted,
        "threads": talk,
        "open_threads": sum(not each.thread.is_resolved for each in talk),
        "new_comments": sum(said.is_new for each in talk for said in each.comments),
        "refused_thread": thread,
        "may_comment": shown.pk == rounds[0].pk and shown.revision.state in _OPEN and permissions.may_comment(by),
        "may_take": permissions.may_edit(by),
        "places": discussion.places(
            difference["comparison"].changes, request.POST.get("path", request.GET.get("on", ""))
        ),
        "on": request.POST.get("path", request.GET.get("on", "")),
        "typed": {name: request.POST.get(name, "") for name in ("text", "value", "propose")},
        "seen": seen,
        "text_changed": seen is not None and seen.review.content_hash != shown.content_hash,
        "since_seen": _since_seen(request, seen),
        "impact": landscape.impact_of(shown.revision, base.record if base else None, record) if shown.is_open else None,
        "findings": [
            {
                **each,
                "why": shown.justifications.get(each["key"], ""),
                "url": _document_url(shown, each["path"]),
                "others": [Other(**other) for other in each.get("others", [])],
            }
            for each in shown.findings
        ],
        "may_withdraw": shown.is_open and permissions.may_withdraw(by, shown),
        "may_request_changes": shown.is_open
        and permissions.may_request_changes(by, shown, [each.offer for each in seats]),
        "readings": dialects.of_record(record, _most_real()),
        "act": request.POST.get("act", ""),
        "words": request.POST.get("words", ""),
        "notice": notice,
        "problem": problem,
        **difference,
    }
    return render(request, "console/review.html", context, status=status)


_OPEN = (Revision.State.DRAFT, Revision.State.IN_REVIEW)


def _most_real() -> str:
    """Production, where there is one: what reviewers sign for."""
    found = min(Environment.objects.all(), key=lambda each: each.distance, default=None)
    return found.slug if found else ""


def _since_seen(request: HttpRequest, seen: Visit | None) -> bool:
    return seen is not None and request.GET.get("since") == "seen"


def _compared(request: HttpRequest, base: Revision | None, seen: Visit | None) -> Revision | Review | None:
    """What the differences are from: the revision this one is based on, or the text this person saw last."""
    return seen.review if seen is not None and _since_seen(request, seen) else base


def refused_page(request: HttpRequest, slug: str, notice: str, *, thread: int = 0) -> HttpResponse:
    """The review page with what was typed still in it, and why it was not taken."""
    integration = subject.find(slug)
    rounds = list(_rounds(integration))
    if not rounds:
        raise Http404("nothing was reviewed")
    return _review_page(request, integration, rounds, rounds[0], notice=notice, thread=thread, status=422)


@require_POST
def carry(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    """Let one's earlier signature stand for this round."""
    integration = subject.find(slug)
    shown = _meant(integration, request.POST.get("review", ""))
    if shown is None or role not in Role.values:
        raise Http404(role)
    seen = request.POST.get("seen", "")
    try:
        reviews.carry_over(shown, role=role, by=signed_in(request), seen_hash=seen)
    except Conflict as refused:
        return _stale(request, integration, _rounds(integration).get(pk=shown.pk), seen, refused)
    messages.success(request, f"Your signature as {Role(role).label.lower()} stands for this round too.")
    return redirect("review", slug)


def _document_url(shown: Review, path: str) -> str:
    return f"#{path.split('.')[0].split('[')[0]}"


def _seats(by: Person, integration: Integration, shown: Review, rounds: list[Review]) -> list[Seat]:
    until = [each for each in rounds if each.revision_id == shown.revision_id and each.round <= shown.round]
    given = [sign_off for each in until for sign_off in each.sign_offs.all()]
    offers = {each.role: each for each in permissions.roles_for(by, shown)}
    seats = []
    for each in signers(integration, shown.record, shown.submitted_by, shown.minimums):
        own = [sign_off for sign_off in given if sign_off.role == each.role]
        standing = tuple(sign_off for sign_off in own if sign_off.voided_at is None)
        voided = tuple(sign_off for sign_off in own if sign_off.voided_at is not None)
        touched = _touched(shown, [sign_off for sign_off in voided if sign_off.person_id == by.pk])
        seats.append(Seat(each, offers[each.role], shown.minimums[each.role], standing, voided, touched))
    return seats


def _touched(shown: Review, signed: list[SignOff]) -> tuple[str, ...]:
    """The sections that changed since the newest of these signatures, by their titles."""
    if not signed or signed[0].review_id == shown.pk:
        return ()
    now = shown.section_hashes
    return tuple(labels.field(name) for name, was in signed[0].section_hashes.items() if now.get(name) != was)


# --- signing ----------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    """What a signature would say and do, and the password that gives it."""
    if role not in Role.values:
        raise Http404(role)
    integration = subject.find(slug)
    shown = _meant(integration, request.POST.get("review", ""))
    if shown is None:
        raise Http404("nothing is under review")
    seen = request.POST.get("seen", "") if request.method == "POST" else request.GET.get("seen", shown.content_hash)
    offer = next(each for each in permissions.roles_for(signed_in(request), shown) if each.role == role)
    if request.method == "POST":
        return _signed(request, integration, shown, offer, seen)
    if seen != shown.content_hash or not shown.is_open:
        return _stale(request, integration, shown, seen)
    if not offer.allowed:
        raise NotAllowed(offer.reason, "See the review page for who may sign.")
    return _sign_page(request, integration, shown, offer)


def _meant(integration: Integration, key: str) -> Review | None:
    """The review a form was about, else the newest. A later round may have the same text for other reasons."""
    rounds = _rounds(integration)
    found: Review | None = (
        rounds.filter(pk=int(key)).first() if key.isascii() and key.isdigit() and len(key) < 19 else rounds.first()
    )
    return found


def _signed(request: HttpRequest, integration: Integration, shown: Review, offer: RoleOffer, seen: str) -> HttpResponse:
    by, password = signed_in(request), request.POST.get("password", "")
    try:
        reviews.sign(shown, role=offer.role, by=by, password=password, seen_hash=seen)
    except Conflict as refused:
        return _stale(request, integration, _rounds(integration).get(pk=shown.pk), seen, refused)
    except NotAllowed as refused:
        if not offer.allowed:
            raise
        return _sign_page(request, integration, shown, offer, refused, status=403)
    after = Review.objects.select_related("revision").get(pk=shown.pk)
    if after.is_open:
        messages.success(request, f"Signed as {offer.role.label.lower()}.")
    else:
        messages.success(request, f"Signed. Version {after.revision.version} is approved and served from now on.")
    return redirect("review", integration.slug)


def _sign_page(
    request: HttpRequest,
    integration: Integration,
    shown: Review,
    offer: RoleOffer,
    refused: NotAllowed | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    standing = [each for each in shown.sign_offs.all() if each.voided_at is None]
    base = shown.revision.based_on
    changed = {each.section for each in diff.compare(base.record if base else None, shown.record)}
    major, minor = reviews.approved_version(base, shown.revision)
    context = subject.head(integration, by=signed_in(request), tab="review") | {
        "review": shown,
        "offer": offer,
        "meaning": MEANINGS[offer.role],
        "sections": [(name, name in changed) for name in ROLE_SECTIONS[offer.role]],
        "base": base,
        "still_missing": shown.wanted - len(standing) - 1,
        "next_version": f"{major}.{minor}",
        "environments": list(Environment.objects.filter(promoted_from=None)),
        "refused": refused,
    }
    return render(request, "console/sign.html", context, status=status)


def _stale(
    request: HttpRequest, integration: Integration, shown: Review, seen: str, refused: Conflict | None = None
) -> HttpResponse:
    """The page this person wanted to sign is not what is under review now: say what changed since."""
    before = integration.reviews.filter(content_hash=seen.replace("\x00", "")).first()
    now = shown.revision.record if not shown.is_open else shown.record
    context = subject.head(integration, by=signed_in(request), tab="review") | {
        "review": shown,
        "refused": refused,
        "seen": before,
        "comparison": compared(before.record, now) if before else None,
        "ended": not shown.is_open,
    }
    return render(request, "console/sign_stale.html", context, status=409)
