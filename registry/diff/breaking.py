"""Which changes somebody who relies on the old record may fail under."""

import re
from collections.abc import Iterable

from .changes import Change
from .definitions import effects

_ITEM = r"\[(?:\\.|[^\]\\])*\]"
_OPERATION = rf"contracts{_ITEM}\.operations{_ITEM}"
_BREAKING = re.compile(
    "|".join(
        (
            rf"removed {_OPERATION}\.responses{_ITEM}",
            rf"(removed|renamed) (contracts{_ITEM}|{_OPERATION}|events{_ITEM}|topics{_ITEM})",
            rf"(changed|removed) contracts{_ITEM}\.(protocol|consumer|provider)",
            rf"(changed|removed) {_OPERATION}\.(method|path)",
            rf"changed {_OPERATION}\.responses{_ITEM}\.status",
            rf"changed contracts{_ITEM}\.authentication\.(type|header)",
            rf"(removed|renamed) contracts{_ITEM}\.definition\.frames{_ITEM}",
            rf"changed contracts{_ITEM}\.definition\.frames{_ITEM}\.sent_by",
            rf"(changed|removed) contracts{_ITEM}\.definition\.(proto|graphql|exchange|exchange_type|routing_key)",
            rf"changed contracts{_ITEM}\.definition\.(file_pattern|file_format|file_encoding|delimiter|location)",
            rf"changed events{_ITEM}\.(type|source)",
            rf"changed topics{_ITEM}\.(key|kind|broker)",
            rf"changed ordering{_ITEM}\.(guarantee|scope)",
        )
    )
)


def breaks(change: Change) -> bool:
    """Whether somebody who relies on what was there may fail under this change."""
    told = effects(change)
    if told is not None:
        return any(each.is_breaking for each in told)
    return _BREAKING.fullmatch(f"{change.kind} {change.path}") is not None


def is_breaking(changes: Iterable[Change]) -> bool:
    """Whether somebody who relies on the old record may fail under the new one."""
    return any(map(breaks, changes))
