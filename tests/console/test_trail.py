"""The log of every act, as people read it."""

from django.urls import reverse

from registry.models import Environment, Integration, Person
from registry.services import letters as decided
from registry.services import webhooks
from tests import letters
from tests.console.browsing import browse, text


def test_an_act_is_said_in_words_beside_its_kind(approved: Integration, ops: Person, oncall: Person) -> None:
    at = letters.broker(Environment.objects.get(slug="production"))
    source = letters.source(approved, at, by=ops)
    decided.park(source, [letters.letter(source).pk], why="Until Monday", by=oncall)
    page = browse(ops).get(reverse("trail"), {"kind": "letter."})
    assert "Dead letters are parked letter.parked" in text(page)
    assert '<option value="letter.parked">Dead letters are parked</option>' in page.content.decode()


def test_a_webhook_may_ask_for_what_becomes_of_dead_letters(ada: Person) -> None:
    kinds = ["letter.assigned", "source.mode_changed"]
    made, _ = webhooks.save(name="Pager", url="https://93.184.216.34/", kinds=kinds, is_active=True, by=ada)
    page = browse(ada).get(reverse("webhook", args=[made.pk]))
    assert "A source of dead letters is read otherwise" in text(page)
    assert "Dead letters are handed to somebody, or to nobody" in text(page)
