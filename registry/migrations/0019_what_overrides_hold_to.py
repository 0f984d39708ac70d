"""What Django's constraints cannot say of overrides and appointments, and the group that may override."""

from typing import Any

from django.db import migrations

GUARDS = """
ALTER TABLE registry_scheduledrelease
    ADD CONSTRAINT scheduled_revision_is_of_integration
        FOREIGN KEY (revision_id, integration_id) REFERENCES registry_revision (id, integration_id);

CREATE FUNCTION registry_override_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept registry_override := NEW;
BEGIN
    IF OLD.ended_at IS NULL THEN
        kept.ended_at := OLD.ended_at;
        kept.ended_by_id := OLD.ended_by_id;
        kept.end_note := OLD.end_note;
    ELSIF OLD.reviewed_at IS NULL THEN
        kept.reviewed_at := OLD.reviewed_at;
        kept.reviewed_by_id := OLD.reviewed_by_id;
        kept.review_note := OLD.review_note;
    END IF;
    IF kept IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'override_never_changes: it can only be ended, and then be reviewed, once each'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'override_never_changes';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER override_guard BEFORE UPDATE ON registry_override
    FOR EACH ROW EXECUTE FUNCTION registry_override_guard();
CREATE TRIGGER override_stays BEFORE DELETE ON registry_override
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('override_stays');
CREATE TRIGGER override_no_truncate BEFORE TRUNCATE ON registry_override
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('override_stays');

CREATE TRIGGER scheduled_ended_never_changes BEFORE UPDATE ON registry_scheduledrelease
    FOR EACH ROW WHEN (OLD.state <> 'waiting') EXECUTE FUNCTION registry_refuse('scheduled_ended_never_changes');
CREATE TRIGGER scheduled_stays BEFORE DELETE ON registry_scheduledrelease
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('scheduled_stays');
CREATE TRIGGER scheduled_no_truncate BEFORE TRUNCATE ON registry_scheduledrelease
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('scheduled_stays');
"""

NO_GUARDS = """
DROP TRIGGER scheduled_no_truncate ON registry_scheduledrelease;
DROP TRIGGER scheduled_stays ON registry_scheduledrelease;
DROP TRIGGER scheduled_ended_never_changes ON registry_scheduledrelease;
DROP TRIGGER override_no_truncate ON registry_override;
DROP TRIGGER override_stays ON registry_override;
DROP TRIGGER override_guard ON registry_override;
DROP FUNCTION registry_override_guard;
ALTER TABLE registry_scheduledrelease DROP CONSTRAINT scheduled_revision_is_of_integration;
"""


def make_group(apps: Any, schema_editor: Any) -> None:
    about, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="registry", model="override"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=about,
        codename="override_settings",
        defaults={"name": "Can override live settings for a while"},
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="on-call")
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (("registry", "0018_live_settings"),)

    operations = (
        migrations.RunSQL(GUARDS, NO_GUARDS),
        migrations.RunPython(make_group, migrations.RunPython.noop),
    )
