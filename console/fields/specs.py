"""What each field of a record asks of its control, read off the types alone."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic.fields import FieldInfo

from registry.record import DesignRecord, documents, labels
from registry.record.base import Code, Line, Part, Prose, unit_of

Kind = Literal["line", "prose", "code", "whole", "choice", "yesno", "words", "lines", "group", "items"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One field of a part, as far as its control depends on the type alone."""

    name: str
    label: str
    help: str
    kind: Kind
    unit: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    lowest: int | None = None
    highest: int | None = None
    longest: int | None = None
    language: str = ""
    part: type[Part] | None = None
    items_kind: Kind = "line"
    example_of: str = ""
    """The field beside it with its schema."""
    protocol: str = ""
    """The only protocol it belongs to."""

    @property
    def inner(self) -> type[Part]:
        """The part a group is, or a list holds."""
        if self.part is None:
            raise TypeError(f"{self.name} holds no part")
        return self.part

    @property
    def size(self) -> str:
        """How much room its text takes, going by its choices, its limit and its example."""
        if self.kind == "choice":
            return "is-long" if max(len(label) for _, label in self.choices) > 16 else ""
        if self.kind != "line":
            return ""
        return "is-narrow" if (self.longest or 300) <= 20 else "is-long" if len(self.example) > 26 else ""

    @property
    def is_short(self) -> bool:
        """Whether its control fits in a table's cell or a compact grid."""
        return self.kind not in ("group", "items", "code")


@functools.cache
def specs(part: type[Part]) -> tuple[Spec, ...]:
    """The fields of a part."""
    return tuple(_spec(name, info) for name, info in part.model_fields.items())


@functools.cache
def section_spec(section: str) -> Spec:
    """A section as a field of the record."""
    return _spec(section, DesignRecord.model_fields[section])


def _spec(name: str, info: FieldInfo) -> Spec:
    part = documents.part_type(info.annotation)
    label = info.title or (labels.field(name) if part is None or _is_list(info.annotation) else part.TITLE)
    help_ = info.description or ""
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    protocol = str(extra.get("protocol", ""))
    if part is not None:
        kind: Kind = "items" if _is_list(info.annotation) else "group"
        return Spec(name, label, help_, kind, part=part, protocol=protocol)
    scalar = _scalar(info.annotation)
    kind = _kind(scalar)
    listed = _is_list(info.annotation)
    spec = Spec(name, label, help_, kind, unit=unit_of(name, info), choices=_choices(scalar), items_kind=kind)
    if listed:
        spec = replace(spec, kind="lines" if scalar == Line else "words")
    limits = [*_limits(scalar), *([] if listed else info.metadata)]
    return replace(
        spec,
        example=written(spec, info.examples[0]) if info.examples else "",
        lowest=_limit(limits, Ge, "ge"),
        highest=_limit(limits, Le, "le"),
        longest=None if listed else _limit(limits, MaxLen, "max_length"),
        language=str(extra.get("language", "")),
        example_of=str(extra.get("example_of", "")),
        protocol=protocol,
    )


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _scalar(annotation: Any) -> Any:
    """The type of one value: without `| None`, and of a list's item."""
    if get_origin(annotation) in (Union, UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return get_args(annotation)[0] if _is_list(annotation) else annotation


def _kind(scalar: Any) -> Kind:
    if get_origin(scalar) is Literal:
        return "choice"
    if scalar == Code:
        return "code"
    if scalar == Prose:
        return "prose"
    plain = get_args(scalar)[0] if get_origin(scalar) is Annotated else scalar
    kinds: dict[Any, Kind] = {bool: "yesno", int: "whole"}
    return kinds.get(plain, "line")


def _choices(scalar: Any) -> tuple[tuple[str, str], ...]:
    values = get_args(scalar) if get_origin(scalar) is Literal else ()
    return tuple((value, labels.choice(value)) for value in values)


def _limits(scalar: Any) -> list[Any]:
    inside = get_args(scalar)[1:] if get_origin(scalar) is Annotated else ()
    return [limit for each in inside if isinstance(each, FieldInfo) for limit in each.metadata]


def _limit(limits: Sequence[Any], kind: type, attribute: str) -> int | None:
    return next((getattr(each, attribute) for each in limits if isinstance(each, kind)), None)


def written(spec: Spec, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ("\n" if spec.kind == "lines" else ", ").join(str(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
