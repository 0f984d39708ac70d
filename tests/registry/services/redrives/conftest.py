"""A source whose letters go back to a stream of the tests' own, and somebody on call."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry.models import DeadLetter, DeadLetterSource, Integration, Person, RedriveJob
from registry.services import integrations, ledger
from tests import landscape
from tests.registry.services.redrives import redriving
from tests.registry.services.redrives.redriving import Stream


@pytest.fixture(autouse=True)
def _books_balance(db: None) -> Iterator[None]:
    yield
    assert ledger.imbalance() == 0


@pytest.fixture
def stream() -> Iterator[Stream]:
    one = redriving.stream()
    yield one
    one.client.delete(one.name)
    one.client.close()


@pytest.fixture
def integration(catalog: landscape.Catalog, ann: Person, stream: Stream) -> Integration:
    return integrations.create(
        name="Orders to payments", slug="orders-to-payments", document=redriving.document(stream.name), by=ann
    )


@pytest.fixture
def oncall(ops: Person) -> Person:
    ops.groups.add(landscape.group_of("on-call"))
    return ops


@pytest.fixture
def source(approved: Integration, stream: Stream, oncall: Person) -> DeadLetterSource:
    return redriving.source(approved, stream.name, by=oncall)


@pytest.fixture
def begun(source: DeadLetterSource, oncall: Person) -> Callable[..., RedriveJob]:
    def begin(*chosen: DeadLetter, **more: Any) -> RedriveJob:
        return redriving.begun(source, *chosen, by=oncall, **more)

    return begin
