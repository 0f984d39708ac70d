"""Service levels: whether what is promised for a month and for one outage fit together."""

from decimal import Decimal

from ..record.base import in_words, seconds
from ..record.findings import Severity
from ..record.sla import ServiceLevels
from .base import Place, Said, rule

MONTH = 30 * 86_400


@rule("rto-breaks-availability", Severity.HINT, "One outage uses up the month", on=ServiceLevels)
def rto_breaks_availability(place: Place[ServiceLevels]) -> Said:
    """Availability is the share of a month, the RTO the longest single outage. If one outage of that length is more
    than the month allows, keeping the RTO still breaks the other promise.

    Example: 99.95 percent allows 21 minutes a month, the RTO is 4 hours. Better: RTO 15 minutes, or 99.4 percent.

    Shorten the RTO, or promise less availability.
    """
    rto, share = place.part.rto, place.part.availability_percent
    if rto is None or share is None:
        return
    allowed = int(MONTH * (100 - Decimal(share)) / 100)
    if seconds(rto) > allowed:
        yield (
            "rto",
            f"It may be down for {in_words(rto)} at a time, but {share} % allows {in_words(f'PT{allowed}S')} a month.",
            "Shorten the RTO, or promise less availability.",
        )
