"""What a design record is made of: frozen typed parts, and text types that refuse what cannot be shown."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

LONGEST_LIST = 200
UNITS = {
    "_ms": "ms",
    "_seconds": "s",
    "_percent": "%",
    "_per_minute": "per minute",
    "_per_second": "per second",
}
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Part(BaseModel):
    """A piece of a design record. Everything in it may be absent: rules, not types, say what is missing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    TITLE: ClassVar[str] = ""
    KEY: ClassVar[str | None] = None
    """The field that names this part where it is an item of a list."""

    @property
    def item_key(self) -> str | None:
        """The name of this item in its list, or None while it has none."""
        return None if self.KEY is None else getattr(self, self.KEY)

    @model_validator(mode="before")
    @classmethod
    def _absent_is_absent(cls, data: Any) -> Any:
        """An empty control, mere space and an empty list mean the same as a field left out, so all hash alike."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if not _is_absent(value)}


def _is_absent(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and (not value or value.isspace()))


def stated(
    example: Any,
    *,
    ge: int | None = None,
    le: int | None = None,
    unit: str | None = None,
    widget: str | None = None,
    language: str | None = None,
    title: str | None = None,
    example_of: str | None = None,
    protocol: str | None = None,
) -> Any:
    """A field that may be left out while drafting. `unit` is needed only where the field's name does not end in one.

    `example_of` names the field beside it with its schema, `protocol` the only protocol it belongs to.
    """
    extra = {"unit": unit, "widget": widget, "language": language, "example_of": example_of, "protocol": protocol}
    return Field(
        default=None,
        examples=[example],
        ge=ge,
        le=le,
        title=title,
        json_schema_extra={name: value for name, value in extra.items() if value is not None},
    )


def listed(
    example: Any = None, *, title: str | None = None, widget: str | None = None, protocol: str | None = None
) -> Any:
    """A list that may be empty while drafting."""
    extra = {"widget": widget, "protocol": protocol}
    return Field(
        default=(),
        max_length=LONGEST_LIST,
        examples=None if example is None else [example],
        title=title,
        json_schema_extra={name: value for name, value in extra.items() if value is not None},
    )


def unit_of(name: str, info: FieldInfo) -> str:
    """The unit shown beside a field: its own, else the one its name ends in, else nothing."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and extra.get("unit"):
        return str(extra["unit"])
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def refuse(kind: str, message: str, mend: str) -> PydanticCustomError:
    """The error of a value that cannot be kept: what is wrong, and what to write instead."""
    # The library fills {braces} in the message from the context, which here is only for whoever shows the error.
    return PydanticCustomError(kind, message.replace("{", "(").replace("}", ")"), {"mend": mend})


def _printable(text: str) -> str:
    found = _UNPRINTABLE.search(text)
    if found:
        raise refuse(
            "text", f"holds a character that cannot be shown (U+{ord(found[0]):04X})", "Remove that character."
        )
    return text


def _one_line(text: str) -> str:
    if "\n" in text:
        raise refuse("line", "must be one line", "Write it without line breaks.")
    return _printable(text)


def _unix_lines(text: Any) -> Any:
    return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else text


def matching(kind: str, pattern: str, message: str, mend: str) -> AfterValidator:
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise refuse(kind, message, mend)
        return text

    return AfterValidator(check)


def _decimal_text(value: Any) -> Any:
    """YAML and JSON give numbers where we keep decimal text: no floats ever reach a hash."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return format(value, "f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _at_most_hundred(text: str) -> str:
    if float(text) > 100:
        raise refuse("percent", "cannot be more than 100", "Write a number from 0 to 100.")
    return text


Line = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]
Prose = Annotated[str, BeforeValidator(_unix_lines), Field(max_length=20_000), AfterValidator(_printable)]
Code = Annotated[str, BeforeValidator(_unix_lines), Field(max_length=200_000), AfterValidator(_printable)]
Slug = Annotated[
    str,
    Field(max_length=100),
    matching(
        "slug",
        r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?",
        "is not a plain name",
        "Use small letters, digits, dots and hyphens, such as payments-api.",
    ),
]
Url = Annotated[
    str,
    Field(max_length=2_000),
    matching(
        "url",
        r"https?://[A-Za-z0-9._~\-\[\]:@]+(?:[/?#][^\s<>\"`\\^{}|]*)?",
        "is not a web address",
        "Start with https:// and name a host, such as https://payments.example.com/v1.",
    ),
]
Duration = Annotated[
    str,
    Field(max_length=40),
    matching(
        "duration",
        r"P(?:\d{1,5}W|(?=\d|T\d)(?:\d{1,5}D)?(?:T(?=\d)(?:\d{1,5}H)?(?:\d{1,6}M)?(?:\d{1,8}S)?)?)",
        "is not an ISO 8601 duration",
        "Write PT15M for 15 minutes, PT4H for 4 hours, P7D for 7 days.",
    ),
]
Decimal = Annotated[
    str,
    BeforeValidator(_decimal_text),
    Field(max_length=20),
    matching("decimal", r"\d{1,12}(?:\.\d{1,6})?", "is not a number", "Write digits, such as 2 or 1.5."),
]
Percent = Annotated[
    str,
    BeforeValidator(_decimal_text),
    Field(max_length=20),
    matching("percent", r"\d{1,3}(?:\.\d{1,6})?", "is not a percentage", "Write a number from 0 to 100, such as 99.9."),
    AfterValidator(_at_most_hundred),
]
Whole = Annotated[int, Strict()]
YesNo = Annotated[bool, Strict()]
Status = Annotated[int, Strict(), Field(ge=100, le=599)]
Port = Annotated[int, Strict(), Field(ge=1, le=65_535)]

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def seconds(duration: str) -> int:
    """The length of an ISO 8601 duration in seconds; weeks, days, hours, minutes and seconds only."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"not a duration: {duration!r}")
    return sum(
        int(count or 0) * each for count, each in zip(match.groups(), (604_800, 86_400, 3_600, 60, 1), strict=True)
    )


def in_words(duration: str) -> str:
    """`PT90M` as "1 hour 30 minutes"."""
    left, words = seconds(duration), []
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, length)
        if count:
            words.append(f"{count} {unit}" if count == 1 else f"{count} {unit}s")
    return " ".join(words) or "0 seconds"
