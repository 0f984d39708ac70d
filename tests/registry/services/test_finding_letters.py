"""Letters of a source are found by all that is known of them, and what a page of them costs does not grow."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.letters import fill
from registry.errors import Invalid
from registry.models import NOBODY, DeadLetter, DeadLetterSource, Environment, Integration, LetterWords, Person, pages
from registry.services import ledger, plans, sources
from registry.services.plans import Selector
from tests import letters


@pytest.fixture
def source(approved: Integration, ops: Person) -> DeadLetterSource:
    production = Environment.objects.get(slug="production")
    return letters.source(approved, letters.broker(production), by=ops, searchable=["tenant", "customer.id"])


def found(source: DeadLetterSource, **asked: Any) -> list[DeadLetter]:
    """All pages, one letter each, forth; and back again the same."""
    state, selector = asked.pop("state", ""), Selector(**asked)
    forth: list[DeadLetter] = []
    page = selector.page(source, state=state, size=1)
    while page.next:
        forth += page.rows
        page = selector.page(source, state=state, cursor=page.next, size=1)
    forth += page.rows
    back = list(page.rows)
    while page.previous:
        page = selector.page(source, state=state, cursor=page.previous, size=1)
        back = page.rows + back
    assert back == forth
    assert set(selector.of(source).filter(**({"state": state} if state else {}))) == set(forth)
    return forth


@pytest.mark.parametrize("nearby", [1, 5_000])
def test_letters_are_found_by_whatever_is_known_of_them(
    source: DeadLetterSource, approved: Integration, ops: Person, monkeypatch: pytest.MonkeyPatch, nearby: int
) -> None:
    monkeypatch.setattr(pages, "NEARBY", nearby)
    now = timezone.now()
    told: dict[str, Any] = {
        "error_class": "HolidayError",
        "event_type": "order.placed",
        "message": "Bank holiday: 100% of it",
        "facts": {"tenant": "nl", "customer.id": "c-7"},
    }
    old = letters.letter(source, **told, key=b"k-1", died_at=now - timedelta(days=2))
    mine = letters.letter(source, assignee=ops, facts={"tenant": "nl"}, died_at=now - timedelta(hours=2))
    new = letters.letter(source, **told | {"facts": {"tenant": "de"}}, died_at=now - timedelta(hours=1))
    parked = letters.letter(source, message="None of these", died_at=now)
    ledger.move(parked, DeadLetter.State.PARKED)
    elsewhere = letters.source(approved, source.broker, by=ops)
    letters.letter(elsewhere, **told, key=b"k-1", assignee=ops)
    cases: list[tuple[dict[str, Any], list[DeadLetter]]] = [
        ({}, [parked, new, mine, old]),
        ({"state": "open"}, [new, mine, old]),
        ({"group": new.group_id}, [new, old]),
        ({"group": new.group_id, "state": "parked"}, []),
        ({"error_class": "HolidayError"}, [new, old]),
        ({"event_type": "order.placed"}, [new, old]),
        ({"ordering_key": "k-1"}, [old]),
        ({"wire_id": mine.wire_id}, [mine]),
        ({"assignee": "ops"}, [mine]),
        ({"assignee": "zoe"}, []),
        ({"assignee": NOBODY}, [parked, new, old]),
        ({"facts": {"tenant": "nl"}}, [mine, old]),
        ({"facts": {"tenant": "nl", "customer.id": "c-7"}}, [old]),
        ({"facts": {"tenant": "n"}}, []),
        ({"since": now - timedelta(hours=2), "until": now - timedelta(hours=1)}, [new, mine]),
        ({"q": "HOLIDAY"}, [new, old]),
        ({"q": "100% of"}, [new, old]),
        ({"q": "bank_holiday"}, []),
        ({"q": mine.wire_id.upper()}, [mine]),
        ({"q": "k-1"}, [old]),
        ({"q": "holiday", "facts": {"tenant": "de"}, "state": "open"}, [new]),
    ]
    for asked, expected in cases:
        assert found(source, **dict(asked)) == expected, asked


def test_a_word_of_two_letters_is_not_looked_for(source: DeadLetterSource) -> None:
    for ask in (Selector.page, Selector.of):
        with pytest.raises(Invalid) as refused:
            ask(Selector(q="ab"), source)
        assert [each.path for each in refused.value.problems] == ["q"]


def test_what_is_hidden_is_not_searched_by(source: DeadLetterSource) -> None:
    assert sources.searched_by(source) == ["tenant", "customer.id"]
    source.masked = ["customer"]
    assert sources.searched_by(source) == ["tenant"]
    for name in ("customer.id", "order"):
        with pytest.raises(Invalid) as refused:
            Selector(facts={name: "c-7"}).known_to(source)
        assert [each.path for each in refused.value.problems] == [f"facts.{name}"]


def test_facts_are_kept_and_read_again() -> None:
    asked = Selector(facts={"tenant": "nl"}, assignee=NOBODY)
    assert Selector.read(asked.kept()) == asked
    for given in (["tenant"], {"tenant": ""}, {"tenant": "a\nb"}, {str(n): "x" for n in range(11)}):
        with pytest.raises(Invalid) as refused:
            Selector.read({"facts": given})
        assert refused.value.problems[0].path.startswith("facts")


def test_the_words_of_a_letter_follow_it_and_not_its_state(source: DeadLetterSource) -> None:
    letter = letters.letter(source, error_class="E", reason="R", message="M", wire_id="evt", key=b"k")
    assert LetterWords.objects.get().words == "E\nR\nM\nevt\nk"
    DeadLetter.objects.update(message="Other")
    assert LetterWords.objects.get(pk=letter.pk).words == "E\nR\nOther\nevt\nk"


def test_neither_the_common_nor_the_rare_is_found_by_reading_all(
    source: DeadLetterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "NEARBY", 100)
    with connection.cursor() as cursor:
        for statement in (fill.GROUP, fill.LETTERS, "ANALYZE registry_deadletter, registry_letterwords"):
            cursor.execute(statement, {"source": source.pk, "groups": 50, "first": 1, "last": 3_000})
        # So few are cheapest read as they lie, in the indexes as well.
        cursor.execute("SELECT gin_clean_pending_list('letter_found_by'), gin_clean_pending_list('letter_by_words')")
        cursor.execute("SET LOCAL enable_seqscan = off")
    for common in ({"q": "payments"}, {"event_type": "order.placed"}):
        [_, near] = pages_of(source, common)
        assert "Index Cond: ((source_id = " in near, common
        assert "died_at >=" in near, common
    rare: list[tuple[dict[str, Any], str]] = [
        ({"facts": {"customer": "c-7"}}, "letter_found_by"),
        ({"event_type": "order.burnt"}, "letter_found_by"),
        ({"error_class": "Error777"}, "letter_found_by"),
        ({"q": "after 899 ms"}, "letter_by_words"),
    ]
    for asked, index in rare:
        [_, _, last] = pages_of(source, asked)
        assert index in last, asked


def pages_of(source: DeadLetterSource, asked: dict[str, Any]) -> list[str]:
    """How the database goes about each statement of a page."""
    with CaptureQueriesContext(connection) as captured:
        Selector(**asked).page(source)
    told = []
    with connection.cursor() as cursor:
        for statement in (each["sql"] for each in captured if "died_at" in each["sql"]):
            cursor.execute(f"EXPLAIN {statement}")
            told.append("\n".join(row for (row,) in cursor.fetchall()))
    return told


@pytest.fixture
def another() -> Iterator[psycopg.Connection]:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as made:
        yield made


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_is_given_up_with_a_word_of_how_to_ask(
    source: DeadLetterSource, monkeypatch: pytest.MonkeyPatch, another: psycopg.Connection
) -> None:
    letters.letter(source)
    monkeypatch.setattr(plans, "LONGEST_MS", 50)
    another.execute("LOCK TABLE registry_deadletter")
    with pytest.raises(Invalid) as refused:
        Selector(q="word").page(source)
    another.rollback()
    assert [(each.path, each.message) for each in refused.value.problems] == [
        ("q", "fits too many letters that died long ago")
    ]
    assert Selector(q="TimeoutError").page(source).rows
