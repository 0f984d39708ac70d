"""Writing a design record section by section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from console import editing, fields, presence, saving, subject
from console.people import signed_in
from registry import permissions
from registry.errors import Conflict, DomainError
from registry.merge import Side
from registry.models import Integration, Revision
from registry.record import SECTIONS, DesignRecord, documents
from registry.services import revisions

SETTLED = "settled"
"""Marks the message after which a browser need not keep what was typed."""
INCOMPLETE = "The form arrived incomplete, so nothing was saved. This is what is saved now; try again."


@dataclass(frozen=True, slots=True)
class Sheet:
    """One section on the desk: what is typed, what it reads as, and what was just done."""

    request: HttpRequest
    integration: Integration
    draft: Revision
    section: str
    base: saving.Base
    text: fields.Text
    reading: fields.Reading
    focus: str = ""
    said: Mapping[str, fields.Said] = field(default_factory=dict)
    notice: str = ""

    @property
    def record(self) -> DesignRecord:
        """The whole record as it would be if this were saved."""
        return self.draft.record.model_copy(update={self.section: self.reading.value})

    @property
    def document(self) -> dict[str, Any]:
        """The section as it would be saved."""
        return without_absent({self.section: fields.without_blank_items(documents.dump(self.reading.value))})

    @property
    def work(self) -> saving.Work:
        """What there is to save."""
        return saving.Work(self.draft, self.section, self.base, self.document, signed_in(self.request))

    @property
    def unkept(self) -> str:
        """How many values cannot be kept."""
        count = len(self.reading.problems)
        return f"{'1 value' if count == 1 else f'{count} values'} cannot be kept as typed."

    @property
    def is_unsaved(self) -> bool:
        """Whether something typed is not saved yet."""
        return bool(self.reading.problems) or self.document != self.base.document


def edit_start(request: HttpRequest, slug: str) -> HttpResponse:
    """The editor's front door: the first section."""
    return redirect("edit", slug, SECTIONS[0])


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, section: str) -> HttpResponse:
    """One section's page. A post saves, checks, or changes the form's shape."""
    if section not in SECTIONS:
        raise Http404(section)
    integration, draft = desk(request, slug)
    if draft is None:
        return no_draft(request, integration)
    if request.method == "POST":
        return _posted(request, integration, draft, section)
    return _page(_fresh(request, integration, draft, section, at=request.GET.get("at", "")))


def desk(request: HttpRequest, slug: str) -> tuple[Integration, Revision | None]:
    """The integration and the draft this person may write in; None where there is none."""
    integration = subject.find(slug)
    draft = integration.current
    if draft is None or not permissions.may_edit(signed_in(request), integration):
        return integration, None
    draft.integration = integration
    # What was typed before a review began must still be shown, so a post finds its revision all the same.
    return integration, draft if draft.may_change or request.method == "POST" else None


def no_draft(request: HttpRequest, integration: Integration, *, status: int = 200) -> HttpResponse:
    """Why there is nothing to write in, and what to do about it."""
    context = subject.head(integration, by=signed_in(request), tab="design") | {"revision": integration.current}
    return render(request, "console/edit_no_draft.html", context, status=status if context["may_edit"] else 403)


def without_absent(document: dict[str, Any]) -> dict[str, Any]:
    """A document without sections in which nothing is stated, as it is saved."""
    return {section: value for section, value in document.items() if value not in ({}, [])}


def _fresh(request: HttpRequest, integration: Integration, draft: Revision, section: str, *, at: str = "") -> Sheet:
    """The section as it is saved, the focus on the field at the pointer `at`."""
    value = getattr(draft.record, section)
    base = saving.Base.of(draft, section)
    text = fields.as_text(section, value)
    focus = fields.focus_at(section, value, at) if at else ""
    return Sheet(request, integration, draft, section, base, text, fields.Reading(value), focus)


def posted_sheet(request: HttpRequest, integration: Integration, draft: Revision, section: str) -> Sheet | None:
    """The section as it was typed; None where the form did not arrive whole."""
    base = saving.Base.opened(request.POST.get("base", ""))
    if base is None or "whole" not in request.POST:
        return None
    text = fields.posted_text(section, request.POST)
    return Sheet(request, integration, draft, section, base, text, fields.read(section, text))


def _posted(request: HttpRequest, integration: Integration, draft: Revision, section: str) -> HttpResponse:
    if "clash" in request.POST:
        return _chosen(request, integration, draft, section)
    sheet = posted_sheet(request, integration, draft, section)
    if sheet is None:
        return _page(replace(_fresh(request, integration, draft, section), notice=INCOMPLETE), status=400)
    if "act" in request.POST:
        return _acted(sheet, request.POST["act"])
    return _page(sheet) if "check" in request.POST else _saved(sheet)


def _saved(sheet: Sheet) -> HttpResponse:
    if sheet.reading.problems:
        return _page(replace(sheet, notice=f"Nothing was saved: {sheet.unkept}"), status=422)
    try:
        saved = saving.save(sheet.work)
    except saving.Clash as clash:
        return clash_page(sheet.request, sheet.integration, clash)
    except DomainError as refused:
        notice = f"Nothing was saved. {refused.message} {refused.mend} What you typed is still here."
        return _page(replace(sheet, notice=notice), status=409 if isinstance(refused, Conflict) else 403)
    return _answer(sheet, saved)


def _answer(sheet: Sheet, saved: saving.Saved) -> HttpResponse:
    if "clash" in sheet.request.POST:
        messages.info(sheet.request, "Saved as you chose.", extra_tags=SETTLED)
    elif saved.was_merged:
        messages.info(sheet.request, "Saved, together with what somebody else saved meanwhile.")
    if "next" in sheet.request.POST:
        return redirect(_next_url(sheet))
    return redirect("edit", sheet.integration.slug, sheet.section)


# --- both sides changed the same field ----------------------------------------------------------------------------


def clash_page(
    request: HttpRequest, integration: Integration, clash: saving.Clash, *, notice: str = ""
) -> HttpResponse:
    """Both versions field by field, with the choice between them."""
    rows = [
        {"name": f"take-{place}", "conflict": each, "chosen": _side(request, place)}
        for place, each in enumerate(clash.merged.conflicts)
    ]
    context = {
        "integration": integration,
        "revision": clash.work.draft,
        "clash": clash,
        "rows": rows,
        "notice": notice,
        "writers": editing.writers(clash.work),
    }
    return render(request, "console/edit_clash.html", context, status=409)


def choice(request: HttpRequest, clash: saving.Clash) -> dict[str, Side] | None:
    """The side taken for each field; None while one is open."""
    sides = {each.path: _side(request, place) for place, each in enumerate(clash.merged.conflicts)}
    taken = {path: side for path, side in sides.items() if side is not None}
    return taken if len(taken) == len(sides) else None


def _side(request: HttpRequest, place: int) -> Side | None:
    side = request.POST.get("all") or request.POST.get(f"take-{place}")
    sides: dict[str | None, Side] = {"mine": "mine", "theirs": "theirs"}
    return sides.get(side)


def _chosen(request: HttpRequest, integration: Integration, draft: Revision, section: str) -> HttpResponse:
    clash = saving.reopened(draft, section, request.POST["clash"], by=signed_in(request))
    if clash is None:
        return _page(replace(_fresh(request, integration, draft, section), notice=INCOMPLETE), status=400)
    take = choice(request, clash)
    if take is None:
        return clash_page(request, integration, clash, notice="Choose a side for every field. Nothing is saved yet.")
    work = saving.settled(clash, take)
    value = getattr(documents.parse(work.document), section)
    text = fields.as_text(section, value)
    return _saved(Sheet(request, integration, draft, section, work.base, text, fields.Reading(value)))


# --- the form's shape -----------------------------------------------------------------------------------------------


def _acted(sheet: Sheet, command: str) -> HttpResponse:
    """Add, copy, move or delete an item of a list, bring one back, paste rows, or have an example made."""
    verb, _, name = command.partition(":")
    if verb == "example":
        return _exemplified(sheet, name)
    done = _pasted(sheet, command) if verb == "paste" else _act(sheet, command)
    if done is None:
        return _page(replace(sheet, notice="That item is no longer there; nothing was changed."), status=422)
    undo = saving.seal([done.index, done.item]) if done.item is not None else ""
    said = {done.list_name: fields.Said(done.message, undo)}
    sheet = replace(sheet, reading=fields.read(sheet.section, sheet.text), focus=done.focus, said=said)
    return _page(sheet, part="console/edit/acted.html", only=done.list_name)


def _act(sheet: Sheet, command: str) -> fields.Acted | None:
    verb, _, name = command.partition(":")
    item, index = _kept(sheet.request.POST.get(f"undo.{name}", "")) if verb == "restore" else (None, 0)
    return fields.act(sheet.section, sheet.text, command, item=item, index=index)


def _pasted(sheet: Sheet, command: str) -> fields.Acted | None:
    """Rows of a spreadsheet: those a script took from the clipboard, else those in the box below the list."""
    name = command.removeprefix("paste:")
    post = sheet.request.POST
    return fields.paste(sheet.section, sheet.text, name, post.get("pasted", post.get(f"pasted.{name}", "")))


def _exemplified(sheet: Sheet, name: str) -> HttpResponse:
    wrong = fields.exemplify(sheet.section, sheet.text, sheet.reading.value, name)
    if wrong:
        return _page(replace(sheet, notice=wrong), status=422)
    sheet = replace(sheet, reading=fields.read(sheet.section, sheet.text), focus=name)
    return _page(sheet, part="console/edit/filled.html", only=name)


def _kept(sealed: str) -> tuple[Any, int]:
    match saving.unseal(sealed):
        case [int(index), (dict() | list()) as item]:
            return item, index
    return None, 0


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(sheet: Sheet, *, status: int = 200, part: str = "", only: str = "") -> HttpResponse:
    """The whole page, or with htmx just `part` of it."""
    context = shown(sheet)
    if not (part and sheet.request.headers.get("HX-Request")):
        context["others"] = presence.arrive(sheet.draft, sheet.section, signed_in(sheet.request))
        return render(sheet.request, "console/edit.html", context, status=status)
    context["part"] = next((each for each in fields.walk(context["form"]) if each.name == only), context["form"])
    return render(sheet.request, part, context)


def shown(sheet: Sheet) -> dict[str, Any]:
    """What the templates show of a sheet."""
    section = sheet.section
    found = revisions.found_in(sheet.draft, sheet.record)
    form = fields.form(section, sheet.text, sheet.reading, found, focus=sheet.focus, said=sheet.said)
    remarks = editing.summary(form)
    noted = [each.name for each in fields.walk(form) if each.problem or each.findings or getattr(each, "fits", False)]
    before = sheet.request.POST.get("noted", "").split()
    return {
        "integration": sheet.integration,
        "revision": sheet.draft,
        "sheet": sheet,
        "section": fields.section_spec(section),
        "form": form,
        "rail": editing.rail(sheet.integration, sheet.record, found, section),
        "contents": fields.contents(form),
        "summary": remarks,
        "tally": editing.tally(remarks),
        "noted_names": " ".join(noted),
        "noted": [each for each in fields.walk(form) if each.name in {*noted, *before}],
        "next_url": _next_url(sheet),
        "saved_seconds_ago": sheet.draft.seconds_since_save,
    }


def _next_url(sheet: Sheet) -> str:
    """The next section, and after the last one submission."""
    slug, following = sheet.integration.slug, SECTIONS[SECTIONS.index(sheet.section) + 1 :]
    return reverse("edit", args=[slug, following[0]]) if following else reverse("submit", args=[slug])
