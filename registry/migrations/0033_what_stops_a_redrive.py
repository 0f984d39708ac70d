"""The last letters of a redrive that were settled, and the last that failed, each from an index that has no others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0032_what_is_gone"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="redriveitem",
            name="item_by_settling",
        ),
        migrations.AddIndex(
            model_name="redriveitem",
            index=models.Index(
                condition=models.Q(("is_unfit", False), ("state__in", ["sent", "refused"])),
                fields=["job", "-settled_at", "-id"],
                name="item_by_settling",
            ),
        ),
        migrations.AddIndex(
            model_name="redriveitem",
            index=models.Index(
                condition=models.Q(
                    ("is_unfit", False), models.Q(("came_back", True), ("state", "refused"), _connector="OR")
                ),
                fields=["job", "-settled_at"],
                name="item_that_failed",
            ),
        ),
    ]
