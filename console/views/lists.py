"""How people keep their lists: saved views, where a list begins, and its columns."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from console.listings import LISTINGS, Asked, Listing
from console.people import signed_in
from registry.errors import Conflict, Invalid
from registry.models import ListPreference, SavedView
from registry.services import lists


def views(request: HttpRequest, page: str) -> HttpResponse:
    """The views of a list: one's own to change, the shared ones to begin with."""
    listing = _listing(page)
    if request.method == "POST":
        return _save(request, listing)
    return _page(request, listing, {})


@require_POST
def view(request: HttpRequest, page: str, key: int) -> HttpResponse:
    """Rename or share a view, or delete it."""
    by, listing = signed_in(request), _listing(page)
    held = get_object_or_404(SavedView.objects.open_to(by, page), pk=key)
    if request.POST.get("act") == "delete":
        lists.delete(held, by=by)
        messages.success(request, f"View “{held.name}” is deleted.")
        return redirect("list-views", page)
    try:
        changed = lists.change(held, name=request.POST.get("name", ""), is_shared="is_shared" in request.POST, by=by)
    except Invalid as refused:
        return _page(request, listing, {"problem": refused.problems[0], "problem_at": held.pk}, status=400)
    messages.success(request, f"View “{changed.name}” is {'shared with everybody' if changed.is_shared else 'yours'}.")
    return redirect("list-views", page)


@require_POST
def default(request: HttpRequest, page: str) -> HttpResponse:
    """Begin a list with this view from now on; without one, with everything."""
    by, listing = signed_in(request), _listing(page)
    key = request.POST.get("view", "")
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 18 else 0
    chosen = get_object_or_404(SavedView.objects.open_to(by, page), pk=number) if key else None
    lists.make_default(page, chosen, by=by)
    begins = f"begins with “{chosen.name}”" if chosen else "begins with everything"
    messages.success(request, f"Your list of {listing.page} {begins} from now on.")
    return redirect("list-views", page)


@require_POST
def columns(request: HttpRequest, page: str) -> HttpResponse:
    """Show these columns, now and from now on."""
    by, listing = signed_in(request), _listing(page)
    asked = Asked.of(listing, QueryDict(request.POST.get("query", "")))
    chosen = listing.named([] if "usual" in request.POST else request.POST.getlist("column"))
    wanted = Asked(listing, asked.filters, asked.order, chosen, "")
    lists.choose_columns(page, wanted.column_names.split(",") if wanted.column_names else [], by=by)
    return redirect(_address(wanted))


def _save(request: HttpRequest, listing: Listing) -> HttpResponse:
    """Keep the list as the form's query says it."""
    asked = Asked.of(listing, QueryDict(request.POST.get("query", "")))
    name, is_shared = request.POST.get("name", ""), "is_shared" in request.POST
    try:
        saved = lists.save(page=listing.page, name=name, query=asked.query, is_shared=is_shared, by=signed_in(request))
    except (Invalid, Conflict) as refused:
        problem = refused.problems[0] if isinstance(refused, Invalid) else refused
        given = {"new": asked, "name": name, "is_shared": is_shared, "problem": problem}
        return _page(request, listing, given, status=400)
    whose = "shared with everybody" if saved.is_shared else "yours alone"
    messages.success(request, f"View “{saved.name}” is saved, {whose}.")
    return redirect(_address(asked))


def _page(request: HttpRequest, listing: Listing, more: dict[str, object], status: int = 200) -> HttpResponse:
    by = signed_in(request)
    found = list(SavedView.objects.open_to(by, listing.page))
    preference = ListPreference.objects.filter(person=by, page=listing.page).first()
    context = {
        "listing": listing,
        "rows": [(each, Asked.of(listing, QueryDict(each.query)).chips()) for each in found],
        "default_key": preference and preference.default_view_id,
    }
    return render(request, "console/lists/views.html", context | more, status=status)


def _listing(page: str) -> Listing:
    if page not in LISTINGS:
        raise Http404(f"There is no list of {page!r}.")
    return LISTINGS[page]


def _address(asked: Asked) -> str:
    """Where the list stands as it is asked for; never the bare address, which may begin elsewhere."""
    return f"{reverse(asked.listing.page)}?{asked.query or 'order=name'}"
