"""A browser without a screen: somebody signed in, and what it would send of a page's form."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.test import Client

from registry.models import Person


def browse(person: Person) -> Client:
    """A browser that somebody is signed in with."""
    client = Client()
    client.force_login(person)
    return client


class _Form(HTMLParser):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.inside = form, False
        self.sent: dict[str, str] = {}
        self.area = self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("id", "") == self.form and given.get("method") == "post" and "action" not in given
            self.inside = self.inside or (bool(self.form) and given.get("id") == self.form)
        elif self.inside:
            self._control(tag, given)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        sends = given.get("type") not in ("radio", "checkbox", "file") or "checked" in given
        if tag == "input" and name and sends:
            self.sent[name] = given.get("value", "")
        elif tag == "textarea":
            self.area = name
            self.sent[name] = ""
        elif tag == "select":
            self.select = name
            self.sent[name] = ""
        elif tag == "option" and "selected" in given:
            self.sent[self.select] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self.area:
            self.sent[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area:
            # A browser drops the line break that follows the opening tag.
            self.sent[self.area] = self.sent[self.area].removeprefix("\n")
            self.area = ""
        elif tag == "form":
            self.inside = False


def form(page: Any, name: str = "") -> dict[str, str]:
    """The controls of the form with the id `name`, or of the page's own one without an id; no buttons."""
    parser = _Form(name)
    parser.feed(page.content.decode())
    return {key: value for key, value in parser.sent.items() if key != "csrfmiddlewaretoken"}


def form_in(piece: str) -> dict[str, str]:
    """The controls of a piece of a form."""
    parser = _Form("piece")
    parser.feed(f'<form id="piece">{piece}</form>')
    return parser.sent


def text(page: Any) -> str:
    """What one reads on a page, in one line."""
    main = page.content.decode().split("<main", 1)[-1]
    return " ".join(unescape(re.sub("<[^>]+>", " ", main)).split())
