"""The trail taken away as a file."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from registry.models import Event, Integration, Person
from registry.services import trail


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def text(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_the_trail_is_taken_away_as_it_was_searched(by_ann: Client, approved: Integration) -> None:
    rows = list(csv.DictReader(io.StringIO(text(by_ann.get("/trail/export.csv?chain=orders-to-payments")))))
    events = list(Event.objects.filter(chain="orders-to-payments").order_by("-id"))
    assert [each["hash"] for each in rows] == [each.hash for each in events]
    assert rows[0]["actor"] == "zoe"
    assert len(json.loads(text(by_ann.get("/trail/export.json?kind=review")))) == 4
    assert json.loads(text(by_ann.get("/trail/export.json?chain=nothing"))) == []


def test_a_cell_never_becomes_a_formula(by_ann: Client, ann: Person, integration: Integration) -> None:
    trail.record("test.done", by=ann, integration=integration, subject="=HYPERLINK(1)")
    [row] = csv.DictReader(io.StringIO(text(by_ann.get("/trail/export.csv?kind=test"))))
    assert row["subject"] == "'=HYPERLINK(1)"


def test_another_format_is_not_found(by_ann: Client) -> None:
    assert by_ann.get("/trail/export.xml").status_code == 404
