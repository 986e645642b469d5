-- Events asked for by keys: entities, positions and ids, one or many, given or from joins; and in the orders of the log.
SET search_path = eventstore, public;
SET timezone = 'UTC';
TRUNCATE blocks;
DO $$
BEGIN
    FOR i IN 1..300 LOOP -- blocks of one event, and large ones
        PERFORM append('single-' || i % 30, 'key.single', format('{"n":%s}', i)::text, tenant_id => (ARRAY['default', 'north', 'south'])[1 + i % 3]);
    END LOOP;
    FOR batch IN 0..9 LOOP
        PERFORM ingest_batch(ARRAY(SELECT 'bulk-' || i % 200 FROM generate_series(1, 1000) i), array_fill('key.bulk'::text, '{1000}'),
            ARRAY(SELECT format('{"n":%s}', batch * 1000 + i) FROM generate_series(1, 1000) i),
            event_ids => ARRAY(SELECT md5(batch || '.' || i)::uuid FROM generate_series(1, 1000) i WHERE batch % 2 = 0) || array_fill(NULL::uuid, ARRAY[CASE WHEN batch % 2 = 0 THEN 0 ELSE 1000 END]));
    END LOOP;
END $$;
CREATE TABLE plain AS SELECT * FROM events;
CREATE TABLE asked AS SELECT entity_id, position, event_id, (ARRAY['single-' || n % 30, NULL, 'none']) AS entity_ids
    FROM (SELECT *, row_number() OVER (ORDER BY position) AS n FROM plain) numbered WHERE n % 601 = 7;
CREATE INDEX ON plain (entity_id);
ANALYZE plain;
ANALYZE asked;
SELECT min(position) AS p FROM plain \gset
SET keys.first_position = :p;
-- The store is small; of a large one plans would do so by themselves.
SET random_page_cost = 0.01;
SET cpu_tuple_cost = 0.0005;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;

CREATE DOMAIN names AS text[] CHECK (cardinality(value) < 9);
-- How events are found, and whether the answer is that of a plain table; $p is the first position.
CREATE FUNCTION ask(asked text, OUT question text, OUT access text, OUT row_count bigint, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    digest text;
    query text := replace(asked, '$p', current_setting('keys.first_position'));
BEGIN
    question := asked;
    FOR line IN EXECUTE 'EXPLAIN ' || replace(query, 'EVENTS', 'eventstore.events') LOOP
        access := coalesce(access, substring(line FROM 'Access: (.*)'));
    END LOOP;
    EXECUTE format('SELECT count(*), md5(string_agg(r::text, '','' ORDER BY r::text)) FROM (%s) r', replace(query, 'EVENTS', 'eventstore.events')) INTO row_count, digest;
    EXECUTE format('SELECT count(*) = $1 AND md5(string_agg(r::text, '','' ORDER BY r::text)) IS NOT DISTINCT FROM $2 FROM (%s) r', replace(query, 'EVENTS', 'plain')) INTO same USING row_count, digest;
END
$$;
CREATE FUNCTION explain(query text, options text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE format('EXPLAIN (%sCOSTS OFF) %s', options, query); END $$;
SELECT (ask(question)).* FROM unnest(ARRAY[
    'SELECT * FROM EVENTS WHERE entity_id IN (''bulk-3'', ''single-4'')',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (ARRAY[''bulk-3'', NULL, ''bulk-3'', ''none'', ''''])',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (''{}'')',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (NULL::text[])',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (''{{bulk-1,bulk-2},{bulk-3,bulk-4}}''::text[])',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (''{bulk-3,single-4}''::varchar[])',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (''{bulk-3,single-4}''::names)',
    'SELECT * FROM EVENTS WHERE entity_id = ''bulk-3''::varchar OR entity_id = ANY (''{bulk-4}''::names)',
    'SELECT * FROM EVENTS WHERE entity_id = (SELECT ''bulk-3''::name) OR entity_id = ''bulk-4''::char(7)',
    'SELECT * FROM EVENTS WHERE entity_id IN (''single-3'', ''single-4'') AND tenant_id = ''north''',
    'SELECT * FROM EVENTS WHERE entity_id IN (''single-3'', ''single-4'') AND tenant_id IN (''north'', ''south'')',
    'SELECT * FROM EVENTS WHERE entity_id = ''bulk-3'' OR entity_id = ''single-4''',
    'SELECT * FROM EVENTS WHERE entity_id = ''bulk-3'' OR (entity_id = ''single-4'' AND version > 2) OR entity_id IN (''bulk-5'', ''bulk-3'')',
    'SELECT * FROM EVENTS WHERE (entity_id = ''bulk-3'' OR event_type = ''key.single'') AND version < 3',
    'SELECT * FROM EVENTS WHERE entity_id = ''bulk-3'' AND entity_id IN (''bulk-3'', ''bulk-4'')',
    'SELECT * FROM EVENTS WHERE entity_id IN (''bulk-3'', ''bulk-4'') AND version > 48',
    'SELECT * FROM EVENTS WHERE entity_id = ''bulk-3'' AND 49 < version',
    'SELECT * FROM EVENTS WHERE NOT entity_id IN (''bulk-3'')',
    'SELECT * FROM EVENTS WHERE entity_id <> ALL (ARRAY[''bulk-3''])',
    'SELECT * FROM EVENTS WHERE entity_id = (SELECT entity_id FROM asked ORDER BY position DESC LIMIT 1)',
    'SELECT * FROM EVENTS WHERE entity_id = ANY (ARRAY(SELECT entity_id FROM asked))',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.entity_id = a.entity_id',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.entity_id = ANY (a.entity_ids)',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.entity_id = a.entity_id OR e.entity_id = a.entity_ids[1]',
    'SELECT e.* FROM EVENTS e WHERE EXISTS (SELECT FROM asked a WHERE a.entity_id = e.entity_id)',
    'SELECT * FROM EVENTS WHERE entity_id LIKE ''bulk-11%''',
    'SELECT * FROM EVENTS WHERE entity_id LIKE ''%e-1_'' AND tenant_id = ''south''',
    'SELECT * FROM EVENTS WHERE entity_id LIKE ''bulk\_1%''',
    'SELECT * FROM EVENTS WHERE entity_id LIKE ''none%'' OR entity_id LIKE ''bulk-19_''',
    'SELECT * FROM EVENTS WHERE entity_id ^@ ''single-2'' AND version = 3',
    'SELECT * FROM EVENTS WHERE entity_id >= ''bulk-5'' AND ''bulk-6'' > entity_id',
    'SELECT * FROM EVENTS WHERE entity_id > ''single-3'' COLLATE "C" AND tenant_id IN (''north'', ''default'')',
    'SELECT max(entity_id) FROM EVENTS WHERE entity_id < (SELECT min(entity_id) FROM asked)',
    'SELECT count(*), sum(version) FROM EVENTS WHERE entity_id LIKE ''single%''',
    'SELECT * FROM EVENTS WHERE position IN ($p, $p + 299, $p + 300, $p + 5000, 0, -1, 9000000000000000)',
    'SELECT * FROM EVENTS WHERE position = $p + 4 OR (position = $p + 700 AND event_type = ''key.bulk'') OR position IN ($p + 701, $p + 702)',
    'SELECT * FROM EVENTS WHERE position = ANY (''{}''::int[])',
    'SELECT * FROM EVENTS WHERE position = ANY (ARRAY[0, NULL]::smallint[])',
    'SELECT * FROM EVENTS WHERE position IN ($p + 1, $p + 2) AND position IN ($p + 2, $p + 3)',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.position = a.position',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.position IN (a.position, a.position + 1)',
    'SELECT e.* FROM EVENTS e WHERE position IN (SELECT position FROM asked)',
    'SELECT a.position, l.* FROM asked a, LATERAL (SELECT entity_id FROM EVENTS e WHERE e.position = a.position + 1 LIMIT 1) l',
    'SELECT * FROM EVENTS WHERE event_id IN (SELECT event_id FROM asked)',
    'SELECT * FROM EVENTS WHERE event_id = ANY (ARRAY(SELECT event_id FROM asked))',
    'SELECT * FROM EVENTS WHERE event_id IN (md5(''0.1'')::uuid, md5(''8.999'')::uuid, md5(''none'')::uuid)',
    'SELECT e.* FROM asked a JOIN EVENTS e ON e.event_id = a.event_id',
    'SELECT e.* FROM asked a LEFT JOIN EVENTS e ON e.event_id = a.event_id AND e.event_type = ''key.single''',
    'SELECT position FROM EVENTS ORDER BY recorded_at DESC, position DESC LIMIT 10',
    'SELECT position FROM EVENTS ORDER BY recorded_at, position, entity_id LIMIT 10',
    'SELECT position FROM EVENTS ORDER BY recorded_at, position DESC LIMIT 10',
    'SELECT recorded_at FROM EVENTS ORDER BY recorded_at DESC LIMIT 10',
    'SELECT position FROM EVENTS WHERE entity_id IN (''bulk-3'', ''single-4'') ORDER BY position DESC LIMIT 7',
    'SELECT version, position FROM EVENTS WHERE entity_id IN (''bulk-3'', ''single-4'') ORDER BY version DESC, position LIMIT 7',
    'SELECT recorded_at FROM EVENTS WHERE entity_id = ''single-4'' ORDER BY recorded_at LIMIT 3']) WITH ORDINALITY q (question, i) ORDER BY i;

-- Times without a zone are of the session's.
SET timezone = 'America/New_York';
SELECT (ask(question)).question, (ask(question)).same FROM unnest(ARRAY[
    'SELECT count(*) FROM EVENTS WHERE recorded_at >= (SELECT max(recorded_at)::timestamp FROM plain)',
    'SELECT count(*) FROM EVENTS WHERE recorded_at > (SELECT min(recorded_at)::timestamp FROM plain)',
    'SELECT count(*) FROM EVENTS WHERE recorded_at < current_date',
    'SELECT count(*) FROM EVENTS WHERE current_date - 1 <= recorded_at AND occurred_at < date ''tomorrow'' + 1',
    'SELECT count(*) FROM EVENTS WHERE recorded_at = ANY (ARRAY(SELECT DISTINCT recorded_at::timestamp FROM plain WHERE position % 100 = 0))',
    'SELECT count(*) FROM EVENTS WHERE recorded_at < date ''5874897-12-31'' AND recorded_at > timestamp ''-infinity''',
    'SELECT count(*) FROM EVENTS WHERE recorded_at <> date ''infinity'' AND recorded_at IN (date ''2020-01-01'', current_date)']) WITH ORDINALITY q (question, i) ORDER BY i;
SELECT count(*) FILTER (WHERE line ~ 'Column Filter') FROM (SELECT 1) one, LATERAL (SELECT * FROM explain($$SELECT FROM events WHERE recorded_at > timestamp '2026-01-01' AND occurred_at < date '2026-01-01'$$) AS line) e;
SET timezone = 'UTC';

-- The order is delivered, not only the set.
SELECT count(*) FROM (SELECT position < lag(position) OVER () AS wrong FROM (SELECT position FROM events WHERE entity_id IN ('bulk-3', 'single-4') ORDER BY position) o) w WHERE wrong;
SELECT count(*) FROM (SELECT recorded_at > lag(recorded_at) OVER () AS wrong FROM (SELECT recorded_at FROM events ORDER BY recorded_at DESC LIMIT 2000) o) w WHERE wrong;

-- A function that makes several rows of an event leaves its order to be sorted.
SELECT version FROM append('srf', 'key.srf', tags => '{c,a,b}');
SELECT unnest(tags) AS tag FROM events WHERE event_type = 'key.srf' ORDER BY position, tag;
SELECT unnest(tags) AS tag FROM events WHERE entity_id = 'srf' ORDER BY recorded_at DESC, position DESC, tag DESC;

-- A pattern that is an error is one.
SELECT count(*) FROM events WHERE entity_id LIKE 'bulk\';

-- Parameters, with plans for all values.
SET plan_cache_mode = force_generic_plan;
PREPARE entities(text[]) AS SELECT count(*), sum(version) FROM events WHERE entity_id = ANY ($1);
EXPLAIN (COSTS OFF) EXECUTE entities('{bulk-1}');
EXECUTE entities('{bulk-1,bulk-2,bulk-1}');
EXECUTE entities('{}');
EXECUTE entities(NULL);
PREPARE positions(bigint[]) AS SELECT count(*), sum(version) FROM events WHERE position = ANY ($1);
EXECUTE positions(ARRAY[:p, :p + 1, :p]);
PREPARE tail(text, bigint) AS SELECT version FROM events WHERE entity_id = $1 AND version > $2 ORDER BY version;
EXPLAIN (COSTS OFF) EXECUTE tail('bulk-1', 48);
EXECUTE tail('bulk-1', 48);
RESET plan_cache_mode;

-- Of what cannot be, nothing is read.
SELECT line FROM unnest(ARRAY[
    'SELECT FROM events WHERE position = ANY (NULL::bigint[])', 'SELECT FROM events WHERE position = (SELECT NULL::bigint)',
    'SELECT FROM (VALUES (NULL::bigint)) v (p) LEFT JOIN events ON position = p', 'SELECT FROM events WHERE event_id = (SELECT NULL::uuid)',
    'SELECT FROM events WHERE recorded_at > (SELECT NULL::timestamptz)', 'SELECT FROM events WHERE event_type = (SELECT NULL)',
    'SELECT count(*) FROM events WHERE version < (SELECT NULL::bigint)']) WITH ORDINALITY q (query, i),
    LATERAL explain(query, 'ANALYZE, ') AS line WHERE line ~ 'Blocks Read' ORDER BY i;

-- A cursor on several entities, with what its snapshot sees.
BEGIN;
DECLARE c CURSOR FOR SELECT entity_id, version FROM events WHERE entity_id IN ('single-1', 'single-2') AND tenant_id = 'north' ORDER BY position DESC;
FETCH 2 FROM c;
SELECT version FROM append('single-1', 'key.single', tenant_id => 'north');
MOVE ALL FROM c;
SELECT count(*) FROM events WHERE entity_id IN ('single-1', 'single-2') AND tenant_id = 'north';
ROLLBACK;
DROP TABLE plain, asked;
DROP FUNCTION ask, explain;
DROP DOMAIN names;
