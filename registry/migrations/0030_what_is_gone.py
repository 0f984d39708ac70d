"""What letters that were discarded were searched by goes as well; who discarded which is found at once."""

from django.db import migrations, models

GONE = """
UPDATE registry_deadletter SET facts = '{}' WHERE state = 'discarded' AND facts <> '{}';
"""


class Migration(migrations.Migration):
    dependencies = (("registry", "0030_database_mark"),)

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
    )
