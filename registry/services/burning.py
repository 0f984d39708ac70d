"""Where dead letters lie longest that nobody has decided on."""

from typing import Any

from django.db.models import Exists, OuterRef

from registry.models import DeadLetterSource, IndexedParty, Membership, Person, counted
from registry.models.letters import open_since, undecided

MOST_LOOKED_AT = 200
COUNTED_UP_TO = 1_000


def longest(by: Person, *, most: int) -> list[Any]:
    """Sources with their `opened` letters and `since` when, those of the person's own teams (`is_mine`) first.

    Chosen among those that burnt longest when last counted, and told as they are now: the first entries of an index
    are read for each of them, however many sources and letters there are.
    """
    last = DeadLetterSource.objects.filter(open_since__isnull=False).order_by("open_since", "pk")
    # Read by itself: joined, they might all be looked at before the first of them are taken.
    keys = list(last.values_list("pk", flat=True)[:MOST_LOOKED_AT])
    teams = Membership.objects.filter(person=by).values("team__slug")
    parties = IndexedParty.objects.filter(revision=OuterRef("integration__in_force"), team_slug__in=teams)
    found = DeadLetterSource.objects.select_related("integration", "broker__environment").filter(pk__in=keys)
    burning: Any = found.annotate(since=open_since(), is_mine=Exists(parties)).filter(since__isnull=False)
    burning = burning.annotate(opened=counted(undecided("source"), up_to=COUNTED_UP_TO))
    burning = burning.defer("sealed_key", "integration__search_text")
    return list(burning.order_by("-is_mine", "since", "pk")[:most])
