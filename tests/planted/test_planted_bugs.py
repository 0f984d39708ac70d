"""Bugs put in on purpose, each in a copy of the source: the tests named beside it must fail there.

A suite that passes with one of these in would not notice if somebody made the mistake.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.places import PROJECT
from tests.registry.brokers.servers import RABBITMQ, missing

pytestmark = pytest.mark.faults

COPIED = ("registry", "console", "api", "server", "sdk", "tests", "templates", "static", "manage.py", "pyproject.toml")
SDK, ITS_TESTS = "sdk/python/src/integration_registry", "sdk/python/tests"
REDRIVES, CUSTODY = "tests/registry/services/redrives", "tests/registry/services/test_custody.py"
TOO_LONG_S = 300


@dataclass(frozen=True)
class Bug:
    """What is replaced in one file, wherever it stands, and the tests that must notice."""

    file: str
    right: str
    wrong: str
    noticed_by: tuple[str, ...]
    races: int = 40
    needs: Path | None = None
    """What has to be installed to notice it."""


BUGS = {
    "a missing row lock": Bug(
        "registry/services/locks.py",
        ".select_for_update(no_key=True)",
        "",
        ("tests/faults/test_races.py::test_two_who_sign_last_at_once_approve_once",),
    ),
    "separation of duties by the submitter alone": Bug(
        "registry/permissions.py",
        "if wrote.filter(person=self.person).exists():",
        "if False:",
        ("tests/registry/services/test_reviews.py::test_whoever_wrote_since_the_last_approval_does_not_approve",),
    ),
    "the audit outside the transaction": Bug(
        "registry/services/trail.py",
        "    event.save(force_insert=True)\n",
        "    from django.db import transaction\n\n    transaction.on_commit(lambda: event.save(force_insert=True))\n",
        ("tests/registry/services/test_reviews.py::test_the_fifth_signature_approves_and_releases_everywhere",),
    ),
    "a signature on whatever is there now": Bug(
        "registry/services/reviews.py",
        "    if seen_hash != review.content_hash:\n",
        "    if False:\n",
        ("tests/registry/services/test_reviews.py::test_a_signature_is_bound_to_the_text_that_was_seen",),
    ),
    "a role taken away while its holder signs": Bug(
        "registry/services/reviews.py",
        "    by = locks.signer(by)\n",
        "",
        (
            "tests/faults/test_races.py::"
            "test_whoever_signs_while_the_role_is_taken_from_them_signed_before_or_not_at_all",
        ),
        races=400,
    ),
    "a sequence as the number of a release": Bug(
        "registry/services/releases.py",
        "ReleaseCounter.objects.select_for_update().get_or_create(environment=environment)",
        "ReleaseCounter.objects.get_or_create(environment=environment)",
        ("tests/faults/test_races.py::test_two_integrations_approved_at_once_get_numbers_without_gaps",),
    ),
    "the template's consumer: look, act, and then remember": Bug(
        f"{SDK}/events.py",
        """\
        cursor.execute(insert, values)
        done = _known(cursor.rowcount)
        if done == "done":
            effect(cursor)
""",
        """\
        cursor.execute(f"SELECT 1 FROM {table} WHERE event_id = %s AND consumer_group = %s", (event_id, group))
        done = "duplicate" if cursor.fetchone() else "done"
        if done == "done":
            effect(cursor)
            cursor.execute(insert, values)
""",
        ("tests/sdk/test_events_at_once.py::test_of_many_workers_at_once_one_does_the_work",),
    ),
    "a mover that does not wait whether the broker has it": Bug(
        "registry/brokers/redis_streams.py",
        "return Outcome(Sent.UNKNOWN, str(lost))",
        "return Outcome(Sent.CONFIRMED, str(lost))",
        (f"{REDRIVES}/test_crash_points.py::test_a_confirmation_that_never_came[hold]",),
    ),
    "a mover that sends what nobody takes": Bug(
        "registry/brokers/redis_streams.py",
        "nomkstream=True",
        "nomkstream=False",
        (f"{REDRIVES}/test_crash_points.py::test_what_no_topic_takes_is_open_again_and_stops_the_redrive",),
    ),
    "a message sent to RabbitMQ without mandatory": Bug(
        "registry/brokers/rabbitmq.py",
        "mandatory=True",
        "mandatory=False",
        (
            "tests/registry/brokers/test_contract.py::test_what_no_place_takes_is_refused_not_confirmed[rabbitmq-quorum]",
        ),
        needs=RABBITMQ,
    ),
    "a letter known again by redelivered alone": Bug(
        "registry/services/harvests.py",
        "there.get((found.delivered, sha256))",
        "there.get((None, sha256)) if not found.delivered else None",
        (f"{CUSTODY}::test_equal_letters_are_as_many_when_the_reader_dies_between_commit_and_acknowledgement",),
        needs=RABBITMQ,
    ),
    "letters acknowledged before they are committed": Bug(
        "registry/services/harvests.py",
        """\
        kept = keep(reader, taken.messages, is_all=taken.is_all)
        is_heard = taken.settle()
""",
        """\
        is_heard = taken.settle()
        kept = keep(reader, taken.messages, is_all=taken.is_all)
""",
        (f"{CUSTODY}::test_equal_letters_are_as_many_when_the_reader_dies_before_its_commit",),
        needs=RABBITMQ,
    ),
    "an attempt that is committed after it was sent": Bug(
        "registry/services/sending.py",
        """\
                claims = _claim(lease, resends=resends)
                if not claims:
                    break
                told = _send_all(broker, claims, lease)
""",
        """\
                with transaction.atomic():
                    claims = _claim(lease, resends=resends)
                    told = _send_all(broker, claims, lease)
                if not claims:
                    break
""",
        (f"{REDRIVES}/test_crash_points.py::test_a_worker_that_dies_before_it_sends[hold]",),
    ),
    "a redrive that goes on after another worker has it": Bug(
        "registry/services/sending.py",
        "held.fence != lease.fence or ",
        "",
        (f"{REDRIVES}/test_crash_points.py::test_a_worker_that_lost_its_redrive_claims_nothing_more",),
    ),
    "a harvest that writes after its lease is over": Bug(
        "registry/services/harvests.py",
        "now.fence != self.fence or ",
        "",
        ("tests/registry/services/test_harvests.py::test_who_was_slower_than_their_lease_writes_nothing",),
    ),
    "settings kept before they are judged": Bug(
        f"{SDK}/follower.py",
        """\
            held = self._judged(answer, "server", self._remote.origin)
        except KeyUnknown:
""",
        """\
            self._keep(answer)
            held = self._judged(answer, "server", self._remote.origin)
        except KeyUnknown:
""",
        (f"{ITS_TESTS}/test_sdk_following.py",),
    ),
    "settings written in place": Bug(
        f"{SDK}/store.py",
        """temporary = self.folder / f".{path.stem}.{os.getpid()}.{threading.get_ident()}.tmp\"""",
        "temporary = path",
        (f"{ITS_TESTS}/test_sdk_store.py::test_it_survives_being_killed_at_any_moment_of_a_write",),
    ),
    "settings that nobody signed": Bug(
        f"{SDK}/acceptance.py",
        "        public.verify(base64.b64decode(answer.signature, validate=True), answer.body)\n",
        "        assert public\n",
        (f"{ITS_TESTS}/test_sdk_acceptance.py",),
    ),
    "a payment made twice by a retry": Bug(
        f"{SDK}/calls.py",
        "    return asked.method in REPEATABLE and contract.idempotent is not False\n",
        "    return True\n",
        (f"{ITS_TESTS}/test_sdk_calls.py",),
    ),
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_planted_bug_is_noticed(bug: Bug, tmp_path: Path) -> None:
    if bug.needs and not bug.needs.exists():
        missing(str(bug.needs))
    for name in COPIED:
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    planted = tmp_path / bug.file
    text = planted.read_text(encoding="utf-8")
    assert bug.right in text, f"{bug.file} no longer holds what this bug replaces"
    planted.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *bug.noticed_by]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"RACES": str(bug.races)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TOO_LONG_S,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-3_000:]
    assert re.search(r"\b1 failed\b", done.stdout), done.stdout[-3_000:]
