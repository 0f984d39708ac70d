"""The whole life of a record as a machine of random acts, held against a small model of what must come of each."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from registry.errors import DomainError
from registry.models import (
    Delegation,
    Environment,
    Integration,
    Person,
    Release,
    Review,
    Revision,
    Role,
    SignOff,
    Thread,
)
from registry.services import approvals, integrations, reviews, revisions, threads, trail
from tests import landscape

ARCHITECTS = ("ann", "ben")
HOLDERS = {"consumer_lead": "cora", "provider_lead": "paul", "platform": "ivy", "approver": "zoe"}
EVERYBODY = (*ARCHITECTS, *HOLDERS.values(), "mallory")
MODELS = ("strong", "eventual", "causal")


@dataclass
class Signed:
    """A signature that stands: who gave it, and in whose name."""

    by: str
    name: str


@dataclass
class Model:
    """What we expect to be true, told without the registry's own code."""

    state: str = "draft"
    writers: set[str] = field(default_factory=set)
    submitter: str = ""
    signed: dict[str, Signed] = field(default_factory=dict)
    deputies: dict[str, str] = field(default_factory=dict)
    open_threads: int = 0
    approvals: int = 0

    def names(self, person: str) -> list[str]:
        """In whose names somebody may act."""
        return [person, *(holder for holder, deputy in self.deputies.items() if deputy == person)]

    def may_sign(self, person: str, role: str) -> str:
        """The name in which this person may sign the role now; "" if in none."""
        used = {each.by for each in self.signed.values()} | {each.name for each in self.signed.values()}
        if self.state != "in_review" or role in self.signed or person in used:
            return ""
        if role == "author":
            return person if person == self.submitter else ""
        if person == self.submitter:
            return ""
        for name in self.names(person):
            free = name not in used and name != self.submitter
            entitled = name == HOLDERS[role] or (role == "approver" and name == "ben")
            wrote = role == "approver" and self.writers & {person, name}
            if free and entitled and not wrote:
                return name
        return ""


class LifeCycle(RuleBasedStateMachine):
    """Random acts by random people."""

    people: dict[str, Person]
    reached: ClassVar[Counter[str]] = Counter()
    """What the walks came to, so that a machine that never gets anywhere is noticed."""

    @initialize()
    def begin(self) -> None:
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.integration = integrations.create(
            name="Orders to payments", slug="life", document=landscape.document(), by=self.people["ann"]
        )
        self.model = Model(writers={"ann"})

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            connection.check_constraints()
            assert trail.verify(chain="life").is_whole
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # --- what is there -------------------------------------------------------------------------------------------

    @property
    def revision(self) -> Revision:
        return Revision.objects.select_related("integration").filter(integration=self.integration).latest("number")

    @property
    def open_review(self) -> Review | None:
        return Review.objects.open().filter(integration=self.integration).first()

    def refused(self, act: Any, *arguments: Any, **options: Any) -> bool:
        """Whether it was refused. Whatever else is raised is a defect."""
        try:
            with transaction.atomic():
                act(*arguments, **options)
        except DomainError:
            return True
        return False

    # --- acts ------------------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from(EVERYBODY), model=st.sampled_from(MODELS), lag=st.integers(0, 600))
    def write(self, by: str, model: str, lag: int) -> None:
        draft = self.revision
        value = {"model": model, "max_lag_seconds": lag}
        changes = draft.document.get("consistency") != value
        refused = self.refused(
            revisions.save_section, draft, "consistency", value, by=self.people[by], if_match=draft.etag
        )
        assert refused == (by not in ARCHITECTS or self.model.state != "draft")
        if not refused and changes:
            self.model.writers.add(by)

    @rule(by=st.sampled_from(EVERYBODY))
    def write_over_a_stale_page(self, by: str) -> None:
        assert self.refused(
            revisions.save_section, self.revision, "sla", {"rto": "PT9H"}, by=self.people[by], if_match='"0-stale"'
        )

    @rule(by=st.sampled_from(EVERYBODY))
    def submit(self, by: str) -> None:
        draft = self.revision
        found = revisions.findings(draft)
        justified = {each.key: "As agreed." for each in found}
        blocked = any(str(each.severity) == "error" for each in found)
        refused = self.refused(
            revisions.submit,
            draft,
            by=self.people[by],
            if_match=draft.etag,
            change_note="Changed",
            justifications=justified,
        )
        assert refused == (blocked or by not in ARCHITECTS or self.model.state != "draft")
        if not refused:
            self.model.state, self.model.submitter, self.model.signed = "in_review", by, {}

    @precondition(lambda self: self.open_review is not None)
    @rule(by=st.sampled_from(EVERYBODY), role=st.sampled_from(list(Role.values)), fresh=st.booleans())
    def sign(self, by: str, role: str, fresh: bool) -> None:
        review = self.open_review
        assert review is not None
        self._sign(review, by, role, review.content_hash if fresh else "0" * 64)

    @rule(away=st.sampled_from(EVERYBODY))
    def go_on_to_an_approval(self, away: str) -> None:
        """Somebody goes away; whatever is open is settled and signed by whoever can. Few random walks get that far."""
        self.go_away(away, "mallory")
        self.start_draft("ann")
        self.submit("ann")
        self.settle_threads()
        for role in Role.values:
            review = self.open_review
            able = [each for each in EVERYBODY if self.model.may_sign(each, role)]
            if review is not None and able:
                self._sign(review, able[-1], role, review.content_hash)

    def _sign(self, review: Review, by: str, role: str, seen: str) -> None:
        name = self.model.may_sign(by, role)
        is_last = len(self.model.signed) == len(Role) - 1
        expected = bool(name) and seen == review.content_hash and not (is_last and self.model.open_threads)
        refused = self.refused(reviews.sign, review, role=role, by=self.people[by], password=by, seen_hash=seen)
        assert refused != expected, f"{by} as {role}: {self.model}"
        if expected:
            self.model.signed[role] = Signed(by, name)
            self.reached["in another's name"] += by != name
            if is_last:
                self.reached["approved"] += 1
                self.reached["approved again"] += self.model.approvals > 0
                self.model.state = "approved"
                self.model.approvals += 1
                self.model.writers = set()

    @precondition(lambda self: self.open_review is not None)
    @rule(by=st.sampled_from(EVERYBODY))
    def withdraw(self, by: str) -> None:
        refused = self.refused(reviews.withdraw, self.open_review, by=self.people[by], reason="Better")
        assert refused == (by not in ARCHITECTS)
        if not refused:
            self.model.state, self.model.signed = "draft", {}

    @precondition(lambda self: self.open_review is not None)
    @rule(by=st.sampled_from(EVERYBODY))
    def request_changes(self, by: str) -> None:
        asked = any(self.model.may_sign(by, role) for role in HOLDERS)
        signed = any(each.by == by for each in self.model.signed.values())
        refused = self.refused(reviews.request_changes, self.open_review, by=self.people[by], comment="Not yet")
        assert refused != (asked or signed)
        if not refused:
            self.model.state, self.model.signed = "draft", {}

    @rule(by=st.sampled_from(EVERYBODY))
    def start_draft(self, by: str) -> None:
        held = Integration.objects.get(pk=self.integration.pk)
        refused = self.refused(revisions.start_draft, held, by=self.people[by])
        assert refused == (by not in ARCHITECTS or self.model.state != "approved")
        if not refused:
            self.model.state, self.model.signed, self.model.open_threads = "draft", {}, 0

    @rule(by=st.sampled_from(EVERYBODY))
    def open_thread(self, by: str) -> None:
        refused = self.refused(threads.open_thread, self.revision, path="sla", text="Why?", by=self.people[by])
        assert refused == (by == "mallory" or self.model.state == "approved")
        self.model.open_threads += not refused

    @rule()
    def settle_threads(self) -> None:
        for each in Thread.objects.filter(revision=self.revision, resolved_at=None).select_related("opened_by"):
            threads.resolve(each, by=each.opened_by)
        self.model.open_threads = 0

    @rule(holder=st.sampled_from(EVERYBODY), deputy=st.sampled_from(EVERYBODY))
    def go_away(self, holder: str, deputy: str) -> None:
        now = timezone.now()
        refused = self.refused(
            approvals.delegate,
            to=self.people[deputy],
            by=self.people[holder],
            starts_at=now,
            ends_at=now + timedelta(days=1),
            reason="Leave",
        )
        assert refused == (holder == deputy or holder in self.model.deputies)
        if not refused:
            self.model.deputies[holder] = deputy

    @rule(holder=st.sampled_from(EVERYBODY))
    def come_back(self, holder: str) -> None:
        held = Delegation.objects.filter(holder=self.people[holder], revoked_at=None).first()
        assert (held is not None) == (holder in self.model.deputies)
        if held:
            approvals.end_delegation(held, by=self.people[holder])
            del self.model.deputies[holder]

    # --- what always holds -------------------------------------------------------------------------------------------

    @invariant()
    def the_revision_is_where_the_model_says(self) -> None:
        if hasattr(self, "model"):
            assert self.revision.state == self.model.state
            assert (self.open_review is not None) == (self.model.state == "in_review")

    @invariant()
    def what_is_in_force_was_signed_by_five_people_on_these_very_bytes(self) -> None:
        if not hasattr(self, "model"):
            return
        held = Integration.objects.select_related("in_force").get(pk=self.integration.pk)
        assert (held.in_force is None) == (self.model.approvals == 0)
        if held.in_force is None:
            return
        review = held.in_force.reviews.get(state="approved")
        standing = list(review.sign_offs.filter(voided_at=None))
        assert {each.role for each in standing} == set(Role.values)
        assert len({each.person_id for each in standing} | {each.authority_id for each in standing}) >= len(Role)
        assert {each.content_hash for each in standing} == {review.content_hash} == {held.in_force.content_hash}

    @invariant()
    def void_signatures_belong_to_ended_rounds(self) -> None:
        if hasattr(self, "model"):
            standing = SignOff.objects.filter(review__integration=self.integration, voided_at=None)
            assert not standing.filter(review__state__in=("withdrawn", "changes_requested")).exists()

    @invariant()
    def every_approval_released_everywhere_in_order(self) -> None:
        if hasattr(self, "model"):
            counted = Counter(Release.objects.values_list("environment__slug", flat=True))
            everywhere = Environment.objects.values_list("slug", flat=True)
            assert counted == {slug: self.model.approvals for slug in everywhere if self.model.approvals}


def test_no_walk_through_the_life_of_a_record_breaks_what_must_hold(
    catalog: landscape.Catalog, ann: Person, cora: Person, paul: Person, ivy: Person, zoe: Person, mallory: Person
) -> None:
    cache.clear()
    ben = landscape.person("ben", "Ben Brook", group="architects")
    ben.groups.add(landscape.group_of("approvers"))
    LifeCycle.people = {each.username: each for each in (ann, ben, cora, paul, ivy, zoe, mallory)}
    run_state_machine_as_test(
        LifeCycle,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
    assert min(LifeCycle.reached[each] for each in ("approved", "approved again", "in another's name")) > 0


@pytest.fixture(autouse=True)
def _no_tries_so_far() -> None:
    cache.clear()
