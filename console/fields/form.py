"""A section's form: the typed text in its controls, each with its problem and findings beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry.definitions import bodies, schemas
from registry.record import pointers
from registry.record.base import Part
from registry.record.findings import Finding, Problem

from .controls import Control, Field, Group, Items, Said
from .specs import Spec, section_spec, specs
from .text import OPEN, Reading, Text, title_of


@dataclass(frozen=True, slots=True)
class Notes:
    """What stands beside the fields, by their names: problems, findings, the focus, and what was just done."""

    problems: Mapping[str, Problem]
    findings: Mapping[str, tuple[Finding, ...]]
    focus: str = ""
    said: Mapping[str, Said] | None = None


def form(
    section: str,
    text: Text,
    reading: Reading,
    findings: Sequence[Finding] = (),
    *,
    focus: str = "",
    said: Mapping[str, Said] | None = None,
) -> Group | Items:
    """The section's form. `reading` is what `text` reads as, so that findings find their fields by pointer."""
    places = dict(_places(section_spec(section), reading.value, section, section))
    placed: dict[str, tuple[Finding, ...]] = {}
    for each in findings:
        if each.section == section:
            name = _nearest(each.path, places) or section
            placed[name] = (*placed.get(name, ()), each)
    problems = {_control_name(each.location) or section: each for each in reversed(reading.problems)}
    # A value that cannot be kept was left out of what the rules saw: that it is missing is no news.
    placed = {name: each for name, each in placed.items() if name not in problems}
    notes = Notes(problems, placed, focus, said)
    with schemas.bounded():
        built = _field(section_spec(section), text, reading.value, section, section, notes)
    if isinstance(built, Control):
        raise TypeError(f"{section} is no section")
    return built


def focus_at(section: str, value: Any, pointer: str) -> str:
    """The focus that shows the field at `pointer`, or the nearest that can take it."""
    spec = section_spec(section)
    name = _nearest(pointer, dict(_places(spec, value, section, section))) or section
    for step in name.split(".")[1:]:
        spec = replace(spec, kind="group") if step.isdigit() else next(e for e in specs(spec.inner) if e.name == step)
    while spec.kind == "group":
        spec = specs(spec.inner)[0]
        name = f"{name}.{spec.name}"
    return f"{name}.add" if spec.kind == "items" else name


def control_at(section: str, value: Any, pointer: str) -> tuple[Spec, str] | None:
    """The field at exactly this pointer that takes a single value, and the name of its control; None elsewhere."""
    spec = section_spec(section)
    name = dict(_places(spec, value, section, section)).get(pointer)
    if name is None:
        return None
    for step in name.split(".")[1:]:
        spec = replace(spec, kind="group") if step.isdigit() else next(e for e in specs(spec.inner) if e.name == step)
    return None if spec.kind in ("group", "items") else (spec, name)


def _control_name(location: tuple[int | str, ...]) -> str:
    steps = location[:-1] if location and isinstance(location[-1], int) else location
    return ".".join(str(each) for each in steps)


def _places(spec: Spec, value: Any, name: str, pointer: str) -> Iterator[tuple[str, str]]:
    """Each pointer below `value` with the name of its field in the form."""
    yield pointer, name
    if spec.kind == "group":
        for each in specs(spec.inner):
            yield from _places(each, getattr(value, each.name), f"{name}.{each.name}", f"{pointer}.{each.name}")
    elif spec.kind == "items":
        group = replace(spec, kind="group")
        for index, (step, item) in enumerate(zip(pointers.item_steps(value), value, strict=True)):
            yield from _places(group, item, f"{name}.{index}", pointer + step)


def _nearest(pointer: str, places: Mapping[str, str]) -> str | None:
    """The field at `pointer`, else the nearest one it lies in."""
    try:
        steps = pointers.steps(pointer)
    except ValueError:
        return None
    for end in range(len(steps), 0, -1):
        here = "".join(step if step.startswith("[") or not at else f".{step}" for at, step in enumerate(steps[:end]))
        if here in places:
            return places[here]
    return None


def _field(spec: Spec, text: Text, value: Any, name: str, pointer: str, notes: Notes) -> Field:
    problem, findings = notes.problems.get(name), notes.findings.get(name, ())
    if isinstance(text, dict):
        return _group(spec, text, value, name, pointer, notes)
    if isinstance(text, list):
        items = tuple(_items(spec, text, value, name, pointer, notes))
        said = (notes.said or {}).get(name)
        return Items(spec, name, pointer, items, findings, problem, said, notes.focus == f"{name}.add")
    return Control(spec, name, pointer, text, problem, findings, notes.focus == name)


def _group(spec: Spec, text: Mapping[str, Text], value: Any, name: str, pointer: str, notes: Notes) -> Group:
    return Group(
        spec,
        name,
        pointer,
        _fields(spec, text, value, name, pointer, notes),
        notes.findings.get(name, ()),
        notes.problems.get(name),
        open_text=str(text.get(OPEN, "")),
        has_focus=notes.focus.startswith((f"{name}.", f"{name}:")),
        act_focused=notes.focus.removeprefix(f"{name}:") if notes.focus.startswith(f"{name}:") else "",
    )


def _fields(
    spec: Spec, text: Mapping[str, Text], value: Any, name: str, pointer: str, notes: Notes
) -> tuple[Field, ...]:
    fitting = _fitting_example(value)
    built = [
        _field(each, text[each.name], getattr(value, each.name), f"{name}.{each.name}", f"{pointer}.{each.name}", notes)
        for each in specs(spec.inner)
    ]
    return tuple(
        replace(each, fits=True) if isinstance(each, Control) and each.spec.name == fitting else each for each in built
    )


def _fitting_example(part: Part) -> str:
    """The field of an example that was held to the schema beside it and fits; "" where there is none."""
    if not isinstance(part, bodies.WITH_JSON):
        return ""
    both = bodies.pair(part)
    compared = bodies.compared(both)
    return both.example_field if compared is not None and compared.fits else ""


def _items(
    spec: Spec, texts: Sequence[Text], values: Sequence[Part], name: str, pointer: str, notes: Notes
) -> Iterator[Group]:
    inner = spec.inner
    values = [*values, *[inner()] * (len(texts) - len(values))]
    for index, (text, value, step) in enumerate(zip(texts, values, pointers.item_steps(values), strict=False)):
        if not isinstance(text, dict):
            continue
        group = _group(replace(spec, kind="group"), text, value, f"{name}.{index}", pointer + step, notes)
        yield replace(group, title=title_of(inner, text, index), index=index, is_last=index == len(texts) - 1)
