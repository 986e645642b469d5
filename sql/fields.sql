-- Fields of documents where PostgreSQL aggregates, sorts and tests itself: they are delivered in the place of documents.
SET search_path = eventstore, public;
TRUNCATE blocks;
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'f-' || i % 50 FROM generate_series(1, 3000) i), ARRAY(SELECT 'f.' || i % 3 FROM generate_series(1, 3000) i),
    ARRAY(SELECT CASE WHEN i % 500 = 7 THEN '[1, "a"]' WHEN i % 500 = 8 THEN '"text"' ELSE
        format('{"n":%s,"amount":%s.25,"kind":"%s","note":"Line %s of the \u00e9nd","in":{"k":["x",%s]},"null":null}', i, i % 100, chr(97 + i % 7), i, i % 5) END FROM generate_series(1, 3000) i),
    metadata => ARRAY(SELECT CASE WHEN i % 2 = 0 THEN format('{"user":"u%s"}', i % 11) END FROM generate_series(1, 3000) i));
CREATE TABLE plain AS SELECT * FROM events;
ANALYZE plain;
-- What the scan delivers, and whether the answer is that of a plain table.
CREATE FUNCTION ask(asked text, OUT question text, OUT output text, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    answer text;
BEGIN
    question := asked;
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || replace(asked, 'EVENTS', 'eventstore.events') LOOP
        output := coalesce(substring(line FROM 'Output: (.*)'), output); -- of the lowest node
    END LOOP;
    EXECUTE format('SELECT md5(string_agg(r::text, '','' ORDER BY r::text)) FROM (%s) r', replace(asked, 'EVENTS', 'eventstore.events')) INTO answer;
    EXECUTE format('SELECT md5(string_agg(r::text, '','' ORDER BY r::text)) IS NOT DISTINCT FROM $1 FROM (%s) r', replace(asked, 'EVENTS', 'plain')) INTO same USING answer;
END
$$;
SELECT (ask(question)).* FROM unnest(ARRAY[
    'SELECT sum(CASE WHEN payload ->> ''kind'' = ''a'' THEN 1 ELSE 0 END) FROM EVENTS',
    'SELECT avg((payload ->> ''amount'')::float8) FROM EVENTS',
    'SELECT event_type, min(payload ->> ''kind''), max(payload ->> ''note'') FROM EVENTS GROUP BY event_type',
    'SELECT event_type, max(payload ->> ''note'') FROM EVENTS GROUP BY event_type HAVING min(payload ->> ''kind'') < ''b'' AND max(metadata ->> ''user'') > ''u''',
    'SELECT upper(payload ->> ''kind''), count(*) FROM EVENTS GROUP BY 1',
    'SELECT payload ->> ''kind'', stddev((payload ->> ''n'')::float8) FROM EVENTS GROUP BY 1',
    'SELECT payload -> ''kind'', max(payload ->> ''kind'') FROM EVENTS GROUP BY 1',
    'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (payload ->> ''amount'')::float8) FROM EVENTS',
    'SELECT count(*) FILTER (WHERE payload ->> ''note'' ~ ''7 of'') FROM EVENTS',
    'SELECT max(payload ->> ''kind'') FILTER (WHERE metadata ->> ''user'' = ''u3'') FROM EVENTS WHERE payload ->> ''note'' ILIKE ''%9 OF%''',
    'SELECT count(*) FROM EVENTS WHERE payload ->> ''note'' ~ ''(1|2)3 of''',
    'SELECT position FROM EVENTS WHERE length(payload ->> ''note'') > 19 AND payload ->> ''kind'' = ''c''',
    'SELECT max(payload::text), min(payload ->> ''kind'') FROM EVENTS',
    'SELECT max(e::text), min(payload ->> ''kind'') FROM EVENTS e',
    'SELECT payload, max(payload ->> ''kind'') FROM EVENTS GROUP BY payload',
    'SELECT max(payload ->> ''kind'') FROM EVENTS WHERE entity_id = ''f-7''',
    'SELECT max(payload ->> ''kind'') FROM EVENTS WHERE entity_id IN (''f-7'', ''f-8'') AND payload ->> ''note'' ~ ''1''',
    'SELECT version, sum((payload ->> ''n'')::int), max(metadata ->> ''user'') FROM EVENTS WHERE entity_id IN (''f-7'', ''f-8'', ''f-9'') GROUP BY version',
    'SELECT lag(payload ->> ''note'') OVER (ORDER BY version) FROM EVENTS WHERE entity_id = ''f-8''',
    'SELECT payload, payload ->> ''kind'' FROM EVENTS WHERE entity_id = ''f-8'' AND payload #>> ''{in,k,1}'' > ''2''',
    'SELECT g, (SELECT string_agg(payload ->> ''n'', '','' ORDER BY version DESC) FROM EVENTS WHERE entity_id = ''f-'' || g) FROM generate_series(5, 9) g',
    'SELECT max(a.payload ->> ''kind'') FROM EVENTS a JOIN EVENTS b ON a.payload ->> ''kind'' = b.payload ->> ''kind'' AND b.entity_id = ''f-1'' AND b.version < 4',
    'SELECT (SELECT max(b.payload ->> ''note'') FROM EVENTS b WHERE b.entity_id = a.entity_id AND b.payload ->> ''kind'' = a.payload ->> ''kind'') FROM EVENTS a WHERE a.version = 1',
    'SELECT rank() OVER (ORDER BY max(payload ->> ''note'')), event_type FROM EVENTS GROUP BY event_type',
    'SELECT max(payload ->> ''kind'' || (metadata ->> ''user'')) FROM EVENTS GROUP BY GROUPING SETS ((event_type), ())',
    'SELECT max(payload ->> ''kind'') FROM EVENTS WHERE now() > ''2000-01-01''']) WITH ORDINALITY q (question, i) ORDER BY i;
-- Where values are sorted first, versions of PostgreSQL do so in different places.
SELECT (ask(question)).question, (ask(question)).same FROM unnest(ARRAY[
    'SELECT count(DISTINCT payload ->> ''kind''), count(DISTINCT payload #>> ''{in,k,1}'') FROM EVENTS',
    'SELECT event_type, count(DISTINCT payload ->> ''kind'') FROM EVENTS GROUP BY event_type',
    'SELECT event_type, count(DISTINCT upper(payload ->> ''kind'')) FROM EVENTS GROUP BY event_type',
    'SELECT string_agg(payload ->> ''kind'', '','' ORDER BY (payload ->> ''n'')::int) FROM EVENTS WHERE payload ? ''n''',
    'SELECT count(DISTINCT payload), min(payload ->> ''kind'') FROM EVENTS']) WITH ORDINALITY q (question, i) ORDER BY i;
-- Workers get fields, too.
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT (ask(question)).* FROM unnest(ARRAY[
    'SELECT sum(CASE WHEN payload ->> ''kind'' = ''a'' THEN 1 ELSE 0 END) FROM EVENTS',
    'SELECT event_type, max(payload ->> ''note'') FROM EVENTS GROUP BY event_type HAVING min(payload ->> ''kind'') < ''b'' AND max(metadata ->> ''user'') > ''u''']) WITH ORDINALITY q (question, i) ORDER BY i;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
-- An error is PostgreSQL's.
SELECT avg((payload ->> 'kind')::float8) FROM events;
PREPARE fields(text) AS SELECT max(payload ->> $1) FROM events;
SET plan_cache_mode = force_generic_plan;
EXECUTE fields('kind');
RESET plan_cache_mode;
DROP TABLE plain;
DROP FUNCTION ask;
