-- Events are part of the transaction: rollback, savepoints, exception blocks, cursors, isolation.  [I4, I5]
SET search_path = public, eventstore;
\set VERBOSITY default
CREATE FUNCTION versions(entity text) RETURNS text LANGUAGE sql
AS $$SELECT coalesce(string_agg(version || ':' || (payload ->> 'n'), ' ' ORDER BY version), 'none') FROM eventstore.read_entity($1)$$;
CREATE FUNCTION put(entity text, n int, expected bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql
AS $$SELECT version FROM eventstore.append($1, 't', jsonb_build_object('n', $2), expected_version => $3)$$;

-- Rolled back: gone, and the versions are given out again; the positions are not.  [I1]
BEGIN;
SELECT put('tx', 1, 0);
SELECT put('tx', 2);
SELECT versions('tx'), entity_version('tx'), (SELECT count(*) FROM events WHERE entity_id = 'tx') AS in_view,
       (SELECT max(version) FROM last_event('tx')) AS last;
SELECT max(position) AS rolled_back FROM events WHERE entity_id = 'tx' \gset
SELECT (SELECT version FROM get_event(:rolled_back));
ROLLBACK;
SELECT versions('tx'), entity_version('tx'), (SELECT count(*) FROM events WHERE entity_id = 'tx') AS in_view,
       NOT EXISTS (SELECT FROM last_event('tx')) AS no_last, NOT EXISTS (SELECT FROM get_event(:rolled_back)) AS not_there;
SELECT put('tx', 3, 0);
SELECT versions('tx'), (SELECT position FROM last_event('tx')) > :rolled_back AS new_position;
SELECT NOT EXISTS (SELECT FROM get_event(:rolled_back)) AS still_not_there;

-- Several batches in a transaction go on where the last stopped.
BEGIN;
SELECT put('tx', 4, 1);
SELECT put('tx', 5, 2);
SELECT put('tx2', 1, 0);
SELECT ingested FROM ingest_batch(ARRAY[make_event('tx', 't', '{"n": 6}', expected_version => 3), make_event('tx', 't', '{"n": 7}'), make_event('tx2', 't', '{"n": 2}')]);
SELECT versions('tx'), versions('tx2');
-- Own events are in the log as it is read.
SELECT entity_id, version FROM read_all((SELECT position FROM read_entity('tx', 1, 1)));
COMMIT;
SELECT versions('tx'), versions('tx2');

-- An error in the middle undoes the transaction.
BEGIN;
SELECT put('tx', 8);
SELECT put('tx', 9, 77);
\echo :LAST_ERROR_SQLSTATE
SELECT put('tx', 10);
COMMIT;
SELECT versions('tx');

-- Savepoints, nested.
BEGIN;
SELECT put('sp', 1, 0);
SAVEPOINT a;
SELECT put('sp', 2, 1);
SAVEPOINT b;
SELECT put('sp', 3, 2);
SELECT put('other', 1, 0);
SELECT versions('sp'), versions('other');
ROLLBACK TO b;
SELECT versions('sp'), versions('other'), entity_version('sp'), entity_version('other');
SELECT put('sp', 33, 2);
RELEASE b;
SELECT versions('sp');
ROLLBACK TO a;
SELECT versions('sp'), versions('other');
SELECT put('sp', 22, 1);
RELEASE a;
SELECT versions('sp');
COMMIT;
SELECT versions('sp'), versions('other');

-- The whole of an entity within a savepoint, then outside it.
BEGIN;
SAVEPOINT a;
SELECT put('sp2', 1, 0);
ROLLBACK TO a;
SELECT put('sp2', 11, 0);
SAVEPOINT a;
SELECT put('sp2', 2, 1);
SAVEPOINT a;
SELECT put('sp2', 3, 2);
RELEASE a;
ROLLBACK TO a;
SELECT versions('sp2');
COMMIT;
SELECT versions('sp2');

-- Released into a parent that is rolled back.
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT put('sp3', 1, 0);
RELEASE b;
SELECT put('sp3', 2, 1);
ROLLBACK TO a;
SELECT versions('sp3');
COMMIT;
SELECT versions('sp3');
SELECT put('sp3', 3, 0);

-- A conflict inside a savepoint, and on with the transaction.
BEGIN;
SELECT put('sp3', 4, 1);
SAVEPOINT a;
SELECT put('sp3', 5, 1);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO a;
SELECT put('sp3', 6, 2);
COMMIT;
SELECT versions('sp3');

-- Exception blocks of PL/pgSQL are savepoints.
DO $$
BEGIN
    PERFORM put('pl', 1, 0);
    BEGIN
        PERFORM put('pl', 2, 1);
        PERFORM put('pl2', 1, 0);
        RAISE EXCEPTION 'changed my mind';
    EXCEPTION WHEN raise_exception THEN
        RAISE NOTICE 'after the block: %, %', versions('pl'), versions('pl2');
    END;
    BEGIN
        PERFORM put('pl', 3, 0);
    EXCEPTION WHEN SQLSTATE 'ZE001' THEN
        RAISE NOTICE '%: %', SQLSTATE, SQLERRM;
    END;
    BEGIN
        PERFORM eventstore.ingest_batch('{"entity_id":"pl"}');
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE NOTICE '%: %', SQLSTATE, SQLERRM;
    END;
    FOR i IN 1..200 LOOP
        BEGIN
            PERFORM put('pl', 100 + i);
            IF i % 50 <> 0 THEN
                RAISE EXCEPTION 'no';
            END IF;
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
    -- A function sees what it wrote itself, statement by statement.
    RAISE NOTICE 'at the end: %, version %, in view %', versions('pl'), entity_version('pl'),
        (SELECT count(*) FROM events WHERE entity_id = 'pl');
END
$$;
SELECT versions('pl'), versions('pl2');

-- A procedure that commits and rolls back as it goes.
CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put('proc', 1, 0);
    COMMIT;
    PERFORM put('proc', 2, 1);
    ROLLBACK;
    PERFORM put('proc', 3, 1);
END
$$;
CALL steps();
SELECT versions('proc');
DROP PROCEDURE steps;

-- Two calls in one statement: the second builds upon the first; a read in the same statement sees neither.
SELECT (SELECT version FROM append('two', 't', '{"n": 1}', expected_version => 0)) AS first,
       (SELECT version FROM append('two', 't', '{"n": 2}', expected_version => 1)) AS second,
       entity_version('two') AS seen;
SELECT versions('two');
SELECT r.ingested FROM generate_series(3, 5) n, LATERAL ingest_batch(ARRAY[make_event('two', 't', jsonb_build_object('n', n), expected_version => n - 1)]) r;
SELECT versions('two');
-- A retry in the same statement is recognised.
SELECT a.version AS first, b.version AS second, a.position = b.position AS same
FROM append('two2', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001') a,
     append('two2', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001') b;

-- Events and the user's own table in one transaction, by a trigger.
CREATE TABLE account (id text PRIMARY KEY, balance int CHECK (balance >= 0));
CREATE FUNCTION account_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM put('account-' || NEW.id, NEW.balance);
    RETURN NEW;
END
$$;
CREATE TRIGGER account_event BEFORE INSERT OR UPDATE ON account FOR EACH ROW EXECUTE FUNCTION account_event();
INSERT INTO account VALUES ('a', 10), ('b', 5);
UPDATE account SET balance = balance - 1;
UPDATE account SET balance = balance - 5;
SELECT versions('account-a'), versions('account-b');
DROP TABLE account;
DROP FUNCTION account_event;

-- A cursor sees the store as it was when it was opened.
BEGIN;
SELECT put('cur', 1, 0), put('cur', 2);
DECLARE of_entity CURSOR FOR SELECT version FROM read_entity('cur');
DECLARE of_view CURSOR FOR SELECT version FROM events WHERE entity_id = 'cur' ORDER BY version;
DECLARE of_version CURSOR FOR SELECT entity_version('cur');
SELECT put('cur', 3), put('cur', 4);
FETCH ALL FROM of_entity;
FETCH ALL FROM of_view;
FETCH ALL FROM of_version;
-- One that is read in part while events are written.
DECLARE in_part SCROLL CURSOR FOR SELECT version FROM read_entity('cur');
FETCH 1 FROM in_part;
SELECT put('cur', 5);
FETCH ALL FROM in_part;
FETCH BACKWARD 2 FROM in_part;
-- One that outlives the transaction, and one opened before a savepoint that goes.
DECLARE held CURSOR WITH HOLD FOR SELECT version FROM read_entity('cur');
SAVEPOINT a;
SELECT put('cur', 6);
DECLARE inner_one CURSOR FOR SELECT version FROM read_entity('cur', 5);
ROLLBACK TO a;
FETCH ALL FROM inner_one;
ROLLBACK TO a;
COMMIT;
FETCH ALL FROM held;
CLOSE held;

-- REPEATABLE READ and SERIALIZABLE: own events are seen, and appended to.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT versions('iso');
SELECT put('iso', 1, 0);
SELECT put('iso', 2, 1);
SELECT versions('iso'), entity_version('iso');
-- So does the log, as nothing that the snapshot does not see lies before them.  [I2]
SELECT count(*) FROM events WHERE entity_id = 'iso';
SELECT version FROM read_all((SELECT position - 1 FROM read_entity('iso', 1, 1)));
COMMIT;
SELECT version FROM read_all((SELECT position - 1 FROM read_entity('iso', 1, 1)));
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT put('iso', 3, 2);
SELECT versions('iso');
SAVEPOINT a;
SELECT put('iso', 4, 3);
ROLLBACK TO a;
SELECT put('iso', 5, 3);
COMMIT;
SELECT versions('iso');

-- A read-only transaction reads, and does not write.
BEGIN READ ONLY;
SELECT versions('iso'), entity_version('iso'), (SELECT count(*) FROM read_all(0, 1)) AS read_all, safe_position() > 0 AS safe;
SAVEPOINT a;
SELECT put('iso', 6);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO a;
SELECT * FROM ingest_batch('{"entity_id":"iso","event_type":"t"}');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO a;
SELECT * FROM ingest_batch('');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO a;
SELECT * FROM verify();
COMMIT;
SELECT versions('iso');

-- A large transaction that is undone in part, over many blocks.
BEGIN;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('bulk-' || i % 10, 't', jsonb_build_object('n', i)) ORDER BY i) FROM generate_series(1, 5000) i));
SAVEPOINT a;
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('bulk-' || i % 20, 't', jsonb_build_object('n', i)) ORDER BY i) FROM generate_series(1, 5000) i));
ROLLBACK TO a;
SELECT count(*), count(DISTINCT entity_id), max(version) FROM events WHERE entity_id LIKE 'bulk-%';
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('bulk-' || i % 15, 't', jsonb_build_object('n', i)) ORDER BY i) FROM generate_series(1, 1500) i));
COMMIT;
SELECT count(*), count(DISTINCT entity_id), max(version), sum(entity_version(entity_id)) FILTER (WHERE version = 1) FROM events WHERE entity_id LIKE 'bulk-%';
SELECT * FROM verify();

-- An index on the block table that would append while events are being stored: no batch begins inside another.
CREATE FUNCTION nested(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('test.nested', true) = 'on' THEN
        PERFORM append('nested', 't');
    END IF;
    RETURN $1;
END $$;
BEGIN;
CREATE INDEX ON blocks (nested(first_position));
SAVEPOINT a;
SET LOCAL test.nested = 'on';
\set VERBOSITY terse
SELECT version FROM append('outer', 't');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO a;
SELECT ingested FROM ingest_batch((SELECT string_agg('{"entity_id":"outer","event_type":"t"}', E'\n') FROM generate_series(1, 300)));
SELECT version FROM append('outer', 't');
ROLLBACK;
\set VERBOSITY default
DROP FUNCTION versions, put, nested;
