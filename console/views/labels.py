"""Tags, and the owner, of chosen integrations: a page says what will happen and to how many, then it is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from console.listings import INTEGRATIONS, LONGEST_CURSOR, Asked, plain
from console.people import signed_in
from registry import permissions
from registry.errors import Invalid, NotAllowed
from registry.models import Integration, Person, Tag, Tagging, keyset
from registry.record.findings import Problem
from registry.services import labels
from registry.services.labels import MOST_AT_ONCE, Outcome

MOST_NAMED = 10
MOST_OFFERED = 500


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to the chosen ones: the word of its button, and how it is done with what was typed."""

    name: str
    verb: str
    told: str
    do: Callable[[list[int], QueryDict, Person], Outcome]


def _owner(keys: list[int], given: QueryDict, by: Person) -> Outcome:
    username = given.get("owner", "").strip()
    owner = Person.objects.filter(username=username.replace("\x00", "")).first() if username else None
    if username and owner is None:
        raise Invalid([Problem("owner", "is nobody's username", "Choose one of the list, or leave it empty.")])
    return labels.set_owner(keys, owner, by=by)


ACTS = {
    each.name: each
    for each in (
        Act("tag", "Tag", "tagged", lambda keys, given, by: labels.tag(keys, _typed(given), by=by)),
        Act("untag", "Untag", "untagged", lambda keys, given, by: labels.untag(keys, given.getlist("tags"), by=by)),
        Act("owner", "Set owner of", "given that owner", _owner),
    )
}


def label(request: HttpRequest) -> HttpResponse:
    """GET names the chosen ones and asks for the tags or the owner; POST does it to exactly those that were shown."""
    by = signed_in(request)
    if not permissions.may_edit(by):
        raise NotAllowed("Only an architect changes tags and owners.", "Ask an architect, or to become one.")
    given = request.POST if request.method == "POST" else request.GET
    act = ACTS.get(given.get("act", ""))
    if act is None:
        raise Http404("There is no such act.")
    asked = Asked.of(INTEGRATIONS, QueryDict(given.get("query", "")))
    keys = _keys(given, asked, by)
    if request.method != "POST":
        return _page(request, act, keys, asked)
    try:
        outcome = act.do(keys, request.POST, by)
    except Invalid as refused:
        return _page(request, act, keys, asked, problem=refused.problems[0])
    _say(request, act, outcome)
    return redirect(f"{reverse('integrations')}?{asked.query or 'order=name'}")


def tags(request: HttpRequest) -> HttpResponse:
    """Every tag in use, and on how many integrations."""
    uses = Tagging.objects.filter(tag=OuterRef("pk")).order_by().values("tag").annotate(count=Count("pk"))
    found = Tag.objects.in_use().annotate(count=Subquery(uses.values("count")))
    page = keyset(found, order="slug", cursor=plain(request.GET.get("cursor", ""), longest=LONGEST_CURSOR))
    return render(request, "console/lists/tags.html", {"page": page})


def _keys(given: QueryDict, asked: Asked, by: Person) -> list[int]:
    """Those that were shown, or all found, or the chosen ones; one more than may be at once tells of too many."""
    if shown := given.get("keys", ""):
        return [int(each) for each in shown.split(",") if each.isascii() and each.isdigit() and len(each) < 18]
    if "all" in given:
        found = Integration.objects.listing(**asked.for_reader(by))
    else:
        slugs = [each.replace("\x00", "") for each in given.getlist("chosen")]
        found = Integration.objects.filter(slug__in=slugs[:MOST_AT_ONCE])
    return list(found.order_by("name", "id").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])


def _page(
    request: HttpRequest, act: Act, keys: list[int], asked: Asked, *, problem: Problem | None = None
) -> HttpResponse:
    too_many = len(keys) > MOST_AT_ONCE
    rows = Integration.objects.filter(pk__in=[] if too_many else keys)
    open_ones = rows.exclude(state=Integration.State.RETIRED)
    count = open_ones.count()
    context = {
        "act": act,
        "asked": asked,
        "problem": problem,
        "too_many": too_many,
        "most": MOST_AT_ONCE,
        "keys": ",".join(map(str, keys[:MOST_AT_ONCE])),
        "count": count,
        "named": open_ones.order_by("name", "id").only("name", "slug")[:MOST_NAMED],
        "more": max(0, count - MOST_NAMED),
        "refused": rows.filter(state=Integration.State.RETIRED).only("name", "slug")[:MOST_NAMED],
        "refused_count": rows.count() - count,
        "typed": request.POST,
        "ticked": request.POST.getlist("tags"),
    }
    return render(
        request, "console/lists/label.html", context | _offered(act, open_ones), status=400 if problem else 200
    )


def _offered(act: Act, rows: QuerySet[Integration]) -> dict[str, Any]:
    """What may be chosen: every tag and person to give, and of tags to take off those that are there, with counts."""
    if act.name == "owner":
        people = Person.objects.filter(is_active=True).order_by("username")
        return {"people": people[:MOST_OFFERED]}
    if act.name == "untag":
        borne = Tag.objects.filter(taggings__integration__in=rows).annotate(count=Count("taggings"))
        return {"tags": borne.order_by("slug")[:MOST_OFFERED]}
    return {"tags": Tag.objects.in_use()[:MOST_OFFERED]}


def _typed(given: QueryDict) -> list[str]:
    return given.get("tags", "").replace(",", " ").split()


def _say(request: HttpRequest, act: Act, outcome: Outcome) -> None:
    """What came of it, the refusals by name."""
    many = "integration is" if outcome.changed == 1 else "integrations are"
    said = f"{outcome.changed:,} {many} {act.told}."
    if outcome.unchanged:
        said += f" {outcome.unchanged:,} had it so already."
    messages.add_message(request, messages.SUCCESS if outcome.changed else messages.INFO, said)
    if outcome.refused:
        named = "; ".join(f"{each.name} {why}" for each, why in outcome.refused[:MOST_NAMED])
        more = len(outcome.refused) - MOST_NAMED
        rest = f"; and {more:,} more" if more > 0 else ""
        messages.warning(request, f"{len(outcome.refused):,} left as they are: {named}{rest}.")
