-- Aggregates of the relation: which are computed from blocks, and that the
-- answers are those of a plain table.
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
-- 16 and later sort for aggregates with an order or DISTINCT.
SELECT count(set_config(name, 'off', false)) < 2 AS set FROM pg_settings WHERE name = 'enable_presorted_aggregate';
SELECT ingested FROM eventstore.ingest_batch((
    SELECT string_agg(json_build_object(
        'entity_id', 'agg-' || i % 7,
        'event_type', CASE i % 3 WHEN 0 THEN 'order.placed' WHEN 1 THEN 'order.paid' ELSE 'order.shipped' END,
        'tenant_id', CASE WHEN i % 10 = 0 THEN 'other' END,
        'occurred_at', CASE WHEN i % 4 > 0 THEN timestamptz '2026-01-01' + i * interval '10 minutes' END,
        'tags', CASE WHEN i % 5 = 0 THEN json_build_array('a') END,
        'payload', json_build_object('amount', i * 1.25, 'count', i, 'status', CASE i % 4 WHEN 0 THEN 'new' WHEN 1 THEN 'old' END)
    )::text, E'\n' ORDER BY i) FROM generate_series(1, 300) i));
-- Rows of their own, with numbers that no integer holds, and none at all.
SELECT count(eventstore.append('agg-1', 'order.note', payload)) FROM (VALUES
    ('{"amount":123456789012345678901234567890.5,"count":9223372036854775807}'::jsonb),
    ('{"amount":"12.500","count":"7"}'), ('{"amount":"NaN"}'), ('{"amount":null}'), ('{}'), ('[1]'), ('7')) v (payload);
CREATE TEMP TABLE plain AS SELECT * FROM eventstore.events ORDER BY position;

-- Runs the query on both and shows the plan's nodes; a difference is an error.
CREATE FUNCTION pg_temp.same(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    differences bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) d',
                   '(' || replace(query, '{T}', 'eventstore.events') || ')',
                   '(' || replace(query, '{T}', 'plain') || ')') INTO differences;
    RETURN NEXT CASE differences WHEN 0 THEN 'same answer' ELSE 'DIFFERENT ANSWER' END;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(query, '{T}', 'eventstore.events') LOOP
        IF line ~ 'Scan|Aggregate|Filter|Access' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END
$$;

-- Without groups
SELECT pg_temp.same('SELECT count(*) FROM {T}');
SELECT pg_temp.same('SELECT count(*), count(tags), count(payload ->> ''status''), count(DISTINCT entity_id) FROM {T} WHERE version > 3');
SELECT pg_temp.same('SELECT min(position), max(version), min(occurred_at), max(recorded_at), sum(version), avg(position) FROM {T}');
SELECT pg_temp.same('SELECT sum((payload ->> ''amount'')::numeric), avg((payload ->> ''amount'')::numeric), min((payload ->> ''amount'')::numeric), max((payload ->> ''amount'')::numeric) FROM {T}');
SELECT pg_temp.same('SELECT sum((payload ->> ''count'')::bigint), avg((payload ->> ''count'')::bigint), min((payload ->> ''count'')::bigint), max((payload ->> ''count'')::bigint) FROM {T}');
SELECT pg_temp.same('SELECT sum((payload ->> ''count'')::int), avg((payload ->> ''count'')::int), max((payload ->> ''count'')::int) FROM {T} WHERE event_type <> ''order.note''');
SELECT pg_temp.same('SELECT count(*) FILTER (WHERE payload ->> ''status'' = ''new''), sum((payload ->> ''amount'')::numeric) FILTER (WHERE version % 2 = 0) FROM {T} WHERE event_type <> ''order.note''');
SELECT pg_temp.same('SELECT count(*), sum(version), min(version) FROM {T} WHERE version < 0');

-- Groups
SELECT pg_temp.same('SELECT event_type, count(*) FROM {T} GROUP BY event_type');
SELECT pg_temp.same('SELECT tenant_id, entity_id, count(*), max(version) FROM {T} GROUP BY tenant_id, entity_id');
SELECT pg_temp.same('SELECT payload ->> ''status'', event_type, count(*), sum((payload ->> ''amount'')::numeric) FROM {T} WHERE event_type <> ''order.note'' GROUP BY 1, 2');
SELECT pg_temp.same('SELECT date_trunc(''hour'', occurred_at), count(*) FROM {T} WHERE position <= 300 GROUP BY 1');
SELECT pg_temp.same('SELECT date_bin(''6 hours'', occurred_at, ''2026-01-01''), count(DISTINCT entity_id) FROM {T} GROUP BY 1');
SELECT pg_temp.same('SELECT split_part(event_type, ''.'', 2), count(*) FROM {T} GROUP BY 1 HAVING count(*) > 10');
SELECT pg_temp.same('SELECT event_type, count(*) FROM {T} WHERE payload @> ''{"status":"old"}'' GROUP BY 1');
SELECT pg_temp.same('SELECT entity_id FROM {T} GROUP BY entity_id');

-- What is left to PostgreSQL, and what is put together with other things
SELECT pg_temp.same('SELECT sum((payload ->> ''amount'')::float8) FROM {T} WHERE event_type = ''order.paid''');
SELECT pg_temp.same('SELECT event_type, version % 2, count(*) FROM {T} GROUP BY ROLLUP (event_type, version % 2)');
SELECT pg_temp.same('SELECT string_agg(event_type, '','' ORDER BY position) FROM {T} WHERE entity_id = ''agg-3''');
SELECT pg_temp.same('SELECT count(DISTINCT event_type) FROM {T}');
SELECT pg_temp.same('SELECT count(*) FROM {T} WHERE entity_id = ''agg-3''');
SELECT pg_temp.same('SELECT max(position) FROM {T}');
SELECT pg_temp.same('SELECT count(*) FROM {T} WHERE random() >= 0');
SELECT pg_temp.same('SELECT t.event_type, t.n, (SELECT count(*) FROM {T} e WHERE e.event_type = t.event_type AND e.version > t.n) FROM (SELECT event_type, min(version) AS n FROM {T} GROUP BY 1) t');

-- Casts fail as they do elsewhere, and not where a condition excludes the event.
SELECT sum((payload ->> 'count')::int) FROM eventstore.events;
SELECT sum((payload ->> 'status')::numeric) FROM eventstore.events;
SELECT sum((payload ->> 'status')::numeric) FILTER (WHERE version < 0) FROM eventstore.events;

-- Parameters, again and again
PREPARE by_type (text, numeric) AS
    SELECT count(*), count(*) FILTER (WHERE (payload ->> 'amount')::numeric > $2) FROM eventstore.events WHERE event_type = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE by_type ('order.paid', 100);
EXECUTE by_type ('order.placed', 300);
EXECUTE by_type (NULL, NULL);
DEALLOCATE by_type;
RESET plan_cache_mode;

-- The events of the own transaction count.
BEGIN;
SELECT eventstore.append('agg-1', 'order.paid', '{"amount":1}') IS NOT NULL AS appended;
SELECT event_type, count(*) FROM eventstore.events GROUP BY 1 ORDER BY 1;
ROLLBACK;
SELECT count(*) FROM eventstore.events;

-- Of equal numbers that differ in their zeros, the last one is the extreme, also
-- where some are not plain numbers, or where a FILTER must be asked.
TRUNCATE eventstore.blocks;
SELECT ingested FROM eventstore.ingest_batch($$[
{"entity_id":"extreme","event_type":"t","payload":{"v":1.0}}, {"entity_id":"extreme","event_type":"t","payload":{"v":" 1.000 "}},
{"entity_id":"extreme","event_type":"t","payload":{"v":1.00}}, {"entity_id":"extreme","event_type":"t","payload":{"v":"1e0"}},
{"entity_id":"extreme","event_type":"u","payload":{"v":1.0000}}]$$);
SELECT max((payload ->> 'v')::numeric), min((payload ->> 'v')::numeric), sum((payload ->> 'v')::numeric),
    max((payload ->> 'v')::numeric) FILTER (WHERE (payload ->> 'v')::numeric = 1 AND event_type = 't'),
    min((payload ->> 'v')::numeric) FILTER (WHERE position % 2 = 1) FROM eventstore.events;

-- Entities with ids longer than any document
SELECT ingested FROM eventstore.ingest_batch(ARRAY(SELECT repeat('x', 300) || md5(i::text) FROM generate_series(1, 40) i), array_fill('v'::text, '{40}'), array_fill('{}'::text, '{40}'));
SELECT count(DISTINCT entity_id) FROM eventstore.events WHERE event_type = 'v';
SELECT length(entity_id), count(*) FROM eventstore.events WHERE event_type = 'v' GROUP BY 1;

-- More places in documents than a program has room for
SELECT pg_temp.same('SELECT ' || string_agg(format('sum((payload ->> ''k%s'')::numeric) FILTER (WHERE payload ->> ''l%s'' = ''x'')', i, i), ', ')
    || ' FROM {T} WHERE payload ->> ''w'' IS NULL') FROM generate_series(1, 16) i;
SELECT pg_temp.same('SELECT ' || string_agg(format('sum((payload ->> ''k%s'')::numeric)', i), ', ') || ' FROM {T} WHERE payload ->> ''w'' IS NULL') FROM generate_series(1, 40) i;

-- Constants of a FILTER are not worked out when no event asks for it.
SET plan_cache_mode = force_generic_plan;
PREPARE above (int) AS SELECT count(*) FILTER (WHERE version > 10 / $1) FROM eventstore.events WHERE event_type = 'none';
EXECUTE above (0);
EXECUTE above (1);
DEALLOCATE above;
RESET plan_cache_mode;

-- A part of the log that begins inside of its last block
SELECT ingested FROM eventstore.ingest_batch(array_fill('late'::text, '{40}'), array_fill('late'::text, '{40}'), array_fill('{"late":true}'::text, '{40}'));
SELECT max(position) - 10 AS inside, max(recorded_at) AS last FROM eventstore.events \gset
SELECT eventstore.append('late', 'later') IS NOT NULL AS appended;
SELECT count(*) FROM eventstore.events WHERE position > :inside AND recorded_at <= :'last';
SELECT count(*) FROM (SELECT position FROM eventstore.events WHERE position > :inside AND recorded_at <= :'last' ORDER BY position) e;
SELECT count(*) FROM (SELECT position FROM eventstore.events WHERE position > :inside AND recorded_at <= :'last' ORDER BY position DESC) e;
SELECT count(*) FROM eventstore.query_events(after_position => :inside, until => :'last');
SELECT count(*) FROM eventstore.query_events(after_position => :inside, until => :'last', backward => true);
