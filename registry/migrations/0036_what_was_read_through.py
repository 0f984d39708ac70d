"""Until when a place was read to its end. A letter that somebody said did not arrive, and is open, may have arrived."""

from django.db import migrations, models

STEPS = """
-- What may follow on each state. A letter that was refused is open again; one that is uncertain may be anything.
CREATE OR REPLACE FUNCTION registry_letter_may_become(was text, became text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE was
        WHEN 'open' THEN became IN ('queued', 'parked', 'archived', 'discarded', 'expired'{uncertain})
        WHEN 'queued' THEN became IN ('publishing', 'open', 'uncertain', 'expired')
        WHEN 'publishing' THEN became IN ('published', 'open', 'uncertain')
        WHEN 'published' THEN became IN ('resolved', 'presumed_resolved', 'returned')
        WHEN 'uncertain' THEN became IN
            ('publishing', 'open', 'published', 'resolved', 'returned', 'archived', 'discarded', 'expired')
        WHEN 'presumed_resolved' THEN became IN ('resolved', 'returned')
        WHEN 'parked' THEN became IN ('open', 'archived', 'discarded', 'expired')
        WHEN 'archived' THEN became IN ('open', 'discarded', 'expired')
        ELSE false
    END
$$;
"""


class Migration(migrations.Migration):
    dependencies = (("registry", "0035_hidden_in_text"),)

    operations = (
        migrations.RunSQL(STEPS.format(uncertain=", 'uncertain'"), STEPS.format(uncertain="")),
        migrations.AddField("deadlettersource", "read_through_at", models.DateTimeField(null=True)),
    )
