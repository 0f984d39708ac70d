"""GraphQL: a schema, or the operations a consumer uses, read within bounds and checked by the language's own rules."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Source,
    build_ast_schema,
    parse,
)
from graphql.language import (
    DefinitionNode,
    DirectiveNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    ExecutableDefinitionNode,
    FieldDefinitionNode,
    FieldNode,
    InputValueDefinitionNode,
    NamedTypeNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    OperationDefinitionNode,
    ParallelVisitor,
    SchemaDefinitionNode,
    StringValueNode,
    TypeDefinitionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    print_ast,
    visit,
)
from graphql.type.validate import SchemaValidationContext
from graphql.utilities import TypeInfo, TypeInfoVisitor
from graphql.validation import (
    ASTValidationRule,
    KnownDirectivesRule,
    KnownFragmentNamesRule,
    LoneAnonymousOperationRule,
    NoFragmentCyclesRule,
    NoUndefinedVariablesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OverlappingFieldsCanBeMergedRule,
    SDLValidationContext,
    UniqueArgumentNamesRule,
    UniqueFragmentNamesRule,
    UniqueInputFieldNamesRule,
    UniqueOperationNamesRule,
    UniqueVariableNamesRule,
    ValidationContext,
    specified_rules,
)
from graphql.validation.specified_rules import specified_sdl_rules

from .flaws import MOST_FLAWS, START, At, Flaw, Flawed, place, refuse

__all__ = [
    "Argument",
    "Field",
    "Operation",
    "Read",
    "Type",
    "named",
    "operations",
    "parsed",
    "read",
    "schema_of",
    "signature",
]

LONGEST = 200_000
MOST_TOKENS = 40_000
MOST_SELECTED = 2_000
"""Fields and fragments in the operations of one text: beyond that, rules that compare them would take too long."""
MOST_COMPARED = 200
DEEPEST = 60
BUILT_IN = frozenset({"ID", "String", "Int", "Float", "Boolean"})
ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_BRACKETS = re.compile(r'"""(?:[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|[\[{(]|[\]})]')
_MEND = "Mend the GraphQL there."
_Object = ObjectTypeDefinitionNode | ObjectTypeExtensionNode
_SCHEMA_RULES = tuple(each for each in specified_sdl_rules if each is not KnownDirectivesRule)
"""Directives are the business of the tools that read them: federation, authorisation."""
_ALONE: tuple[type[ASTValidationRule], ...] = (
    KnownFragmentNamesRule,
    LoneAnonymousOperationRule,
    NoFragmentCyclesRule,
    NoUndefinedVariablesRule,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    UniqueArgumentNamesRule,
    UniqueFragmentNamesRule,
    UniqueInputFieldNamesRule,
    UniqueOperationNamesRule,
    UniqueVariableNamesRule,
)
"""What can be said of operations without the schema they are for."""
_NO_QUERY = "Query root type must be provided."


@dataclass(frozen=True, slots=True)
class Argument:
    """Something a field, an operation or an input takes."""

    name: str
    type: str
    default: str = ""
    doc: str = ""

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.type.endswith("!") and not self.default


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a type."""

    name: str
    type: str
    arguments: tuple[Argument, ...] = ()
    doc: str = ""
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A query, mutation or subscription: one the schema offers, or one that is written out."""

    kind: str
    name: str
    returns: str
    arguments: tuple[Argument, ...] = ()
    doc: str = ""
    is_deprecated: bool = False
    at: At = START


@dataclass(frozen=True, slots=True)
class Type:
    """A type of a schema: its fields, or the values or members it has instead."""

    kind: str
    name: str
    fields: tuple[Field, ...] = ()
    values: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A source as far as it could be read; no document where its very grammar is broken."""

    document: DocumentNode | None
    flaws: tuple[Flaw, ...] = ()
    operations: tuple[Operation, ...] = ()
    types: tuple[Type, ...] = ()

    @property
    def is_schema(self) -> bool:
        """Whether it says what can be asked, and not only what is."""
        return self.document is not None and bool(_declared(self.document).definitions)

    @property
    def explains_operations(self) -> bool:
        """Whether words say what an operation is for."""
        return any(each.doc for each in self.operations)

    @property
    def explains_types(self) -> bool:
        """Whether there is more to say of a field than its type."""
        return any(field.doc or field.arguments for each in self.types for field in each.fields)


def parsed(text: str) -> DocumentNode:
    """The syntax tree. Raises Flawed."""
    if len(text) > LONGEST:
        message = f"is {len(text):,} characters long; the limit is {LONGEST:,}"
        refuse(START, message, "Keep the types this integration uses.")
    _check_depth(text)
    try:
        return parse(Source(text), max_tokens=MOST_TOKENS)
    except GraphQLSyntaxError as error:
        raise Flawed(_flaw(error)) from None


@lru_cache(maxsize=8)
def read(text: str) -> Read:
    """What a source says and what is wrong with it, the first flaws only."""
    try:
        document = parsed(text)
    except Flawed as flawed:
        return Read(None, (flawed.flaw,))
    try:
        flaws = tuple(sorted(dict.fromkeys(_flaws(document)))[:MOST_FLAWS])
    except RecursionError:
        flaws = (Flaw(START, "refers to itself too deeply to be checked", "Flatten it."),)
    return Read(document, flaws, tuple(operations(document)), tuple(types(document)))


def schema_of(text: str) -> GraphQLSchema | None:
    """The schema of a sound source; None where it has flaws or is none."""
    found = read(text)
    if found.document is None or found.flaws:
        return None
    declared = _declared(found.document)
    return build_ast_schema(declared, assume_valid=True, assume_valid_sdl=True) if declared.definitions else None


def _check_depth(text: str) -> None:
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{(":
            depth += 1
        elif token[0] in "]})":
            depth -= 1
        if depth > DEEPEST:
            refuse(place(text, token.start()), f"is nested more than {DEEPEST} deep", "Flatten it.")


# --- what is wrong ----------------------------------------------------------------------------------------------------


def _flaws(document: DocumentNode) -> Iterator[Flaw]:
    declared = _declared(document)
    executed = [each for each in document.definitions if isinstance(each, ExecutableDefinitionNode)]
    schema: GraphQLSchema | None = None
    if declared.definitions:
        wrong = _visited(declared, _SCHEMA_RULES)
        if not wrong:
            schema = build_ast_schema(declared, assume_valid_sdl=True)
            wrong = _schema_errors(schema)
        yield from map(_flaw, wrong)
        if wrong:
            schema = None
    if executed:
        yield from _operation_flaws(executed, schema)


class _Enough(Exception):
    """So many errors were found that more would help nobody."""


class _Types(SchemaValidationContext):
    """The library's check of a schema, which stops where there are errors enough."""

    def report_error(self, message: str, nodes: Any = None) -> None:
        if message != _NO_QUERY:
            super().report_error(message, nodes)
        if len(self.errors) == MOST_FLAWS:
            raise _Enough


def _schema_errors(schema: GraphQLSchema) -> list[GraphQLError]:
    checking = _Types(schema)
    with contextlib.suppress(_Enough):
        checking.validate_root_types()
        checking.validate_directives()
        checking.validate_types()
    return checking.errors


def _operation_flaws(executed: Sequence[ExecutableDefinitionNode], schema: GraphQLSchema | None) -> Iterator[Flaw]:
    selected = sum(_selections(each) for each in executed)
    if selected > MOST_SELECTED:
        message = f"selects {selected:,} fields; {MOST_SELECTED:,} are checked"
        yield Flaw(_at(executed[0]), message, "Keep the operations this integration uses.")
        return
    document = DocumentNode(definitions=tuple(executed))
    if schema is None or schema.query_type is None:
        yield from map(_flaw, _visited(document, _ALONE, GraphQLSchema(assume_valid=True)))
        return
    is_small = selected <= MOST_COMPARED
    rules = [each for each in specified_rules if is_small or each is not OverlappingFieldsCanBeMergedRule]
    yield from map(_flaw, _visited(document, rules, schema))


def _visited(
    document: DocumentNode, rules: Sequence[type[Any]], schema: GraphQLSchema | None = None
) -> list[GraphQLError]:
    """What rules say of a document; of a schema itself where none is given. The library's own way tells all errors."""
    found: list[GraphQLError] = []

    def take(error: GraphQLError) -> None:
        found.append(error)
        if len(found) == MOST_FLAWS:
            raise _Enough

    with contextlib.suppress(_Enough):
        if schema is None:
            declaring = SDLValidationContext(document, None, take)
            visit(document, ParallelVisitor([rule(declaring) for rule in rules]))
        else:
            known = TypeInfo(schema)
            asking = ValidationContext(schema, document, known, take)
            visit(document, TypeInfoVisitor(known, ParallelVisitor([rule(asking) for rule in rules])))
    return found


def _selections(definition: Node) -> int:
    """Everything selected in a definition, however deep."""
    count, waiting = 0, [definition]
    while waiting:
        inside = getattr(waiting.pop(), "selection_set", None)
        if inside is not None:
            count += len(inside.selections)
            waiting.extend(inside.selections)
    return count


def _declared(document: DocumentNode) -> DocumentNode:
    """The schema in a document. A root type that is only extended counts as declared, as in one part of several."""
    nodes = [each for each in document.definitions if not isinstance(each, ExecutableDefinitionNode)]
    names = {each.name.value for each in nodes if isinstance(each, TypeDefinitionNode)}
    kept: list[DefinitionNode] = []
    for each in nodes:
        if isinstance(each, ObjectTypeExtensionNode) and each.name.value in set(ROOTS.values()) - names:
            names.add(each.name.value)
            each = ObjectTypeDefinitionNode(
                name=each.name, interfaces=each.interfaces, directives=each.directives, fields=each.fields, loc=each.loc
            )
        kept.append(each)
    return DocumentNode(definitions=tuple(kept))


def _flaw(error: GraphQLError) -> Flaw:
    at = At(error.locations[0].line, error.locations[0].column) if error.locations else START
    message = re.sub("'([^']*)'", r"“\1”", error.message.removeprefix("Syntax Error: ").rstrip("."))
    return Flaw(at, (message[:1].lower() + message[1:])[:300], _MEND)


def _at(node: Node) -> At:
    return At(node.loc.start_token.line, node.loc.start_token.column) if node.loc else START


# --- what it says -----------------------------------------------------------------------------------------------------


def operations(document: DocumentNode) -> Iterator[Operation]:
    """The operations a schema offers, then those that are written out."""
    for kind, field in root_fields(document):
        yield Operation(
            kind,
            field.name.value,
            print_ast(field.type),
            _arguments(field.arguments or ()),
            _doc(field),
            _is_deprecated(field.directives or ()),
            _at(field),
        )
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode):
            taken = tuple(
                Argument(
                    f"${variable.variable.name.value}",
                    print_ast(variable.type),
                    print_ast(variable.default_value) if variable.default_value else "",
                )
                for variable in each.variable_definitions or ()
            )
            asked = [one.name.value for one in each.selection_set.selections if isinstance(one, FieldNode)]
            name = each.name.value if each.name else each.operation.value
            yield Operation(each.operation.value, name, ", ".join(asked), taken, at=_at(each))


def root_fields(document: DocumentNode) -> Iterator[tuple[str, FieldDefinitionNode]]:
    """The fields of the query, mutation and subscription types, each with its kind."""
    kinds = {name: kind for kind, name in _roots(document).items()}
    for each in document.definitions:
        if isinstance(each, _Object) and each.name.value in kinds:
            yield from ((kinds[each.name.value], field) for field in each.fields or ())


def _roots(document: DocumentNode) -> dict[str, str]:
    for each in document.definitions:
        if isinstance(each, SchemaDefinitionNode):
            return {root.operation.value: root.type.name.value for root in each.operation_types}
    return ROOTS


def types(document: DocumentNode) -> Iterator[Type]:
    """The types of a schema but its roots, in its order."""
    roots = set(_roots(document).values())
    for each in document.definitions:
        if isinstance(each, TypeDefinitionNode) and each.name.value not in roots:
            yield Type(_kind(each), each.name.value, _fields(each), _values(each), _doc(each))


def _kind(node: TypeDefinitionNode) -> str:
    return node.kind.removesuffix("_type_definition").replace("_object", "").replace("object", "type")


def _fields(node: TypeDefinitionNode) -> tuple[Field, ...]:
    found: Iterable[FieldDefinitionNode | InputValueDefinitionNode] = getattr(node, "fields", None) or ()
    return tuple(
        Field(
            each.name.value,
            _type(each),
            _arguments(each.arguments or ()) if isinstance(each, FieldDefinitionNode) else (),
            _doc(each),
            _is_deprecated(each.directives or ()),
        )
        for each in found
    )


def _type(node: FieldDefinitionNode | InputValueDefinitionNode) -> str:
    default = node.default_value if isinstance(node, InputValueDefinitionNode) else None
    return print_ast(node.type) + (f" = {print_ast(default)}" if default is not None else "")


def _values(node: TypeDefinitionNode) -> tuple[str, ...]:
    if isinstance(node, EnumTypeDefinitionNode):
        return tuple(each.name.value for each in node.values or ())
    if isinstance(node, UnionTypeDefinitionNode):
        return tuple(each.name.value for each in node.types or ())
    return ()


def _arguments(nodes: Iterable[InputValueDefinitionNode]) -> tuple[Argument, ...]:
    return tuple(
        Argument(
            each.name.value,
            print_ast(each.type),
            print_ast(each.default_value) if each.default_value else "",
            _doc(each),
        )
        for each in nodes
    )


def _doc(node: Node) -> str:
    said = getattr(node, "description", None)
    return said.value.strip() if isinstance(said, StringValueNode) else ""


def _is_deprecated(directives: Iterable[DirectiveNode]) -> bool:
    return any(each.name.value == "deprecated" for each in directives)


def signature(operation: Operation) -> str:
    """`article(id: ID!): Article`."""
    taken = ", ".join(f"{each.name}: {each.type}" for each in operation.arguments)
    return f"{operation.name}{f'({taken})' if taken else ''}: {operation.returns}"


def named(type_: TypeNode) -> str:
    """The name inside `[Article!]!`."""
    while not isinstance(type_, NamedTypeNode):
        type_ = type_.type  # type: ignore[attr-defined]
    return type_.name.value
