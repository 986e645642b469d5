-- Operating: statistics, verify(), rebuild_index(), and what the owner may do to the block table.
SET search_path = public, eventstore;
\set VERBOSITY default

-- A store that was just filled: verify() is content, the index is as large as the log.
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('op-' || i % 7, 't', jsonb_build_object('i', i)) ORDER BY i) FROM generate_series(1, 1000) i));
SELECT * FROM verify();
SELECT state, entities = (SELECT count(*) FROM (SELECT DISTINCT tenant_id, entity_id FROM events) e) AS entities,
       events = (SELECT count(*) FROM events) AS events, memory_used > 0 AND memory_used <= memory_total AS memory,
       entity_memory > 0 AS entity_memory, posting_memory > 0 AS posting_memory, id_memory >= 0 AS id_memory, ids_complete, blocks_read = blocks_total AS all_read, built_in >= interval '0' AS built_in
FROM stat_index;

-- The loops that are counted.
SELECT loop, kernel IN ('scalar', 'v128', 'avx2', 'avx512') AS kernel, calls >= 0 AS calls, rows >= 0 AS rows FROM stat_kernel;

-- What each thing adds to the statistics.
CREATE TEMP TABLE s AS SELECT i.batches, i.events, i.duplicates, i.event_bytes, i.blocks, i.block_bytes, i.conflicts, i.waits, x.entities, x.events AS indexed FROM stat_ingest i, stat_index x;
CREATE FUNCTION added(OUT batches bigint, OUT events bigint, OUT duplicates bigint, OUT event_bytes bigint, OUT blocks bigint, OUT more_block_bytes boolean, OUT conflicts bigint, OUT waits bigint, OUT entities bigint, OUT indexed bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT i.batches - s.batches, i.events - s.events, i.duplicates - s.duplicates, i.event_bytes - s.event_bytes, i.blocks - s.blocks,
           i.block_bytes > s.block_bytes, i.conflicts - s.conflicts, i.waits - s.waits, x.entities - s.entities, x.events - s.indexed
    INTO added.batches, added.events, added.duplicates, added.event_bytes, added.blocks, added.more_block_bytes, added.conflicts, added.waits, added.entities, added.indexed
    FROM eventstore.stat_ingest i, eventstore.stat_index x, s;
    UPDATE s SET (batches, events, duplicates, event_bytes, blocks, block_bytes, conflicts, waits, entities, indexed) =
        (SELECT i.batches, i.events, i.duplicates, i.event_bytes, i.blocks, i.block_bytes, i.conflicts, i.waits, x.entities, x.events FROM eventstore.stat_ingest i, eventstore.stat_index x);
END
$$;
SELECT * FROM added();
-- 12 bytes: entity_id 6, event_type 1, payload 5.
SELECT version FROM append('op-one', 't', '"abc"');
SELECT * FROM added();
SELECT ingested FROM ingest_batch(ARRAY[make_event('op-two', 't'), make_event('op-two', 't'), make_event('op-one', 't')]);
SELECT * FROM added();
-- An empty batch is a batch of no consequence.
SELECT ingested FROM ingest_batch('');
SELECT events, duplicates, event_bytes, blocks, conflicts, entities, indexed FROM added();
-- A conflict, a duplicate.
SELECT version FROM append('op-one', 't', expected_version => 0);
SELECT * FROM added();
SELECT version FROM append('op-three', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001');
SELECT count(*) FROM added();
SELECT version FROM append('op-three', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001');
SELECT * FROM added();
-- Bad input changes nothing at all.  [I8]
SELECT ingested FROM ingest_batch('{"entity_id":"op-bad","event_type":"t"} x');
SELECT ingested FROM ingest_batch('{"entity_id":"op-bad"}');
SELECT version FROM append('', 't');
SELECT version FROM append('op-bad', 't', expected_version => -7);
SELECT * FROM added();
SELECT * FROM verify();
-- What was written is counted, rolled back or not; what is indexed is what was committed.
BEGIN;
SELECT version FROM append('op-gone', 't');
ROLLBACK;
SELECT batches, events, blocks, entities, indexed FROM added();
BEGIN;
SELECT version FROM append('op-pending', 't');
SELECT entities, indexed FROM added();
COMMIT;
SELECT entities, indexed FROM added();
BEGIN;
SELECT version FROM append('op-pending', 't');
SAVEPOINT a;
SELECT version FROM append('op-pending', 't');
SELECT version FROM append('op-pending-2', 't');
ROLLBACK TO a;
COMMIT;
SELECT batches, events, entities, indexed FROM added();

-- The user's sequences are not disturbed.
CREATE SEQUENCE mine;
SELECT setval('mine', 41);
SELECT nextval('mine');
SELECT count(*) FROM append('op-seq', 't');
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('op-seq', 't')) FROM generate_series(1, 100000) i));
SELECT lastval(), currval('mine');
DROP SEQUENCE mine;
\c
SET search_path = public, eventstore;
SELECT count(*) FROM append('op-seq', 't');
SELECT lastval();
CREATE TEMP TABLE s AS SELECT i.batches, i.events, i.duplicates, i.event_bytes, i.blocks, i.block_bytes, i.conflicts, i.waits, x.entities, x.events AS indexed FROM stat_ingest i, stat_index x;

-- An event out of line is rewritten with the rest.
SELECT version FROM append('op-large', 't', (SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 3000) i));
-- rebuild_index(): the same answers from an index built anew.  [I6]
CREATE TABLE before AS SELECT tenant_id, entity_id, entity_version(entity_id, tenant_id) AS version FROM (SELECT DISTINCT tenant_id, entity_id FROM events) e;
CREATE FUNCTION index_is_right() RETURNS boolean LANGUAGE sql AS
$$SELECT (SELECT count(*) FROM before WHERE eventstore.entity_version(entity_id, tenant_id) <> version) = 0
     AND (SELECT state FROM eventstore.stat_index) = 'ready'
     AND (SELECT sum(version) FROM before) = (SELECT events FROM eventstore.stat_index)
     AND (SELECT payload FROM eventstore.last_event('op-large')) = (SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 3000) i)
     AND (SELECT count(*) FROM eventstore.verify()) = 0$$;
SELECT rebuild_index();
SELECT index_is_right();
SELECT version FROM append('op-one', 't', expected_version => 2) \gset
SELECT entity_version('op-one') AS version;
UPDATE before SET version = 3 WHERE entity_id = 'op-one' AND tenant_id = 'default';
-- In a transaction, with events of its own that are not committed.
BEGIN;
SELECT version FROM append('op-one', 't', expected_version => 3);
SELECT rebuild_index();
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 4);
ROLLBACK;
SELECT entity_version('op-one') AS version;
SELECT index_is_right();
BEGIN;
SELECT version FROM append('op-one', 't', expected_version => 3);
SELECT rebuild_index();
COMMIT;
SELECT entity_version('op-one') AS version;
UPDATE before SET version = 4 WHERE entity_id = 'op-one' AND tenant_id = 'default';
SELECT index_is_right();

-- The table rewritten, and its index.  [I6]
VACUUM eventstore.blocks;
SELECT index_is_right();
VACUUM FULL eventstore.blocks;
SELECT index_is_right();
CLUSTER eventstore.blocks USING blocks_pkey;
SELECT index_is_right();
REINDEX TABLE eventstore.blocks;
SELECT index_is_right();
VACUUM (FREEZE) eventstore.blocks;
SELECT index_is_right();
SELECT version FROM append('op-one', 't', expected_version => 4);
SELECT version FROM append('op-one', 't', expected_version => 5);

-- TRUNCATE, rolled back: as if nothing had been.
BEGIN;
TRUNCATE eventstore.blocks;
SELECT count(*) FROM events;
SELECT entity_version('op-one'), NOT EXISTS (SELECT FROM last_event('op-one')) AS no_last;
SELECT version FROM append('op-one', 't', expected_version => 0);
SELECT count(*) FROM events;
SELECT * FROM verify();
ROLLBACK;
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 6);
SELECT * FROM verify();

-- The same in savepoints, with own events before, within and after.
BEGIN;
SELECT version FROM append('op-one', 't', expected_version => 7);
SAVEPOINT a;
TRUNCATE eventstore.blocks;
SELECT version FROM append('op-one', 't', expected_version => 0);
SAVEPOINT b;
SELECT version FROM append('op-one', 't', expected_version => 1);
ROLLBACK TO b;
SELECT entity_version('op-one') AS version;
RELEASE b;
ROLLBACK TO a;
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 8);
SAVEPOINT a;
SELECT rebuild_index();
SELECT version FROM append('op-one', 't', expected_version => 9);
ROLLBACK TO a;
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 9);
ROLLBACK TO a;
COMMIT;
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 9);
SELECT * FROM verify();
-- Truncated in a released savepoint and committed with what followed; then by a rewrite in a transaction that ends well.
BEGIN;
CREATE TABLE saved AS SELECT * FROM eventstore.blocks;
SAVEPOINT a;
TRUNCATE eventstore.blocks;
SELECT version FROM append('op-one', 't', expected_version => 0);
RELEASE a;
SELECT version FROM append('op-one', 't', expected_version => 1);
COMMIT;
SELECT entity_version('op-one') AS version, (SELECT count(*) FROM events) AS events;
SELECT * FROM verify();
BEGIN;
DELETE FROM eventstore.blocks;
INSERT INTO eventstore.blocks SELECT * FROM saved;
SELECT entity_version('op-one') AS version;
SELECT version FROM append('op-one', 't', expected_version => 10);
COMMIT;
DROP TABLE saved;
SELECT entity_version('op-one') AS version;
SELECT * FROM verify();
BEGIN;
CLUSTER eventstore.blocks USING blocks_pkey;
SELECT version FROM append('op-one', 't', expected_version => 11);
SELECT entity_version('op-one') AS version;
COMMIT;
SELECT entity_version('op-one') AS version, (SELECT payload ->> 2999 FROM last_event('op-large')) = md5('3000') AS large;
SELECT * FROM verify();

-- The owner deletes blocks: the index follows at once, also within the transaction, also back.
SELECT max(position) AS last FROM events \gset
SELECT version FROM append('op-last', 't', '1', expected_version => 0);
SELECT version FROM append('op-last', 't', '2', expected_version => 1);
BEGIN;
DELETE FROM eventstore.blocks WHERE first_position = (SELECT position FROM last_event('op-last'));
SELECT entity_version('op-last');
SELECT version, payload FROM read_entity('op-last');
ROLLBACK;
SELECT entity_version('op-last');
SELECT version FROM append('op-last', 't', '3', expected_version => 2);
DELETE FROM eventstore.blocks WHERE first_position = (SELECT position FROM last_event('op-last'));
SELECT entity_version('op-last');
SELECT * FROM verify();
SELECT version FROM append('op-last', 't', '4', expected_version => 2);
SELECT version, payload FROM read_entity('op-last');
SELECT * FROM verify();
-- One from the middle: verify() says what is missing, and readers do not pass over it.
CREATE TABLE saved AS SELECT * FROM eventstore.blocks WHERE first_position = (SELECT position FROM read_entity('op-last', 2, 1));
DELETE FROM eventstore.blocks WHERE first_position = (SELECT first_position FROM saved);
SELECT severity, position IS NULL AS no_position, entity_id, problem FROM verify();
SELECT version FROM read_entity('op-last');
\echo :LAST_ERROR_SQLSTATE
-- Put back as it was.
INSERT INTO eventstore.blocks SELECT * FROM saved;
SELECT version, payload FROM read_entity('op-last');
SELECT * FROM verify();
SELECT version FROM append('op-last', 't', '5', expected_version => 3);
DELETE FROM eventstore.blocks WHERE first_position > :last;
SELECT entity_version('op-last');
SELECT * FROM verify();
-- A block twice.
SELECT version FROM append('op-copy', 't', expected_version => 0);
INSERT INTO eventstore.blocks SELECT first_position + 1000000, block, large FROM eventstore.blocks WHERE first_position > :last;
SELECT count(*) > 0 AS found, bool_and(severity = 'error') AS errors FROM verify();
DELETE FROM eventstore.blocks WHERE first_position > :last;
SELECT * FROM verify();

-- TRUNCATE: an empty store, whose positions go on.  [I1]
SELECT max(position) AS last FROM events \gset
TRUNCATE eventstore.blocks;
SELECT count(*) FROM events;
SELECT count(*) FROM read_all();
SELECT entity_version('op-one');
SELECT * FROM verify();
SELECT version, position > :last AS later FROM append('op-one', 't', expected_version => 0);
SELECT state, entities, events FROM stat_index;
SELECT count(*) FROM read_all();

-- A refused append takes no index memory.  [I8]
SELECT entity_memory AS memory_before FROM stat_index \gset
DO $$
BEGIN
    FOR i IN 1..100 LOOP
        BEGIN
            PERFORM eventstore.append('op-never-' || i, 't', expected_version => 5);
        EXCEPTION WHEN SQLSTATE 'ZE001' THEN
        END;
    END LOOP;
END
$$;
SELECT entity_memory = :memory_before AS same_memory FROM stat_index;

-- Rows that change while the trigger is disabled, as pg_restore --disable-triggers does it.  [I6]
SELECT entity_version('op-one') > 0 AS there;
CREATE TEMP TABLE taken_out AS SELECT * FROM blocks;
TRUNCATE blocks;
SELECT entity_version('op-one');
BEGIN;
ALTER TABLE blocks DISABLE TRIGGER ALL;
INSERT INTO blocks SELECT * FROM taken_out;
ALTER TABLE blocks ENABLE TRIGGER ALL;
COMMIT;
SELECT entity_version('op-one') > 0 AS there_again;
SELECT * FROM verify();
DROP TABLE taken_out;

-- Gone with the extension, and anew with it.
DROP TABLE before, saved;
DROP FUNCTION index_is_right, added;
BEGIN;
DROP EXTENSION eventstore;
CREATE EXTENSION eventstore;
SELECT count(*) FROM eventstore.events;
SELECT version FROM eventstore.append('op-one', 't', expected_version => 0);
ROLLBACK;
SELECT entity_version('op-one');
SELECT * FROM verify();
-- An index that a parallel worker has built of rows that are changed ends with the transaction, too.
CREATE FUNCTION fill(name text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM eventstore.ingest_batch(ARRAY(SELECT name || i FROM generate_series(1, 20000) i), array_fill('t'::text, '{20000}'),
        ARRAY(SELECT format('{"n":"%s%s"}', md5(name || i), md5(i || name)) FROM generate_series(1, 20000) i),
        event_ids => ARRAY(SELECT md5(name || i)::uuid FROM generate_series(1, 20000) i)) $$;
SELECT fill('parallel');
BEGIN;
DELETE FROM blocks WHERE first_position = (SELECT max(first_position) FROM blocks);
SET LOCAL seq_page_cost = 100;
SET LOCAL random_page_cost = 100;
DO $$ BEGIN PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query'); END $$;
EXPLAIN (COSTS OFF) SELECT version FROM events WHERE entity_id = 'parallel20000';
SELECT version FROM events WHERE entity_id = 'parallel20000';
ROLLBACK;
SELECT entity_version('parallel20000');
SELECT version FROM append('parallel20000', 't', expected_version => 0);
SELECT * FROM verify();

-- Ids of what was rolled back may have been on pages that VACUUM has cut off.
BEGIN;
SELECT fill('rolled back');
ROLLBACK;
VACUUM blocks;
SELECT count(*) FROM events WHERE event_id = md5('rolled back20000')::uuid;
SELECT count(*) FROM events WHERE event_id = ANY (ARRAY(SELECT md5('rolled back' || i)::uuid FROM generate_series(1, 20000, 100) i));
DROP FUNCTION fill;

-- A store that is made anew counts from 0.
SELECT count(*) FROM append('counted', 't');
SELECT events > 0 AS counted FROM stat_ingest;
DROP EXTENSION eventstore;
-- Without the extension, relations of its names are anybody's.
CREATE SCHEMA IF NOT EXISTS eventstore;
CREATE TABLE eventstore.events (a int);
CREATE TABLE eventstore.blocks (a int) PARTITION BY LIST (a);
ALTER TABLE eventstore.events ADD b int, ADD CHECK (a > 0);
CREATE TABLE eventstore.part PARTITION OF eventstore.blocks DEFAULT;
ALTER SCHEMA eventstore RENAME TO mine;
DROP SCHEMA mine CASCADE;
CREATE EXTENSION eventstore;
SELECT batches, events, blocks FROM stat_ingest;
SELECT version FROM append('counted', 't');
SELECT batches, events, blocks FROM stat_ingest;
