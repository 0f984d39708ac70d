"""Answers a list: its whole page, or only what was found where somebody types a search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from console import listings
from console.listings import Asked, Listing
from console.people import signed_in

MOST_CHOICES = 200
"""A menu with more choices than this becomes a field to type in."""
Choice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Menu:
    """A filter beside the search; where its choices are not known it is typed."""

    name: str
    label: str
    choices: Sequence[Choice] | None
    chosen: str


def answer(
    request: HttpRequest,
    listing: Listing,
    *,
    found: Callable[[Asked], dict[str, Any]],
    menus: Sequence[tuple[str, str, Callable[[], Sequence[Choice] | None]]] = (),
    whole: Callable[[], dict[str, Any]] = dict,
) -> HttpResponse:
    """`found` reads the rows; `menus` are named, labelled and read their choices; `whole` is for the whole page alone.

    The part that shows what was found is console/lists/<list>.html.
    """
    by = signed_in(request)
    asked = Asked.of(listing, request.GET)
    is_part = request.headers.get("HX-Target") == "found"
    if not is_part and (query := listings.elsewhere(request, asked, by)):
        return redirect(f"{reverse(listing.page)}?{query}")
    part = f"console/lists/{listing.page}.html"
    context = listings.head(asked, by) | {"asked": asked, "is_part": is_part, "part": part} | found(asked)
    if is_part:
        return render(request, "console/lists/found.html", context)
    read = [Menu(name, label, choices(), asked.filters[name]) for name, label, choices in menus]
    # A menu of nothing offers nothing.
    shown = [menu for menu in read if menu.choices is None or menu.choices or menu.chosen]
    context |= {"menus": shown, "kept": _kept(asked, {menu.name for menu in shown})} | whole()
    return render(request, "console/lists/list.html", context)


def named(rows: Any) -> Sequence[Choice] | None:
    """Slugs and names for a menu; None where there are too many for one."""
    found = list(rows.values_list("slug", "name")[: MOST_CHOICES + 1])
    return found if len(found) <= MOST_CHOICES else None


def _kept(asked: Asked, controls: set[str]) -> dict[str, str]:
    """What is asked for that has no control of its own, so that another search keeps it."""
    said = {name: value for name, value in asked.filters.items() if name not in controls | {"q"}}
    said |= {"order": "" if asked.order == "name" else asked.order, "columns": asked.column_names}
    return {name: value for name, value in said.items() if value}
