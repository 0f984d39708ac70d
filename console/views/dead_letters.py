"""Dead letters as people look at them: where they lie, what they died of, and what is done about many of them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import F, Max, OuterRef, Subquery
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import charts
from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from console.refusals import problems_of
from console.views import sheets
from console.views.releases import number
from registry import permissions
from registry.errors import DomainError, NotAllowed
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, Person, counted, keyset
from registry.services import letters, routes, sources, trends
from registry.services.plans import Selector
from registry.services.routes import Clause

MOST_SOURCES = 200
COUNTED_UP_TO = 1_000
GROUPS_SHOWN = 25
CHART_HOURS = 72
FILTERS = ("state", "group", "q", "since", "until")
State = DeadLetter.State
OPEN = (State.OPEN, State.PARKED, State.UNCERTAIN)
Act = Callable[[DeadLetterSource, Iterable[int], str, Person], int]
ACTS: Mapping[str, tuple[str, Act]] = {
    "park": ("parked", lambda source, keys, why, by: letters.park(source, keys, why=why, by=by)),
    "reopen": ("open again", lambda source, keys, why, by: letters.reopen(source, keys, why=why, by=by)),
    "archive": ("archived", lambda source, keys, why, by: letters.archive(source, keys, why=why, by=by)),
    "discard": ("discarded", lambda source, keys, why, by: letters.discard(source, keys, why=why, by=by)),
    "take": ("assigned to you", lambda source, keys, why, by: letters.assign(source, keys, to=by, by=by)),
    "leave": ("assigned to nobody", lambda source, keys, why, by: letters.assign(source, keys, to=None, by=by)),
}


def dead_letters(request: HttpRequest) -> HttpResponse:
    """Every source, those first whose oldest letter lies longest."""
    signed_in(request)
    opened = DeadLetter.objects.filter(source=OuterRef("pk"), state__in=OPEN).order_by().values("pk")
    found = _sources().annotate(opened=counted(opened, up_to=COUNTED_UP_TO))
    rows = list(found.order_by(F("oldest_at").asc(nulls_last=True), "pk")[: MOST_SOURCES + 1])
    context = {
        "sources": rows[:MOST_SOURCES],
        "is_cut": len(rows) > MOST_SOURCES,
        "counted_up_to": COUNTED_UP_TO,
    }
    return render(request, "console/dead_letters/sources.html", context)


def source(request: HttpRequest, source: int) -> HttpResponse:
    """One source: how it is read, how much lies there, what it died of, and what is being sent again."""
    by, held = signed_in(request), get_object_or_404(_sources(), pk=source)
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    opened = DeadLetter.objects.filter(group=OuterRef("pk"), state__in=OPEN).order_by().values("pk")
    newest = DeadLetter.objects.filter(group=OuterRef("pk"), state=State.OPEN).order_by("-died_at", "-pk").values("pk")
    seen: Any = DeadLetterGroup.objects.filter(source=held)
    groups = seen.annotate(opened=counted(opened, up_to=COUNTED_UP_TO), newest=Subquery(newest[:1]))
    page = keyset(groups, order="-last_at", cursor=cursor, size=GROUPS_SHOWN)
    context = {
        "source": held,
        "risk": sources.risk(held, held.mode),
        "grade": sources.grade(held),
        "chart": charts.depths(_depths(held)),
        "page": page,
        "trends": {key: charts.trend(each) for key, each in trends.of_groups(row.pk for row in page.rows).items()},
        "clauses": _clauses(held, [each.newest for each in page.rows if each.newest]),
        "states": _counted(held),
        "counted_up_to": COUNTED_UP_TO,
        "redrives": held.redrives.select_related("requested_by").order_by("-requested_at", "-pk")[:5],
        "may_keep": permissions.may_keep_sources(by, held.integration),
        "may_redrive": permissions.may_redrive(by),
    }
    return render(request, "console/dead_letters/source.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def found(request: HttpRequest, source: int) -> HttpResponse:
    """The letters of a source that fit, and what may be done with those that are chosen."""
    by, held = signed_in(request), get_object_or_404(_sources(), pk=source)
    if request.method == "POST":
        return _act(request, held, by, back=request.get_full_path())
    asked = {name: plain(request.GET.get(name, ""), longest=300) for name in FILTERS}
    rows, problems = _matching(held, asked)
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    group = DeadLetterGroup.objects.filter(source=held, pk=number(asked["group"]) or 0).first()
    context = {
        "source": held,
        "asked": asked,
        "group": group,
        "problems": problems,
        "page": keyset(rows.select_related("assignee"), order="-died_at", cursor=cursor),
        "choices": State.choices,
        "may_redrive": permissions.may_redrive(by),
        "is_filtered": any(asked.values()),
    }
    return render(request, "console/dead_letters/letters.html", context)


def export(request: HttpRequest, source: int, format: str) -> HttpResponseBase:  # noqa: A002 - the address's word
    """The letters that fit, as a file."""
    signed_in(request)
    held = get_object_or_404(_sources(), pk=source)
    rows, _ = _matching(held, {name: plain(request.GET.get(name, ""), longest=300) for name in FILTERS})
    return sheets.letters(request, rows, format)


def _sources() -> Any:
    return DeadLetterSource.objects.placed().defer("sealed_key")


def _depths(held: DeadLetterSource) -> list[tuple[Any, int]]:
    """The most that lay there in each hour."""
    since = timezone.now() - timedelta(hours=CHART_HOURS)
    hours = held.readings.filter(minute__gte=since).annotate(hour=TruncHour("minute")).values("hour")
    return list(hours.annotate(most=Max("messages")).order_by("hour").values_list("hour", "most"))


def _clauses(held: DeadLetterSource, keys: list[int]) -> dict[int, Clause]:
    """What the design in force says against sending these again, where it does."""
    route = routes.of(held)
    found: Any = DeadLetter.objects.filter(pk__in=keys)
    failed = found.annotate(**route.failures())
    said = failed.values_list("pk", "failed_status", "failed_code")
    return {key: clause for key, status, code in said if (clause := route.clause(status, code))}


def _counted(held: DeadLetterSource) -> list[tuple[DeadLetter.State, int]]:
    """How many letters are in each state; one more than COUNTED_UP_TO stands for any more."""
    letters_of = DeadLetter.objects.filter(source=OuterRef("pk")).order_by().values("pk")
    counts = {f"in_{each}": counted(letters_of.filter(state=each), up_to=COUNTED_UP_TO) for each in State}
    row = DeadLetterSource.objects.filter(pk=held.pk).annotate(**counts).values(*counts).get()
    return [(each, row[f"in_{each}"]) for each in State if row[f"in_{each}"]]


def _matching(held: DeadLetterSource, asked: Mapping[str, str]) -> tuple[Any, list[Any]]:
    """The letters that fit; none, and why, where something asked for cannot be read."""
    given = {name: value for name, value in asked.items() if name != "state" and value}
    if "group" in given:
        given["group"] = number(given["group"]) or given["group"]  # type: ignore[assignment]
    try:
        rows = Selector.read(given).of(held)
    except DomainError as refused:
        return DeadLetter.objects.none(), problems_of(refused)
    return (rows.filter(state=asked["state"]) if asked["state"] in State.values else rows), []


def _act(request: HttpRequest, held: DeadLetterSource, by: Person, *, back: str) -> HttpResponse:
    """Do with the chosen letters what was asked, and say to how many."""
    keys = [key for each in request.POST.getlist("letter") if (key := number(each))]
    act = request.POST.get("act", "")
    if not keys:
        messages.warning(request, "No letter was chosen. Mark some, then choose what shall be done.")
        return redirect(back)
    if act == "redrive":
        return redirect(reverse("redrive-new", args=[held.pk], query={"letters": ",".join(map(str, keys))}))
    if act not in ACTS:
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    became, do = ACTS[act]
    try:
        done = do(held, keys, request.POST.get("why", ""), by)
    except DomainError as refused:
        if isinstance(refused, NotAllowed):
            raise
        messages.error(request, f"{refused.message} {refused.mend}".strip())
        return redirect(back)
    messages.success(request, f"{done:,} of {len(keys):,} {became}.")
    return redirect(back)
