"""A source with many letters, made by the database itself; their payloads are not opened here, so they are made up."""

from django.db import connection

GROUPS = 200
LETTERS = """
INSERT INTO registry_deadletter (
    source_id, group_id, id_kind, identity, wire_id, ordering_key, state, version, moved_at, why, reason,
    error_class, message, origin, attempts, event_type, content_type, schema_problem, position, partition, size, facts,
    died_at, harvested_at, redrive_count)
SELECT %(source)s, groups[1 + n %% array_length(groups, 1)], 'offset', n::text, 'evt-' || n, 'order-' || n / 4,
    CASE WHEN n %% 20 = 0 THEN 'open' WHEN n %% 97 = 0 THEN 'parked' WHEN n %% 499 = 0 THEN 'uncertain'
        ELSE 'presumed_resolved' END,
    1, now(), '', 'rejected', 'Error' || n %% array_length(groups, 1), 'POST /payments answered 503 after ' || n %% 900
        || ' ms', 'orders.events', 3, 'order.placed', 'application/json', NULL, n::text, '', 120,
    jsonb_build_object('customer', 'c-' || n %% 5000), now() - make_interval(secs => %(last)s - n), now(), 0
FROM generate_series(%(first)s, %(last)s) n,
    (SELECT array_agg(id ORDER BY id) groups FROM registry_deadlettergroup WHERE source_id = %(source)s) known
"""
PAYLOADS = """
INSERT INTO registry_payload (letter_id, source_id, kept_since, body, headers, key, sha256)
SELECT id, source_id, harvested_at,
    decode(repeat(md5(id::text), 8), 'hex'), decode(repeat(md5(id::text), 8), 'hex'), NULL, repeat(md5('x'), 2)
FROM registry_deadletter WHERE source_id = %(source)s AND id > %(after)s
"""
GROUP = """
INSERT INTO registry_deadlettergroup (source_id, key, error_class, reason, message, first_at, last_at, letters)
SELECT %(source)s, md5(n::text), 'Error' || n, 'rejected', 'POST /payments answered # after # ms', now(), now(), 0
FROM generate_series(1, %(groups)s) n ON CONFLICT DO NOTHING
"""
COUNTED = """
UPDATE registry_deadlettergroup SET letters = found.letters
FROM (SELECT group_id, count(*) letters FROM registry_deadletter WHERE source_id = %(source)s GROUP BY group_id) found
WHERE id = found.group_id
"""
HOURS = """
INSERT INTO registry_grouphour (group_id, hour, letters)
SELECT group_id, date_trunc('hour', died_at, 'UTC'), count(*) FROM registry_deadletter
WHERE source_id = %(source)s AND died_at >= now() - interval '14 days' GROUP BY 1, 2
ON CONFLICT (group_id, hour) DO UPDATE SET letters = excluded.letters
"""


def fill(source: int, first: int, last: int) -> None:
    """Letters of these numbers, as a harvest would have put them there; the ledger adds up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM registry_deadletter")
        told = {"source": source, "first": first, "last": last, "groups": GROUPS, "after": cursor.fetchone()[0]}
        for statement in (GROUP, LETTERS, PAYLOADS, COUNTED, HOURS):
            cursor.execute(statement, told)
        cursor.execute("UPDATE registry_deadlettersource SET harvested = %s WHERE id = %s", [last, source])
        for table in ("deadletter", "payload", "lettermove", "deadlettergroup", "grouphour"):
            cursor.execute(f"VACUUM ANALYZE registry_{table}")
