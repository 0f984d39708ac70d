"""What an edit changes, in a line; and the edited letters of a redrive found without reading the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("registry", "0027_what_letters_are_found_by"),)

    operations = (
        migrations.AddField(
            model_name="payloadedit", name="summary", field=models.CharField(blank=True, max_length=300)
        ),
        migrations.AddIndex(
            model_name="redriveitem",
            index=models.Index(
                condition=models.Q(("edit__isnull", False)), fields=["job", "position"], name="item_edited"
            ),
        ),
    )
