"""How values are shown: states, times, durations, code."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from console import charts, differences, highlight, icons, odd, outline, waves
from registry.models import IndexedParty, SignOff
from registry.models.topics import Declaration
from registry.record import base, labels
from registry.record.monitoring import Metric
from registry.record.policy import Policy
from registry.record.testing import Scenario
from registry.services import acts
from registry.services.board import Traffic

register = template.Library()

NOT_STATED = mark_safe('<span class="not-stated">Not stated<span class="yet"> yet</span></span>')

register.simple_tag(icons.icon)

# state: (colour, shape)
_STATES = {
    "draft": ("", "dashed"),
    "in_review": ("is-note", "half"),
    "approved": ("is-good", "done"),
    "superseded": ("is-out", "past"),
    "proposed": ("", "outline"),
    "active": ("is-good", "full"),
    "deprecated": ("is-warn", "triangle"),
    "retired": ("is-out", "cross"),
    "open": ("is-note", "half"),
    "changes_requested": ("is-warn", "edit"),
    "withdrawn": ("is-out", "cross"),
    "signed": ("is-good", "done"),
    "waiting": ("", "dashed"),
    "voided": ("is-bad", "cross"),
    "valid": ("is-good", "full"),
    "expired": ("is-out", "past"),
    "revoked": ("is-out", "cross"),
}
_STATES |= {
    "on": ("is-good", "done"),
    "behind": ("is-note", "half"),
    "late": ("is-warn", "warning"),
    "refused": ("is-bad", "error"),
    "differs": ("is-bad", "error"),
    "silent": ("is-out", "past"),
    "unknown": ("", "dashed"),
    "closed": ("is-good", "full"),
    "breaker_open": ("is-bad", "outline"),
    "half_open": ("is-warn", "half"),
    "forced_open": ("is-bad", "lock"),
    "forced_closed": ("is-warn", "lock"),
    "waiting_release": ("is-note", "half"),
    "selecting": ("is-note", "half"),
    "awaiting_approval": ("is-warn", "edit"),
    "canary": ("is-note", "half"),
    "running": ("is-note", "full"),
    "paused": ("is-warn", "lock"),
    "finished": ("is-good", "done"),
    "cancelled": ("is-out", "cross"),
    "queued": ("is-note", "outline"),
    "publishing": ("is-note", "half"),
    "published": ("is-note", "full"),
    "resolved": ("is-good", "done"),
    "presumed_resolved": ("is-good", "outline"),
    "returned": ("is-bad", "past"),
    "parked": ("is-warn", "lock"),
    "archived": ("is-out", "past"),
    "discarded": ("is-out", "cross"),
    "expired": ("is-out", "past"),
    "sending": ("is-note", "half"),
    "sent": ("is-good", "done"),
    "uncertain": ("is-warn", "warning"),
    "skipped": ("is-out", "past"),
}
_SHORT = ((86_400, "d"), (3_600, "h"), (60, "min"))
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@register.simple_tag
def state_badge(state: str, word: str = "") -> SafeString:
    """A state as shape, word and colour."""
    colour, shape = _STATES.get(state, ("", "outline"))
    return format_html(
        '<span class="badge {}">{}{}</span>', colour, icons.icon(shape), word or state.replace("_", " ").capitalize()
    )


@register.simple_tag
def standing_badge(state: str, count: int) -> SafeString:
    """How many instances stand somewhere."""
    word = {"on": "on it", "differs": "with other content"}.get(state, state)
    return state_badge(state, f"{count:,} {word}")


@register.simple_tag
def level(value: str | None) -> SafeString:
    """Criticality or severity as bars and a word."""
    if not value:
        return not_stated()
    return format_html('<span class="level is-{}">{}{}</span>', value, icons.bars(value), value.capitalize())


@register.simple_tag
def not_stated() -> SafeString:
    """What stands where a draft says nothing yet."""
    return NOT_STATED


@register.filter
def choice(value: str | None) -> str:
    """A choice of the record as people read it."""
    return labels.choice(value) if value else ""


@register.filter
def act(kind: str) -> str:
    """An act of the trail in words."""
    return acts.WORDS.get(kind, kind)


@register.filter
def visible(text: str | None) -> SafeString:
    """Text from outside, with what cannot be seen in it made visible."""
    return odd.visible(text or "")


@register.filter
def noticed(text: str) -> SafeString:
    """Which characters of a field's text cannot be seen, and where they stand; "" if none."""
    return odd.noticed(text)


@register.filter
def initials(name: str) -> str:
    """One or two letters for a name."""
    words = name.split() or ["?"]
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


@register.filter
def duration(value: str | None) -> str | SafeString:
    """An ISO 8601 duration in words, the original on hover."""
    if not value:
        return not_stated()
    return format_html('<abbr title="{}">{}</abbr>', value, base.in_words(value))


@register.filter
def ago(moment: datetime | None) -> str | SafeString:
    """How long ago, or how long until, with the exact moment on hover."""
    if moment is None:
        return "never"
    exact = moment.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%d %b %Y, %H:%M:%S %Z"),
        _relative(timezone.now() - moment, exact),
    )


@register.filter
def exactly(moment: datetime) -> SafeString:
    """A moment to the second, as it is compared with logs."""
    exact = moment.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}">{}</time>',
        exact.isoformat(timespec="milliseconds"),
        exact.strftime("%d %b %Y, %H:%M:%S %Z"),
    )


@register.filter
def lasting(since: datetime | None) -> str:
    """How long something has been so, short enough for a badge: 4 min."""
    if since is None:
        return ""
    seconds = max(0, int((timezone.now() - since).total_seconds()))
    size, unit = next(((size, unit) for size, unit in _SHORT if seconds >= size), (1, "s"))
    return f"{seconds // size}\N{NO-BREAK SPACE}{unit}"


@register.filter
def moment(text: str) -> datetime | None:
    """A moment that was kept as text."""
    return datetime.fromisoformat(text) if text else None


@register.filter
def spark(traffic: Traffic) -> SafeString:
    """A small chart of the last hour."""
    return charts.last_hour(traffic)


@register.filter
def shares(parts: tuple[waves.Part, ...]) -> SafeString:
    """A bar of how far a redrive got."""
    return waves.bar(parts)


@register.filter
def in_time(seconds: int | None) -> str:
    """So many seconds as people say them: 2 minutes."""
    size, unit = next((each for each in _UNITS if (seconds or 0) >= each[0]), (1, "second"))
    count = round((seconds or 0) / size)
    return f"{count}\N{NO-BREAK SPACE}{unit}{'' if count == 1 else 's'}"


@register.filter
def day(moment: datetime | None) -> str | SafeString:
    """A date, the exact moment on hover."""
    if moment is None:
        return ""
    exact = moment.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%d %b %Y, %H:%M:%S %Z"),
        exact.strftime("%d %b %Y").lstrip("0"),
    )


def _relative(age: timedelta, moment: datetime) -> str:
    ahead, left = age < timedelta(0), abs(age).total_seconds()
    if left < 45:
        return "in a moment" if ahead else "just now"
    if left > 60 * 86_400:
        return moment.strftime("%d %b %Y").lstrip("0")
    length, unit = next(each for each in _UNITS if left >= each[0])
    count = round(left / length)
    words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"in {words}" if ahead else f"{words} ago"


@register.filter
def code(text: str | None, language: str = "json") -> SafeString:
    """Source text with its words coloured."""
    return highlight.coloured(text or "", language)


@register.simple_tag(takes_context=True)
def nav_link(context: dict[str, Any], name: str, label: str) -> SafeString:
    """A link of the bar that knows whether one is in its part of the site."""
    url, path = reverse(name), context["request"].path
    here = path == url or (url != "/" and path.startswith(url))
    current = format_html(' aria-current="{}"', "page" if path == url else "true") if here else ""
    return format_html('<a href="{}"{}>{}</a>', url, current, label)


@register.filter
def standing(sign_offs: Iterable[SignOff]) -> list[SignOff]:
    """Signatures that were not voided."""
    return [each for each in sign_offs if each.voided_at is None]


@register.filter
def stated(value: Any, unit: str = "") -> str | SafeString:
    """A value of the record with its unit; what stands in its place where nothing is stated."""
    if value is None or value == "" or value == ():
        return not_stated()
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return format_html("{}\N{NO-BREAK SPACE}{}", text, unit) if unit else text


@register.filter
def sides(parties: Iterable[IndexedParty]) -> dict[str, str]:
    """The systems on either side, by role."""
    named: dict[str, list[str]] = {}
    for party in parties:
        if party.role and party.system_slug:
            named.setdefault(party.role, []).append(party.system_slug)
    return {role: ", ".join(dict.fromkeys(systems)) for role, systems in named.items()}


@register.filter
def turned(order: str, column: str) -> str:
    """The order a click on the head of `column` asks for: its own, and the reverse of it the second time."""
    return f"-{column}" if order == column else column


@register.filter
def anchor(path: str) -> str:
    """Where the document shows what a pointer is about."""
    return outline.anchor_of(path)


@register.filter
def differing(policy: Policy) -> list[differences.Setting]:
    """The settings that some environment has of its own."""
    return differences.settings(policy)


@register.filter
def of_kind(scenarios: Iterable[Scenario], kind: str) -> list[tuple[int, Scenario]]:
    """The scenarios of the happy path, or of errors, each with its place among all."""
    wanted = {kind, None} if kind == "error" else {kind}
    return [(place, each) for place, each in enumerate(scenarios, start=1) if each.kind in wanted]


@register.filter
def alert_condition(metric: Metric) -> str | SafeString:
    """When a metric alerts, as it would be said: "> 5 % for 5 minutes"."""
    if metric.threshold is None or metric.condition is None:
        return "—" if metric.type == "counter" else not_stated()
    sign = {"above": ">", "below": "<", "equals": "="}[metric.condition]
    unit = f"\N{NO-BREAK SPACE}{metric.unit}" if metric.unit else ""
    lasting = f" for {base.in_words(metric.lasting)}" if metric.lasting else ""
    return f"{sign} {metric.threshold}{unit}{lasting}"


@register.filter
def section_title(section: str) -> str:
    """A section of the record as people read it."""
    return labels.field(section)


@register.simple_tag
def severity(value: str) -> SafeString:
    """How much a finding weighs, as shape, word and colour."""
    colour = {"error": "is-bad", "warning": "is-warn"}.get(value, "is-note")
    return format_html('<span class="badge {}">{}{}</span>', colour, icons.icon(value), value.capitalize())


@register.simple_tag
def verdict(value: str) -> SafeString:
    """Whether something becomes better or worse, as shape, word and colour."""
    colour, shape = {"better": ("is-good", "done"), "worse": ("is-warn", "triangle")}.get(value, ("is-even", "outline"))
    return format_html('<span class="badge {}">{}{}</span>', colour, icons.icon(shape), value)


@register.filter
def says_nothing(part: base.Part) -> bool:
    """Whether a part of the record states nothing at all."""
    return part == type(part)()


@register.filter
def part_names(classes: str) -> str:
    """The classes of parts a rule is about, as people read them."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", classes).lower()


@register.filter
def of(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """What a mapping holds for a key that is not known in the template; "" where it holds nothing."""
    return mapping.get(key, "") if mapping else ""


@register.simple_tag
def differs(declaration: Declaration, field: str, shown: Any, *, topic: str = "") -> SafeString:
    """What one record says of a topic, marked where it is not what the others say."""
    said: Any = stated(shown)
    if topic:
        said = format_html('<a href="{}">{}</a>', reverse("topic", args=[topic]), topic)
    if field not in declaration.differing:
        return format_html("{}", said)
    return format_html(
        '<mark class="differs">{}{}<span class="visually-hidden"> differs</span></mark>', icons.icon("warning"), said
    )
