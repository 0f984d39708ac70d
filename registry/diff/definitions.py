"""What a changed definition comes to: a .proto source, a GraphQL schema, the JSON Schema of a body."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..definitions import graphql_effects, proto, schema_effects
from ..definitions.effects import Effect
from ..definitions.proto.effects import effects as proto_effects
from ..record import pointers
from .changes import Change
from .consequence import Consequence

_ITEM = r"\[(?:\\.|[^\]\\])*\]"
_SCHEMAS: tuple[tuple[str, schema_effects.Changing], ...] = (
    (rf"contracts{_ITEM}\.operations{_ITEM}\.request_schema", "read"),
    (rf"contracts{_ITEM}\.operations{_ITEM}\.responses{_ITEM}\.body_schema", "written"),
    (rf"contracts{_ITEM}\.definition\.frames{_ITEM}\.body_schema", "kept"),
    (rf"events{_ITEM}\.data_schema", "kept"),
)
"""Which side changes: a provider reads requests and writes answers; events wait in topics for readers old and new."""
_WORDS = {"request_schema": "request", "body_schema": "body", "data_schema": "data"}


def effects(change: Change) -> list[Effect] | None:
    """What it comes to; None where it changes no definition, or one that cannot be read."""
    if change.kind != "changed" or not isinstance(change.before, str) or not isinstance(change.after, str):
        return None
    return _effects(change.path, change.before, change.after) if change.is_weighed else None


@lru_cache(maxsize=64)
def _effects(path: str, before: str, after: str) -> list[Effect] | None:
    """Kept, because whoever shows a difference asks of each change whether it breaks, and what it comes to."""
    if path.endswith(".definition.proto"):
        old, new = proto.read(before).file, proto.read(after).file
        return None if old is None or new is None else proto_effects(old, new)
    if path.endswith(".definition.graphql"):
        return graphql_effects.effects(before, after)
    for pattern, changing in _SCHEMAS:
        if re.fullmatch(pattern, path):
            return schema_effects.effects(before, after, changing)
    return None


def of_definitions(changes: Iterable[Change]) -> Iterator[Consequence]:
    """In the order of the changes."""
    for change in changes:
        for each in effects(change) or ():
            about, where = _place(change.path)
            what = f"{where}: {each.what}" if where else each.what
            yield Consequence(about, what, verdict="worse" if each.is_breaking else "neutral", path=change.path)


def _place(path: str) -> tuple[str, str]:
    """The contract or event, and what of it: its items' names and which body."""
    steps = pointers.steps(path)
    names = [each.strip("[]") for each in steps if each.startswith("[")]
    words = [*names[1:], *filter(None, [_WORDS.get(steps[-1], "")])]
    return names[0], " ".join(words)
