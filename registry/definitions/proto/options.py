"""Options: known, set once, of the right kind."""

from collections.abc import Iterator

from ..flaws import Flaw, short
from .scan import whole
from .symbols import Symbols
from .tree import SCALARS, Enum, Field, Message, Option, Options
from .wellknown import BOOL, FEATURES, OPTIONS, OPTIONS_OF, REPEATED, TEXT, Target

_PSEUDO = {"default": "a default", "json_name": TEXT}
"""Written among a field's options, and none."""
_INTEGERS = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), (-(2**31), 2**31 - 1)),
    **dict.fromkeys(("uint32", "fixed32"), (0, 2**32 - 1)),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), (-(2**63), 2**63 - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (0, 2**64 - 1)),
}


def flaws(options: Options, target: Target, scope: str, symbols: Symbols, *, is_edition: bool) -> Iterator[Flaw]:
    """What is wrong with the options of one declaration, whose full name is `scope`."""
    checking = _Checking(target, scope, symbols, is_edition)
    taken: set[tuple[str, ...]] = set()
    for option in options:
        name = tuple(map(checking.full, option.name))
        if name in taken and not checking.is_repeated(option):
            yield Flaw(option.at, f"the option {short(option.shown)} is set twice", "Keep one of the two.")
        taken.add(name)
        wrong = checking.wrong(option)
        if wrong:
            yield Flaw(option.at, *wrong)


class _Checking:
    def __init__(self, target: Target, scope: str, symbols: Symbols, is_edition: bool) -> None:
        self.target = target
        self.scope = scope
        self.symbols = symbols
        self.is_edition = is_edition

    def full(self, step: str) -> str:
        """A step of an option's name, in one form however it is written."""
        found = self.symbols.find(step[1:-1], self.scope) if step.startswith("(") else None
        return found.name if found is not None else step

    def is_repeated(self, option: Option) -> bool:
        if option.name[-1] in REPEATED:
            return True
        found = self.symbols.find(option.name[0][1:-1], self.scope) if option.name[0].startswith("(") else None
        return found is not None and isinstance(found.node, Field) and found.node.label == "repeated"

    def wrong(self, option: Option) -> tuple[str, str] | None:
        first, *rest = option.name
        if first.startswith("("):
            return self.custom(option)
        if first == "features":
            return self.feature(option, rest)
        if self.target == "field" and first in _PSEUDO:
            return None
        kind = OPTIONS[self.target].get(first)
        if kind is None or (rest and kind != "message"):
            where = {"value": "an enum's value", "range": "a range"}.get(self.target, f"a {self.target}")
            known = ", ".join(sorted(OPTIONS[self.target])) or "features"
            return f"{short(option.shown)} is no option of {where}", f"Known here: {known}."
        return _unfit(option, kind) if not rest else None

    def feature(self, option: Option, rest: list[str]) -> tuple[str, str] | None:
        if not self.is_edition:
            return "features belong to editions", "Begin with edition = …, or remove them."
        if not rest:
            return None if option.kind == "block" else ("features are a block", "Write features.name = VALUE.")
        if rest[0].startswith("("):
            return None
        values, targets = FEATURES.get(rest[0], ("", ()))
        if not values or len(rest) > 1:
            return f"{short(option.shown)} is no feature", f"Known: {', '.join(FEATURES)}."
        if self.target not in targets:
            return f"{short(option.shown)} cannot be set here", f"Set it on a {' or '.join(targets)}."
        return _unfit(option, values)

    def custom(self, option: Option) -> tuple[str, str] | None:
        """An option that somebody declared by extending google.protobuf's own."""
        holder: str = OPTIONS_OF[self.target]
        field: Field | None = None
        for step in option.name:
            if step.startswith("("):
                field, said = self.extension(step[1:-1], holder)
                if field is None:
                    return said
            else:
                if holder in SCALARS:
                    return f"{short(option.shown)}: {holder} has no fields", f"Remove .{step}."
                message = self.symbols.find(f".{holder}", self.scope)
                if message is None or not isinstance(message.node, Message):
                    return None  # a message of google.protobuf, or of a file that is not here
                field = next((each for each in message.node.fields if each.name == step), None)
                if field is None:
                    return f"{short(option.shown)}: {short(holder)} has no field {short(step)}", "Correct the name."
            holder = self.type_of(field)
        return self.unfit(option, field) if field is not None else None

    def extension(self, name: str, holder: str) -> tuple[Field | None, tuple[str, str] | None]:
        found = self.symbols.find(name, self.scope)
        if found is None:
            if self.symbols.may_be_elsewhere(name, self.scope):
                return None, None
            return None, (f"the option {short(f'({name})')} is declared nowhere", "Declare it, or remove it.")
        if not isinstance(found.node, Field) or not found.node.extends:
            return None, (f"{short(name)} is {found.said}, not an option", "Name an extension.")
        extended = self.symbols.find(found.node.extends, found.name)
        if extended is not None and extended.name != holder:
            return None, (f"{short(name)} is an option of {extended.name}, not of {holder}", "Declare it for this.")
        return found.node, None

    def type_of(self, field: Field) -> str:
        if field.type in SCALARS:
            return field.type
        found = self.symbols.find(field.type, self.scope, types_only=True)
        return found.name if found is not None else field.type

    def unfit(self, option: Option, field: Field) -> tuple[str, str] | None:
        if field.type in SCALARS:
            return unfit(option, field.type)
        found = self.symbols.find(field.type, self.scope, types_only=True)
        if found is None or found.node is None:
            return None
        if isinstance(found.node, Enum):
            return _unfit(option, " ".join(each.name for each in found.node.values))
        if option.kind != "block":
            return f"{short(option.shown)} is a message", "Write its fields in braces."
        return None


def _unfit(option: Option, kind: str) -> tuple[str, str] | None:
    """Whether the value is no bool, string, message, or none of an enum's names."""
    if kind in (BOOL, TEXT):
        return unfit(option, kind)
    if kind == "message":
        return None if option.kind == "block" else (f"{short(option.shown)} is a message", "Write it in braces.")
    names = kind.split()
    if option.kind == "name" and option.value in names:
        return None
    return f"{short(option.value)} is no value of {short(option.shown)}", f"Write {' or '.join(names[:12])}."


def unfit(option: Option, scalar: str) -> tuple[str, str] | None:
    """Why a value does not fit a scalar type; None where it does."""
    message = f"{short(option.value)} is no {scalar} for {short(option.shown)}"
    if scalar == "bool":
        fits = option.kind == "name" and option.value in ("true", "false")
        return None if fits else (message, "Write true or false.")
    if scalar in ("string", "bytes"):
        return None if option.kind == "string" else (message, "Put it in quotes.")
    if scalar in ("float", "double"):
        fits = option.kind in ("integer", "float") or (option.kind == "name" and option.value in ("inf", "nan"))
        return None if fits else (message, "Write a number.")
    low, high = _INTEGERS[scalar]
    if option.kind == "integer" and low <= number(option.value) <= high:
        return None
    return message, f"Write a whole number from {low:,} to {high:,}."


def number(text: str) -> int:
    """The number an integer option states."""
    return -whole(text[1:]) if text.startswith("-") else whole(text)
