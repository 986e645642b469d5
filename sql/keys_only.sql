-- Who asks for nothing but which entities there are, and with which versions, gets it from the index: no event is read.
SET search_path = eventstore, public;
TRUNCATE blocks;
-- Entities of several tenants with the same names, some rolled back, some in blocks of many events.
DO $$
BEGIN
    FOR i IN 1 .. 300 LOOP
        BEGIN
            PERFORM append('k-' || i % 41, 'k.' || i % 3, tenant_id => CASE i % 7 WHEN 0 THEN 'north' WHEN 1 THEN 'south' END);
            IF i % 60 = 0 THEN
                PERFORM ingest_batch(ARRAY(SELECT 'k-' || k % 13 FROM generate_series(1, 100) k), array_fill('k.many'::text, ARRAY[100]), array_fill('{}'::text, ARRAY[100]));
            END IF;
            IF i % 11 = 0 THEN
                PERFORM append('undone-' || i, 'k.0');
                RAISE division_by_zero;
            END IF;
        EXCEPTION WHEN division_by_zero THEN
        END;
    END LOOP;
END
$$;
SELECT count(*) FROM ingest_batch(ARRAY['K-1', 'k 1', 'ä', 'z', '-k-1'], array_fill('k.names'::text, '{5}'), array_fill('{}'::text, '{5}'));
CREATE TABLE plain AS SELECT e.* FROM (SELECT min(first_position) AS first FROM blocks) b, generate_series(first, first + 2000) p, get_event(p) e WHERE e.position IS NOT NULL;
SELECT count(*), count(DISTINCT entity_id), count(DISTINCT (tenant_id, entity_id)) FROM plain;
ANALYZE plain;
CREATE TABLE asked AS SELECT DISTINCT entity_id FROM plain WHERE position % 3 = 0 UNION ALL VALUES ('none'), ('undone-11'), (NULL);
ANALYZE asked;
CREATE TABLE question (id serial, in_order boolean, asked text);
INSERT INTO question (in_order, asked) VALUES
    (false, 'SELECT entity_id, count(*) FROM EVENTS GROUP BY entity_id'),
    (false, 'SELECT tenant_id, entity_id, count(*), min(version), max(version), count(entity_id), count(DISTINCT entity_id) FROM EVENTS GROUP BY tenant_id, entity_id'),
    (false, 'SELECT entity_id, count(*) FROM EVENTS GROUP BY entity_id HAVING count(*) > 20 AND max(version) < 50'),
    (false, 'SELECT count(DISTINCT entity_id), count(*) FROM EVENTS'),
    (false, 'SELECT max(version) FROM EVENTS WHERE tenant_id = ''north'''),
    (false, 'SELECT count(DISTINCT entity_id), min(version), max(version), count(*) FROM EVENTS WHERE tenant_id = ''none'''),
    (false, 'SELECT entity_id, max(version) FROM EVENTS WHERE tenant_id = ''south'' GROUP BY entity_id'),
    (false, 'SELECT count(*), max(version) FROM EVENTS WHERE entity_id = ''k-3'''),
    (false, 'SELECT entity_id, count(*) FROM EVENTS WHERE entity_id IN (''k-3'', ''k-4'', ''undone-11'') GROUP BY entity_id'),
    (false, 'SELECT count(*) FROM EVENTS WHERE entity_id LIKE ''k-1%'''),
    (false, 'SELECT entity_id, count(*) FROM EVENTS WHERE entity_id >= ''k-2'' AND entity_id < ''k-3'' GROUP BY entity_id'),
    (false, 'SELECT entity_id, sum(version) FROM EVENTS GROUP BY entity_id'),
    (false, 'SELECT entity_id, version FROM EVENTS WHERE version BETWEEN 3 AND 5'),
    (false, 'SELECT DISTINCT tenant_id FROM EVENTS'),
    (false, 'SELECT a.entity_id, count(*), sum(e.version) FROM asked a JOIN EVENTS e ON e.entity_id = a.entity_id GROUP BY a.entity_id'),
    (false, 'SELECT a.entity_id, (SELECT max(version) FROM EVENTS e WHERE e.entity_id = a.entity_id), (SELECT count(*) FROM EVENTS e WHERE e.entity_id = a.entity_id AND e.tenant_id = ''default'') FROM asked a'),
    (false, 'SELECT a.entity_id FROM asked a WHERE NOT EXISTS (SELECT FROM EVENTS e WHERE e.entity_id = a.entity_id)'),
    (false, 'SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY entity_id ORDER BY version DESC) AS n FROM EVENTS) r WHERE n = 1'),
    (true, 'SELECT entity_id, version FROM EVENTS ORDER BY entity_id, version'),
    (true, 'SELECT entity_id, version FROM EVENTS ORDER BY entity_id DESC, version DESC'),
    (true, 'SELECT entity_id, version FROM EVENTS ORDER BY entity_id, version DESC LIMIT 17'),
    (true, 'SELECT DISTINCT ON (entity_id) entity_id, version FROM EVENTS ORDER BY entity_id, version DESC'),
    (true, 'SELECT DISTINCT entity_id FROM EVENTS WHERE entity_id LIKE ''k-%'' ORDER BY entity_id'),
    (true, 'SELECT entity_id COLLATE "C", version FROM EVENTS WHERE tenant_id = ''south'' ORDER BY entity_id COLLATE "C", version'),
    (true, 'SELECT version FROM EVENTS WHERE entity_id = ''k-3'' ORDER BY version DESC'),
    (true, 'SELECT entity_id, count(*) FROM EVENTS GROUP BY entity_id ORDER BY count(*) DESC, entity_id LIMIT 5');
CREATE FUNCTION differs(asked text, in_order boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    other text;
    wanted text := CASE WHEN in_order THEN '' ELSE 'ORDER BY r::text' END;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' %s)), '''') FROM (%s) r', wanted, replace(asked, 'EVENTS', 'eventstore.events')) INTO answer;
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' %s)), '''') FROM (%s) r', wanted, replace(asked, 'EVENTS', 'plain')) INTO other;
    RETURN answer IS DISTINCT FROM other;
END
$$;
CREATE FUNCTION access(asked text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(asked, 'EVENTS', 'eventstore.events') LOOP
        found := coalesce(found, substring(line FROM 'Access: (.*)'));
    END LOOP;
    RETURN found;
END
$$;
VACUUM ANALYZE blocks;
SELECT id, access(asked), asked FROM question WHERE access(asked) IS NULL OR access(asked) !~ 'Keys Only' ORDER BY id;
-- None differs, with the visibility map and without it.
SELECT id FROM question WHERE differs(asked, in_order);
SELECT count(*) > 0 AS any FROM append('k-3', 'k.0', tenant_id => 'north');
INSERT INTO plain SELECT * FROM last_event('k-3', tenant_id => 'north');
SELECT id FROM question WHERE differs(asked, in_order);
-- What the own transaction has added is there, and goes with it.
BEGIN;
SELECT count(*) > 0 AS any FROM append('k-3', 'k.0');
SAVEPOINT s;
SELECT count(*) > 0 AS any FROM append('k-3', 'k.0') a, append('k-new', 'k.0') b;
SELECT entity_id, count(*), max(version) - (SELECT max(version) FROM plain p WHERE p.entity_id = e.entity_id AND p.tenant_id = 'default') AS more FROM events e
    WHERE entity_id IN ('k-3', 'k-new') AND tenant_id = 'default' GROUP BY entity_id ORDER BY entity_id;
ROLLBACK TO s;
SELECT count(*) - (SELECT count(*) FROM plain WHERE entity_id IN ('k-3', 'k-new')) AS more FROM events WHERE entity_id IN ('k-3', 'k-new');
ROLLBACK;
SELECT id FROM question WHERE differs(asked, in_order);
-- More names than fit into work_mem.
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'name-' || md5(i::text) FROM generate_series(1, 20000) i), array_fill('k.name'::text, '{20000}'), array_fill('{}'::text, '{20000}'));
SET work_mem = '64kB';
EXPLAIN (COSTS OFF) SELECT entity_id, version FROM events ORDER BY entity_id, version;
SELECT count(*), count(*) FILTER (WHERE entity_id < before) AS not_in_order FROM (SELECT entity_id, lag(entity_id) OVER () AS before FROM (SELECT entity_id, version FROM events ORDER BY entity_id, version) e) o;
SELECT count(*), sum(c) - (SELECT count(*) FROM plain) AS more FROM (SELECT entity_id, count(*) AS c FROM events GROUP BY entity_id) g;
RESET work_mem;
-- The index is not built anew under a cursor on entities.
BEGIN;
DECLARE e CURSOR FOR SELECT entity_id FROM events GROUP BY entity_id;
MOVE 3 FROM e;
SELECT rebuild_index();
ROLLBACK;
-- Nothing there.
TRUNCATE blocks;
SELECT count(*), count(DISTINCT entity_id), max(version) FROM events;
SELECT entity_id, count(*) FROM events GROUP BY entity_id;
SELECT count(*) FROM events WHERE entity_id = 'k-3';
DROP FUNCTION differs(text, boolean), access(text);
DROP TABLE plain, asked, question;
