"""Several redrives at one time: none keeps another from being sent, and together they keep what holds for each."""

import logging
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.utils import timezone

from registry import brokers
from registry.models import Broker, DeadLetterSource, Integration, Person, RedriveJob
from registry.services import endpoints, sending
from tests import letters as made
from tests.registry.services.redrives import redriving
from tests.registry.services.redrives.redriving import Begin, Stream


def test_a_redrive_that_fails_in_an_unknown_way_keeps_no_other_from_being_sent(
    source: DeadLetterSource, stream: Stream, begun: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = begun(made.letter(source)), begun(letter := made.letter(source))
    RedriveJob.objects.filter(pk=broken.pk).update(selector=["secret"])
    RedriveJob.objects.filter(pk=sound.pk).update(next_send_at=timezone.now())
    with caplog.at_level(logging.ERROR, logger="registry"):
        assert sending.drive() == 1
    assert stream.ids() == [letter.wire_id]
    broken.refresh_from_db()
    assert (broken.state, broken.setbacks, broken.lease_until) == ("selecting", 1, None)
    assert broken.trouble == "AttributeError while it was gone on with; the worker's log says where."
    assert broken.next_send_at
    assert broken.next_send_at > timezone.now()
    [said] = [each.getMessage() for each in caplog.records]
    assert said.startswith(f"AttributeError in redrive {broken.pk}, at ")
    assert "secret" not in caplog.text


def test_a_broker_whose_client_breaks_keeps_no_other_from_being_sent_to(
    source: DeadLetterSource,
    stream: Stream,
    begun: Begin,
    approved: Integration,
    oncall: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = redriving.source(approved, stream.name, by=oncall)
    broken = redriving.begun(elsewhere, made.letter(elsewhere), by=oncall)
    sound = begun(letter := made.letter(source))
    RedriveJob.objects.filter(pk=sound.pk).update(next_send_at=timezone.now() - timedelta(seconds=1))
    opened = endpoints.open

    def breaks(broker: Broker, *given: str) -> AbstractContextManager[brokers.Broker]:
        if broker == elsewhere.broker:
            raise TypeError("redis://:password@valkey")
        return opened(broker, *given)

    monkeypatch.setattr(endpoints, "open", breaks)
    assert sending.drive() == 1
    assert stream.ids() == [letter.wire_id]
    broken.refresh_from_db()
    assert (broken.state, broken.setbacks) == ("canary", 1)
    assert "password" not in broken.trouble
    assert broken.trouble.startswith("TypeError")
