"""Whatever a letter or a broker writes, no page of dead letters holds it raw: not what turns a line around, nor what
steers a terminal."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from registry.models import (
    DeadLetter,
    DeadLetterGroup,
    DeadLetterSource,
    Environment,
    Integration,
    Person,
    RedriveAttempt,
    RedriveItem,
    RedriveJob,
)
from registry.services import integrations
from tests import landscape, letters
from tests.console.browsing import browse
from tests.registry.services.redrives import redriving

ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
WHERE = ("wire_id", "ordering_key", "reason", "error_class", "message", "origin", "event_type", "content_type")
SAID = (*WHERE, "schema_problem", "position", "partition", "why")
PAGES = (
    *("home", "dead-letters", "source", "letters", "letters-of-group", "letter", "letter-edit", "letters-all"),
    *("redrive-new", "redrives", "redrive", "integration-dead-letters", "source-settings"),
)


def hostile(name: str) -> str:
    return f"{name}\u202egnp.exe\x1b[2J\x07\x9b"


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person) -> Integration:
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=redriving.document("orders.events"), by=ann
    )


@pytest.fixture
def source(approved: Integration, ann: Person) -> DeadLetterSource:
    at, said = letters.broker(Environment.objects.get(slug="production")), {"trouble": hostile("source.trouble")}
    made = letters.source(approved, at, by=ann, searchable=["tenant"], open_since=timezone.now(), **said)
    letter(made, state="resolved", died_at=timezone.now())
    return made


def letter(of: DeadLetterSource, **more: Any) -> DeadLetter:
    said = {name: hostile(name) for name in SAID} | {"facts": {"tenant": hostile("tenant")}}
    headers = [("x-\u202eheader\x1b", hostile("header"))]
    made = letters.letter(of, body=hostile("body").encode(), headers=headers, **said | more)
    told = {"error_class": hostile("error_class"), "reason": hostile("reason"), "message": hostile("group.message")}
    DeadLetterGroup.objects.filter(pk=made.group_id).update(**told)
    return made


@pytest.fixture
def dead(source: DeadLetterSource) -> DeadLetter:
    """An open one, whose key went on without it."""
    return letter(source, wire_id="evt-of-it", died_at=timezone.now() - timedelta(hours=1))


@pytest.fixture
def job(source: DeadLetterSource, oncall: Person) -> RedriveJob:
    held = letter(source, wire_id="evt-sent", died_at=timezone.now() - timedelta(hours=2))
    made = redriving.begun(source, held, by=oncall)
    said = {"state": "paused", "paused_because": hostile("paused_because"), "trouble": hostile("job.trouble")}
    RedriveJob.objects.filter(pk=made.pk).update(**said)
    item = RedriveItem.objects.create(
        job=made, letter=held, position=1, state="refused", note=hostile("item.note"), settled_at=timezone.now()
    )
    more = {"claimed_at": timezone.now(), "lease_until": timezone.now(), "settled_at": timezone.now()}
    RedriveAttempt.objects.create(
        item=item, letter=held, number=1, fence=1, wire_id="evt-sent", state="refused", why=hostile("attempt"), **more
    )
    return made


def address(page: str, dead: DeadLetter, job: RedriveJob) -> str:
    source = [dead.source_id]
    return {
        "home": "/",
        "dead-letters": reverse("dead-letters"),
        "source": reverse("source", args=source),
        "letters": reverse("letters", args=source),
        "letters-of-group": reverse("letters", args=source, query={"group": dead.group_id}),
        "letter": reverse("letter", args=[job.items.get().letter_id]),
        "letter-edit": reverse("letter-edit", args=[dead.pk]),
        "letters-all": reverse("letters-all", args=source, query={"group": dead.group_id, "act": "park"}),
        "redrive-new": reverse("redrive-new", args=source, query={"group": dead.group_id}),
        "redrives": reverse("redrives"),
        "redrive": reverse("redrive", args=[job.pk]),
        "integration-dead-letters": reverse("integration-dead-letters", args=[dead.source.integration.slug]),
        "source-settings": reverse("source-settings", args=source),
    }[page]


SHOWN = {
    "dead-letters": ["source.trouble"],
    "source": ["source.trouble", "error_class", "group.message"],
    "letters": ["error_class", "message", "ordering_key"],
    "letter": [
        "error_class",
        "message",
        "ordering_key",
        "origin",
        "position",
        "partition",
        "attempt",
        "why",
        "body",
        "tenant",
    ],
    "redrive-new": ["error_class", "ordering_key"],
    "redrives": ["paused_because"],
    "redrive": ["error_class", "ordering_key", "item.note", "paused_because", "job.trouble"],
    "integration-dead-letters": ["source.trouble"],
}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_dead_letters_holds_what_cannot_be_seen(
    page: str, dead: DeadLetter, job: RedriveJob, oncall: Person, paul: Person
) -> None:
    reader = paul if page == "source-settings" else oncall
    shown = browse(reader).get(address(page, dead, job))
    assert shown.status_code == 200
    html = shown.content.decode()
    # A field shows characters as they are, and says beside it which they are.
    html = re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", html, flags=re.DOTALL)
    assert [html[max(0, at.start() - 40) : at.end()] for at in ODD.finditer(html)] == []
    for name in SHOWN.get(page, []):
        assert f"{name}<span class" in html, name
