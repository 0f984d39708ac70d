"""Source text is compared line by line, JSON by what it says."""

import json

from console.changes import Marker
from console.changes.alignment import Budget
from console.changes.lines import laid_out, stretches
from registry.diff import Change


def schema(**properties: str) -> str:
    return json.dumps({"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}})


def cells(before: str | None, after: str | None, *, language: str = "json", apart: bool = False) -> str:
    change = Change("events[e].data_schema", "Schema", "changed", before, after, widget="code", language=language)
    return Marker(apart=apart).cells(change).whole


def test_json_is_laid_out_with_the_names_of_both_in_one_order() -> None:
    old, new = laid_out('{"b": {"y": 1, "x": 2}, "a": 1, "gone": 0}', '{"a": 1, "b": {"x": 2, "y": 1}}')
    assert list(json.loads(old)) == ["a", "b", "gone"]
    assert list(json.loads(old)["b"]) == ["x", "y"]
    assert new.splitlines()[1] == '  "a": 1,'


def test_what_is_no_json_is_compared_as_it_is_written() -> None:
    assert laid_out("{", '{"a":1}') == ("{", '{"a":1}')


def test_unchanged_lines_are_folded_but_for_those_around_a_change() -> None:
    old = "\n".join(str(n) for n in range(40))
    found = stretches(old, old.replace("20", "twenty"), "proto", Budget())
    assert [(each.is_folded, len(each.lines)) for each in found] == [(True, 17), (False, 7), (True, 16)]
    assert [(each.old, each.new) for each in found[1].lines if not each.is_same] == [("20", "twenty")]


def test_a_changed_line_marks_what_changed_in_it() -> None:
    told = cells(schema(id="string", count="string"), schema(id="string", count="integer"))
    assert "<del>      &quot;type&quot;: &quot;<b>string</b>&quot;</del>" in told
    assert "<ins>      &quot;type&quot;: &quot;<b>integer</b>&quot;</ins>" in told
    assert told.count("<ins>") == 1


def test_both_texts_stand_beside_each_other_or_one_within_the_other() -> None:
    old, new = "a\nb\nc", "a\nc\nd"
    within, apart = (cells(old, new, language="proto", apart=each) for each in (False, True))
    assert within.index("<del>b</del>") < within.index("<ins>d</ins>")
    assert within.count("<code>c</code>") == 1
    assert apart.count("<code>c</code>") == 2
    assert apart.count('class="is-none"') == 4


def test_whatever_was_typed_is_escaped() -> None:
    hostile = '<script>alert("x")</script>\n'
    for apart in (False, True):
        for before, after in ((hostile, hostile * 2), (None, hostile), (hostile, None)):
            assert "<script" not in cells(before, after, language="proto", apart=apart)


def test_a_text_too_long_for_the_page_says_how_much_is_left_out() -> None:
    told = cells(None, "\n".join(str(n) for n in range(5_000)), language="proto")
    assert "2,000 more lines; the document has them all." in told
