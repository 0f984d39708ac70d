"""Typed text: a tree shaped like the record whose leaves are what stands in the controls, letter by letter.

It stands between a document and its form and holds what cannot be kept as well, so nothing anybody typed is lost.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.record import DesignRecord, documents
from registry.record.base import Part
from registry.record.findings import InvalidRecord, Problem

from .specs import Kind, Spec, section_spec, specs, written

Text = str | list["Text"] | dict[str, "Text"]

OPEN = "~open"
"""Beside an item's fields: whether its block stood open, so that it stays open through a post."""
MOST_ITEMS = 1_000
MOST_FIELDS = 20_000
"""What a post may hold. All problems are asked for at once: each further reading costs as much as the first."""
DEEPEST = 16
_GROUPED_DIGITS = re.compile(r"[+-]?\d{1,3}(?:[,_  ’']\d{3})+")
_DIGITS = re.compile(r"[+-]?\d{1,30}")


def place_of(step: str) -> int | None:
    """The place in a list that a step of a field's name means, if any."""
    return int(step) if step.isascii() and step.isdigit() and len(step) < 10 else None


def title_of(part: type[Part], text: Mapping[str, Text], index: int) -> str:
    """How an item is called in headings and messages: by its name, else by its first value or its place."""
    if part.KEY:
        return str(text.get(part.KEY, "")).strip() or f"{part.TITLE} {index + 1}"
    first = str(text.get(specs(part)[0].name, "")).strip()
    return f"{part.TITLE} {first or index + 1}"


def as_text(section: str, value: Any) -> Text:
    """A section's part, or tuple of parts, as the text of its controls."""
    return as_text_of(section_spec(section), value)


def as_text_of(spec: Spec, value: Any) -> Text:
    if spec.kind == "group":
        return {each.name: as_text_of(each, getattr(value, each.name)) for each in specs(spec.inner)}
    if spec.kind == "items":
        inner = specs(spec.inner)
        return [{each.name: as_text_of(each, getattr(item, each.name)) for each in inner} for item in value]
    return written(spec, value)


def value_of(spec: Spec, typed: str) -> Any:
    """What was typed into one control, as plain data; None where nothing was."""
    value = _as_data(spec, typed)
    return None if value in ("", []) else value


def posted_text(section: str, post: Mapping[str, str]) -> Text:
    """What was posted of a section's form, as typed. Names that belong to no field are left aside."""
    tree: dict[str, Any] = {}
    for name in post:
        steps = name.split(".", DEEPEST)
        if steps[0] == section and len(steps) <= DEEPEST:
            node = tree
            for step in steps:
                node = node.setdefault(step, {})
            node[""] = post[name]
    return _posted(section_spec(section), tree.get(section, {}))


def _posted(spec: Spec, node: dict[str, Any]) -> Text:
    if spec.kind == "group":
        return _posted_part(spec, node)
    if spec.kind == "items":
        places = sorted((step for step in node if step.isascii() and step.isdigit() and len(step) < 10), key=int)
        return [_posted_part(spec, node[place]) for place in places[:MOST_ITEMS]]
    return str(node.get("", ""))


def _posted_part(spec: Spec, node: dict[str, Any]) -> dict[str, Text]:
    part = {each.name: _posted(each, node.get(each.name, {})) for each in specs(spec.inner)}
    return {**part, OPEN: str(node[OPEN].get("", ""))} if OPEN in node else part


def _as_data(spec: Spec, text: Text) -> Any:
    """Typed text as plain data: whole numbers and yes/no where it reads as such, else the text itself."""
    if isinstance(text, dict):
        data = {each.name: _as_data(each, text[each.name]) for each in specs(spec.inner)}
        return {name: value for name, value in data.items() if value not in (None, "", {}, [])}
    if isinstance(text, list):
        return [_as_data(spec, item) for item in text]
    if spec.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if spec.kind == "words":
        return [_value(spec.items_kind, word) for word in re.split(r"[,;\s]+", text) if word]
    return _value(spec.kind, text)


def _value(kind: Kind, text: str) -> Any:
    trimmed = text.strip()
    if kind == "whole":
        digits = re.sub(r"[^\d+-]", "", trimmed) if _GROUPED_DIGITS.fullmatch(trimmed) else trimmed
        return int(digits) if _DIGITS.fullmatch(digits) else trimmed
    if kind == "yesno":
        return {"yes": True, "no": False}.get(trimmed, trimmed)
    return text if trimmed else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a form holds: the section as far as it can be kept, and what cannot."""

    value: Any
    problems: tuple[Problem, ...] = ()


def read(section: str, text: Text) -> Reading:
    """The section that was typed. Values that cannot be kept are left out of it and named in `problems`."""
    spec = section_spec(section)
    data: dict[str, Any] = {section: _as_data(spec, text)}
    problems: list[Problem] = []
    while True:
        try:
            value = (
                documents.parse_section(section, data[section], most_problems=MOST_FIELDS)
                if section in data
                else getattr(DesignRecord(), section)
            )
            return Reading(value, tuple(problems))
        except InvalidRecord as invalid:
            problems += [_of_item(each, data) for each in invalid.problems]
            for each in invalid.problems:
                _forget(data, each.location or (section,))


def _of_item(problem: Problem, data: Any) -> Problem:
    """A problem of one value in a line of several says which."""
    if not problem.location or not isinstance(problem.location[-1], int):
        return problem
    value = functools.reduce(lambda here, step: here[step], problem.location, data)
    return replace(problem, message=f"“{value}” {problem.message}")


def _forget(data: Any, location: tuple[int | str, ...]) -> None:
    """Take the value at `location` out; of a list of scalars the whole list, so that places stay as they are."""
    if isinstance(location[-1], int):
        location = location[:-1]
    here = data
    for step in location[:-1]:
        if isinstance(here, dict) and step not in here:
            return
        here = here[step]
    here.pop(location[-1], None)


def without_blank_items(value: Any) -> Any:
    """Plain data without list items in which nothing is stated."""
    if isinstance(value, dict):
        return {name: each for name, inner in value.items() if (each := without_blank_items(inner)) not in ({}, [])}
    if isinstance(value, list):
        return [each for inner in value if (each := without_blank_items(inner)) != {}]
    return value
