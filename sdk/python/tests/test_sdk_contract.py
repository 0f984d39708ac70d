"""This SDK passes the suite that every SDK must pass, and the suite fails one that obeys nothing."""

import os
import sys
from pathlib import Path

import integration_registry
import pytest
import sdk_contract
from sdk_contract.__main__ import run
from sdk_contract.cases import CASES

CONTRACT = Path(sdk_contract.__file__).parents[1]
# The long way is the command itself: python -m sdk_contract.
BOTH_FACES = [each for each in CASES if each.about == "calls"]


@pytest.fixture(autouse=True)
def found_by_harnesses(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(integration_registry.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(source), str(CONTRACT)]))


def command(name: str) -> list[str]:
    return [sys.executable, str(CONTRACT / f"harness_{name}.py")]


def test_the_python_sdk_passes_every_case() -> None:
    results = list(run(command("python"), CASES, {}, jobs=8))
    assert [(each.case.name, each.problem or each.skipped) for each in results if each.problem or each.skipped] == []
    assert len(results) > 50


def test_its_asynchronous_face_makes_calls_the_same_way() -> None:
    results = run(command("python"), BOTH_FACES, {"face": "async"}, jobs=8)
    assert [(each.case.name, each.problem) for each in results if each.problem] == []


def test_an_sdk_that_obeys_nothing_fails() -> None:
    calls = ("is forced", "retries as often", "breaker opens", "full limit", "one key", "after is waited")
    needs_more = (*calls, "event", "rolls back")
    cases = [each for each in CASES if any(words in each.name for words in needs_more)]
    results = list(run(command("naive"), cases, {}, jobs=8))
    assert [each.case.name for each in results if not each.problem] == []
    assert len(results) == len(needs_more)
