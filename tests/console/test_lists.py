"""Lists: filters, order, columns and views are in the address; labels are put on many; a list leaves as a file."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import Event, Integration, ListPreference, Person, SavedView
from registry.services import integrations, labels, lists
from tests.console.browsing import form, text

Count = Callable[..., Any]
LIST = "/integrations/"
VIEWS = "/lists/integrations/views/"
LABELS = "/lists/integrations/labels/"
ODD = ["\x00", "a" * 5_000, "'\"--%_\\", "<script>alert(1)</script>", "ﷺ" * 200, "-1", "%ff", "a&b=c;d"]


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


@pytest.fixture
def feeds(ann: Person, integration: Integration) -> list[Integration]:
    """Three integrations beside Orders to payments; the last is retired."""
    made = [integrations.create(name=f"Feed {n}", slug=f"feed-{n}", by=ann) for n in range(3)]
    integrations.retire(made[2], by=ann)
    return made


def names(answer: Any) -> list[str]:
    return [each.name for each in answer.context["page"].rows]


# --- filters and order -------------------------------------------------------------------------------------------


def test_filters_by_what_stands_beside_the_record(by_ann: Client, feeds: list[Integration], cora: Person) -> None:
    by = Person.objects.get(username="ann")
    labels.tag([feeds[0].pk], ["pci"], by=by)
    labels.set_owner([feeds[0].pk], cora, by=by)
    labels.set_owner([feeds[1].pk], by, by=by)
    asked = {
        "tag=pci": ["Feed 0"],
        "tag=none": [],
        "owner=cora": ["Feed 0"],
        "owner=~me": ["Feed 1"],
        "owner=~nobody": ["Feed 2", "Orders to payments"],
        "findings=error": ["Feed 0", "Feed 1", "Feed 2"],
        "findings=warning": [],
        "findings=none": ["Orders to payments"],
        "finding=overview-missing-type&state=retired": [],
        "system=order-service&role=consumer": ["Orders to payments"],
        "system=order-service&role=provider": [],
        "team=payments&role=provider": ["Orders to payments"],
        "order=-criticality&findings=none": ["Orders to payments"],
        "order=-findings&state=proposed": ["Feed 1", "Feed 0", "Orders to payments"],
        "order=nothing": ["Feed 0", "Feed 1", "Feed 2", "Orders to payments"],
    }
    assert {query: names(by_ann.get(f"{LIST}?{query}")) for query in asked} == asked


@pytest.mark.parametrize("order", ["criticality", "findings", "created", "updated", "name"])
def test_every_order_is_walked_forth_and_back(by_ann: Client, ann: Person, order: str) -> None:
    for number in range(53):
        integrations.create(name=f"Feed {number:02}", slug=f"feed-{number}", by=ann)
    for way in (order, f"-{order}"):
        first = by_ann.get(LIST, {"order": way})
        second = by_ann.get(LIST, {"order": way, "cursor": first.context["page"].next})
        back = by_ann.get(LIST, {"order": way, "cursor": second.context["page"].previous})
        assert len({*names(first), *names(second)}) == 53
        assert names(back) == names(first)


def test_the_columns_are_those_the_address_names(by_ann: Client, feeds: list[Integration]) -> None:
    page = text(by_ann.get(f"{LIST}?columns=owner,type,nothing"))
    assert "Integration Type Owner" in page
    assert "Integration Consumer → provider Criticality" in text(by_ann.get(f"{LIST}?columns=nothing"))


# --- views -------------------------------------------------------------------------------------------------------


def test_a_view_is_saved_found_and_stands_one_click_away(
    by_ann: Client, feeds: list[Integration], cora: Person
) -> None:
    given = {"name": "Errors first", "query": "order=-findings&state=proposed&junk=1&columns=type", "is_shared": "on"}
    answer = by_ann.post(VIEWS, given)
    assert answer["Location"] == f"{LIST}?state=proposed&order=-findings&columns=type"
    page = by_ann.get(answer["Location"]).content.decode()
    assert 'order=-findings&amp;columns=type" aria-current="true">Errors first</a>' in page
    assert "shared with everybody" in page
    by_ann.force_login(cora)
    assert 'title="Shared by Ann Archer">Errors first</a>' in by_ann.get(LIST).content.decode()


def test_a_list_begins_with_the_view_its_reader_chose(by_ann: Client, feeds: list[Integration], ann: Person) -> None:
    view = lists.save(page="integrations", name="Retired", query="state=retired", by=ann)
    by_ann.post("/lists/integrations/default/", {"view": str(view.pk)})
    assert by_ann.get(LIST)["Location"] == f"{LIST}?state=retired"
    assert by_ann.get(f"{LIST}?order=name").status_code == 200
    assert "Your list begins here" in text(by_ann.get(VIEWS))
    by_ann.post("/lists/integrations/default/")
    assert by_ann.get(LIST).status_code == 200


def test_chosen_columns_are_remembered_and_put_into_the_address(by_ann: Client, feeds: list[Integration]) -> None:
    answer = by_ann.post("/lists/integrations/columns/", {"query": "state=retired", "column": ["owner", "tags", "x"]})
    assert answer["Location"] == f"{LIST}?state=retired&columns=tags%2Cowner"
    assert by_ann.get(f"{LIST}?state=active")["Location"] == f"{LIST}?state=active&columns=tags%2Cowner"
    assert by_ann.get(f"{LIST}?state=active&columns=type").status_code == 200
    by_ann.post("/lists/integrations/columns/", {"query": "", "usual": ""})
    assert by_ann.get(f"{LIST}?state=active").status_code == 200


def test_a_default_view_brings_the_readers_columns(by_ann: Client, ann: Person) -> None:
    view = lists.save(page="integrations", name="Retired", query="state=retired", by=ann)
    lists.make_default("integrations", view, by=ann)
    lists.choose_columns("integrations", ["owner"], by=ann)
    assert by_ann.get(LIST)["Location"] == f"{LIST}?state=retired&columns=owner"


def test_its_owner_renames_shares_and_deletes_a_view(by_ann: Client, ann: Person) -> None:
    view = lists.save(page="integrations", name="One", query="", by=ann)
    lists.save(page="integrations", name="Two", query="", by=ann)
    address = f"{VIEWS}{view.pk}/"
    refused = by_ann.post(address, {"name": "Two"})
    assert refused.status_code == 400
    assert "Is the name of another view of yours" in text(refused)
    by_ann.post(address, {"name": "Three", "is_shared": "on"})
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("Three", True)
    by_ann.post(address, {"act": "delete"})
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Two"]


def test_others_neither_see_nor_change_what_is_not_theirs(by_ann: Client, cora: Person) -> None:
    own = lists.save(page="integrations", name="Own", query="", by=cora)
    shared = lists.save(page="integrations", name="Shared", query="", is_shared=True, by=cora)
    assert "Own" not in text(by_ann.get(VIEWS))
    assert "Shared by Cora Cole" in text(by_ann.get(VIEWS))
    assert by_ann.post(f"{VIEWS}{own.pk}/", {"name": "x"}).status_code == 404
    assert by_ann.post(f"{VIEWS}{shared.pk}/", {"name": "x"}).status_code == 403
    assert by_ann.post(f"{VIEWS}{shared.pk}/", {"act": "delete"}).status_code == 403
    assert by_ann.post("/lists/integrations/default/", {"view": str(own.pk)}).status_code == 404
    assert by_ann.get("/lists/nothing/views/").status_code == 404


def test_a_view_that_cannot_be_saved_is_asked_for_again(by_ann: Client) -> None:
    answer = by_ann.post(VIEWS, {"name": "x" * 61, "query": "state=active", "is_shared": "on"})
    assert answer.status_code == 400
    again = form(answer)
    assert (again["query"], again["name"]) == ("state=active", "x" * 61)


# --- labels ------------------------------------------------------------------------------------------------------


def test_the_page_says_what_will_happen_and_to_how_many(by_ann: Client, feeds: list[Integration]) -> None:
    page = by_ann.get(LABELS, {"act": "tag", "chosen": ["feed-0", "feed-2", "nothing"]})
    said = text(page)
    assert "Tag 1 integration" in said
    assert "1 is retired and stays as it is: Feed 2" in said
    assert "Tag 3 integrations" in text(by_ann.get(LABELS, {"act": "tag", "all": "on", "query": ""}))
    assert "Tag 2 integrations" in text(by_ann.get(LABELS, {"act": "tag", "all": "on", "query": "q=feed"}))
    assert "Nothing is chosen" in text(by_ann.get(LABELS, {"act": "tag"}))
    assert "Nothing to change" in text(by_ann.get(LABELS, {"act": "tag", "chosen": "feed-2"}))


def test_what_was_shown_is_what_is_done(by_ann: Client, feeds: list[Integration], ann: Person) -> None:
    sent = form(by_ann.get(LABELS, {"act": "tag", "all": "on", "query": "q=feed"}))
    integrations.create(name="Feed 9", slug="feed-9", by=ann)
    answer = by_ann.post(LABELS, sent | {"tags": "PCI, peak-season"}, follow=True)
    assert answer.redirect_chain[0][0] == f"{LIST}?q=feed"
    said = text(answer)
    assert "2 integrations are tagged." in said
    assert "1 left as they are: Feed 2 is retired; nothing of it changes any more." in said
    tagged = Integration.objects.listing(tag="peak-season").order_by("slug")
    assert [each.slug for each in tagged] == ["feed-0", "feed-1"]
    assert Event.objects.filter(kind="integration.tagged").count() == 2


def test_tags_are_taken_off_by_ticking_them(by_ann: Client, feeds: list[Integration], ann: Person) -> None:
    labels.tag([feeds[0].pk, feeds[1].pk], ["pci", "peak"], by=ann)
    page = by_ann.get(LABELS, {"act": "untag", "chosen": ["feed-0", "feed-1"]})
    assert "pci on 2" in text(page)
    said = text(by_ann.post(LABELS, {**form(page), "tags": ["pci"]}, follow=True))
    assert "2 integrations are untagged." in said
    assert not Integration.objects.listing(tag="pci").exists()
    assert Integration.objects.listing(tag="peak").count() == 2


def test_tags_in_use_are_counted(by_ann: Client, feeds: list[Integration], ann: Person) -> None:
    labels.tag([feeds[0].pk, feeds[1].pk], ["pci"], by=ann)
    labels.tag([feeds[0].pk], ["gone"], by=ann)
    labels.untag([feeds[0].pk], ["gone"], by=ann)
    assert [(each.slug, each.count) for each in by_ann.get("/tags/").context["page"].rows] == [("pci", 2)]


def test_an_owner_is_named_and_taken_away(by_ann: Client, feeds: list[Integration], cora: Person) -> None:
    sent = form(by_ann.get(LABELS, {"act": "owner", "chosen": "feed-0"}))
    refused = by_ann.post(LABELS, sent | {"owner": "nobody-like-that"})
    assert refused.status_code == 400
    assert "Is nobody's username." in text(refused)
    assert form(refused) == sent | {"owner": "nobody-like-that"}
    by_ann.post(LABELS, sent | {"owner": "cora"})
    assert Integration.objects.get(slug="feed-0").owner == cora
    said = text(by_ann.post(LABELS, sent | {"owner": "cora"}, follow=True))
    assert "0 integrations are given that owner. 1 had it so already." in said
    by_ann.post(LABELS, sent | {"owner": ""})
    assert Integration.objects.get(slug="feed-0").owner is None


def test_an_odd_tag_is_refused_beside_the_field_and_nothing_is_lost(by_ann: Client, feeds: list[Integration]) -> None:
    sent = form(by_ann.get(LABELS, {"act": "tag", "chosen": "feed-0"}))
    answer = by_ann.post(LABELS, sent | {"tags": "good no_good"})
    assert answer.status_code == 400
    assert "Is not a plain name." in text(answer)
    assert form(answer) == sent | {"tags": "good no_good"}


def test_only_architects_label(client: Client, feeds: list[Integration], cora: Person) -> None:
    client.force_login(cora)
    assert "Untag" not in text(client.get(LIST))
    assert client.get(LABELS, {"act": "tag", "chosen": "feed-0"}).status_code == 403
    assert client.post(LABELS, {"act": "tag", "keys": str(feeds[0].pk), "tags": "x"}).status_code == 403


def test_labelling_costs_the_same_for_few_and_for_many(
    by_ann: Client, ann: Person, django_assert_num_queries: Count
) -> None:
    for number in range(40):
        integrations.create(name=f"Feed {number}", slug=f"feed-{number}", by=ann)
    for chosen in (["feed-1"], [f"feed-{number}" for number in range(40)]):
        with django_assert_num_queries(8):
            by_ann.get(LABELS, {"act": "tag", "chosen": chosen})


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_input_is_never_an_error_of_ours(by_ann: Client, feeds: list[Integration], odd: str) -> None:
    for name in ("act", "chosen", "query", "keys", "all"):
        assert by_ann.get(LABELS, {"act": "tag", name: odd}).status_code in (200, 404), name
        assert by_ann.post(LABELS, {"act": "tag", "tags": "x", name: odd}).status_code in (302, 400, 404), name
    for name in ("tags", "owner"):
        sent = {"act": "owner" if name == "owner" else "tag", "keys": str(feeds[0].pk), name: odd}
        assert by_ann.post(LABELS, sent).status_code in (302, 400), name
    for name in ("name", "query"):
        assert by_ann.post(VIEWS, {"name": "x", name: odd}).status_code in (302, 400), name
    assert by_ann.post("/lists/integrations/default/", {"view": odd}).status_code == 404
    for name in ("query", "column"):
        assert by_ann.post("/lists/integrations/columns/", {name: odd}).status_code == 302, name
    for name in ("query", "chosen", "q", "order"):
        assert by_ann.get("/lists/integrations/export.csv", {name: odd}).status_code == 200, name
    assert by_ann.get(f"/lists/integrations/export.{'x' * 300}").status_code == 404


# --- files -------------------------------------------------------------------------------------------------------


def read(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline=""), strict=True))


def test_all_found_leave_as_csv_not_the_page_alone(by_ann: Client, ann: Person) -> None:
    for number in range(60):
        integrations.create(name=f"=cmd|'/C calc'!A{number}", slug=f"feed-{number}", by=ann)
    answer = by_ann.get("/lists/integrations/export.csv", {"state": "proposed", "order": "-created"})
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="integrations-2')
    rows = read(answer)
    assert len(rows) == 60
    assert {each["name"][:2] for each in rows} == {"'="}
    assert rows[0]["slug"] == "feed-59"


def test_a_row_says_all_there_is_to_say(by_ann: Client, approved: Integration, cora: Person, ann: Person) -> None:
    labels.tag([approved.pk], ["pci", "peak"], by=ann)
    labels.set_owner([approved.pk], cora, by=ann)
    [as_csv] = read(by_ann.get("/lists/integrations/export.csv"))
    [as_json] = json.loads(by_ann.get("/lists/integrations/export.json").getvalue())
    assert as_csv == {name: str(value) for name, value in as_json.items()}
    del as_json["created_at"], as_json["updated_at"]
    assert as_json == {
        "slug": "orders-to-payments",
        "name": "Orders to payments",
        "project": "Checkout renewal",
        "state": "active",
        "type": "synchronous",
        "criticality": "low",
        "version": "1.0",
        "revision_state": "approved",
        "in_force": "1.0",
        "consumers": "order-service",
        "providers": "payment-service",
        "teams": "checkout, payments",
        "owner": "cora",
        "tags": "pci, peak",
        "errors": 0,
        "warnings": 0,
        "purpose": "Take the customer's money once when an order is placed.",
    }


def test_chosen_rows_leave_alone(by_ann: Client, feeds: list[Integration]) -> None:
    answer = by_ann.get("/lists/integrations/export.json", {"query": "q=feed", "chosen": ["feed-1", "feed-0"]})
    assert [each["slug"] for each in json.loads(answer.getvalue())] == ["feed-0", "feed-1"]
    assert json.loads(by_ann.get("/lists/integrations/export.json", {"q": "nowhere"}).getvalue()) == []
    assert by_ann.get("/lists/integrations/export.csv", {"q": "nowhere"}).getvalue() == b""


def test_preferences_are_each_persons_own(by_ann: Client, cora: Person) -> None:
    by_ann.post("/lists/integrations/columns/", {"column": "owner"})
    by_ann.force_login(cora)
    assert by_ann.get(LIST).status_code == 200
    assert ListPreference.objects.get().person.username == "ann"
