"""A .proto source becomes a gRPC contract; how it is read is tried in tests/registry/definitions."""

import pytest

from registry.importers import read
from registry.record.findings import InvalidRecord

from .corpus import imported, left, own


def test_a_contract_has_one_operation_for_each_rpc() -> None:
    found = imported("stock.proto")
    [contract] = found.document["contracts"]
    assert contract["definition"]["proto"] == own("stock.proto").strip()
    assert contract["operations"] == [
        {"name": "get-item", "path": "/stock.v1.Stock/GetItem", "summary": "Look one item up."},
        {
            "name": "watch-items",
            "path": "/stock.v1.Stock/WatchItems",
            "summary": "WatchItems(stream ItemRequest) → stream Item",
        },
        {"name": "price", "path": "/stock.v1.Stock/Price", "summary": "Price(ItemRequest) → Money"},
    ]
    assert left(found) == [(5, "Another file: nothing is fetched."), (15, "Money is not declared in this file.")]


def test_what_is_wrong_is_said_with_line_and_column() -> None:
    with pytest.raises(InvalidRecord) as caught:
        read("service A {\n  rpc B (C) return (D);\n}", "a.proto")
    [found] = caught.value.problems
    assert found.message == "line 2, column 13: expected returns, found “return”"
    assert found.mend == "Write returns there."
