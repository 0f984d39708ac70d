"""The machine's face, on one screen."""

from django.urls import path, register_converter

from api import (
    catalog,
    findings,
    health,
    imports,
    instances,
    letters,
    live,
    metrics,
    ofrep,
    openapi,
    places,
    problems,
    records,
    releases,
    renderings,
    schemas,
    search,
    spring,
    topics,
    verification,
    xds,
)

register_converter(places.Name, "name")
register_converter(places.Version, "version")
register_converter(places.Digest, "digest")
register_converter(places.Text, "text")
register_converter(places.Rest, "rest")
register_converter(places.Form, "form")

ONE = "api/v1/integrations/<name:slug>"
REVISION = f"{ONE}/revisions/<version:version>"

urlpatterns = [
    path("api/v1/settings", live.every, name="api-settings-all"),
    path("api/v1/settings/stream", live.stream, name="api-settings-stream"),
    path("api/v1/settings/<name:slug>", live.one, name="api-settings"),
    path("api/v1/instances", instances.InstanceReports.as_view(), name="api-instances"),
    path("api/v1/settings/<name:slug>/as/<name:dialect>", renderings.file, name="api-settings-as"),
    path("api/v1/settings/<name:slug>/as/<name:dialect>/losses", renderings.losses, name="api-settings-losses"),
    path("spring/<str:joined>.<form:form>", spring.file, name="spring-file"),
    path("spring/<str:label>/<str:joined>.<form:form>", spring.file, name="spring-file-of-label"),
    path("spring/<str:name>/<str:profiles>", spring.environment, name="spring"),
    path("spring/<str:name>/<str:profiles>/<path:label>", spring.environment, name="spring-of-label"),
    path("ofrep/v1/evaluate/flags", ofrep.All.as_view(), name="ofrep-flags"),
    path("ofrep/v1/evaluate/flags/<path:key>", ofrep.One.as_view(), name="ofrep-flag"),
    path("v3/discovery:clusters", xds.Discovery.as_view(), {"kind": "clusters"}, name="xds-clusters"),
    path("v3/discovery:routes", xds.Discovery.as_view(), {"kind": "routes"}, name="xds-routes"),
    path("api/v1/integrations", records.IntegrationList.as_view(), name="api-integrations"),
    path(ONE, records.OneIntegration.as_view(), name="api-integration"),
    path(f"{ONE}/revisions", records.RevisionList.as_view(), name="api-revisions"),
    path(REVISION, records.OneRevision.as_view(), name="api-revision"),
    path(f"{REVISION}/findings", records.RevisionFindings.as_view(), name="api-findings"),
    path(f"{REVISION}/submit", records.RevisionSubmit.as_view(), name="api-submit"),
    path(f"{REVISION}/restore", records.RevisionRestore.as_view(), name="api-restore"),
    path(f"{ONE}/diff", records.Diff.as_view(), name="api-diff"),
    path(f"{ONE}/reviews", records.ReviewList.as_view(), name="api-reviews"),
    path(f"{ONE}/releases", releases.ReleaseList.as_view(), name="api-releases"),
    path(f"{ONE}/releases/roll-back", releases.RollBack.as_view(), name="api-roll-back"),
    path(f"{ONE}/releases/promote", releases.Promote.as_view(), name="api-promote"),
    path(f"{ONE}/overrides", releases.OverrideList.as_view(), name="api-overrides"),
    path(f"{ONE}/overrides/<int:key>/end", releases.EndOverride.as_view(), name="api-override-end"),
    path(f"{ONE}/board", releases.Board.as_view(), name="api-board"),
    path("api/v1/dead-letters", letters.SourceList.as_view(), name="api-dead-letters"),
    path("api/v1/dead-letters/resolved", letters.ResolvedReports.as_view(), name="api-dead-letters-resolved"),
    path("api/v1/dead-letters/<int:key>/letters", letters.LetterList.as_view(), name="api-letters"),
    path("api/v1/dead-letters/<int:key>/redrives", letters.RedriveList.as_view(), name="api-redrives"),
    path("api/v1/dead-letters/letters/<int:key>", letters.OneLetter.as_view(), name="api-letter"),
    path("api/v1/redrives/<int:key>", letters.OneRedrive.as_view(), name="api-redrive"),
    path("api/v1/findings", findings.LandscapeFindings.as_view(), name="api-landscape-findings"),
    path("api/v1/search", search.Search.as_view(), name="api-search"),
    path("api/v1/import", imports.Import.as_view(), name="api-import"),
    path("api/v1/systems", catalog.SystemList.as_view(), name="api-systems"),
    path("api/v1/teams", catalog.TeamList.as_view(), name="api-teams"),
    path("api/v1/topics", topics.TopicList.as_view(), name="api-topics"),
    path("api/v1/topics/<text:topic>", topics.OneTopic.as_view(), name="api-topic"),
    path("api/v1/events", topics.EventList.as_view(), name="api-events"),
    path("api/v1/events/<text:event>", topics.OneEvent.as_view(), name="api-event"),
    path("api/v1/environments", catalog.EnvironmentList.as_view(), name="api-environments"),
    path("api/v1/verify/<digest:digest>", verification.Verify.as_view(), name="api-verify"),
    path("api/v1/keys", verification.keys, name="api-keys"),
    path("api/schemas/design-record.json", schemas.design_record, name="api-design-record-schema"),
    path("api/schema/", openapi.document, name="api-schema"),
    path("api/docs/", openapi.swagger, name="api-docs"),
    path("api/redoc/", openapi.redoc, name="api-redoc"),
    path("api/problems/<slug:name>", problems.page, name="api-problem"),
    path("api/<rest:rest>", problems.nothing_here, name="api-nothing"),
    path("metrics", metrics.page, name="metrics"),
    path("healthz/live", health.live, name="health-live"),
    path("healthz/ready", health.ready, name="health-ready"),
]
