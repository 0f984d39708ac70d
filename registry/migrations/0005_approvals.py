"""What a review needs by rules, delegation, signatures carried over, and threads."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.models.reviews

OWN_NAMES = """
ALTER TABLE registry_signoff DISABLE TRIGGER sign_off_guard;
UPDATE registry_signoff SET authority_id = person_id;
ALTER TABLE registry_signoff ENABLE TRIGGER sign_off_guard;
"""

GUARDS = """
CREATE FUNCTION registry_comment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept registry_comment := NEW;
BEGIN
    kept.outcome := OLD.outcome;
    kept.decided_at := OLD.decided_at;
    kept.decided_by_id := OLD.decided_by_id;
    IF OLD.outcome <> '' OR kept IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'comment_never_changes: a proposal can only be decided, once'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'comment_never_changes';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER comment_guard BEFORE UPDATE ON registry_comment
    FOR EACH ROW EXECUTE FUNCTION registry_comment_guard();
CREATE TRIGGER comment_stays BEFORE DELETE ON registry_comment
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('comment_never_changes');
CREATE TRIGGER comment_no_truncate BEFORE TRUNCATE ON registry_comment
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('comment_never_changes');
CREATE TRIGGER thread_stays BEFORE DELETE ON registry_thread
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('thread_stays');
CREATE TRIGGER thread_no_truncate BEFORE TRUNCATE ON registry_thread
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('thread_stays');
"""

NO_GUARDS = """
DROP TRIGGER thread_no_truncate ON registry_thread;
DROP TRIGGER thread_stays ON registry_thread;
DROP TRIGGER comment_no_truncate ON registry_comment;
DROP TRIGGER comment_stays ON registry_comment;
DROP TRIGGER comment_guard ON registry_comment;
DROP FUNCTION registry_comment_guard;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("weight", models.PositiveIntegerField()),
                (
                    "criticalities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "touches",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30), blank=True, default=list, size=None
                    ),
                ),
                (
                    "within",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30), blank=True, default=list, size=None
                    ),
                ),
                ("minimums", models.JSONField()),
                ("threads_block", models.BooleanField(default=True)),
                ("is_active", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ("-weight", "name"),
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("text", models.TextField(blank=True)),
                ("proposes", models.BooleanField(default=False)),
                ("proposal", models.JSONField(null=True)),
                (
                    "outcome",
                    models.CharField(blank=True, choices=[("taken", "Taken"), ("declined", "Declined")], max_length=10),
                ),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-starts_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Thread",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(blank=True, max_length=500)),
                ("opened_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("opened_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="signoff",
            name="sign_off_role_once",
        ),
        migrations.AddField(
            model_name="review",
            name="requirement",
            field=models.JSONField(default=registry.models.reviews.all_five),
        ),
        migrations.AddField(
            model_name="signoff",
            name="authority",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(OWN_NAMES, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="signoff",
            name="authority",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="carried_from",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="carried_to", to="registry.signoff"
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="carried_signature",
            field=models.CharField(blank=True, max_length=88),
        ),
        migrations.AddField(
            model_name="signoff",
            name="on_behalf_of",
            field=models.CharField(blank=True, max_length=400),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at__isnull", True)),
                fields=("review", "authority"),
                name="sign_off_authority_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_active", True)), fields=("weight",), name="approval_rule_weight_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minimums__approver__gte", 1),
                    ("minimums__author", 1),
                    ("minimums__has_keys", ["author", "approver"]),
                ),
                name="approval_rule_has_author_and_approver",
            ),
        ),
        migrations.AddField(
            model_name="comment",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="comment",
            name="decided_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="delegate",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegations_held",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="holder",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegations_given",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="revoked_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="opened_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="resolved_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="review",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.review"
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="threads", to="registry.revision"
            ),
        ),
        migrations.AddField(
            model_name="comment",
            name="thread",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="comments", to="registry.thread"
            ),
        ),
        migrations.AddField(
            model_name="visit",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="visit",
            name="review",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.review"
            ),
        ),
        migrations.AddField(
            model_name="visit",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="registry.revision"
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(fields=["delegate", "ends_at"], name="delegation_by_delegate"),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="delegation_ends_after_it_starts"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("holder", models.F("delegate")), _negated=True), name="delegation_is_to_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("revoked_at__isnull", True), ("revoked_by__isnull", True)),
                    models.Q(("revoked_at__isnull", False), ("revoked_by__isnull", False)),
                    _connector="OR",
                ),
                name="delegation_revoked_paired",
            ),
        ),
        migrations.AddIndex(
            model_name="thread",
            index=models.Index(
                condition=models.Q(("resolved_at__isnull", True)), fields=["revision"], name="thread_unresolved"
            ),
        ),
        migrations.AddConstraint(
            model_name="thread",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at__isnull", True), ("resolved_by__isnull", True)),
                    models.Q(("resolved_at__isnull", False), ("resolved_by__isnull", False)),
                    _connector="OR",
                ),
                name="thread_resolved_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposes", True),
                    models.Q(("proposal__isnull", True), models.Q(("text", ""), _negated=True)),
                    _connector="OR",
                ),
                name="comment_says_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True)),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="comment_decided_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(models.Q(("outcome", ""), _negated=True), ("decided_at__isnull", False)),
                    models.Q(("outcome", ""), ("decided_at__isnull", True)),
                    _connector="OR",
                ),
                name="comment_outcome_exactly_when_decided",
            ),
        ),
        migrations.AddConstraint(
            model_name="comment",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome", ""), ("proposes", True), _connector="OR"),
                name="comment_outcome_of_a_proposal",
            ),
        ),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.UniqueConstraint(fields=("person", "revision"), name="visit_once"),
        ),
        migrations.RunSQL(GUARDS, NO_GUARDS),
    ]
