"""Tags and owners, of many integrations at once. They stand beside the record: nothing that was signed changes."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from django.db import transaction

from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import Integration, Person, Tag, Tagging
from registry.record.findings import Problem
from registry.services import trail
from registry.services.text import Reading

MOST_AT_ONCE = 5_000
MOST_TAGS = 20
LONGEST_TAG = 50
RETIRED = "is retired; nothing of it changes any more"


@dataclass(slots=True)
class Outcome:
    """What an act on many came to."""

    changed: int = 0
    unchanged: int = 0
    refused: list[tuple[Integration, str]] = field(default_factory=list)
    """Those left as they are, each with the reason."""


@transaction.atomic
def tag(chosen: Collection[int], words: Iterable[str], *, by: Person) -> Outcome:
    """Put tags on integrations. A word nobody used before becomes a tag."""
    _require_architect(by)
    slugs = read_tags(words)
    held = _hold(chosen)
    Tag.objects.bulk_create((Tag(slug=slug) for slug in sorted(slugs)), ignore_conflicts=True)
    tags = dict(Tag.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    borne = _tags_of(held)

    def reason_against(each: Integration) -> str:
        count = len(borne[each.pk] | slugs)
        return f"would bear {count} tags; {MOST_TAGS} are the most" if count > MOST_TAGS else ""

    outcome, changing = _sort(held, reason_against, lambda each: slugs <= borne[each.pk])
    Tagging.objects.bulk_create(
        Tagging(integration=each, tag_id=tags[slug]) for each in changing for slug in sorted(slugs - borne[each.pk])
    )
    _tell("integration.tagged", {each: (borne[each.pk], borne[each.pk] | slugs) for each in changing}, by=by)
    return outcome


@transaction.atomic
def untag(chosen: Collection[int], words: Iterable[str], *, by: Person) -> Outcome:
    """Take tags off integrations."""
    _require_architect(by)
    slugs = read_tags(words)
    held = _hold(chosen)
    borne = _tags_of(held)
    outcome, changing = _sort(held, lambda each: "", lambda each: not slugs & borne[each.pk])
    Tagging.objects.filter(integration__in=changing, tag__slug__in=slugs).delete()
    _tell("integration.untagged", {each: (borne[each.pk], borne[each.pk] - slugs) for each in changing}, by=by)
    return outcome


@transaction.atomic
def set_owner(chosen: Collection[int], owner: Person | None, *, by: Person) -> Outcome:
    """Say who is to be asked about integrations; None: nobody."""
    _require_architect(by)
    if owner is not None and not owner.is_active:
        raise Invalid([Problem("owner", f"{owner.username} no longer signs in", "Choose somebody else.")])
    held = _hold(chosen)
    outcome, changing = _sort(held, lambda each: "", lambda each: each.owner_id == (owner and owner.pk))
    before = {each.pk: each.owner.username if each.owner else None for each in changing}
    Integration.objects.filter(pk__in=before).update(owner=owner)
    after = owner.username if owner else None
    told = ((each, {"before": {"owner": before[each.pk]}, "after": {"owner": after}}) for each in changing)
    trail.record_each("integration.owner_set", told, by=by)
    return outcome


def reason_against(integration: Integration) -> str:
    """Why neither its tags nor its owner change, or "" if they may."""
    return RETIRED if integration.state == Integration.State.RETIRED else ""


def read_tags(words: Iterable[str]) -> set[str]:
    """Tags as they are kept: small letters, digits, dots and hyphens."""
    reading = Reading()
    slugs = {reading.slug("tags", word.lower()) for word in words if word.strip()}
    if not slugs and not reading.problems:
        reading.refuse("tags", "are missing", "Write one or more words, such as pci or migration-2027.")
    if any(len(slug) > LONGEST_TAG for slug in slugs):
        reading.refuse("tags", f"have at most {LONGEST_TAG} letters each", "Shorten it.")
    if len(slugs) > MOST_TAGS:
        reading.refuse("tags", f"are more than {MOST_TAGS}", "Choose the ones people will look for.")
    reading.done()
    return slugs


def _require_architect(by: Person) -> None:
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect changes tags and owners.", "Ask an architect, or to become one.")


def _hold(chosen: Collection[int]) -> list[Integration]:
    """The chosen ones, locked one after the other as every other act locks them, without what is large."""
    if len(chosen) > MOST_AT_ONCE:
        problem = Problem("chosen", f"are more than {MOST_AT_ONCE:,} at once", "Narrow the list, or do it in parts.")
        raise Invalid([problem])
    rows = Integration.objects.filter(pk__in=chosen).select_related("owner").defer("search_text", "purpose")
    return list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))


def _tags_of(held: list[Integration]) -> dict[int, set[str]]:
    borne: dict[int, set[str]] = {each.pk: set() for each in held}
    for key, slug in Tagging.objects.filter(integration__in=held).values_list("integration", "tag__slug"):
        borne[key].add(slug)
    return borne


def _sort(
    held: list[Integration], refuses: Callable[[Integration], str], has_it: Callable[[Integration], bool]
) -> tuple[Outcome, list[Integration]]:
    """What will come of it, and those that change."""
    outcome, changing = Outcome(), []
    for each in held:
        if reason := reason_against(each) or refuses(each):
            outcome.refused.append((each, reason))
        elif has_it(each):
            outcome.unchanged += 1
        else:
            changing.append(each)
    outcome.changed = len(changing)
    return outcome, changing


def _tell(kind: str, changes: dict[Integration, tuple[set[str], set[str]]], *, by: Person) -> None:
    """One event each: the tags it bore, and those it bears."""
    told = (
        (each, {"before": {"tags": sorted(before)}, "after": {"tags": sorted(after)}})
        for each, (before, after) in changes.items()
    )
    trail.record_each(kind, told, by=by)
