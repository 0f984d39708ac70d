"""Who is on either side of what a file describes: a guess from it, and the answer worked into its document. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from .base import OPPOSITE, Imported, Role, Sides

__all__ = ["guessed_sides", "with_sides"]

Values = dict[str, Any]
ASKED = ("openapi", "asyncapi", "proto", "graphql")
"""Formats that describe one side only."""


def guessed_sides(found: Imported) -> Sides | None:
    """What the file tells of its sides; None where it names both sides itself."""
    if found.format not in ASKED:
        return None
    for party in found.document.get("parties", []):
        role: Role = party["role"]
        return Sides(described=role, **{role: party["system"]})
    named = (each.get("name", "") for each in found.document.get("contracts", []))
    return Sides(provider=next((each for each in named if each != "graphql-api"), ""), described="provider")


def with_sides(document: Values, guessed: Sides, sides: Sides, known: Mapping[str, Mapping[str, str]]) -> Values:
    """`document` with the systems that are really meant. `known` has the team and contact of systems of the catalog."""
    turned = guessed.described != sides.described
    contracts = [_contract(each, guessed, sides, turned=turned) for each in document.get("contracts", [])]
    whole = document | {
        "parties": list(_parties(document, guessed, sides, known)),
        "contracts": contracts,
        "events": [_event(each, guessed, sides) for each in document.get("events", [])],
        "topics": [_topic(each, guessed, sides) for each in document.get("topics", [])],
    }
    return {name: value for name, value in whole.items() if value}


def _parties(
    document: Values, guessed: Sides, sides: Sides, known: Mapping[str, Mapping[str, str]]
) -> Iterator[Values]:
    stated: Values = next((each for each in document.get("parties", []) if each.get("system") == guessed.own), {})
    for role in OPPOSITE:
        system = sides.provider if role == "provider" else sides.consumer
        if system:
            contact = {"contact": stated["contact"]} if role == sides.described and stated.get("contact") else {}
            yield {"role": role, "system": system, **contact, **known.get(system, {})}


def _contract(contract: Values, guessed: Sides, sides: Sides, *, turned: bool) -> Values:
    """A call is answered by whom the file describes; on a WebSocket either side may be described."""
    made = dict(contract)
    role: Role = "consumer" if contract.get("consumer") == guessed.own and guessed.own else "provider"
    if contract.get("protocol") == "websocket" and turned:
        role = OPPOSITE[role]
        frames = [
            each | {"sent_by": OPPOSITE[each["sent_by"]]} for each in contract.get("definition", {}).get("frames", [])
        ]
        made["definition"] = {**contract.get("definition", {}), "frames": frames}
    made |= {role: sides.own, OPPOSITE[role]: sides.other}
    return {name: value for name, value in made.items() if value}


def _event(event: Values, guessed: Sides, sides: Sides) -> Values:
    made = dict(event)
    if event.get("published_by") == guessed.own:
        made["published_by"] = sides.own
    elif sides.other and event.get("consumed_by"):
        made.setdefault("published_by", sides.other)
    readers = [sides.own if each == guessed.own else each for each in event.get("consumed_by", [])]
    if not readers and sides.other and event.get("published_by"):
        readers = [sides.other]
    return {name: value for name, value in (made | {"consumed_by": readers}).items() if value}


def _topic(topic: Values, guessed: Sides, sides: Sides) -> Values:
    """Whoever writes is known from the file; the group that reads is by custom called as the system."""
    writes = topic.get("producer") == guessed.own
    groups = [sides.own if each == guessed.own else each for each in topic.get("consumer_groups", [])]
    made = topic | {"producer": sides.own if writes else topic.get("producer", sides.other)}
    made["consumer_groups"] = groups or [each for each in [sides.other if writes else sides.own] if each]
    return {name: value for name, value in made.items() if value}
