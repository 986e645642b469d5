-- Whatever way the planner takes, answers are those of a plain table.
SET search_path = eventstore, public;
SET jit = off; -- what is switched off is dear
TRUNCATE blocks;
DO $$
BEGIN
    FOR i IN 1 .. 1500 LOOP
        PERFORM append('e-' || i % 211, 't.' || i % 7, jsonb_build_object('a', i % 50, 'b', chr(97 + i % 20)), tenant_id => CASE i % 5 WHEN 0 THEN 'x' WHEN 1 THEN 'y' END);
        IF i % 400 = 0 THEN
            PERFORM ingest_batch(ARRAY(SELECT 'e-' || k % 300 FROM generate_series(1, 500) k), array_fill('bulk'::text, '{500}'), ARRAY(SELECT format('{"a":%s,"c":"v%s"}', k % 9, k) FROM generate_series(1, 500) k));
        END IF;
    END LOOP;
END
$$;
CREATE TABLE plain AS SELECT e.* FROM (SELECT min(first_position) AS first, max(first_position) + 500 AS last FROM blocks) b, generate_series(first, last) p, get_event(p) e WHERE e.position IS NOT NULL;
CREATE INDEX ON plain (entity_id, version);
CREATE TABLE k AS SELECT 'e-' || i AS entity_id, i AS n FROM generate_series(0, 400, 3) i;
ANALYZE plain, k;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM events WHERE tenant_id = 'x';
CREATE VIEW plain_barrier WITH (security_barrier) AS SELECT * FROM plain WHERE tenant_id = 'x';
-- The settings with which the answers differ.
CREATE FUNCTION differing(question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    settings text;
    answer text;
    other text;
    found text;
BEGIN
    FOREACH settings IN ARRAY ARRAY['', 'enable_hashjoin enable_nestloop enable_hashagg', 'enable_mergejoin enable_hashjoin', 'enable_sort enable_hashagg enable_incremental_sort', 'enable_memoize enable_material enable_bitmapscan', 'parallel'] LOOP
        IF settings = 'parallel' THEN
            PERFORM set_config(s, '0', true) FROM unnest('{parallel_setup_cost,parallel_tuple_cost,min_parallel_table_scan_size}'::text[]) s;
        ELSE
            PERFORM set_config(s, 'off', true) FROM regexp_split_to_table(settings, ' ') s WHERE s <> '';
        END IF;
        EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' ORDER BY r::text)), '''') FROM (%s) r', replace(replace(question, 'EVENTS', 'eventstore.events'), '{SB}', 'barrier')) INTO answer;
        EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' ORDER BY r::text)), '''') FROM (%s) r', replace(replace(question, 'EVENTS', 'plain'), '{SB}', 'plain_barrier')) INTO other;
        IF answer IS DISTINCT FROM other THEN
            found := concat_ws(', ', found, settings || ': ' || answer || ', not ' || other);
        END IF;
        PERFORM set_config(s, 'on', true) FROM regexp_split_to_table(settings, ' ') s WHERE s LIKE 'enable%';
    END LOOP;
    RETURN found;
END
$$;
SELECT question, differing(question) FROM unnest(ARRAY[
    'SELECT k.n, e.version FROM k JOIN EVENTS e USING (entity_id)',
    'SELECT k.n, e.version FROM k LEFT JOIN EVENTS e USING (entity_id)',
    'SELECT k.n, e.version FROM k FULL JOIN EVENTS e USING (entity_id)',
    'SELECT k.n FROM k WHERE EXISTS (SELECT FROM EVENTS e WHERE e.entity_id=k.entity_id AND version>20)',
    'SELECT k.n FROM k WHERE NOT EXISTS (SELECT FROM EVENTS e WHERE e.entity_id=k.entity_id)',
    'SELECT a.version, b.version v2 FROM EVENTS a JOIN EVENTS b ON a.entity_id=b.entity_id AND a.tenant_id=b.tenant_id AND a.version=b.version+1',
    'SELECT a.entity_id, a.c, b.c c2 FROM (SELECT entity_id, count(*) c FROM EVENTS GROUP BY 1) a FULL JOIN (SELECT entity_id, count(*) c FROM EVENTS WHERE tenant_id=''x'' GROUP BY 1) b USING (entity_id)',
    'SELECT DISTINCT entity_id FROM EVENTS', 'SELECT DISTINCT tenant_id, entity_id FROM EVENTS', 'SELECT entity_id FROM EVENTS UNION SELECT entity_id FROM k', 'SELECT entity_id FROM EVENTS EXCEPT SELECT entity_id FROM k', 'SELECT entity_id FROM k INTERSECT SELECT entity_id FROM EVENTS',
    'SELECT entity_id, tenant_id, count(*) FROM EVENTS GROUP BY GROUPING SETS ((entity_id),(tenant_id),())', 'SELECT entity_id, count(*) FROM EVENTS GROUP BY ROLLUP(entity_id)',
    'SELECT tenant_id, count(*), max(version) FROM EVENTS GROUP BY tenant_id', 'SELECT entity_id, count(*) FILTER (WHERE version > 3) FROM EVENTS GROUP BY entity_id', 'SELECT count(*), count(DISTINCT entity_id) FROM {SB}', 'SELECT entity_id, count(*) FROM {SB} GROUP BY entity_id', 'SELECT entity_id, version FROM {SB} WHERE entity_id LIKE ''e-1%''',
    'SELECT entity_id, count(*), sum(count(*)) OVER (ORDER BY entity_id) FROM EVENTS GROUP BY entity_id', 'SELECT entity_id, version, rank() OVER (PARTITION BY entity_id ORDER BY version DESC) FROM EVENTS', 'SELECT first_value(version) OVER (PARTITION BY entity_id ORDER BY version) FROM EVENTS WHERE entity_id > ''e-2''',
    'SELECT max(entity_id), min(entity_id) FROM EVENTS', 'SELECT entity_id FROM EVENTS GROUP BY entity_id HAVING max(version) > 30 AND min(version)=1', 'SELECT k.entity_id, (SELECT count(*) FROM EVENTS e WHERE e.entity_id=k.entity_id) c FROM k', 'SELECT k.entity_id, l.* FROM k, LATERAL (SELECT version FROM EVENTS e WHERE e.entity_id=k.entity_id ORDER BY version DESC LIMIT 2) l',
    'SELECT * FROM (SELECT payload, entity_id, position FROM EVENTS ORDER BY payload->>''b'' DESC NULLS LAST, position LIMIT 30) x JOIN k USING (entity_id)',
    'SELECT k.n, l.p FROM k, LATERAL (SELECT payload p FROM EVENTS e WHERE length(e.entity_id) > k.n % 5 ORDER BY (payload->>''a'')::int DESC, position LIMIT 2) l WHERE k.n < 60',
    'WITH w AS MATERIALIZED (SELECT entity_id, count(*) c FROM EVENTS GROUP BY 1) SELECT * FROM w a JOIN w b USING (entity_id)', 'SELECT entity_id, version FROM EVENTS WHERE version = 1 OR entity_id = ''e-3''', 'SELECT payload->>''c'' FROM EVENTS WHERE entity_id IN (''e-1'',''e-2'',''e-250'')', 'SELECT entity_id, string_agg(payload->>''a'', '','' ORDER BY version, position) FROM EVENTS WHERE entity_id LIKE ''e-12%'' GROUP BY entity_id',
    'SELECT count(*) FROM EVENTS WHERE tenant_id IN (''x'',''y'')', 'SELECT entity_id, count(*) FROM EVENTS WHERE tenant_id IN (''x'',''y'') GROUP BY 1', 'SELECT count(*) FROM EVENTS WHERE tenant_id <> ''default''', 'SELECT max(version) FROM EVENTS WHERE entity_id = ANY(ARRAY(SELECT entity_id FROM k))'
    ]) question WHERE differing(question) IS NOT NULL;
DROP FUNCTION differing(text);
DROP VIEW barrier, plain_barrier;
DROP TABLE plain, k;
TRUNCATE blocks;
