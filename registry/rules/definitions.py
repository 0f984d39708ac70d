"""What each protocol needs: sources that can be read, exchanges and keys that agree, names and times of files."""

from ..definitions import files, graphql, proto, routing, schedules, sources
from ..definitions.flaws import Flaw
from ..record import labels
from ..record.contracts import Definition
from ..record.findings import Severity
from .base import Place, Said, rule


def _proto(place: Place[Definition]) -> proto.Read | None:
    text = place.part.proto
    return proto.read(text) if text is not None and sources.is_read(place.record, place.part) else None


def _graphql(place: Place[Definition]) -> graphql.Read | None:
    text = place.part.graphql
    return graphql.read(text) if text is not None and sources.is_read(place.record, place.part) else None


def _at(flaw: Flaw) -> str:
    text = str(flaw)
    return f"{text[:1].upper()}{text[1:]}."


@rule("definition-foreign", Severity.HINT, "Part of another protocol's definition", on=Definition)
def definition_foreign(place: Place[Definition]) -> Said:
    """What is filled in for another protocol is served to nobody. It is usually left over from a copy.

    Example: a REST contract with an exchange and a routing key.

    Remove it, or correct the protocol.
    """
    protocol = place.contract.protocol
    for name, info in Definition.model_fields.items() if protocol else ():
        extra = info.json_schema_extra
        other = extra["protocol"] if isinstance(extra, dict) else protocol
        if other != protocol and getattr(place.part, name):
            yield name, f"Belongs to {other}, but the protocol is {protocol}.", "Remove it, or correct the protocol."


@rule("source-unchecked", Severity.HINT, "Too long to be checked", on=Definition)
def source_unchecked(place: Place[Definition]) -> Said:
    """Sources are checked, and shown as tables, up to 250,000 characters in one record, so that no record can stop the
    registry.

    Example: two contracts with a .proto source of 150,000 characters each. The second is not checked.

    Keep the services and types this integration uses. Nothing is wrong with the record as such.
    """
    if not sources.is_read(place.record, place.part):
        for name in ("proto", "graphql"):
            if getattr(place.part, name) is not None:
                message = f"The sources of this record are longer than {sources.MOST:,} characters together."
                yield name, message, "Keep the services and types this integration uses."


# --- Protocol Buffers -------------------------------------------------------------------------------------------------


@rule("proto-invalid", Severity.ERROR, "protoc refuses the .proto source", on=Definition)
def proto_invalid(place: Place[Definition]) -> Said:
    """Clients and servers are generated from the source. What protoc refuses generates nothing: a type that is not
    declared, a number used twice, a name that clashes, a bracket that is not closed.

    Bad: message Order { string id = 1; Money sum = 1; } without a message Money. Good: the same with Money declared,
    and the number 2.

    Mend it at the line and column named.
    """
    found = _proto(place)
    for flaw in found.flaws if found else ():
        yield "proto", _at(flaw), flaw.mend


@rule("proto-import-missing", Severity.WARNING, "The .proto source imports another file", on=Definition)
def proto_import_missing(place: Place[Definition]) -> Said:
    """A record is signed as a whole. A file elsewhere can change after signing, and what it declares is not checked
    here. The files of google/protobuf/ come with every protoc and are known.

    Bad: import "shop/money.proto". Good: message Money in the source itself, or import
    "google/protobuf/timestamp.proto".

    Copy what you use of it into the source, or say when you submit where it is kept.
    """
    found = _proto(place)
    for each in proto.missing(found.file) if found and found.file else ():
        yield (
            "proto",
            f"Line {each.at.line}, column {each.at.column}: {each.name[:200]} is not in the record.",
            "Copy what you use of it into the source.",
        )


@rule("proto-empty", Severity.ERROR, "No service in the .proto source", on=Definition)
def proto_empty(place: Place[Definition]) -> Said:
    """A client is generated from service and rpc lines. Messages alone can be encoded, but nothing can be called.

    Bad: message Order { string id = 1; }. Good: the same and service Orders { rpc Get (Id) returns (Order); }.

    Add the service and its methods.
    """
    found = _proto(place)
    if found is None or found.file is None:
        return
    if not any(service.methods for service in found.file.services):
        yield "proto", "No service with an rpc is in it.", "Add a service and its methods."
        return
    for each in found.file.services:
        if not each.methods:
            message = f"Line {each.at.line}, column {each.at.column}: the service {each.name} has no method."
            yield "proto", message, "Add one, or remove the service.", Severity.WARNING


# --- GraphQL ----------------------------------------------------------------------------------------------------------


@rule("graphql-invalid", Severity.ERROR, "The GraphQL has a flaw", on=Definition)
def graphql_invalid(place: Place[Definition]) -> Said:
    """Servers refuse a schema with a type that is not declared, and queries that do not fit it. Where the record holds
    queries without their schema, only what they say of themselves is checked.

    Bad: type Query { order(id: ID!): Ordre }. Good: type Query { order(id: ID!): Order } with type Order.

    Mend it at the line and column named.
    """
    found = _graphql(place)
    for flaw in found.flaws if found else ():
        yield "graphql", _at(flaw), flaw.mend


@rule("graphql-empty", Severity.ERROR, "No types or queries in the GraphQL", on=Definition)
def graphql_empty(place: Place[Definition]) -> Said:
    """The definition is either the schema (type Query { … }) or the queries and mutations the consumer uses. Types
    without a query, mutation or subscription offer nothing that could be asked.

    Bad: type Order { id: ID! }. Good: query Order($id: ID!) { order(id: $id) { state } }.

    Paste the schema or the queries.
    """
    found = _graphql(place)
    if found is not None and found.document is not None and not found.operations:
        yield "graphql", "Holds no query, mutation or subscription.", "Paste the schema, or the queries used."


# --- AMQP -------------------------------------------------------------------------------------------------------------


@rule("routing-unfit", Severity.ERROR, "The routing key does not fit the exchange", on=Definition)
def routing_unfit(place: Place[Definition]) -> Said:
    """A direct exchange compares keys letter by letter, a topic exchange by patterns, a fanout exchange not at all and
    a headers exchange by headers. A key of the wrong kind is accepted by the broker, and no message ever arrives.

    Bad: exchange type direct, routing key order.*. Good: exchange type topic, routing key order.*.

    Correct the key or the type. In patterns * stands for one word between dots, # for any number of words.
    """
    yield from routing.flaws(place.part)


@rule("exchange-type-missing", Severity.HINT, "The exchange's type is not stated", on=Definition)
def exchange_type_missing(place: Place[Definition]) -> Said:
    """Whether order.* is a pattern or a key depends on the exchange. Consumers bind their queues by guess otherwise.

    Example: exchange orders, routing key order.*. Better: the same with the type topic.

    State the type.
    """
    own = place.part
    if own.exchange is not None and own.exchange_type is None and place.contract.protocol == "amqp":
        yield "exchange_type", f"How {own.exchange[:80]} passes messages on is not stated.", "State it, such as topic."


# --- files ------------------------------------------------------------------------------------------------------------


@rule("file-name-fixed", Severity.WARNING, "Every file has the same name", on=Definition)
def file_name_fixed(place: Place[Definition]) -> Said:
    """If the name does not change, today's file overwrites yesterday's before it is read, and nobody can tell which
    one was read.

    Bad: settlement.csv. Good: settlement-{date}.csv.

    Put a date or a number into the name.
    """
    pattern = place.part.file_pattern
    if pattern is not None and not files.read(pattern).varies:
        yield "file_pattern", f"{pattern} is the same for every file.", "Put {date} or a number into it."


@rule("file-pattern-invalid", Severity.ERROR, "A file name that nobody can read", on=Definition)
def file_pattern_invalid(place: Place[Definition]) -> Said:
    """Producer and consumer make names from the pattern, each in their own way. A brace without its partner or a date
    sign that does not exist comes out differently on the two sides.

    Bad: settlement-{date.csv, settlement-%Q.csv. Good: settlement-{date}.csv, settlement-%Y%m%d.csv.

    Placeholders stand in braces, dates also as strftime writes them; * and ? stand for anything.
    """
    pattern = place.part.file_pattern
    for wrong, mend in files.read(pattern).wrong if pattern is not None else ():
        yield "file_pattern", f"In {pattern} {wrong}.", mend


@rule("file-format-unfit", Severity.WARNING, "The name says another format", on=Definition)
def file_format_unfit(place: Place[Definition]) -> Said:
    """Tools go by a file's ending: a CSV file called .json is read by the wrong parser.

    Bad: settlement-{date}.json, format CSV. Good: settlement-{date}.csv, format CSV.

    Correct the name or the format.
    """
    own = place.part
    if not files.fits(own):
        yield (
            "file_format",
            f"{own.file_pattern} ends in .{files.extension(own.file_pattern or '')}.",
            ("Correct the name or the format."),
        )


@rule("file-text-unfit", Severity.WARNING, "How the text is written does not fit the format", on=Definition)
def file_text_unfit(place: Place[Definition]) -> Said:
    """A delimiter is CSV's; Parquet and Avro are no text and have no encoding. An encoding that no library knows cannot
    be read.

    Bad: format JSON, delimiter semicolon; encoding UTF8-LATIN. Good: format CSV, delimiter semicolon, encoding UTF-8.

    Correct the encoding, or remove what does not fit.
    """
    own = place.part
    if own.delimiter is not None and own.file_format is not None and own.file_format != "csv":
        yield "delimiter", f"{labels.choice(own.file_format)} has no delimiter.", "Remove it, or correct the format."
    if own.file_encoding is not None and own.file_format is not None and own.file_format in ("parquet", "avro"):
        yield "file_encoding", f"{labels.choice(own.file_format)} is no text.", "Remove the encoding."
    elif own.file_encoding is not None and (flaw := files.encoding_flaw(own.file_encoding)):
        yield "file_encoding", f"{flaw}.", "Write one such as UTF-8 or ISO-8859-1."


@rule("schedule-invalid", Severity.ERROR, "A schedule that cannot be", on=Definition)
def schedule_invalid(place: Place[Definition]) -> Said:
    """What looks like cron, an interval or a time zone is read as such. The 30th of February and the zone
    Europe/Amsterdm never come.

    Bad: 61 2 * * *. Good: 30 2 * * * Europe/Amsterdam, or daily at 02:30 Europe/Amsterdam.

    Correct it, or say it in words.
    """
    if place.part.schedule is not None:
        for wrong, mend in schedules.read(place.part.schedule).wrong:
            yield "schedule", f"{wrong[:1].upper()}{wrong[1:]}.", mend


@rule("schedule-unread", Severity.HINT, "A schedule for people only", on=Definition)
def schedule_unread(place: Place[Definition]) -> Said:
    """Words such as daily at 02:30 UTC, cron and ISO 8601 intervals are understood: readers see when the next file
    comes. Other words stand as they are.

    Example: when the ledger is closed. Better: daily at 02:30 Europe/Amsterdam, where there is such a time.

    Write it so, or leave it if there is no fixed time.
    """
    if place.part.schedule is not None and not schedules.read(place.part.schedule).is_understood:
        yield (
            "schedule",
            "No times can be worked out from these words.",
            "Write it like daily at 02:30 Europe/Amsterdam.",
        )


@rule("schedule-zone-missing", Severity.WARNING, "A time of day without a time zone", on=Definition)
def schedule_zone_missing(place: Place[Definition]) -> Said:
    """02:30 comes at another moment for each side, and moves by an hour twice a year for one of them. Without a zone
    it is taken as UTC here.

    Bad: daily at 02:30. Good: daily at 02:30 Europe/Amsterdam.

    Add the zone, or UTC.
    """
    if place.part.schedule is not None:
        found = schedules.read(place.part.schedule)
        if found.is_by_clock and not found.zone:
            yield "schedule", "It names a time of day, but no time zone.", "Add one such as Europe/Amsterdam, or UTC."
