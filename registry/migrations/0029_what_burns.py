"""Since when letters of a source lie that nobody decided on; each minute's count fills it in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0028_what_edits_change"),
    ]

    operations = [
        migrations.AddField(
            model_name="deadlettersource",
            name="open_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="deadlettersource",
            index=models.Index(
                condition=models.Q(("open_since__isnull", False)), fields=["open_since", "id"], name="source_by_age"
            ),
        ),
    ]
