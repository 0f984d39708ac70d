"""Saved views of lists, and what each person prefers to see."""

from django.db import IntegrityError, transaction

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import ListPreference, Person, SavedView
from registry.models.lists import LISTS, LONGEST_QUERY
from registry.record.findings import Problem
from registry.services import trail
from registry.services.text import Reading

MOST_VIEWS = 100
LONGEST_NAME = 60


@transaction.atomic
def save(*, page: str, name: str, query: str, is_shared: bool = False, by: Person) -> SavedView:
    """Keep a list as it is asked for now, under a name of one's own; the same name again replaces it."""
    name = _name(name)
    if page not in LISTS or len(query) > LONGEST_QUERY:
        raise Invalid([Problem("query", "is not a list that can be kept", "Use fewer filters.")])
    mine = SavedView.objects.filter(owner=by, page=page)
    held = mine.select_for_update().filter(name=name).first()
    if held is None and mine.count() >= MOST_VIEWS:
        raise Conflict(f"You have {MOST_VIEWS} views of this list.", "Delete one you no longer use.")
    before = _said(held) if held else None
    said = {"query": query, "is_shared": is_shared}
    view, _ = SavedView.objects.update_or_create(owner=by, page=page, name=name, defaults=said)
    _after(view, before, by=by)
    return view


@transaction.atomic
def change(view: SavedView, *, name: str, is_shared: bool, by: Person) -> SavedView:
    """Give a view another name, or share it, or keep it to oneself."""
    held = _own(view, by=by)
    before = _said(held)
    held.name, held.is_shared = _name(name), is_shared
    try:
        with transaction.atomic():
            held.save()
    except IntegrityError:
        raise Invalid([Problem("name", "is the name of another view of yours", "Choose another name.")]) from None
    _after(held, before, by=by)
    return held


@transaction.atomic
def delete(view: SavedView, *, by: Person) -> None:
    """Forget a view. Whoever had it as their default sees the whole list again."""
    held = _own(view, by=by)
    before = _said(held)
    held.delete()
    _tell("view.deleted", view, before, {}, by=by)


@transaction.atomic
def make_default(page: str, view: SavedView | None, *, by: Person) -> None:
    """Begin a list with this view from now on; None: with everything. One's own affair, so nothing is told."""
    if view is not None and (view.page != page or not (view.is_shared or view.owner_id == by.pk)):
        raise NotAllowed("That view is somebody else's own.", "Ask its owner to share it.")
    ListPreference.objects.update_or_create(person=by, page=page, defaults={"default_view": view})


@transaction.atomic
def choose_columns(page: str, columns: list[str], *, by: Person) -> None:
    """Show these columns from now on; none: the usual ones. One's own affair, so nothing is told."""
    ListPreference.objects.update_or_create(person=by, page=page, defaults={"columns": columns})


def _own(view: SavedView, *, by: Person) -> SavedView:
    if view.owner_id != by.pk:
        raise NotAllowed(f"Only {view.owner.name} changes this view.", "Save one of your own from it.")
    return SavedView.objects.select_for_update().get(pk=view.pk)


def _name(text: str) -> str:
    reading = Reading()
    name = reading.line("name", text, longest=LONGEST_NAME)
    reading.done()
    return name


def _after(view: SavedView, before: dict[str, object] | None, *, by: Person) -> None:
    if not view.is_shared:
        # Nobody begins with a view they can no longer see.
        ListPreference.objects.filter(default_view=view).exclude(person=by).update(default_view=None)
    _tell("view.changed" if before else "view.saved", view, before or {}, _said(view), by=by)


def _tell(kind: str, view: SavedView, before: dict[str, object], after: dict[str, object], *, by: Person) -> None:
    """What is one's own is one's own affair; what others see or saw is told."""
    if before != after and (before.get("is_shared") or after.get("is_shared")):
        subject = f"view/{view.page}/{view.owner.username}/{view.name}"
        trail.record(kind, by=by, subject=subject, data={"before": before, "after": after})


def _said(view: SavedView) -> dict[str, object]:
    return {"name": view.name, "query": view.query, "is_shared": view.is_shared}
