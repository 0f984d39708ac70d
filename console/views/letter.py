"""One dead letter as people look at it: what it holds, what became of it, and what is done about it."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console import died, lives, mended, odd
from console.mended import Edited
from console.people import signed_in
from console.refusals import problems_of, status_of
from console.views.dead_letters import ACTS
from console.views.releases import number
from registry import permissions
from registry.errors import DomainError
from registry.models import DeadLetter, Person
from registry.services import edits, letters, routes, sources
from registry.services.edits import EditedMeanwhile, Start
from registry.services.masks import LONGEST_SHOWN
from registry.services.routes import Clause
from registry.services.text import browsed

EDIT = "console/dead_letters/edit.html"
MOST_COMPARED = 3
MOST_HIDDEN = 500
"""Hidden values of a letter that may be chosen; whoever needs more downloads it."""
MOST_MOVES = 100
MOST_NOTES = 200
MOST_LINEAGE = 20
MOST_EDITS = 50
BLANK_ROWS = 2
State = DeadLetter.State
DECIDED_ON = (State.OPEN, State.UNCERTAIN, State.PARKED, State.ARCHIVED)
"""In these states somebody may say what becomes of a letter, and why."""


@dataclass(frozen=True, slots=True)
class FormRow:
    """A header in the form of an edit."""

    name: str
    value: str
    fixed_because: str = ""
    is_locked: bool = False
    is_new: bool = False
    is_left_out: bool = False

    @property
    def has_lines(self) -> bool:
        """Whether it takes a control of several lines: one of a single line loses their ends."""
        return "\n" in self.value


BLANK = FormRow("", "", is_new=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def letter(request: HttpRequest, letter: int) -> HttpResponse:
    """One letter, without what is hidden; and what may be done about it."""
    by = signed_in(request)
    held = get_object_or_404(
        DeadLetter.objects.select_related("source__integration__in_force", "source__broker__environment", "assignee"),
        pk=letter,
    )
    revealed, refused = "", None
    posted, why = request.POST, request.POST.get("why", "")
    if request.method == "POST":
        try:
            match posted.get("act"):
                case "reveal":
                    revealed = letters.reveal(held, posted.get("path", ""), reason=why, by=by)
                case "download":
                    return _file(held, letters.download(held, reason=why, by=by))
                case _:
                    return _acted(request, held, by)
        except DomainError as problem:
            refused = problem
    context = _whole(held, by) | {"posted": posted, "act": posted.get("act"), "problems": []}
    context |= {"revealed": revealed[:LONGEST_SHOWN], "revealed_size": len(revealed)}
    if refused:
        context |= {"problems": problems_of(refused), "refused_at": _place(context)}
    status = status_of(refused) if refused else HTTPStatus.OK
    return render(request, "console/dead_letters/letter.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, letter: int) -> HttpResponse:
    """Mend what is sent instead of a letter, beginning with the edit before or with the letter as it came."""
    by = signed_in(request)
    held = get_object_or_404(DeadLetter.objects.select_related("source__integration__in_force"), pk=letter)
    letters.require_redriver(by)
    if request.method == "POST":
        return _edited(request, held, by)
    edits.require_editable(held)
    asked = request.GET.get("from", "")
    start = edits.start(held, base=edits.ORIGINAL if asked == "original" else number(asked), by=by)
    return render(request, EDIT, _form(held, start, seen=start.newest.pk if start.newest else edits.ORIGINAL))


def _edited(request: HttpRequest, held: DeadLetter, by: Person) -> HttpResponse:
    """Save what was typed; where it is refused, it stands in the form again, beside what refuses it."""
    posted, headers, body = request.POST, _typed_headers(request.POST), request.POST.get("body")
    base, seen = (number(posted.get(name, "")) or edits.ORIGINAL for name in ("base", "seen"))
    try:
        edits.edit(
            held,
            body=body,
            headers=headers,
            reason=posted.get("reason", ""),
            is_new_event=bool(posted.get("is_new_event")),
            base=base,
            seen=seen,
            by=by,
        )
    except EditedMeanwhile as clash:
        theirs = edits.start(held, base=clash.newest.pk, by=by)
        rows = mended.rows(edits.against(theirs, body, headers))
        more = {"clash": clash, "theirs": theirs, "rows": rows, "problems": []}
        context = _form(held, edits.start(held, base=base, by=by), seen=clash.newest.pk, posted=posted) | more
        return render(request, EDIT, context, status=status_of(clash))
    except DomainError as refused:
        context = _form(held, edits.start(held, base=base, by=by), seen=seen, posted=posted)
        return render(request, EDIT, context | {"problems": problems_of(refused)}, status=status_of(refused))
    messages.success(request, "Mended. A redrive sends it so, once a second person agrees.")
    return redirect("letter", held.pk)


@never_cache
def raw(request: HttpRequest, letter: int) -> HttpResponse:
    """The body as it came, as a file to be kept; where nothing of it is hidden."""
    by = signed_in(request)
    held = get_object_or_404(DeadLetter.objects.select_related("source__integration"), pk=letter)
    return _file(held, letters.raw(held, by=by))


def _file(held: DeadLetter, body: bytes) -> HttpResponse:
    """Bytes to be kept, and never to be shown as a page."""
    headers = {
        "Content-Disposition": f'attachment; filename="letter-{held.pk}.bin"',
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(body, content_type="application/octet-stream", headers=headers)


def _acted(request: HttpRequest, held: DeadLetter, by: Person) -> HttpResponse:
    """Do with one letter what was asked. Raises DomainError."""
    posted, act = request.POST, request.POST.get("act", "")
    why = posted.get("why", "")
    if act == "note":
        letters.note(held, text=posted.get("text", ""), by=by)
        messages.success(request, "Written down.")
    elif act in ("arrived", "lost"):
        settled = letters.settle_uncertain(held, arrived=act == "arrived", why=why, by=by)
        messages.success(request, f"It {letters.SETTLED[settled.state]}.")
    elif act in ACTS:
        became, do = ACTS[act]
        done = do(held.source, [held.pk], why, by)
        messages.success(request, f"The letter is {became}." if done else "Somebody moved it meanwhile: look again.")
    else:
        return render(request, "400.html", status=HTTPStatus.BAD_REQUEST)
    return redirect("letter", held.pk)


def _place(context: dict[str, Any]) -> str:
    """Where on the page a refusal stands: with the form it is about, if that is there."""
    forms = {"reveal": ("hidden", context["hidden"]), "download": ("body", context["source"].masked)}
    place, is_there = forms.get(context["act"], ("top", False))
    return place if is_there and context["may_reveal"] and context["shown"].form != "gone" else "top"


def _whole(held: DeadLetter, by: Person) -> dict[str, Any]:
    """What the page of a letter shows."""
    shown = letters.shown(held, by=by)
    tries = held.redrive_attempts.select_related("item__job__requested_by").defer("item__job__plan")
    return {
        "letter": held,
        "source": held.source,
        "clause": _clause(held),
        "shown": shown,
        "died": died.died(shown.headers),
        "headers": [died.row(each) for each in shown.headers],
        "facts": {name: held.facts[name] for name in sources.searched_by(held.source) if name in held.facts},
        "hidden": [(path, odd.named(path)) for path in shown.hidden[:MOST_HIDDEN]],
        "moves": lives.steps(held.moves.select_related("by").order_by("-version")[:MOST_MOVES]),
        "notes": held.notes.select_related("by")[:MOST_NOTES],
        "edits": _edits(held, by),
        "tries": [(each, lives.outcome(each)) for each in tries.order_by("-number")[:MOST_MOVES]],
        "lineage": _lineage(held),
        "may_redrive": permissions.may_redrive(by),
        "is_decided_on": held.state in DECIDED_ON,
        "may_reveal": permissions.may_reveal(by),
    }


def _lineage(held: DeadLetter) -> list[DeadLetter]:
    """The letters the same message died as, the first one first; none where it died once."""
    root = held.root_id or held.pk
    found = DeadLetter.objects.filter(Q(pk=root) | Q(root=root)).order_by("pk")
    rows = list(found.only("state", "died_at", "parent_id", "error_class", "reason")[:MOST_LINEAGE])
    return rows if len(rows) > 1 else []


def _edits(held: DeadLetter, by: Person) -> list[Edited]:
    """Its edits, newest first; of the newest also what they change."""
    made: Any = held.edits.select_related("by").order_by("-pk")
    newest = list(made[:MOST_COMPARED])
    older = made.defer("body", "headers")[MOST_COMPARED:MOST_EDITS] if len(newest) == MOST_COMPARED else []
    return mended.edited(held, [*newest, *older], edits.mendings_of(held, newest, by=by) if newest else {})


def _form(held: DeadLetter, start: Start, *, seen: int, posted: QueryDict | None = None) -> dict[str, Any]:
    """What the form shows: what an edit begins with, or what was typed."""
    fields = [FormRow(each.name, each.value, each.fixed_because, each.is_locked) for each in start.headers]
    body = browsed(start.shown.body)
    if posted is not None:
        known, left_out = dict(enumerate(fields)), posted.getlist("leave")
        fields = [
            replace(known.get(place, BLANK), name=name, value=value, is_left_out=str(place) in left_out)
            for place, (name, value) in enumerate(_rows(posted))
        ]
        body = browsed(posted.get("body", body))
    blank = [BLANK] * max(0, BLANK_ROWS - sum(each.is_new for each in fields))
    return {
        "letter": held,
        "source": held.source,
        "start": start,
        "seen": seen,
        "body": body,
        "headers": [*fields, *blank],
        "posted": posted or {},
    }


def _rows(posted: QueryDict) -> list[tuple[str, str]]:
    return list(zip(posted.getlist("name"), posted.getlist("value"), strict=False))


def _typed_headers(posted: QueryDict) -> list[tuple[str, str]]:
    """Those that were not left out, nor left empty."""
    left_out = posted.getlist("leave")
    return [each for place, each in enumerate(_rows(posted)) if any(each) and str(place) not in left_out]


def _clause(held: DeadLetter) -> Clause | None:
    """What the design in force says against sending it again, if it does."""
    route = routes.of(held.source)
    found: Any = DeadLetter.objects.filter(pk=held.pk).annotate(**route.failures())
    return route.clause(*found.values_list("failed_status", "failed_code").get())
