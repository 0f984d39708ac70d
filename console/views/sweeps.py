"""What is done to all letters that fit: a page says what will happen and to how many, then it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from console.letter_filters import Asked
from console.people import signed_in
from console.refusals import status_of
from console.views.dead_letters import placed
from console.views.releases import number
from registry.errors import DomainError, Invalid, NotAllowed
from registry.models import DeadLetterGroup, DeadLetterSource, Person
from registry.services import sweeps
from registry.services.sweeps import MOST_AT_ONCE, Seen, Sweep


@dataclass(frozen=True, slots=True)
class Words:
    """How an act is called: on its tab and button, of what it is done to, and what follows."""

    verb: str
    done: str
    follows: str
    after: str = ""
    """What the verb is followed by, behind the letters."""


WORDS: Mapping[str, Words] = {
    "archive": Words("Archive", "archived", "They are closed, and may be opened again while their payload is kept."),
    "park": Words("Park", "parked", "They are set aside until somebody opens them again."),
    "reopen": Words("Reopen", "open again", "They lie open again, to be redriven or closed."),
    "take": Words("Assign", "assigned to you", "Everybody sees that you look after them.", after="to me"),
    "discard": Words("Discard", "discarded", "What they hold is gone for ever; their rows stay.", after="for ever"),
}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def every(request: HttpRequest, source: int) -> HttpResponse:
    """GET says what an act would do to all letters that fit; POST does it to those that were seen."""
    by, held = signed_in(request), get_object_or_404(placed(), pk=source)
    asked = Asked.of(request.GET, held)
    act = request.GET.get("act") or "archive"
    if act not in WORDS:
        raise Http404("There is no such act.")
    try:
        rows = asked.letters(held, by)
    except Invalid:
        # The list says what is wrong with it.
        return redirect(f"{reverse('letters', args=[held.pk])}?{request.GET.urlencode()}")
    planned = sweeps.look(held, rows, act, by=by)
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            return _swept(request, planned, asked, by)
        except NotAllowed:
            raise
        except DomainError as problem:
            refused = problem
    group = DeadLetterGroup.objects.filter(source=held, pk=number(asked.texts["group"]) or 0).first()
    context = {
        "source": held,
        "group": group,
        "marked": asked.marked,
        "filters": [words for words, _ in asked.chips(group)],
        "sweep": planned,
        "act": act,
        "words": WORDS[act],
        "tabs": [(name, words, _address(held, asked, name)) for name, words in WORDS.items()],
        "back": _list(held, asked),
        "first": _address(held, asked, "archive"),
        "needs_reason": sweeps.ACTS[act].needs_reason,
        "most": MOST_AT_ONCE,
        "refused": refused,
        "why": request.POST.get("why", request.GET.get("why", "")),
    }
    status = status_of(refused) if refused else HTTPStatus.OK
    return render(request, "console/dead_letters/all.html", context, status=status)


def _swept(request: HttpRequest, planned: Sweep, asked: Asked, by: Person) -> HttpResponse:
    """Do it, and say to how many; where more are left, back to the page that asks. Raises DomainError."""
    posted = request.POST
    seen = Seen(**{each.name: number(posted.get(each.name, "")) or 0 for each in fields(Seen)})
    swept = sweeps.sweep(planned, seen, why=posted.get("why", ""), by=by)
    letters = "letter is" if swept.done == 1 else "letters are"
    messages.success(request, f"{swept.done:,} {letters} {WORDS[planned.act].done}.")
    if swept.stopped:
        messages.warning(request, f"Then it stopped. {swept.stopped.message} {swept.stopped.mend}")
    if swept.stopped or not planned.is_whole:
        return redirect(_address(planned.source, asked, planned.act))
    return redirect(_list(planned.source, asked))


def _address(source: DeadLetterSource, asked: Asked, act: str) -> str:
    return f"{reverse('letters-all', args=[source.pk])}?{'&'.join(filter(None, (asked.query, f'act={act}')))}"


def _list(source: DeadLetterSource, asked: Asked) -> str:
    return reverse("letters", args=[source.pk]) + (f"?{asked.query}" if asked.query else "")
