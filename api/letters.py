"""Dead letters and redrives, for scripts: what the console shows and does. And what consumers say they have done."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import asked, bodies
from api import letter_shapes as shapes
from api.auth import Service, person
from api.described import PLACE_PARAMETERS, described, query
from api.instances import Services
from api.records import Endpoint, said
from registry.models import DeadLetter, DeadLetterSource, IndexedParty, Integration, Person, RedriveJob, keyset
from registry.services import letters, plans, redrives, returns
from registry.services.masks import ShownHeader
from registry.services.plans import AGES, Selector
from registry.services.redrives import Progress

CHOSEN_BY = ("error_class", "event_type", "ordering_key", "wire_id", "assignee", "q", "age", "since", "until")
FILTERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("state", "group", "fact", *CHOSEN_BY, "cursor", "size"), ()),
    "state": tuple(DeadLetter.State.values),
    "age": tuple(AGES),
}
FILTER_PARAMETERS = (
    query("state", "Letters in this state; all of them unless told.", tuple(DeadLetter.State.values)),
    query("age", "Letters that are dead for less or more than this.", tuple(AGES)),
    query("since", "Letters that died at or after this moment, such as 2026-01-31T14:00:00Z."),
    query("until", "Letters that died at or before this moment."),
    query("assignee", "Letters that this person has, by username; `~me` for yourself, `~nobody` for nobody."),
    query("error_class", "Letters that died of this, by its whole name."),
    query("event_type", "Letters of events of this type."),
    query("ordering_key", "Letters of this key."),
    query("group", "Letters of this group of failures, by its number."),
    OpenApiParameter(
        "fact",
        str,
        OpenApiParameter.QUERY,
        many=True,
        description=(
            "Letters with this value of a field or header, as `name=value`, such as `tenant=nl`; more than once for"
            " more of them. The source's owner says which names are kept to search by; nothing hidden is."
        ),
    ),
    query("q", "Letters whose error, id or key holds this, in capitals or not; at least three characters."),
    query("wire_id", "The letter with this id."),
    *PLACE_PARAMETERS,
)
REFUSALS = ("malformed", "not-found", "conflict", "too-large", "unsupported-type", "invalid")
ACTS: dict[str, Callable[[RedriveJob, Person, str], object]] = {
    "start": lambda job, by, reason: redrives.start(job, by=by),
    "approve": lambda job, by, reason: redrives.approve(job, by=by, note=reason),
    "pause": lambda job, by, reason: redrives.pause(job, why=reason, by=by),
    "resume": lambda job, by, reason: redrives.resume(job, by=by, note=reason),
    "cancel": lambda job, by, reason: redrives.cancel(job, why=reason, by=by),
}


class SourceList(Endpoint):
    """Where dead letters lie."""

    @described(
        shapes.SourcePage,
        "invalid",
        parameters=PLACE_PARAMETERS,
        operation_id="list_dead_letter_sources",
        tags=["dead letters"],
    )
    def get(self, request: Request) -> Response:
        """Every source, with its depth when it was last looked at, a page at a time."""
        wanted = asked.of(request, {"cursor": (), "size": ()})
        found = DeadLetterSource.objects.select_related("integration", "broker__environment")
        size = asked.size(wanted["size"], default=50, most=200)
        page = keyset(found, order="id", cursor=wanted["cursor"], size=size)
        return said(
            shapes.SourcePage(
                items=[source_shape(each) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


class LetterList(Endpoint):
    """The letters of one source."""

    @described(
        shapes.LetterPage,
        "not-found",
        "invalid",
        parameters=FILTER_PARAMETERS,
        operation_id="list_dead_letters",
        tags=["dead letters"],
    )
    def get(self, request: Request, key: int) -> Response:
        """Letters taken in from a source, those first that died last, a page at a time; without what they hold."""
        by, owner, wanted = person(request), source(key), asked.of(request, FILTERS)
        size = asked.size(wanted["size"], default=50, most=200)
        selector = chosen(request, wanted, owner, by)
        page = selector.page(owner, state=wanted["state"], cursor=wanted["cursor"], size=size)
        return said(
            shapes.LetterPage(
                items=[shapes.Letter(**letter_fields(each)) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


class OneLetter(Endpoint):
    """One letter."""

    @described(shapes.WholeLetter, "not-found", operation_id="get_dead_letter", tags=["dead letters"])
    def get(self, request: Request, key: int) -> Response:
        """A letter with its body and headers as text. What its source hides stays hidden; the console reveals it."""
        letter = DeadLetter.objects.select_related("source", "assignee").filter(pk=key).first()
        if letter is None:
            raise Http404
        shown = letters.shown(letter, by=person(request))
        payload = shapes.LetterPayload(
            form=shown.form,
            body=shown.body,
            cut=shown.is_cut,
            headers=[
                shapes.LetterHeader(name=each.name, value=each.value, hidden=each.is_hidden) for each in shown.headers
            ],
        )
        return said(shapes.WholeLetter(**letter_fields(letter), payload=payload))


class RedriveList(Endpoint):
    """The redrives of one source."""

    @described(
        shapes.Redrives,
        "not-found",
        "invalid",
        parameters=PLACE_PARAMETERS,
        operation_id="list_redrives",
        tags=["dead letters"],
    )
    def get(self, request: Request, key: int) -> Response:
        """The newest first, a page at a time, each counted now."""
        owner, wanted = source(key), asked.of(request, {"cursor": (), "size": ()})
        found = RedriveJob.objects.filter(source=owner).select_related("requested_by", "approved_by")
        size = asked.size(wanted["size"], default=20, most=100)
        page = keyset(found, order="-requested_at", cursor=wanted["cursor"], size=size)
        told = redrives.progress_of(page.rows)
        return said(
            shapes.Redrives(
                items=[redrive_shape(each, told[each.pk]) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )

    @described(
        shapes.Redrive,
        *REFUSALS,
        status=201,
        request=shapes.NewRedrive,
        operation_id="draft_redrive",
        tags=["dead letters"],
    )
    def post(self, request: Request, key: int) -> Response:
        """Draft a redrive: `plan` says what it would do, and nothing is sent before the act `start`. For on call."""
        by, owner = person(request), source(key)
        asks = bodies.shaped(request, shapes.NewRedrive)
        told = asks.model_dump(
            mode="json",
            include={"letters", "group", "facts", *CHOSEN_BY},
            exclude_none=True,
            exclude_defaults=True,
        )
        made = redrives.draft(
            owner,
            Selector.read(told, by=by).known_to(owner),
            reason=asks.reason,
            idempotency_key=asks.idempotency_key,
            rate_per_minute=asks.rate_per_minute,
            override_reason=asks.override_reason,
            by=by,
        )
        return said(redrive_shape(made), status=201)


class OneRedrive(Endpoint):
    """One redrive."""

    @described(shapes.Redrive, "not-found", operation_id="get_redrive", tags=["dead letters"])
    def get(self, request: Request, key: int) -> Response:
        """Where it stands, counted now."""
        return said(redrive_shape(redrive(key)))

    @described(
        shapes.Redrive, *REFUSALS, request=shapes.RedriveAct, operation_id="act_on_redrive", tags=["dead letters"]
    )
    def post(self, request: Request, key: int) -> Response:
        """Begin it, agree to it as the second person, pause, resume or cancel it."""
        by, job = person(request), redrive(key)
        asks = bodies.shaped(request, shapes.RedriveAct)
        ACTS[asks.act](job, by, asks.reason)
        return said(redrive_shape(redrive(key)))


class ResolvedReports(APIView):
    """What consumers have done."""

    permission_classes: list[type[BasePermission]] = [Services]
    metadata_class = None

    @described(
        shapes.ResolvedTaken,
        *REFUSALS,
        request=shapes.Resolved,
        operation_id="report_resolved",
        tags=["dead letters"],
    )
    def post(self, request: Request) -> Response:
        """Say which letters that were sent again are processed. Whoever does not say it is presumed to, after a while.

        For a service token of a system that the approved design names, about letters of the token's environment.
        """
        told, by = bodies.shaped(request, shapes.Resolved), request.user
        assert isinstance(by, Service)
        assert by.token.system is not None
        owner = Integration.objects.filter(slug=told.integration.replace("\x00", "")).first()
        parties = IndexedParty.objects.filter(system_slug=by.token.system.slug)
        if owner is None or not parties.filter(revision=owner.in_force_id).exists():
            raise Http404
        done = returns.resolve(owner, told.attempts, environment=by.token.environment)
        return said(shapes.ResolvedTaken(resolved=done))


def source(key: int) -> DeadLetterSource:
    """The source of an address."""
    if (held := DeadLetterSource.objects.placed().filter(pk=key).first()) is None:
        raise Http404
    return held


def chosen(request: Request, wanted: Mapping[str, str], owner: DeadLetterSource, by: Person) -> Selector:
    """The letters a query asks for, but for their state. Raises Invalid."""
    told: dict[str, Any] = {name: wanted[name] for name in CHOSEN_BY}
    group = wanted["group"]
    told["group"] = int(group) if group.isascii() and group.isdigit() and len(group) < 20 else group
    told["facts"] = plans.facts(request.query_params.getlist("fact"), owner)
    return Selector.read(told, by=by).known_to(owner)


def redrive(key: int) -> RedriveJob:
    """The redrive of an address."""
    found = RedriveJob.objects.select_related("requested_by", "approved_by", "source__integration")
    if (held := found.filter(pk=key).first()) is None:
        raise Http404
    return held


def source_shape(held: DeadLetterSource) -> shapes.DeadLetterSource:
    return shapes.DeadLetterSource(
        id=held.pk,
        integration=held.integration.slug,
        environment=held.broker.environment.slug,
        broker=held.broker.slug,
        topic=held.topic,
        place=held.place,
        mode=held.mode,
        depth=held.depth,
        oldest_at=held.oldest_at,
        looked_at=held.looked_at,
        trouble=held.trouble,
    )


def header_shape(header: ShownHeader) -> shapes.LetterHeader:
    return shapes.LetterHeader(name=header.name, value=header.value, hidden=header.is_hidden)


def letter_fields(letter: DeadLetter) -> dict[str, object]:
    rows = {"parent", "assignee"}
    named = (set(shapes.Letter.model_fields) - rows) & {each.name for each in DeadLetter._meta.get_fields()}
    told = {name: getattr(letter, name) for name in named}
    return told | {"parent": letter.parent_id, "assignee": letter.assignee.username if letter.assignee else None}


def redrive_shape(job: RedriveJob, progress: Progress | None = None) -> shapes.Redrive:
    return shapes.Redrive(
        id=job.pk,
        source=job.source_id,
        state=job.state,
        wave=job.wave,
        reason=job.reason,
        rate_per_minute=job.rate_per_minute,
        needs_second=job.second_because,
        requested_by=job.requested_by.username,
        approved_by=job.approved_by.username if job.approved_by else None,
        paused_because=job.paused_because,
        plan=job.plan,
        progress=shapes.RedriveProgress(**asdict(progress or redrives.progress(job))),
    )
