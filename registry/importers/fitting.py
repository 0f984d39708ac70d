"""Texts of other formats cut to what a record's fields hold. Each gives None where nothing usable is left."""

import json
import re
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from ..record import contracts
from ..record.base import Duration, Url

__all__ = [
    "code",
    "duration",
    "kebab",
    "line",
    "one_of",
    "one_value",
    "prose",
    "slug",
    "system_name",
    "text_of",
    "unique",
    "url",
]

LONGEST_CODE = 200_000
_URL = TypeAdapter(Url)
_DURATION = TypeAdapter(Duration)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "msec": 0.001,
    "s": 1, "sec": 1, "second": 1,
    "m": 60, "min": 60, "minute": 60,
    "h": 3_600, "hr": 3_600, "hour": 3_600,
    "d": 86_400, "day": 86_400,
    "w": 604_800, "week": 604_800,
    "month": 2_592_000, "year": 31_536_000,
}  # fmt: skip
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+?)s?\b", re.IGNORECASE)
_ISO = re.compile(r"\bP(?=[\dT])[\dDWTHMS]{1,30}\b")


def text_of(value: Any) -> str:
    """A scalar as text; "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def slug(value: Any) -> str | None:
    """`Streetlights Kafka API` as streetlights-kafka-api."""
    plain = re.sub(r"[^a-z0-9.]+", "-", text_of(value)[:1_000].lower()).strip("-.")
    return plain[:80].strip("-.") or None


def system_name(title: Any) -> str | None:
    """The name of what a title names, without a version at its end: `Payments API v1.15` as payments-api."""
    return slug(re.sub(r"[\s_-]+(?:v|version\s*)?\d+(?:\.\d+)*\s*$", "", text_of(title)[:1_000], flags=re.IGNORECASE))


def one_value(schema: Any) -> str | None:
    """The one value a schema allows, or its first example; a plain value is itself."""
    if not isinstance(schema, dict):
        return line(schema)
    enum, examples = schema.get("enum"), schema.get("examples")
    choices = [schema.get("const"), *(enum if isinstance(enum, list) else []), schema.get("default")]
    choices += [schema.get("example"), *(examples if isinstance(examples, list) else [])]
    return next((found for each in choices if (found := line(each))), None)


def kebab(value: Any) -> str | None:
    """`createPaymentIntent` as create-payment-intent."""
    text = text_of(value)[:1_000]
    return slug(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", text))


def line(value: Any, longest: int = 300) -> str | None:
    """The first words of a text on one line."""
    plain = re.sub(r"\s+", " ", _UNPRINTABLE.sub("", text_of(value)[: 20 * longest])).strip()
    return (plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…") or None


def prose(value: Any) -> str | None:
    """A longer text with its lines."""
    plain = _UNPRINTABLE.sub("", text_of(value).replace("\r\n", "\n").replace("\r", "\n")).strip()
    return plain[:20_000].strip() or None


def url(value: Any) -> str | None:
    """A web address, or nothing."""
    try:
        return _URL.validate_python(text_of(value).strip())
    except ValidationError:
        return None


def code(value: Any) -> str | None:
    """Data as JSON with two spaces of indentation; None where it is too long to be kept."""
    # With indentation Python writes JSON itself, slowly: see first whether it can be short enough.
    if len(json.dumps(value, ensure_ascii=False)) > LONGEST_CODE:
        return None
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_CODE and not _UNPRINTABLE.search(text) else None


def duration(text: str) -> str | None:
    """`7 days`, `1h 30m`, `P7D` or `15 minutes (PT15M)` as an ISO 8601 duration."""
    if found := _ISO.search(text):
        try:
            return _DURATION.validate_python(found[0])
        except ValidationError:
            return None
    amounts = [(float(number), unit.lower()) for number, unit in _AMOUNT.findall(text[:200])]
    if not amounts or any(unit not in _UNITS for _, unit in amounts):
        return None
    return iso(round(sum(number * _UNITS[unit] for number, unit in amounts)))


def iso(whole_seconds: int) -> str | None:
    """Seconds as an ISO 8601 duration in its usual form: P7D, PT15M."""
    days, rest = divmod(whole_seconds, 86_400)
    if days > 99_999:
        return None
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    date = f"{days}D" if days else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if count)
    return f"P{date}{'T' + time if time else ''}" if date or time else "PT0S"


def one_of(kind: Any, value: Any) -> Any:
    """The choice of a Literal that `value` names, or None."""
    found = text_of(value).strip().lower().replace("-", "_").replace(" ", "_")
    return next((each for each in get_args(kind) if str(each).lower() == found), None)


def unique(name: str, taken: set[str]) -> str:
    """`name`, with a number where it is taken; remembered."""
    free, count = name, 2
    while free in taken:
        free, count = f"{name}-{count}", count + 1
    taken.add(free)
    return free


METHODS: tuple[str, ...] = get_args(contracts.Method)
