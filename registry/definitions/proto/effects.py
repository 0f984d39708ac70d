"""What a changed .proto source comes to, for whoever was generated from the old one."""

from collections.abc import Iterator

from ..effects import MOST_EFFECTS, Effect
from .tree import Enum, Field, Message, Method, ProtoFile

_ON_THE_WIRE = (
    {"int32", "uint32", "int64", "uint64", "bool"},
    {"sint32", "sint64"},
    {"string", "bytes"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
)
"""Types whose bytes each other's readers understand."""


def effects(old: ProtoFile, new: ProtoFile) -> list[Effect]:
    """The differences that matter, in the order of the new file."""
    found = [*_file(old, new), *_services(old, new), *_messages(old, new), *_enums(old, new)]
    return found[:MOST_EFFECTS]


def _file(old: ProtoFile, new: ProtoFile) -> Iterator[Effect]:
    if old.package != new.package:
        yield Effect(f"the package {old.package or '(none)'} is now {new.package or '(none)'}: every call's path", True)
    if old.syntax != new.syntax:
        yield Effect(f"{old.syntax} is now {new.syntax}")


def _services(old: ProtoFile, new: ProtoFile) -> Iterator[Effect]:
    before, after = ({each.name: each for each in side.services} for side in (old, new))
    for name in before.keys() - after.keys():
        yield Effect(f"the service {name} is gone", True)
    for name, service in after.items():
        if name not in before:
            yield Effect(f"the service {name} is new")
            continue
        was, now = ({each.name: each for each in side.methods} for side in (before[name], service))
        for gone in [each for each in was if each not in now]:
            yield Effect(f"{name}.{gone} can no longer be called", True)
        for method in now.values():
            if method.name in was:
                yield from _method(f"{name}.{method.name}", was[method.name], method)
            else:
                yield Effect(f"{name}.{method.name} can now be called")


def _method(name: str, was: Method, now: Method) -> Iterator[Effect]:
    for side, before, after in (("takes", was.request, now.request), ("returns", was.response, now.response)):
        if before.rpartition(".")[2] != after.rpartition(".")[2]:
            yield Effect(f"{name} {side} {after}, no longer {before}", True)
    if was.kind != now.kind:
        yield Effect(f"{name}: {was.kind}, now {now.kind}", True)


def _messages(old: ProtoFile, new: ProtoFile) -> Iterator[Effect]:
    before, after = ({each.name: each for each in side.walk()} for side in (old, new))
    for name in [each for each in before if each not in after]:
        yield Effect(f"the message {name} is gone", True)
    for name, message in after.items():
        if name in before:
            yield from _fields(before[name], message)
        else:
            yield Effect(f"the message {name} is new")


def _fields(old: Message, new: Message) -> Iterator[Effect]:
    """Fields are matched by name, then by number: a renamed field keeps its number, a renumbered one its name."""
    was, now = ({each.name: each for each in side.fields} for side in (old, new))
    gone = {each.number: each for each in old.fields if each.name not in now}
    for name, field in now.items():
        at = f"{new.name}.{name}"
        if name in was:
            yield from _field(at, was[name], field)
        elif (before := gone.pop(field.number, None)) is not None and before.type == field.type:
            yield Effect(f"{new.name}.{before.name} is now called {name}: code and JSON, not the bytes", True)
        else:
            if before is not None:
                yield Effect(f"{new.name}.{before.name} is gone", True)
                yield Effect(f"{at} is new, under the number {field.number} that {before.name} had", True)
            else:
                yield Effect(f"{at} is new", field.label == "required")
    for field in gone.values():
        is_kept = any(field.number in each for each in new.reserved.ranges)
        note = (
            f"its number {field.number} is reserved" if is_kept else f"its number {field.number} is free to be reused"
        )
        yield Effect(f"{new.name}.{field.name} is gone; {note}", True)


def _field(at: str, was: Field, now: Field) -> Iterator[Effect]:
    if was.number != now.number:
        yield Effect(f"{at} has the number {now.number}, no longer {was.number}: old bytes are misread", True)
    if was.shown_type != now.shown_type:
        same = any({was.type, now.type} <= each for each in _ON_THE_WIRE) and was.label == now.label
        note = "the bytes stay readable, generated code changes" if same else "old bytes are misread"
        yield Effect(f"{at} is {now.shown_type}, no longer {was.shown_type}: {note}", True)
    elif was.label != now.label:
        yield Effect(
            f"{at} is {now.label or 'plain'}, no longer {was.label or 'plain'}", "required" in (was.label, now.label)
        )
    if was.oneof != now.oneof:
        where = f"in the oneof {now.oneof}" if now.oneof else f"no longer in the oneof {was.oneof}"
        yield Effect(f"{at} is {where}", True)
    if not was.is_deprecated and now.is_deprecated:
        yield Effect(f"{at} is deprecated")


def _enums(old: ProtoFile, new: ProtoFile) -> Iterator[Effect]:
    before, after = ({each.name: each for each in side.all_enums()} for side in (old, new))
    for name in [each for each in before if each not in after]:
        yield Effect(f"the enum {name} is gone", True)
    for name, enum in after.items():
        if name in before:
            yield from _values(before[name], enum)


def _values(old: Enum, new: Enum) -> Iterator[Effect]:
    was, now = ({each.name: each.number for each in side.values} for side in (old, new))
    for name in [each for each in was if each not in now]:
        yield Effect(f"{new.name} has no value {name} any more", True)
    for name, number in now.items():
        if name not in was:
            yield Effect(f"{new.name} has a new value {name}")
        elif was[name] != number:
            yield Effect(f"{new.name}.{name} is {number}, no longer {was[name]}: old bytes are misread", True)
