"""What Django's constraints cannot say: composite keys, and triggers for what may never change."""

from django.db import migrations

COMPOSITE_KEYS = """
ALTER TABLE registry_integration
    ADD CONSTRAINT integration_current_is_its_own
        FOREIGN KEY (current_id, id) REFERENCES registry_revision (id, integration_id) DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT integration_in_force_is_its_own
        FOREIGN KEY (in_force_id, id) REFERENCES registry_revision (id, integration_id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE registry_review
    ADD CONSTRAINT review_revision_is_of_integration
        FOREIGN KEY (revision_id, integration_id) REFERENCES registry_revision (id, integration_id);
ALTER TABLE registry_release
    ADD CONSTRAINT release_revision_is_of_integration
        FOREIGN KEY (revision_id, integration_id) REFERENCES registry_revision (id, integration_id);
"""

NO_COMPOSITE_KEYS = """
ALTER TABLE registry_release DROP CONSTRAINT release_revision_is_of_integration;
ALTER TABLE registry_review DROP CONSTRAINT review_revision_is_of_integration;
ALTER TABLE registry_integration
    DROP CONSTRAINT integration_in_force_is_its_own,
    DROP CONSTRAINT integration_current_is_its_own;
"""

# One refusal for all: the name of the rule comes with it, as a constraint's would.
REFUSAL = """
CREATE FUNCTION registry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % on % is refused', TG_ARGV[0], TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_ARGV[0];
END $$;
"""

REVISIONS = """
CREATE FUNCTION registry_revision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept registry_revision;
BEGIN
    IF NEW.id <> OLD.id OR NEW.integration_id <> OLD.integration_id OR NEW.number <> OLD.number THEN
        RAISE EXCEPTION 'revision_identity_is_fixed: a revision keeps its integration and number'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'revision_identity_is_fixed';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'in_review'), ('in_review', 'draft'), ('in_review', 'approved'), ('approved', 'superseded')
    ) THEN
        RAISE EXCEPTION 'revision_state_moves_on: % cannot become %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'revision_state_moves_on';
    END IF;
    IF OLD.state IN ('approved', 'superseded') THEN
        kept := NEW;
        kept.state := OLD.state;
        IF kept IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'revision_approved_never_changes: version %.%', OLD.major, OLD.minor
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'revision_approved_never_changes';
        END IF;
    END IF;
    IF OLD.state = 'in_review' AND (
        NEW.document IS DISTINCT FROM OLD.document OR NEW.content_hash <> OLD.content_hash
        OR NEW.section_hashes IS DISTINCT FROM OLD.section_hashes OR NEW.format <> OLD.format
    ) THEN
        RAISE EXCEPTION 'revision_in_review_is_frozen: version %.%', OLD.major, OLD.minor
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'revision_in_review_is_frozen';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER revision_guard BEFORE UPDATE ON registry_revision
    FOR EACH ROW EXECUTE FUNCTION registry_revision_guard();
CREATE TRIGGER revision_approved_stays BEFORE DELETE ON registry_revision
    FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION registry_refuse('revision_approved_stays');
CREATE TRIGGER revision_no_truncate BEFORE TRUNCATE ON registry_revision
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('revision_approved_stays');
"""

REVIEWS = """
CREATE FUNCTION registry_review_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept registry_review := NEW;
BEGIN
    kept.state := OLD.state;
    kept.ended_at := OLD.ended_at;
    kept.ended_by_id := OLD.ended_by_id;
    kept.outcome_note := OLD.outcome_note;
    kept.due_at := OLD.due_at;
    IF OLD.state <> 'open' OR kept IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'review_is_frozen: only an open review may end, and nothing else of it changes'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'review_is_frozen';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER review_guard BEFORE UPDATE ON registry_review
    FOR EACH ROW EXECUTE FUNCTION registry_review_guard();
CREATE TRIGGER review_stays BEFORE DELETE ON registry_review
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('review_stays');
CREATE TRIGGER review_no_truncate BEFORE TRUNCATE ON registry_review
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('review_stays');

CREATE FUNCTION registry_sign_off_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept registry_signoff := NEW;
BEGIN
    kept.voided_at := OLD.voided_at;
    kept.void_reason := OLD.void_reason;
    IF OLD.voided_at IS NOT NULL OR kept IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'sign_off_never_changes: it can only be voided, once'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'sign_off_never_changes';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sign_off_guard BEFORE UPDATE ON registry_signoff
    FOR EACH ROW EXECUTE FUNCTION registry_sign_off_guard();
CREATE TRIGGER sign_off_stays BEFORE DELETE ON registry_signoff
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('sign_off_stays');
CREATE TRIGGER sign_off_no_truncate BEFORE TRUNCATE ON registry_signoff
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('sign_off_stays');
"""

RELEASES = """
CREATE TRIGGER release_never_changes BEFORE UPDATE OR DELETE ON registry_release
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('release_never_changes');
CREATE TRIGGER release_no_truncate BEFORE TRUNCATE ON registry_release
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('release_never_changes');

CREATE FUNCTION registry_release_counter_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number < OLD.number OR NEW.epoch < OLD.epoch THEN
        RAISE EXCEPTION 'release_counter_only_grows: % cannot become %', OLD.number, NEW.number
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'release_counter_only_grows';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER release_counter_guard BEFORE UPDATE ON registry_releasecounter
    FOR EACH ROW EXECUTE FUNCTION registry_release_counter_guard();
"""

# Each field as "<bytes>:<text>", so that no two different events give the same text. registry/services/trail.py
# computes the same in Python. The lock on the head row puts the events of one chain in the order they commit.
TRAIL = """
CREATE FUNCTION registry_length_safe(VARIADIC fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg(octet_length(field) || ':' || field, '' ORDER BY place)
    FROM unnest(fields) WITH ORDINALITY AS each (field, place)
$$;

CREATE FUNCTION registry_event_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head registry_chainhead;
BEGIN
    INSERT INTO registry_chainhead (chain, sequence, hash) VALUES (NEW.chain, 0, '') ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT head FROM registry_chainhead WHERE chain = NEW.chain FOR UPDATE;
    NEW.sequence := head.sequence + 1;
    NEW.previous_hash := head.hash;
    NEW.at := clock_timestamp();
    NEW.hash := encode(sha256(convert_to(registry_length_safe(
        NEW.previous_hash,
        NEW.chain,
        NEW.sequence::text,
        to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        coalesce(NEW.actor_id::text, ''),
        NEW.actor_name,
        NEW.origin_ip,
        NEW.request_id,
        NEW.kind,
        NEW.subject,
        NEW.data
    ), 'UTF8')), 'hex');
    UPDATE registry_chainhead SET sequence = NEW.sequence, hash = NEW.hash WHERE chain = NEW.chain;
    RETURN NEW;
END $$;

CREATE TRIGGER event_chain BEFORE INSERT ON registry_event
    FOR EACH ROW EXECUTE FUNCTION registry_event_chain();
CREATE TRIGGER event_never_changes BEFORE UPDATE OR DELETE ON registry_event
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('event_never_changes');
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON registry_event
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('event_never_changes');

-- Only the trigger above, which runs one level down, may move a head.
CREATE TRIGGER chain_head_follows_events BEFORE INSERT OR UPDATE ON registry_chainhead
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION registry_refuse('chain_head_follows_events');
CREATE TRIGGER chain_head_stays BEFORE DELETE ON registry_chainhead
    FOR EACH ROW EXECUTE FUNCTION registry_refuse('chain_head_follows_events');
CREATE TRIGGER chain_head_no_truncate BEFORE TRUNCATE ON registry_chainhead
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse('chain_head_follows_events');
"""

NO_TRIGGERS = """
DROP TRIGGER chain_head_no_truncate ON registry_chainhead;
DROP TRIGGER chain_head_stays ON registry_chainhead;
DROP TRIGGER chain_head_follows_events ON registry_chainhead;
DROP TRIGGER event_no_truncate ON registry_event;
DROP TRIGGER event_never_changes ON registry_event;
DROP TRIGGER event_chain ON registry_event;
DROP FUNCTION registry_event_chain;
DROP FUNCTION registry_length_safe;
DROP TRIGGER release_counter_guard ON registry_releasecounter;
DROP FUNCTION registry_release_counter_guard;
DROP TRIGGER release_no_truncate ON registry_release;
DROP TRIGGER release_never_changes ON registry_release;
DROP TRIGGER sign_off_no_truncate ON registry_signoff;
DROP TRIGGER sign_off_stays ON registry_signoff;
DROP TRIGGER sign_off_guard ON registry_signoff;
DROP FUNCTION registry_sign_off_guard;
DROP TRIGGER review_no_truncate ON registry_review;
DROP TRIGGER review_stays ON registry_review;
DROP TRIGGER review_guard ON registry_review;
DROP FUNCTION registry_review_guard;
DROP TRIGGER revision_no_truncate ON registry_revision;
DROP TRIGGER revision_approved_stays ON registry_revision;
DROP TRIGGER revision_guard ON registry_revision;
DROP FUNCTION registry_revision_guard;
DROP FUNCTION registry_refuse;
"""


class Migration(migrations.Migration):
    dependencies = (("registry", "0001_initial"),)

    operations = (
        migrations.RunSQL(COMPOSITE_KEYS, NO_COMPOSITE_KEYS),
        migrations.RunSQL(REFUSAL + REVISIONS + REVIEWS + RELEASES + TRAIL, NO_TRIGGERS),
    )
