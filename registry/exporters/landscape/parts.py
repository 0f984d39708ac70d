"""Parts of a map that can be read where the whole cannot: around a system, around a team, teams alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from .graph import Graph, Link, Place
from .reach import blast_radius, systems_of

__all__ = ["around_team", "nearest", "teams_graph"]


def nearest(graph: Graph, key: str, most: int) -> Graph:
    """A system with those it needs and all that need it, the nearest first and `most` systems at most."""
    affected = [each.place.key for each in systems_of(blast_radius(graph, key))]
    needed = [each.place.key for each in systems_of(blast_radius(graph, key, backwards=True)) if each.steps == 1]
    systems = set(list(dict.fromkeys([key, *needed[: most // 3], *affected, *needed]))[:most])
    used = Counter(
        end
        for link in graph.links
        for end, other in ((link.start, link.end), (link.end, link.start))
        if other in systems
    )
    topics = {place.key for place in graph.places.values() if place.kind == "topic" and used[place.key] > 1}
    return graph.only(systems | topics)


def around_team(graph: Graph, team: str) -> Graph:
    """The systems and topics of one team, and other teams as one box each."""

    def shown(place: Place) -> Place:
        return place if place.team == team else _team(place.team, graph.teams)

    stands_for = {key: shown(place) for key, place in graph.places.items()}
    merged: dict[tuple[str, str, Literal["call", "message"]], list[Link]] = defaultdict(list)
    for link in graph.links:
        start, end = stands_for[link.start], stands_for[link.end]
        if start != end and team in (start.team, end.team):
            merged[start.key, end.key, link.kind].append(link)
    links = tuple(_merged(*key, found) for key, found in sorted(merged.items()))
    used = {key for link in links for key in (link.start, link.end)}
    places = {place.key: place for place in stands_for.values() if place.key in used}
    return Graph(dict(sorted(places.items())), links, graph.teams)


def _merged(start: str, end: str, kind: Literal["call", "message"], found: list[Link]) -> Link:
    protocols = {each for link in found for each in link.protocols}
    agreements = {each.slug: each for link in found for each in link.agreements}
    return Link(
        start, end, kind, tuple(sorted(protocols)), tuple(sorted(agreements.values(), key=lambda each: each.name))
    )


def teams_graph(counts: Iterable[tuple[str, str, int]], names: Mapping[str, str]) -> Graph:
    """The map of teams: how many contracts and events the systems of one use of the other's."""
    rows = [each for each in counts if each[0] != each[1]]
    slugs = sorted({slug for row in rows for slug in row[:2]})
    places = [_team(each, names) for each in slugs]
    links = (
        Link(f"team {start}", f"team {end}", "call", (f"{count:,} use{'' if count == 1 else 's'}",), ())
        for start, end, count in rows
    )
    return Graph({each.key: each for each in places}, tuple(links))


def _team(slug: str, names: Mapping[str, str]) -> Place:
    return Place(f"team {slug}", "team", names.get(slug, slug) or "No team", slug=slug)
