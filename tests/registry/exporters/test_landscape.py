"""The landscape: what is drawn, who is affected, and a picture that is right whatever systems are called."""

from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.exporters.landscape import (
    Agreement,
    Contract,
    Event,
    Graph,
    Layout,
    NotArranged,
    Party,
    System,
    Topic,
    around_team,
    arrange,
    blast_radius,
    graph_of,
    landscape_mermaid,
    landscape_svg,
    nearest,
    question,
    systems_of,
    teams_graph,
)
from tests import tools
from tests.registry.exporters.test_mermaid import NAMES, collected

SVG = "{http://www.w3.org/2000/svg}"


def calls(slug: str, consumer: str, provider: str, protocol: str = "rest", state: str = "active") -> Agreement:
    return Agreement(slug, slug.title(), state, contracts=(Contract(protocol, consumer, provider),))


def publishes(slug: str, producer: str, *readers: str) -> Agreement:
    topic, event = Topic("orders", "kafka", producer), Event("order.PLACED", producer, readers)
    return Agreement(slug, slug.title(), topics=(topic,), events=(event,))


def drawn(graph: Graph) -> list[tuple[str, str, str, str]]:
    titles = {key: place.title for key, place in graph.places.items()}
    return [(titles[each.start], each.kind, each.words, titles[each.end]) for each in graph.links]


def test_calls_go_to_the_one_called_and_what_is_handed_over_to_the_reader() -> None:
    found = [calls("a", "shop", "stock"), calls("b", "shop", "stock", "grpc"), calls("c", "ledger", "bank", "file")]
    assert drawn(graph_of(found)) == [
        ("bank", "message", "Files", "ledger"),
        ("shop", "call", "REST/HTTPS, gRPC", "stock"),
    ]


def test_messages_travel_by_their_topic_which_all_who_name_it_share() -> None:
    found = [publishes("a", "shop", "mail"), publishes("b", "shop", "stock")]
    assert drawn(graph_of(found)) == [
        ("shop", "message", "", "orders"),
        ("orders", "message", "", "mail"),
        ("orders", "message", "", "stock"),
    ]


def test_a_message_contract_rides_on_its_providers_topic_and_dead_letters_are_not_drawn() -> None:
    agreement = Agreement(
        "a",
        "A",
        parties=(Party("consumer", "mail"), Party("provider", "shop")),
        contracts=(Contract("amqp", "mail", "shop"),),
        topics=(Topic("orders", "", "shop", dead_letter="orders.dead"), Topic("orders.dead", "", "mail")),
    )
    assert drawn(graph_of([agreement])) == [("shop", "message", "", "orders"), ("orders", "message", "", "mail")]


def test_where_several_topics_are_written_events_travel_on_the_one_that_names_them() -> None:
    topics = (Topic("orders.events", "", "shop"), Topic("returns.events", "", "shop"))
    events = (Event("order.PLACED", "shop", ("mail",)), Event("return.SENT", "shop", ("stock",)))
    found = drawn(graph_of([Agreement("a", "A", topics=topics, events=events)]))
    assert [(start, end) for start, _, _, end in found if start != "shop"] == [
        ("orders.events", "mail"),
        ("returns.events", "stock"),
    ]


def test_a_system_has_its_catalogs_name_its_team_and_the_highest_criticality() -> None:
    found = [
        Agreement("a", "A", criticality="low", contracts=(Contract("rest", "shop", "stock"),)),
        Agreement("b", "B", criticality="critical", parties=(Party("consumer", "shop", "sales"),)),
    ]
    places = graph_of(found, [System("stock", "Stock service", "fulfilment", "Fulfilment")]).places
    assert [(each.title, each.team, each.criticality, each.is_known) for each in places.values()] == [
        ("shop", "sales", "critical", False),
        ("Stock service", "fulfilment", "low", True),
    ]


CHAIN = [
    calls("a", "shop", "orders"),
    calls("b", "orders", "stock"),
    publishes("c", "orders", "mail"),
    calls("d", "app", "mail"),
    calls("e", "stock", "shop"),
    calls("f", "idle", "app"),
]


def test_what_fails_reaches_callers_readers_and_those_behind_them_and_circles_end() -> None:
    found = systems_of(blast_radius(graph_of(CHAIN), "orders"))
    assert [(each.place.key, each.steps, each.through and each.through.key) for each in found] == [
        ("shop", 1, "orders"),
        ("mail", 1, "orders"),
        ("stock", 2, "shop"),
        ("app", 2, "mail"),
        ("idle", 3, "app"),
    ]
    assert [[each.slug for each in one.agreements] for one in found] == [["a"], ["c"], ["e"], ["d"], ["f"]]


def test_backwards_it_is_what_a_system_needs() -> None:
    found = systems_of(blast_radius(graph_of(CHAIN), "app", backwards=True))
    assert [(each.place.key, each.steps) for each in found] == [("mail", 1), ("orders", 2), ("stock", 3), ("shop", 4)]


def test_a_system_nobody_names_reaches_nobody() -> None:
    assert blast_radius(graph_of(CHAIN), "unknown") == {}


def test_around_a_hub_only_so_many_are_drawn_and_topics_between_them() -> None:
    found = [calls(f"a-{each}", f"user-{each:02}", "hub") for each in range(60)]
    found += [calls("own", "hub", "base"), publishes("told", "hub", "user-01", "user-02")]
    part = nearest(graph_of(found), "hub", 20)
    assert sum(each.kind == "system" for each in part.places.values()) == 20
    assert {"hub", "base", "topic kafka orders"} <= set(part.places)


def test_around_a_team_others_are_one_box_each() -> None:
    found = [calls("a", "shop", "stock"), calls("b", "shop", "depot"), calls("c", "stock", "depot")]
    teams = {"shop": "sales", "stock": "store", "depot": "store"}
    part = around_team(
        graph_of(found, [System(slug, slug, team, team.upper()) for slug, team in teams.items()]), "sales"
    )
    assert drawn(part) == [("shop", "call", "REST/HTTPS", "STORE")]
    assert [each.slug for each in part.links[0].agreements] == ["a", "b"]


def test_teams_are_drawn_with_how_often_they_use_each_other() -> None:
    graph = teams_graph([("sales", "store", 1_200), ("sales", "sales", 9), ("", "store", 1)], {"store": "Store"})
    assert drawn(graph) == [("sales", "call", "1,200 uses", "Store"), ("No team", "call", "1 use", "Store")]


# The picture


def picture(graph: Graph, **more: object) -> str:
    return landscape_svg(graph, Layout.read(arrange(question(graph))), address=lambda of: "/x/", **more)  # type: ignore[arg-type]


def test_the_same_map_is_always_arranged_in_the_same_way() -> None:
    graph = graph_of(CHAIN)
    assert question(graph) == question(graph_of(reversed(CHAIN)))
    assert arrange(question(graph)) == arrange(question(graph))


def test_no_two_boxes_overlap_and_none_leaves_the_picture() -> None:
    found = [calls(f"a-{at}", f"system-{at % 7}", f"system-{at * at % 11}") for at in range(30)]
    graph = graph_of(found, [System(f"system-{at}", "x" * at, f"team-{at % 3}", "T") for at in range(11)])
    root = ElementTree.fromstring(picture(graph))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [
        tuple(float(rect.attrib[side]) for side in ("x", "y", "width", "height"))
        for group in root.iter(f"{SVG}g")
        if "topo-node" in group.attrib.get("class", "")
        for rect in group.iter(f"{SVG}rect")
    ]
    assert len(boxes) == len(graph.places)
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
    assert all(x >= -4 and y >= -4 and x + w <= width and y + h <= height for x, y, w, h in boxes)


def test_a_line_of_one_integration_is_told_from_one_not_in_force() -> None:
    svg = picture(graph_of([calls("a", "shop", "stock", state="proposed")]))
    assert "is-proposed" in svg
    assert "proposed: REST/HTTPS" in svg


def test_around_a_system_what_is_not_affected_steps_back() -> None:
    graph = graph_of([calls("a", "shop", "stock"), calls("b", "stock", "depot")])
    root = ElementTree.fromstring(picture(graph, focus="stock", affected=frozenset(blast_radius(graph, "stock"))))
    roles = {each.attrib["data-place"]: each.attrib["class"] for each in root if "data-place" in each.attrib}
    assert roles == {"shop": "map-place", "stock": "map-place is-focus", "depot": "map-place is-dim"}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NAMES, NAMES, NAMES), min_size=1, max_size=4))
def test_whatever_systems_topics_and_teams_are_called_the_picture_is_well_formed(
    names: list[tuple[str, str, str]],
) -> None:
    root = ElementTree.fromstring(picture(named(names)))
    assert len([each for each in root if "data-place" in each.attrib]) == len(named(names).places)


def named(names: list[tuple[str, str, str]]) -> Graph:
    found = [
        Agreement(
            f"i-{at}",
            team,
            parties=(Party("consumer", f"a-{at}", team), Party("provider", f"b-{at}", team)),
            contracts=(Contract("rest", f"a-{at}", f"b-{at}"),),
            topics=(Topic(topic, "", f"b-{at}"),),
        )
        for at, (_, topic, team) in enumerate(names)
    ]
    known = [System(f"a-{at}", name, team, team) for at, (name, _, team) in enumerate(names)]
    return graph_of(found, known)


def test_a_tangle_is_given_up_in_time() -> None:
    with pytest.raises(NotArranged, match=r"took more than 0\.001 s"):
        arrange(question(graph_of(CHAIN)), seconds=0.001)


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(NotArranged, match=r"ended with 1: (?s:.*)KeyError"):
        arrange("{}")


def test_mermaids_own_parser_accepts_every_map_with_the_names_as_they_are() -> None:
    graphs = [graph_of(CHAIN), teams_graph([("end", "b", 2)], {})]
    hostile = [named([each]) for each in collected(st.tuples(NAMES, NAMES, NAMES))]
    texts = {str(at): landscape_mermaid(each) for at, each in enumerate([*graphs, *hostile])}
    read = tools.mermaid(texts)
    assert {texts[at]: each.problem for at, each in read.items() if each.problem} == {}
    for at, graph in enumerate(hostile, len(graphs)):
        found = {" ".join(each.split()) for each in read[str(at)].texts}
        assert {" ".join(place.title.split()) for place in graph.places.values()} <= found
