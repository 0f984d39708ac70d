"""Releases, overrides and the board of one integration: what a page shows and does, for scripts."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from api import asked, bodies, shapes
from api.auth import person
from api.described import PLACE_PARAMETERS, described, query
from api.problems import Refused
from api.records import Endpoint, integration, said
from registry.models import Environment, Integration, Override, Release, ScheduledRelease, keyset
from registry.record.findings import Problem
from registry.services import board, overrides, releases
from registry.services.board import Standing

FILTERS: dict[str, tuple[str, ...]] = {"environment": (), "cursor": (), "size": ()}
FILTER_PARAMETERS = (
    query("environment", "The environment's slug; all of them unless told."),
    *PLACE_PARAMETERS,
)
REFUSALS = ("malformed", "not-found", "conflict", "too-large", "unsupported-type", "invalid")


class ReleaseList(Endpoint):
    """The releases of an integration."""

    @described(shapes.ReleasePage, "not-found", "invalid", parameters=FILTER_PARAMETERS, operation_id="list_releases")
    def get(self, request: Request, slug: str) -> Response:
        """Every release, newest first, a page at a time; without the bodies, which services read."""
        owner = integration(slug)
        wanted = asked.of(request, FILTERS)
        found = Release.objects.filter(integration=owner)
        if wanted["environment"]:
            found = found.filter(environment=environment(wanted["environment"]))
        shown = found.select_related("revision", "released_by", "environment", "integration")
        size = asked.size(wanted["size"], default=50, most=200)
        page = keyset(shown.defer("body", "revision__document"), order="-id", cursor=wanted["cursor"], size=size)
        return said(
            shapes.ReleasePage(
                items=[release_shape(each) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )


class RollBack(Endpoint):
    """Serve an older release again."""

    @described(shapes.Release, *REFUSALS, status=201, request=shapes.RollBack, operation_id="roll_back")
    def post(self, request: Request, slug: str) -> Response:
        """A new release with the settings of the revision an older release was made from. For approvers."""
        by, owner = person(request), integration(slug)
        asks = bodies.shaped(request, shapes.RollBack)
        target = releases_of(owner, environment(asks.environment)).filter(number=asks.to).first()
        if target is None:
            raise Refused("invalid", errors=[Problem("to", "is no release of it there", "See the list of releases.")])
        made = releases.roll_back(target, by=by, reason=asks.reason, seen=asks.seen)
        return said(release_shape(made), status=201)


class Promote(Endpoint):
    """Serve what another environment serves."""

    @described(shapes.Release, *REFUSALS, status=201, request=shapes.Promotion, operation_id="promote_release")
    def post(self, request: Request, slug: str) -> Response:
        """In an environment that is released by promoting: serve what the one before it serves. For approvers."""
        by, owner = person(request), integration(slug)
        asks = bodies.shaped(request, shapes.Promotion)
        made = releases.promote(owner, environment(asks.environment), by=by, reason=asks.reason, seen=asks.seen)
        return said(release_shape(made), status=201)


class OverrideList(Endpoint):
    """The overrides of an integration."""

    @described(shapes.Overrides, "not-found", operation_id="list_overrides")
    def get(self, request: Request, slug: str) -> Response:
        """The last hundred, newest first."""
        found = Override.objects.filter(integration=integration(slug)).select_related(*PEOPLE)
        return said(shapes.Overrides(items=[override_shape(each) for each in found[:100]]))

    @described(shapes.Override, *REFUSALS, status=201, request=shapes.NewOverride, operation_id="begin_override")
    def post(self, request: Request, slug: str) -> Response:
        """Serve other policy values, or keep a breaker open or closed, for at most eight hours. For who is on call.

        `patch` is a JSON merge patch of `{"contracts": {name: {"retry": …, "circuit_breaker": …, "rate_limit": …,
        "timeouts": …}}}`; the record's own ranges and rules hold it. When the time is over the design is served again.
        """
        by, owner = person(request), integration(slug)
        asks = bodies.shaped(request, shapes.NewOverride)
        made = overrides.begin(
            owner,
            environment(asks.environment),
            patch=asks.patch,
            reason=asks.reason,
            minutes=asks.minutes,
            by=by,
            seen=asks.seen,
        )
        return said(override_shape(made), status=201)


class EndOverride(Endpoint):
    """End an override."""

    @described(shapes.Override, *REFUSALS, request=shapes.EndOfOverride, operation_id="end_override")
    def post(self, request: Request, slug: str, key: int) -> Response:
        """Serve the design again before the time is over. For who is on call, and approvers."""
        by, asks = person(request), bodies.shaped(request, shapes.EndOfOverride)
        found = Override.objects.filter(integration__slug=slug, pk=key).first()
        if found is None:
            raise Http404
        overrides.end(found, by=by, note=asks.note)
        return said(override_shape(Override.objects.select_related(*PEOPLE).get(pk=key)))


class Board(Endpoint):
    """Approved, served, reported."""

    @described(shapes.Board, "not-found", operation_id="get_board")
    def get(self, request: Request, slug: str) -> Response:
        """What each environment serves of an integration, and where its instances stand."""
        owner = integration(slug)
        return said(
            shapes.Board(
                approved=owner.in_force.version if owner.in_force else None,
                environments=[board_line(each) for each in board.everywhere(owner)],
            )
        )


PEOPLE = ("environment", "begun_by", "ended_by", "reviewed_by")


def environment(slug: str) -> Environment:
    """An environment that a query or a body names."""
    found = Environment.objects.select_related("promoted_from").filter(slug=slug.replace("\x00", "")).first()
    if found is None:
        raise Refused("invalid", errors=[Problem("environment", "is none", "See /api/v1/environments.")])
    return found


def releases_of(owner: Integration, place: Environment) -> Any:
    return Release.objects.filter(integration=owner, environment=place).select_related("environment")


def board_line(row: Standing) -> shapes.BoardLine:
    source = row.environment.promoted_from
    return shapes.BoardLine(
        environment=row.environment.slug,
        promoted_from=source.slug if source else None,
        release=release_shape(row.release) if row.release else None,
        instances=row.uptake.counts,
        override=override_shape(row.override) if row.override else None,
        scheduled=scheduled_shape(row.scheduled) if row.scheduled else None,
    )


def release_shape(row: Release) -> shapes.Release:
    return shapes.Release(
        environment=row.environment.slug,
        number=row.number,
        etag=row.etag,
        revision=row.revision.version,
        content_hash=row.content_hash,
        kind=Release.Kind(row.kind).value,
        reason=row.reason,
        override=row.override_id,
        released_by=row.released_by.username,
        released_at=row.released_at,
        page=f"/integrations/{row.integration.slug}/live/diff/?environment={row.environment.slug}&to={row.number}",
    )


def override_shape(row: Override) -> shapes.Override:
    return shapes.Override(
        id=row.pk,
        environment=row.environment.slug,
        patch=row.patch,
        reason=row.reason,
        begun_by=row.begun_by.username,
        begun_at=row.begun_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by.username if row.ended_by else None,
        end_note=row.end_note,
        reviewed_at=row.reviewed_at,
        reviewed_by=row.reviewed_by.username if row.reviewed_by else None,
    )


def scheduled_shape(row: ScheduledRelease) -> shapes.Scheduled:
    return shapes.Scheduled(
        revision=row.revision.version, due_at=row.due_at, reason=row.reason, scheduled_by=row.scheduled_by.username
    )
