"""An imported document adds to a draft and never takes from it unasked."""

from hypothesis import HealthCheck, given, settings

from registry.importers import Merged, merge
from registry.record import DesignRecord, documents
from tests.strategies import records

STATED = {
    "overview": {"purpose": "Ours"},
    "contracts": [{"name": "a", "protocol": "rest", "operations": [{"name": "get", "method": "GET"}]}],
}
FOUND = {
    "overview": {"purpose": "Theirs", "type": "synchronous"},
    "contracts": [
        {"name": "b", "protocol": "grpc"},
        {"name": "a", "protocol": "graphql", "operations": [{"name": "get", "path": "/x"}, {"name": "put"}]},
    ],
}


def test_items_meet_by_their_key_and_what_is_stated_stays() -> None:
    assert merge(STATED, FOUND).document == {
        "overview": {"purpose": "Ours", "type": "synchronous"},
        "contracts": [
            {
                "name": "a",
                "protocol": "rest",
                "operations": [{"name": "get", "method": "GET", "path": "/x"}, {"name": "put"}],
            },
            {"name": "b", "protocol": "grpc"},
        ],
    }


def test_where_both_say_something_else_the_stated_value_stays_unless_the_imported_one_is_taken() -> None:
    merged = merge(STATED, FOUND, take={"contracts[a].protocol": "theirs"})
    assert [(each.path, each.label, each.mine, each.theirs) for each in merged.conflicts] == [
        ("overview.purpose", "Overview › Purpose", "Ours", "Theirs"),
        ("contracts[a].protocol", "Contracts › a › Protocol", "rest", "graphql"),
    ]
    assert merged.document["overview"]["purpose"] == "Ours"
    assert merged.document["contracts"][0]["protocol"] == "graphql"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(records())
def test_merging_with_nothing_or_itself_changes_nothing(record: DesignRecord) -> None:
    document = documents.dump(documents.parse(documents.dump(record)))
    assert merge(document, {}) == Merged(document)
    assert merge({}, document) == Merged(document)
    assert merge(document, document) == Merged(document)
