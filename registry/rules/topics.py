"""Topics and queues, their dead letters, their order, and how often a message takes effect."""

import re

from ..record import DesignRecord
from ..record.base import in_words, seconds
from ..record.consistency import Consistency
from ..record.deduplication import Deduplication
from ..record.findings import Severity
from ..record.ordering import Ordering
from ..record.saga import Saga
from ..record.topics import Topic
from ..record.topology import Topology
from .base import Place, Said, rule


def topic_named(record: DesignRecord, name: str | None) -> Topic | None:
    """The record's topic of that name."""
    return next((topic for topic in record.topics if name is not None and topic.name == name), None)


def dead_letter_names(record: DesignRecord) -> set[str]:
    """The names that dead letters are sent to."""
    return {
        name for name in (*(topic.dead_letter for topic in record.topics), record.topology.dead_letter_queue) if name
    }


@rule("dead-letter-unknown", Severity.WARNING, "The dead-letter destination is not described", on=Topic)
def dead_letter_unknown(place: Place[Topic]) -> Said:
    """What is not described has no retention and no owner. Brokers create a missing queue with their defaults, or
    drop the message.

    Bad: dead letters go to orders.dlq, which no topic describes. Good: orders.dlq is a topic with retention P14D.

    Describe the destination among the topics.
    """
    name = place.part.dead_letter
    if name is not None and name != place.part.name and topic_named(place.record, name) is None:
        yield "dead_letter", f"{name} is not among the topics.", "Describe it there, with its retention."


@rule("dead-letter-itself", Severity.ERROR, "Dead letters come back", on=Topic)
def dead_letter_itself(place: Place[Topic]) -> Said:
    """A message that cannot be processed and returns to where it came from is processed again, for ever, at full
    speed.

    Bad: orders sends dead letters to orders; or orders to a, and a to orders. Good: orders to orders.dlq, which sends
    nowhere.

    Name a destination that leads nowhere else.
    """
    seen = [place.part.name]
    topic: Topic | None = place.part
    while topic is not None and topic.dead_letter is not None:
        if topic.dead_letter == place.part.name:
            yield "dead_letter", f"Dead letters come back: {' → '.join(map(str, seen))} → {seen[0]}.", "End the circle."
            return
        if topic.dead_letter in seen:
            return
        seen.append(topic.dead_letter)
        topic = topic_named(place.record, topic.dead_letter)


@rule("dead-letter-retention", Severity.WARNING, "Dead letters are kept no longer than messages", on=Topic)
def dead_letter_retention(place: Place[Topic]) -> Said:
    """Somebody must notice a dead letter, understand it and send it back. If it is kept no longer than an ordinary
    message, it is gone before the release that mends it.

    Bad: both kept 7 days. Good: messages 7 days, dead letters 14.

    Keep dead letters longer.
    """
    target = topic_named(place.record, place.part.dead_letter)
    if target is None or target is place.part or target.retention is None or place.part.retention is None:
        return
    if seconds(target.retention) <= seconds(place.part.retention):
        yield (
            "dead_letter",
            f"{target.name} keeps {in_words(target.retention)}, this topic {in_words(place.part.retention)}.",
            "Keep dead letters longer than messages.",
        )


@rule("queue-partitions", Severity.WARNING, "A queue with partitions", on=Topic)
def queue_partitions(place: Place[Topic]) -> Said:
    """A queue hands each message to one reader and has no partitions. With partitions it is a topic, and its order
    and readers work differently.

    Bad: queue with 12 partitions. Good: topic with 12 partitions, or queue with 1.

    Correct the kind or the number.
    """
    if place.part.kind == "queue" and (place.part.partitions or 1) > 1:
        yield "partitions", f"A queue has no {place.part.partitions:,} partitions.", "Make it a topic, or use 1."


@rule("replication-below-rpo", Severity.WARNING, "One broker lost is data lost", on=Topic)
def replication_below_rpo(place: Place[Topic]) -> Said:
    """With a replication factor of 1 each message is on one disk. When that broker dies, what was on it is lost,
    whatever the record promises.

    Bad: RPO 0 and replication 1. Good: RPO 0 and replication 3.

    Replicate at least 3 times, or promise less.
    """
    rpo, factor = place.record.sla.rpo, place.part.replication_factor
    if rpo is not None and factor == 1:
        yield (
            "replication_factor",
            f"Messages are kept once, but the RPO is {in_words(rpo)}.",
            "Use 3, or promise less.",
        )


@rule("replication-unstated", Severity.HINT, "Nothing may be lost, but how often is it kept?", on=Topic)
def replication_unstated(place: Place[Topic]) -> Said:
    """An RPO of 0 says that no message may be lost, which a topic keeps only if every message is on several brokers.
    Where the record is silent the cluster's default holds, and that is often 1.

    Example: RPO 0, topic orders.events without a replication factor. Better: replication factor 3.

    State the replication factor.
    """
    rpo = place.record.sla.rpo
    if rpo is not None and seconds(rpo) == 0 and place.part.kind == "topic" and place.part.replication_factor is None:
        yield "replication_factor", "The RPO is 0, but not said on how many brokers a message is kept.", "State it: 3."


@rule("retention-below-rto", Severity.ERROR, "Messages expire while it may still be down", on=Topic)
def retention_below_rto(place: Place[Topic]) -> Said:
    """A reader may be down for as long as the RTO allows. Messages kept for less are gone when it returns.

    Bad: RTO 8 hours, retention 4 hours. Good: RTO 8 hours, retention 7 days.

    Keep messages for longer than the RTO, with room for a weekend.
    """
    rto, retention = place.record.sla.rto, place.part.retention
    if rto is not None and retention is not None and seconds(retention) < seconds(rto):
        yield (
            "retention",
            f"Messages are kept for {in_words(retention)}, but it may be down for {in_words(rto)}.",
            "Keep them for longer than the RTO.",
        )


@rule("topology-name-unknown", Severity.WARNING, "The diagram names another queue", on=Topology)
def topology_name_unknown(place: Place[Topology]) -> Said:
    """The diagram is drawn from these names. A queue in it that no topic describes is either misspelt or missing.

    Bad: queue orders-events in the topology, topic orders.events. Good: the same name in both.

    Use the topic's name, or describe the topic.
    """
    names = {topic.name for topic in place.record.topics} | {topic.dead_letter for topic in place.record.topics}
    for field in ("queue", "dead_letter_queue"):
        name = getattr(place.part, field)
        if name is not None and place.record.topics and name not in names:
            yield field, f"{name} is not among the topics.", "Use a topic's name, or describe it."


@rule("ordering-topic-unknown", Severity.ERROR, "Order of an unknown topic", on=Ordering)
def ordering_topic_unknown(place: Place[Ordering]) -> Said:
    """A promise of order is served with its topic. For a topic the record does not describe, nobody receives it.

    Bad: ordering for order.events, topic orders.events. Good: the same name in both.

    Correct the name, or describe the topic.
    """
    name = place.part.topic
    if name is not None and topic_named(place.record, name) is None:
        yield "topic", f"{name} is not among the topics.", "Correct the name, or describe the topic."


@rule("ordering-uncovered", Severity.HINT, "A topic without a word on order", on=Topic)
def ordering_uncovered(place: Place[Topic]) -> Said:
    """Where some topics have a promise of order and one has none, readers wonder whether it was forgotten.

    Example: ordering for orders.events only, topics orders.events and stock.events. Better: none for stock.events.

    Add it, even if it is none.
    """
    name, record = place.part.name, place.record
    if name and record.ordering and name not in dead_letter_names(record) | {each.topic for each in record.ordering}:
        yield "name", f"Nothing is said of the order of {name}.", "Add it to the ordering section, even if it is none."


@rule("strict-without-key", Severity.ERROR, "Strict order without a key", on=Ordering)
def strict_without_key(place: Place[Ordering]) -> Said:
    """A broker keeps the order within a partition, and the key chooses the partition. Without a key messages are
    spread, and two of one order overtake each other.

    Bad: strict, 12 partitions, no key. Good: strict per tenantId, 12 partitions, key tenantId.

    State the topic's key, use one partition, or promise less.
    """
    topic = topic_named(place.record, place.part.topic)
    if place.part.guarantee == "strict" and topic is not None and topic.key is None and (topic.partitions or 1) > 1:
        yield (
            "guarantee",
            f"{topic.name} has {topic.partitions:,} partitions and no key.",
            "State the topic's key, use 1 partition, or promise less.",
        )


@rule("strict-scope-differs", Severity.ERROR, "Ordered by one thing, promised by another", on=Ordering)
def strict_scope_differs(place: Place[Ordering]) -> Said:
    """Order holds among messages with one key. Promised per customer but keyed by order, two orders of one customer
    overtake each other.

    Bad: strict per customerId, key orderId. Good: strict per tenantId, key tenantId. Global order needs one
    partition.

    Make scope and key the same.
    """
    row, topic = place.part, topic_named(place.record, place.part.topic)
    if row.guarantee != "strict" or row.scope is None or topic is None or (topic.partitions or 1) == 1:
        return
    if row.scope.lower() == "global":
        yield (
            "scope",
            f"Global order cannot be kept over {topic.partitions:,} partitions.",
            "Use 1 partition, or a key.",
        )
    elif topic.key is not None and topic.key.lower() not in row.scope.lower():
        yield "scope", f"The order is promised per {row.scope}, but the key is {topic.key}.", "Make them the same."


@rule("strict-scope-missing", Severity.WARNING, "Strict order within what?", on=Ordering)
def strict_scope_missing(place: Place[Ordering]) -> Said:
    """Strict order always holds within something: a tenant, an order, or the whole topic if it has one partition. A
    reader must know which.

    Bad: strict. Good: strict per tenantId.

    State the scope.
    """
    if place.part.guarantee == "strict" and place.part.scope is None:
        yield "scope", "Strict order, but not within what.", "State it, such as tenantId."


@rule("strict-with-dead-letters", Severity.HINT, "A dead letter breaks the order", on=Ordering)
def strict_with_dead_letters(place: Place[Ordering]) -> Said:
    """When a message is set aside, the ones behind it go on. Sent back later, it arrives after them.

    Example: order 7 placed is set aside, order 7 cancelled is processed, then 7 placed is redriven: it lives again.

    Stop the key until the message is mended, or let handlers refuse what is older than what they know. Say which in
    the notes.
    """
    topic = topic_named(place.record, place.part.topic)
    if place.part.guarantee == "strict" and topic is not None and topic.dead_letter and not place.part.notes:
        yield (
            "notes",
            "A message that is set aside and sent back is out of order.",
            "Say in the notes how that is handled.",
        )


@rule("strict-on-queue", Severity.WARNING, "Strict order from a queue", on=Ordering)
def strict_on_queue(place: Place[Ordering]) -> Said:
    """A queue hands messages to whichever reader is free. With two readers the second message may be done first.

    Bad: strict order on a queue. Good: a topic with a key, or a queue with one active reader, said in the notes.

    Use a topic with a key, or say how one reader is kept.
    """
    topic = topic_named(place.record, place.part.topic)
    if place.part.guarantee == "strict" and topic is not None and topic.kind == "queue" and not place.part.notes:
        yield (
            "guarantee",
            f"{topic.name} is a queue; its readers overtake each other.",
            "Say in the notes how that is kept.",
        )


@rule("fifo-without-order", Severity.HINT, "A FIFO queue without strict order", on=Ordering)
def fifo_without_order(place: Place[Ordering]) -> Said:
    """“FIFO” and “no strict ordering” contradict each other for most readers. A FIFO queue with several readers, or
    with redelivery, keeps the order of handing out, not of finishing.

    Example: best effort, notes “FIFO queue”. Better: strict with one reader, or best effort without the word.

    Say which of the two is meant.
    """
    if place.part.guarantee in ("best_effort", "none") and re.search(
        r"\bfifo\b", place.part.notes or "", re.IGNORECASE
    ):
        yield "notes", "Says FIFO, but the order is not strict.", "Say which of the two is meant."


@rule("deduplication-none", Severity.WARNING, "Messages that come twice take effect twice", on=Deduplication)
def deduplication_none(place: Place[Deduplication]) -> Said:
    """Every broker delivers again after a crash, a timeout or a redrive. Without deduplication the effect happens
    again.

    Bad: none, and an event that charges a card. Good: a table of processed events.

    Choose a strategy, or say when you submit why a second effect does no harm.
    """
    if place.part.strategy == "none" and (place.record.topics or place.record.events):
        yield (
            "strategy",
            "A message delivered twice takes effect twice.",
            "Choose a strategy, or say why it does no harm.",
        )


@rule("deduplication-window-short", Severity.WARNING, "Forgotten before the last duplicate", on=Deduplication)
def deduplication_window_short(place: Place[Deduplication]) -> Said:
    """As long as a message is kept it can be delivered again, by a replay or a redrive of dead letters. Ids forgotten
    earlier let it take effect twice.

    Bad: window 1 day, topic kept 7 days, dead letters 14. Good: window 14 days or more.

    Keep ids at least as long as the longest retention, dead letters included.
    """
    window = place.part.window
    kept = [(seconds(topic.retention), topic) for topic in place.record.topics if topic.retention is not None]
    if window is None or not kept:
        return
    longest, topic = max(kept, key=lambda each: each[0])
    if seconds(window) < longest:
        kept_for = in_words(topic.retention or "PT0S")
        yield (
            "window",
            f"Ids are kept for {in_words(window)}, but {topic.name or 'a topic'} for {kept_for}.",
            f"Use {topic.retention} or more.",
        )


@rule("deduplication-below-retries", Severity.WARNING, "Forgotten before the last retry", on=Deduplication)
def deduplication_below_retries(place: Place[Deduplication]) -> Said:
    """A retry repeats a call that may have been carried out. If its key is forgotten before the last retry, that one
    is carried out once more.

    Bad: keys kept for 1 minute, a file is fetched again for up to 3 hours. Good: keys kept for a day.

    Keep ids longer than the longest a call with all its retries may take.
    """
    window = place.part.window
    if window is None or place.part.strategy in (None, "none"):
        return
    for contract in place.record.contracts:
        policy = contract.policy
        ends = [each for each in (policy.retry.longest_ms(), policy.timeouts.total_ms) if each is not None]
        if ends and policy.retry.max_retries and seconds(window) * 1_000 < min(ends):
            yield (
                "window",
                f"Ids are kept for {in_words(window)}, but {contract.name or 'a call'} is retried for up to "
                f"{min(ends):,} ms.",
                f"Use {-(-min(ends) // 1_000):,} s or more.",
            )
            return


@rule("check-then-insert", Severity.WARNING, "Checked first, inserted later", on=Deduplication)
def check_then_insert(place: Place[Deduplication]) -> Said:
    """Two deliveries of one event can both look, both find nothing, and both do the work. Only an insert under a
    unique key, in the same transaction as the effect, lets one of them win.

    Bad: select, process, then insert into processed_events. Good: insert first; on a unique violation skip; commit
    both together.

    Say in the notes that the id is inserted first under a unique key.
    """
    notes = place.part.notes
    if place.part.strategy != "processed_events":
        return
    if notes is None:
        yield (
            "notes",
            "Not said whether the id is inserted before the work.",
            "Say that it is inserted first.",
            Severity.HINT,
        )
    elif re.search(r"\b(check|select|look)", notes, re.IGNORECASE) and not _is_atomic(notes):
        yield "notes", "The id is looked up first and inserted later: two deliveries can both pass.", "Insert it first."


def _is_atomic(notes: str) -> bool:
    return (
        re.search(r"unique|insert\w*[^.]{0,40}first|first[^.]{0,40}insert|on conflict", notes, re.IGNORECASE)
        is not None
    )


@rule("deduplication-key-missing", Severity.WARNING, "Deduplication by a key nobody sends", on=Deduplication)
def deduplication_key_missing(place: Place[Deduplication]) -> Said:
    """Deduplication by idempotency key needs a key with each call. If no contract names its header, none is sent.

    Bad: strategy idempotency key, no idempotency header. Good: the contract names Idempotency-Key.

    Name the header in the contract.
    """
    contracts = place.record.contracts
    if (
        place.part.strategy == "idempotency_key"
        and contracts
        and not any(each.idempotency_header for each in contracts)
    ):
        yield "strategy", "No contract names an idempotency header.", "Name it in the contract."


@rule("lag-unstated", Severity.WARNING, "Eventually, but when?", on=Consistency)
def lag_unstated(place: Place[Consistency]) -> Said:
    """“Eventual” without a number may mean a second or a day. The lag is what alerts watch and what users are told.

    Bad: eventual. Good: eventual, at most 60 s.

    State the longest acceptable lag.
    """
    if place.part.model in ("eventual", "causal") and place.part.max_lag_seconds is None:
        yield (
            "max_lag_seconds",
            f"{place.part.model.capitalize()}, but not within what time.",
            "State it, such as 60 s.",
        )


@rule("strong-with-lag", Severity.WARNING, "Strong consistency with a lag", on=Consistency)
def strong_with_lag(place: Place[Consistency]) -> Said:
    """Strong means that after a write every reader sees it. With a lag it is eventual, and with events in between it
    cannot be strong.

    Bad: strong, lag 60 s; strong over asynchronous events. Good: eventual, lag 60 s.

    Choose eventual, or remove the lag.
    """
    if place.part.model != "strong":
        return
    if place.part.max_lag_seconds:
        yield "model", f"Strong, yet {place.part.max_lag_seconds:,} s behind.", "Choose eventual, or remove the lag."
    if place.record.overview.type == "asynchronous":
        yield "model", "Strong cannot hold over asynchronous messages.", "Choose eventual or causal."


@rule("lag-below-retries", Severity.WARNING, "The lag is shorter than a retry may take", on=Consistency)
def lag_below_retries(place: Place[Consistency]) -> Said:
    """If a call may take 30 seconds with its retries, the two sides differ for that long. A promise of less is broken
    at the first failure.

    Bad: lag 5 s, total timeout 30,000 ms. Good: lag 60 s, total timeout 30,000 ms.

    Allow more lag or less time.
    """
    lag = place.part.max_lag_seconds
    totals = [total for each in place.record.contracts if (total := each.policy.timeouts.total_ms) is not None]
    if place.part.model in ("eventual", "causal") and lag is not None and totals and lag * 1_000 < max(totals):
        yield (
            "max_lag_seconds",
            f"At most {lag:,} s behind, but a call may take {max(totals):,} ms.",
            "Allow more lag or less time.",
        )


@rule("orchestrator-missing", Severity.WARNING, "Nobody leads the saga", on=Saga)
def orchestrator_missing(place: Place[Saga]) -> Said:
    """When a step fails, somebody must undo the ones before, even if it crashes meanwhile. That one service must be
    named.

    Bad: three steps, no orchestrator. Good: orchestrator order-service.

    Name the orchestrator.
    """
    if place.part.steps and place.part.orchestrator is None:
        yield "orchestrator", "The steps have nobody who leads.", "Name the service that undoes them."


@rule("saga-single-step", Severity.HINT, "A saga of one step", on=Saga)
def saga_single_step(place: Place[Saga]) -> Said:
    """A saga undoes earlier steps when a later one fails. With one step there is nothing to undo.

    Example: one step, reserve stock. Either other steps are missing, or a plain call is enough.

    Add the other steps, or leave the saga out.
    """
    if len(place.part.steps) == 1:
        yield "steps", "One step has nothing before it to undo.", "Add the other steps, or leave the saga out."
