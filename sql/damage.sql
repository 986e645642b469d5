-- A wrong answer is never given silently: whatever bit of a block flips, every way of reading says XX001 or is right.
SET search_path = public, eventstore;
SET client_min_messages = error;
TRUNCATE blocks;
SELECT ingested FROM ingest_batch((SELECT string_agg(format('{"entity_id":"e-%s","event_type":"t.%s","payload":{"n":%s,"s":"%s"},"tags":["x"]}', i % 7, i % 3, i * 37, left(md5(i::text), i % 9)), E'\n' ORDER BY i) FROM generate_series(1, 300) i));
-- A cast that makes a block of bytes without looking at them stands for the disk.
UPDATE pg_type SET typalign = 'i' WHERE oid = 'eventstore.block'::regtype;
CREATE CAST (bytea AS eventstore.block) WITHOUT FUNCTION;
UPDATE pg_type SET typalign = 'd' WHERE oid = 'eventstore.block'::regtype;
CREATE TABLE way (id serial, query text, answer text);
INSERT INTO way (query) VALUES
    ('SELECT sum((payload->>''n'')::int) || '' '' || count(*) || '' '' || count(DISTINCT entity_id) || '' '' || max(version) FROM eventstore.events'),
    ('SELECT md5(string_agg(e::text, '' '' ORDER BY position)) FROM eventstore.events e WHERE event_type = ''t.1'' AND (payload->>''n'')::int > 300'),
    ('SELECT string_agg(event_type || c, '' '' ORDER BY event_type) FROM (SELECT event_type, count(*) AS c FROM eventstore.events GROUP BY 1) g'),
    ('SELECT count(*)::text FROM eventstore.events WHERE payload @> ''{"s":"c"}'' OR tags @> ''{y}'''),
    ('SELECT md5(string_agg(r::text, '' '')) FROM eventstore.read_entity(''e-3'') r'),
    ('SELECT md5(string_agg(r::text, '' '' ORDER BY version)) FROM eventstore.events r WHERE entity_id = ''e-4'''),
    ('SELECT md5(string_agg(r::text, '' '')) FROM eventstore.read_all(0, NULL) r'),
    ('SELECT md5(string_agg(r::text, '' '')) FROM eventstore.read_all(0, NULL, event_types => ''{t.2}'', payload_filter => ''{"n":74}'') r'),
    ('SELECT md5(string_agg(r::text, '' '')) FROM eventstore.query_events(entity_id => ''e-1'', event_types => ''{t.1}'') r'),
    ('SELECT string_agg(entity_id || c, '' '' ORDER BY entity_id) FROM (SELECT entity_id, count(*) AS c FROM eventstore.events GROUP BY 1) g');
CREATE FUNCTION ask(question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE question INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
UPDATE way SET answer = ask(query);
SELECT count(*) AS ways, count(*) FILTER (WHERE length(answer) = 5 AND answer <> '50') AS errors FROM way;
CREATE TABLE outcome (id int, said text, place int);
-- Flips a bit in every so many bytes of every so many blocks, one after the other.
CREATE PROCEDURE flip(every_block int, every_byte int) LANGUAGE plpgsql AS $$
DECLARE good bytea; target bigint; place int;
BEGIN
    FOR target, good IN SELECT first_position, block::text::bytea FROM (SELECT *, row_number() OVER (ORDER BY first_position) AS n FROM eventstore.blocks) b WHERE n % every_block = 0 LOOP
        FOR place IN 0 .. length(good) - 1 BY every_byte LOOP
            UPDATE eventstore.blocks SET block = set_byte(good, place, get_byte(good, place) # (1 << place % 8))::eventstore.block WHERE first_position = target;
            INSERT INTO outcome SELECT id, CASE ask(query) WHEN answer THEN 'right' WHEN 'XX001' THEN 'XX001' ELSE CASE (SELECT state FROM eventstore.stat_index) WHEN 'damaged' THEN 'warned' ELSE 'WRONG' END END, place FROM way;
        END LOOP;
        UPDATE eventstore.blocks SET block = (good || ''::bytea)::eventstore.block WHERE first_position = target;
    END LOOP;
END $$;
CALL flip(1, 11);
-- Whose events are in a block with a damaged header is not known; reading an entity then warns.
SELECT id, said, count(*) > 0 AS any FROM outcome GROUP BY id, said ORDER BY id, said;
-- As it was, all is right again.
SELECT count(*) FROM way WHERE ask(query) IS DISTINCT FROM answer;
SELECT * FROM verify();
-- The same of events that were appended one by one: blocks in row layout, many on a page.
TRUNCATE blocks;
TRUNCATE outcome;
DO $$ BEGIN FOR i IN 1 .. 40 LOOP PERFORM append('e-' || i % 7, 't.' || i % 3, format('{"n":%s,"s":"%s"}', i * 37, left(md5(i::text), i % 9))::json, tags => '{x}'); END LOOP; END $$;
UPDATE way SET answer = ask(query);
SELECT count(*) AS ways, count(*) FILTER (WHERE length(answer) = 5 AND answer <> '50') AS errors FROM way;
CALL flip(13, 3);
SELECT id, said, count(*) > 0 AS any FROM outcome GROUP BY id, said ORDER BY id, said;
SELECT count(*) FROM way WHERE ask(query) IS DISTINCT FROM answer;
SELECT * FROM verify();
DROP CAST (bytea AS eventstore.block);
DROP TABLE way, outcome;
DROP FUNCTION ask(text);
DROP PROCEDURE flip(int, int);
TRUNCATE blocks;
