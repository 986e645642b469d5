-- Cursors: nothing is held across a change of what it points to.
SET search_path = public, eventstore;
\set VERBOSITY verbose
\set SHOW_CONTEXT never

CREATE FUNCTION message(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    words text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT;
    RETURN state || ' ' || words;
END $$;
TRUNCATE blocks;
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"cursor-%s","event_type":"t"}', i % 100), E'\n' ORDER BY i) FROM generate_series(1, 20000) i));

-- The index is not built anew beneath a cursor of the own session.
BEGIN;
DECLARE c CURSOR FOR SELECT entity_id, version FROM events WHERE entity_id = 'cursor-5' ORDER BY version;
FETCH 2 FROM c;
SELECT message('SELECT eventstore.rebuild_index()');
FETCH 2 FROM c;
CLOSE c;
SELECT message('SELECT eventstore.rebuild_index()');
COMMIT;

-- When it was, after a change of the block table, the cursor ends with an error.
BEGIN;
DECLARE c CURSOR FOR SELECT entity_id, version FROM events WHERE entity_id = 'cursor-5' ORDER BY version;
FETCH 2 FROM c;
DELETE FROM blocks WHERE first_position > (SELECT min(first_position) FROM blocks);
FETCH 1 FROM c;
SELECT count(*) > 0 AS found FROM read_entity('cursor-7');
SAVEPOINT s;
SELECT message('FETCH 2 FROM c');
ROLLBACK TO s;
SELECT message('MOVE 100 IN c');
ROLLBACK;

-- The same with other names in the index memory, and after the build was rolled back.
BEGIN;
DECLARE c CURSOR FOR SELECT entity_id, version FROM events WHERE entity_id = 'cursor-5' ORDER BY version;
FETCH 2 FROM c;
SAVEPOINT s;
DELETE FROM blocks;
SELECT ingested FROM ingest_batch((
    SELECT string_agg(format('{"entity_id":"%s-%s","event_type":"t"}', repeat('z', 1 + i % 300), i), E'\n') FROM generate_series(1, 2000) i));
ROLLBACK TO s;
SELECT message('FETCH 2 FROM c');
ROLLBACK;

-- A cursor over all blocks goes on: it needs no index.
BEGIN;
DECLARE c CURSOR FOR SELECT version FROM events WHERE entity_id LIKE '%-5';
FETCH 1 FROM c;
DELETE FROM blocks;
SELECT count(*) FROM read_entity('cursor-7');
MOVE FORWARD ALL IN c;
ROLLBACK;
SELECT count(*), max(version) FROM read_entity('cursor-5');
SELECT * FROM verify();
DROP FUNCTION message(text);
