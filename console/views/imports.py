"""A file brought in: received, looked at before anything is saved, then made an integration or taken into a draft."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from console import editing, imports
from console.imports import Answers, Preview
from console.people import signed_in
from console.uploads import too_large_file
from console.views.editor import desk, no_draft
from registry import importers, permissions
from registry.errors import Conflict, DomainError, Invalid, NotAllowed
from registry.models import Revision, System, Upload
from registry.record.findings import Finding, InvalidRecord, Problem, Severity
from registry.rules import check
from registry.services import catalog, integrations, revisions, uploads

MOST_SYSTEMS = 500
LONGEST_TO_MEND = 200_000
"""Characters of a broken file that come back in the text box, to be mended there."""
LINES_BEFORE, LINES_AFTER = 12, 60
STALE = "Somebody saved this draft meanwhile. This is what the file changes now; take it again if that is right."


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A few numbered lines of a file, one of them meant."""

    meant: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Brought:
    """What came with the form: kept, or what is wrong with it and what was pasted."""

    upload: Upload | None
    text: str = ""
    filename: str = ""
    format: str = ""
    problems: tuple[Problem, ...] = ()
    excerpt: Excerpt | None = None


def received(request: HttpRequest) -> Brought:
    """The file or the text of the form."""
    text, chosen = request.POST.get("text", "").replace("\r\n", "\n"), request.POST.get("format", "")
    file = request.FILES.get("file")
    content = file.read() if file else text.encode("utf-8", "surrogatepass")
    filename = (file.name or "") if file else ""
    if name := too_large_file(request):
        limit = Problem("", f"is larger than {importers.LARGEST_FILE:,} bytes", "Leave out what is not needed.")
        return Brought(None, filename=uploads.plain_name(name), format=chosen, problems=(limit,))
    try:
        return Brought(uploads.keep(content, filename=filename, format=chosen, by=signed_in(request)))
    except Invalid as invalid:
        readable = _readable(content) if file else text
        shown = readable if len(readable) <= LONGEST_TO_MEND else ""
        excerpt = _excerpt(invalid.problems[0].message, readable)
        name = uploads.plain_name(filename)
        return Brought(None, shown.replace("\x00", ""), name, chosen, tuple(invalid.problems), excerpt)


def _readable(content: bytes) -> str:
    try:
        return importers.text_in(content)
    except InvalidRecord:
        return ""


def _excerpt(message: str, text: str) -> Excerpt | None:
    """The lines around the one a problem names."""
    found = re.match(r"line (\d{1,7})\b", message)
    lines = text.split("\n")
    if found is None or not 1 <= int(found[1]) <= len(lines):
        return None
    at = int(found[1])
    first = max(at - 2, 1)
    return Excerpt(at, tuple(enumerate((each[: imports.LONGEST_LINE] for each in lines[first - 1 : at + 1]), first)))


# --- a new integration ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, upload: uuid.UUID) -> HttpResponse:
    """What a file would begin, and the few things it cannot say."""
    kept = _kept(request, upload)
    if kept is None:
        return _gone(request, reverse("integration-new"))
    said = Answers.of(request.POST) if request.method == "POST" else None
    try:
        shown = imports.preview(kept, said, None)
    except Invalid as invalid:
        return _page(request, kept, None, said, problems=invalid.problems)
    return _created(request, shown) if _is_decided(request) else _page(request, kept, shown, said)


def _created(request: HttpRequest, shown: Preview) -> HttpResponse:
    said = shown.answers
    try:
        made = integrations.create(
            name=said.name,
            slug=said.slug or imports.suggested(said.name),
            project=said.project,
            document=shown.document,
            by=signed_in(request),
            source=shown.source,
        )
    except Invalid as invalid:
        wrong = {each.path.split(".")[0]: each for each in invalid.problems}
        return _page(request, shown.upload, shown, said, wrong=wrong)
    errors = [each for each in check(shown.record, catalog.names_in(shown.record)) if each.severity == Severity.ERROR]
    messages.success(
        request, f"Draft 0.1 of {made.name} is open, with what {shown.upload.filename} says. {_next(errors)}"
    )
    return redirect(editing.field_url(made, errors[0].path) if errors else reverse("submit", args=[made.slug]))


def _next(errors: list[Finding]) -> str:
    """What to do now, in a sentence."""
    if not errors:
        return "Nothing is missing: submit it for review when you like."
    left = "One thing is" if len(errors) == 1 else f"{len(errors)} things are"
    return f"{left} still to be said; this is the first. The marks on the left show where the others are."


# --- into a draft -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def bring(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose or paste a file to take into a draft."""
    integration, draft = desk(request, slug)
    if draft is None:
        return no_draft(request, integration)
    brought = received(request) if request.method == "POST" else None
    if brought and brought.upload:
        return redirect("import-into", slug, brought.upload.pk)
    context = {"integration": integration, "revision": draft, "formats": importers.IMPORTERS, "brought": brought}
    return render(request, "console/import/bring_page.html", context, status=422 if brought else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def into(request: HttpRequest, slug: str, upload: uuid.UUID) -> HttpResponse:
    """What a file would change in a draft."""
    integration, draft = desk(request, slug)
    if draft is None:
        return no_draft(request, integration)
    kept = _kept(request, upload)
    if kept is None:
        return _gone(request, reverse("import", args=[slug]))
    said = Answers.of(request.POST) if request.method == "POST" else None
    try:
        shown = imports.preview(kept, said, draft)
    except Invalid as invalid:
        return _page(request, kept, None, said, draft, problems=invalid.problems)
    return _taken(request, shown, draft) if _is_decided(request) else _page(request, kept, shown, said, draft)


def _taken(request: HttpRequest, shown: Preview, draft: Revision) -> HttpResponse:
    """Saved as any edit is: over the text that was shown, or not at all."""
    changes, slug = shown.changes, draft.integration.slug
    try:
        revisions.save(
            draft,
            shown.document,
            by=signed_in(request),
            if_match=request.POST.get("etag", ""),
            source=shown.source,
        )
    except Conflict as refused:
        notice = STALE if draft.may_change else f"Nothing was saved. {refused.message} {refused.mend}"
        return _page(request, shown.upload, shown, shown.answers, draft, notice=notice)
    except DomainError as refused:
        return _page(request, shown.upload, shown, shown.answers, draft, notice=f"{refused.message} {refused.mend}")
    if not changes:
        messages.info(request, f"The draft says all of {shown.upload.filename} already; nothing changed.")
        return redirect("edit", slug, "overview")
    count = "1 change" if len(changes) == 1 else f"{len(changes):,} changes"
    messages.success(request, f"{count} from {shown.upload.filename} are in the draft.")
    return redirect("edit", slug, changes[0].section)


# --- the pages --------------------------------------------------------------------------------------------------------


def _is_decided(request: HttpRequest) -> bool:
    """Whether somebody pressed the button. htmx names the button pressed last even when it only looks again."""
    return "create" in request.POST and "HX-Request" not in request.headers


def _kept(request: HttpRequest, key: uuid.UUID) -> Upload | None:
    by = signed_in(request)
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect brings files into records.", "Ask an architect, or to become one.")
    return uploads.find(key, by=by)


def _gone(request: HttpRequest, again: str) -> HttpResponse:
    return render(request, "console/import/gone.html", {"again": again}, status=404)


def _page(
    request: HttpRequest,
    upload: Upload,
    shown: Preview | None,
    said: Answers | None,
    draft: Revision | None = None,
    *,
    problems: list[Problem] | None = None,
    wrong: dict[str, Problem] | None = None,
    notice: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        "upload": upload,
        "shown": shown,
        "said": shown.answers if shown else said or Answers(format=upload.format),
        "formats": importers.IMPORTERS,
        "choices": imports.CHOICES,
        "problems": problems or [],
        "wrong": wrong or {},
        "notice": notice,
        "systems": System.objects.values_list("slug", "name")[:MOST_SYSTEMS],
    }
    if draft is not None:
        context |= {"integration": draft.integration, "revision": draft}
    if shown is not None:
        context |= _shown(shown, draft)
    status = 422 if problems or wrong else 409 if notice else 200
    return render(request, "console/import/preview.html", context, status=status)


def _shown(shown: Preview, draft: Revision | None) -> dict[str, Any]:
    lines = importers.text_in(bytes(shown.upload.content)).split("\n")
    left = imports.reasons(shown.found.left_out, lines)
    changes = shown.changes
    known = catalog.names_in(shown.imported)
    found = revisions.found_in(draft, shown.record) if draft else check(shown.record, known)
    return {
        "label": importers.label(shown.found.format),
        "understood": imports.understood(shown.found, shown.imported),
        "left": [each for each in left if each.kind == "left"],
        "passed": [each for each in left if each.kind == "passed"],
        "changes": imports.brief(changes),
        "change_count": len(changes),
        "conflicts": [(each, shown.answers.take.get(each.path) == "theirs") for each in shown.conflicts],
        "usual": imports.by_section(shown.usual),
        "missing": imports.missing(found, Severity.ERROR),
        "doubtful": imports.missing(found, Severity.WARNING),
        "unknown": {shown.answers.own, shown.answers.other} - known.systems,
        "operations": sum(each.count for each in shown.found.groups),
        "contracts": [each.name for each in shown.before.contracts if each.name] if shown.before else [],
    }


@require_safe
def source(request: HttpRequest, upload: uuid.UUID) -> HttpResponse:
    """The file's lines around one of them, each with what became of it."""
    kept = _kept(request, upload)
    if kept is None:
        return _gone(request, reverse("integration-new"))
    wanted, draft = request.GET.get("line", "1"), imports.suggested(request.GET.get("draft", "")[:100])
    lines = importers.text_in(bytes(kept.content)).split("\n")
    at = min(int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else 1, len(lines)) or 1
    first, last = max(at - LINES_BEFORE, 1), min(at + LINES_AFTER, len(lines))
    found = uploads.read(bytes(kept.content), kept.filename, kept.format)
    context = {
        "upload": kept,
        "back": reverse("import-into", args=[draft, upload]) if draft else reverse("import-new", args=[upload]),
        "for_draft": f"&draft={draft}" if draft else "",
        "at": at,
        "first": first,
        "last": last,
        "count": len(lines),
        "earlier": max(first - LINES_AFTER + LINES_BEFORE, 1) if first > 1 else None,
        "later": last + LINES_BEFORE if last < len(lines) else None,
        "lines": imports.with_notes(found, lines, first, last),
    }
    return render(request, "console/import/source.html", context)
