"""A number that each change of a token raises, so that whoever follows tokens asks one row whether any changed.

The row is locked until the change commits: whoever has read a number has missed no change below it. Noting that a token
was used is no change.
"""

from django.db import migrations

FORWARDS = """
CREATE TABLE registry_tokenchanges (
    number bigint NOT NULL,
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT token_changes_is_one_row CHECK (is_only)
);
INSERT INTO registry_tokenchanges (number) VALUES (0);

CREATE FUNCTION registry_count_token_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registry_tokenchanges SET number = number + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER token_change_is_counted
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF digest, kind, system_id, environment_id, expires_at, revoked_at
    ON registry_token FOR EACH STATEMENT EXECUTE FUNCTION registry_count_token_change();
"""
BACKWARDS = """
DROP TRIGGER token_change_is_counted ON registry_token;
DROP FUNCTION registry_count_token_change;
DROP TABLE registry_tokenchanges;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0019_what_overrides_hold_to")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
