-- What PostgreSQL would not evaluate is not evaluated: subqueries, casts of parameters and functions behind
-- conditions that no event meets. Answers, errors and side effects are those of a plain table.
SET search_path = public, eventstore;
SET max_parallel_workers_per_gather = 0;
TRUNCATE blocks;
CREATE SEQUENCE calls;
CREATE FUNCTION boom(int) RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN IF $1 = 0 THEN RAISE EXCEPTION 'boom'; END IF; RETURN $1; END $$;

-- The answer or error of a statement, and how often it called the sequence; {T} is the relation.
CREATE FUNCTION outcome(relation text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    before bigint := nextval('calls');
BEGIN
    BEGIN
        EXECUTE replace(statement, '{T}', relation) INTO answer;
    EXCEPTION WHEN OTHERS THEN
        answer := SQLSTATE || ' ' || SQLERRM;
    END;
    RETURN coalesce(answer, 'null') || CASE WHEN nextval('calls') - before > 1 THEN ', with a call' ELSE '' END;
END $$;
CREATE TABLE question (id serial, text text);
INSERT INTO question (text) VALUES
    ('SELECT count(*) FROM {T} WHERE event_type = ''none'' AND version = (SELECT g FROM generate_series(1, 2) g)'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''none'' AND version = (SELECT boom(0))'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''t'' OR version = (SELECT boom(0))'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''t'' AND (version = 7 OR version = (SELECT boom(1)))'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''none'' AND version = (SELECT nextval(''calls''))'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''t'' AND version > (SELECT nextval(''calls'') * 0)'),
    ('SELECT count(*) FROM {T} WHERE version = (SELECT boom(0))'),
    ('SELECT count(*) FROM {T} WHERE version = (SELECT nextval(''calls'') * 0 + 3)'),
    ('SELECT count(*) FROM {T} WHERE recorded_at > (SELECT now() - interval ''1 day'') AND version > (SELECT g FROM generate_series(1, 2) g LIMIT 1)'),
    ('SELECT count(*) FROM {T} WHERE entity_id = ''nope'' AND version = (SELECT boom(0))'),
    ('SELECT count(*) FROM {T} WHERE (entity_id = ''nope'') IS TRUE AND version > (SELECT nextval(''calls''))'),
    ('SELECT count(*) FROM {T} WHERE entity_id = ''e-1'' AND version > (SELECT boom(0))'),
    ('SELECT count(*) FROM {T} WHERE entity_id = ''e-1'' AND version > (SELECT boom(50))'),
    ('SELECT count(*) FROM {T} WHERE entity_id = ''e-1'' AND event_type = ''none'' AND version > (SELECT boom(0))'),
    ('SELECT count(t.version) FROM (VALUES (''e-1'')) r(e) LEFT JOIN {T} t ON t.entity_id = r.e AND t.entity_id = (SELECT ''x'') AND t.version = (SELECT boom(0))'),
    ('SELECT count(*) FILTER (WHERE event_type = ''none'' AND version = (SELECT boom(0))) FROM {T}'),
    ('SELECT count(*) FILTER (WHERE event_type = ''none'' OR version = (SELECT boom(5))), sum(version) FILTER (WHERE version > (SELECT boom(100))) FROM {T}'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''none'' AND payload ->> (SELECT boom(0)::text) = ''x'''),
    ('SELECT count(*) FROM {T} WHERE event_type = ''t'' AND (payload ->> (SELECT ''qty'' || nextval(''calls'') * 0))::int IS NULL'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''none'' AND version = ANY (ARRAY(SELECT boom(0)::bigint))'),
    ('SELECT count(*) FROM {T} WHERE event_type = ''t'' AND version = ANY (ARRAY(SELECT g::bigint FROM generate_series(1, 3) g))'),
    ('SELECT max(position) - min(position) FROM {T} WHERE event_type = ''t'' AND position > 0 AND position <= (SELECT max(position) - 10 FROM {T})'),
    ('SELECT count(*) FROM (SELECT 1 FROM {T} WHERE event_type = ''t'' AND version > (SELECT boom(20)) ORDER BY position DESC LIMIT 5) l');

-- Without a single event nothing is evaluated.
CREATE TABLE plain AS SELECT * FROM events;
SELECT id, outcome('events', text) AS events, text FROM question WHERE outcome('events', text) <> outcome('plain', text) ORDER BY id;
SELECT count(*) AS without_call FROM question WHERE outcome('events', text) !~ 'call';

SELECT ingested FROM ingest_batch((SELECT string_agg(format('{"entity_id":"e-%s","event_type":"t","payload":{"qty":%s}}', g % 9, g), E'\n' ORDER BY g) FROM generate_series(1, 1000) g));
SELECT sum(version) FROM generate_series(1, 50) g, LATERAL append('e-' || g % 9, 't', jsonb_build_object('qty', g));
INSERT INTO plain SELECT * FROM events;
ANALYZE plain;
SELECT id, outcome('events', text) AS events, outcome('plain', text) AS plain, text FROM question WHERE outcome('events', text) <> outcome('plain', text) ORDER BY id;
SELECT id, outcome('events', text) AS outcome FROM question ORDER BY id;
-- By the index of entities, what an entity without events meets is not evaluated.
SET random_page_cost = 0.01;
SET cpu_tuple_cost = 0.0001;
SELECT id, outcome('events', text) AS outcome FROM question WHERE text ~ 'entity_id' ORDER BY id;
CREATE FUNCTION access(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || replace(query, '{T}', 'events') LOOP
        IF line ~ 'Access' THEN RETURN substring(line FROM 'Access: (.*)'); END IF;
    END LOOP;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM; -- while it was planned
END $$;
SELECT id, access(text) FROM question WHERE text ~ 'entity_id' ORDER BY id;
DROP FUNCTION access;
RESET random_page_cost;
RESET cpu_tuple_cost;

-- Casts of parameters, in plans that are made without their values.
SET plan_cache_mode = force_generic_plan;
PREPARE version(text, text) AS SELECT position FROM events WHERE entity_id = $1 AND version = $2::bigint;
PREPARE quantity(text, text) AS SELECT count(*) FROM events WHERE entity_id = $1 AND (payload ->> 'qty')::numeric > $2::numeric;
PREPARE none(text) AS SELECT count(*) FROM events WHERE event_type = 'none' AND version = $1::bigint;
PREPARE typed(text) AS SELECT count(*) FROM events WHERE event_type = 't' AND version = $1::bigint;
EXECUTE version('absent', '');
EXECUTE version('e-1', '');
EXECUTE quantity('absent', 'abc');
EXECUTE quantity('e-1', 'abc');
EXECUTE quantity('e-1', '900');
EXECUTE none('');
EXECUTE typed('');
EXECUTE typed('3');
-- EXPLAIN evaluates nothing.
SELECT nextval('calls') AS before \gset
EXPLAIN SELECT count(*) FROM events WHERE version = (SELECT nextval('calls')) \g /dev/null
SELECT nextval('calls') - :before AS calls;
DEALLOCATE ALL;
RESET plan_cache_mode;
DROP TABLE plain, question;
DROP FUNCTION boom, outcome;
DROP SEQUENCE calls;
