"""The one order of locks: integration, revision, review, people by id, release counters by environment, trail.

Whoever changes anything of an integration holds its row first, so two of them never wait for each other.
"""

from collections.abc import Iterable

from registry.models import Delegation, Integration, Person, Review, Revision


def integration(key: int) -> Integration:
    # Without the key: rows that merely refer to the integration need not wait.
    return Integration.objects.select_for_update(no_key=True).get(pk=key)


def revision(key: int) -> tuple[Integration, Revision]:
    """The revision as it is now, its integration locked before it."""
    owner = integration(Revision.objects.values_list("integration_id", flat=True).get(pk=key))
    found = Revision.objects.select_for_update(no_key=True).get(pk=key)
    found.integration = owner
    return owner, found


def review(key: int) -> tuple[Integration, Revision, Review]:
    """The review as it is now, its integration and revision locked before it."""
    revision_id = Review.objects.values_list("revision_id", flat=True).get(pk=key)
    owner, reviewed = revision(revision_id)
    found = Review.objects.select_for_update(no_key=True).get(pk=key)
    found.integration, found.revision = owner, reviewed
    return owner, reviewed, found


def people(keys: Iterable[int]) -> dict[int, Person]:
    """These people as they are now. Whoever gives or takes what entitles somebody to sign holds their row first."""
    found = Person.objects.select_for_update(no_key=True).filter(pk__in=set(keys)).order_by("pk")
    return {each.pk: each for each in found}


def signer(by: Person) -> Person:
    """The person as they are now, held with everybody in whose name they may sign: nothing of it changes meanwhile."""
    holders = Delegation.objects.filter(delegate=by, revoked_at__isnull=True).values_list("holder", flat=True)
    return people([by.pk, *holders])[by.pk]
