"""Whom a system's failure reaches: those that need it, those that need these, and so on."""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from .graph import Agreement, Graph, Link, Place

__all__ = ["Reach", "blast_radius", "systems_of"]


@dataclass(frozen=True, slots=True)
class Reach:
    """A system that another one's failure reaches: after how many steps, through whom, and by which integrations."""

    place: Place
    steps: int
    through: Place | None
    agreements: tuple[Agreement, ...]


def blast_radius(graph: Graph, key: str, *, backwards: bool = False) -> dict[str, Reach]:
    """The systems and topics that need `key`, directly or through others, the nearest first; backwards, those it needs.

    A topic on the way is not a step of its own.
    """
    if key not in graph.places:
        return {}
    arrivals: dict[str, list[tuple[str, Link]]] = defaultdict(list)
    for link in graph.links:
        needy, needed = reversed(link.needs) if backwards else link.needs
        arrivals[needed].append((needy, link))
    reached = {key: Reach(graph.places[key], 0, None, ())}
    now = deque([key])
    later: deque[str] = deque()
    while now:
        at = now.popleft()
        for needy, link in arrivals[at]:
            if needy not in reached:
                reached[needy] = _reached(graph.places[needy], reached[at], link)
                (now if reached[needy].place.kind == "topic" else later).append(needy)
        if not now:
            now, later = later, deque()
    del reached[key]
    return dict(sorted(reached.items(), key=lambda each: each[1].steps))


def _reached(place: Place, before: Reach, link: Link) -> Reach:
    is_topic = place.kind == "topic"
    through = before.through if before.place.kind == "topic" else before.place
    agreements = link.agreements
    if before.place.kind == "topic":
        shared = {each.slug for each in before.agreements}
        agreements = tuple(each for each in link.agreements if each.slug in shared) or link.agreements
    return Reach(place, before.steps + (not is_topic), through, agreements)


def systems_of(reached: Mapping[str, Reach]) -> list[Reach]:
    """Without the topics on the way."""
    return [each for each in reached.values() if each.place.kind == "system"]
