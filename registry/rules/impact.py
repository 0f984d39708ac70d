"""What a change comes to elsewhere: for those who call through it, share its providers, or name the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..record.findings import Other
from .across import MOST_OTHERS, Landscape, owners_of, route
from .chains import LIMITLESS, Network, Worst
from .facts import EVERYWHERE, Call, Event, Fact, Facts, Topic, other
from .retry import listing

MOST_CALLS = 30
"""Changed contracts looked at."""
MOST_CALLERS = 3
"""Callers named of each."""


@dataclass(frozen=True, slots=True)
class Impact:
    """One thing that others will notice, in a sentence, with the places in their records."""

    text: str
    verdict: str
    others: tuple[Other, ...] = ()


def impact(before: Facts, after: Facts, elsewhere: Facts, *, is_whole: bool = True) -> list[Impact]:
    """What others will notice once `after` is in force instead of `before`; `elsewhere` is what they say now."""
    was, now = (_landscape(own, elsewhere) for own in (before, after))
    least = "" if is_whole else "at least "
    found: list[Impact] = []
    for old, new in _changed(before.calls, after.calls)[:MOST_CALLS]:
        for environment in _environments(old, new):
            networks = _inside(was, environment), _inside(now, environment)
            suffix = f" in {environment}" if environment else ""
            found += [
                *_chains(*networks, old, new, suffix, least),
                *_waiting(networks[1], old, new, environment),
                *_limits(*networks, old, new, suffix, least),
            ]
    found += _topics(before.topics, after.topics, elsewhere.topics)
    found += _events(before.events, after.events, elsewhere.events)
    return list({each.text: each for each in found}.values())


def _landscape(own: Facts, elsewhere: Facts) -> Landscape:
    return Landscape([*own.calls, *elsewhere.calls], [], [])


def _inside(landscape: Landscape, environment: str) -> Network:
    """The calls in an environment; as everywhere where nothing differs there."""
    return next((each for each in landscape.networks if each.environment == environment), landscape.networks[0])


def _changed(before: Iterable[Call], after: Iterable[Call]) -> list[tuple[Call | None, Call | None]]:
    """The calls that are no more what they were, each as it was and as it is now."""
    old = {each.path: each for each in before if each.is_call}
    new = {each.path: each for each in after if each.is_call}
    pairs = [(old.get(path), new.get(path)) for path in {**new, **old}]
    return [(one, other) for one, other in pairs if one is None or other is None or _said(one) != _said(other)]


def _said(call: Call) -> tuple[object, ...]:
    return call.consumer, call.provider, call.numbers, call.environments


def _environments(old: Call | None, new: Call | None) -> list[str]:
    """Everywhere first, then where either says something else."""
    differing = {name for each in (old, new) if each is not None for name in each.environments}
    return [EVERYWHERE, *sorted(differing)]


def _verdict(old: int, new: int) -> str:
    return "worse" if new > old else "better" if new < old else "neutral"


def _chains(
    was: Network, now: Network, old: Call | None, new: Call | None, suffix: str, least: str
) -> Iterator[Impact]:
    """How many calls one at the top becomes, where it goes through this one and another integration's."""
    before, after = _worst(was, old), _worst(now, new)
    told = after or before
    ways = {route(each.calls) for each in (before, after) if each is not None}
    if told is None or len(told.calls) == 1:
        return
    one, other = (each.product if each is not None else 1 for each in (before, after))
    if one == other and len(ways) == 1:
        return
    last, first = told.calls[-1].provider, told.calls[0].consumer
    yield Impact(
        f"One call that {first} makes can become {least}{other:,} of {last}{suffix}, {_before(one)}: "
        f"{route(told.calls)}.",
        _verdict(one, other),
        _others(told.calls, (old, new)),
    )


def _before(count: int) -> str:
    return f"{count:,} before" if count > 1 else "one before"


def _worst(network: Network, call: Call | None) -> Worst | None:
    return None if call is None else network.worst(call, above=1)


def _waiting(now: Network, old: Call | None, new: Call | None, environment: str) -> Iterator[Impact]:
    """Who waits above for less than this call may take now, or no longer does."""
    if new is None:
        return
    takes, took = new.inside(environment).ends_ms, old.inside(environment).ends_ms if old is not None else None
    if takes is None or takes == took:
        return
    longest = max(takes, took or 0)
    for waits, way in now.impatient_above(new, below_ms=longest)[:MOST_CALLERS]:
        suffix = f" in {environment}" if environment else ""
        before = "" if took is None else f", {took:,} ms before"
        yield Impact(
            f"{way[0].consumer} waits {waits:,} ms for {way[0].provider}; this call may take {takes:,} ms"
            f"{suffix}{before}: {route(way)}.",
            "neutral" if took is None else _verdict(took, takes),
            _others(way, (old, new)),
        )


def _limits(
    was: Network, now: Network, old: Call | None, new: Call | None, suffix: str, least: str
) -> Iterator[Impact]:
    """What all who share a provider may send it together, and what it accepts."""
    for provider in dict.fromkeys(each.provider for each in (new, old) if each is not None):
        before, after = was.limit_of(provider), now.limit_of(provider)
        sharing = [each for each in {**before.sharing, **after.sharing} if each not in (old, new)]
        if not sharing or (before.total, before.accepted) == (after.total, after.accepted):
            continue
        accepts = "" if after.accepted == LIMITLESS else f"; it accepts {after.accepted:,}"
        lowered = before.accepted != after.accepted and before.accepted != LIMITLESS
        accepted = f", {before.accepted:,} before" if accepts and lowered else ""
        yield Impact(
            f"All consumers of {provider} together may send {least}{after.total:,} calls a minute{suffix}, "
            f"{before.total:,} before{accepts}{accepted}. The others: {owners_of(sharing)}.",
            _verdict(before.total - before.accepted, after.total - after.accepted),
            _others(sharing, (old, new)),
        )


def _topics(before: Iterable[Topic], after: Iterable[Topic], elsewhere: Iterable[Topic]) -> Iterator[Impact]:
    old, new = ({each.name: each for each in own if each.name} for own in (before, after))
    for name in dict.fromkeys([*new, *old]):
        aspects = _aspects(old.get(name), new.get(name))
        theirs = [each for each in elsewhere if each.name == name]
        if aspects and theirs:
            yield Impact(f"The topic {name} is {owners_of(theirs)}'s too; {aspects}.", "neutral", _others(theirs, ()))


def _aspects(old: Topic | None, new: Topic | None) -> str:
    if old is None:
        return "it is new here"
    if new is None:
        return "it is no longer here"
    fields = ("broker", "kind", "partitions", "key", "retention_seconds")
    changed = [each.removesuffix("_seconds") for each in fields if getattr(old, each) != getattr(new, each)]
    return f"its {listing(changed)} {'changes' if len(changed) == 1 else 'change'} here" if changed else ""


def _events(before: Iterable[Event], after: Iterable[Event], elsewhere: Iterable[Event]) -> Iterator[Impact]:
    old, new = ({each.type: each for each in own if each.type} for own in (before, after))
    for kind in dict.fromkeys([*new, *old]):
        one, other = old.get(kind), new.get(kind)
        theirs = [each for each in elsewhere if each.type == kind]
        if not theirs or (one and other and one.schema_hash == other.schema_hash):
            continue
        change = "its schema changes here" if one and other else "it is new here" if other else "it is no longer here"
        yield Impact(f"The event {kind} is {owners_of(theirs)}'s too; {change}.", "neutral", _others(theirs, ()))


def _others(facts: Iterable[Fact], own: tuple[Fact | None, ...]) -> tuple[Other, ...]:
    """The first place in each other integration."""
    slugs = {each.owner.slug for each in own if each is not None}
    found = {each.owner.slug: other(each) for each in reversed(list(facts)) if each.owner.slug not in slugs}
    return tuple(reversed(found.values()))[:MOST_OTHERS]
