"""Dead letters as people look at them: where they lie, what they died of, and what is done about many of them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import charts, letter_filters
from console.letter_filters import Asked
from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from console.refusals import problems_of, status_of
from console.views import sheets
from console.views.releases import number
from registry import permissions
from registry.errors import DomainError, Invalid, NotAllowed
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, Page, Person, counted, keyset
from registry.models.letters import UNDECIDED, undecided
from registry.record.findings import Problem
from registry.services import edits, letters, routes, sources, trends
from registry.services.routes import Clause, Route

MOST_SOURCES = 200
COUNTED_UP_TO = 1_000
GROUPS_SHOWN = 25
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
AGES = (
    ("Under an hour", HOUR, None),
    ("Under a day", DAY, HOUR),
    ("Under a week", WEEK, DAY),
    ("Older", None, WEEK),
)
State = DeadLetter.State
LIST = "console/dead_letters/letters.html"
Act = Callable[[DeadLetterSource, Iterable[int], str, Person], int]
ACTS: Mapping[str, tuple[str, Act]] = {
    "park": ("parked", lambda source, keys, why, by: letters.park(source, keys, why=why, by=by)),
    "reopen": ("open again", lambda source, keys, why, by: letters.reopen(source, keys, why=why, by=by)),
    "archive": ("archived", lambda source, keys, why, by: letters.archive(source, keys, why=why, by=by)),
    "take": ("assigned to you", lambda source, keys, why, by: letters.assign(source, keys, to=by, by=by)),
    "leave": ("assigned to nobody", lambda source, keys, why, by: letters.assign(source, keys, to=None, by=by)),
}


def dead_letters(request: HttpRequest) -> HttpResponse:
    """Every source, those first whose oldest letter lies longest."""
    signed_in(request)
    found = placed().annotate(opened=counted(undecided("source"), up_to=COUNTED_UP_TO))
    # Where no broker says how old its oldest is, the ledger's own tells.
    rows = list(found.order_by(Coalesce("oldest_at", "open_since").asc(nulls_last=True), "pk")[: MOST_SOURCES + 1])
    context = {
        "sources": rows[:MOST_SOURCES],
        "charts": {key: charts.day(counts) for key, counts in trends.depths(each.pk for each in rows).items()},
        "is_cut": len(rows) > MOST_SOURCES,
        "counted_up_to": COUNTED_UP_TO,
    }
    return render(request, "console/dead_letters/sources.html", context)


def source(request: HttpRequest, source: int) -> HttpResponse:
    """One source: how it is read, how much lies there, what it died of, and what is being sent again."""
    by, held = signed_in(request), get_object_or_404(placed(), pk=source)
    cursor = plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR)
    newest = DeadLetter.objects.filter(group=OuterRef("pk"), state=State.OPEN).order_by("-died_at", "-pk").values("pk")
    seen: Any = DeadLetterGroup.objects.filter(source=held)
    groups = seen.annotate(opened=counted(undecided("group"), up_to=COUNTED_UP_TO), newest=Subquery(newest[:1]))
    page = keyset(groups, order="-last_at", cursor=cursor, size=GROUPS_SHOWN)
    route, levels = routes.of(held), trends.of_source(held)
    states, ages = _counted(held)
    most = max(count for _, count in ages)
    context = {
        "source": held,
        "risk": sources.risk(held, held.mode),
        "grade": sources.grade(route),
        "depths": charts.depths(levels),
        "oldest": charts.ages(levels),
        "ages": [(name, count, charts.share(count, most)) for name, count in ages] if most else [],
        "page": page,
        "trends": {key: charts.trend(each) for key, each in trends.of_groups(row.pk for row in page.rows).items()},
        "silence": route.silence,
        "clauses": _clauses(route, [each.newest for each in page.rows if each.newest]),
        "states": states,
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
    by, held = signed_in(request), get_object_or_404(placed(), pk=source)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            return _act(request, held, by, back=request.get_full_path())
        except NotAllowed:
            raise
        except DomainError as problem:
            refused = problem
    asked = Asked.of(request.GET, held)
    page, problems = _page(held, asked, by, plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR))
    group, may_redrive = None, permissions.may_redrive(by)
    if key := number(asked.texts["group"]):
        group = DeadLetterGroup.objects.filter(source=held, pk=key).first()
    context = {
        "source": held,
        "asked": asked,
        "chips": list(asked.chips(group)),
        "group": group,
        "problems": problems,
        "page": page,
        "menus": letter_filters.menus(held, asked),
        "may_redrive": may_redrive,
        "may_redrive_all": may_redrive and held.reads and asked.state in ("", State.OPEN),
        "mended": {each.letter_id: each for each in edits.newest([row.pk for row in page.rows])},
        "refused": problems_of(refused) if refused else [],
        "marked": _marked(request),
        "why": request.POST.get("why", ""),
    }
    return render(request, LIST, context, status=status_of(refused) if refused else HTTPStatus.OK)


def export(request: HttpRequest, source: int, format: str) -> HttpResponseBase:  # noqa: A002 - the address's word
    """The letters that fit, as a file."""
    by, held = signed_in(request), get_object_or_404(placed(), pk=source)
    asked = Asked.of(request.GET, held)
    return sheets.letters(request, asked.letters(held, by), format)


def placed() -> Any:
    return DeadLetterSource.objects.placed().defer("sealed_key")


def _clauses(route: Route, keys: list[int]) -> dict[int, Clause]:
    """What the design in force says of what these letters failed with, where it says anything."""
    found: Any = DeadLetter.objects.filter(pk__in=keys)
    failed = found.annotate(**route.failures())
    said = failed.values_list("pk", "failed_status", "failed_code")
    return {key: clause for key, status, code in said if (clause := route.says(status, code))}


def _counted(held: DeadLetterSource) -> tuple[list[tuple[DeadLetter.State, int]], list[tuple[str, int]]]:
    """How many letters are in each state, and how old those are that lie open.

    One more than COUNTED_UP_TO stands for any more.
    """
    now = timezone.now()
    of_source = DeadLetter.objects.filter(source=OuterRef("pk")).order_by()
    asked = {str(each): of_source.filter(state=each) for each in State}
    for name, since, until in AGES:
        aged = of_source.filter(state__in=UNDECIDED)
        aged = aged.filter(died_at__gt=now - since) if since else aged
        asked[name] = aged.filter(died_at__lte=now - until) if until else aged
    bounded = [counted(rows.values("pk"), up_to=COUNTED_UP_TO) for rows in asked.values()]
    counts = {f"count_{place}": count for place, count in enumerate(bounded)}
    row = DeadLetterSource.objects.filter(pk=held.pk).annotate(**counts).values_list(*counts).get()
    found = dict(zip(asked, row, strict=True))
    return [(each, found[each]) for each in State if found[each]], [(name, found[name]) for name, _, _ in AGES]


def _page(held: DeadLetterSource, asked: Asked, by: Person, cursor: str) -> tuple[Page[DeadLetter], list[Problem]]:
    """Letters that fit; none, and why, where something asked for cannot be read or found."""
    try:
        return asked.selector(held, by).page(held, state=asked.state, cursor=cursor), []
    except Invalid as refused:
        if any(each.path == "cursor" for each in refused.problems):
            raise
        return Page([]), refused.problems


def _marked(request: HttpRequest) -> list[int]:
    return [key for each in request.POST.getlist("letter") if (key := number(each))]


def _act(request: HttpRequest, held: DeadLetterSource, by: Person, *, back: str) -> HttpResponse:
    """Do with the marked letters what was asked, and say to how many. Raises DomainError."""
    keys, why = _marked(request), request.POST.get("why", "")
    act = request.POST.get("act", "")
    if not keys:
        raise DomainError("No letter is marked.", "Mark some, then choose what shall be done.")
    named = ",".join(map(str, keys))
    if act == "redrive":
        return redirect(reverse("redrive-new", args=[held.pk], query={"letters": named}))
    if act == "discard":
        # What cannot be taken back has a page that says how many and what follows.
        return redirect(reverse("letters-all", args=[held.pk], query={"act": act, "letters": named, "why": why}))
    if act not in ACTS:
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    became, do = ACTS[act]
    done = do(held, keys, why, by)
    messages.success(request, f"{done:,} of {len(keys):,} {became}.")
    return redirect(back)
