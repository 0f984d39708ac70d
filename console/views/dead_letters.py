"""Dead letters as people look at them: where they lie, what they died of, one by one, and what is done about them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import F, Max, OuterRef, Subquery
from django.db.models.functions import TruncHour
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import charts
from console.listings import LONGEST_CURSOR, plain
from console.people import signed_in
from console.refusals import problems_of, status_of
from console.views import sheets
from console.views.releases import number
from registry import permissions
from registry.errors import Conflict, DomainError, NotAllowed
from registry.models import DeadLetter, DeadLetterGroup, DeadLetterSource, Person, counted, keyset
from registry.services import edits, letters, payloads, routes, sources
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


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def letter(request: HttpRequest, letter: int) -> HttpResponse:
    """One letter, without what is hidden; and what may be done about it."""
    by = signed_in(request)
    held = get_object_or_404(
        DeadLetter.objects.select_related("source__integration__in_force", "source__broker__environment", "assignee"),
        pk=letter,
    )
    revealed: dict[str, str] = {}
    refused: DomainError | None = None
    posted = request.POST
    if request.method == "POST":
        try:
            if posted.get("act") != "reveal":
                return _acted(request, held, by)
            path = posted.get("path", "")
            revealed = {path: letters.reveal(held, path, reason=posted.get("why", ""), by=by)}
        except DomainError as problem:
            refused = problem
    context = _whole(held, by) | {"refused": refused, "revealed": revealed, "posted": posted}
    status = status_of(refused) if refused else HTTPStatus.OK
    return render(request, "console/dead_letters/letter.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, letter: int) -> HttpResponse:
    """Mend what is sent instead of a letter. The original stays beside it."""
    by = signed_in(request)
    held = get_object_or_404(DeadLetter.objects.select_related("source__integration__in_force"), pk=letter)
    letters.require_redriver(by)
    shown, posted = letters.shown(held, by=by), request.POST
    problems: list[Any] = []
    status = HTTPStatus.OK
    if request.method == "POST":
        try:
            edits.edit(
                held,
                body=posted.get("body", ""),
                headers=_typed_headers(posted),
                reason=posted.get("reason", ""),
                is_new_event=bool(posted.get("is_new_event")),
                by=by,
            )
        except DomainError as refused:
            problems, status = problems_of(refused), status_of(refused)
        else:
            messages.success(request, "Mended. A redrive sends it so, once a second person agrees.")
            return redirect("letter", held.pk)
    rows = _typed_headers(posted) or [(each.name, each.value) for each in shown.headers]
    context = {
        "letter": held,
        "source": held.source,
        "shown": shown,
        "body": posted.get("body", shown.body),
        "headers": [(name, value, edits.is_locked(name)) for name, value in rows],
        "posted": posted,
        "problems": problems,
    }
    return render(request, "console/dead_letters/edit.html", context, status=status)


@never_cache
def raw(request: HttpRequest, letter: int) -> HttpResponse:
    """The body as it came, as a file to be kept; where nothing of it is hidden."""
    signed_in(request)
    held = get_object_or_404(DeadLetter.objects.select_related("source__integration"), pk=letter)
    if held.source.masked:
        raise Conflict("Values of these letters are hidden.", "Reveal what you need on its page, with a reason.")
    return HttpResponse(
        payloads.opened(held).body,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="letter-{held.pk}.bin"'},
    )


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


def _acted(request: HttpRequest, held: DeadLetter, by: Person) -> HttpResponse:
    """Do with one letter what was asked. Raises DomainError."""
    posted, act = request.POST, request.POST.get("act", "")
    why = posted.get("why", "")
    if act == "note":
        letters.note(held, text=posted.get("text", ""), by=by)
        messages.success(request, "Written down.")
    elif act in ("arrived", "lost"):
        letters.settle_uncertain(held, arrived=act == "arrived", why=why, by=by)
        messages.success(request, "It counts as sent." if act == "arrived" else "It is open again.")
    elif act in ACTS:
        became, do = ACTS[act]
        done = do(held.source, [held.pk], why, by)
        messages.success(request, f"The letter is {became}." if done else "Somebody moved it meanwhile: look again.")
    else:
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    return redirect("letter", held.pk)


def _whole(held: DeadLetter, by: Person) -> dict[str, Any]:
    """What the page of a letter shows."""
    return {
        "letter": held,
        "source": held.source,
        "clause": _clauses(held.source, [held.pk]).get(held.pk),
        "shown": letters.shown(held, by=by),
        "moves": held.moves.select_related("by").order_by("-version"),
        "notes": held.notes.select_related("by"),
        "edits": held.edits.select_related("by").defer("body", "headers"),
        "tries": held.redrive_attempts.select_related("item").order_by("-number"),
        "returns": held.returns.order_by("pk")[:20],
        "may_redrive": permissions.may_redrive(by),
        "may_reveal": permissions.may_reveal(by),
    }


def _typed_headers(posted: QueryDict) -> list[tuple[str, str]]:
    return list(zip(posted.getlist("name"), posted.getlist("value"), strict=False))
