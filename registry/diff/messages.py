"""What a change of events and topics comes to: who can read what, how long, in which order, how often."""

from collections.abc import Iterator
from dataclasses import replace

from ..record import DesignRecord, base
from ..record.consistency import Consistency
from ..record.deduplication import Deduplication
from ..record.topics import Topic
from .consequence import Consequence, Verdict, choice, count, crossed, lists, named, quantity, span, text
from .matching import sort_out

_STRICTEST = ("none", "best_effort", "strict")
_STRONGEST = ("eventual", "causal", "strong")


def of_messages(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    """Of events, topics, ordering, deduplication and consistency."""
    yield from _events(old, new)
    yield from _topics(old, new)
    yield from _ordering(old, new)
    yield from _deduplication(old.deduplication, new.deduplication)
    yield from crossed(
        (_forgets_early(old), _forgets_early(new)),
        "a message replayed from the start of its topic may now take effect twice",
        "a message replayed from the start of its topic no longer takes effect twice",
        "deduplication.window",
        "Deduplication",
    )
    yield from _consistency(old.consistency, new.consistency)


def _events(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    kept, come, gone = sort_out(old.events, new.events)
    if come:
        yield Consequence("Events", f"now published: {named(each.name or '?' for each in come)}", path="events")
    if gone:
        names = named(each.name or "?" for each in gone)
        yield Consequence("Events", f"no longer published: {names}", verdict="worse", path="events")
    for was, now, step in kept:
        about, at = now.name or "An unnamed event", f"events{step}"
        for field, what in (("type", "published with the type"), ("source", "published with the source")):
            yield from text(about, what, getattr(was, field), getattr(now, field), path=f"{at}.{field}")
        yield from text(about, "published by", was.published_by, now.published_by, path=f"{at}.published_by")
        yield from lists(
            about, "now read by", "no longer read by", was.consumed_by, now.consumed_by, path=f"{at}.consumed_by"
        )


def _topics(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    kept, come, gone = sort_out(old.topics, new.topics)
    if come:
        yield Consequence("Topics", f"now used: {named(each.name or '?' for each in come)}", path="topics")
    if gone:
        yield Consequence("Topics", f"no longer used: {named(each.name or '?' for each in gone)}", path="topics")
    for was, now, step in kept:
        if was != now:
            yield from _topic(was, now, now.name or "An unnamed topic", f"topics{step}")


def _topic(was: Topic, now: Topic, name: str, at: str) -> Iterator[Consequence]:
    if was.name and now.name:
        yield from text("Topics", "messages travel on", was.name, now.name, path=f"{at}.name")
    note = (
        f"a reader that is down for longer than {base.in_words(now.retention)} loses messages" if now.retention else ""
    )
    path = f"{at}.retention"
    yield from span(name, "messages are kept", was.retention, now.retention, path=path, longer_is="better", note=note)
    yield from _partitions(was, now, name, f"{at}.partitions")
    copies, path = (was.replication_factor, now.replication_factor), f"{at}.replication_factor"
    yield from quantity(name, "copies of each message", *copies, show=count, path=path, more_is="better")
    note = "order holds within the new key only" if was.key and now.key else ""
    yield from text(name, "messages are keyed by", was.key, now.key, path=f"{at}.key", note=note)
    yield from choice(name, "kind", was.kind, now.kind, path=f"{at}.kind")
    for field, what in (("broker", "lives on"), ("producer", "written by")):
        yield from text(name, what, getattr(was, field), getattr(now, field), path=f"{at}.{field}")
    groups = was.consumer_groups, now.consumer_groups
    yield from lists(name, "now read by", "no longer read by", *groups, path=f"{at}.consumer_groups")
    yield from text(
        name, "what cannot be processed goes to", was.dead_letter, now.dead_letter, path=f"{at}.dead_letter"
    )


def _partitions(was: Topic, now: Topic, name: str, path: str) -> Iterator[Consequence]:
    note = ""
    if was.partitions and now.partitions:
        grows = now.partitions > was.partitions
        note = (
            "keys move, so their order breaks while old messages are read" if grows else "the topic must be made anew"
        )
    yield from quantity(
        name, "readers of one group at once", was.partitions, now.partitions, show=count, path=path, note=note
    )


def _ordering(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    kept, come, gone = sort_out(old.ordering, new.ordering)
    pairs = [(was.guarantee, now.guarantee, now.topic, f"ordering{step}.guarantee") for was, now, step in kept]
    pairs += [(None, each.guarantee, each.topic, "ordering") for each in come]
    pairs += [(each.guarantee, None, each.topic, "ordering") for each in gone]
    for before, after, topic, path in pairs:
        for each in choice(topic or "An unnamed topic", "order of messages", before, after, path=path):
            yield replace(each, verdict=_ranked(_STRICTEST, before or "none", after or "none"))
    for was, now, step in kept:
        path = f"ordering{step}.scope"
        yield from text(now.topic or "An unnamed topic", "order holds within", was.scope, now.scope, path=path)


def _ranked(ranks: tuple[str, ...], was: str, now: str) -> Verdict:
    """Better where it promises more."""
    before, after = ranks.index(was), ranks.index(now)
    return "better" if after > before else "worse" if after < before else "neutral"


def _deduplication(was: Deduplication, now: Deduplication) -> Iterator[Consequence]:
    about = "Deduplication"
    for each in text(
        about, "what came before is recognised by", was.strategy, now.strategy, path="deduplication.strategy"
    ):
        ceased, began = now.strategy == "none", was.strategy == "none"
        yield replace(each, verdict="worse" if ceased else "better" if began else "neutral")
    note = f"a duplicate that comes later than {base.in_words(now.window)} takes effect again" if now.window else ""
    what, path = "messages are remembered for", "deduplication.window"
    yield from span(about, what, was.window, now.window, path=path, longer_is="better", note=note)


def _forgets_early(record: DesignRecord) -> bool:
    """Whether a topic keeps a message for longer than its reader remembers it."""
    window = record.deduplication.window
    kept = [base.seconds(each.retention) for each in record.topics if each.retention]
    return window is not None and bool(kept) and max(kept) > base.seconds(window)


def _consistency(was: Consistency, now: Consistency) -> Iterator[Consequence]:
    for each in choice("Consistency", "a reader may rely on", was.model, now.model, path="consistency.model"):
        yield replace(each, verdict=_ranked(_STRONGEST, was.model, now.model)) if was.model and now.model else each
    what, path = "both sides may differ for", "consistency.max_lag_seconds"
    lags = was.max_lag_seconds, now.max_lag_seconds
    yield from quantity(
        "Consistency", what, *lags, show=lambda each: base.in_words(f"PT{each}S"), path=path, more_is="worse"
    )
