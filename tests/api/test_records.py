"""Integrations and revisions over REST: found, read, written with If-Match, checked, compared, submitted."""

import json
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import Integration, Person, Review, Revision
from registry.services import integrations, labels, reviews, revisions
from tests.api.checked import CheckedClient
from tests.api.conftest import Speak
from tests.landscape import document

LIST = "/api/v1/integrations"
ONE = f"{LIST}/orders-to-payments"
DRAFT = f"{ONE}/revisions/draft"


@pytest.fixture
def client_of_ann(speak: Speak, ann: Person) -> CheckedClient:
    client = speak(ann)
    client.get("/api/v1/teams")  # the first use of a token is noted; the counts below are of what follows
    return client


def put(client: CheckedClient, value: Any, etag: str, **options: Any) -> Any:
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    headers = {"If-Match": etag} if etag else {}
    return client.put(DRAFT, text, **{"content_type": "application/json", **options}, headers=headers)


def test_a_draft_is_read_changed_and_saved(draft: Revision, client_of_ann: CheckedClient) -> None:
    read = client_of_ann.get(DRAFT)
    assert read.json() == draft.document
    assert read["ETag"] == draft.etag
    assert read["Content-Location"] == f"{ONE}/revisions/0.1"
    changed = read.json()
    changed["contracts"][0]["policy"]["timeouts"]["read_ms"] = 1_500
    saved = put(client_of_ann, changed, read["ETag"])
    assert (saved.status_code, saved.json()) == (200, changed)
    assert saved["ETag"] != read["ETag"]
    assert client_of_ann.get(DRAFT, headers={"If-None-Match": saved["ETag"]}).status_code == 304
    assert client_of_ann.get(DRAFT, headers={"If-None-Match": read["ETag"]}).json() == changed


def test_a_save_without_if_match_is_refused(draft: Revision, client_of_ann: CheckedClient) -> None:
    for etag in ("", "*"):
        answer = put(client_of_ann, draft.document, etag)
        assert answer.status_code == 428
        assert "If-Match" in answer.json()["mend"]


@pytest.mark.parametrize("held", ['"0-0000000000000000"', "W/{etag}", "{bare}", '"x", "y"'])
def test_a_stale_save_is_answered_with_what_is_there_now(
    draft: Revision, client_of_ann: CheckedClient, held: str
) -> None:
    answer = put(client_of_ann, {}, held.format(etag=draft.etag, bare=draft.etag.strip('"')))
    assert answer.status_code == 412
    assert answer["ETag"] == answer.json()["current_etag"] == draft.etag
    assert answer.json()["current"] == draft.document
    assert put(client_of_ann, {}, answer["ETag"]).status_code == 200


def test_if_match_may_be_a_list(draft: Revision, client_of_ann: CheckedClient) -> None:
    assert put(client_of_ann, {}, f'"other", {draft.etag}').status_code == 200


def test_a_design_kept_as_yaml_is_read_and_saved(draft: Revision, client_of_ann: CheckedClient) -> None:
    read = client_of_ann.get(DRAFT, headers={"Accept": "application/yaml"})
    assert read["Content-Type"].startswith("application/yaml")
    assert yaml.safe_load(read.content) == draft.document
    assert read["ETag"] == f'{draft.etag[:-1]}-yaml"'
    text = read.content.decode() + "sla:\n  availability_percent: 99.9\n"
    saved = put(client_of_ann, text, read["ETag"], content_type="application/yaml")
    assert saved.status_code == 200
    assert saved.json()["sla"] == {"availability_percent": "99.9"}


def test_bad_values_are_named_with_their_mend(draft: Revision, client_of_ann: CheckedClient) -> None:
    bad = document()
    bad["contracts"][0]["policy"]["retry"] |= {"max_retries": 11, "strategie": "fixed"}
    answer = put(client_of_ann, bad, draft.etag)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "contracts[payments-api].policy.retry.max_retries",
            "detail": "is more than 10",
            "mend": "Write 10 or less.",
        },
        {
            "pointer": "contracts[payments-api].policy.retry.strategie",
            "detail": "is not a field of a design record",
            "mend": "Did you mean strategy?",
        },
    ]
    draft.refresh_from_db()
    assert draft.lock_version == 1


def test_an_approved_revision_is_read_by_version_and_alias_and_never_written(
    approved: Integration, client_of_ann: CheckedClient
) -> None:
    by_alias, by_version = (client_of_ann.get(f"{ONE}/revisions/{name}") for name in ("in-force", "1.0"))
    assert by_alias.json() == by_version.json()
    assert by_alias["Content-Location"] == f"{ONE}/revisions/1.0"
    answer = client_of_ann.put(
        f"{ONE}/revisions/1.0", "{}", content_type="application/json", headers={"If-Match": by_version["ETag"]}
    )
    assert answer.status_code == 409
    assert "Start a new draft" in answer.json()["mend"]
    assert client_of_ann.get(DRAFT).status_code == 404


def test_an_integration_is_begun_with_its_document(catalog: Any, client_of_ann: CheckedClient) -> None:
    body = {"name": "Stock to shop", "slug": "stock-to-shop", "project": "Shop", "document": {"sla": {"rto": "PT4H"}}}
    made = client_of_ann.post(LIST, body, content_type="application/json")
    assert made.status_code == 201
    assert made["Location"] == f"{LIST}/stock-to-shop"
    assert made.json() == client_of_ann.get(made["Location"]).json()
    kept = client_of_ann.get(made.json()["newest"]["url"])
    assert kept.json() == {"overview": {"project": "Shop"}, "sla": {"rto": "PT4H"}}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "X"}, "slug"),
        ({"name": "X", "slug": "Bad Slug"}, "slug"),
        ({"name": "X", "slug": "new"}, "slug"),
        ({"name": "", "slug": "x"}, "name"),
        ({"name": 3, "slug": "x"}, "name"),
        ({"name": "X", "slug": "x", "owner": "me"}, "owner"),
        ({"name": "X", "slug": "orders-to-payments"}, "slug"),
        ({"name": "X", "slug": "x", "document": {"sla": {"rto": "4 hours"}}}, "sla.rto"),
    ],
)
def test_an_integration_that_cannot_be_begun_says_why(
    integration: Integration, client_of_ann: CheckedClient, body: dict[str, Any], pointer: str
) -> None:
    answer = client_of_ann.post(LIST, body, content_type="application/json")
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert all(each["mend"] for each in answer.json()["errors"])


def test_the_list_is_filtered_and_paged(integration: Integration, ann: Person, client_of_ann: CheckedClient) -> None:
    for number in range(1, 6):
        integrations.create(name=f"Feed {number}", slug=f"feed-{number}", by=ann)

    def slugs(query: str) -> list[str]:
        return [each["slug"] for each in client_of_ann.get(f"{LIST}?{query}").json()["items"]]

    assert slugs("q=money") == ["orders-to-payments"]
    assert slugs("type=synchronous&criticality=low&state=proposed") == ["orders-to-payments"]
    assert slugs("team=payments") == slugs("system=order-service") == ["orders-to-payments"]
    assert slugs("state=retired") == slugs("q=nowhere") == slugs("team=nobody") == []
    labels.tag([integration.pk], ["pci"], by=ann)
    labels.set_owner([integration.pk], ann, by=ann)
    assert slugs("tag=pci") == slugs("owner=ann") == slugs("findings=none") == ["orders-to-payments"]
    assert slugs("system=order-service&role=consumer&revision_state=draft") == ["orders-to-payments"]
    assert slugs("owner=~nobody&findings=error&order=-name&size=1") == ["feed-5"]
    assert slugs("system=order-service&role=provider") == slugs("finding=no-such-rule") == slugs("tag=x") == []
    [one] = client_of_ann.get(f"{LIST}?tag=pci").json()["items"]
    assert (one["owner"], one["tags"], one["errors"], one["warnings"]) == ("ann", ["pci"], 0, 0)
    assert client_of_ann.get(ONE).json() == one
    pages, address = [], f"{LIST}?size=4"
    while address:
        page = client_of_ann.get(address).json()
        pages.append([each["slug"] for each in page["items"]])
        address = page["next"]
    assert pages == [["feed-1", "feed-2", "feed-3", "feed-4"], ["feed-5", "orders-to-payments"]]
    assert [each["slug"] for each in client_of_ann.get(page["previous"]).json()["items"]] == pages[0]


@pytest.mark.parametrize(
    "query",
    [
        "state=on",
        "kind=x",
        "order=size",
        "findings=bad",
        "role=observer",
        "cursor=abc",
        "cursor=%00",
        "size=0",
        "size=many",
        "size=99999999999",
        "q=%00",
        "team=a%0Ab",
        "q=" + "x" * 2001,
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(db: None, client_of_ann: CheckedClient, query: str) -> None:
    answer = client_of_ann.get(f"{LIST}?{query}")
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [query.split("=")[0]]


def test_a_next_draft_is_started_once(approved: Integration, client_of_ann: CheckedClient) -> None:
    started = client_of_ann.post(f"{ONE}/revisions")
    assert (started.status_code, started.json()["version"], started.json()["based_on"]) == (201, "1.1", "1.0")
    assert started["Location"] == f"{ONE}/revisions/1.1"
    assert client_of_ann.post(f"{ONE}/revisions").status_code == 409
    listed = client_of_ann.get(f"{ONE}/revisions").json()["items"]
    assert [(each["version"], each["state"]) for each in listed] == [("1.1", "draft"), ("1.0", "approved")]
    assert listed[0] == started.json()


def test_findings_say_what_the_rules_say(draft: Revision, client_of_ann: CheckedClient) -> None:
    put(client_of_ann, {}, draft.etag)
    draft = Revision.objects.get(pk=draft.pk)
    told = client_of_ann.get(f"{DRAFT}/findings").json()
    assert told["etag"] == draft.etag
    assert [(each["code"], each["severity"], each["path"]) for each in told["items"]] == [
        (each.code, each.severity, each.path) for each in revisions.findings(draft)
    ]


def test_a_draft_is_submitted_and_its_review_read(draft: Revision, client_of_ann: CheckedClient) -> None:
    body = {"change_note": "First version"}
    without = client_of_ann.post(f"{DRAFT}/submit", body, content_type="application/json")
    assert without.status_code == 428
    answer = client_of_ann.post(
        f"{DRAFT}/submit", body, content_type="application/json", headers={"If-Match": draft.etag}
    )
    assert (answer.status_code, answer.json()["state"]) == (201, "open")
    assert client_of_ann.get(answer["Location"]).json() == {"items": [answer.json()]}
    again = client_of_ann.post(
        f"{DRAFT}/submit", body, content_type="application/json", headers={"If-Match": draft.etag}
    )
    assert again.status_code == 409


def test_errors_stop_a_submission_by_field(draft: Revision, client_of_ann: CheckedClient) -> None:
    saved = put(client_of_ann, {}, draft.etag)
    answer = client_of_ann.post(
        f"{DRAFT}/submit",
        {"change_note": "Too early"},
        content_type="application/json",
        headers={"If-Match": saved["ETag"]},
    )
    assert answer.status_code == 422
    assert "parties" in {each["pointer"] for each in answer.json()["errors"]}


def test_reviews_show_every_signature(approved: Integration, client_of_ann: CheckedClient) -> None:
    [review] = client_of_ann.get(f"{ONE}/reviews").json()["items"]
    assert review["state"] == "approved"
    assert [each["role"] for each in review["sign_offs"]] == [
        "author",
        "consumer_lead",
        "provider_lead",
        "platform",
        "approver",
    ]
    assert {each["content_hash"] for each in review["sign_offs"]} == {review["content_hash"]}


def test_a_difference_is_told_field_by_field(next_draft: Revision, client_of_ann: CheckedClient) -> None:
    changed = json.loads(json.dumps(next_draft.document))
    changed["contracts"][0]["policy"]["timeouts"]["read_ms"] = 1_500
    put(client_of_ann, changed, next_draft.etag)
    told = client_of_ann.get(f"{ONE}/diff?from=1.0&to=1.1").json()
    assert told == client_of_ann.get(f"{ONE}/diff").json() == client_of_ann.get(f"{ONE}/diff?to=draft").json()
    assert (told["from"], told["to"], told["breaking"]) == ("1.0", "1.1", False)
    assert told["changes"] == [
        {
            "path": "contracts[payments-api].policy.timeouts.read_ms",
            "was": "",
            "label": "Contracts › payments-api › Policy › Timeouts › Read",
            "kind": "changed",
            "before": 2_000,
            "after": 1_500,
            "place": 0,
            "unit": "ms",
            "breaking": False,
        }
    ]
    assert told["consequences"] == [
        {
            "about": "payments-api",
            "what": "a first byte may take",
            "before": "2 s",
            "after": "1.5 s",
            "ratio": "−25 %",
            "verdict": "neutral",
            "note": "",
            "path": "contracts[payments-api].policy.timeouts.read_ms",
            "sentence": "payments-api: a first byte may take 2 s → 1.5 s (−25 %)",
        }
    ]
    assert client_of_ann.get(f"{ONE}/diff?from=7.7").status_code == 404
    assert client_of_ann.get(f"{ONE}/diff?from=first").status_code == 422


def test_a_text_that_was_reviewed_and_written_on_is_compared_by_its_own_number(
    review: Review, ann: Person, client_of_ann: CheckedClient
) -> None:
    reviews.withdraw(review, by=ann, reason="One more thing")
    draft = client_of_ann.get(DRAFT)
    changed = draft.json()
    changed["contracts"][0]["protocol"] = "grpc"
    put(client_of_ann, changed, draft["ETag"])
    told = client_of_ann.get(f"{ONE}/diff?from=0.1&to=0.2").json()
    assert (told["from"], told["to"], told["breaking"]) == ("0.1", "0.2", True)
    assert [(each["path"], each["breaking"]) for each in told["changes"]] == [
        ("contracts[payments-api].protocol", True)
    ]


def test_an_older_version_is_restored_into_the_draft_somebody_saw(
    next_draft: Revision, client_of_ann: CheckedClient
) -> None:
    changed = put(client_of_ann, {"overview": {"purpose": "Something else."}}, next_draft.etag)
    address = f"{ONE}/revisions/1.0/restore"

    def restore(sections: list[str], etag: str) -> Any:
        headers = {"If-Match": etag} if etag else {}
        return client_of_ann.post(address, {"sections": sections}, content_type="application/json", headers=headers)

    assert [restore([], etag).status_code for etag in ("", next_draft.etag)] == [428, 412]
    assert restore(["nothing"], changed["ETag"]).json()["errors"][0]["pointer"] == "sections"
    restored = restore(["overview", "parties"], changed["ETag"])
    assert (restored.status_code, restored.json()["version"]) == (200, "1.1")
    assert client_of_ann.get(DRAFT).json() == {name: document()[name] for name in ("overview", "parties")}
    assert client_of_ann.get(DRAFT)["ETag"] == restored["ETag"]


def test_restoring_begins_a_draft_where_none_is_open(approved: Integration, client_of_ann: CheckedClient) -> None:
    address = f"{ONE}/revisions/1.0/restore"
    same = client_of_ann.post(address, {}, content_type="application/json")
    assert same.status_code == 409
    assert client_of_ann.get(DRAFT).status_code == 404
    assert client_of_ann.post(f"{ONE}/revisions/7.7/restore", {}, content_type="application/json").status_code == 404


def test_a_first_draft_differs_from_nothing(draft: Revision, client_of_ann: CheckedClient) -> None:
    told = client_of_ann.get(f"{ONE}/diff").json()
    assert told["from"] is None
    assert {each["kind"] for each in told["changes"]} == {"added"}


def test_a_browsers_session_writes_only_with_its_csrf_token(draft: Revision, ann: Person) -> None:
    client = CheckedClient(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.get(DRAFT).status_code == 200
    answer = put(client, {}, draft.etag)
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


def test_the_catalog_is_read(catalog: Any, client_of_ann: CheckedClient) -> None:
    found = {
        name: client_of_ann.get(f"/api/v1/{name}").json()["items"] for name in ("systems", "teams", "environments")
    }
    assert {name: [each["slug"] for each in items] for name, items in found.items()} == {
        "systems": ["order-service", "payment-service"],
        "teams": ["checkout", "payments", "platform"],
        "environments": ["local", "staging", "production"],
    }


@pytest.mark.parametrize(
    ("address", "statements"),
    [
        (LIST, 2),
        (ONE, 2),
        (f"{ONE}/revisions", 3),
        (f"{ONE}/revisions/1.0", 2),
        (f"{ONE}/revisions/in-force", 2),
        (f"{ONE}/revisions/1.1/findings", 6),
        (f"{ONE}/diff", 4),
        (f"{ONE}/reviews", 4),
        ("/api/v1/systems", 2),
        ("/api/v1/teams", 2),
        ("/api/v1/environments", 2),
    ],
)
def test_reads_take_this_many_statements(
    next_draft: Revision, client_of_ann: CheckedClient, address: str, statements: int
) -> None:
    with CaptureQueriesContext(connection) as found:
        assert client_of_ann.get(address).status_code == 200
    assert len(found) == statements, [each["sql"] for each in found]
