"""Releases of an integration: all of them, how two differ, and making another: promoted, scheduled, rolled back."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from console import subject
from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from console.refusals import problems_of, status_of
from console.releases import Difference, difference
from registry import permissions
from registry.errors import DomainError, Invalid
from registry.models import Environment, Integration, Release, Revision, ScheduledRelease, keyset
from registry.record.findings import Problem
from registry.services import releases, schedules

MOST_RELEASES = 25
ASKS = require_http_methods(["GET", "HEAD", "POST"])


def history(request: HttpRequest, slug: str) -> HttpResponse:
    """Every release, newest first, of one environment or of all."""
    integration = subject.find(slug)
    chosen = plain(request.GET.get("environment", ""))
    places = list(Environment.objects.all())
    found = Release.objects.filter(integration=integration)
    if any(each.slug == chosen for each in places):
        found = found.filter(environment__slug=chosen)
    shown = found.select_related("revision", "released_by", "environment", "override")
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    page = keyset(shown.defer("body", "revision__document"), order="-id", cursor=cursor, size=MOST_RELEASES)
    in_force = Release.objects.filter(integration=integration).in_force().values_list("pk", "revision", "environment")
    newest = {place: (key, revision) for key, revision, place in in_force}
    rows = [(each, *newest[each.environment_id]) for each in page.rows]
    by = signed_in(request)
    context = subject.head(integration, by=by, tab="live") | {
        "page": page,
        "rows": rows,
        "places": places,
        "chosen": chosen,
        "may_release": permissions.may_release(by) and integration.state != Integration.State.RETIRED,
    }
    return render(request, "console/live/releases.html", context)


def diff(request: HttpRequest, slug: str) -> HttpResponse:
    """How two releases of one environment differ, in words and numbers."""
    integration = subject.find(slug)
    environment = _environment(request.GET.get("environment", ""))
    new = _release(integration, environment, request.GET.get("to", ""))
    if request.GET.get("from"):
        old: Release | None = _release(integration, environment, request.GET["from"])
    else:
        earlier = _of(integration, environment).filter(number__lt=new.number)
        old = earlier.order_by("-number").first()
    context = subject.head(integration, by=signed_in(request), tab="live") | {
        "environment": environment,
        "old": old,
        "new": new,
        **_told(difference(old, new, apart=request.GET.get("view") == "side")),
    }
    return render(request, "console/live/diff.html", context)


@ASKS
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """Serve an approved revision in an environment, now or at a set time; one promotes what comes from another."""
    integration = subject.find(slug)
    environment = _environment(request.GET.get("environment", ""))
    before = releases.in_force(integration, environment)
    source = environment.promoted_from and releases.in_force(integration, environment.promoted_from)
    by, version = signed_in(request), request.GET.get("version", "")
    releases.require_releaser(by)
    offered = source.revision if source else integration.in_force
    revision = subject.revision(integration, version) if version else offered
    if revision is None:
        raise Http404("Nothing of it can be released there.")
    problems: list[Problem] = []
    status = HTTPStatus.OK
    if request.method == "POST":
        try:
            return _released(request, integration, environment, revision, by)
        except DomainError as refused:
            problems, status = problems_of(refused), status_of(refused)
    then = _then(before, environment, revision)
    context = subject.head(integration, by=by, tab="live") | {
        "environment": environment,
        "source": source,
        "before": before,
        "revision": revision,
        "is_served": before is not None and before.revision_id == revision.pk,
        "problems": {each.path: each for each in problems},
        "posted": request.POST,
        **_told(difference(before, then)),
    }
    return render(request, "console/live/release.html", context, status=status)


def _released(
    request: HttpRequest, integration: Integration, environment: Environment, revision: Revision, by: Any
) -> HttpResponse:
    reason, seen = request.POST.get("reason", ""), number(request.POST.get("seen", ""))
    if request.POST.get("when") == "later":
        made = schedules.schedule(revision, environment, due_at=_moment(request.POST), by=by, reason=reason)
        words = f"{revision.version} will be served in {environment.name} from {made.due_at:%d %B %Y, %H:%M} UTC."
    else:
        source = environment.promoted_from
        first = releases.in_force(integration, source) if source else None
        if first is not None and first.revision_id == revision.pk:
            issued = releases.promote(integration, environment, by=by, reason=reason, seen=seen)
        else:
            issued = releases.publish(revision, environment, by=by, reason=reason, seen=seen)
        words = f"{revision.version} is served in {environment.name} as release {issued.number}."
    messages.success(request, words)
    return redirect(_live(integration, environment))


@ASKS
def roll_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Serve an older release's settings again: what that changes, the reason, one click."""
    integration = subject.find(slug)
    environment = _environment(request.GET.get("environment", ""))
    target = _release(integration, environment, request.GET.get("to", ""))
    by, problem, status = signed_in(request), None, HTTPStatus.OK
    releases.require_releaser(by)
    before = releases.in_force(integration, environment)
    assert before is not None
    if request.method == "POST":
        reason, seen = request.POST.get("reason", ""), number(request.POST.get("seen", ""))
        try:
            made = releases.roll_back(target, by=by, reason=reason, seen=seen)
        except DomainError as refused:
            problem, status = refused, status_of(refused)
        else:
            words = f"{environment.name} serves {made.revision.version} again, as release {made.number}."
            messages.success(request, words)
            return redirect(_live(integration, environment))
    then = _then(before, environment, target.revision)
    waiting = ScheduledRelease.objects.waiting().filter(integration=integration, environment=environment)
    context = subject.head(integration, by=by, tab="live") | {
        "environment": environment,
        "target": target,
        "before": before,
        "scheduled": waiting.select_related("revision").first(),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
        **_told(difference(before, then)),
    }
    return render(request, "console/live/roll_back.html", context, status=status)


@require_POST
def cancel(request: HttpRequest, slug: str, key: int) -> HttpResponse:
    """Call a scheduled release off."""
    scheduled = get_object_or_404(
        ScheduledRelease.objects.select_related("integration", "environment", "revision"),
        integration__slug=slug,
        pk=key,
    )
    schedules.cancel(scheduled, by=signed_in(request))
    words = f"{scheduled.revision.version} will not be served in {scheduled.environment.name} at that time."
    messages.success(request, words)
    return redirect(_live(scheduled.integration, scheduled.environment))


def _then(before: Release | None, environment: Environment, revision: Revision) -> Release:
    """The release that would be made: an override there stays over it."""
    return Release(environment=environment, revision=revision, override=before.override if before else None)


def _told(found: Difference) -> dict[str, Any]:
    return {"difference": found, "comparison": found.comparison}


def _live(integration: Integration, environment: Environment) -> str:
    return f"{reverse('live', args=[integration.slug])}?environment={environment.slug}"


def _environment(slug: str) -> Environment:
    return get_object_or_404(Environment.objects.select_related("promoted_from"), slug=plain(slug))


def _of(integration: Integration, environment: Environment) -> Any:
    found = Release.objects.filter(integration=integration, environment=environment).defer("body")
    return found.select_related("revision", "override", "environment", "released_by")


def _release(integration: Integration, environment: Environment, text: str) -> Release:
    found: Release = get_object_or_404(_of(integration, environment), number=number(text))
    return found


def number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _moment(posted: Any) -> datetime:
    try:
        return datetime.fromisoformat(posted.get("due_at", "")).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid([Problem("due_at", "is no moment", "Choose a day and a time, in UTC.")]) from None
