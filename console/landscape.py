"""What the landscape page shows: the part of the map that can be read, where its boxes stand, and who is affected."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.urls import reverse

from registry.exporters.landscape import (
    Graph,
    Layout,
    Link,
    NotArranged,
    Place,
    Reach,
    around_team,
    arrange,
    blast_radius,
    graph_of,
    landscape_svg,
    nearest,
    question,
    systems_of,
    teams_graph,
)
from registry.models import landscape as rows
from registry.models.landscape import Wanted

log = logging.getLogger(__name__)
MOST_AGREEMENTS, MOST_OF_A_TEAM = 150, 600
MOST_PLACES = 90
MOST_LINKS = 180
MOST_AROUND = 45
A_DAY, A_MINUTE = 86_400, 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A map, and what is said of it in words."""

    graph: Graph = field(default_factory=lambda: Graph({}, ()))
    focus: Place | None = None
    needing: tuple[Reach, ...] = ()
    """The systems that need the one in focus, the nearest first."""
    needed: tuple[Reach, ...] = ()
    affected: frozenset[str] = frozenset()
    is_whole: bool = True
    by_team: bool = False

    @property
    def direct(self) -> list[Reach]:
        return [each for each in self.needing if each.steps == 1]

    @property
    def indirect(self) -> list[Reach]:
        return [each for each in self.needing if each.steps > 1]


def shown(wanted: Wanted, system: str) -> Shown:
    """The map of what is wanted: around a system, else of all systems where they are few enough, else of teams."""
    if system:
        return _around(system, wanted)
    found = rows.agreements(wanted, MOST_OF_A_TEAM if wanted.team else MOST_AGREEMENTS)
    graph = graph_of(found, rows.catalogued(_systems(found))) if found else Graph({}, ())
    if found and _can_be_read(graph):
        return Shown(graph)
    if found and wanted.team and _can_be_read(graph := around_team(graph, wanted.team)):
        return Shown(graph)
    uses = teams_graph(*_uses(wanted))
    return Shown(uses, by_team=True) if uses.places else Shown()


def _can_be_read(graph: Graph) -> bool:
    return len(graph.places) <= MOST_PLACES and len(graph.links) <= MOST_LINKS


def _around(system: str, wanted: Wanted) -> Shown:
    found, is_whole = rows.agreements_near(system, wanted)
    graph = graph_of(found, rows.catalogued(_systems(found)))
    if system not in graph.places:
        return Shown()
    affected = blast_radius(graph, system)
    needed = systems_of(blast_radius(graph, system, backwards=True))
    return Shown(
        nearest(graph, system, MOST_AROUND),
        graph.places[system],
        tuple(systems_of(affected)),
        tuple(each for each in needed if each.steps == 1),
        frozenset(affected),
        is_whole,
    )


def _systems(found: Iterable[Any]) -> set[str]:
    """Every system these integrations name."""
    named = [each.system for agreement in found for each in agreement.parties]
    named += [side for agreement in found for each in agreement.contracts for side in (each.consumer, each.provider)]
    named += [each.producer for agreement in found for each in agreement.topics]
    named += [each for agreement in found for event in agreement.events for each in (event.publisher, *event.consumers)]
    return set(named) - {""}


def _uses(wanted: Wanted) -> tuple[list[tuple[str, str, int]], dict[str, str]]:
    """Counted at most once a minute: the statement looks at many rows."""
    key = f"landscape:uses:{_digest(repr(wanted))}"
    found = cache.get(key)
    if found is None:
        found = rows.uses_between_teams(wanted)
        cache.set(key, found, A_MINUTE)
    counted, names = found
    return counted, names


def drawn(map_: Shown, address: Callable[[Place | Link], str]) -> str:
    """The SVG, or "" where Graphviz found no arrangement. The same map is arranged once a day."""
    asked = question(map_.graph)
    key = f"landscape:layout:{_digest(asked)}"
    answer = cache.get(key)
    if answer is None:
        try:
            answer = arrange(asked)
        except NotArranged as error:
            log.warning("The landscape was not arranged: it %s", error)
            answer = {}
        cache.set(key, answer, A_DAY if answer else A_MINUTE)
    if not answer:
        return ""
    focus = map_.focus.key if map_.focus else ""
    return landscape_svg(map_.graph, Layout.read(answer), address=address, focus=focus, affected=map_.affected)


def address(of: Place | Link) -> str:
    """Where a click leads: a system's page, the integration behind a line, or the place in the list that names all."""
    if isinstance(of, Link):
        if len(of.agreements) == 1:
            return reverse("integration", args=[of.agreements[0].slug])
        return f"#{line_id(of)}"
    if of.kind == "team":
        return f"{reverse('landscape')}?team={of.slug}" if of.slug else ""
    if of.kind == "topic":
        return reverse("topic", args=[of.title])
    return reverse("system", args=[of.slug])


def line_id(link: Link) -> str:
    """The anchor of a line in the list."""
    return f"line-{_digest(f'{link.kind} {link.start} {link.end}')[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
