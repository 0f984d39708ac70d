"""Tags and owners of many integrations at once: what changes, what is refused, what is told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.errors import Invalid, NotAllowed
from registry.models import Event, Integration, Person, Tag
from registry.services import integrations, labels, trail


@pytest.fixture
def three(ann: Person) -> list[Integration]:
    """Three integrations without a word in them; the last is retired."""
    made = [integrations.create(name=f"Feed {n}", slug=f"feed-{n}", by=ann) for n in range(3)]
    integrations.retire(made[2], by=ann)
    return made


def keys(rows: list[Integration]) -> list[int]:
    return [each.pk for each in rows]


def tags(integration: Integration) -> list[str]:
    return list(integration.tags.values_list("slug", flat=True))


def test_a_tag_is_made_by_its_first_use_and_put_on_all_but_the_retired(three: list[Integration], ann: Person) -> None:
    outcome = labels.tag(keys(three), ["PCI", "peak-season "], by=ann)
    assert (outcome.changed, outcome.unchanged) == (2, 0)
    assert [(each.slug, why) for each, why in outcome.refused] == [
        ("feed-2", "is retired; nothing of it changes any more")
    ]
    assert [tags(each) for each in three] == [["pci", "peak-season"], ["pci", "peak-season"], []]


def test_each_integration_gets_one_event_in_its_own_chain(three: list[Integration], ann: Person) -> None:
    labels.tag(keys(three[:1]), ["pci"], by=ann)
    labels.tag(keys(three), ["pci", "peak"], by=ann)
    labels.untag(keys(three), ["peak"], by=ann)
    told = Event.objects.filter(chain="feed-0").order_by("sequence")
    assert [(each.kind, each.details["after"]) for each in told[1:]] == [
        ("integration.tagged", {"tags": ["pci"]}),
        ("integration.tagged", {"tags": ["pci", "peak"]}),
        ("integration.untagged", {"tags": ["pci"]}),
    ]
    assert told[3].details["before"] == {"tags": ["pci", "peak"]}
    assert not Event.objects.filter(chain="feed-2", kind__startswith="integration.tag").exists()
    assert trail.verify().is_whole


def test_what_is_so_already_is_counted_and_not_told(three: list[Integration], ann: Person) -> None:
    labels.tag(keys(three[:1]), ["pci"], by=ann)
    before = Event.objects.count()
    again = labels.tag(keys(three[:1]), ["pci"], by=ann)
    gone = labels.untag(keys(three[1:2]), ["pci"], by=ann)
    assert (again.changed, again.unchanged, gone.changed, gone.unchanged) == (0, 1, 0, 1)
    assert Event.objects.count() == before


def test_nothing_bears_more_tags_than_people_can_read(three: list[Integration], ann: Person) -> None:
    labels.tag(keys(three[:1]), [f"t{n}" for n in range(20)], by=ann)
    outcome = labels.tag(keys(three[:2]), ["one-more"], by=ann)
    assert outcome.changed == 1
    assert [why for _, why in outcome.refused] == ["would bear 21 tags; 20 are the most"]
    assert "one-more" not in tags(three[0])


@pytest.mark.parametrize(
    "words", [[], [" "], ["no spaces"], ["a\x00"], ["ä"], ["x" * 51], [f"t{n}" for n in range(21)]]
)
def test_a_word_that_is_no_tag_is_refused(three: list[Integration], ann: Person, words: list[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        labels.tag(keys(three), words, by=ann)
    assert {each.path for each in refusal.value.problems} == {"tags"}
    assert not Tag.objects.exists()


def test_an_owner_is_set_and_taken_away(three: list[Integration], ann: Person, cora: Person) -> None:
    assert labels.set_owner(keys(three), cora, by=ann).changed == 2
    assert labels.set_owner(keys(three[:1]), cora, by=ann).unchanged == 1
    assert labels.set_owner(keys(three[:1]), None, by=ann).changed == 1
    owners = Integration.objects.order_by("slug").values_list("owner__username", flat=True)
    assert list(owners) == [None, "cora", None]
    told = Event.objects.filter(kind="integration.owner_set", chain="feed-0").order_by("sequence")
    assert [each.details for each in told] == [
        {"before": {"owner": None}, "after": {"owner": "cora"}},
        {"before": {"owner": "cora"}, "after": {"owner": None}},
    ]


def test_somebody_who_left_owns_nothing_new(three: list[Integration], ann: Person, cora: Person) -> None:
    cora.is_active = False
    cora.save()
    with pytest.raises(Invalid):
        labels.set_owner(keys(three), cora, by=ann)


def test_labels_leave_the_moment_of_the_last_change(three: list[Integration], ann: Person) -> None:
    before = Integration.objects.get(slug="feed-0").updated_at
    labels.tag(keys(three), ["pci"], by=ann)
    labels.set_owner(keys(three), ann, by=ann)
    assert Integration.objects.get(slug="feed-0").updated_at == before


def test_only_an_architect_labels(three: list[Integration], cora: Person) -> None:
    for act in (labels.tag, labels.untag):
        with pytest.raises(NotAllowed):
            act(keys(three), ["pci"], by=cora)
    with pytest.raises(NotAllowed):
        labels.set_owner(keys(three), cora, by=cora)
    assert not Tag.objects.exists()


def test_too_many_at_once_are_refused(ann: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        labels.tag(range(5_001), ["pci"], by=ann)
    assert refusal.value.problems[0].path == "chosen"


def test_many_cost_as_many_statements_as_few(ann: Person) -> None:
    made = [integrations.create(name=f"Feed {n}", slug=f"feed-{n}", by=ann) for n in range(12)]
    counts: dict[int, int] = {}
    for size in (2, 12):
        with CaptureQueriesContext(connection) as found:
            labels.tag(keys(made[:size]), [f"tag-{size}"], by=ann)
        counts[size] = len(found)
    assert counts[2] == counts[12], counts


def test_a_chosen_one_that_is_gone_is_left_out(three: list[Integration], ann: Person) -> None:
    assert labels.tag([*keys(three[:1]), 2**40], ["pci"], by=ann).changed == 1
