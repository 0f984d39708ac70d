"""Saved views belong to one person, may be shared with everybody, and may be what somebody's list begins with."""

import pytest

from registry.errors import Conflict, Invalid, NotAllowed
from registry.models import Event, ListPreference, Person, SavedView
from registry.services import lists


def view(by: Person, name: str = "Mine", *, is_shared: bool = False, query: str = "state=active") -> SavedView:
    return lists.save(page="integrations", name=name, query=query, is_shared=is_shared, by=by)


def test_a_view_is_kept_replaced_by_its_name_and_seen_by_its_owner_alone(ann: Person, cora: Person) -> None:
    view(ann)
    again = view(ann, query="state=retired")
    assert list(SavedView.objects.open_to(ann, "integrations")) == [again]
    assert again.query == "state=retired"
    assert list(SavedView.objects.open_to(cora, "integrations")) == []
    assert list(SavedView.objects.open_to(ann, "topics")) == []


def test_a_shared_view_is_open_to_everybody_and_told(ann: Person, cora: Person) -> None:
    shared = view(ann, is_shared=True)
    own = view(cora, "A view")
    assert list(SavedView.objects.open_to(cora, "integrations")) == [own, shared]
    assert [(each.kind, each.subject) for each in Event.objects.all()] == [("view.saved", "view/integrations/ann/Mine")]


def test_what_is_ones_own_is_not_told(ann: Person) -> None:
    mine = view(ann)
    lists.change(mine, name="Other", is_shared=False, by=ann)
    lists.delete(mine, by=ann)
    assert not Event.objects.exists()


def test_only_its_owner_changes_or_deletes_a_view(ann: Person, cora: Person) -> None:
    shared = view(ann, is_shared=True)
    with pytest.raises(NotAllowed):
        lists.change(shared, name="Hers", is_shared=True, by=cora)
    with pytest.raises(NotAllowed):
        lists.delete(shared, by=cora)
    assert SavedView.objects.get().name == "Mine"


def test_a_default_ends_when_its_view_is_no_longer_shared_or_gone(ann: Person, cora: Person) -> None:
    shared = view(ann, is_shared=True)
    for person in (ann, cora):
        lists.make_default("integrations", shared, by=person)
    lists.change(shared, name="Mine", is_shared=False, by=ann)
    preferred = dict(ListPreference.objects.values_list("person__username", "default_view"))
    assert preferred == {"ann": shared.pk, "cora": None}
    lists.delete(shared, by=ann)
    assert set(ListPreference.objects.values_list("default_view", flat=True)) == {None}


def test_nobody_begins_with_somebody_elses_own_view(ann: Person, cora: Person) -> None:
    mine = view(ann)
    with pytest.raises(NotAllowed):
        lists.make_default("integrations", mine, by=cora)
    with pytest.raises(NotAllowed):
        lists.make_default("topics", mine, by=ann)


def test_columns_are_remembered_for_each_person_and_list(ann: Person, cora: Person) -> None:
    lists.choose_columns("integrations", ["tags", "owner"], by=ann)
    lists.choose_columns("integrations", ["owner"], by=ann)
    assert list(ListPreference.objects.values_list("person__username", "page", "columns")) == [
        ("ann", "integrations", ["owner"])
    ]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x00", "x" * 61])
def test_an_odd_name_is_refused(ann: Person, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        view(ann, name)
    assert {each.path for each in refusal.value.problems} == {"name"}


def test_two_views_of_one_person_have_two_names(ann: Person) -> None:
    view(ann, "One")
    other = view(ann, "Two")
    with pytest.raises(Invalid):
        lists.change(other, name="One", is_shared=False, by=ann)
    assert SavedView.objects.get(pk=other.pk).name == "Two"


def test_a_list_that_is_none_and_a_query_without_end_are_refused(ann: Person) -> None:
    for page, query in (("nothing", ""), ("integrations", "q=" + "x" * 2_000)):
        with pytest.raises(Invalid):
            lists.save(page=page, name="Mine", query=query, by=ann)


def test_nobody_keeps_views_without_end(ann: Person) -> None:
    SavedView.objects.bulk_create(SavedView(owner=ann, page="integrations", name=f"{n}", query="") for n in range(100))
    with pytest.raises(Conflict):
        view(ann)
    assert view(ann, "7", query="state=active").query == "state=active"
