"""What letters hold goes in time: what discarded ones were searched by, and what is over though nobody decided on it."""

from typing import Any

from django.db import migrations, models

GONE = """
UPDATE registry_deadletter SET facts = '{}' WHERE state = 'discarded' AND facts <> '{}';
"""
STEPS = """
-- What may follow on each state. A letter that was refused is open again; one that is uncertain may be anything.
CREATE OR REPLACE FUNCTION registry_letter_may_become(was text, became text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE was
        WHEN 'open' THEN became IN ('queued', 'parked', 'archived', 'discarded', 'expired')
        WHEN 'queued' THEN became IN ('publishing', 'open', 'uncertain'{expired})
        WHEN 'publishing' THEN became IN ('published', 'open', 'uncertain')
        WHEN 'published' THEN became IN ('resolved', 'presumed_resolved', 'returned')
        WHEN 'uncertain' THEN became IN
            ('publishing', 'open', 'published', 'resolved', 'returned', 'archived', 'discarded'{expired})
        WHEN 'presumed_resolved' THEN became IN ('resolved', 'returned')
        WHEN 'parked' THEN became IN ('open', 'archived', 'discarded', 'expired')
        WHEN 'archived' THEN became IN ('open', 'discarded', 'expired')
        ELSE false
    END
$$;
"""
KEPT_SINCE = """
ALTER TABLE registry_payload DISABLE TRIGGER payload_never_changes;
UPDATE registry_payload payload SET source_id = letter.source_id, kept_since = letter.harvested_at
    FROM registry_deadletter letter WHERE letter.id = payload.letter_id;
ALTER TABLE registry_payload ENABLE TRIGGER payload_never_changes;
"""


def source(*, null: bool = False) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey("registry.deadlettersource", models.PROTECT, db_index=False, related_name="+", null=null)


class Migration(migrations.Migration):
    dependencies = (("registry", "0031_readings_of_the_ledger"),)

    operations = (
        migrations.RunSQL(GONE, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                fields=["source", "moved_by", "moved_at"],
                condition=models.Q(state="discarded"),
                name="letter_discarded_by",
            ),
        ),
        migrations.RunSQL(STEPS.format(expired=", 'expired'"), STEPS.format(expired="")),
        migrations.AddField("payload", "source", source(null=True)),
        migrations.AddField("payload", "kept_since", models.DateTimeField(null=True)),
        migrations.RunSQL(KEPT_SINCE, migrations.RunSQL.noop),
        migrations.AlterField("payload", "source", source()),
        migrations.AlterField("payload", "kept_since", models.DateTimeField()),
        migrations.AddIndex("payload", models.Index(fields=["source", "kept_since"], name="payload_by_age")),
    )
