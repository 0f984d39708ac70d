"""How values are written in the design document: numbers with units, choices in words, conditions."""

import re
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from ..record import labels
from ..record.base import unit_of
from ..record.monitoring import Channel, Condition
from ..record.parties import PartyRole
from ..record.policy import LIVE_PARTS, EnvironmentPolicy, LimitAction
from .blocks import listed, plain
from .fitting import duration, kebab

LivePart = Literal["retry", "circuit_breaker", "rate_limit", "timeouts"]
CHOICES: dict[str, Any] = {"role": PartyRole, "limit_action": LimitAction, "policy": LivePart}
ALSO = [
    (r"refresh", "refresh_credentials_and_retry_once"),
    (r"circuit|fail fast", "fail_fast"),
    (r"^retry with", "retry_with_backoff"),
    (r"retry-after header|per retry-after|back ?off", "back_off_retry_after"),
    (r"skip|idempotent", "skip_as_duplicate"),
    (r"escalate", "escalate"),
    (r"check (?:the )?resource|check .*\bid\b", "check_resource"),
    (r"alert", "alert_and_stop"),
    (r"fix request|fix the request", "fix_request"),
    (r"429.*retry-after", "reject_with_retry_after"),
    (r"429.*(?:immediately|at once)", "reject_immediately"),
    (r"429.*contact", "reject_and_contact_support"),
    (r"^no order", "none"),
    (r"^strict", "strict"),
    (r"^best.effort", "best_effort"),
    (r"^https?$|^rest", "rest"),
    (r"^kafka|^rabbitmq", "amqp"),
    (r"^oauth", "oauth2_client_credentials"),
    (r"^jwt|^bearer", "bearer_jwt"),
    (r"^mtls|^mutual", "mtls"),
]
"""The template's own words and usual others."""


def label(field: str) -> str:
    """A field's label as the document writes it, in small letters."""
    return labels.field(field).lower()


def token(text: str) -> str | None:
    """Text as it is."""
    return text or None


def name(text: str | None) -> str | None:
    """A plain name: as it is where it is one, else made into one."""
    if text is None or text == "—":
        return None
    return text if re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", text) else kebab(text)


def exact(kind: Any, text: str) -> str | None:
    """The choice that is written so."""
    words = re.sub(r"\s+", " ", text).strip().lower()
    return next((str(each) for each in get_args(kind) if words in (each.lower(), labels.choice(each).lower())), None)


def choice(kind: Any, text: str) -> str | None:
    """The choice these words mean, or None: several with | between them are a question still open."""
    if found := exact(kind, text):
        return found
    words, options = re.sub(r"\s+", " ", text).strip().lower(), get_args(kind)
    if " | " in words:
        return None
    for pattern, each in ALSO:
        if each in options and re.search(pattern, words):
            return each
    return next((str(each) for each in options if words.startswith(each.replace("_", " ").split(" ")[0])), None)


def flag(text: str) -> bool | None:
    """Yes or no."""
    return {"yes": True, "no": False, "true": True, "false": False}.get(text.lower())


def first_number(text: str) -> int | None:
    """The first whole number: `1 request`, `> 20s`, `1,000`."""
    found = re.search(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d.])|\d{1,15}", text)
    return int(found[0].replace(",", "")) if found else None


def percent(text: str) -> str | None:
    """`99.95%` as 99.95."""
    found = re.fullmatch(r"(?:<|>|≥|≤)?\s*(\d{1,3}(?:\.\d{1,6})?)\s*%?", text)
    return found[1] if found else None


def milliseconds(text: str) -> int | None:
    """`800 ms`, `2s` or 800."""
    found = re.fullmatch(r"(?:<|≤)?\s*(\d{1,15}(?:\.\d{1,3})?)\s*(ms|s|min)?\.?", text)
    if not found:
        return None
    return round(float(found[1]) * {"s": 1_000, "min": 60_000}.get(found[2], 1))


def waits(text: str) -> list[int] | None:
    """`[200ms, 400ms, 1s]`."""
    found = [milliseconds(each) for each in re.split(r"\s*[,;]\s*", text.strip("[]() ")) if each]
    return [each for each in found if each is not None] if found and None not in found else None


def status(text: str) -> str | None:
    """`502/503`, `5XX`, `UNAVAILABLE`."""
    if (text.isupper() and text.isalpha()) or "_" in text:
        return text
    plainly = re.sub(r"\s*(?:,|/|or)\s*", "/", text.lower())
    return plainly if re.fullmatch(r"[1-5](?:\d\d|xx)(?:[-/][1-5]\d\d)?", plainly) else None


def strategy(text: str) -> dict[str, Any] | None:
    """`Exponential with full jitter`."""
    found = re.fullmatch(r"(—|[\w ]+?)(?: with (?:(\w+) )?jitter| (without) jitter)?", text.strip(), re.IGNORECASE)
    if not found:
        return None
    words = found[1].lower()
    kind = next((each for each in ("exponential", "fixed", "explicit") if words.startswith(each)), None)
    if kind is None and words != "—":
        return None
    jitter = "none" if found[3] else (found[2] or "full").lower() if "jitter" in text.lower() else None
    return {"strategy": kind, "jitter": jitter}


def breaker_threshold(text: str) -> dict[str, Any] | None:
    """`50% failures in 30s window`."""
    found = re.match(r"(?:>\s*)?(—|\d{1,3})\s*%.*?(?:in (?:an? )?(—|\d{1,6})\s*s.*)?$", text)
    if not found:
        return None
    numbers = {"failure_percent": found[1], "window_seconds": found[2]}
    return {key: int(each) for key, each in numbers.items() if each and each != "—"}


_ALERT = re.compile(
    r"(>|<|==?)?\s*(?:(—|\d{1,12}(?:\.\d{1,6})?)(?![.\d])\s*)?((?!\d).*?)?\s*(?:(?<!\S)for (.+))?", re.DOTALL
)
_SIGNS: dict[str | None, Condition] = {">": "above", "<": "below", "==": "equals", "=": "equals"}


def alert_condition(written: str) -> dict[str, Any] | None:
    """`> 5% for 5 minutes (PT5M)`."""
    found = _ALERT.fullmatch(written)
    if not found:
        return None
    sign, threshold, unit, lasting = found.groups()
    held = duration(plain(lasting)) if lasting else None
    if lasting and not held:
        return None
    threshold = None if threshold == "—" else threshold
    return {"condition": _SIGNS.get(sign), "threshold": threshold, "unit": plain(unit or ""), "lasting": held}


def channel_and_target(written: str) -> dict[str, Any] | None:
    """`PagerDuty checkout-on-call`."""
    first, _, rest = written.partition(" ")
    channel = exact(Channel, "e-mail" if first.lower() == "email" else first)
    if channel is None and first != "—":
        return None
    return {"channel": channel, "target": plain(rest)}


def setting(written: str, value: str) -> tuple[str, str, Any] | None:
    """A row of what differs in one environment: `Retry: Base delay` and `200 ms`."""
    for part in LIVE_PARTS:
        group: Any = EnvironmentPolicy.model_fields[part].annotation
        title = labels.field(part) + ": "
        for field, info in group.model_fields.items() if written.startswith(title) else ():
            if title + labels.field(field) == written:
                return part, field, _value(field, info, value.removesuffix(" " + unit_of(field, info)))
    return None


def _value(field: str, info: FieldInfo, written: str) -> Any:
    if get_origin(info.annotation) is tuple:
        return [int(each) for each in listed(written) if each.isdecimal() and len(each) < 16]
    text = plain(written)
    choices = next((each for each in get_args(info.annotation) if get_origin(each) is Literal), None)
    if choices:
        return exact(choices, text) or text
    if (answer := flag(text)) is not None:
        return answer
    return int(text) if text.isdecimal() and len(text) < 16 and field != "multiplier" else text
