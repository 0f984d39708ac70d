"""The grammar of .proto sources, proto2, proto3 and editions, read as protoc reads it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..flaws import START, At, refuse, short
from .scan import MEND, Token, scan, whole
from .tree import (
    SCALARS,
    Enum,
    Field,
    Import,
    Message,
    Method,
    Oneof,
    Option,
    ProtoFile,
    Range,
    Reserved,
    Service,
    Value,
)

LONGEST = 200_000
"""Characters; what a record's field for code holds."""
DEEPEST = 31
LONGEST_PACKAGE = 300
LARGEST_FIELD = 536_870_911
LARGEST_INTEGER = 2**31 - 1
EDITIONS = ("2023", "2024")


def parse(text: str) -> ProtoFile:
    """What `text` declares. Raises Flawed with the place of the first thing that is not proto."""
    if len(text) > LONGEST:
        message = f"is {len(text):,} characters long; the limit is {LONGEST:,}"
        refuse(START, message, "Keep the service and its messages only.")
    return _Parser(scan(text.removeprefix("\ufeff"))).file()


class _Words:
    """A cursor over the words of a source."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.next = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.token
        if token.kind == "end":
            refuse(token.at, "the file ends too early", "Close what is open: a bracket or a statement.")
        self.next += 1
        return token

    def sees(self, *texts: str) -> bool:
        return self.token.text in texts and self.token.kind in ("name", "sign")

    def has(self, *texts: str) -> bool:
        if self.sees(*texts):
            self.next += 1
            return True
        return False

    def want(self, text: str) -> Token:
        if not self.sees(text):
            refuse(self.token.at, f"expected {text}, found {shown(self.token)}", f"Write {text} there.")
        return self.take()

    def want_kind(self, kind: str, what: str) -> Token:
        if self.token.kind != kind:
            refuse(self.token.at, f"expected {what}, found {shown(self.token)}", f"Write {what} there.")
        return self.take()

    def name(self, what: str) -> Token:
        return self.want_kind("name", what)

    def dotted(self, what: str) -> str:
        """A name with dots, blanks between allowed."""
        words = [self.name(what).text]
        while self.has("."):
            words.append(self.name("a name").text)
        return ".".join(words)

    def text(self, what: str) -> str:
        """A text in quotes; several in a row are one."""
        words = [self.want_kind("string", what).text[1:-1]]
        while self.token.kind == "string":
            words.append(self.take().text[1:-1])
        return "".join(words)

    def integer(self, what: str, largest: int = LARGEST_INTEGER) -> int:
        token = self.want_kind("integer", what)
        number = whole(token.text)
        if number > largest:
            refuse(token.at, f"{short(token.text)} is too large", f"Write a number up to {largest:,}.")
        return number

    def doc(self, start: Token) -> str:
        """What is said of the statement just read: the comment before it, or behind it on its line."""
        return start.comment or self.tokens[self.next - 1].trailing


@dataclass(slots=True)
class _Body:
    """What a message holds, while it is read."""

    fields: list[Field] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    enums: list[Enum] = field(default_factory=list)
    oneofs: list[Oneof] = field(default_factory=list)
    extends: list[Field] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)
    names: list[tuple[str, At]] = field(default_factory=list)
    extensible: list[Range] = field(default_factory=list)
    range_options: list[Option] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)

    def message(self, name: str, start: Token) -> Message:
        return Message(
            name,
            tuple(self.fields),
            tuple(self.messages),
            tuple(self.enums),
            tuple(self.oneofs),
            tuple(self.extends),
            Reserved(tuple(self.ranges), tuple(self.names)),
            tuple(self.extensible),
            tuple(self.range_options),
            start.comment,
            tuple(self.options),
            start.at,
        )


class _Parser(_Words):
    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self.syntax, self.package, self.package_at = "proto2", "", START
        self.imports: list[Import] = []
        self.services: list[Service] = []
        self.top = _Body()

    # The file

    def file(self) -> ProtoFile:
        if self.sees("syntax", "edition"):
            self.version()
        while self.token.kind != "end":
            self.declaration()
        return ProtoFile(
            self.syntax,
            self.package,
            tuple(self.imports),
            tuple(self.services),
            tuple(self.top.messages),
            tuple(self.top.enums),
            tuple(self.top.extends),
            tuple(self.top.options),
            self.package_at,
        )

    def version(self) -> None:
        word = self.take()
        self.want("=")
        at = self.token.at
        self.syntax = self.text("a version in quotes")
        known = ("proto2", "proto3") if word.text == "syntax" else EDITIONS
        if self.syntax not in known:
            refuse(at, f"{word.text} {short(self.syntax)} is not known", f"Write {known[0]} or {known[1]} in quotes.")
        self.want(";")

    def declaration(self) -> None:
        token = self.take()
        if self.syntax == "2024" and token.kind == "name" and token.text in ("export", "local"):
            token = self.take()
        reads: dict[str, Callable[[Token], None]] = {
            ";": lambda start: None,
            "package": self.package_name,
            "import": self.import_,
            "option": lambda start: self.option_statement(self.top.options),
            "message": lambda start: self.message("", start, 1, self.top),
            "enum": lambda start: self.enum("", start, self.top),
            "extend": lambda start: self.extend("", 1, self.top),
            "service": self.service,
        }
        if token.text not in reads or token.kind not in ("name", "sign"):
            known = "Begin with package, import, option, message, enum or service."
            refuse(token.at, f"{shown(token)} begins no declaration", known)
        reads[token.text](token)

    def package_name(self, start: Token) -> None:
        if self.package:
            refuse(start.at, "a second package is named", "Keep one of the two.")
        self.package_at = self.token.at
        self.package = self.dotted("a package name")
        if len(self.package) > LONGEST_PACKAGE:
            refuse(self.package_at, f"the package's name is longer than {LONGEST_PACKAGE} characters", "Shorten it.")
        self.want(";")

    def import_(self, start: Token) -> None:
        self.has("public", "weak", *(["option"] if self.syntax == "2024" else []))
        at = self.token.at
        self.imports.append(Import(self.text("a file name in quotes"), at))
        self.want(";")

    # Services

    def service(self, start: Token) -> None:
        name = self.name("a service's name").text
        self.want("{")
        methods: list[Method] = []
        options: list[Option] = []
        while not self.has("}"):
            if self.sees("option"):
                self.take()
                self.option_statement(options)
            elif self.sees("rpc"):
                methods.append(self.method(self.take()))
            elif not self.has(";"):
                refuse(self.token.at, f"{shown(self.token)} begins no rpc", "Write rpc, option or }.")
        self.services.append(Service(name, tuple(methods), start.comment, tuple(options), start.at))

    def method(self, start: Token) -> Method:
        name = self.name("an rpc's name").text
        request_at, request, request_streams = self.body()
        self.want("returns")
        response_at, response, response_streams = self.body()
        options: list[Option] = []
        if self.has("{"):
            while not self.has("}"):
                if self.has("option"):
                    self.option_statement(options)
                elif not self.has(";"):
                    refuse(self.token.at, f"{shown(self.token)} is no option", "Write option or }.")
        else:
            self.want(";")
        streams = (request_streams, response_streams)
        doc = self.doc(start)
        return Method(name, request, response, *streams, doc, tuple(options), start.at, request_at, response_at)

    def body(self) -> tuple[At, str, bool]:
        """`(stream Item)`."""
        self.want("(")
        streams = self.has("stream")
        at, name = self.message_type()
        self.want(")")
        return at, name, streams

    def message_type(self) -> tuple[At, str]:
        """The name of a message."""
        at = self.token.at
        if self.token.text in SCALARS:
            refuse(at, f"{shown(self.token)} is not a message", "Name a message.")
        dot = "." if self.has(".") else ""
        return at, dot + self.dotted("a message's name")

    # Messages

    def message(self, outer: str, start: Token, depth: int, into: _Body) -> None:
        name = outer + self.name("a message's name").text
        into.messages.append(self.message_body(name, start, depth))

    def message_body(self, name: str, start: Token, depth: int) -> Message:
        if depth > DEEPEST:
            refuse(start.at, f"is nested more than {DEEPEST} deep", "Flatten it.")
        body = _Body()
        self.want("{")
        while not self.has("}"):
            self.member(name, depth, body)
        return body.message(name, start)

    def member(self, outer: str, depth: int, body: _Body) -> None:
        """One statement inside a message."""
        start = self.token
        if self.syntax == "2024" and self.sees("export", "local"):
            self.take()
        word = self.token.text if self.token.kind in ("name", "sign") else ""
        reads: dict[str, Callable[[], None]] = {
            ";": lambda: None,
            "message": lambda: self.message(f"{outer}.", start, depth + 1, body),
            "enum": lambda: self.enum(f"{outer}.", start, body),
            "extend": lambda: self.extend(outer, depth, body),
            "oneof": lambda: self.oneof(outer, depth, body),
            "option": lambda: self.option_statement(body.options),
            "reserved": lambda: self.reserved(body.ranges, body.names, is_enum=False),
            "extensions": lambda: self.extensions(body),
        }
        if word in reads:
            self.take()
            reads[word]()
        else:
            self.field(outer, depth, body)

    def oneof(self, outer: str, depth: int, body: _Body) -> None:
        start = self.token
        name = self.name("a oneof's name").text
        options: list[Option] = []
        self.want("{")
        while not self.has("}"):
            if self.has("option"):
                self.option_statement(options)
            else:
                self.field(outer, depth, body, oneof=name)
        body.oneofs.append(Oneof(name, tuple(options), start.at))

    def extend(self, outer: str, depth: int, body: _Body) -> None:
        _, extends = self.message_type()
        holder = _Body(messages=body.messages)
        self.want("{")
        while True:
            self.field(outer, depth, holder, extends=extends)
            if self.has("}"):
                break
        body.extends += holder.fields

    def field(self, outer: str, depth: int, body: _Body, *, oneof: str = "", extends: str = "") -> None:
        start = self.token
        label = self.label(oneof)
        if self.sees("map") and self.tokens[self.next + 1].text == "<":
            key, type_ = self.map(start, bool(oneof or extends or label))
            label = "map"
        elif self.has("group"):
            body.fields.append(self.group(start, outer, depth, label, body, oneof, extends))
            return
        else:
            if not label and not oneof and self.syntax == "proto2":
                refuse(
                    start.at, f"{shown(start)} has no label", "Write optional, required or repeated before the type."
                )
            key, type_ = "", self.type()
        name = self.name("a field's name")
        self.want("=")
        number_at = self.token.at
        number = self.integer("a field's number")
        options = self.bracketed()
        self.want(";")
        body.fields.append(
            Field(name.text, type_, number, label, key, oneof, extends, False, self.doc(start), options, start.at,
                  name.at, number_at)
        )  # fmt: skip

    def label(self, oneof: str) -> str:
        if not self.sees("optional", "repeated", "required"):
            return ""
        token = self.take()
        if oneof:
            refuse(token.at, f"{shown(token)} cannot stand in a oneof", "Remove it.")
        return token.text

    def type(self) -> str:
        if self.token.text in SCALARS and self.token.kind == "name":
            return self.take().text
        dot = "." if self.has(".") else ""
        return dot + self.dotted("a type")

    def map(self, start: Token, is_misplaced: bool) -> tuple[str, str]:
        if is_misplaced:
            refuse(
                start.at, "a map has no label, and cannot stand in a oneof or extend", "Write map<key, value> alone."
            )
        self.take()
        self.want("<")
        key = self.type()
        self.want(",")
        value = self.type()
        self.want(">")
        return key, value

    def group(self, start: Token, outer: str, depth: int, label: str, body: _Body, oneof: str, extends: str) -> Field:
        if self.syntax != "proto2":
            refuse(start.at, "a group is not allowed here", "Declare a message and a field of it.")
        if not label and not oneof:
            refuse(start.at, "the group has no label", "Write optional, required or repeated before it.")
        name = self.name("a group's name")
        if not name.text[0].isupper():
            refuse(name.at, f"{short(name.text)} begins with a small letter", "Begin a group's name with a capital.")
        self.want("=")
        number_at = self.token.at
        number = self.integer("a field's number")
        options = self.bracketed()
        within = f"{outer}.{name.text}" if outer else name.text
        body.messages.append(self.message_body(within, start, depth + 1))
        return Field(name.text.lower(), name.text, number, label, "", oneof, extends, True, start.comment, options,
                     start.at, name.at, number_at)  # fmt: skip

    # Ranges

    def extensions(self, body: _Body) -> None:
        body.extensible += self.ranges(LARGEST_FIELD)
        body.range_options += self.bracketed()
        self.want(";")

    def reserved(self, ranges: list[Range], names: list[tuple[str, At]], *, is_enum: bool) -> None:
        by_name = "name" if self.syntax in EDITIONS else "string"
        if self.token.kind not in ("string", "name"):
            ranges += self.ranges(LARGEST_INTEGER if is_enum else LARGEST_FIELD, signed=is_enum)
        elif self.token.kind != by_name:
            mend = "Put the name in quotes." if by_name == "string" else "Write the name without quotes."
            refuse(self.token.at, f"{shown(self.token)} is not how a name is reserved", mend)
        else:
            while True:
                at = self.token.at
                names.append((self.text("a name") if by_name == "string" else self.take().text, at))
                if not self.has(","):
                    break
                if self.token.kind != by_name:
                    refuse(self.token.at, f"expected a name, found {shown(self.token)}", MEND)
        self.want(";")

    def ranges(self, largest: int, *, signed: bool = False) -> list[Range]:
        found = []
        while True:
            at = self.token.at
            start = self.bound(signed=signed)
            end = start
            if self.has("to"):
                end = largest if self.has("max") else self.bound(signed=signed)
            if end == LARGEST_INTEGER and not signed:
                refuse(at, f"{end} is too large for a field's number", f"End at {LARGEST_FIELD:,}.")
            found.append(Range(start, end, at))
            if not self.has(","):
                return found

    def bound(self, *, signed: bool) -> int:
        minus = signed and self.has("-")
        number = self.integer("a number", LARGEST_INTEGER + minus)
        return -number if minus else number

    # Enums

    def enum(self, outer: str, start: Token, into: _Body) -> None:
        name = outer + self.name("an enum's name").text
        values: list[Value] = []
        options: list[Option] = []
        ranges: list[Range] = []
        names: list[tuple[str, At]] = []
        self.want("{")
        while not self.has("}"):
            if self.has("option"):
                self.option_statement(options)
            elif self.has("reserved"):
                self.reserved(ranges, names, is_enum=True)
            elif not self.has(";"):
                values.append(self.value())
        reserved = Reserved(tuple(ranges), tuple(names))
        into.enums.append(Enum(name, tuple(values), reserved, start.comment, tuple(options), start.at))

    def value(self) -> Value:
        start = self.name("a value's name")
        self.want("=")
        number = self.bound(signed=True)
        options = self.bracketed()
        self.want(";")
        return Value(start.text, number, self.doc(start), options, start.at)

    # Options

    def option_statement(self, into: list[Option]) -> None:
        into.append(self.option())
        self.want(";")

    def bracketed(self) -> tuple[Option, ...]:
        """`[name = value, …]`, or nothing."""
        if not self.has("["):
            return ()
        found = [self.option()]
        while self.has(","):
            found.append(self.option())
        self.want("]")
        return tuple(found)

    def option(self) -> Option:
        at = self.token.at
        steps = [self.option_step()]
        while self.has("."):
            steps.append(self.option_step())
        self.want("=")
        if self.has("{"):
            return Option(tuple(steps), "block", self.block(), at)
        return self.scalar_option(tuple(steps), at)

    def option_step(self) -> str:
        if not self.has("("):
            return self.name("an option's name").text
        dot = "." if self.has(".") else ""
        name = self.dotted("an option's name")
        self.want(")")
        return f"({dot}{name})"

    def scalar_option(self, name: tuple[str, ...], at: At) -> Option:
        minus = "-" if self.has("-") else ""
        token = self.token
        if token.kind not in ("name", "integer", "float", "string") or (minus and token.kind == "string"):
            refuse(token.at, f"expected a value, found {shown(token)}", "Write a name, a number or a text in quotes.")
        if token.kind == "string":
            return Option(name, "string", self.text("a text"), at)
        if minus and token.kind == "name" and token.text not in ("inf", "nan"):
            refuse(token.at, f"{shown(token)} has no negative", "Remove the minus.")
        if token.kind == "integer" and whole(token.text) >= (2**63 + 1 if minus else 2**64):
            kind = "float"
        else:
            kind = "float" if minus and token.kind == "name" else token.kind
        return Option(name, kind, minus + self.take().text, at)

    def block(self) -> str:
        """What stands between braces, passed over."""
        depth = 1
        words: list[str] = []
        while True:
            token = self.take()
            depth += (token.text == "{") - (token.text == "}") if token.kind == "sign" else 0
            if not depth:
                return " ".join(words)
            words.append(token.text)


def shown(token: Token) -> str:
    """A word as it is told."""
    return token.text if token.kind == "end" else short(token.text, 40)
