"""Topics and events: what all records together say of one that several of them name."""

from typing import Any, get_args

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from console import listed
from console.listings import EVENTS, TOPICS, Asked
from registry.models import IndexedTopic, System
from registry.models import topics as read
from registry.models.topics import COMPARED, Declaration
from registry.record import labels
from registry.record.topics import TopicKind


def topics(request: HttpRequest) -> HttpResponse:
    def found(asked: Asked) -> dict[str, Any]:
        return {"page": read.topics_page(asked.filters, cursor=asked.cursor, falling=asked.is_falling)}

    kinds = [(each, labels.choice(each)) for each in get_args(TopicKind)]
    menus = (
        ("kind", "Kind", lambda: kinds),
        ("broker", "Broker", lambda: None),
        ("producer", "Written by", lambda: listed.named(System.objects.all())),
    )
    return listed.answer(request, TOPICS, found=found, menus=menus)


def topic(request: HttpRequest, name: str) -> HttpResponse:
    """Who writes it and who reads it, and what each record says it is, with what differs marked."""
    declared = read.declarations(name)
    feeds = IndexedTopic.objects.living().filter(dead_letter=name).exclude(name__in=("", name))
    feeding = list(feeds.order_by("name").values_list("name", flat=True).distinct()[: read.MOST_DECLARATIONS])
    if not declared and not feeding:
        raise Http404(f"No record names {name!r}.")
    differing = {aspect for each in declared for aspect in each.differing}
    context = {
        "name": name,
        "declared": declared,
        "newest": declared[0].row if declared else None,
        "differing": [labels.field(each).lower() for each in COMPARED if each in differing],
        "writers": list(dict.fromkeys(each.row.producer for each in declared if each.row.producer)),
        "readers": _readers(declared),
        "feeding": feeding,
        "events": _events(declared),
        "known": set(System.objects.filter(slug__in=_systems(declared)).values_list("slug", flat=True)),
        "is_cut": len(declared) == read.MOST_DECLARATIONS,
    }
    return render(request, "console/catalog/topic.html", context)


def events(request: HttpRequest) -> HttpResponse:
    def found(asked: Asked) -> dict[str, Any]:
        return {"page": read.events_page(asked.filters, cursor=asked.cursor, falling=asked.is_falling)}

    def systems() -> Any:
        return listed.named(System.objects.all())

    return listed.answer(
        request, EVENTS, found=found, menus=(("publisher", "Published by", systems), ("consumer", "Read by", systems))
    )


def event(request: HttpRequest, type: str) -> HttpResponse:  # noqa: A002 - the field's own name
    """Who publishes it and who reads it, and its schema in each record."""
    declared = read.event_declarations(type)
    if not declared:
        raise Http404(f"No record names {type!r}.")
    hashes = list(dict.fromkeys(each.schema_hash for each in declared if each.schema_hash))
    shown = next((each for each in declared if each.schema_hash), declared[0])
    record = shown.revision.record
    context = {
        "type": type,
        "declared": declared,
        "schemas": {each: f"schema {number}" for number, each in enumerate(hashes, 1)} if len(hashes) > 1 else {},
        "shown": shown,
        "event": next((each for each in record.events if each.type == type), None),
    }
    return render(request, "console/catalog/event.html", context)


def _readers(declared: list[Declaration]) -> list[dict[str, Any]]:
    """Each consumer group with the systems it may be, and the integrations that say so."""
    found: dict[str, dict[str, Any]] = {}
    for each in declared:
        for group in each.row.consumer_groups or ([""] if each.consumers and not each.takes_failures else []):
            entry = found.setdefault(group, {"group": group, "systems": {}, "integrations": {}})
            own = [slug for slug in each.consumers if group.startswith(slug)]
            entry["systems"] |= dict.fromkeys(own or each.consumers)
            entry["integrations"][each.integration.slug] = each.integration.name
    return list(found.values())


def _events(declared: list[Declaration]) -> list[dict[str, Any]]:
    """Each type of event that may travel on it, with its readers, how many schemas it has, and who says so."""
    found: dict[str, dict[str, Any]] = {}
    for declaration in declared:
        for each in declaration.events:
            key = each.type or each.name
            entry = found.setdefault(
                key, {"event": each, "consumers": {}, "schemas": set(), "integrations": {}, "others": set()}
            )
            entry["consumers"] |= dict.fromkeys(each.consumer_slugs)
            entry["schemas"] |= {each.schema_hash} - {""}
            entry["integrations"][declaration.integration.slug] = declaration.integration.name
            entry["others"] |= declaration.siblings
    return list(found.values())


def _systems(declared: list[Declaration]) -> set[str]:
    return {slug for each in declared for slug in (each.row.producer, *each.consumers)}
