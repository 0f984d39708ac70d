"""A record leaves as files: to read in the page, or to save."""

import json

import pytest
import yaml
from django.test import Client

from registry.models import Integration, Person
from registry.record import documents

PAGE = "/integrations/orders-to-payments/exports/"


@pytest.fixture
def by_ann(client: Client, ann: Person) -> Client:
    client.force_login(ann)
    return client


def test_the_page_shows_each_kind_that_has_something_to_write(approved: Integration, by_ann: Client) -> None:
    page = by_ann.get(PAGE).content.decode()
    assert [name for name in ("markdown", "html", "yaml", "json", "topology", "saga") if f'id="{name}"' in page] == [
        "markdown",
        "html",
        "yaml",
        "json",
        "topology",
    ]


def test_markdown_carries_the_history_and_five_signatures(approved: Integration, by_ann: Client) -> None:
    answer = by_ann.get(f"{PAGE}markdown/")
    text = answer.content.decode()
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="orders-to-payments-1.0.md"'
    assert "**Version:** 1.0" in text
    assert "| 1.0 |" in text
    assert text.count("Ed25519 ") == 5


@pytest.mark.parametrize(("name", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_the_record_comes_back_whole(approved: Integration, by_ann: Client, name: str, read: object) -> None:
    document = read(by_ann.get(f"{PAGE}{name}/").content)  # type: ignore[operator]
    assert approved.current is not None
    assert documents.content_hash(documents.parse(document)) == approved.current.content_hash


@pytest.mark.parametrize("address", [f"{PAGE}saga/", f"{PAGE}word/", f"{PAGE}?revision=9.9", f"{PAGE}json/?revision=x"])
def test_what_is_not_there_is_not_found(approved: Integration, by_ann: Client, address: str) -> None:
    assert by_ann.get(address).status_code == 404


def test_a_printed_page_bears_name_version_and_hash(approved: Integration, by_ann: Client) -> None:
    assert approved.current is not None
    answer = by_ann.get("/integrations/orders-to-payments/paper.css?revision=1.0")
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    for words in ("Orders to payments", "Version 1.0 · Approved", f"sha256 {approved.current.content_hash}"):
        assert f'content: "{words}"' in answer.content.decode()
