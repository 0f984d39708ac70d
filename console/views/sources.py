"""Where dead letters of an integration lie: its sources, what its design proposes, and how each is read and kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import subject
from console.forms import put_problems
from console.people import signed_in
from console.refusals import sentences, status_of
from console.source_forms import KeptForm, SourceForm
from console.views.releases import number
from registry import deaths, permissions
from registry.errors import DomainError, Invalid, NotAllowed
from registry.models import Broker, DeadLetterSource, Environment, Integration, Person, counted
from registry.models.letters import undecided
from registry.services import routes
from registry.services import sources as keeping
from registry.services.sources import Proposal

COUNTED_UP_TO = 10_000
AGREED = "I agree to that for this source"
LABELS = {"mode": "How it is read", "agreed": AGREED}


@dataclass(frozen=True, slots=True)
class Way:
    """A way a source can be read, and what it does to the place."""

    mode: str
    label: str
    risk: str
    is_chosen: bool
    is_agreed: bool


def sources(request: HttpRequest, slug: str) -> HttpResponse:
    """Where its failures lie, and where its design says they would."""
    by, integration = signed_in(request), subject.find(slug)
    found = DeadLetterSource.objects.filter(integration=integration).select_related("broker__environment")
    context = subject.head(integration, by=by, tab="dead-letters") | {
        "sources": found.annotate(opened=counted(undecided("source"), up_to=COUNTED_UP_TO)),
        "counted_up_to": COUNTED_UP_TO,
        "proposed": _proposed(integration),
        "may_keep": permissions.may_keep_sources(by, integration),
    }
    return render(request, "console/sources/of_integration.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Say where the failures of a topic lie; they are only counted until more is agreed."""
    by, integration = signed_in(request), subject.find(slug)
    _require_keeper(by, integration)
    record = integration.in_force.record if integration.in_force else None
    topics = [each.name for each in record.topics if each.name] if record else []
    asked = {name: request.GET.get(name, "") for name in ("topic", "place", "broker")}
    asked["topic"] = asked["topic"] or deaths.belongs_to(asked["place"], topics)
    form = SourceForm(request.POST or None, topics=topics, initial=asked | {"broker": number(asked["broker"])})
    if request.method == "POST" and form.is_valid():
        given = form.as_said()
        try:
            made = keeping.define(integration, given.pop("broker"), **given, by=by)
        except Invalid as refused:
            put_problems(form, refused)
        else:
            messages.success(request, f"{made.place} is counted from now on. Agree below to what more shall be done.")
            return redirect("source-settings", made.pk)
    head = subject.head(integration, by=by, tab="dead-letters")
    context = head | {"form": form, "topics": topics, "has_brokers": Broker.objects.filter(is_active=True).exists()}
    return render(request, "console/sources/new.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: HttpRequest, source: int) -> HttpResponse:
    """How a source is read, with consent, and how its letters are kept."""
    by = signed_in(request)
    found = DeadLetterSource.objects.select_related("broker__environment", "consented_by")
    held = get_object_or_404(found, pk=source)
    integration = subject.find(held.integration.slug)
    held.integration = integration
    _require_keeper(by, integration)
    form = KeptForm(request.POST if request.method == "POST" else None, source=held)
    problems: list[str] = []
    status = 200
    if request.method == "POST":
        try:
            if done := _saved(held, form, request.POST, by):
                messages.success(request, done)
                return redirect("source-settings", held.pk)
        except DomainError as refused:
            problems, status = sentences(refused, LABELS), status_of(refused)
    route = routes.of(held)
    context = subject.head(integration, by=by, tab="dead-letters") | {
        "source": held,
        "form": form,
        "ways": _ways(held, request.POST),
        "mode_seen": request.POST.get("mode_seen", held.mode),
        "agreed_label": AGREED,
        "problems": problems,
        "grade": keeping.grade(route),
        "taken_in": keeping.taken_in(held),
        "by_design": keeping.designed_policy(route).label,
    }
    return render(request, "console/sources/settings.html", context, status=422 if form.errors else status)


def _saved(held: DeadLetterSource, form: KeptForm, posted: QueryDict, by: Person) -> str:
    """What all that was typed came to; "" where something stands beside a field. Raises DomainError."""
    if not form.is_valid():
        return ""
    mode = posted.get("mode", "")
    try:
        if mode == posted.get("mode_seen"):
            keeping.change(held, **form.as_said(), by=by)
            return f"Letters of {held.place} are kept so from now on."
        agreed = mode in posted.getlist("agreed")
        read = keeping.change_with_mode(held, mode, agreed=agreed, **form.as_said(), by=by)
    except Invalid as refused:
        if LABELS.keys() & {each.path for each in refused.problems}:
            raise
        put_problems(form, refused)
        return ""
    return f"{read.place} is read and kept so from now on: {read.get_mode_display().lower()}."


def _ways(source: DeadLetterSource, posted: QueryDict) -> list[Way]:
    possible, agreed = keeping.modes(source), posted.getlist("agreed")
    chosen = posted.get("mode") if posted.get("mode") in possible else source.mode
    modes = (DeadLetterSource.Mode(each) for each in possible)
    return [Way(each, each.label, keeping.risk(source, each), each == chosen, each in agreed) for each in modes]


def _proposed(integration: Integration) -> list[tuple[Environment, list[Proposal]]]:
    """By environment, those with something to define."""
    found = [(place, keeping.proposals(integration, place)) for place in _with_brokers()]
    return [(place, proposals) for place, proposals in found if proposals]


def _with_brokers() -> Sequence[Environment]:
    return list(Environment.objects.filter(brokers__is_active=True).distinct())


def _require_keeper(by: Person, integration: Integration) -> None:
    if not permissions.may_keep_sources(by, integration):
        raise NotAllowed(
            "Only an administrator, or who leads a team of this integration, says how its dead letters are read.",
            "Ask one of them.",
        )
