"""Overrides: the form that begins one, and the page of one that ends it and takes that somebody looked at it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console import subject
from console.fields.specs import Spec, specs, written
from console.fields.text import value_of
from console.listings import plain
from console.people import signed_in
from console.refusals import problems_of, status_of
from console.releases import difference
from console.views.releases import number
from registry import permissions
from registry.errors import DomainError, NotAllowed
from registry.live.overrides import FIELDS, inside
from registry.models import Environment, Override, Release
from registry.record.contracts import Contract
from registry.record.findings import Problem
from registry.record.policy import LIVE_PARTS
from registry.services import overrides, releases

MINUTES = (
    (15, "15 minutes"),
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
)
FORCED = (
    ("", "Decides by itself"),
    ("open", "Keep open: no call is made"),
    ("closed", "Keep closed: none is held back"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that can be overridden: as it is now, and what was typed."""

    spec: Spec
    name: str
    now: str
    typed: str
    problem: Problem | None

    @property
    def id(self) -> str:
        """The control's id."""
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Group:
    """The settings of one part of the policy."""

    title: str
    help: str
    settings: tuple[Setting, ...]
    is_open: bool


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Other values for a while; what is left empty stays as the design says."""
    by, integration = signed_in(request), subject.find(slug)
    if not permissions.may_override(by):
        raise NotAllowed("Only somebody on call overrides live settings.", "Ask who is on call.")
    environment = get_object_or_404(Environment, slug=plain(request.GET.get("environment", "")))
    before = releases.in_force(integration, environment)
    if before is None:
        raise Http404("Nothing is served there.")
    contracts = [each for each in inside(before.revision.record, environment.slug).contracts if each.name]
    asked = request.GET.get("contract", "")
    contract = next((each for each in contracts if each.name == asked), contracts[0] if contracts else None)
    if contract is None:
        raise Http404("It has no contract whose policy could be overridden.")
    problems: list[Problem] = []
    status = HTTPStatus.OK
    if request.method == "POST":
        try:
            patch = {"contracts": {contract.name: posted(request.POST)}}
            made = overrides.begin(
                integration,
                environment,
                patch=patch,
                reason=request.POST.get("reason", ""),
                minutes=number(request.POST.get("minutes", "")) or 0,
                by=by,
                seen=number(request.POST.get("seen", "")),
            )
        except DomainError as refused:
            problems, status = problems_of(refused), status_of(refused)
        else:
            until = f"until {made.expires_at:%H:%M} UTC; then the design is served again."
            messages.success(request, f"{environment.name} is overridden {until}")
            return redirect(f"{reverse('live', args=[slug])}?environment={environment.slug}")
    named = {_control(each.path): each for each in problems}
    groups = _groups(contract, request.POST, named)
    shown = {each.name for group in groups for each in group.settings} | {"reason", "minutes", "circuit_breaker.forced"}
    context = subject.head(integration, by=by, tab="live") | {
        "environment": environment,
        "before": before,
        "contract": contract,
        "contracts": contracts,
        "groups": groups,
        "problems": named,
        "elsewhere": [each for name, each in named.items() if name not in shown],
        "posted": request.POST,
        "minutes": MINUTES,
        "chosen": number(request.POST.get("minutes", "")) or overrides.MINUTES,
        "forced": FORCED,
    }
    return render(request, "console/live/override_new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def override(request: HttpRequest, slug: str, key: int) -> HttpResponse:
    """One override: what it changes, who and why; ended here, and looked at afterwards."""
    by, integration = signed_in(request), subject.find(slug)
    people = ("begun_by", "ended_by", "reviewed_by", "environment")
    held = get_object_or_404(Override.objects.select_related(*people), integration=integration, pk=key)
    refused: DomainError | None = None
    if request.method == "POST":
        note = request.POST.get("note", "")
        try:
            words = _ended(held, by, note) if request.POST.get("act") == "end" else _reviewed(held, by, note)
        except DomainError as problem:
            refused = problem
        else:
            messages.success(request, words)
            return redirect("override", slug, key)
    first = held.releases.select_related("revision", "override", "environment").defer("body").order_by("number").first()
    assert first is not None
    design = Release(environment=held.environment, revision=first.revision)
    found = difference(design, first)
    context = subject.head(integration, by=by, tab="live") | {
        "override": held,
        "first": first,
        "difference": found,
        "comparison": found.comparison,
        "may_end": held.is_running and permissions.may_end_override(by),
        "may_review": not held.is_running and held.reviewed_at is None and permissions.may_review_override(by, held),
        "refused": refused,
        "note": request.POST.get("note", ""),
    }
    return render(request, "console/live/override.html", context, status=409 if refused else 200)


def _ended(held: Override, by: Any, note: str) -> str:
    release = overrides.end(held, by=by, note=note)
    return f"The design is served again in {held.environment.name}, as release {release.number}."


def _reviewed(held: Override, by: Any, note: str) -> str:
    overrides.review(held, by=by, note=note)
    return "It is noted that you looked at it."


def posted(post: QueryDict) -> dict[str, dict[str, Any]]:
    """The patch that a form asks for: only what was typed; `none` empties a list."""
    patch: dict[str, dict[str, Any]] = {}
    for part, spec in _offered():
        typed = post.get(f"{part}.{spec.name}", "")
        if typed.strip():
            nothing = spec.kind == "words" and typed.strip().lower() == "none"
            patch.setdefault(part, {})[spec.name] = None if nothing else value_of(spec, typed)
    if forced := post.get("circuit_breaker.forced", ""):
        patch.setdefault("circuit_breaker", {})["forced"] = forced
    return patch


def _offered() -> list[tuple[str, Spec]]:
    return [(part, spec) for part, names in FIELDS.items() for spec in specs(LIVE_PARTS[part]) if spec.name in names]


def _groups(contract: Contract, post: QueryDict, problems: dict[str, Problem]) -> list[Group]:
    found = []
    for part in FIELDS:
        held = getattr(contract.policy, part)
        settings = tuple(
            Setting(
                spec,
                f"{part}.{spec.name}",
                written(spec, getattr(held, spec.name)),
                post.get(f"{part}.{spec.name}", ""),
                problems.get(f"{part}.{spec.name}"),
            )
            for place, spec in _offered()
            if place == part
        )
        is_open = part in ("retry", "timeouts") or any(each.typed or each.problem for each in settings)
        found.append(Group(held.TITLE, (type(held).__doc__ or "").strip(), settings, is_open))
    return found


def _control(path: str) -> str:
    """The control that a problem is about: `contracts[x].policy.retry.max_retries` is `retry.max_retries`."""
    return path.partition("].policy.")[2].partition("[")[0] or path
