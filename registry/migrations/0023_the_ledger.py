"""What Django's constraints cannot say of dead letters: what follows on what, the history, and the sum of it all."""

from typing import Any

from django.db import migrations

GUARDS = """
-- What may follow on each state. A letter that was refused is open again; one that is uncertain may be anything.
CREATE FUNCTION registry_letter_may_become(was text, became text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE was
        WHEN 'open' THEN became IN ('queued', 'parked', 'archived', 'discarded', 'expired')
        WHEN 'queued' THEN became IN ('publishing', 'open', 'uncertain')
        WHEN 'publishing' THEN became IN ('published', 'open', 'uncertain')
        WHEN 'published' THEN became IN ('resolved', 'presumed_resolved', 'returned')
        WHEN 'uncertain' THEN became IN ('publishing', 'open', 'published', 'resolved', 'returned', 'archived', 'discarded')
        WHEN 'presumed_resolved' THEN became IN ('resolved', 'returned')
        WHEN 'parked' THEN became IN ('open', 'archived', 'discarded', 'expired')
        WHEN 'archived' THEN became IN ('open', 'discarded', 'expired')
        ELSE false
    END
$$;

CREATE FUNCTION registry_letter_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO registry_lettermove (letter_id, version, was, became, at, by_id, why)
            VALUES (NEW.id, NEW.version, '', NEW.state, NEW.moved_at, NEW.moved_by_id, NEW.why);
        RETURN NULL;
    END IF;
    IF NEW.source_id <> OLD.source_id OR NEW.identity <> OLD.identity OR NEW.id_kind <> OLD.id_kind
        OR NEW.size <> OLD.size OR NEW.harvested_at <> OLD.harvested_at THEN
        RAISE EXCEPTION 'letter_stays_what_it_is' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'letter_stays_what_it_is';
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NULL;
    END IF;
    IF NOT registry_letter_may_become(OLD.state, NEW.state) OR NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'letter_moves_as_it_may: % to %, version % to %', OLD.state, NEW.state, OLD.version, NEW.version
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'letter_moves_as_it_may';
    END IF;
    INSERT INTO registry_lettermove (letter_id, version, was, became, at, by_id, why)
        VALUES (NEW.id, NEW.version, OLD.state, NEW.state, NEW.moved_at, NEW.moved_by_id, NEW.why);
    RETURN NULL;
END $$;

CREATE TRIGGER letter_moves AFTER INSERT OR UPDATE ON registry_deadletter
    FOR EACH ROW EXECUTE FUNCTION registry_letter_moves();
CREATE TRIGGER letter_stays BEFORE DELETE ON registry_deadletter
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('letter_stays');
CREATE TRIGGER letter_no_truncate BEFORE TRUNCATE ON registry_deadletter
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('letter_stays');
CREATE TRIGGER letter_move_never_changes BEFORE UPDATE OR DELETE ON registry_lettermove
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('letter_move_never_changes');
CREATE TRIGGER letter_move_no_truncate BEFORE TRUNCATE ON registry_lettermove
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('letter_move_never_changes');
CREATE TRIGGER payload_never_changes BEFORE UPDATE ON registry_payload
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('payload_never_changes');
CREATE TRIGGER payload_edit_stays BEFORE UPDATE ON registry_payloadedit
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('payload_edit_stays');
CREATE TRIGGER attempt_stays BEFORE DELETE ON registry_redriveattempt
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('attempt_stays');
CREATE TRIGGER attempt_no_truncate BEFORE TRUNCATE ON registry_redriveattempt
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('attempt_stays');

-- The books: every letter ever taken in is there, and what a letter says of itself its attempts and items say too.
CREATE VIEW registry_ledger AS
SELECT source.id AS source_id,
    source.harvested,
    letters.total,
    source.harvested - letters.total AS missing,
    letters.publishing - attempts.claimed AS unattended,
    letters.queued - items.waiting AS unqueued,
    strays.claimed AS strays,
    abs(source.harvested - letters.total) + abs(letters.publishing - attempts.claimed)
        + abs(letters.queued - items.waiting) + strays.claimed AS imbalance
FROM registry_deadlettersource source
CROSS JOIN LATERAL (
    SELECT count(*) AS total,
        count(*) FILTER (WHERE state = 'publishing') AS publishing,
        count(*) FILTER (WHERE state = 'queued') AS queued
    FROM registry_deadletter letter WHERE letter.source_id = source.id
) letters
CROSS JOIN LATERAL (
    SELECT count(*) AS claimed FROM registry_redriveattempt attempt
    JOIN registry_deadletter letter ON letter.id = attempt.letter_id
    WHERE attempt.state = 'claimed' AND letter.source_id = source.id
) attempts
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting FROM registry_redriveitem item
    JOIN registry_redrivejob job ON job.id = item.job_id
    JOIN registry_deadletter letter ON letter.id = item.letter_id
    WHERE job.source_id = source.id AND item.state = 'waiting' AND letter.state = 'queued'
) items
CROSS JOIN LATERAL (
    SELECT count(*) AS claimed FROM registry_redriveattempt attempt
    JOIN registry_deadletter letter ON letter.id = attempt.letter_id
    WHERE attempt.state = 'claimed' AND letter.source_id = source.id AND letter.state <> 'publishing'
) strays;
"""

NO_GUARDS = """
DROP VIEW registry_ledger;
DROP TRIGGER attempt_no_truncate ON registry_redriveattempt;
DROP TRIGGER attempt_stays ON registry_redriveattempt;
DROP TRIGGER payload_edit_stays ON registry_payloadedit;
DROP TRIGGER payload_never_changes ON registry_payload;
DROP TRIGGER letter_move_no_truncate ON registry_lettermove;
DROP TRIGGER letter_move_never_changes ON registry_lettermove;
DROP TRIGGER letter_no_truncate ON registry_deadletter;
DROP TRIGGER letter_stays ON registry_deadletter;
DROP TRIGGER letter_moves ON registry_deadletter;
DROP FUNCTION registry_letter_moves;
DROP FUNCTION registry_letter_may_become;
"""

RIGHTS = {
    "redrive_letters": ("Can redrive, edit and discard dead letters", ("on-call",)),
    "reveal_letters": ("Can see masked values of dead letters, with a reason", ("on-call",)),
}


def give_rights(apps: Any, schema_editor: Any) -> None:
    about, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="registry", model="deadlettersource"
    )
    for codename, (name, groups) in RIGHTS.items():
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=about, codename=codename, defaults={"name": name}
        )
        for each in groups:
            apps.get_model("auth", "Group").objects.get_or_create(name=each)[0].permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = (("registry", "0022_dead_letters"),)

    operations = (
        migrations.RunSQL(GUARDS, NO_GUARDS),
        migrations.RunPython(give_rights, migrations.RunPython.noop),
    )
