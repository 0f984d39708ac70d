"""Whether a redrive has to stop is asked before each batch, and costs the same however many letters it has sent."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import DeadLetterSource, RedriveJob
from registry.services import sending
from tests import letters as made
from tests.registry.services.redrives.redriving import Begin, without_guards

SENT = 20_000
FILL = """
    INSERT INTO registry_redriveitem (job_id, letter_id, position, state, came_back, is_unfit, note, settled_at)
    SELECT {job}, 1000000 + n, n, CASE WHEN n < 5000 THEN 'skipped' ELSE 'sent' END, false, false, '',
        now() - interval '1 day' + n * interval '1 second'
    FROM generate_series(1, 25000) n
"""


@pytest.fixture
def job(source: DeadLetterSource, begun: Begin) -> RedriveJob:
    """One that left out 5,000 letters and has sent 20,000; none came back."""
    job = begun(made.letter(source))
    job.wave = 2
    without_guards(FILL.format(job=job.pk))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE registry_redriveitem")
    return job


@pytest.mark.parametrize("nth", [0, 1, 10_000, 15_000], ids=lambda nth: f"failed {nth} from the last")
def test_one_that_failed_is_found_without_reading_what_was_sent(job: RedriveJob, nth: int) -> None:
    without_guards(
        f"UPDATE registry_redriveitem SET came_back = true WHERE job_id = {job.pk} AND position = {25000 - nth}"
    )
    assert sending.too_many_back(job) == ""
    assert rows_read(job) <= 1 + job.stop_window


def test_where_none_failed_nothing_is_read(job: RedriveJob) -> None:
    assert sending.too_many_back(job) == ""
    assert rows_read(job) == 0


def test_what_was_refused_for_what_it_is_is_not_counted(job: RedriveJob) -> None:
    change = f"UPDATE registry_redriveitem SET {{}} WHERE job_id = {job.pk} AND position"
    without_guards(change.format("state = 'refused', is_unfit = true") + " > 24900")
    without_guards(change.format("came_back = true") + " BETWEEN 24891 AND 24896")
    assert sending.too_many_back(job) == "Of the last 50 letters 6 came back."


def test_it_says_in_words_what_stopped_it() -> None:
    assert sending.stopped_by(1, back=1, refused=0) == "The last letter came back."
    assert sending.stopped_by(1, back=0, refused=1) == "The last letter was refused."
    assert sending.stopped_by(11, back=2, refused=1) == "Of the last 11 letters 2 came back and 1 was refused."


def rows_read(job: RedriveJob) -> int:
    """By all statements that the question takes, those that were looked at and left out included."""
    with CaptureQueriesContext(connection) as captured:
        sending.too_many_back(job)
    read = 0
    with connection.cursor() as cursor:
        for statement in [each["sql"] for each in captured]:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            [(told,)] = cursor.fetchall()
            [plan] = json.loads(told) if isinstance(told, str) else told
            read += _scanned(plan["Plan"])
    return read


def _scanned(node: dict[str, Any]) -> int:
    inner = node.get("Plans", [])
    if inner:
        return sum(map(_scanned, inner))
    return int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
