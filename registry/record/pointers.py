"""Pointers into a record, such as `contracts[payments-api].policy.retry.max_retries`, that survive reordering.

An item of a list is named by its key; one without a key, or whose key is taken, by its place: `contracts[#2]`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .base import Part

_STEP = re.compile(r"\.?([a-z_][a-z0-9_]*)|\[((?:\\.|[^\]\\])*)\]")


def item(key: str) -> str:
    """The pointer step of the list item named `key`."""
    escaped = key.replace("\\", "\\\\").replace("]", "\\]")
    return f"[\\{escaped}]" if escaped.startswith("#") else f"[{escaped}]"


def place(index: int) -> str:
    """The pointer step of the item at `index` (from 0) of a list."""
    return f"[#{index + 1}]"


def under(pointer: str, name: str) -> str:
    """The pointer of the field `name` of the part at `pointer`."""
    return f"{pointer}.{name}" if pointer else name


def item_steps(items: Sequence[Any]) -> list[str]:
    """The steps of a list's items: by key where it is one's own, else by place."""
    taken: set[str] = set()
    steps = []
    for index, each in enumerate(items):
        key = each.item_key if isinstance(each, Part) else None
        steps.append(item(key) if key and key not in taken else place(index))
        taken.add(key or "")
    return steps


def fields(part: Part, pointer: str = "") -> Iterator[tuple[str, str, Any]]:
    """The fields of one part as (pointer, name, value)."""
    for name in type(part).model_fields:
        yield under(pointer, name), name, getattr(part, name)


def walk(part: Part, pointer: str = "") -> Iterator[tuple[str, Part]]:
    """Every part of `part`, itself first, each with its pointer, in the document's order."""
    yield pointer, part
    for at, _, value in fields(part, pointer):
        if isinstance(value, Part):
            yield from walk(value, at)
        elif isinstance(value, tuple) and value and isinstance(value[0], Part):
            for step, each in zip(item_steps(value), value, strict=True):
                yield from walk(each, at + step)


def steps(pointer: str) -> list[str]:
    """A pointer's steps: field names as they are, list items in brackets. Raises ValueError on a malformed pointer."""
    found, end = [], 0
    for match in _STEP.finditer(pointer):
        if match.start() != end:
            break
        found.append(match[1] or match[0])
        end = match.end()
    if end != len(pointer):
        raise ValueError(f"not a pointer: {pointer!r}")
    return found


def resolve(part: Part, pointer: str) -> Any:
    """The value at `pointer`. Raises KeyError where there is none, ValueError on a malformed pointer."""
    value: Any = part
    for step in steps(pointer):
        if step.startswith("["):
            value = _item_at(value, step, pointer)
        elif isinstance(value, Part) and step in type(value).model_fields:
            value = getattr(value, step)
        else:
            raise KeyError(pointer)
    return value


def _item_at(items: Any, step: str, pointer: str) -> Any:
    if isinstance(items, tuple):
        for name, each in zip(item_steps(items), items, strict=True):
            if name == step:
                return each
    raise KeyError(pointer)


def location(part: Part, pointer: str) -> tuple[int | str, ...]:
    """The same place in the part's plain data: names and positions. Raises as `resolve` does."""
    here: Any = part
    found: list[int | str] = []
    for step in steps(pointer):
        if not step.startswith("["):
            found.append(step)
            here = resolve(here, step) if isinstance(here, Part) else _item_at(None, step, pointer)
        else:
            found.append(item_steps(here).index(step) if isinstance(here, tuple) and step in item_steps(here) else -1)
            here = _item_at(here, step, pointer)
    return tuple(found)
