"""A list as CSV: read back by a reader of RFC 4180, and harmless in a spreadsheet."""

import csv
import io
from typing import Any

import pytest

from registry.exporters import sheet


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    [[cell]] = read(sheet.line([f"{start}HYPERLINK(1)"]))
    assert cell == f"'{start}HYPERLINK(1)"


@pytest.mark.parametrize(
    "cells",
    [
        ["plain", 'say "no"', "a,b", "two\r\nlines", "", "ends in space ", "ünïcode", "a=b", "1-2"],
        [None, 0, 12, "x"],
        ["'=already"],
    ],
)
def test_everything_else_is_read_back_as_it_was(cells: list[Any]) -> None:
    assert read(sheet.line(cells)) == [["" if each is None else str(each) for each in cells]]


def test_lines_end_as_the_rfc_says() -> None:
    assert sheet.line(["a", "b"]) == "a,b\r\n"


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))
