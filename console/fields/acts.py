"""Adding, copying, moving and deleting the items of a form's lists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.definitions import examples
from registry.record import labels
from registry.record.base import Part

from .specs import Spec, section_spec, specs
from .text import MOST_ITEMS, OPEN, Text, as_text_of, place_of, title_of

GONE = "That field is no longer there; nothing was changed."


@dataclass(frozen=True, slots=True)
class Acted:
    """What an act came to: which list it touched, where the focus goes, and what it took away."""

    list_name: str
    focus: str
    message: str
    index: int = 0
    item: Text | None = None


def act(section: str, text: Text, command: str, *, item: Text | None = None, index: int = 0) -> Acted | None:
    """Carry out `add:contracts.0.operations`, `up:contracts.1` and the like on `text`, in place.

    `restore:` puts `item` back at `index`, or a whole list as it was. None where the list or the item is not there
    (any more).
    """
    verb, _, name = command.partition(":")
    if verb in ("add", "restore"):
        spec, items = find_items(section, text, name)
        if spec is None or items is None or len(items) >= MOST_ITEMS:
            return None
        return _add(spec, items, name) if verb == "add" else _restore(spec, items, name, item, index)
    list_name, _, step = name.rpartition(".")
    place = place_of(step)
    spec, items = find_items(section, text, list_name)
    if spec is None or items is None or place is None or place >= len(items) or verb not in _ACTS:
        return None
    return _ACTS[verb](spec, items, list_name, place)


def exemplify(section: str, text: Text, value: Any, name: str) -> str:
    """Write an example into the empty field `name`, made from the schema beside it. Says why not where it cannot.

    `value` is what `text` reads as.
    """
    first, *steps = name.split(".")
    if first != section or not steps:
        return GONE
    *way, last = steps
    part = value
    for step in way:
        place = place_of(step)
        if isinstance(text, list) and isinstance(part, tuple) and place is not None and place < len(part):
            text, part = text[place], part[place]
        elif isinstance(text, dict) and isinstance(text.get(step), dict | list):
            text, part = text[step], getattr(part, step)
        else:
            return GONE
    spec = next((each for each in specs(type(part)) if each.name == last), None) if isinstance(part, Part) else None
    if not isinstance(text, dict) or spec is None or not spec.example_of:
        return GONE
    if str(text[last]).strip():
        return "There is an example already; empty the field to have one made."
    made = examples.made(part)
    if made is None:
        return "No example can be made before there is a schema without flaws."
    text[last] = made
    return ""


def find_items(section: str, text: Text, name: str) -> tuple[Spec | None, list[Text] | None]:
    spec = section_spec(section)
    first, *steps = name.split(".")
    if first != section:
        return None, None
    for step in steps:
        if isinstance(text, list):
            place = place_of(step)
            if place is None or place >= len(text):
                return None, None
            text = text[place]
        elif isinstance(text, dict) and step in text and step != OPEN:
            text, spec = (text[step], next(each for each in specs(spec.inner) if each.name == step))
        else:
            return None, None
    return (spec, text) if isinstance(text, list) else (None, None)


def blank(part: type[Part]) -> dict[str, Text]:
    """The typed text of an item in which nothing is typed yet."""
    return {each.name: as_text_of(each, getattr(part(), each.name)) for each in specs(part)}


def _first_control(part: type[Part]) -> str:
    return next(each.name for each in specs(part) if each.kind not in ("group", "items"))


def _add(spec: Spec, items: list[Text], name: str) -> Acted:
    items.append({**blank(spec.inner), OPEN: "1"})
    return Acted(name, f"{name}.{len(items) - 1}.{_first_control(spec.inner)}", f"Added a {spec.inner.TITLE.lower()}.")


def _after(spec: Spec, items: list[Text], name: str, index: int) -> Acted:
    items.insert(index + 1, {**blank(spec.inner), OPEN: "1"})
    return Acted(name, f"{name}.{index + 1}.{_first_control(spec.inner)}", f"Added a {spec.inner.TITLE.lower()}.")


def _restore(spec: Spec, items: list[Text], name: str, item: Text | None, index: int) -> Acted | None:
    if isinstance(item, list):
        items[:] = [_fitted(spec, each) for each in item if isinstance(each, dict)]
        return Acted(name, f"{name}.add", f"{spec.label} are as they were.")
    if not isinstance(item, dict):
        return None
    at = min(max(index, 0), len(items))
    items.insert(at, _fitted(spec, item))
    return Acted(name, f"{name}.{at}.{_first_control(spec.inner)}", f"{title_of(spec.inner, item, at)} is back.")


def _fitted(spec: Spec, item: Mapping[str, Text]) -> dict[str, Text]:
    """An item kept since it was deleted, with exactly the fields of today."""
    return {**blank(spec.inner), **{name: text for name, text in item.items() if name in spec.inner.model_fields}}


def _duplicate(spec: Spec, items: list[Text], name: str, index: int) -> Acted:
    copy = _copied(items[index])
    if isinstance(copy, dict) and spec.inner.KEY:
        copy[spec.inner.KEY] = ""
    items.insert(index + 1, {**copy, OPEN: "1"} if isinstance(copy, dict) else copy)
    focus = f"{name}.{index + 1}.{spec.inner.KEY or _first_control(spec.inner)}"
    return Acted(name, focus, f"Copied; give the copy its own {labels.field(spec.inner.KEY or 'values').lower()}.")


def _copied(text: Text) -> Text:
    if isinstance(text, dict):
        return {name: _copied(each) for name, each in text.items()}
    return [_copied(each) for each in text] if isinstance(text, list) else text


def _up(spec: Spec, items: list[Text], name: str, index: int) -> Acted:
    return _move(items, name, index, max(index - 1, 0), "up")


def _down(spec: Spec, items: list[Text], name: str, index: int) -> Acted:
    return _move(items, name, index, min(index + 1, len(items) - 1), "down")


def _move(items: list[Text], name: str, index: int, to: int, verb: str) -> Acted:
    items.insert(to, items.pop(index))
    at_end = to in (0, len(items) - 1)
    turned = {"up": "down", "down": "up"}[verb] if at_end and to == (0 if verb == "up" else len(items) - 1) else verb
    return Acted(name, f"{name}.{to}:{turned}", f"Moved to place {to + 1} of {len(items)}.")


def _delete(spec: Spec, items: list[Text], name: str, index: int) -> Acted:
    item = items.pop(index)
    title = title_of(spec.inner, item, index) if isinstance(item, dict) else ""
    return Acted(name, f"{name}.add", f"Deleted {title}.", index, item)


_ACTS: dict[str, Callable[[Spec, list[Text], str, int], Acted]] = {
    "after": _after,
    "duplicate": _duplicate,
    "up": _up,
    "down": _down,
    "delete": _delete,
}
