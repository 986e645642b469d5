-- ORDER BY with LIMIT: what is sorted by is read of all events, the rest only of those that are left.
SET search_path = eventstore, public;
TRUNCATE blocks;
SELECT count(*) FROM ingest_batch(ARRAY(SELECT 'n-' || i % 29 FROM generate_series(1, 2000) i), ARRAY(SELECT 'n.' || i % 3 FROM generate_series(1, 2000) i),
    ARRAY(SELECT CASE WHEN i % 400 = 7 THEN '[1, "a"]' WHEN i % 400 = 8 THEN '{"kind":"x"}' ELSE format('{"n":%s,"amount":%s.5,"kind":"%s","note":"note %s"}', i, i * 7919 % 1000, chr(97 + i % 7), i) END FROM generate_series(1, 2000) i),
    metadata => ARRAY(SELECT CASE WHEN i % 2 = 0 THEN format('{"user":"u%s"}', i % 11) END FROM generate_series(1, 2000) i));
DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM append('n-' || i % 29, 'n.single', jsonb_build_object('n', i, 'amount', i * 7919 % 1000), occurred_at => '2024-05-01'::timestamptz + i * 7919 % 1000 * interval '1 s'); END LOOP; END $$;
CREATE TABLE plain AS SELECT * FROM events;
ANALYZE plain;
CREATE TABLE question (id serial, asked text);
INSERT INTO question (asked) VALUES
    ('SELECT * FROM EVENTS ORDER BY (payload ->> ''amount'')::numeric DESC, position LIMIT 10'),
    ('SELECT * FROM EVENTS ORDER BY (payload ->> ''amount'')::numeric DESC NULLS LAST, position LIMIT 10'),
    ('SELECT position, payload, metadata ->> ''user'' FROM EVENTS ORDER BY payload ->> ''kind'', position DESC LIMIT 5 OFFSET 300'),
    ('SELECT payload FROM EVENTS ORDER BY length(payload ->> ''note''), payload ->> ''note'', position LIMIT 3'),
    ('SELECT payload, metadata FROM EVENTS WHERE event_type = ''n.1'' ORDER BY occurred_at DESC, position LIMIT 7'),
    ('SELECT * FROM EVENTS WHERE event_type = ''n.single'' ORDER BY occurred_at DESC, position LIMIT 7'),
    ('SELECT payload, tags FROM EVENTS WHERE entity_id IN (''n-3'', ''n-4'') ORDER BY (payload ->> ''amount'')::float8 DESC, position LIMIT 7'),
    ('SELECT payload FROM EVENTS WHERE payload ->> ''note'' ~ ''9$'' ORDER BY md5(payload ->> ''note''), position LIMIT 7'),
    ('SELECT payload FROM EVENTS ORDER BY payload ->> ''n'', position LIMIT 10000'),
    ('SELECT payload FROM EVENTS WHERE event_type = ''none'' ORDER BY payload ->> ''n'' LIMIT 10'),
    ('SELECT upper(payload ->> ''note'') || event_type, payload FROM EVENTS ORDER BY metadata ->> ''user'' DESC NULLS LAST, position LIMIT 4'),
    ('SELECT payload, (SELECT count(*) FROM plain p WHERE p.version = e.version) FROM EVENTS e ORDER BY payload ->> ''kind'' DESC NULLS LAST, position LIMIT 4'),
    ('SELECT g, l.* FROM generate_series(0, 3) g, LATERAL (SELECT payload, metadata FROM EVENTS WHERE event_type = ''n.'' || g ORDER BY (payload ->> ''amount'')::numeric DESC, position LIMIT 3) l'),
    ('SELECT g, l.* FROM generate_series(7, 9) g, LATERAL (SELECT payload, metadata FROM EVENTS WHERE length(payload ->> ''note'') <= g ORDER BY (payload ->> ''amount'')::numeric DESC, position LIMIT 3) l'),
    ('SELECT * FROM (SELECT payload, position FROM EVENTS ORDER BY (payload ->> ''amount'')::numeric, position LIMIT 20) t WHERE position % 2 = 0 ORDER BY position'),
    ('(SELECT payload, position FROM EVENTS ORDER BY payload ->> ''kind'', position LIMIT 2) UNION ALL (SELECT payload, position FROM EVENTS ORDER BY payload ->> ''kind'' DESC NULLS LAST, position LIMIT 2)'),
    ('SELECT e, payload FROM EVENTS e ORDER BY payload ->> ''kind'', position LIMIT 2'),
    ('SELECT payload FROM EVENTS ORDER BY payload ->> ''amount'' DESC NULLS LAST FETCH FIRST 2 ROWS WITH TIES'),
    ('SELECT payload FROM EVENTS ORDER BY payload -> ''amount'' DESC, position LIMIT 3'),
    ('SELECT payload FROM EVENTS ORDER BY position LIMIT 3'),
    ('SELECT 1 AS one FROM EVENTS WHERE event_type = ''n.1'' ORDER BY position DESC LIMIT 3'),
    ('SELECT payload FROM EVENTS WHERE now() > ''2000-01-01'' ORDER BY payload ->> ''kind'', position LIMIT 3');
CREATE FUNCTION differs(asked text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    other text;
BEGIN
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','')), '''') FROM (%s) r', replace(replace(asked, 'SELECT e, payload', 'SELECT e.payload, payload'), 'EVENTS', 'eventstore.events')) INTO answer;
    EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(r::text, '','')), '''') FROM (%s) r', replace(replace(asked, 'SELECT e, payload', 'SELECT e.payload, payload'), 'EVENTS', 'plain')) INTO other;
    RETURN answer IS DISTINCT FROM other;
END
$$;
-- Is there a node that reads events by position, above a sort?
CREATE FUNCTION is_top_n(asked text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    positions boolean;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(asked, 'EVENTS', 'eventstore.events') LOOP
        positions := positions OR line ~ 'Access: Positions';
        IF positions AND line ~ 'Sort Key' THEN
            RETURN true;
        END IF;
        positions := coalesce(positions, false) OR line ~ 'Access: Positions';
    END LOOP;
    RETURN false;
END
$$;
SELECT id FROM question WHERE differs(asked);
SELECT count(*) FILTER (WHERE is_top_n(asked)) >= 8 AS enough FROM question;
EXPLAIN (COSTS OFF) SELECT * FROM events ORDER BY (payload ->> 'amount')::numeric DESC, position LIMIT 10;
-- The limit is that of the plan; a cast that fails is an error still.
PREPARE top(int) AS SELECT position - (SELECT min(position) FROM plain) AS p, payload FROM events ORDER BY (payload ->> 'amount')::numeric DESC NULLS LAST, position LIMIT $1;
EXECUTE top(2);
EXECUTE top(0);
EXECUTE top(-1);
SELECT payload FROM events ORDER BY (payload ->> 'kind')::int LIMIT 1;
-- In a transaction that has appended, and with a cursor.
BEGIN;
SELECT count(*) > 0 AS any FROM append('n-1', 'n.new', '{"amount":99999}'::jsonb);
DECLARE c CURSOR FOR SELECT event_type, payload FROM events ORDER BY (payload ->> 'amount')::numeric DESC NULLS LAST, position LIMIT 3;
SELECT count(*) > 0 AS any FROM append('n-1', 'n.new', '{"amount":999999}'::jsonb);
FETCH 2 FROM c;
FETCH ALL FROM c;
ROLLBACK;
DEALLOCATE top;
DROP FUNCTION differs(text), is_top_n(text);
DROP TABLE plain, question;
TRUNCATE blocks;
