"""Which sources of a record are read: all, but of one that is hostile."""

from ..record import DesignRecord
from ..record.contracts import Definition

MOST = 250_000
"""Characters of all sources in a record; the largest real one seen has 47,000."""


def is_read(record: DesignRecord, definition: Definition) -> bool:
    """Whether the sources up to and with this one are short enough together."""
    left = MOST
    for contract in record.contracts:
        left -= len(contract.definition.proto or "") + len(contract.definition.graphql or "")
        if contract.definition is definition:
            break
    return left >= 0
