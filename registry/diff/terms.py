"""What a change of a contract's terms comes to: who calls whom, where, how it proves itself, what failures mean."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..record.contracts import Authentication, Contract, ErrorRow, Operation
from .consequence import MOST_NAMED, Consequence, Verdict, choice, lists, named, span, text
from .matching import sort_out

_CLAUSES = {
    "consumer": "caller",
    "provider": "called system",
    "idempotency_header": "header with the idempotency key",
}
_PROOFS = {
    "header": "header with the credential",
    "token_endpoint": "tokens come from",
}
_SPANS = {"token_lifetime": "a token is valid for", "rotation_period": "credentials are changed every"}


def of_terms(old: Contract, new: Contract, name: str, at: str) -> Iterator[Consequence]:
    """Of a contract that both records have."""
    if old.name and new.name:
        yield from text(name, "settings are served under a new name", old.name, new.name, path=f"{at}.name")
    yield from choice(name, "protocol", old.protocol, new.protocol, path=f"{at}.protocol")
    for field, what in _CLAUSES.items():
        yield from text(name, what, getattr(old, field), getattr(new, field), path=f"{at}.{field}")
    yield from _authentication(old.authentication, new.authentication, name, f"{at}.authentication")
    yield from _addresses(old, new, name, f"{at}.base_urls")
    yield from _operations(old.operations, new.operations, name, f"{at}.operations")
    yield from _actions(old.errors, new.errors, name, f"{at}.errors")


def _authentication(old: Authentication, new: Authentication, name: str, at: str) -> Iterator[Consequence]:
    for each in choice(name, "callers prove themselves by", old.type, new.type, path=f"{at}.type"):
        yield replace(each, verdict=_proof(old, new))
    for field, what in _PROOFS.items():
        yield from text(name, what, getattr(old, field), getattr(new, field), path=f"{at}.{field}")
    must, need_not = "the credential must now allow", "the credential need no longer allow"
    yield from lists(name, must, need_not, old.scopes, new.scopes, path=f"{at}.scopes")
    for field, what in _SPANS.items():
        yield from span(name, what, getattr(old, field), getattr(new, field), path=f"{at}.{field}")


def _proof(old: Authentication, new: Authentication) -> Verdict:
    """No authentication is worse than any."""
    return "worse" if new.type == "none" else "better" if old.type == "none" else "neutral"


def _addresses(old: Contract, new: Contract, name: str, path: str) -> Iterator[Consequence]:
    before, after = ({each.environment: each.url for each in side.base_urls} for side in (old, new))
    for environment in dict.fromkeys([*before, *after]):
        yield from text(name, f"called in {environment} at", before.get(environment), after.get(environment), path=path)


def _operations(old: Sequence[Operation], new: Sequence[Operation], name: str, path: str) -> Iterator[Consequence]:
    kept, come, gone = sort_out(old, new)
    if come:
        yield Consequence(name, f"can now be called: {named(map(_call, come))}", path=path)
    if gone:
        yield Consequence(name, f"can no longer be called: {named(map(_call, gone))}", verdict="worse", path=path)
    otherwise = [(_call(was), _call(now), path + step) for was, now, step in kept if _call(was) != _call(now)]
    if len(otherwise) > MOST_NAMED:
        before, after, _ = otherwise[0]
        what = f"{len(otherwise):,} operations are called otherwise, such as"
        yield Consequence(name, what, before, after, verdict="worse", path=path)
    else:
        for before, after, at in otherwise:
            yield Consequence(name, "called as", before, after, verdict="worse", path=at)


def _call(operation: Operation) -> str:
    return " ".join(filter(None, (operation.method, operation.path))) or operation.name or "an unnamed operation"


def _actions(old: Sequence[ErrorRow], new: Sequence[ErrorRow], name: str, path: str) -> Iterator[Consequence]:
    """What a consumer will do differently, by what it gets: rows may be split, joined and reordered."""
    if old == new:
        return
    before, after = _by_status(old), _by_status(new)
    changed: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for status in sorted(before.keys() | after.keys()):
        was, now = before.get(status, ""), after.get(status, "")
        if was != now:
            changed[was, now].append(status)
    for (was, now), statuses in changed.items():
        yield from choice(name, f"on {_spoken(statuses)} the consumer will", was or None, now or None, path=path)


def _by_status(rows: Sequence[ErrorRow]) -> dict[str, str]:
    """The action for each status that a row speaks of; an exact row goes before a range, the first before the next."""
    found: dict[str, str] = {}
    for row in sorted(rows, key=lambda each: len(_statuses(each.status or "")) > 1):
        for status in _statuses(row.status or ""):
            found.setdefault(status, row.action or "")
    return found


def _statuses(text: str) -> list[str]:
    if text.endswith("xx"):
        return [f"{text[0]}{rest:02}" for rest in range(100)]
    low, _, high = text.partition("-")
    if high and low.isdigit():
        return [str(each) for each in range(int(low), int(high) + 1)]
    return [each for each in text.split("/") if each]


def _spoken(statuses: Sequence[str]) -> str:
    """`429, 500-503, 5xx`: neighbours joined."""
    runs: list[list[str]] = []
    for status in statuses:
        follows = runs and status.isdigit() and runs[-1][-1].isdigit() and int(status) == int(runs[-1][-1]) + 1
        if follows:
            runs[-1].append(status)
        else:
            runs.append([status])
    return named(_run(each) for each in runs)


def _run(run: Sequence[str]) -> str:
    if len(run) == 100 and run[0].endswith("00"):
        return f"{run[0][0]}xx"
    return run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}"
