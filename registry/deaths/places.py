"""Which topic a place of dead letters belongs to, as its name says. For an owner to look at, and never to send to."""

import re
from collections.abc import Sequence

_BEGINNING = "dead-letter-topic-"
_ENDING = re.compile(r"(?:[.-]dlt|-retry(?:-[0-9]{1,9})?|-dlq|_error|_skipped|/\$deadletterqueue)$")
_OF_SUBSCRIPTIONS = ("-dlq", "-retry")
"""Pulsar puts a topic's name and a subscription's before these."""


def belongs_to(place: str, topics: Sequence[str]) -> str:
    """The one of these topics whose failures lie there, by what libraries add to a name; "" where none is it."""
    whole = place.lower()
    bare = _ENDING.sub("", whole.removeprefix(_BEGINNING))
    if bare == whole:
        return ""
    found = [each for each in topics if each.lower() == bare]
    if not found and whole.endswith(_OF_SUBSCRIPTIONS):
        found = [each for each in topics if bare.startswith(f"{each.lower()}-")]
    return found[0] if len(found) == 1 else ""
