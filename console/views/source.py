"""The whole record at once, as YAML."""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods

from console import editing, marks, presence, saving
from console.people import signed_in
from console.views.autosave import YAML
from console.views.editor import INCOMPLETE, SETTLED, choice, clash_page, desk, no_draft
from registry.errors import Conflict, DomainError
from registry.models import Integration, Revision
from registry.record import DesignRecord, documents
from registry.record.findings import Finding
from registry.services import revisions

MOST_NUMBERED = 5_000
"""Lines with a number beside them; the longest real design seen has 1,500."""


@dataclass(frozen=True, slots=True)
class Source:
    """The record's text on the desk, and what it was typed over."""

    request: HttpRequest
    integration: Integration
    draft: Revision
    base: saving.Base
    text: str
    notice: str = ""

    def findings(self, record: DesignRecord) -> list[Finding]:
        """What the rules would say, were this the draft's record."""
        return revisions.found_in(self.draft, record)

    @property
    def is_for_script(self) -> bool:
        """Whether static/js/yaml.js asks, which takes answers without the page."""
        return bool(self.request.headers.get("HX-Request"))


@require_http_methods(["GET", "HEAD", "POST"])
def edit_yaml(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole document as text. A post saves it, or only checks it."""
    integration, draft = desk(request, slug)
    if draft is None:
        return no_draft(request, integration)
    base = saving.Base.of(draft)
    source = Source(request, integration, draft, base, marks.as_yaml(base.document))
    if request.method != "POST":
        return _page(source)
    if "clash" in request.POST:
        return _chosen(source)
    posted = saving.Base.opened(request.POST.get("base", "")) or base
    source = replace(source, base=posted, text=request.POST.get("text", ""))
    return _checked(source) if "check" in request.POST else _saved(source)


def _checked(source: Source) -> HttpResponse:
    return _answer(source, "checked") if source.is_for_script else _page(source)


def _saved(source: Source) -> HttpResponse:
    read = marks.read(source.text)
    if read.record is None:
        return _refused(source, "problems", f"{_counted(read.problems, 'problem')} to mend first.", 422)
    work = saving.Work(source.draft, "", source.base, documents.dump(read.record), signed_in(source.request))
    try:
        saved = saving.save(work)
    except saving.Clash as clash:
        if source.is_for_script:
            return _answer(source, "clash", f"{editing.writers(work)} changed the same.")
        return clash_page(source.request, source.integration, clash)
    except saving.Busy as busy:
        return _refused(source, "busy", f"{busy.message} {busy.mend}", 409)
    except DomainError as refused:
        status = 409 if isinstance(refused, Conflict) else 403
        return _refused(source, "refused", f"{refused.message} {refused.mend}", status)
    return _done(source, work, saved)


def _refused(source: Source, state: str, said: str, status: int) -> HttpResponse:
    if source.is_for_script:
        return _answer(source, state, said)
    return _page(replace(source, notice=said), status=status)


def _done(source: Source, work: saving.Work, saved: saving.Saved) -> HttpResponse:
    if not source.is_for_script:
        others = ", together with what somebody else saved meanwhile" if saved.was_merged else ""
        messages.success(source.request, f"Saved{others}.", extra_tags=SETTLED)
        return redirect("edit-yaml", source.integration.slug)
    now = saving.Base.of(saved.revision)
    said = f"{editing.writers(work)} changed it too." if saved.was_merged else ""
    # What was typed stays as it was typed, comments and all, unless others' changes have come into it.
    text = marks.as_yaml(now.document) if saved.was_merged else source.text
    source = replace(source, draft=saved.revision, base=now, text=text)
    return _answer(source, "saved", said, merged=text if saved.was_merged else None)


def _answer(source: Source, state: str, said: str = "", **more: Any) -> JsonResponse:
    context = _shown(source)
    return JsonResponse(
        {
            "state": state,
            "said": said,
            "base": source.base.sealed,
            "etag": source.draft.etag,
            "seconds_ago": source.draft.seconds_since_save,
            "lines": context["read"].lines,
            "parts": render_to_string("console/edit/yaml_checked.html", context),
            **more,
        }
    )


def _chosen(source: Source) -> HttpResponse:
    request, integration = source.request, source.integration
    clash = saving.reopened(source.draft, "", request.POST["clash"], by=signed_in(request))
    if clash is None:
        return _page(replace(source, notice=INCOMPLETE), status=400)
    take = choice(request, clash)
    if take is None:
        return clash_page(request, integration, clash, notice="Choose a side for every field. Nothing is saved yet.")
    work = saving.settled(clash, take)
    return _saved(replace(source, base=work.base, text=marks.as_yaml(work.document)))


def _page(source: Source, *, status: int = 200) -> HttpResponse:
    context = _shown(source)
    context["others"] = presence.arrive(source.draft, YAML, signed_in(source.request))
    return render(source.request, "console/edit_yaml.html", context, status=status)


def _shown(source: Source) -> dict[str, Any]:
    read = marks.read(source.text, source.findings)
    # While the text cannot be read, the rail tells of what is saved.
    record = source.draft.record if read.record is None else read.record
    found = source.findings(record) if read.record is None else read.findings
    count = min(source.text.count("\n") + 1, MOST_NUMBERED)
    return {
        "integration": source.integration,
        "revision": source.draft,
        "source": source,
        "read": read,
        "lines": [(line, read.lines.get(line, "")) for line in range(1, count + 1)],
        "rail": editing.rail(source.integration, record, found, ""),
        "is_unsaved": read.record is None or documents.dump(read.record) != source.base.document,
        "saved_seconds_ago": source.draft.seconds_since_save,
    }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
