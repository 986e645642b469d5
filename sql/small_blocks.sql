-- Events that were appended one by one, or a few at a time, are blocks of their own; scans look at several of a page together.
SET search_path = eventstore, public;
TRUNCATE blocks;
-- A page has all sorts: one event, a few, a block in columns, rows of rolled back transactions, a body that lies elsewhere.
DO $$
BEGIN
    FOR i IN 1 .. 600 LOOP
        BEGIN
            PERFORM append('s-' || i % 37, 's.' || i % 5,
                CASE WHEN i % 97 = 5 THEN jsonb_build_object('n', i, 'long', (SELECT string_agg(md5(k::text), '') FROM generate_series(i, i + 900) k))
                    WHEN i % 50 = 9 THEN '[1,2]' ELSE jsonb_build_object('n', i, 'kind', chr(97 + i % 7), 'amount', i % 100 + 0.25) END,
                metadata => CASE WHEN i % 3 = 0 THEN jsonb_build_object('user', 'u' || i % 4) END, tags => CASE WHEN i % 4 = 0 THEN ARRAY['t' || i % 8, 'x'] END,
                tenant_id => CASE WHEN i % 11 = 0 THEN 'other' END, occurred_at => CASE WHEN i % 6 = 0 THEN '2024-01-01'::timestamptz + i * interval '1 hour' END);
            IF i % 13 = 0 THEN
                PERFORM ingest_batch(ARRAY(SELECT 's-' || k FROM generate_series(1, i % 5 + 1) k), array_fill('s.few'::text, ARRAY[i % 5 + 1]), array_fill('{"n":0,"few":true}'::text, ARRAY[i % 5 + 1]));
            END IF;
            IF i % 200 = 77 THEN
                PERFORM ingest_batch(ARRAY(SELECT 's-' || k % 9 FROM generate_series(1, 150) k), array_fill('s.many'::text, ARRAY[150]), ARRAY(SELECT format('{"n":%s,"kind":"%s"}', k, chr(97 + k % 3)) FROM generate_series(1, 150) k));
            END IF;
            IF i % 17 = 0 THEN
                RAISE division_by_zero;
            END IF;
        EXCEPTION WHEN division_by_zero THEN
        END;
    END LOOP;
END
$$;
CREATE TABLE plain AS SELECT e.* FROM (SELECT min(first_position) AS first FROM blocks) b, generate_series(first, first + 2000) p, get_event(p) e WHERE e.position IS NOT NULL;
SELECT min(position) - 1 AS base FROM plain \gset
SELECT count(*), count(DISTINCT position), count(*) FILTER (WHERE length(payload::text) > 20000) AS large FROM plain;
SELECT count(*) > 300 AS rows, count(*) > 2 * count(DISTINCT (ctid::text::point)[0]) AS on_the_same_pages FROM blocks;
CREATE TABLE question (id serial, asked text);
INSERT INTO question (asked) VALUES
    ('SELECT count(*) FROM EVENTS'),
    ('SELECT event_type, count(*), min(position), max(version) FROM EVENTS GROUP BY event_type'),
    ('SELECT sum((payload ->> ''n'')::numeric), max(occurred_at), min(recorded_at), max(recorded_at) FROM EVENTS WHERE payload ? ''n'''),
    ('SELECT tenant_id, count(DISTINCT entity_id) FROM EVENTS GROUP BY tenant_id'),
    ('SELECT position, recorded_at, version FROM EVENTS WHERE event_type = ''s.few'''),
    ('SELECT * FROM EVENTS WHERE event_type IN (''s.1'', ''s.many'') AND payload @> ''{"kind":"b"}'''),
    ('SELECT position FROM EVENTS WHERE position BETWEEN @100 AND @220'),
    ('SELECT position FROM EVENTS WHERE position IN (@3, @77, @78, @79, @500, @100000)'),
    ('SELECT position FROM EVENTS WHERE position > @700 OR position < @12'),
    ('SELECT position FROM EVENTS WHERE recorded_at >= (SELECT recorded_at FROM plain WHERE position = @300)'),
    ('SELECT position FROM EVENTS WHERE recorded_at < (SELECT recorded_at FROM plain WHERE position = @300)'),
    ('SELECT count(*) FROM EVENTS WHERE recorded_at = (SELECT recorded_at FROM plain WHERE position = @300)'),
    ('SELECT position FROM EVENTS WHERE occurred_at < ''2024-01-20'''),
    ('SELECT position FROM EVENTS WHERE tags @> ''{t4}'''),
    ('SELECT position FROM EVENTS WHERE metadata ->> ''user'' = ''u1'' AND entity_id > ''s-3'''),
    ('SELECT position FROM EVENTS WHERE version > 20 AND tenant_id = ''other'''),
    ('SELECT max(length(payload::text)), sum(length(payload ->> ''long'')) FROM EVENTS'),
    ('SELECT md5(string_agg(e::text, '','' ORDER BY position)) FROM EVENTS e'),
    ('SELECT payload ->> ''kind'', count(*), sum((payload ->> ''amount'')::numeric) FROM EVENTS GROUP BY 1'),
    ('SELECT date_trunc(''day'', occurred_at), count(*) FROM EVENTS WHERE occurred_at < ''2025-01-01'' GROUP BY 1'),
    ('SELECT count(*) FROM EVENTS WHERE event_id IN (SELECT event_id FROM plain WHERE position % 50 = 3)'),
    ('SELECT position FROM EVENTS ORDER BY position DESC LIMIT 7'),
    ('SELECT count(*) FROM EVENTS a JOIN EVENTS b ON a.entity_id = b.entity_id AND a.version + 1 = b.version AND a.tenant_id = b.tenant_id');
UPDATE question SET asked = regexp_replace(asked, '(@)(\d+)', (:base)::text || ' + \2', 'g');
CREATE FUNCTION differs(id int, asked text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    other text;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' ORDER BY r::text)), '''') FROM (%s) r', replace(asked, 'EVENTS', 'eventstore.events')) INTO answer;
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','' ORDER BY r::text)), '''') FROM (%s) r', replace(asked, 'EVENTS', 'plain')) INTO other;
    RETURN answer IS DISTINCT FROM other;
END
$$;
-- None of them differs, also when the pages are known to be right.
SELECT id FROM question WHERE differs(id, asked);
SELECT id FROM question WHERE differs(id, asked) ORDER BY id DESC;
-- A scan sees what its snapshot does: not what is added to the pages while it is on them.
BEGIN;
DECLARE followed CURSOR FOR SELECT position, event_type FROM events;
MOVE 3 FROM followed;
DO $$ BEGIN FOR i IN 1 .. 40 LOOP PERFORM append('s-1', 's.later'); END LOOP; END $$;
DO $$
DECLARE
    followed refcursor := 'followed';
    moved bigint;
BEGIN
    MOVE FORWARD ALL IN followed;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RAISE NOTICE 'the cursor saw all but % of the events before', (SELECT count(*) FROM plain) - 3 - moved;
END
$$;
SELECT count(*) FILTER (WHERE event_type = 's.later') AS later FROM events;
ROLLBACK;
SELECT count(*) FROM events WHERE event_type = 's.later';
SELECT * FROM verify();
DROP FUNCTION differs(int, text);
DROP TABLE plain, question;
TRUNCATE blocks;
