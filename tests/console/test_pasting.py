"""Cells of a spreadsheet in a list's rows: what fits where, and what is said of the rest."""

from typing import Any

import pytest
from django.test import Client

from console import fields
from registry.models import Integration, Person
from registry.record import documents
from tests.console import browsing

EDIT = "/integrations/orders-to-payments/edit"
PARTIES = f"{EDIT}/parties/"
ROUTES = "monitoring.alert_routes"


def monitoring() -> Any:
    document = {
        "monitoring": {
            "alert_routes": [
                {"condition": "Breaker open", "channel": "pagerduty", "target": "on-call", "escalation": "At once"},
                {"condition": "Lag", "channel": "slack", "target": "#lag"},
            ]
        }
    }
    return fields.as_text("monitoring", documents.parse(document).monitoring)


def paste(text: Any, name: str, pasted: str) -> fields.Acted:
    done = fields.paste("monitoring", text, name, pasted)
    assert done is not None
    return done


def rows(text: Any) -> list[str]:
    return ["|".join(each.values()) for each in text["alert_routes"]]


def test_cells_go_from_the_focused_one_on_and_new_rows_are_added() -> None:
    text = monitoring()
    done = paste(text, f"{ROUTES}.1.channel", "PagerDuty\ton-call\r\nE-mail\tteam@example.com\r\n")
    assert rows(text) == [
        "Breaker open|pagerduty|on-call|At once",
        "Lag|pagerduty|on-call|",
        "|email|team@example.com|",
    ]
    assert (done.message, done.focus) == ("Pasted 2 rows, 1 of them new.", f"{ROUTES}.1.channel")


def test_a_first_row_with_the_columns_names_says_what_goes_where() -> None:
    text = monitoring()
    done = paste(text, f"{ROUTES}.0.target", "Target\tremarks\tCONDITION\nx\tignored\tnew\n")
    assert rows(text)[0] == "new|pagerduty|x|At once"
    assert done.message == ("Pasted 1 row over what was there. Not placed, as there is no such column: 1 value.")


def test_what_is_none_of_the_choices_is_said_and_leaves_the_cell_as_it_was() -> None:
    text = monitoring()
    done = paste(text, f"{ROUTES}.0.channel", "pigeon\nslack\ndrum\nflag\nsmoke")
    assert [each.split("|")[1] for each in rows(text)] == ["pagerduty", "slack", "", "", ""]
    assert done.message == (
        "Pasted 5 rows, 3 of them new. Not placed, as none of the choices: “pigeon” in Channel, row 1; "
        "“drum” in Channel, row 3; “flag” in Channel, row 4 and 1 more."
    )


def test_undo_puts_the_whole_list_back() -> None:
    text = monitoring()
    before = rows(text)
    done = paste(text, f"{ROUTES}.0.condition", "a\tslack\nb\tslack\nc\tslack")
    assert rows(text) != before
    fields.act("monitoring", text, f"restore:{ROUTES}", item=done.item)
    assert rows(text) == before


@pytest.mark.parametrize(
    ("pasted", "cells"),
    [
        ("a\tb\nc\td", [["a", "b"], ["c", "d"]]),
        ('"two\nlines"\t"a ""word"""\nc\td', [["two\nlines", 'a "word"'], ["c", "d"]]),
        ('"not closed\tb\nc', [['"not closed', "b"], ["c"]]),
        ('5" pipe\tb', [['5" pipe', "b"]]),
        ("a\r\nb\r\n\r\n\r\n", [["a"], ["b"]]),
        ("", []),
        ("\t\t\n\t", []),
        ("\x00\t\ud800", [["\x00", "\ud800"]]),
        (f'"{"x" * 200_000}"', [[f'"{"x" * 200_000}"']]),
    ],
)
def test_tab_separated_text_is_read_as_spreadsheets_write_it(pasted: str, cells: list[list[str]]) -> None:
    from console.fields.pasting import grid

    assert grid(pasted) == cells


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("a\tslack\n" * 10_000, "Nothing was pasted: 10,000 rows are too many, a list holds 200 in all."),
        ("a\n" * 300_000, "Nothing was pasted: 300,000 rows are too many, a list holds 200 in all."),
        ("\n\n\t", "There was nothing to paste."),
    ],
)
def test_what_is_too_much_or_nothing_changes_nothing(pasted: str, said: str) -> None:
    text = monitoring()
    before = rows(text)
    done = paste(text, f"{ROUTES}.0.channel", pasted)
    assert (done.message, done.focus, done.item, rows(text)) == (said, f"{ROUTES}.0.channel", None, before)


@pytest.mark.parametrize(
    "name", ["", "nothing", ROUTES + ".9.channel", ROUTES + ".0", ROUTES + ".0.nothing", "monitoring.tracing", "\x00"]
)
def test_a_paste_to_nowhere_is_refused(name: str) -> None:
    assert fields.paste("monitoring", monitoring(), name, "a\tb") is None


def test_yes_and_no_and_lists_of_words_are_understood() -> None:
    document = {"contracts": [{"name": "a", "operations": [{"name": "o", "headers": [{"name": "X"}]}]}]}
    text: Any = fields.as_text("contracts", documents.parse(document).contracts)
    fields.paste("contracts", text, "contracts.0.operations.0.headers.0.required", "TRUE\nn\nperhaps")
    assert [each["required"] for each in text[0]["operations"][0]["headers"]] == ["yes", "no", ""]


def test_rows_are_pasted_and_taken_back_without_javascript(
    client: Client, ann: Person, integration: Integration
) -> None:
    client.force_login(ann)
    typed = browsing.form(client.get(PARTIES), "sheet")
    assert typed["pasted.parties"] == ""
    copied = "Role\tSystem\nConsumer (the caller)\tbroker\nprovider\tledger\n"
    page = client.post(PARTIES, typed | {"act": "paste:parties", "pasted.parties": copied})
    after = browsing.form(page, "sheet")
    assert [after[f"parties.{row}.system"] for row in range(4)] == [
        "order-service",
        "payment-service",
        "broker",
        "ledger",
    ]
    assert [after["parties.2.role"], after["parties.3.role"]] == ["consumer", "provider"]
    assert "Pasted 2 rows." in browsing.text(page)
    undone = browsing.form(client.post(PARTIES, after | {"act": "restore:parties"}), "sheet")
    assert {name: undone[name] for name in typed if name.endswith(".system")} == {
        name: typed[name] for name in typed if name.endswith(".system")
    }
