"""What stands around a record when it leaves as a file: who wrote it, its history, its signatures. Reads only."""

from registry.exporters.markdown import Cover, HistoryRow, SignatureRow
from registry.models import Review, Revision, Role


def cover(revision: Revision) -> Cover:
    """The title block, history up to this revision, and the approval table of its newest round."""
    integration = revision.integration
    past = integration.revisions.filter(number__lte=revision.number).select_related("created_by").order_by("number")
    review = Review.objects.filter(revision=revision).order_by("-round").prefetch_related("sign_offs").first()
    signed = {each.role: each for each in review.sign_offs.all() if each.voided_at is None} if review else {}
    rows = tuple(
        SignatureRow(role.label, each.printed_name, f"{each.signed_at:%Y-%m-%d}", f"Ed25519 {each.signature}")
        if (each := signed.get(role))
        else SignatureRow(role.label)
        for role in Role
    )
    return Cover(
        name=integration.name,
        version=revision.version,
        date=f"{revision.approved_at or revision.updated_at:%Y-%m-%d}",
        author=revision.created_by.name,
        status=revision.get_state_display(),
        reviewers=tuple(each.printed_name for role, each in signed.items() if role != Role.AUTHOR),
        history=tuple(
            HistoryRow(each.version, f"{each.created_at:%Y-%m-%d}", each.created_by.name, each.change_note)
            for each in past
        ),
        signatures=rows,
    )
