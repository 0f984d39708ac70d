"""What an edit changes in a letter: header by header, and the body as people see it.

What its source hides is hidden on both sides. That a hidden value became another is said; neither value is.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from registry.brokers import Headers
from registry.record.findings import InvalidRecord
from registry.services import masks
from registry.services.masks import BODY, Mask, Shown, ShownHeader
from registry.services.payloads import Opened

LONGEST_COMPARED = 50_000
"""Characters of a body, on either side, that are compared line by line."""
MOST_LINES = 1_000
MOST_NAMED = 6
LONGEST_NAME = 40
LONGEST_SUMMARY = 300
Body = Literal["same", "changed", "laid out", "long", "hidden", "bytes"]
"""Of a body: as it was; other lines; the same said in other bytes; too long to compare; hidden as a whole; no text."""


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """A header that was added, removed or changed; None where one side has none."""

    name: str
    before: str | None
    after: str | None
    is_hidden: bool = False

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True)
class Mending:
    """The difference of two payloads of one letter."""

    headers: tuple[HeaderChange, ...]
    body: Body
    before: str = ""
    after: str = ""
    language: str = ""
    """json, or "" of any other text."""
    hidden: tuple[str, ...] = ()
    """Where in the body one hidden value became another."""

    def __bool__(self) -> bool:
        return bool(self.headers or self.hidden or self.body != "same")

    @property
    def summary(self) -> str:
        """What is changed, in a line that holds no value."""
        said = [] if self.body == "same" else ["body"]
        if self.headers:
            named = [each.name[:LONGEST_NAME] for each in self.headers[:MOST_NAMED]]
            more = f" and {len(self.headers) - MOST_NAMED:,} more" if len(self.headers) > MOST_NAMED else ""
            said.append(f"header{'s' if len(self.headers) > 1 else ''} {', '.join(named)}{more}")
        return "; ".join(said)[:LONGEST_SUMMARY] or "nothing"


def between(before: Opened, after: Opened, masked: Iterable[str]) -> Mending:
    """What became of one in the other."""
    mask = Mask(masked)
    old, new = masks.shown(before, mask.names), masks.shown(after, mask.names)
    found = _bodies(before.body, after.body, old, new, mask)
    return replace(found, headers=_headers(before.headers, after.headers, mask))


def typed(theirs: Shown, body: str | None, headers: Sequence[tuple[str, str]]) -> Mending:
    """How what somebody typed differs from what another one saved, both as they are shown."""
    mine = Shown(theirs.body if body is None else body, theirs.form)
    given = [ShownHeader(name, value) for name, value in headers]
    changes = _paired(_named(theirs.headers), _named(given))
    return Mending(changes, "same") if mine.body == theirs.body else Mending(changes, *_texts(theirs, mine))


def _bodies(before: bytes, after: bytes, old: Shown, new: Shown, mask: Mask) -> Mending:
    if before == after:
        return Mending((), "same")
    if "hidden" in (old.form, new.form):
        return Mending((), "hidden")
    if "bytes" in (old.form, new.form):
        return Mending((), "bytes")
    hidden = _hidden(before, after, mask)
    found = Mending((), *_texts(old, new), hidden)
    return replace(found, body="same") if hidden and found.body == "laid out" else found


def _texts(old: Shown, new: Shown) -> tuple[Body, str, str, str]:
    if any(each.is_cut or _is_long(each.body) for each in (old, new)):
        return "long", "", "", ""
    if old.body == new.body:
        return "laid out", "", "", ""
    return "changed", old.body, new.body, "json" if old.form == new.form == "json" else ""


def _is_long(text: str) -> bool:
    return len(text) > LONGEST_COMPARED or text.count("\n") >= MOST_LINES


def _hidden(before: bytes, after: bytes, mask: Mask) -> tuple[str, ...]:
    """Places where both hide a value, and not the same."""
    if not mask:
        return ()
    try:
        old, new = masks.parsed(before), masks.parsed(after)
    except InvalidRecord:
        return ()
    was, now = ({masks.path_of(steps): _at(value, steps) for steps in mask.found(value)} for value in (old, new))
    return tuple(path for path, value in was.items() if path in now and now[path] != value and path != BODY)


def _at(value: Any, steps: Sequence[str | int]) -> str:
    for step in steps:
        value = value[step]
    return json.dumps(value, sort_keys=True)


def _headers(before: Headers, after: Headers, mask: Mask) -> tuple[HeaderChange, ...]:
    """By name; of hidden ones it is the values that tell, and not what is shown of them."""
    old, new = ([(each, masks.text(value)) for each, (_, value) in _shown(side, mask)] for side in (before, after))
    return _paired(old, new)


def _shown(headers: Headers, mask: Mask) -> Iterable[tuple[ShownHeader, tuple[str, Any]]]:
    return zip(masks.shown(Opened(b"", headers), mask.names).headers, headers, strict=True)


def _named(headers: Iterable[ShownHeader]) -> list[tuple[ShownHeader, str]]:
    return [(each, each.value) for each in headers]


def _paired(old: list[tuple[ShownHeader, str]], new: list[tuple[ShownHeader, str]]) -> tuple[HeaderChange, ...]:
    """Headers of one name are told apart by their value, then by their order."""
    left: dict[str, list[tuple[ShownHeader, str]]] = defaultdict(list)
    for each in old:
        left[each[0].name].append(each)
    rest = []
    for shown, value in new:
        same = next((each for each in left[shown.name] if each[1] == value), None)
        if same:
            left[shown.name].remove(same)
        else:
            rest.append(shown)
    changes = []
    for after in rest:
        before = left[after.name].pop(0)[0] if left[after.name] else None
        is_hidden = after.is_hidden or bool(before and before.is_hidden)
        changes.append(HeaderChange(after.name, before.value if before else None, after.value, is_hidden))
    gone = [HeaderChange(each.name, each.value, None, each.is_hidden) for side in left.values() for each, _ in side]
    return (*changes, *gone)
