"""Whether a letter of a redrive was refused for what it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0025_trends"),
    ]

    operations = [
        migrations.AddField(
            model_name="redriveitem",
            name="is_unfit",
            field=models.BooleanField(default=False),
        ),
    ]
