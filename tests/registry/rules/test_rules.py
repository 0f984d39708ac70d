"""What holds for all rules together."""

import time

import pytest
from hypothesis import HealthCheck, given, settings

from registry.record import SECTIONS, DesignRecord, documents, pointers
from registry.record.findings import Finding, Severity
from registry.rules import RULES, Catalog, check, summary
from tests.strategies import records

from .sample import CATALOG, SAMPLE


@given(records())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_record_can_be_checked_and_every_finding_points_at_a_field(record: DesignRecord) -> None:
    findings = check(record, Catalog(systems=frozenset({"a"})))
    for finding in findings:
        pointers.resolve(record, finding.path)
        assert RULES[finding.code].code == finding.code
        assert finding.message
        assert finding.mend
    sections = [SECTIONS.index(finding.section) for finding in findings]
    assert sections == sorted(sections)
    assert len(set(findings)) == len(findings)


def test_a_sound_record_has_no_findings() -> None:
    assert check(documents.parse(SAMPLE), CATALOG) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_is_explained(rule: object) -> None:
    [found] = [each for each in RULES.values() if each is rule]
    assert documents.parse({"contracts": [{"name": found.code}]})  # a code is a slug, for it is a URL
    assert 40 < len(found.help) < 1_500
    assert "\n\n" in found.help
    assert "\n" not in found.help.replace("\n\n", "")
    assert 5 < len(found.title) < 90


def test_findings_are_counted_by_severity() -> None:
    errors = [Finding("a", Severity.ERROR, "", "", ""), Finding("b", Severity.ERROR, "", "", "")]
    assert summary(errors) == {Severity.ERROR: 2, Severity.WARNING: 0, Severity.HINT: 0}


def test_the_catalog_is_asked_only_where_there_is_one() -> None:
    assert check(documents.parse(SAMPLE)) == []
    codes = {finding.code for finding in check(documents.parse(SAMPLE), Catalog())}
    assert codes == {"system-unknown", "team-unknown", "environment-unknown"}


def test_a_big_record_is_checked_at_once() -> None:
    contract, topic, event = SAMPLE["contracts"][0], SAMPLE["topics"][0], SAMPLE["events"][0]
    big = documents.parse(
        SAMPLE
        | {
            "contracts": [contract | {"name": f"contract-{n}"} for n in range(20)],
            "topics": [*SAMPLE["topics"], *(topic | {"name": f"topic-{n}"} for n in range(40))],
            "events": [event | {"name": f"event{n}.PLACED"} for n in range(40)],
        }
    )
    check(big)
    begun = time.process_time()
    check(big)
    assert time.process_time() - begun < 1
