"""Saving while somebody types, and who else is there: what static/js/autosave.js asks and is told."""

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from console import editing, fields, presence, saving
from console.people import signed_in
from console.views.editor import INCOMPLETE, Sheet, desk, posted_sheet, shown
from registry.errors import DomainError
from registry.record import SECTIONS

YAML = "yaml"


@never_cache
@require_GET
def here(request: HttpRequest, slug: str, section: str) -> JsonResponse:
    """Say that this person is still in this section; learn who else is, and what the draft is at."""
    if section not in (*SECTIONS, YAML):
        raise Http404(section)
    _, draft = desk(request, slug)
    others = presence.arrive(draft, section, signed_in(request)) if draft else []
    return JsonResponse(
        {
            "person": signed_in(request).username,
            "token": get_token(request),
            "etag": draft.etag if draft else "",
            "others": render_to_string("console/edit/presence.html", {"others": others, "section_name": section}),
        }
    )


@require_POST
def autosave(request: HttpRequest, slug: str, section: str) -> JsonResponse:
    """Save the section as it is typed, where it can be kept, and tell what others saved meanwhile."""
    if section not in SECTIONS:
        raise Http404(section)
    integration, draft = desk(request, slug)
    if draft is None:
        return _answer("refused", "Only an architect writes design records.", status=403)
    sheet = posted_sheet(request, integration, draft, section)
    if sheet is None:
        return _answer("refused", INCOMPLETE, status=400)
    if sheet.reading.problems:
        return _answer("problems", sheet.unkept, parts=_parts(sheet))
    try:
        saved = saving.save(sheet.work)
    except saving.Clash as clash:
        return _answer("clash", _clashing(sheet, clash), parts=_parts(sheet))
    except saving.Busy as busy:
        return _answer("busy", busy.message)
    except DomainError as refused:
        return _answer("refused", f"{refused.message} {refused.mend}", parts=_parts(sheet))
    return _saved(sheet, saved)


def _saved(sheet: Sheet, saved: saving.Saved) -> JsonResponse:
    merged = getattr(saved.revision.record, sheet.section)
    brought = fields.bring(sheet.section, sheet.text, sheet.reading.value, merged)
    now = replace(
        sheet,
        draft=saved.revision,
        base=saving.Base.of(saved.revision, sheet.section),
        text=brought.text,
        reading=fields.read(sheet.section, brought.text),
        focus=brought.now(sheet.request.POST.get("focus", "")) if brought.lists else "",
    )
    context = shown(now)
    changed = {
        each.name: each for each in fields.walk(context["form"]) if each.name in {*brought.names, *brought.lists}
    }
    return _answer(
        "saved",
        _merging(sheet, len(brought.names)) if brought.names or brought.lists else "",
        parts=render_to_string("console/edit/checked.html", context),
        etag=saved.revision.etag,
        seconds_ago=saved.revision.seconds_since_save,
        base=now.base.sealed,
        # Where the person typed on meanwhile, the page goes on from what it sent, and the next save merges again.
        sent=saving.Base(sheet.base.etag, sheet.document).sealed,
        values={each.name: each.text for each in changed.values() if isinstance(each, fields.Control)},
        lists={
            each.id: render_to_string(each.template, {"field": each})
            for each in changed.values()
            if isinstance(each, fields.Items)
        },
    )


def _answer(state: str, said: str = "", *, status: int = 200, **more: Any) -> JsonResponse:
    return JsonResponse({"state": state, "said": said, **more}, status=status)


def _parts(sheet: Sheet) -> str:
    return render_to_string("console/edit/checked.html", shown(sheet))


def _merging(sheet: Sheet, count: int) -> str:
    what = "the rows here" if not count else "1 field here" if count == 1 else f"{count} fields here"
    return f"{editing.writers(sheet.work)} changed {what}."


def _clashing(sheet: Sheet, clash: saving.Clash) -> str:
    labels = [each.label.split(" › ", 1)[-1] for each in clash.merged.conflicts]
    named = labels[0] if len(labels) == 1 else f"{len(labels)} fields"
    return f"{editing.writers(sheet.work)} changed {named} too."
