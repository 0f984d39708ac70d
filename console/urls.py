"""The site map."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from console.views import (
    account,
    approval_rules,
    attention,
    autosave,
    board,
    brokers,
    catalog,
    dead_letters,
    dialects,
    difference,
    document,
    editor,
    ending,
    environments,
    exports,
    findings,
    history,
    home,
    imports,
    integrations,
    labels,
    landscape,
    lists,
    live,
    overrides,
    redrives,
    releases,
    review,
    rules,
    search,
    session,
    sheets,
    source,
    sources,
    systems,
    teams,
    threads,
    topics,
    trail,
    verification,
    webhooks,
    whole,
)

View = Callable[..., HttpResponseBase]


class PlainName(StringConverter):
    """The short name of an integration, a system, a team or an environment."""

    regex = "[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"


class AnyName(StringConverter):
    """What records call a topic or an event: any text that can be kept."""

    regex = "[^\x00]+"


register_converter(PlainName, "plain")
register_converter(AnyName, "any")


def page(route: str, view: View, name: str) -> URLPattern:
    """A page for people who are signed in; others are asked to sign in first."""
    return path(route, session.asked_to_sign_in(view), name=name)


urlpatterns = [
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("account/theme/", session.theme, name="theme"),
    page("", home.home, "home"),
    page("search/", search.search, "search"),
    page("account/", account.account, "account"),
    page("account/mail/", attention.mail, "account-mail"),
    page("account/away/", attention.away, "away"),
    page("account/away/<int:key>/end/", attention.end, "away-end"),
    page("notices/", attention.notices, "notices"),
    path("notices/count/", attention.count, name="notices-count"),
    page("approval-rules/", approval_rules.rules, "approval-rules"),
    page("approval-rules/new/", approval_rules.edit, "approval-rule-new"),
    page("approval-rules/<int:key>/", approval_rules.edit, "approval-rule"),
    page("webhooks/", webhooks.webhooks, "webhooks"),
    page("webhooks/new/", webhooks.edit, "webhook-new"),
    page("webhooks/<int:key>/", webhooks.webhook, "webhook"),
    page("webhooks/<int:key>/edit/", webhooks.edit, "webhook-edit"),
    page("webhooks/deliveries/<int:key>/", webhooks.delivery, "delivery"),
    page("account/tokens/", account.issue, "token-new"),
    page("account/tokens/<int:key>/revoke/", account.revoke, "token-revoke"),
    page("integrations/", integrations.integrations, "integrations"),
    page("integrations/new/", whole.new, "integration-new"),
    page("imports/<uuid:upload>/", imports.new, "import-new"),
    page("imports/<uuid:upload>/source/", imports.source, "import-source"),
    page("integrations/<plain:slug>/", document.document, "integration"),
    page("integrations/<plain:slug>/paper.css", document.paper, "paper"),
    page("integrations/<plain:slug>/draft/", document.start_draft, "draft-new"),
    page("integrations/<plain:slug>/edit/", editor.edit_start, "edit-start"),
    page("integrations/<plain:slug>/edit/yaml/", source.edit_yaml, "edit-yaml"),
    page("integrations/<plain:slug>/edit/<str:section>/", editor.edit, "edit"),
    page("integrations/<plain:slug>/edit/<str:section>/autosave/", autosave.autosave, "autosave"),
    page("integrations/<plain:slug>/edit/<str:section>/here/", autosave.here, "here"),
    page("integrations/<plain:slug>/import/", imports.bring, "import"),
    page("integrations/<plain:slug>/import/<uuid:upload>/", imports.into, "import-into"),
    page("integrations/<plain:slug>/submit/", review.submit, "submit"),
    page("integrations/<plain:slug>/review/", review.review, "review"),
    page("integrations/<plain:slug>/review/carry/<str:role>/", review.carry, "carry-over"),
    page("integrations/<plain:slug>/threads/", threads.begin, "thread-new"),
    page("integrations/<plain:slug>/threads/<int:key>/", threads.thread, "thread"),
    page("integrations/<plain:slug>/proposals/<int:key>/", threads.proposal, "proposal"),
    page("integrations/<plain:slug>/review/sign/<str:role>/", review.sign, "sign"),
    page("integrations/<plain:slug>/deprecate/", ending.deprecate, "deprecate"),
    page("integrations/<plain:slug>/retire/", ending.retire, "retire"),
    page("integrations/<plain:slug>/history/", history.history, "history"),
    page("integrations/<plain:slug>/diff/", difference.difference, "diff"),
    page("integrations/<plain:slug>/restore/", history.restore, "restore"),
    page("integrations/<plain:slug>/dead-letters/", sources.sources, "integration-dead-letters"),
    page("integrations/<plain:slug>/dead-letters/new/", sources.new, "source-new"),
    page("integrations/<plain:slug>/live/", live.live, "live"),
    page("integrations/<plain:slug>/live/releases/", releases.history, "releases"),
    page("integrations/<plain:slug>/live/diff/", releases.diff, "releases-diff"),
    page("integrations/<plain:slug>/live/release/", releases.release, "release"),
    page("integrations/<plain:slug>/live/roll-back/", releases.roll_back, "roll-back"),
    page("integrations/<plain:slug>/live/scheduled/<int:key>/cancel/", releases.cancel, "scheduled-cancel"),
    page("integrations/<plain:slug>/live/override/", overrides.begin, "override-new"),
    page("integrations/<plain:slug>/live/overrides/<int:key>/", overrides.override, "override"),
    page("integrations/<plain:slug>/libraries/", dialects.readings, "dialects"),
    page("integrations/<plain:slug>/libraries/<str:name>/", dialects.reading, "dialect"),
    page("integrations/<plain:slug>/libraries/<str:name>/file/", dialects.file, "dialect-file"),
    page("integrations/<plain:slug>/exports/", exports.exports, "exports"),
    page("integrations/<plain:slug>/exports/<str:name>/", exports.export, "export"),
    page("dead-letters/", dead_letters.dead_letters, "dead-letters"),
    page("dead-letters/letters/<int:letter>/", dead_letters.letter, "letter"),
    page("dead-letters/letters/<int:letter>/edit/", dead_letters.edit, "letter-edit"),
    page("dead-letters/letters/<int:letter>/raw/", dead_letters.raw, "letter-raw"),
    page("dead-letters/<int:source>/", dead_letters.source, "source"),
    page("dead-letters/<int:source>/letters/", dead_letters.found, "letters"),
    page("dead-letters/<int:source>/letters/export.<str:format>", dead_letters.export, "letters-export"),
    page("dead-letters/redrives/", redrives.all_redrives, "redrives"),
    page("dead-letters/redrives/<int:job>/", redrives.redrive, "redrive"),
    page("dead-letters/<int:source>/redrive/", redrives.new, "redrive-new"),
    page("dead-letters/<int:source>/settings/", sources.keep, "source-settings"),
    page("brokers/", brokers.brokers, "brokers"),
    page("brokers/new/", brokers.edit, "broker-new"),
    page("brokers/<int:key>/", brokers.edit, "broker-edit"),
    page("live/", board.everything, "board"),
    page("landscape/", landscape.landscape, "landscape"),
    page("landscape/mermaid/", landscape.mermaid, "landscape-mermaid"),
    page("systems/", systems.systems, "systems"),
    page("systems/new/", catalog.edit_system, "system-new"),
    page("systems/<plain:slug>/", systems.system, "system"),
    page("systems/<plain:slug>/edit/", catalog.edit_system, "system-edit"),
    page("teams/", teams.teams, "teams"),
    page("teams/new/", catalog.edit_team, "team-new"),
    page("teams/<plain:slug>/", teams.team, "team"),
    page("teams/<plain:slug>/edit/", catalog.edit_team, "team-edit"),
    page("topics/", topics.topics, "topics"),
    page("topics/<any:name>/", topics.topic, "topic"),
    page("events/", topics.events, "events"),
    page("events/<any:type>/", topics.event, "event"),
    page("environments/", environments.environments, "environments"),
    page("environments/new/", catalog.edit_environment, "environment-new"),
    page("environments/<plain:slug>/", environments.environment, "environment"),
    page("environments/<plain:slug>/edit/", catalog.edit_environment, "environment-edit"),
    page("lists/integrations/labels/", labels.label, "labels"),
    page("lists/integrations/export.<str:format>", sheets.integrations, "integrations-export"),
    page("lists/<plain:page>/views/", lists.views, "list-views"),
    page("lists/<plain:page>/views/<int:key>/", lists.view, "list-view"),
    page("lists/<plain:page>/default/", lists.default, "list-default"),
    page("lists/<plain:page>/columns/", lists.columns, "list-columns"),
    page("tags/", labels.tags, "tags"),
    page("trail/", trail.trail, "trail"),
    page("trail/export.<str:format>", sheets.trail, "trail-export"),
    page("verify/", verification.verify, "verify-any"),
    page("verify/<str:digest>/", verification.verify, "verify"),
    page("integrations/<plain:slug>/evidence/", verification.evidence, "evidence"),
    page("findings/", findings.findings, "findings"),
    page("rules/", rules.rules, "rules"),
    page("rules/<str:code>/", rules.rule, "rule"),
]
