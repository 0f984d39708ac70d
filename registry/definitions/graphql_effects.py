"""What a changed GraphQL source comes to, for whoever asks by the old one."""

from collections.abc import Iterator

from graphql import GraphQLSchema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from . import graphql
from .effects import MOST_EFFECTS, Effect


def effects(old: str, new: str) -> list[Effect] | None:
    """The differences that matter; None where one of the two cannot be read, or has flaws."""
    if any(graphql.read(each).flaws for each in (old, new)):
        return None
    before, after = graphql.schema_of(old), graphql.schema_of(new)
    found = list(_schema(before, after)) if before is not None and after is not None else []
    return [*found, *_operations(graphql.read(old), graphql.read(new))][:MOST_EFFECTS]


def _schema(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[Effect]:
    for each in find_breaking_changes(old, new):
        # That nothing is an Int any more follows from what is told of the fields.
        if not each.description.startswith("Standard scalar"):
            yield Effect(_said(each.description), True)
    yield from (Effect(_said(each.description)) for each in find_dangerous_changes(old, new))


def _said(description: str) -> str:
    return (description[:1].lower() + description[1:]).rstrip(".").replace("'", "")


def _operations(old: graphql.Read, new: graphql.Read) -> Iterator[Effect]:
    """What can be asked for anew, and how what is written out differs: that is the consumer's own."""
    before = {(each.kind, each.name): each for each in old.operations}
    after = {(each.kind, each.name): each for each in new.operations}
    has_schema = old.is_schema or new.is_schema
    for key, each in after.items():
        if key not in before:
            yield Effect(f"the {each.kind} {each.name} is new")
        elif not has_schema and graphql.signature(each) != graphql.signature(before[key]):
            yield Effect(f"{graphql.signature(before[key])} is now {graphql.signature(each)}")
    if not has_schema:
        for key in [each for each in before if each not in after]:
            yield Effect(f"the {key[0]} {key[1]} is no longer asked")
