"""What a change comes to, in words and numbers."""

from collections.abc import Iterable, Iterator

from ..record import DesignRecord, pointers
from .breaking import is_breaking
from .calls import Side, of_new, of_policy
from .changes import Change, compare
from .consequence import Consequence, named
from .definitions import of_definitions
from .levels import of_alerts, of_levels
from .matching import match
from .messages import of_messages
from .terms import of_terms


def consequences(old: DesignRecord | None, new: DesignRecord) -> list[str]:
    """What the change comes to, one short sentence each; empty where nothing of weight changed."""
    changes = compare(old, new)
    sentences = [str(each) for each in weigh(old, new, changes)]
    if old and is_breaking(changes):
        sentences.append("Breaking: somebody who relies on the approved revision may fail.")
    return sentences


def weigh(old: DesignRecord | None, new: DesignRecord, changes: Iterable[Change]) -> list[Consequence]:
    """The same as numbers and verdicts, contracts first; `changes` are those from `old` to `new`."""
    if old is None:
        return list(_contracts(DesignRecord(), new))
    return [
        *_contracts(old, new),
        *of_definitions(changes),
        *of_messages(old, new),
        *of_levels(old, new),
        *of_alerts(old, new),
    ]


def _contracts(old: DesignRecord, new: DesignRecord) -> Iterator[Consequence]:
    pairs, steps = match(old.contracts, new.contracts), pointers.item_steps(new.contracts)
    for index, contract in enumerate(new.contracts):
        name, at = contract.name or "An unnamed contract", f"contracts{steps[index]}"
        now = Side(contract, contract.policy, new.sla.latency_p99_ms)
        if index not in pairs:
            yield from of_new(now, name, at)
            continue
        before = old.contracts[pairs[index]]
        if before != contract or old.sla != new.sla:
            yield from of_policy(Side(before, before.policy, old.sla.latency_p99_ms), now, name, at)
            yield from of_terms(before, contract, name, at)
    come = [each.name or "an unnamed contract" for index, each in enumerate(new.contracts) if index not in pairs]
    if come and old.contracts:
        yield Consequence("Contracts", f"now served: {named(come)}", path="contracts")
    kept = set(pairs.values())
    gone = [each.name or "an unnamed contract" for index, each in enumerate(old.contracts) if index not in kept]
    if gone:
        yield Consequence("Contracts", f"no longer served: {named(gone)}", verdict="worse", path="contracts")
