-- Finding events: query_events(), entity_state(), get_event_by_id(), entities(), event_types().
SET search_path = public, eventstore;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY default
\set SHOW_CONTEXT never

SELECT position AS start FROM append('z', 'start') \gset
-- In columns and, the last three, in rows.
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"q%s","event_type":"%s","payload":{"i":%s,"odd":%s,"in":{"m":[%s]}}%s%s}', i % 3,
                             (ARRAY['query.a', 'query.b.c', 'query', 'other.a'])[i % 4 + 1], i, to_json(i % 2 = 1), i % 5,
                             CASE i % 3 WHEN 0 THEN ',"tags":["x","y"]' WHEN 1 THEN ',"tags":["y"]' ELSE '' END,
                             CASE WHEN i > 30 THEN ',"tenant_id":"query"' ELSE '' END), E'\n' ORDER BY i)
    FROM generate_series(1, 40) i));
SELECT count(*) FROM append('q0', 'query.last', '{"i": 41}');
SELECT count(*) FROM append('q1', 'query.last', '[1, 2]', tags => '{z}', tenant_id => 'query');
SELECT count(*) FROM append('q9', 'query.text', '"text"');
-- The events that are found, by their place among those of this file.
SELECT set_config('test.start', :'start', false) IS NOT NULL AS remembered;
CREATE FUNCTION ask(arguments text) RETURNS TABLE (found bigint, places text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT count(*), string_agg((position - %1$s)::text, '' '') FROM (SELECT position FROM eventstore.query_events(%2$s%3$s)) q',
                                current_setting('test.start'),
                                CASE WHEN arguments LIKE '%after_position%' THEN '' ELSE format('after_position => %s', current_setting('test.start')) END,
                                CASE WHEN arguments = '' THEN '' WHEN arguments LIKE '%after_position%' THEN arguments ELSE ', ' || arguments END);
END
$$;

-- Nothing asked for: everything, in log order or backward; the same as read_all().
SELECT * FROM ask('');
SELECT * FROM ask('backward => true');
SELECT count(*) FROM ((SELECT * FROM query_events(after_position => :start) EXCEPT SELECT * FROM read_all(:start))
                      UNION ALL (SELECT * FROM read_all(:start) EXCEPT SELECT * FROM query_events(after_position => :start))) d;
SELECT count(*) = (SELECT count(*) FROM events) AS all_of_them FROM query_events();
-- An entity: of the default tenant, or of the one that is named.
SELECT * FROM ask($$entity_id => 'q0'$$);
SELECT * FROM ask($$entity_id => 'q0', backward => true$$);
SELECT * FROM ask($$entity_id => 'q0', tenant_id => 'query'$$);
SELECT * FROM ask($$entity_id => 'q0', tenant_id => 'default'$$);
SELECT * FROM ask($$entity_id => 'q0', tenant_id => 'nobody'$$);
SELECT * FROM ask($$entity_id => 'nobody'$$);
SELECT * FROM ask($$entity_id => ''$$);
SELECT * FROM ask($$entity_id => repeat('q', 10000)$$);
-- A tenant; all when none is named.
SELECT * FROM ask($$tenant_id => 'query'$$);
SELECT * FROM ask($$tenant_id => 'default', max_count => 3, backward => true$$);
SELECT * FROM ask($$tenant_id => 'nobody'$$);
SELECT * FROM ask($$tenant_id => ''$$);
-- Types, and how they begin.
SELECT * FROM ask($$event_types => '{query.a}'$$);
SELECT * FROM ask($$event_types => '{query.a, other.a, query.a}'$$);
SELECT * FROM ask($$event_types => '{query.*}'$$);
SELECT * FROM ask($$event_types => '{query.b.*, query, query.la*}'$$);
SELECT * FROM ask($$event_types => '{query.a.*}'$$);
SELECT * FROM ask($$event_types => '{.*}'$$);
SELECT * FROM ask($$event_types => '{*}'$$);
SELECT * FROM ask($$event_types => '{}'$$);
SELECT * FROM ask($$event_types => '{{query.a, nothing}, {query.last, ""}}'$$);
SELECT * FROM ask($$event_types => '{query.*}', entity_id => 'q1'$$);
SELECT * FROM ask($$event_types => '{query.a, NULL}'$$);
SELECT * FROM ask($$event_types => array_fill('query.a'::text, ARRAY[10000]), max_count => 2$$);
SELECT * FROM ask($$event_types => array_fill('query.a'::text, ARRAY[10001])$$);
-- Tags: all of them.
SELECT * FROM ask($$tags => '{x}'$$);
SELECT * FROM ask($$tags => '{y}', max_count => 5$$);
SELECT * FROM ask($$tags => '{x, y}'$$);
SELECT * FROM ask($$tags => '{z, y}'$$);
SELECT * FROM ask($$tags => '{z}'$$);
SELECT * FROM ask($$tags => '{z}', entity_id => 'q1', tenant_id => 'query'$$);
SELECT * FROM ask($$tags => '{}', max_count => 2$$);
SELECT * FROM ask($$tags => '{x, NULL}'$$);
-- The payload contains this.
SELECT * FROM ask($$payload_filter => '{"i": 41}'$$);
SELECT * FROM ask($$payload_filter => '{"i": 17.0, "odd": true}'$$);
SELECT * FROM ask($$payload_filter => '{"odd": false}', max_count => 4$$);
SELECT * FROM ask($$payload_filter => '{"in": {"m": [3]}}'$$);
SELECT * FROM ask($$payload_filter => '{"in": {"m": [3]}}', entity_id => 'q1'$$);
SELECT * FROM ask($$payload_filter => '{"in": {}}', backward => true, max_count => 2$$);
SELECT * FROM ask($$payload_filter => '{}', backward => true, max_count => 2$$);
SELECT * FROM ask($$payload_filter => '[2]'$$);
SELECT * FROM ask($$payload_filter => '2'$$);
SELECT * FROM ask($$payload_filter => '"text"'$$);
SELECT * FROM ask($$payload_filter => 'null'$$);
-- Times of recording, inclusive.
SELECT min(recorded_at) AS first_time, max(recorded_at) AS last_time FROM read_all(:start) \gset
SELECT * FROM ask(format('since => %L', :'last_time'));
SELECT * FROM ask(format('until => %L', :'first_time'));
SELECT * FROM ask(format('as_of => %L, entity_id => %L', :'first_time', 'q0'));
SELECT * FROM ask(format('since => %L, entity_id => %L', :'last_time', 'q9'));
SELECT * FROM ask(format('since => %L, until => %1$L, backward => true', :'last_time'));
SELECT * FROM ask(format('until => %L, as_of => %L', :'last_time', :'first_time'));
SELECT * FROM ask($$since => 'infinity'$$);
SELECT * FROM ask($$until => '-infinity'$$);
SELECT * FROM ask($$since => '-infinity', until => 'infinity', as_of => 'infinity', max_count => 1$$);
SELECT * FROM ask(format('since => %L, until => %L', :'last_time', :'first_time'));
-- Limits.
SELECT * FROM ask($$max_count => 0$$);
SELECT * FROM ask($$max_count => -1$$);
SELECT * FROM ask(format('after_position => %s', :start + 40));
SELECT * FROM ask(format('after_position => %s, entity_id => %L', :start + 30, 'q0'));
SELECT * FROM ask(format('after_position => %s, entity_id => %L, backward => true', :start + 20, 'q0'));
SELECT * FROM ask($$after_position => 9223372036854775807$$);
SELECT count(*) FROM query_events(NULL, NULL, NULL, NULL, NULL, NULL, NULL, -5, 1, NULL, NULL);
-- As the relation has it, whatever is asked.
SELECT count(*) AS differences FROM generate_series(0, 127) g, LATERAL (
    SELECT array_agg(e.position) AS positions
    FROM query_events(entity_id => CASE WHEN g & 1 <> 0 THEN 'q1' END,
                      event_types => CASE WHEN g & 2 <> 0 THEN '{query, query.b.*}'::text[] END,
                      payload_filter => CASE WHEN g & 4 <> 0 THEN '{"odd": true}'::jsonb END,
                      tags => CASE WHEN g & 8 <> 0 THEN '{y}'::text[] END,
                      max_count => CASE WHEN g & 16 <> 0 THEN 3 END,
                      backward => g & 32 <> 0,
                      tenant_id => CASE WHEN g & 64 <> 0 THEN 'query' END) e) a,
LATERAL (
    SELECT array_agg(position) AS positions FROM (
        SELECT position FROM events
        WHERE (g & 1 = 0 OR entity_id = 'q1')
          AND (g & 2 = 0 OR event_type = 'query' OR event_type LIKE 'query.b.%')
          AND (g & 4 = 0 OR payload @> '{"odd": true}')
          AND (g & 8 = 0 OR tags @> '{y}')
          AND (g & 65 = 0 OR tenant_id = CASE WHEN g & 64 <> 0 THEN 'query' ELSE 'default' END)
        ORDER BY CASE WHEN g & 32 <> 0 THEN -position ELSE position END
        LIMIT CASE WHEN g & 16 <> 0 THEN 3 END) e) b
WHERE a.positions IS DISTINCT FROM b.positions;

-- The state of an entity.
SELECT entity_state('q0'), entity_state('q9'), entity_state('nobody'), entity_state('q1', tenant_id => 'query');
SELECT entity_state('q0', :'first_time'), entity_state('q0', '2000-01-01'), entity_state('q0', 'infinity') = entity_state('q0') AS now;
SELECT count(*) FROM ingest_batch($$[
    {"entity_id":"state","event_type":"t","payload":{"a":1,"b":{"x":1,"y":2},"a":2}},
    {"entity_id":"state","event_type":"t","payload": { } },
    {"entity_id":"state","event_type":"t","payload":[{"a":3}]},
    {"entity_id":"state","event_type":"t","payload":{"b":{"x":3},"\u0063":1.50}},
    {"entity_id":"state","event_type":"t","payload": {"c" : null, "d}": "}"} },
    {"entity_id":"state","event_type":"t","payload":{"c":[1,{"q":"\""}]}}]$$);
SELECT entity_state('state');
-- The same as merging one by one, also where it is compacted on the way.
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"large-state","event_type":"t","payload":{"k%s":"%s","last":%s}}', i % 7, repeat('text ', 100), i), E'\n' ORDER BY i)
    FROM generate_series(1, 6000) i));
CREATE AGGREGATE merged(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
SELECT entity_state('large-state') = merged(payload ORDER BY version) AS same FROM read_entity('large-state');
DROP AGGREGATE merged(jsonb);
SELECT entity_state(NULL);

-- By id: the server's, a caller's that is about as old, any other.
SELECT count(*) AS all, count(*) FILTER (WHERE (SELECT position FROM get_event_by_id(event_id)) = position) AS found FROM query_events(after_position => :start, max_count => 45);
SELECT count(*) FROM append('by-id', 't', event_id => '0190163d-8694-739b-aea5-966c26f8ad90');
SELECT count(*) FROM append('by-id', 't', event_id => 'ffffffff-ffff-ffff-ffff-ffffffffffff');
SELECT count(*) FROM append('by-id', 't', event_id => '00000000-0000-0000-0000-000000000000');
SELECT version FROM get_event_by_id('0190163d-8694-739b-aea5-966c26f8ad90');
SELECT version FROM get_event_by_id('ffffffff-ffff-ffff-ffff-ffffffffffff');
SELECT version FROM get_event_by_id('00000000-0000-0000-0000-000000000000');
SELECT NOT EXISTS (SELECT FROM get_event_by_id('0190163d-8694-739b-aea5-966c26f8ad91')) AS none, NOT EXISTS (SELECT FROM get_event_by_id('ffffffff-ffff-7fff-ffff-ffffffffffff')) AS late,
       NOT EXISTS (SELECT FROM get_event_by_id('00000000-0000-7000-0000-000000000000')) AS early, NOT EXISTS (SELECT FROM get_event_by_id(NULL)) AS nothing;

-- Ids that time does not lead to are in the index: those of callers, but none of the server's.
CREATE FUNCTION random_id(i int) RETURNS uuid LANGUAGE sql AS $$ SELECT overlay(md5(i::text) PLACING '4' FROM 13 FOR 1)::uuid $$;
CREATE FUNCTION young_id(i int) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || right(md5(i::text), 19))::uuid $$;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('id-' || i % 5, 't', event_id => random_id(i)) ORDER BY i) FROM generate_series(1, 500) i));
SELECT id_memory AS memory, ids_complete FROM stat_index \gset
SELECT :memory >= 500 * 16 AS has_memory, :'ids_complete' AS complete;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('id-none-' || i % 5, 't') ORDER BY i) FROM generate_series(1, 5000) i));
SELECT id_memory = :memory AS no_more FROM stat_index;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('id-none-' || i % 5, 't', event_id => CASE WHEN i % 100 = 0 THEN random_id(i + 1000) END) ORDER BY i) FROM generate_series(1, 1000) i));
SELECT id_memory - :memory AS ten_more FROM stat_index;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('id-young', 't', event_id => young_id(i)) ORDER BY i) FROM generate_series(1, 50) i));
SELECT count(*) FROM generate_series(1, 500) i WHERE (SELECT entity_id FROM get_event_by_id(random_id(i))) = 'id-' || i % 5;
SELECT count(*) FROM generate_series(501, 1000) i WHERE EXISTS (SELECT FROM get_event_by_id(random_id(i)));
SELECT count(*) FROM generate_series(1100, 2000, 100) i WHERE (SELECT version FROM get_event_by_id(random_id(i))) = (i - 1000) / 5 + 1000;
SELECT count(*) AS all, count(*) FILTER (WHERE (SELECT g FROM get_event_by_id(event_id) AS g) = e::recorded_event) AS found
FROM (SELECT read_entity('id-young') UNION ALL SELECT * FROM (SELECT read_entity('id-none-1', 900, 50)) x) y(e), LATERAL (SELECT (e).event_id) z;

-- The same id of two entities, of a transaction that is rolled back, of a savepoint, before the commit.
SELECT count(*) FROM append('id-first', 't', event_id => 'dddddddd-0000-4000-8000-000000000000');
SELECT count(*) FROM append('id-second', 't', event_id => 'dddddddd-0000-4000-8000-000000000000');
SELECT entity_id IN ('id-first', 'id-second') AS one_of_them FROM get_event_by_id('dddddddd-0000-4000-8000-000000000000');
BEGIN;
SELECT count(*) FROM append('id-gone', 't', event_id => 'cccccccc-0000-4000-8000-000000000000');
SELECT entity_id FROM get_event_by_id('cccccccc-0000-4000-8000-000000000000');
ROLLBACK;
SELECT NOT EXISTS (SELECT FROM get_event_by_id('cccccccc-0000-4000-8000-000000000000')) AS gone;
SELECT count(*) FROM append('id-there', 't', event_id => 'cccccccc-0000-4000-8000-000000000000');
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM append('id-gone', 't', event_id => 'cccccccc-0000-4000-8000-000000000000');
SELECT count(*) FROM append('id-gone', 't', event_id => 'bbbbbbbb-0000-4000-8000-000000000000');
SELECT entity_id FROM get_event_by_id('bbbbbbbb-0000-4000-8000-000000000000');
ROLLBACK TO s;
SELECT NOT EXISTS (SELECT FROM get_event_by_id('bbbbbbbb-0000-4000-8000-000000000000')) AS gone;
SELECT entity_id FROM get_event_by_id('cccccccc-0000-4000-8000-000000000000');
COMMIT;
-- The same after the index was built anew.
SELECT rebuild_index();
SELECT id_memory <= :memory + 16 * 20 AND ids_complete AS same_memory FROM stat_index;
SELECT count(*) FROM generate_series(1, 500) i WHERE (SELECT entity_id FROM get_event_by_id(random_id(i))) = 'id-' || i % 5;
SELECT entity_id FROM get_event_by_id('cccccccc-0000-4000-8000-000000000000');
SELECT NOT EXISTS (SELECT FROM get_event_by_id('bbbbbbbb-0000-4000-8000-000000000000')) AS gone;
SELECT entity_id IN ('id-first', 'id-second') AS one_of_them FROM get_event_by_id('dddddddd-0000-4000-8000-000000000000');
SELECT * FROM verify();
-- The relation finds them in the same way, and all events with the same id.
EXPLAIN (COSTS OFF) SELECT entity_id FROM events WHERE event_id = 'dddddddd-0000-4000-8000-000000000000';
SELECT entity_id FROM events WHERE event_id = 'dddddddd-0000-4000-8000-000000000000' ORDER BY 1;
SELECT count(*), count(DISTINCT position) FROM generate_series(1, 500) i, LATERAL (SELECT position FROM events WHERE event_id = random_id(i)) e;
SELECT count(*) FROM events WHERE event_id = 'bbbbbbbb-0000-4000-8000-000000000000';
SELECT count(*) FROM events e WHERE event_id = (SELECT o.event_id FROM events o WHERE o.position = e.position) AND position < (SELECT min(position) + 50 FROM events);
DROP FUNCTION random_id;
DROP FUNCTION young_id;

-- What there is.
SELECT tenant_id, entity_id, events, first_recorded_at <= last_recorded_at AS in_order FROM entities('q', tenant_id => 'default');
SELECT tenant_id, entity_id, events FROM entities('q');
SELECT tenant_id, entity_id, events FROM entities('q', max_count => 1);
SELECT tenant_id, entity_id, events FROM entities('q', 'q0', 1);
SELECT tenant_id, entity_id, events FROM entities('q', after => 'q2');
SELECT count(*) FROM entities('q', max_count => 0);
SELECT count(*) FROM entities('q', max_count => -1);
SELECT count(*) FROM entities('Q');
SELECT count(*) FROM entities('q%');
SELECT count(*) = (SELECT count(DISTINCT (tenant_id, entity_id)) FROM events) AS all_of_them, sum(events) = (SELECT count(*) FROM events) AS with_their_events FROM entities();
SELECT count(*) = (SELECT count(DISTINCT (tenant_id, entity_id)) FROM events) AS same FROM entities(NULL, NULL, NULL, NULL);
SELECT count(*) AS others FROM (SELECT * FROM entities() EXCEPT SELECT tenant_id, entity_id, count(*), min(recorded_at), max(recorded_at) FROM events GROUP BY tenant_id, entity_id) o;
SELECT count(*) AS out_of_order FROM (SELECT (entity_id COLLATE "C", tenant_id COLLATE "C") < lag((entity_id COLLATE "C", tenant_id COLLATE "C")) OVER () AS wrong FROM entities()) o WHERE wrong;
SELECT count(*) FROM entities(tenant_id => '');
SELECT event_type, events FROM event_types('query');
SELECT sum(events) = (SELECT count(*) FROM events) AS all_of_them, bool_and(first_recorded_at <= last_recorded_at) AS in_order FROM event_types();

-- Own events that are not committed, and a savepoint that takes them back.
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM append('uncommitted', 'uncommitted.a', '{"u": 1}', event_id => 'eeeeeeee-0000-4000-8000-000000000000', tags => '{uncommitted}', tenant_id => 'new-tenant');
SELECT count(*) FROM query_events('uncommitted', tenant_id => 'new-tenant');
SELECT count(*) FROM query_events(event_types => '{uncommitted.*}', tags => '{uncommitted}', payload_filter => '{"u": 1}');
SELECT entity_state('uncommitted', tenant_id => 'new-tenant'), (SELECT entity_id FROM get_event_by_id('eeeeeeee-0000-4000-8000-000000000000'));
SELECT events FROM entities('uncommitted');
ROLLBACK TO s;
SELECT count(*) FROM query_events('uncommitted', tenant_id => 'new-tenant');
SELECT count(*) FROM query_events(event_types => '{uncommitted.*}');
SELECT entity_state('uncommitted', tenant_id => 'new-tenant'), NOT EXISTS (SELECT FROM get_event_by_id('eeeeeeee-0000-4000-8000-000000000000')) AS gone;
SELECT events FROM entities('uncommitted');
COMMIT;
SELECT * FROM verify();
SELECT rebuild_index();
SELECT * FROM verify();
DROP FUNCTION ask;
