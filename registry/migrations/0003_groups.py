"""The three groups whose members may write, approve and administer."""

from typing import Any

from django.db import migrations

GROUPS = {
    "architects": ("integration", "write_record", "Can write design records"),
    "approvers": (
        "revision",
        "approve_revision",
        "Can sign as approver and publish releases",
    ),
    "administrators": (
        "system",
        "manage_catalog",
        "Can keep teams, systems, environments and service tokens",
    ),
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    # Permissions are otherwise made after the last migration, too late for us.
    for name, (model, codename, title) in GROUPS.items():
        about, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
            app_label="registry", model=model
        )
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=about, codename=codename, defaults={"name": title}
        )
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (
        ("registry", "0002_what_always_holds"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )

    operations = (migrations.RunPython(make_groups, migrations.RunPython.noop),)
