-- Compaction: what is merged is asked and answered as before.  [I10]
\set VERBOSITY terse
SET search_path = eventstore, public;
TRUNCATE eventstore.blocks;

-- Nothing to do.
CALL compact();

-- Events one by one, with gaps and of all kinds; a few large ones and a full batch between them.
CREATE PROCEDURE append_each(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN first .. last LOOP
        PERFORM append('c-' || i % 13, 'compact.' || i % 4,
            CASE i % 5 WHEN 0 THEN to_jsonb(i) WHEN 1 THEN '{}' ELSE jsonb_build_object('n', i, 'status', CASE i % 3 WHEN 0 THEN 'open' ELSE 'paid' END) END,
            CASE i % 4 WHEN 0 THEN jsonb_build_object('by', 'user-' || i % 7) END,
            event_id => CASE i % 6 WHEN 0 THEN md5(i::text)::uuid END,
            tags => CASE i % 7 WHEN 0 THEN ARRAY['a', 'b'] END,
            tenant_id => CASE i % 9 WHEN 0 THEN 'acme' END,
            occurred_at => CASE i % 8 WHEN 0 THEN timestamptz '2026-01-01' + i * interval '1 hour' END);
        COMMIT;
        IF i % 10 = 3 THEN
            PERFORM append('c-1', 'compact.undone');
            ROLLBACK;
        END IF;
    END LOOP;
END $$;
CALL append_each(1, 150);
SELECT count(*) FROM append('large', 'compact.large', (SELECT jsonb_object_agg('k' || i, md5(i::text)) FROM generate_series(1, 500) i));
CALL append_each(151, 300);
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('batch-' || i % 50, 'compact.batch', jsonb_build_object('n', i), event_id => md5('b' || i)::uuid)) FROM generate_series(1, 1000) i));
CALL append_each(301, 500);

CREATE TABLE before AS SELECT *, payload::text AS text FROM events;
CREATE TABLE blocks_before AS SELECT get_byte(block::text::bytea, 3) AS layout, count(*) FROM blocks GROUP BY 1;
CALL compact();
SELECT events > 500 AS merged, blocks_after < blocks_before / 10 AS fewer, bytes_after < bytes_before AS smaller, small_blocks, failures, last_at IS NOT NULL AS has_time FROM stat_compaction;
SELECT get_byte(block::text::bytea, 3) AS layout, count(*) > 0 FROM blocks GROUP BY 1 ORDER BY 1;
SELECT * FROM verify();

-- The same events, byte for byte.
SELECT count(*) FROM (SELECT *, payload::text FROM events EXCEPT SELECT * FROM before) x;
SELECT count(*) FROM (SELECT * FROM before EXCEPT SELECT *, payload::text FROM events) x;

-- By position and time, at each of them and between.
SELECT count(*) FROM before b WHERE (SELECT count(*) FROM events e WHERE e.position >= b.position) <> (SELECT count(*) FROM before e WHERE e.position >= b.position);
SELECT count(*) FROM before b WHERE b.position % 3 = 0 AND
    (SELECT array_agg(e.position) FROM read_all(b.position, 7) e) IS DISTINCT FROM (SELECT array_agg(position) FROM (SELECT position FROM before e WHERE e.position > b.position ORDER BY 1 LIMIT 7) e);
SELECT count(*) FROM before b WHERE b.position % 5 = 0 AND
    (SELECT count(*) FROM events e WHERE e.recorded_at >= b.recorded_at AND e.recorded_at < b.recorded_at + interval '5 ms')
    <> (SELECT count(*) FROM before e WHERE e.recorded_at >= b.recorded_at AND e.recorded_at < b.recorded_at + interval '5 ms');
SELECT count(*) FROM before b WHERE b.position % 7 = 0 AND
    (SELECT array_agg(e.position) FROM query_events(since => b.recorded_at, until => b.recorded_at + interval '3 ms') e)
    IS DISTINCT FROM (SELECT array_agg(position ORDER BY position) FROM before e WHERE e.recorded_at BETWEEN b.recorded_at AND b.recorded_at + interval '3 ms');
SELECT count(*) FROM before b WHERE b.position % 11 = 0 AND
    (SELECT array_agg(e.version) FROM query_events(b.entity_id, as_of => b.recorded_at, tenant_id => b.tenant_id) e)
    IS DISTINCT FROM (SELECT array_agg(version ORDER BY version) FROM before e WHERE e.recorded_at <= b.recorded_at AND e.entity_id = b.entity_id AND e.tenant_id = b.tenant_id);
SELECT count(*) FROM before b WHERE (SELECT count(*) FROM events e WHERE e.recorded_at = b.recorded_at) <> (SELECT count(*) FROM before e WHERE e.recorded_at = b.recorded_at);
SELECT count(*) FROM before b WHERE b.position % 3 = 1 AND (SELECT count(*) FROM events e WHERE e.occurred_at <= b.occurred_at) <> (SELECT count(*) FROM before e WHERE e.occurred_at <= b.occurred_at);
SELECT (SELECT array_agg(position) FROM (SELECT position FROM events ORDER BY recorded_at DESC, position DESC LIMIT 20) x) = (SELECT array_agg(position) FROM (SELECT position FROM before ORDER BY recorded_at DESC, position DESC LIMIT 20) x) AS same;
SELECT (SELECT ROW(min(position), max(position), min(recorded_at), max(recorded_at), min(occurred_at), max(occurred_at)) FROM events)
     = (SELECT ROW(min(position), max(position), min(recorded_at), max(recorded_at), min(occurred_at), max(occurred_at)) FROM before) AS same;
SELECT count(*) FROM (SELECT date_trunc('milliseconds', recorded_at), count(*), sum((payload ->> 'n')::int) FILTER (WHERE payload ->> 'status' = 'open') FROM events WHERE event_type <> 'compact.0' GROUP BY 1
    EXCEPT SELECT date_trunc('milliseconds', recorded_at), count(*), sum((payload ->> 'n')::int) FILTER (WHERE payload ->> 'status' = 'open') FROM before WHERE event_type <> 'compact.0' GROUP BY 1) x;

-- By entity, event id, position.
SELECT count(*) FROM (SELECT DISTINCT tenant_id, entity_id FROM before) b WHERE
    (SELECT array_agg(ROW(version, e.payload::text, e.event_id)) FROM read_entity(b.entity_id, tenant_id => b.tenant_id) e)
    IS DISTINCT FROM (SELECT array_agg(ROW(version, e.text, e.event_id) ORDER BY version) FROM before e WHERE e.entity_id = b.entity_id AND e.tenant_id = b.tenant_id);
SELECT count(*) FROM before b WHERE NOT EXISTS (SELECT FROM get_event_by_id(b.event_id) e WHERE e.position = b.position);
SELECT count(*) FROM before b WHERE NOT EXISTS (SELECT FROM get_event(b.position) e WHERE e.event_id = b.event_id);
SELECT count(*) FROM generate_series((SELECT min(position) FROM before), (SELECT max(position) FROM before)) p, LATERAL get_event(p) e WHERE NOT EXISTS (SELECT FROM before b WHERE b.position = p);
SELECT count(*) FROM events e JOIN before b USING (event_id) WHERE e.position = b.position;

-- Appends and retries go on; what follows is merged with the last block.
SELECT version = (SELECT max(version) + 1 FROM before WHERE entity_id = 'c-3' AND tenant_id = 'default') AS next FROM append('c-3', 'compact.1');
SELECT ingested, duplicates FROM ingest_batch(ARRAY['batch-7'], ARRAY['compact.batch'], ARRAY['{}'], event_ids => ARRAY[md5('b7')::uuid], expected_versions => ARRAY[0]);
CALL append_each(501, 520);
CALL compact();
SELECT count(*) FROM (SELECT * FROM before EXCEPT SELECT *, payload::text FROM events) x;
SELECT * FROM verify();
SELECT rebuild_index();
SELECT * FROM verify();
SELECT count(*) FROM before b WHERE NOT EXISTS (SELECT FROM get_event_by_id(b.event_id) e WHERE e.position = b.position);

-- Again there is nothing to do.
SELECT steps FROM stat_compaction \gset before_
CALL compact();
SELECT steps - :before_steps AS steps FROM stat_compaction;

-- Merged blocks are checked as they come in: positions ascend, times do not go back, checksums match.
SELECT count(*) > 0 AS blocks, bool_and(block::text::block::text = block::text) AS same FROM blocks;
DO $$
DECLARE
    merged text := (SELECT block::text FROM blocks WHERE get_byte(block::text::bytea, 3) = 3 LIMIT 1);
    digit text;
BEGIN
    FOR i IN 9 .. 200 LOOP
        digit := CASE substr(merged, i, 1) WHEN '0' THEN '1' ELSE '0' END;
        BEGIN
            PERFORM (overlay(merged PLACING digit FROM i FOR 1))::block;
            RAISE EXCEPTION 'digit % may be anything', i;
        EXCEPTION WHEN data_corrupted OR invalid_text_representation OR invalid_binary_representation THEN
            NULL;
        END;
    END LOOP;
END $$;

-- Who may, and where.
CREATE ROLE regress_es_compact;
GRANT USAGE ON SCHEMA eventstore TO regress_es_compact;
GRANT SELECT, INSERT ON events TO regress_es_compact;
SET ROLE regress_es_compact;
CALL eventstore.compact();
SELECT count(*) FROM eventstore.stat_compaction;
RESET ROLE;
GRANT EXECUTE ON PROCEDURE compact() TO regress_es_compact;
GRANT pg_monitor TO regress_es_compact;
SET ROLE regress_es_compact;
CALL eventstore.compact();
SELECT count(*) FROM eventstore.stat_compaction;
RESET ROLE;
REVOKE ALL ON PROCEDURE compact() FROM regress_es_compact;
REVOKE ALL ON SCHEMA eventstore FROM regress_es_compact;
REVOKE ALL ON events FROM regress_es_compact;
DROP ROLE regress_es_compact;
\set VERBOSITY default
BEGIN;
CALL compact();
ROLLBACK;
SET default_transaction_read_only = on;
CALL compact();
RESET default_transaction_read_only;

DROP TABLE before, blocks_before;
DROP PROCEDURE append_each;
TRUNCATE eventstore.blocks;
