"""What protoc refuses we refuse, what it accepts we accept, and we read the same in it."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.definitions import proto
from registry.definitions.flaws import Flawed
from registry.definitions.proto import Field, Message, Method, wellknown
from tests.registry.importers.corpus import own, real

from . import protoc


def flaws(text: str) -> list[str]:
    """What we refuse, imports that are not in the record among it: protoc has not got them either."""
    found = proto.read(text)
    absent = [f"imports {each.name}" for each in proto.missing(found.file)] if found.file else []
    return [*map(str, found.flaws), *absent]


def test_we_agree_with_protoc_on_the_whole_corpus(tmp_path: Path) -> None:
    judged = [(text, protoc.refusals(text, tmp_path), flaws(text)) for text in protoc.corpus()]
    assert [each for each in judged if bool(each[1]) != bool(each[2])] == []
    refused = sum(bool(theirs) for _, theirs, _ in judged)
    assert refused > 300
    assert len(judged) - refused > 140


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """Sources of the corpus with words left out, written twice, swapped, or replaced by words of the same kind."""
    # What stands inside an option's braces is the business of whoever declared the option; we pass over it.
    sources = [each for each in protoc.corpus() if "= {" not in each and "default = TYPE" not in each]
    words = protoc.WORD.findall(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(1, 2)) if words else 0):
        at, other = (draw(st.integers(0, len(words) - 1)) for _ in range(2))
        match draw(st.sampled_from(("drop", "twice", "swap", "like", "like", "like"))):
            case "drop" if len(words) > 1:
                del words[at]
            case "twice":
                words.insert(at, words[other])
            case "swap":
                words[at], words[other] = words[other], words[at]
            case _:
                words[at] = draw(st.sampled_from([each for each in words if kind(each) == kind(words[at])]))
    return "".join(words)


def kind(word: str) -> str:
    return "name" if word[0].isalpha() else "number" if word[0].isdigit() else "text" if word[0] in "\"'" else word


@settings(
    derandomize=True, max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutants())
def test_we_agree_with_protoc_on_mutants(text: str, tmp_path: Path) -> None:
    theirs, ours = protoc.refusals(text, tmp_path), flaws(text)
    assert bool(theirs) == bool(ours), (text, theirs, ours)


@pytest.mark.parametrize("name", ["proto-etcd-kv.proto", "proto-etcd-rpc.proto"])
def test_public_sources_are_sound_but_for_files_that_are_not_here(name: str) -> None:
    assert proto.read(real(name)).flaws == ()


def test_we_read_what_protoc_reads(tmp_path: Path) -> None:
    sources = [each for each in protoc.corpus() if not protoc.refusals(each, tmp_path)]
    sources.append(
        own("stock.proto")
        .replace('import "other/money.proto";', "message Money {}")
        .replace("(custom).option = {a: [1, 2]}", "deprecated = true")
        .replace("deprecated = true, deprecated", "deprecated")
    )
    assert len(sources) > 140
    for text in sources:
        ours, theirs = proto.parse(text), protoc.described(text, tmp_path)
        assert ours.package == theirs.package
        assert [
            (service.name, [(each.name, each.request_streams, each.response_streams) for each in service.methods])
            for service in ours.services
        ] == [
            (service.name, [(each.name, each.client_streaming, each.server_streaming) for each in service.method])
            for service in theirs.service
        ]
        assert [(each.name, [(field.name, field.number) for field in each.fields]) for each in ours.messages] == [
            (each.name, [(field.name, field.number) for field in each.field]) for each in theirs.message_type
        ]
        assert [(each.name, [(value.name, value.number) for value in each.values]) for each in ours.enums] == [
            (each.name, [(value.name, value.number) for value in each.value]) for each in theirs.enum_type
        ]


def test_we_know_every_file_that_protoc_brings() -> None:
    brought = {}
    for path in (protoc.OWN_FILES / "google" / "protobuf").glob("*.proto"):
        file = proto.parse(path.read_text())
        names = {(f"{file.package}.{each.name}", False) for each in file.walk()}
        names |= {(f"{file.package}.{each.name}", True) for each in file.all_enums()}
        brought[f"google/protobuf/{path.name}"] = names
        assert proto.read(path.read_text()).flaws == (), path.name
    for name, declared in wellknown.FILES.items():
        assert set(declared) == brought.pop(name), name
    # Features of one language each; only editions use them.
    assert sorted(brought) == [f"google/protobuf/{each}_features.proto" for each in ("cpp", "go", "java")]


def test_services_and_their_streams() -> None:
    [service] = proto.parse(own("stock.proto")).services
    assert (service.name, service.line, service.doc) == ("Stock", 10, "Reads and\nwatches stock.")
    assert service.methods == (
        Method("GetItem", "ItemRequest", "Item"),
        Method("WatchItems", "ItemRequest", "Item", request_streams=True, response_streams=True),
        Method("Price", "ItemRequest", "Money"),
    )
    assert [(each.line, each.doc, each.kind) for each in service.methods] == [
        (13, "Look one item up.", "one answer"),
        (14, "", "both stream"),
        (15, "", "one answer"),
    ]


def test_messages_with_odd_names_maps_oneofs_and_nesting() -> None:
    found = proto.parse(own("stock.proto"))
    assert (found.syntax, found.package) == ("proto3", "stock.v1")
    assert [each.name for each in found.all_enums()] == ["State", "Item.Shelf.Side"]
    item = found.message(".stock.v1.Item")
    assert item is not None
    assert item.fields == (
        Field("id", "string", 1),
        Field("message", "string", 2, "repeated"),
        Field("counts", "int64", 3, "map", "string"),
        Field("shelf", "Shelf", 5, oneof="place"),
        Field("gate", "string", 9, oneof="place"),
        Field("changed_at", "google.protobuf.Timestamp", 10),
    )
    assert [each.shown_type for each in item.fields[1:3]] == ["repeated string", "map<string, int64>"]


def test_proto2_with_groups_and_extensions() -> None:
    text = """
    message A { required string a = 1; optional group Inner = 2 { optional int32 b = 1; } extensions 100 to max; }
    extend A { optional int32 c = 100; }
    """
    found = proto.parse(text)
    assert [each.name for each in found.walk()] == ["A", "A.Inner"]
    assert found.messages[0].fields[1] == Field("inner", "Inner", 2, "optional", is_group=True)
    assert found.extends == (Field("c", "int32", 100, "optional", extends="A"),)
    assert isinstance(found.messages[0], Message)


def test_a_comment_before_a_field_or_behind_it_says_what_it_is() -> None:
    text = """syntax = "proto3";
    message A {
      // Before.
      string a = 1;
      string b = 2; // Behind.

      // Of nothing.

      string c = 3;
    }"""
    assert [each.doc for each in proto.parse(text).messages[0].fields] == ["Before.", "Behind.", ""]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("service A {\n  rpc B (C) return (D);\n}", "line 2, column 13: expected returns, found “return”"),
        ("message A {\n  optional string a = x;\n}", "line 2, column 23: expected a field's number, found “x”"),
        ("message A {\n  optional string a = 1\n}", "line 3, column 1: expected ;, found “}”"),
        ("message A {\n  string a = 1;\n}", "line 2, column 3: “string” has no label"),
        ("service A {", "line 1, column 12: the end of the file begins no rpc"),
        ("/* never", "line 1, column 1: this comment never ends"),
        ("message A { optional string a = 1; § }", "line 1, column 36: “§” is not part of a .proto file"),
        ("massage A {}", "line 1, column 1: “massage” begins no declaration"),
        ("message A {" * 41, "line 1, column 342: is nested more than 31 deep"),
    ],
)
def test_what_is_no_proto_is_said_with_line_and_column(text: str, problem: str) -> None:
    with pytest.raises(Flawed) as caught:
        proto.parse(text)
    assert str(caught.value) == problem
    assert caught.value.flaw.mend


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("message A {\n  Nope a = 1;\n}", "line 3, column 3: “Nope” is not declared"),
        (
            "message A {\n  string a = 1;\n  string b = 1;\n}",
            "line 4, column 14: the number 1 of “b” belongs to “a”",
        ),
        ("message A {\n  reserved 1;\n  string a = 1;\n}", "line 4, column 14: the number 1 is reserved"),
        ('message A {\n  reserved "a";\n  string a = 1;\n}', "line 4, column 10: the name “a” is reserved"),
        ("message A {}\nmessage A {}", "line 3, column 1: “A” is declared already, as a message"),
        ("message A {\n  google.protobuf.Timestamp at = 1;\n}",
         "line 3, column 3: “google.protobuf.Timestamp” is not declared"),
        ("service S {\n  rpc M (E) returns (A);\n}\nenum E { Z = 0; }\nmessage A {}",
         "line 3, column 10: “E” is an enum, not a message"),
        ("enum E {\n  A = 1;\n}", "line 3, column 3: the first value of “E” is not 0"),
    ],
)  # fmt: skip
def test_what_protoc_would_refuse_is_said_with_line_and_column(body: str, said: str) -> None:
    assert [str(each) for each in proto.read(f'syntax = "proto3";\n{body}').flaws] == [said]


def test_the_mend_names_a_free_number_and_the_import_that_is_missing() -> None:
    taken = 'syntax = "proto3"; message A { string a = 1; string b = 2; string c = 1; reserved 3 to 5; }'
    assert [each.mend for each in proto.read(taken).flaws] == ["Give it a number of its own; 6 is free."]
    absent = 'syntax = "proto3"; message A { google.protobuf.Duration d = 1; }'
    assert [each.mend for each in proto.read(absent).flaws] == ['Add import "google/protobuf/duration.proto";.']


HEAD = 'syntax = "proto3";'
HOSTILE = {
    "messages in messages": "message A {" * 5_000,
    "braces in an option": "option a = " + "{" * 5_000,
    "2 MB": "message A {}\n" * 160_000,
    "one name": "a" * 200_000,
    "numbers used twice": HEAD + "message A {" + "string a=1;" * 18_000 + "}",
    "reserved again and again": HEAD
    + "message A {" + "reserved 1 to max;" * 5_000 + "".join(f"string a{n}={n};" for n in range(1, 5_000)) + "}",
    "many reserved": HEAD
    + "message A {" + "".join(f"reserved {2 * n};" for n in range(5_000, 11_000))
    + "".join(f"int32 a{n}={n};" for n in range(1, 5_000)) + "}",
    "oneofs": HEAD + "message A {" + "".join(f"oneof o{n}{{string a{n}={n + 1};}}" for n in range(6_000)) + "}",
    "unknown types, deep inside": HEAD
    + "message A{" * 30 + "".join(f"N{n} a{n}={n};" for n in range(1, 9_000)) + "}" * 30,
    "long package": f"package {'.'.join('a' * 60 for _ in range(99))};",
    "unknown options": HEAD + "message A{string a=1[" + ",".join(f"(a{n})=1" for n in range(14_000)) + "];}",
    "dots": "message A { " + "a." * 60_000 + "b c = 1; }",
    "comments": "message A {" + "/* x */" * 25_000,
    "a number": "option a = " + "9" * 150_000 + ";",
    "NUL": "\x00" * 1_000,
    "half characters": "\ud800" * 1_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_is_done_with_in_a_second(name: str) -> None:
    begun = time.process_time()
    found = proto.read(HOSTILE[name])
    assert time.process_time() - begun < 3
    assert all(len(str(each)) < 400 for each in found.flaws)
