"""Integrations and their revisions: read, written, checked, compared, submitted."""

from dataclasses import asdict
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import asked, bodies, etags, shapes
from api.auth import People, person
from api.described import ETAG, IF_MATCH, IF_NONE_MATCH, PLACE_HELP, described, query
from api.problems import Refused
from registry.diff import breaks, compare, weigh
from registry.models import NOBODY, Integration, Review, Revision, Version, find_version, keyset
from registry.models.versions import ALIASES, NUMBERED
from registry.record import DesignRecord
from registry.record.upgrades import upgrade
from registry.services import integrations, revisions

Choices = dict[str, tuple[str, ...]]
ORDERS = {
    "name": "name",
    "criticality": "criticality_rank",
    "findings": "findings_rank",
    "created": "created_at",
    "updated": "updated_at",
}
FILTERS: Choices = {
    "q": (),
    "state": tuple(Integration.State.values),
    "revision_state": tuple(Revision.State.values),
    "type": ("synchronous", "asynchronous", "bidirectional", "file_based"),
    "criticality": ("critical", "high", "medium", "low"),
    "findings": ("error", "warning", "none"),
    "finding": (),
    "tag": (),
    "owner": (),
    "team": (),
    "system": (),
    "role": ("consumer", "provider"),
    "order": tuple(f"{sign}{name}" for name in ORDERS for sign in ("", "-")),
    "cursor": (),
    "size": (),
}
FILTER_HELP = {
    "q": "Words that name, purpose, systems, contracts, events or topics must mention, all of them.",
    "state": "Where the integration stands.",
    "revision_state": "Where its newest revision stands.",
    "type": "The type of its newest revision.",
    "criticality": "The criticality of its newest revision.",
    "findings": "A severity the rules found when they last looked, or `none` for neither errors nor warnings.",
    "finding": "The code of a rule that had something to say.",
    "tag": "A tag it bears.",
    "owner": f"The username of its owner; `{NOBODY}` for those without one.",
    "team": "The slug of a team that is a party.",
    "system": "The slug of a system that is a party.",
    "role": "The role `team` and `system` must have; any unless told.",
    "order": "What it goes by, falling with a minus; `name` unless told.",
    **PLACE_HELP,
}
FILTER_PARAMETERS = tuple(query(name, FILTER_HELP[name], FILTERS[name]) for name in FILTERS)
DOCUMENT_TYPES = ("application/json", "application/yaml")


class Endpoint(APIView):
    """For people, with a personal token or signed in."""

    permission_classes: list[type[BasePermission]] = [People]
    metadata_class = None


class IntegrationList(Endpoint):
    """All integrations."""

    @described(shapes.IntegrationPage, "invalid", parameters=FILTER_PARAMETERS, operation_id="list_integrations")
    def get(self, request: Request) -> Response:
        """Integrations with the console's filters and orders, a page at a time."""
        wanted = asked.of(request, FILTERS)
        cursor, size = wanted.pop("cursor"), asked.size(wanted.pop("size"), default=50, most=200)
        order = wanted.pop("order") or "name"
        field = ("-" if order.startswith("-") else "") + ORDERS[order.removeprefix("-")]
        found = Integration.objects.listing(search=wanted.pop("q"), **wanted).with_tags()
        page = keyset(found, order=field, cursor=cursor, size=size)
        return said(
            shapes.IntegrationPage(
                items=[integration_shape(each) for each in page.rows],
                next=asked.turned(request, page.next),
                previous=asked.turned(request, page.previous),
            )
        )

    @described(
        shapes.Integration,
        "malformed",
        "too-large",
        "unsupported-type",
        "invalid",
        status=201,
        request=shapes.NewIntegration,
        operation_id="create_integration",
    )
    def post(self, request: Request) -> Response:
        """Begin an integration, with the draft 0.1."""
        asks = bodies.shaped(request, shapes.NewIntegration)
        made = integrations.create(
            name=asks.name, slug=asks.slug, project=asks.project, document=asks.document, by=person(request)
        )
        shape = integration_shape(integration(made.slug))
        return said(shape, status=201, headers={"Location": shape.url})


class OneIntegration(Endpoint):
    """One integration."""

    @described(shapes.Integration, "not-found", operation_id="get_integration")
    def get(self, request: Request, slug: str) -> Response:
        """Where it stands, and which revisions are the newest and in force."""
        return said(integration_shape(integration(slug)))


class RevisionList(Endpoint):
    """The revisions of an integration."""

    @described(shapes.Revisions, "not-found", operation_id="list_revisions")
    def get(self, request: Request, slug: str) -> Response:
        """Its history, newest first, without the documents."""
        owner = integration(slug)
        found = in_brief(owner.revisions.order_by("-number"))
        return said(shapes.Revisions(items=[revision_shape(slug, each) for each in found]))

    @described(shapes.Revision, "not-found", "conflict", status=201, operation_id="start_draft")
    def post(self, request: Request, slug: str) -> Response:
        """Start a draft as a copy of the revision in force. The body is empty."""
        draft = revisions.start_draft(integration(slug), by=person(request))
        shape = revision_shape(slug, draft)
        return said(shape, status=201, headers={"Location": shape.url, "ETag": draft.etag})


class OneRevision(Endpoint):
    """The document of one revision."""

    renderer_classes = [JSONRenderer, bodies.YamlRenderer]

    @described(
        DesignRecord,
        "not-found",
        "not-acceptable",
        parameters=(IF_NONE_MATCH, ETAG),
        media_types=DOCUMENT_TYPES,
        not_modified=True,
        operation_id="get_document",
    )
    def get(self, request: Request, slug: str, version: str) -> HttpResponseBase:
        """The design record, as JSON or YAML. `draft` is the open revision, `in-force` the approved one."""
        found = revision(slug, version)
        headers = document_headers(request, slug, found)
        if etags.unchanged(request.headers.get("If-None-Match"), headers["ETag"]):
            return HttpResponse(status=304, headers=headers)
        return Response(upgrade(found.document, stored_as=found.format), headers=headers)

    @described(
        DesignRecord,
        "malformed",
        "not-found",
        "not-acceptable",
        "conflict",
        "stale",
        "too-large",
        "unsupported-type",
        "invalid",
        "if-match-needed",
        request=dict.fromkeys(DOCUMENT_TYPES, DesignRecord),
        parameters=(IF_MATCH, ETAG),
        media_types=DOCUMENT_TYPES,
        operation_id="save_document",
    )
    def put(self, request: Request, slug: str, version: str) -> Response:
        """Replace the document of a draft. Answers what is kept: the same, without what is empty."""
        by = person(request)
        found = revision(slug, version)
        seen = if_match(request, found)
        saved = revisions.save(found, bodies.data(request, bodies.JSON_OR_YAML), by=by, if_match=seen)
        return Response(saved.document, headers=document_headers(request, slug, saved))


class RevisionFindings(Endpoint):
    """What the rules say."""

    @described(shapes.Findings, "not-found", operation_id="list_findings")
    def get(self, request: Request, slug: str, version: str) -> Response:
        """The findings of a revision: errors, warnings and hints, each with a way to mend it."""
        found = revision(slug, version)
        items = [
            shapes.Finding(
                key=each.key,
                code=each.code,
                severity=each.severity.value,
                path=each.path,
                message=each.message,
                mend=each.mend,
                others=[shapes.Elsewhere.model_validate(asdict(other)) for other in each.others],
            )
            for each in revisions.findings(found)
        ]
        return said(shapes.Findings(version=found.version, etag=found.etag, items=items))


class RevisionSubmit(Endpoint):
    """Ask for signatures."""

    @described(
        shapes.Review,
        "malformed",
        "not-found",
        "conflict",
        "stale",
        "too-large",
        "unsupported-type",
        "invalid",
        "if-match-needed",
        status=201,
        request=shapes.Submission,
        parameters=(IF_MATCH,),
        operation_id="submit_revision",
    )
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Freeze the draft and ask for the five signatures.

        Errors stop it, and each warning needs a justification. Signing is done in the browser: it asks for the
        signer's password at that moment, which no token can stand for.
        """
        by = person(request)
        found = revision(slug, version)
        seen = if_match(request, found)
        asks = bodies.shaped(request, shapes.Submission)
        review = revisions.submit(
            found, by=by, if_match=seen, change_note=asks.change_note, justifications=asks.justifications
        )
        return said(review_shape(review), status=201, headers={"Location": f"{url(slug)}/reviews"})


class RevisionRestore(Endpoint):
    """Take up an older version again."""

    @described(
        shapes.Revision,
        "malformed",
        "not-found",
        "conflict",
        "stale",
        "too-large",
        "unsupported-type",
        "invalid",
        "if-match-needed",
        request=shapes.Restoration,
        parameters=(IF_MATCH, ETAG),
        operation_id="restore_version",
    )
    def post(self, request: Request, slug: str, version: str) -> Response:
        """Put what this version said into the draft, all of it or some sections; a draft is begun where none is open.

        While a draft is open, If-Match must hold its ETag: what it says in those sections is replaced.
        """
        by, owner = person(request), integration(slug)
        source = find_version(owner, version)
        if source is None:
            raise Http404
        opened = owner.current if owner.current and owner.current.may_change else None
        seen = if_match(request, opened) if opened else ""
        asks = bodies.shaped(request, shapes.Restoration)
        draft = revisions.restore(owner, source, by=by, sections=asks.sections, if_match=seen)
        shape = revision_shape(slug, draft)
        return said(shape, headers={"Content-Location": shape.url, "ETag": draft.etag})


class Diff(Endpoint):
    """How two revisions differ."""

    @described(
        shapes.Difference,
        "not-found",
        "invalid",
        parameters=(
            query("from", "The older version; the one in force unless told, nothing if there is none."),
            query("to", "The newer version; the newest unless told."),
        ),
        operation_id="compare_versions",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Field by field, and what it comes to in words and numbers.

        A version is a revision, or a text that was reviewed under a number of its own and then written on.
        """
        wanted = asked.of(request, {"from": (), "to": ()})
        owner = integration(slug)
        if owner.current is None:
            raise Http404
        old = named(owner, wanted["from"]) if wanted["from"] else find_version(owner, "in-force")
        new = named(owner, wanted["to"] or owner.current.version)
        return said(difference_shape(old, new))


class ReviewList(Endpoint):
    """The reviews of an integration."""

    @described(shapes.Reviews, "not-found", operation_id="list_reviews")
    def get(self, request: Request, slug: str) -> Response:
        """Every round with its signatures, newest first. Signing is done in the browser."""
        found = integration(slug).reviews.select_related("submitted_by", "ended_by").prefetch_related("sign_offs")
        return said(shapes.Reviews(items=[review_shape(each) for each in found.order_by("-submitted_at", "-id")]))


def said(shape: shapes.Shape, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(shape.model_dump(mode="json", by_alias=True), status=status, headers=headers)


def url(slug: str) -> str:
    return f"/api/v1/integrations/{slug}"


def integration(slug: str) -> Integration:
    """The integration of that name, with its newest revision and the one in force."""
    found = Integration.objects.listing().with_tags().filter(slug=slug).first()
    if found is None:
        raise Http404
    return found


def revision(slug: str, version: str) -> Revision:
    """The revision of that name."""
    wanted: dict[str, Any]
    if version == "in-force":
        wanted = {"pk__in": Integration.objects.filter(slug=slug).values("in_force")}
    elif version == "draft":
        wanted = {"integration__slug": slug, "state__in": ("draft", "in_review")}
    else:
        wanted = {"integration__slug": slug, **numbers(version)}
    found = Revision.objects.select_related("integration").filter(**wanted).first()
    if found is None:
        raise Http404
    return found


def named(owner: Integration, name: str) -> Version:
    """A version that a query names; what is no version at all is a problem of that query."""
    if name not in ALIASES and not NUMBERED.fullmatch(name):
        raise Refused("invalid", f"{name[:20]!r} is no version.", mend="Write one such as 1.0, draft or in-force.")
    found = find_version(owner, name)
    if found is None:
        raise Http404
    return found


def numbers(version: str) -> dict[str, Any]:
    major, _, minor = version.partition(".")
    return {"major": int(major), "minor": int(minor)}


def if_match(request: Request, found: Revision) -> str:
    """The ETag the caller saw; whether it is still right, the service says under its lock."""
    given = request.headers.get("If-Match", "").strip()
    if not given or given == "*":
        raise Refused("if-match-needed", "If-Match must hold the ETag of the text you changed.")
    as_yaml = etags.strongly_matching(given, yaml_etag(found))
    return found.etag if as_yaml == yaml_etag(found) else etags.strongly_matching(given, found.etag)


def yaml_etag(found: Revision) -> str:
    """Another representation has another strong tag."""
    return f'{found.etag[:-1]}-yaml"'


def document_headers(request: Request, slug: str, found: Revision) -> dict[str, str]:
    as_yaml = request.accepted_renderer.format == "yaml"
    return {
        "ETag": yaml_etag(found) if as_yaml else found.etag,
        "Cache-Control": "private, no-cache",
        "Content-Location": f"{url(slug)}/revisions/{found.version}",
        "Link": '</api/schemas/design-record.json>; rel="describedby"',
    }


Rows = TypeVar("Rows", bound=Revision)


def in_brief(found: QuerySet[Rows]) -> QuerySet[Rows]:
    """Revisions for a list: without their documents."""
    return found.select_related("created_by", "based_on").defer("document", "based_on__document")


def integration_shape(row: Integration) -> shapes.Integration:
    return shapes.Integration(
        slug=row.slug,
        name=row.name,
        project=row.project,
        state=Integration.State(row.state).value,
        type=row.type,
        criticality=row.criticality,
        purpose=row.purpose,
        owner=row.owner.username if row.owner else None,
        tags=row.tag_slugs,
        errors=row.errors,
        warnings=row.warnings,
        newest=brief_shape(row.slug, row.current),
        in_force=brief_shape(row.slug, row.in_force),
        created_at=row.created_at,
        updated_at=row.updated_at,
        url=url(row.slug),
    )


def brief_shape(slug: str, row: Revision | None) -> shapes.VersionInBrief | None:
    if row is None:
        return None
    return shapes.VersionInBrief(
        version=row.version, state=Revision.State(row.state).value, url=f"{url(slug)}/revisions/{row.version}"
    )


def revision_shape(slug: str, row: Revision) -> shapes.Revision:
    return shapes.Revision(
        version=row.version,
        number=row.number,
        state=Revision.State(row.state).value,
        etag=row.etag,
        content_hash=row.content_hash,
        section_hashes=row.section_hashes,
        change_note=row.change_note,
        based_on=row.based_on.version if row.based_on else None,
        created_by=row.created_by.username,
        created_at=row.created_at,
        updated_at=row.updated_at,
        approved_at=row.approved_at,
        url=f"{url(slug)}/revisions/{row.version}",
    )


def difference_shape(old: Version | None, new: Version) -> shapes.Difference:
    before, after = old.record if old else None, new.record
    changes = compare(before, after)
    told = [
        {name: getattr(each, name) for name in shapes.FieldChange.model_fields if name != "breaking"}
        | {"breaking": old is not None and breaks(each)}
        for each in changes
    ]
    weighed = [
        {name: getattr(each, name) for name in shapes.Consequence.model_fields if name != "sentence"}
        | {"sentence": str(each)}
        for each in weigh(before, after, changes)
    ]
    return shapes.Difference.model_validate(
        {
            "from": old and old.number,
            "to": new.number,
            "breaking": any(each["breaking"] for each in told),
            "consequences": weighed,
            "changes": told,
        }
    )


def review_shape(row: Review) -> shapes.Review:
    return shapes.Review.model_validate(
        {
            "version": row.version,
            "round": row.round,
            "state": row.state,
            "content_hash": row.content_hash,
            "change_note": row.change_note,
            "findings": row.findings,
            "justifications": row.justifications,
            "submitted_by": row.submitted_by.username,
            "submitted_at": row.submitted_at,
            "due_at": row.due_at,
            "ended_at": row.ended_at,
            "ended_by": row.ended_by and row.ended_by.username,
            "outcome_note": row.outcome_note,
            "sign_offs": [
                {name: getattr(each, name) for name in shapes.Signature.model_fields} for each in row.sign_offs.all()
            ],
        }
    )
