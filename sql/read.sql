-- Reading: an entity forward and backward, the log page by page, one event, the relation.
SET search_path = public, eventstore;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY default

-- This file's events come after this one.
SELECT position AS start FROM append('read', 'start') \gset
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"r%s","event_type":"type.%s","payload":{"i":%s}%s}', i % 3, i % 2, i,
                             CASE WHEN i > 24 THEN ',"tenant_id":"acme"' ELSE '' END), E'\n' ORDER BY i)
    FROM generate_series(1, 30) i));
SELECT count(*) FROM append('r0', 'type.last', '{"i": 31}');

-- An entity, forward.
SELECT version, event_type, payload FROM read_entity('r0');
SELECT version FROM read_entity('r0', 7);
SELECT version FROM read_entity('r0', 1, 2);
SELECT version FROM read_entity('r0', 3, 2);
SELECT version FROM read_entity('r0', max_count => 0);
SELECT version FROM read_entity('r0', 8, 100);
SELECT version FROM read_entity('r0', 10);
SELECT count(*) FROM read_entity('r0', 0);
SELECT count(*) FROM read_entity('r0', -5);
SELECT count(*) FROM read_entity('r0', NULL, NULL, NULL, NULL);
SELECT count(*) FROM read_entity('r0', 9223372036854775807);
SELECT count(*) FROM read_entity('r0', 4294967297);
SELECT count(*) FROM read_entity('r0', 1, 9223372036854775807);
-- Backward: from the last, or from the version given.
SELECT version, payload FROM read_entity('r0', backward => true);
SELECT version FROM read_entity('r0', max_count => 2, backward => true);
SELECT version FROM read_entity('r0', 3, backward => true);
SELECT version FROM read_entity('r0', 3, 2, true);
SELECT version FROM read_entity('r0', 100, 1, true);
SELECT version FROM read_entity('r0', 9223372036854775807, 1, true);
SELECT version FROM read_entity('r0', 0, backward => true);
SELECT version FROM read_entity('r0', -1, backward => true);
-- Other tenants, other entities.
SELECT tenant_id, version, payload FROM read_entity('r0', tenant_id => 'acme');
SELECT count(*) FROM read_entity('r0', tenant_id => 'default');
SELECT count(*) FROM read_entity('r0', tenant_id => 'nobody');
SELECT count(*) FROM read_entity('r0 ');
SELECT count(*) FROM read_entity('');
SELECT count(*) FROM read_entity(repeat('r', 10000));

-- The last event, of a type too.
SELECT version, event_type, payload FROM last_event('r0');
SELECT version, payload FROM last_event('r0', 'type.0');
SELECT version, payload FROM last_event('r0', 'type.0', 'acme');
SELECT version, payload FROM last_event('r0', NULL, 'acme');
SELECT NOT EXISTS (SELECT FROM last_event('r0', 'type')) AS no_such_type, NOT EXISTS (SELECT FROM last_event('r0', '')) AS empty_type,
       NOT EXISTS (SELECT FROM last_event('nobody')) AS no_entity, NOT EXISTS (SELECT FROM last_event('r0', NULL, 'nobody')) AS no_tenant;
SELECT entity_version('r0'), entity_version('r0', 'acme'), entity_version('r0', 'default'), entity_version('nobody'), entity_version('r0', 'nobody'), entity_version('');

-- The log, in pages: all of it, once, in order.  [I2]
SELECT position - :start AS nth, tenant_id, entity_id, version FROM read_all(:start, 5);
WITH RECURSIVE page AS (
    SELECT 1 AS n, (SELECT array_agg(r ORDER BY position) FROM read_all(:start, 7) r) AS rows
    UNION ALL
    SELECT n + 1, (SELECT array_agg(r ORDER BY position) FROM read_all((rows[cardinality(rows)]).position, 7) r)
    FROM page WHERE rows IS NOT NULL
)
SELECT n, cardinality(rows) AS rows, (rows[1]).position - :start AS first, (rows[cardinality(rows)]).position - :start AS last FROM page ORDER BY n;
SELECT count(*) FROM read_all(:start, NULL);
SELECT count(*) FROM read_all(:start, 0);
SELECT count(*) FROM read_all(:start + 20);
SELECT count(*) FROM read_all(safe_position());
SELECT count(*) FROM read_all(9223372036854775807);
SELECT count(*) FROM read_all(9223372036854775806);
SELECT (SELECT count(*) FROM read_all(NULL, NULL)) = (SELECT count(*) FROM events) AS null_is_start,
       (SELECT count(*) FROM read_all(-1, NULL)) = (SELECT count(*) FROM events) AS negative_is_start;
SELECT count(*) <= 1000 AS default_page FROM read_all();
-- The pages of one tenant; NULL is all of them.
SELECT position - :start AS nth, tenant_id, entity_id, version FROM read_all(:start, 4, 'acme');
SELECT position - :start AS nth, tenant_id, entity_id, version FROM read_all(:start + 28, 4, 'acme');
SELECT count(*) FROM read_all(:start, NULL, 'default');
SELECT count(*) FROM read_all(:start, NULL, NULL);
SELECT count(*) FROM read_all(:start, NULL, 'nobody');
-- The rows come in log order without being asked.
SELECT bool_and(position > before) FROM (SELECT position, lag(position, 1, 0::bigint) OVER () AS before FROM read_all(:start, NULL)) p;

-- One event by its position.
SELECT entity_id, version, payload FROM get_event(:start + 1);
SELECT (SELECT payload FROM get_event(:start + 31));
SELECT NOT EXISTS (SELECT FROM get_event(:start + 32)) AS after_the_last, NOT EXISTS (SELECT FROM get_event(0)) AS zero, NOT EXISTS (SELECT FROM get_event(-1)) AS negative,
       NOT EXISTS (SELECT FROM get_event(NULL)) AS of_null, NOT EXISTS (SELECT FROM get_event(9223372036854775807)) AS greatest, NOT EXISTS (SELECT FROM get_event(-9223372036854775808)) AS least;
SELECT count(*) FROM generate_series(:start + 1, :start + 31) p, LATERAL get_event(p) e WHERE e.position = p;
SELECT safe_position() - :start AS safe;

-- The relation has the same rows as the functions, columns in the same order.
SELECT count(*), bool_and(e IS NOT DISTINCT FROM r) AS same
FROM (SELECT * FROM events WHERE position > :start) e FULL JOIN read_all(:start, NULL) r USING (position);
SELECT count(*), bool_and(row_to_json(e)::text = row_to_json(g)::text) AS same
FROM events e, LATERAL get_event(e.position) g WHERE e.position > :start;
SELECT event_type, count(*), min((payload ->> 'i')::int), max((payload ->> 'i')::int)
FROM events WHERE position > :start AND tenant_id = 'default' GROUP BY 1 ORDER BY 1;
SELECT entity_id, max(version) FROM events WHERE position > :start AND payload @> '{"i": 7}' GROUP BY 1;
SELECT count(*) FROM events WHERE position > :start AND recorded_at > now() - interval '1 day';
-- Events are not changed and not removed.
UPDATE events SET payload = '{}' WHERE entity_id = 'r0';
DELETE FROM events WHERE entity_id = 'r0';

-- In a join, a lateral call for each row, in a select list.
SELECT e.entity_id, e.version FROM unnest(ARRAY['r0', 'nobody', 'r1']) id, LATERAL read_entity(id, max_count => 1, backward => true) e;
SELECT (read_entity('r1', 7)).version;
SELECT id, (SELECT version FROM last_event(id)) FROM unnest(ARRAY['r0', 'nobody', 'r1']) id;

-- All fields, and null ones.
\x on
SELECT count(*) FROM append('all', 'x.y', '[1, null]', '{"correlation_id": "c"}', 0, '00000000-0000-0000-0000-00000000000f', '{b,a}', 'acme');
SELECT position - :start AS nth, tenant_id, entity_id, version, event_type, event_id, payload, metadata, tags, occurred_at = recorded_at AS occurred FROM read_entity('all', tenant_id => 'acme');
SELECT count(*) FROM ingest_batch('{"entity_id":"all","event_type":"t","payload":null,"occurred_at":"2026-01-31T12:00:00Z","tags":[]}');
SELECT tenant_id, entity_id, version, event_type, payload, metadata IS NULL AS no_metadata, tags, occurred_at FROM read_entity('all');
\x off

-- Prepared statements and plans that are kept.
PREPARE read AS SELECT version FROM read_entity($1, $2, $3, $4, $5);
EXECUTE read('r0', NULL, 1, true, NULL);
EXECUTE read('r0', 2, 1, false, 'acme');
SET plan_cache_mode = force_generic_plan;
EXECUTE read('r1', NULL, 2, true, NULL);
RESET plan_cache_mode;
DEALLOCATE read;
SELECT * FROM verify();

-- A consumer of some of the events: conditions on what it wants, answered by blocks.
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"%s-%s","event_type":"wanted.%s","payload":{"n":%s,"in":{"a":%s}}%s%s}', CASE WHEN i % 2 = 0 THEN 'in' ELSE 'out' END, i % 5,
                             (ARRAY['a', 'b', 'c.d', 'rare'])[CASE WHEN i = 777 THEN 4 ELSE 1 + i % 3 END], i, i % 4,
                             CASE i % 3 WHEN 0 THEN ',"tags":["x","y"]' WHEN 1 THEN ',"tags":["y"]' ELSE '' END,
                             CASE WHEN i % 10 = 0 THEN ',"tenant_id":"acme"' ELSE '' END), E'\n' ORDER BY i)
    FROM generate_series(1, 1000) i));
SELECT version FROM append('in-1', 'wanted.rare', '{"n": 1e3, "in": {"a": 2.0}}', tags => '{y}');
CREATE TEMP TABLE log AS SELECT * FROM read_all(:start + 31, NULL);
CREATE FUNCTION pg_temp.differences(arguments text, condition text) RETURNS TABLE (found bigint, differences bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH got AS (SELECT * FROM eventstore.read_all((SELECT min(position) - 1 FROM log), NULL, %s)), want AS (SELECT * FROM log WHERE %s)
        SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM (SELECT row_number() OVER (), g FROM got g) a FULL JOIN (SELECT row_number() OVER (ORDER BY position), w FROM want w) b USING (row_number) WHERE g::text IS DISTINCT FROM w::text)',
        arguments, condition);
END $$;
SELECT * FROM pg_temp.differences('event_types => ''{wanted.a}''', 'event_type = ''wanted.a''');
SELECT * FROM pg_temp.differences('event_types => ''{wanted.rare,wanted.c.*}''', 'event_type = ''wanted.rare'' OR event_type LIKE ''wanted.c.%''');
SELECT * FROM pg_temp.differences('event_types => ''{}''', 'false');
SELECT * FROM pg_temp.differences('entity_prefix => ''in-''', 'entity_id LIKE ''in-%''');
SELECT * FROM pg_temp.differences('entity_prefix => ''in-%''', 'false');
SELECT * FROM pg_temp.differences('entity_prefix => ''''', 'true');
SELECT * FROM pg_temp.differences('tags => ''{y,x}''', 'tags @> ''{x,y}''');
SELECT * FROM pg_temp.differences('tags => ''{}''', 'true');
SELECT * FROM pg_temp.differences('payload_filter => ''{"in":{"a":2}}''', 'payload @> ''{"in":{"a":2}}''');
SELECT * FROM pg_temp.differences('payload_filter => ''{"n":1000}''', 'payload @> ''{"n":1000}''');
SELECT * FROM pg_temp.differences('payload_filter => ''[]''', 'payload @> ''[]''');
SELECT * FROM pg_temp.differences('''acme'', ''{wanted.*}'', ''in'', ''{y}'', ''{"in":{"a":2}}''', 'tenant_id = ''acme'' AND entity_id LIKE ''in%'' AND tags @> ''{y}'' AND payload @> ''{"in":{"a":2}}''');
-- Up to a position, inclusive, but never past the safe one.
SELECT count(*), max(position) - :start AS last FROM read_all(:start, NULL, up_to => :start + 40);
SELECT count(*) FROM read_all(:start, NULL, up_to => :start);
SELECT count(*) > 1000 AS up_to_safe FROM read_all(:start, NULL, up_to => 9223372036854775807);
-- How far a consumer has come although little was found: the safe position of the same statement.
SELECT count(e.position) AS found, bool_and(e.position <= s.p) AS safe, max(s.p) = safe_position() AS looked_up_to
FROM safe_position() AS s(p) LEFT JOIN LATERAL read_all(:start, 10, event_types => '{wanted.rare}') e ON true;
SELECT count(*) FROM read_all(event_types => '{a,NULL}');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM read_all(tags => '{NULL}');
\echo :LAST_ERROR_SQLSTATE

-- A row of the relation is an event as functions take it; what is not there is no row.
CREATE FUNCTION pg_temp.apply(recorded_event) RETURNS text LANGUAGE sql AS $$ SELECT $1.event_type || $1.version $$;
SELECT pg_temp.apply(e), pg_temp.apply(e::recorded_event), pg_temp.apply(r) FROM events e JOIN read_entity('r1') r USING (position) WHERE r.version = 2;
SELECT (e::recorded_event) IS NOT DISTINCT FROM (SELECT g FROM get_event(:start + 1) g) AS same FROM events e WHERE position = :start + 1;
SELECT s.id, l.version FROM (VALUES ('r1'), ('nobody')) s(id), LATERAL last_event(s.id) l;
SELECT s.id, l.version FROM (VALUES ('r1'), ('nobody')) s(id) LEFT JOIN LATERAL last_event(s.id) l ON true ORDER BY 1;
