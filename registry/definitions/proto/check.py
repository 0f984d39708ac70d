"""What protoc refuses beyond the grammar: unknown types, numbers used twice, names that clash."""

import bisect
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ..flaws import START, At, Flaw, short
from . import options, wellknown
from .parse import EDITIONS, LARGEST_FIELD
from .symbols import Symbol, Symbols
from .tree import SCALARS, Enum, Field, Message, Method, Option, Options, ProtoFile, Range, camel

_INTERNAL = range(19_000, 20_000)
_KEYS = SCALARS - {"double", "float", "bytes"}
_LONG = frozenset({"int64", "uint64", "sint64", "fixed64", "sfixed64"})


def check(file: ProtoFile) -> list[Flaw]:
    """Everything wrong with a file that could be read, in its order."""
    return sorted(dict.fromkeys(_Checking(file).all()))


class _Checking:
    def __init__(self, file: ProtoFile) -> None:
        self.file = file
        self.symbols = Symbols(file)
        self.is_edition = file.syntax in EDITIONS
        self.has_presence = file.syntax == "proto2" or self.is_edition
        self.json = _feature(file.options, "json_format") or ("LEGACY" if file.syntax == "proto2" else "ALLOW")
        self.enums = _feature(file.options, "enum_type") or ("CLOSED" if file.syntax == "proto2" else "OPEN")

    def all(self) -> Iterator[Flaw]:
        yield from self.symbols.flaws
        yield from _repeated(((each.name, each.at) for each in self.file.imports), "is imported twice")
        yield from self.options(self.file.options, "file", self.symbols.full("_"))
        if _feature(self.file.options, "field_presence") == "LEGACY_REQUIRED":
            yield Flaw(START, "a file cannot make every field required", "Set it on fields.")
        for message in self.file.walk():
            yield from self.message(message)
        for enum in self.file.all_enums():
            yield from self.enum(enum)
        yield from self.extensions()
        for service in self.file.services:
            own = self.symbols.full(service.name)
            yield from self.options(service.options, "service", own)
            for method in service.methods:
                yield from self.method(method, f"{own}.{method.name}")

    def options(self, said: Options, target: wellknown.Target, scope: str) -> Iterator[Flaw]:
        return options.flaws(said, target, scope, self.symbols, is_edition=self.is_edition)

    # Services

    def method(self, method: Method, scope: str) -> Iterator[Flaw]:
        yield from self.options(method.options, "method", scope)
        for name, at in ((method.request, method.request_at), (method.response, method.response_at)):
            found = self.symbols.find(name, scope)
            if found is None:
                yield from self.unknown(name, scope, at)
            elif found.kind != "message":
                yield Flaw(at, f"{short(name)} is {found.said}, not a message", "Name a message.")

    def unknown(self, name: str, scope: str, at: At) -> Iterator[Flaw]:
        if not self.symbols.may_be_elsewhere(name, scope):
            yield Flaw(at, f"{short(name)} is not declared", self.mend(name))

    def mend(self, name: str) -> str:
        for file, declared in wellknown.FILES.items():
            if any(name.lstrip(".") == each for each, _ in declared):
                return f'Add import "{file}";.'
        return "Declare it, or correct the name."

    # Messages

    def message(self, message: Message) -> Iterator[Flaw]:
        own = self.symbols.full(message.name)
        yield from self.options(message.options, "message", own)
        yield from self.options(message.range_options, "range", own)
        filled = {each.oneof for each in message.fields}
        for oneof in message.oneofs:
            yield from self.options(oneof.options, "oneof", f"{own}.{oneof.name}")
            if oneof.name not in filled:
                yield Flaw(oneof.at, f"the oneof {short(oneof.name)} has no field", "Add one, or remove it.")
        yield from self.ranges(message)
        yield from self.numbers(message)
        for field in message.fields:
            yield from self.field(field, own)
        yield from _entries(message)
        yield from self.json_names(message)
        if self.file.syntax == "proto3" and message.extensible:
            yield Flaw(message.extensible[0].at, "proto3 has no extensions", "Remove the range, or write proto2.")
        if _option_is(message.options, "message_set_wire_format", "true") and (
            self.file.syntax == "proto3" or message.fields
        ):
            yield Flaw(message.at, "a message set is proto2's, and has extensions only", "Remove the option.")

    def ranges(self, message: Message) -> Iterator[Flaw]:
        for each in (*message.reserved.ranges, *message.extensible):
            if each.start < 1:
                yield Flaw(each.at, f"{each.start} is no field's number", "Begin at 1 or above.")
        for each in message.extensible:
            if each.end > LARGEST_FIELD:
                yield Flaw(each.at, f"{each.end} is too large for a field's number", f"End at {LARGEST_FIELD:,}.")
        yield from _overlaps(message.reserved.ranges, message.extensible)
        yield from _repeated(message.reserved.names, "is reserved twice")

    def numbers(self, message: Message) -> Iterator[Flaw]:
        taken: dict[int, Field] = {}
        names = {name for name, _ in message.reserved.names}
        reserved, kept = _Ranges(message.reserved.ranges), _Ranges(message.extensible)
        used = {each.number for each in message.fields}
        after = (each + 1 for each in (0, *used, *reserved.ends, *kept.ends))
        free = min((n for n in after if n not in used and n not in reserved and n not in kept), default=0)
        for field in message.fields:
            first = taken.setdefault(field.number, field)
            if first is not field:
                wrong = f"the number {field.number} of {short(field.name)} belongs to {short(first.name)}"
                yield Flaw(field.number_at, wrong, f"Give it a number of its own; {free} is free.")
            if field.number in reserved:
                yield Flaw(
                    field.number_at, f"the number {field.number} is reserved", f"Choose another, such as {free}."
                )
            if field.number in kept:
                yield Flaw(field.number_at, f"the number {field.number} is kept for extensions", f"{free} is free.")
            if field.name in names:
                yield Flaw(field.name_at, f"the name {short(field.name)} is reserved", "Choose a name not reserved.")

    def json_names(self, message: Message) -> Iterator[Flaw]:
        if (_feature(message.options, "json_format") or self.json) != "ALLOW":
            return
        if _option_is(message.options, "deprecated_legacy_json_field_conflicts", "true"):
            return
        for own in (False, True):
            taken: dict[str, Field] = {}
            for field in message.fields:
                name = field.json_name if own else camel(field.name)
                first = taken.setdefault(name, field)
                is_new = not own or field.option("json_name") or first.option("json_name")
                if first is not field and first.name != field.name and is_new:
                    message_ = f"{short(field.name)} and {short(first.name)} are both {short(name)} in JSON"
                    yield Flaw(field.name_at, message_, "Rename one of the two.")

    # Fields

    def field(self, field: Field, scope: str) -> Iterator[Flaw]:
        own = f"{scope}.{field.name}" if scope else field.name
        yield from _number(field)
        yield from self.label(field, own)
        yield from self.options(field.options, "field", own)
        if field.label == "map":
            yield from self.map(field, own)
        found = None if field.type in SCALARS else self.symbols.find(field.type, own, types_only=True)
        if field.type not in SCALARS:
            yield from self.type(field, own, found)
        yield from self.restricted(field, found)
        yield from self.default(field, found)

    def type(self, field: Field, own: str, found: Symbol | None) -> Iterator[Flaw]:
        if found is None:
            yield from self.unknown(field.type, own, field.at)
        elif not found.is_type:
            yield Flaw(field.at, f"{short(field.type)} is {found.said}, not a type", "Name a message or an enum.")
        elif self.file.syntax == "proto3" and found.kind == "enum" and found.name.startswith("google.protobuf."):
            is_closed = any(found.name == name for name, _ in wellknown.FILES["google/protobuf/descriptor.proto"])
            if is_closed and not field.extends:
                yield Flaw(field.at, f"{short(field.type)} is a closed enum, which proto3 cannot use", "Use another.")

    def label(self, field: Field, own: str) -> Iterator[Flaw]:
        if field.label == "required" and self.file.syntax != "proto2":
            yield Flaw(field.at, f"{short(field.name)} is required, which {self.file.syntax} has not", "Remove it.")
        if field.label == "optional" and self.is_edition:
            yield Flaw(field.at, "editions have no label optional", "Remove it; presence is a feature.")
        if field.label == "optional" and self.file.syntax == "proto3" and own:
            taken = self.symbols.find(f".{own.rpartition('.')[0]}._{field.name}", own)
            if taken is not None and taken.is_type:
                yield Flaw(
                    field.at, f"{short('_' + field.name)} is what presence is kept under", "Rename one of the two."
                )
        if field.label == "required" and field.extends:
            yield Flaw(field.at, "an extension cannot be required", "Write optional.")

    def map(self, field: Field, own: str) -> Iterator[Flaw]:
        if field.key not in _KEYS:
            yield Flaw(field.at, f"{short(field.key)} cannot be a map's key", "Use a whole number, bool or string.")
        entry = _entry(field)
        scope = own.rpartition(".")[0]
        taken = self.symbols.find(f".{scope}.{entry}", own)
        if taken is not None:
            yield Flaw(field.name_at, f"the map's own message {short(entry)} clashes with a name", "Rename the map.")
        found = None if field.type in SCALARS else self.symbols.find(field.type, own, types_only=True)
        if found is not None and isinstance(found.node, Enum) and found.node.values and found.node.values[0].number:
            yield Flaw(field.at, f"the first value of {short(field.type)} is not 0", "A map's enum begins with 0.")

    def restricted(self, field: Field, found: Symbol | None) -> Iterator[Flaw]:
        """Options that only some fields may have."""
        is_message = (found is not None and found.kind == "message") or field.is_group
        unfit = {
            "packed": field.label != "repeated" or field.type in ("string", "bytes") or is_message,
            "lazy": not is_message and field.label != "map",
            "unverified_lazy": not is_message and field.label != "map",
            "jstype": field.type not in _LONG,
            "ctype": False,
        }
        for name, is_unfit in unfit.items():
            said = field.option(name)
            if said is not None and is_unfit and said.value not in ("false", "JS_NORMAL"):
                yield Flaw(said.at, f"{name} does not fit {short(field.name)}", "Remove it.")
        json = field.option("json_name")
        if json is not None and field.extends:
            yield Flaw(json.at, "an extension has no json_name", "Remove it.")
        if json is not None and json.kind != "string":
            yield Flaw(json.at, "json_name is not in quotes", "Put it in quotes.")
        if json is not None and (
            re.fullmatch(r"\[.*\]", json.value) or re.search(r"\\(?:0+(?![1-7])|x0+(?![1-9a-f]))", json.value)
        ):
            yield Flaw(json.at, "json_name holds brackets or a null character", "Write it without.")
        if self.is_edition:
            yield from self.features(field, found, is_message=is_message)

    def features(self, field: Field, found: Symbol | None, *, is_message: bool) -> Iterator[Flaw]:
        """What editions allow on some fields only."""
        presence = _feature(field.options, "field_presence")
        is_many = field.label in ("repeated", "map")
        unfit = {
            ("packed",): True,
            ("features", "field_presence"): is_many or bool(field.oneof) or (is_message and presence == "IMPLICIT"),
            ("features", "message_encoding"): not is_message,
            ("features", "utf8_validation"): "string" not in (field.type, field.key),
            ("features", "repeated_field_encoding"): field.label != "repeated"
            or (
                _feature(field.options, "repeated_field_encoding") == "PACKED"
                and (field.type in ("string", "bytes") or is_message)
            ),
        }
        for option in field.options:
            if unfit.get(option.name):
                yield Flaw(option.at, f"{option.shown} does not fit {short(field.name)}", "Remove it.")
        if (presence or _feature(self.file.options, "field_presence")) != "IMPLICIT" or is_many or field.oneof:
            return
        if field.option("default"):
            yield Flaw(field.at, "implicit presence allows no default", "Remove it.")
        if found is not None and isinstance(found.node, Enum) and self.enum_type(found.node) == "CLOSED":
            yield Flaw(field.at, "implicit presence needs an open enum", "Make the enum open.")

    def enum_type(self, enum: Enum) -> str:
        return _feature(enum.options, "enum_type") or self.enums

    def default(self, field: Field, found: Symbol | None) -> Iterator[Flaw]:
        said = field.option("default")
        if said is None:
            return
        if self.file.syntax == "proto3":
            yield Flaw(said.at, "proto3 has no defaults", "Remove it.")
        elif field.label in ("repeated", "map"):
            yield Flaw(said.at, f"{short(field.name)} holds many values and has no default", "Remove it.")
        elif field.type in SCALARS:
            wrong = options.unfit(said, field.type)
            if wrong:
                yield Flaw(said.at, *wrong)
        elif found is not None and (found.kind == "message" or not _has(found.node, said.value)):
            yield Flaw(said.at, f"{short(said.value)} is no default for {short(field.name)}", "Remove it.")

    def extensions(self) -> Iterator[Flaw]:
        taken: dict[tuple[str, int], str] = {}
        scopes = [(self.symbols.package, self.file.extends)]
        scopes += [(self.symbols.full(each.name), each.extends) for each in self.file.walk()]
        for scope, fields in scopes:
            for field in fields:
                yield from self.field(field, scope)
                yield from self.extension(field, f"{scope}.{field.name}" if scope else field.name, taken)

    def extension(self, field: Field, own: str, taken: dict[tuple[str, int], str]) -> Iterator[Flaw]:
        found = self.symbols.find(field.extends, own)
        if found is None:
            yield from self.unknown(field.extends, own, field.at)
            return
        if found.kind != "message":
            yield Flaw(field.at, f"{short(field.extends)} is {found.said}, not a message", "Extend a message.")
            return
        if self.file.syntax == "proto3" and found.name not in wellknown.DEFINING_OPTIONS:
            yield Flaw(field.at, "proto3 extends only google.protobuf's options", "Use a field, or proto2.")
        ranges = found.node.extensible if isinstance(found.node, Message) else _foreign(found.name)
        if not any(field.number in each for each in ranges):
            message = f"{short(field.extends)} keeps no number {field.number} for extensions"
            yield Flaw(field.number_at, message, "Choose a number it keeps.")
        if _option_is(self.file.options, "optimize_for", "LITE_RUNTIME") and found.name in wellknown.EXTENSIBLE:
            yield Flaw(field.at, "a lite file cannot extend what is not lite", "Remove optimize_for, or this.")
        first = taken.setdefault((found.name, field.number), own)
        if first != own:
            yield Flaw(field.number_at, f"the number {field.number} belongs to {short(first)}", "Choose another.")

    # Enums

    def enum(self, enum: Enum) -> Iterator[Flaw]:
        own = self.symbols.full(enum.name)
        yield from self.options(enum.options, "enum", own)
        for value in enum.values:
            yield from self.options(value.options, "value", own)
        if not enum.values:
            yield Flaw(enum.at, f"the enum {short(enum.name)} has no value", "Add one, the first with 0.")
            return
        is_open = self.enum_type(enum) == "OPEN"
        if is_open and enum.values[0].number != 0:
            yield Flaw(enum.values[0].at, f"the first value of {short(enum.name)} is not 0", "Begin with 0.")
        yield from self.aliases(enum)
        yield from self.enum_reserved(enum)
        yield from _same_in_code(enum)

    def aliases(self, enum: Enum) -> Iterator[Flaw]:
        taken: dict[int, str] = {}
        shared = False
        allows = _option(enum.options, "allow_alias")
        for value in enum.values:
            first = taken.setdefault(value.number, value.name)
            shared = shared or first != value.name
            if first != value.name and not (allows and allows.value == "true"):
                message = f"{short(value.name)} has the number of {short(first)}"
                yield Flaw(value.at, message, "Give it another, or set option allow_alias = true.")
        if allows and (allows.value == "false" or not shared):
            yield Flaw(allows.at, "allow_alias has no effect here", "Remove it.")

    def enum_reserved(self, enum: Enum) -> Iterator[Flaw]:
        yield from _overlaps(enum.reserved.ranges, ())
        yield from _repeated(enum.reserved.names, "is reserved twice")
        names = {name for name, _ in enum.reserved.names}
        reserved = _Ranges(enum.reserved.ranges)
        for value in enum.values:
            if value.number in reserved:
                yield Flaw(value.at, f"the number {value.number} is reserved", "Choose a number not reserved.")
            if value.name in names:
                yield Flaw(value.at, f"the name {short(value.name)} is reserved", "Choose a name not reserved.")


def _feature(said: Options, name: str) -> str:
    return next((each.value for each in said if each.name == ("features", name)), "")


def _option(said: Options, name: str) -> Option | None:
    return next((each for each in said if each.name == (name,)), None)


def _option_is(said: Options, name: str, value: str) -> bool:
    found = _option(said, name)
    return found is not None and found.value == value


class _Ranges:
    """Many ranges, asked for numbers without trying each: those that overlap are joined."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for each in sorted(ranges, key=lambda each: each.start):
            if self.ends and each.start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], each.end)
            else:
                self.starts.append(each.start)
                self.ends.append(each.end)

    def __contains__(self, number: int) -> bool:
        at = bisect.bisect_right(self.starts, number) - 1
        return at >= 0 and number <= self.ends[at]


def _has(node: object, name: str) -> bool:
    """Whether an enum, if it is one of this file, has a value of that name."""
    return not isinstance(node, Enum) or any(each.name == name for each in node.values)


def _entry(field: Field) -> str:
    return "".join(each[:1].upper() + each[1:] for each in field.name.split("_")) + "Entry"


def _entries(message: Message) -> Iterator[Flaw]:
    maps = [each for each in message.fields if each.label == "map"]
    counts = Counter(map(_entry, maps))
    for field in maps:
        if counts[_entry(field)] > 1:
            yield Flaw(field.name_at, f"two maps make a message {short(_entry(field))}", "Rename one of the two.")


def _foreign(name: str) -> tuple[Range, ...]:
    return (Range(1_000, LARGEST_FIELD),) if name in wellknown.EXTENSIBLE else ()


def _number(field: Field) -> Iterator[Flaw]:
    if not 1 <= field.number <= LARGEST_FIELD:
        message = f"{field.number} is no field's number"
        yield Flaw(field.number_at, message, f"Write a number from 1 to {LARGEST_FIELD:,}.")
    elif field.number in _INTERNAL:
        message = f"{field.number} is kept for Protocol Buffers itself"
        yield Flaw(field.number_at, message, "Choose a number outside 19,000 to 19,999.")


def _repeated(names: Iterator[tuple[str, At]] | Sequence[tuple[str, At]], what: str) -> Iterator[Flaw]:
    seen: set[str] = set()
    for name, at in names:
        if name in seen:
            yield Flaw(at, f"{short(name)} {what}", "Keep one of the two.")
        seen.add(name)


def _overlaps(reserved: Sequence[Range], extensible: Sequence[Range]) -> Iterator[Flaw]:
    """Ranges that end before they begin, or meet another."""
    for each in (*reserved, *extensible):
        if each.end < each.start:
            yield Flaw(each.at, f"{each.start} to {each.end} ends before it begins", "Swap the two.")
    ordered = sorted((*reserved, *extensible), key=lambda each: (each.start, each.end))
    for first, second in itertools.pairwise(ordered):
        if second.start <= first.end:
            message = f"{second.start} to {second.end} overlaps with {first.start} to {first.end}"
            yield Flaw(max(first.at, second.at), message, "Make the ranges meet without overlap.")


def _same_in_code(enum: Enum) -> Iterator[Flaw]:
    """Values that generated code and JSON cannot tell apart: ORDER_OPEN and OPEN of Order."""
    prefix = enum.name.rpartition(".")[2].replace("_", "").lower()
    taken: dict[str, tuple[str, int]] = {}
    for value in enum.values:
        name = _without(value.name, prefix)
        first, number = taken.setdefault(name, (value.name, value.number))
        if first != value.name and number != value.number:
            message = f"{short(value.name)} and {short(first)} are the same but for case and the enum's name"
            yield Flaw(value.at, message, "Rename one of the two.")


def _without(name: str, prefix: str) -> str:
    """A value's name as code writes it: without the enum's name before it, without underscores, case aside."""
    matched = 0
    for at, letter in enumerate(name):
        if matched == len(prefix):
            rest = name[at:].lstrip("_")
            return _pascal(rest or name)
        if letter == "_":
            continue
        if letter.lower() != prefix[matched]:
            break
        matched += 1
    return _pascal(name)


def _pascal(name: str) -> str:
    return "".join(each[:1].upper() + each[1:].lower() for each in name.split("_"))
