"""A whole list as a file: all that was found, or the chosen rows, row by row as it is read."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from console.listings import INTEGRATIONS, Asked
from console.people import signed_in
from registry.exporters import sheet
from registry.models import DeadLetter, Event, Integration

MOST_CHOSEN = 200
ROWS_AT_ONCE = 1_000
COLUMNS = (
    *("slug", "name", "project", "state", "type", "criticality", "errors", "warnings"),
    *("created_at", "updated_at", "purpose", "owner__username", "tag_slugs", "consumers", "providers", "teams"),
    *("current__major", "current__minor", "current__state", "in_force__major", "in_force__minor"),
)
LETTER_COLUMNS = (
    *("id", "state", "wire_id", "ordering_key", "error_class", "reason", "message", "event_type", "schema_problem"),
    *("died_at", "harvested_at", "redrive_count", "size", "assignee__username"),
)
Row = dict[str, Any]


def integrations(request: HttpRequest, format: str) -> HttpResponseBase:  # noqa: A002 - the address's own word
    """Integrations as CSV or JSON."""
    write = _writer(format, "a list")
    # A form that sends chosen rows says in one field how the list was asked for.
    query = QueryDict(request.GET["query"]) if "query" in request.GET else request.GET
    asked = Asked.of(INTEGRATIONS, query)
    found = Integration.objects.listing(**asked.for_reader(signed_in(request)))
    if chosen := request.GET.getlist("chosen")[:MOST_CHOSEN]:
        found = found.filter(slug__in=[each.replace("\x00", "") for each in chosen])
    rows = found.with_tags().with_sides().order_by(asked.field, "id").values(*COLUMNS)
    return write("integrations", map(_integration, rows.iterator(chunk_size=ROWS_AT_ONCE)))


def trail(request: HttpRequest, format: str) -> HttpResponseBase:  # noqa: A002 - the address's own word
    """Events of the trail as CSV or JSON: all that was found, newest first, each with the hash it is chained by."""
    write = _writer(format, "the trail")
    asked = {name: request.GET.get(name, "").replace("\x00", "").strip()[:300] for name in TRAIL_FILTERS}
    rows = Event.objects.listing(**asked).select_related("actor")
    return write("trail", map(_event, rows.iterator(chunk_size=ROWS_AT_ONCE)))


TRAIL_FILTERS = ("chain", "kind", "actor", "subject", "request")


def letters(request: HttpRequest, found: QuerySet[DeadLetter], format: str) -> HttpResponseBase:  # noqa: A002
    """Dead letters as CSV or JSON, without what they hold."""
    write = _writer(format, "dead letters")
    rows = found.order_by("-died_at", "-id").values(*LETTER_COLUMNS)
    return write("dead-letters", map(_letter, rows.iterator(chunk_size=ROWS_AT_ONCE)))


def _writer(format: str, what: str) -> Callable[[str, Iterator[Row]], HttpResponseBase]:  # noqa: A002
    """What writes rows as a file of a name. Raises Http404."""
    if format not in WRITERS:
        raise Http404(f"There is no {format!r} of {what}.")
    media_type, write = WRITERS[format]

    def written(name: str, rows: Iterator[Row]) -> HttpResponseBase:
        file = f"{name}-{timezone.now():%Y-%m-%d}.{format}"
        return StreamingHttpResponse(
            write(rows),
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"},
        )

    return written


def _letter(row: Row) -> Row:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _event(row: Event) -> Row:
    return {
        "at": row.at.isoformat(timespec="microseconds"),
        "actor": row.actor.username if row.actor else "",
        "actor_name": row.actor_name,
        "kind": row.kind,
        "subject": row.subject,
        "chain": row.chain,
        "sequence": row.sequence,
        "origin_ip": row.origin_ip,
        "request_id": row.request_id,
        "data": row.data,
        "previous_hash": row.previous_hash,
        "hash": row.hash,
    }


def _integration(row: Row) -> Row:
    return {
        "slug": row["slug"],
        "name": row["name"],
        "project": row["project"],
        "state": row["state"],
        "type": row["type"],
        "criticality": row["criticality"],
        "version": _version(row, "current"),
        "revision_state": row["current__state"],
        "in_force": _version(row, "in_force"),
        "consumers": ", ".join(row["consumers"]),
        "providers": ", ".join(row["providers"]),
        "teams": ", ".join(row["teams"]),
        "owner": row["owner__username"] or "",
        "tags": ", ".join(row["tag_slugs"]),
        "errors": row["errors"],
        "warnings": row["warnings"],
        "created_at": row["created_at"].isoformat(timespec="seconds"),
        "updated_at": row["updated_at"].isoformat(timespec="seconds"),
        "purpose": row["purpose"],
    }


def _version(row: Row, revision: str) -> str:
    major = row[f"{revision}__major"]
    return "" if major is None else f"{major}.{row[f'{revision}__minor']}"


def _csv(rows: Iterator[Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if not number:
            yield sheet.line(row)
        yield sheet.line(row.values())


def _json(rows: Iterator[Row]) -> Iterator[str]:
    yield "["
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{json.dumps(row, ensure_ascii=False)}"
    yield "\n]\n"


WRITERS: dict[str, tuple[str, Callable[[Iterator[Row]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8; header=present", _csv),
    "json": ("application/json; charset=utf-8", _json),
}
