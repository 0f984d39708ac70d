"""GraphQL SDL, or a document of operations → a GraphQL contract."""

import re
from collections.abc import Iterator

from graphql.language import DocumentNode, Node, TypeDefinitionNode

from ..definitions import graphql
from ..definitions.flaws import Flawed
from ..record.findings import InvalidRecord, Problem
from .base import Asked, Imported, Importer, Ledger, Path
from .fitting import kebab, line, unique

__all__ = ["GRAPHQL", "read"]


def read(text: str, asked: Asked) -> Imported:
    """Raises InvalidRecord with line and column for what is not GraphQL."""
    try:
        document = graphql.parsed(text)
    except Flawed as flawed:
        raise InvalidRecord([Problem("", str(flawed), flawed.flaw.mend)]) from None
    ledger = Ledger.by_line()
    at = "contracts[graphql-api]"
    ledger.took((1, "file"), f"{at}.definition.graphql", "The whole source is kept as it is.")
    operations = list(_operations(document, ledger, at))
    _leave_unknown_types(document, ledger)
    if not operations:
        ledger.left((1, "file"), "It declares no query, mutation or subscription: state the operations by hand.", at)
    contract = {
        "name": "graphql-api",
        "protocol": "graphql",
        "definition": {"graphql": text.strip()},
        "operations": operations,
    }
    return ledger.imported("graphql", {"overview": {"type": "synchronous"}, "contracts": [contract]})


def _operations(document: DocumentNode, ledger: Ledger, at: str) -> Iterator[dict[str, str | None]]:
    taken: set[str] = set()
    for each in graphql.operations(document):
        name = unique(kebab(each.name) or each.kind, taken)
        shown = line(f"{each.kind} {graphql.signature(each)}") or each.kind
        ledger.took((each.at.line, each.kind, each.name), f"{at}.operations[{name}]", shown)
        yield {"name": name, "summary": line(each.doc) or shown}


def _leave_unknown_types(document: DocumentNode, ledger: Ledger) -> None:
    declared = {each.name.value for each in document.definitions if isinstance(each, TypeDefinitionNode)}
    for each in document.definitions:
        for field in getattr(each, "fields", None) or ():
            types = [field.type, *(argument.type for argument in getattr(field, "arguments", None) or ())]
            for name in map(graphql.named, types):
                if name not in graphql.BUILT_IN | declared:
                    ledger.left(_path(field, field.name.value), f"The type {name[:100]} is not declared in this file.")


def _path(node: Node, *names: str) -> Path:
    return (node.loc.start_token.line if node.loc else 1, *names)


def _accepts(filename: str, head: str) -> bool:
    declares = re.search(
        r"^\s*(?:extend\s+)?(?:schema\s*[@{]|type\s+\w+[^=:]*\{|(?:query|mutation)\s+\w+\s*[({])", head, re.M
    )
    return filename.lower().endswith((".graphql", ".graphqls", ".gql")) or declares is not None


GRAPHQL = Importer("graphql", "GraphQL schema", _accepts, read)
