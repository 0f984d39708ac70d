"""What a change of promises comes to: service levels, alerts, and who has to sign."""

from collections.abc import Iterator

from ..record import DesignRecord, base
from ..record.monitoring import AlertRoute, Metric
from ..record.parties import Party
from .consequence import Consequence, choice, named, quantity, said, span, text, time
from .matching import sort_out

LEVELS = "Service levels"
ALERTS = "Alerts"


def of_levels(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    """Of overview, service levels and parties."""
    for field in ("criticality", "type"):
        was, now = getattr(old.overview, field), getattr(new.overview, field)
        yield from choice("Overview", field, was, now, path=f"overview.{field}")
    yield from span(LEVELS, "may be down for", old.sla.rto, new.sla.rto, path="sla.rto", longer_is="worse")
    yield from span(LEVELS, "data may be lost of", old.sla.rpo, new.sla.rpo, path="sla.rpo", longer_is="worse")
    levels = old.sla.latency_p99_ms, new.sla.latency_p99_ms
    yield from quantity(
        LEVELS, "99 of 100 calls are done within", *levels, show=time, path="sla.latency_p99_ms", more_is="worse"
    )
    yield from _availability(old.sla.availability_percent, new.sla.availability_percent)
    failing = _number(old.sla.error_rate_percent), _number(new.sla.error_rate_percent)
    yield from quantity(LEVELS, "may fail", *failing, show=_percent, path="sla.error_rate_percent", more_is="worse")
    yield from text(LEVELS, "somebody answers", old.sla.support_hours, new.sla.support_hours, path="sla.support_hours")
    for side in ("consumer", "provider"):
        yield from _signers(side, old.parties, new.parties)


def _availability(was: str | None, now: str | None) -> Iterator[Consequence]:
    """A share of a month says little; the time it leaves says much."""
    down = [None if each is None else (100 - float(each)) * 30 * 864_000 for each in (was, now)]
    what, path = "unavailable at most, in 30 days", "sla.availability_percent"
    yield from quantity(LEVELS, what, *down, show=lambda ms: time(round(ms)), path=path, more_is="worse")


def _signers(side: str, old: tuple[Party, ...], new: tuple[Party, ...]) -> Iterator[Consequence]:
    for field, what in (("system", f"systems on the {side}'s side"), ("team", f"a lead signs for the {side} of")):
        was, now = (
            sorted({getattr(each, field) for each in parties if each.role == side} - {None}) for parties in (old, new)
        )
        if was != now:
            yield Consequence("Parties", what, named(was) or "nobody", named(now) or "nobody", path="parties")


def of_alerts(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    """Which alerts fire earlier or later, and who hears of them."""
    kept, come, gone = sort_out(old.monitoring.metrics, new.monitoring.metrics)
    if come := [each for each in come if each.threshold is not None]:
        yield Consequence(ALERTS, f"now raised on {_names(come)}", path="monitoring.metrics")
    if gone := [each for each in gone if each.threshold is not None]:
        yield Consequence(ALERTS, f"no longer raised on {_names(gone)}", verdict="worse", path="monitoring.metrics")
    for was, now, step in kept:
        if was != now:
            yield from _metric(was, now, f"monitoring.metrics{step}")
    yield from _routes(old, new)
    yield from _sampling(old, new)


def _names(metrics: list[Metric]) -> str:
    return named(each.name or "?" for each in metrics)


def _metric(was: Metric, now: Metric, at: str) -> Iterator[Consequence]:
    name = now.name or "An unnamed metric"
    if was.condition == now.condition:
        yield from quantity(
            name,
            f"alert when {now.condition}",
            _number(was.threshold),
            _number(now.threshold),
            show=lambda each: f"{each:,g} {now.unit or ''}".strip(),
            path=f"{at}.threshold",
            note=_sooner(was, now),
        )
    else:
        yield Consequence(name, "alert when", _condition(was), _condition(now), path=f"{at}.condition")
    later = _longer(was, now)
    yield from span(name, "the alert waits for", was.lasting, now.lasting, path=f"{at}.lasting", note=later)
    yield from choice(name, "severity of the alert", was.severity, now.severity, path=f"{at}.severity")


def _sooner(was: Metric, now: Metric) -> str:
    before, after = _number(was.threshold), _number(now.threshold)
    if before is None or after is None or now.condition not in ("above", "below"):
        return ""
    return "fires earlier" if (after < before) == (now.condition == "above") else "fires later"


def _longer(was: Metric, now: Metric) -> str:
    if was.lasting is None or now.lasting is None:
        return ""
    return "fires earlier" if base.seconds(now.lasting) < base.seconds(was.lasting) else "fires later"


def _condition(metric: Metric) -> str:
    known = metric.condition and metric.threshold is not None
    return f"{metric.condition} {metric.threshold} {metric.unit or ''}".strip() if known else "never"


def _routes(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    before, after = ({_route(each) for each in side.monitoring.alert_routes} for side in (old, new))
    for condition in sorted({each[0] for each in before ^ after}):
        was, now = (named(sorted(told for about, told in side if about == condition)) for side in (before, after))
        path = "monitoring.alert_routes"
        yield Consequence(
            ALERTS,
            f"“{condition}” tells",
            was or "nobody",
            now or "nobody",
            verdict="neutral" if now else "worse",
            path=path,
        )


def _route(route: AlertRoute) -> tuple[str, str]:
    return route.condition or "An unnamed alert", " ".join(
        filter(None, (route.target, route.channel and f"by {said(route.channel)}"))
    )


def _sampling(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    before, after = (
        {each.environment: each.percent for each in side.monitoring.tracing.sampling} for side in (old, new)
    )
    for environment in dict.fromkeys([*before, *after]):
        shares = _number(before.get(environment)), _number(after.get(environment))
        path = "monitoring.tracing.sampling"
        yield from quantity("Tracing", f"calls traced in {environment}", *shares, show=_percent, path=path)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _percent(number: float) -> str:
    return f"{number:g} %"
