-- The relation events asked by predicate: what is pushed down, by EXPLAIN, and that the answers are PostgreSQL's.
SET search_path = eventstore, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
TRUNCATE blocks;
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'q-' || i % 40 FROM generate_series(1, 2000) i), array_fill('q.noise'::text, '{2000}'),
    ARRAY(SELECT format('{"n":%s,"amount":%s.%s,"at":"2026-01-%s","ok":%s,"kind":"%s","in":{"k":["x",%s]}}', i, i % 100, i % 10,
        to_char(1 + i % 28, 'FM00') || 'T00:00:00Z', (ARRAY['true','false','null'])[1 + i % 3], (ARRAY['alpha','beta','gamma'])[1 + i % 3], i % 5)
        FROM generate_series(1, 2000) i));
SELECT version FROM append('q-alone', 'q.single', '{"n":-1,"note":"a\"b","id":"00000000-0000-0000-0000-00000000000a"}', metadata => '{"user":"ann"}', tags => '{web,eu}');
CREATE TABLE plain AS SELECT * FROM events;
CREATE FUNCTION plan(query text, options text DEFAULT 'VERBOSE, COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        CONTINUE WHEN line ~ '^ *(Kernel|Output|Query Identifier): ';
        RETURN NEXT replace(line, '.00 loops', ' loops'); -- as 18 has it
    END LOOP;
END
$$;

-- Which part of a condition is answered by columns, and whether the answer is that of a plain table.
CREATE FUNCTION ask(asked text, OUT condition text, OUT by_columns bool, OUT by_rows bool, OUT events bigint, OUT same bool) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    others bigint;
BEGIN
    condition := asked;
    by_columns := false;
    by_rows := false;
    FOR line IN EXECUTE format('EXPLAIN SELECT FROM eventstore.events t WHERE %s', $1) LOOP
        by_columns := by_columns OR line ~ 'Column Filter:|Entity:';
        by_rows := by_rows OR line ~ 'Row Filter:';
    END LOOP;
    EXECUTE format('SELECT count(*), sum(position) FROM eventstore.events t WHERE %s', $1) INTO events, others;
    EXECUTE format('SELECT count(*) = $1 AND sum(position) IS NOT DISTINCT FROM $2 FROM plain t WHERE %s', $1) INTO same USING events, others;
END
$$;
SELECT ask.* FROM unnest(ARRAY[
    $$payload @> '{"kind":"alpha"}'$$, $$payload @> '{"in":{"k":["x"]}}'$$, $$payload @> '{"amount":1.1,"ok":false}'$$, $$metadata @> '{"user":"ann"}'$$,
    $$payload ->> 'kind' = 'beta'$$, $$payload ->> 'kind' <> 'beta'$$, $$payload ->> 'kind' < 'b'$$, $$payload ->> 'note' = 'a"b'$$,
    $$payload #>> '{in,k,0}' = 'x'$$, $$payload -> 'in' -> 'k' ->> 1 = '3'$$, $$payload -> 'ok' = 'true'$$, $$payload -> 'none' IS NULL$$,
    $$(payload ->> 'n')::numeric > 1990$$, $$(payload ->> 'amount')::numeric BETWEEN 98 AND 98.8$$, $$(payload ->> 'n')::bigint = 77$$,
    $$(payload ->> 'n')::int < 3$$, $$(payload ->> 'amount')::float8 >= 99$$, $$(payload ->> 'at')::timestamptz < '2026-01-03'$$,
    $$(payload ->> 'ok')::boolean$$, $$(payload ->> 'ok')::boolean IS NOT TRUE$$, $$(payload ->> 'id')::uuid = '00000000-0000-0000-0000-00000000000a'$$,
    $$payload ? 'note'$$, $$payload ?| '{note,kind}'$$, $$payload ?& '{note,kind}'$$,
    $$payload ->> 'kind' IN ('alpha', 'gamma')$$, $$payload ->> 'kind' NOT IN ('alpha', NULL)$$, $$payload ->> 'kind' = ANY ('{beta,none}')$$,
    $$payload ->> 'kind' LIKE 'al%'$$, $$payload ->> 'kind' LIKE '%a_'$$, $$event_type ^@ 'q.s'$$,
    $$metadata ->> 'user' = 'ann'$$, $$metadata IS NOT NULL$$, $$tags @> '{eu}'$$, $$tags && '{eu,us}'$$, $$'web' = ANY (tags)$$, $$tags IS NULL$$,
    $$event_type = 'q.single' AND version = 1$$, $$event_type = 'q.single' OR (payload ->> 'n')::int = 5$$, $$NOT (payload ->> 'kind' = 'alpha' OR payload ? 'note')$$,
    $$(payload ->> 'kind' = 'alpha') IS NOT UNKNOWN$$, $$event_id = '00000000-0000-0000-0000-000000000001'$$, $$position > 1000000000000$$, $$version BETWEEN 3 AND 4$$,
    $$recorded_at > now() - interval '1 day'$$, $$occurred_at >= date_trunc('day', now() - interval '1 year')$$, $$entity_id = 'q-alone'$$, $$tenant_id = 'default' AND entity_id IN ('q-1', 'q-2')$$]) WITH ORDINALITY c (condition, i), ask(c.condition) ORDER BY i;

-- What is not understood is evaluated on rows, alone or beside what is.
SELECT ask.* FROM unnest(ARRAY[
    $$payload ->> 'kind' ~ '^al'$$, $$payload @@ '$.n < 10'$$, $$payload @? '$.in.k[*] ? (@ == 3)'$$, $$lower(event_type) = 'q.single'$$, $$version % 25 = 0$$,
    $$payload = '{}'$$, $$payload <@ '{"a":1}'$$, $$tags[1] = 'web'$$, $$cardinality(tags) = 2$$, $$length(entity_id) = version$$, $$(payload ->> 'at')::date = '2026-01-03'$$,
    $$payload ->> 'kind' = 'beta' AND version % 50 = 1$$, $$version % 50 = 1 OR payload ->> 'kind' = 'beta'$$]) WITH ORDINALITY c (condition, i), ask(c.condition) ORDER BY i;

-- Strings that are all the same, in a column of their own.
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'same-' || i FROM generate_series(1, 300) i), array_fill('q.same'::text, '{300}'),
    ARRAY(SELECT format('{"only":"%s","same":"EUR","start":"EUR%s"}', i, i) FROM generate_series(1, 300) i));
SELECT count(*) FILTER (WHERE payload ->> 'same' = 'EUR') AS same FROM events WHERE payload ->> 'same' = 'EUR';
SELECT count(*) FROM events WHERE payload ->> 'start' = 'EUR7';
SELECT count(*) FROM events WHERE payload ->> 'start' = 'EU';

-- ---------------------------------------------------------- ways of access
SELECT plan($$SELECT * FROM events WHERE event_type = 'q.single'$$);
SELECT plan($$SELECT payload ->> 'kind' FROM events WHERE payload ->> 'kind' = 'alpha' AND position % 2 = 0$$);
SELECT plan($$SELECT * FROM events WHERE position > 1 ORDER BY position LIMIT 10$$);
SELECT plan($$SELECT * FROM events ORDER BY position DESC LIMIT 1$$);
SELECT plan($$SELECT * FROM events WHERE recorded_at < '2000-01-01'$$);
SET random_page_cost = 0.01;
SELECT plan($$SELECT * FROM events WHERE entity_id = 'q-1' ORDER BY version DESC LIMIT 3$$);
SET cpu_tuple_cost = 0.001; -- the store is small
SELECT plan($$SELECT * FROM events WHERE entity_id = 'q-1' AND tenant_id = 'default' AND event_type = 'q.noise' ORDER BY position LIMIT 3$$);
RESET cpu_tuple_cost;
CREATE TABLE wanted AS SELECT 'q-' || i AS entity_id, i FROM generate_series(1, 3) i;
ANALYZE wanted;
SELECT plan($$SELECT e.version FROM wanted w JOIN events e ON e.entity_id = w.entity_id$$);
SELECT plan($$SELECT * FROM wanted w, LATERAL (SELECT version FROM events e WHERE e.entity_id = w.entity_id ORDER BY version DESC LIMIT 1) l$$);
-- A column of another relation is no part of the order that a scan gives.
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT plan($$SELECT e.position FROM events e, wanted w WHERE e.event_type = 'q.single' AND w.i > e.version ORDER BY e.position, w.i DESC$$, 'COSTS OFF');
SELECT e.version, w.i FROM events e, wanted w WHERE e.event_type = 'q.single' ORDER BY e.position, w.i DESC;
RESET enable_hashjoin; RESET enable_mergejoin;

-- Each scan anew takes values out of its own blocks.
SELECT count(*), count(n), sum(n::int) FROM generate_series(1, 1901, 100) i,
    LATERAL (SELECT payload ->> 'n' AS n FROM events e WHERE position >= (SELECT min(position) FROM plain) + i ORDER BY position LIMIT 2) l;
SELECT count(*), count(n), sum(n::int) FROM generate_series(1, 1901, 100) i,
    LATERAL (SELECT payload ->> 'n' AS n FROM plain e WHERE position >= (SELECT min(position) FROM plain) + i ORDER BY position LIMIT 2) l;
-- Values above a set-returning function or a Result are there.
SELECT unnest(ARRAY[payload ->> 'kind', payload ->> 'n']) FROM events WHERE version = 1 AND entity_id = 'q-1';
SELECT l.* FROM wanted w LEFT JOIN LATERAL (SELECT payload ->> 'kind' AS kind FROM events e WHERE e.entity_id = 'q-1' AND w.i = 2 ORDER BY version LIMIT 1) l ON true ORDER BY 1;

-- EXPLAIN ANALYZE
SELECT regexp_replace(plan, '(Blocks [A-Za-z ]+): \d+', '\1: N') FROM plan($$SELECT * FROM events WHERE event_type = 'q.single' AND lower(entity_id) = 'none'$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF') plan;
SELECT plan($$SELECT * FROM events WHERE entity_id = 'q-1' AND version > 48$$, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF');
RESET random_page_cost;

-- Estimates: of an entity by the index, of other columns by ANALYZE.
SELECT regexp_replace(plan, '.* rows=(\d+) .*', '\1') AS rows FROM plan($$SELECT * FROM events WHERE entity_id = 'q-1'$$, 'FORMAT TEXT') plan WHERE plan LIKE '%rows=%';
ANALYZE events;
SELECT round(reltuples) FROM pg_class WHERE oid = 'events'::regclass;
SELECT attname, n_distinct FROM pg_stats WHERE tablename = 'events' AND schemaname = 'eventstore' AND attname IN ('event_type', 'position') ORDER BY 1;
SELECT regexp_replace(plan, '.* rows=(\d+) .*', '\1') AS rows FROM plan($$SELECT * FROM events WHERE event_type = 'q.noise'$$, 'FORMAT TEXT') plan WHERE plan LIKE '%rows=%';

-- ------------------------------------------------------------------ errors
-- As PostgreSQL says them, and only where it would.
\set VERBOSITY default
SELECT count(*) FROM events WHERE (payload ->> 'kind')::numeric > 1;
SELECT count(*) FROM events WHERE (payload ->> 'kind')::bigint > 1;
SELECT count(*) FROM events WHERE (payload ->> 'kind')::float8 > 1;
SELECT count(*) FROM events WHERE (payload ->> 'kind')::timestamptz > now();
SELECT count(*) FROM events WHERE (payload ->> 'kind')::boolean;
SELECT count(*) FROM events WHERE (payload ->> 'kind')::uuid IS NULL;
SELECT count(*) FROM events WHERE (payload ->> 'n')::smallint * 1000::smallint > 1;
SELECT count(*) FROM events WHERE event_type = 'q.single' AND (payload ->> 'kind')::numeric > 1;
SELECT count(*) FROM events WHERE (payload ->> 'kind')::numeric > 1 AND event_type = 'q.single';
SELECT count(*) FROM events WHERE event_type = 'q.single' OR (payload ->> 'kind')::numeric > 1;
-- A leap second that PostgreSQL refuses, and one that it takes.
SELECT count(*) FROM ingest_batch(ARRAY['leap', 'leap'], ARRAY['q.leap', 'q.refused'], ARRAY['{"at":"2026-01-01T23:59:60Z"}', '{"at":"2026-01-01T23:59:60.5Z"}']);
SELECT count(*) FROM events WHERE event_type = 'q.leap' AND (payload ->> 'at')::timestamptz = '2026-01-02';
SELECT count(*) FROM events WHERE event_type = 'q.refused' AND (payload ->> 'at')::timestamptz > '2026-01-02';
-- Parameters, too: what is before them may keep them from being evaluated.
SET plan_cache_mode = force_generic_plan;
PREPARE optional(text) AS SELECT count(*) FROM events WHERE $1 = '' OR (payload ->> 'n')::bigint < $1::bigint;
EXECUTE optional('');
EXECUTE optional('3');
EXECUTE optional('x');
EXECUTE optional(NULL);
PREPARE divided(int) AS SELECT count(*) FROM events WHERE event_type = 'none' AND position > 10 / $1;
EXECUTE divided(0);
PREPARE by_name(text) AS SELECT count(*) FROM events WHERE entity_id = $1;
EXECUTE by_name('q-1');
EXECUTE by_name(NULL);
EXECUTE by_name('none');
RESET plan_cache_mode;
DEALLOCATE ALL;
\set VERBOSITY sqlstate

-- ------------------------------------------------------------------ rights
CREATE ROLE regress_query;
GRANT USAGE ON SCHEMA eventstore TO regress_query;
SET ROLE regress_query;
SELECT count(*) FROM events;
EXPLAIN SELECT count(*) FROM events WHERE entity_id = 'q-1';
RESET ROLE;
GRANT SELECT (entity_id, version) ON events TO regress_query;
CREATE VIEW public.of_q_alone AS SELECT * FROM events WHERE entity_id = 'q-alone';
GRANT SELECT ON public.of_q_alone TO regress_query;
SET ROLE regress_query;
SELECT max(version) FROM events WHERE entity_id = 'q-1';
SELECT payload FROM events WHERE entity_id = 'q-1';
SELECT version FROM events WHERE payload ? 'n';
SELECT event_type, payload ->> 'n' FROM public.of_q_alone;
RESET ROLE;

-- What a security barrier leaves out is not shown, by an error or a notice either.
CREATE FUNCTION leak(value jsonb) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'sees %', value ->> 'n'; RETURN true; END $$;
CREATE VIEW public.guarded WITH (security_barrier) AS SELECT * FROM events WHERE event_type = 'q.single';
SELECT count(*) FROM public.guarded WHERE leak(payload);
SELECT count(*) FROM public.guarded WHERE (payload ->> 'kind')::numeric > 0;
DROP VIEW public.of_q_alone, public.guarded;
DROP OWNED BY regress_query;
DROP ROLE regress_query;

-- --------------------------------------------- cursors, locks, inheritance
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT version FROM events WHERE entity_id = 'q-1' ORDER BY version;
FETCH 2 FROM c;
SELECT count(*) FROM append('q-1', 'q.later');
FETCH LAST FROM c;
FETCH PRIOR FROM c;
SAVEPOINT s;
FETCH BACKWARD 2 FROM c;
ROLLBACK TO s;
FETCH ABSOLUTE 1 FROM c;
ROLLBACK;
-- Events are read while a condition stores others, which it does not see.
CREATE FUNCTION echo(id text) RETURNS bool LANGUAGE sql VOLATILE AS $$ SELECT count(*) = 1 FROM eventstore.append('echo', 'q.echo') $$;
SELECT count(*) FROM events WHERE entity_id LIKE 'q-1%' AND version = 50 AND echo(entity_id);
SELECT count(*) FROM events WHERE entity_id = 'echo';
INSERT INTO events (entity_id, event_type, payload) SELECT 'copy', 'q.copy', payload FROM events WHERE event_type = 'q.same' AND (payload ->> 'only')::int <= 5;
SELECT count(*) FROM events WHERE entity_id = 'copy';
-- A child of a table.
CREATE TABLE parent (LIKE plain);
ALTER FOREIGN TABLE events INHERIT parent;
SELECT tableoid::regclass, count(*) FROM parent WHERE event_type = 'q.single' GROUP BY 1;
SELECT entity_id, version FROM parent WHERE entity_id = 'q-1' ORDER BY position DESC LIMIT 2;
UPDATE parent SET version = 1;
ALTER FOREIGN TABLE events NO INHERIT parent;

-- Plans outlive the extension as far as any do.
PREPARE counted AS SELECT count(*) FROM eventstore.events WHERE event_type = 'q.single';
EXECUTE counted;
DEALLOCATE counted;

DROP TABLE plain, wanted, parent;
DROP FUNCTION plan, ask, leak, echo;
TRUNCATE blocks;
