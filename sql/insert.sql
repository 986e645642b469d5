-- The relation events: INSERT and COPY FROM store events; nothing changes, removes or locks them.
SET search_path = eventstore, public;
CREATE FUNCTION raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws('|', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;

-- ------------------------------------------------------------------- values
INSERT INTO events (entity_id, event_type) VALUES ('ins-1', 't');
INSERT INTO events (entity_id, event_type, payload, metadata, tags, event_id, tenant_id, occurred_at)
VALUES ('ins-1', 'u', '{"b": 1,  "a":[1.50, "x"]}', '{"user":"ann"}', '{web,eu}', '00000000-0000-0000-0000-0000000000f1', 'acme', '2001-02-03 04:05:06.789+00');
INSERT INTO events (entity_id, event_type, payload, metadata, tags, event_id, tenant_id, occurred_at)
VALUES ('ins-1', 'nulls', 'null', NULL, NULL, NULL, NULL, NULL), ('ins-1', 'json null', '1', 'null', '{}', NULL, 'default', NULL),
       ('ins-1', 'defaults', DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT);
INSERT INTO events (position, version, recorded_at, entity_id, event_type) VALUES (NULL, NULL, NULL, 'ins-1', 'server''s');
SELECT tenant_id, entity_id, version, event_type, payload, metadata, tags, occurred_at = recorded_at AS just_now
FROM events WHERE entity_id = 'ins-1' ORDER BY position;
SELECT event_id, extract(epoch FROM occurred_at) AS occurred_at FROM events WHERE entity_id = 'ins-1' AND tenant_id = 'acme';
-- The stored text is what PostgreSQL prints, as with append().
SELECT count(DISTINCT payload::text) FROM (SELECT payload FROM events WHERE entity_id = 'ins-1' AND event_type = 'u'
    UNION ALL SELECT '{"b": 1,  "a":[1.50, "x"]}') p;

-- RETURNING gives back the event as it is stored.
INSERT INTO events (entity_id, event_type, tags, metadata) VALUES ('ins-ret', 't', '[3:4]={a,b}', 'null')
RETURNING tenant_id, entity_id, version, event_type, payload, metadata, tags, tableoid::regclass;
WITH new AS (INSERT INTO events (entity_id, event_type, payload)
             SELECT 'ins-ret-' || i % 2, 't', jsonb_build_object('i', i) FROM generate_series(1, 5) i RETURNING *)
SELECT entity_id, version, payload, position - min(position) OVER () AS nth, occurred_at = recorded_at AS just_now FROM new ORDER BY position;
CREATE TEMP TABLE returned AS SELECT * FROM events LIMIT 0;
WITH new AS (INSERT INTO events (entity_id, event_type, tenant_id, tags) SELECT 'ins-same', 't', 'other', ARRAY['x'] FROM generate_series(1, 10) RETURNING *)
INSERT INTO returned SELECT * FROM new;
SELECT count(*), bool_and(r IS NOT DISTINCT FROM e) AS same FROM returned r JOIN events e USING (position);

-- What the server assigns cannot be given.
SELECT raised($$INSERT INTO events (position, entity_id, event_type) VALUES (1, 'e', 't')$$);
SELECT raised($$INSERT INTO events (version, entity_id, event_type) VALUES (1, 'e', 't')$$);
SELECT raised($$INSERT INTO events (recorded_at, entity_id, event_type) VALUES (now(), 'e', 't')$$);
SELECT raised($$INSERT INTO events SELECT * FROM events$$);

-- Everything else fails as with make_event(), but for NOT NULL, which a relation has words for.
SELECT raised($$INSERT INTO events (event_type) VALUES ('t')$$);
SELECT raised($$INSERT INTO events (entity_id) VALUES ('e')$$);
SELECT name, raised(format('INSERT INTO events (entity_id, event_type, payload, metadata, tags, tenant_id, occurred_at) VALUES (%s)', list)) AS raised,
       raised(format('INSERT INTO events (entity_id, event_type, payload, metadata, tags, tenant_id, occurred_at) VALUES (%s)', list))
       = raised(format('SELECT make_event(entity_id => e, event_type => t, payload => p, metadata => m, tags => a, tenant_id => i, occurred_at => o) '
                       'FROM (VALUES (%s)) v(e, t, p, m, a, i, o)', list)) AS same
FROM (SELECT name, format('%s, %s, %s::jsonb, %s::jsonb, %s::text[], %s, %s::timestamptz', coalesce(e, $$'e'$$), coalesce(t, $$'t'$$), coalesce(p, $$'{}'$$),
                          coalesce(m, 'NULL'), coalesce(a, 'NULL'), coalesce(i, $$NULL::text$$), coalesce(o, 'NULL')) AS list
      FROM (VALUES ('empty entity', $$''$$, NULL, NULL, NULL, NULL, NULL, NULL),
                   ('long entity', $$repeat('e', 513)$$, NULL, NULL, NULL, NULL, NULL, NULL),
                   ('control', $$E'a\u0001'$$, NULL, NULL, NULL, NULL, NULL, NULL),
                   ('empty type', NULL, $$''$$, NULL, NULL, NULL, NULL, NULL),
                   ('long type', NULL, $$repeat('t', 256)$$, NULL, NULL, NULL, NULL, NULL),
                   ('no payload', NULL, NULL, 'NULL', NULL, NULL, NULL, NULL),
                   ('deep payload', NULL, NULL, $$(repeat('[', 1001) || repeat(']', 1001))$$, NULL, NULL, NULL, NULL),
                   ('metadata', NULL, NULL, NULL, $$'[1]'$$, NULL, NULL, NULL),
                   ('many tags', NULL, NULL, NULL, NULL, $$array_fill('a'::text, ARRAY[33])$$, NULL, NULL),
                   ('long tag', NULL, NULL, NULL, NULL, $$ARRAY[repeat('a', 256)]$$, NULL, NULL),
                   ('null tag', NULL, NULL, NULL, NULL, $$ARRAY['a', NULL]$$, NULL, NULL),
                   ('tags of tags', NULL, NULL, NULL, NULL, $$'{{a},{b}}'$$, NULL, NULL),
                   ('empty tenant', NULL, NULL, NULL, NULL, NULL, $$''$$, NULL),
                   ('long tenant', NULL, NULL, NULL, NULL, NULL, $$repeat('i', 65)$$, NULL),
                   ('infinity', NULL, NULL, NULL, NULL, NULL, NULL, $$'infinity'$$),
                   ('before the years', NULL, NULL, NULL, NULL, NULL, NULL, $$'4000-01-01 BC'$$)) v(name, e, t, p, m, a, i, o)) l;
-- Of several rows, the error says which.
SELECT raised($$INSERT INTO events (entity_id, event_type) VALUES ('e', 't'), ('e', ''), ('', 't')$$);
SELECT raised($$INSERT INTO events (entity_id, event_type, tags) SELECT 'e', 't', CASE WHEN i = 2345 THEN ARRAY[''] END FROM generate_series(1, 3000) i$$);
SELECT entity_version('e');

-- ------------------------------------------------------------ many, in batches
DO $$
DECLARE
    rows int;
BEGIN
    FOREACH rows IN ARRAY ARRAY[1, 2, 3, 99, 100, 101, 1099, 1100, 1101, 2100, 2101] LOOP
        INSERT INTO eventstore.events (entity_id, event_type, payload)
        SELECT format('ins-batch-%s-%s', rows, i % 7), 't', jsonb_build_object('i', i, 'n', rows) FROM generate_series(1, rows) i;
    END LOOP;
END
$$;
SELECT n, count(*), count(DISTINCT entity_id) AS entities, bool_and(i > before) AS in_order, bool_and(version = row) AS versions
FROM (SELECT (payload ->> 'n')::int AS n, entity_id, version, (payload ->> 'i')::int AS i, lag((payload ->> 'i')::int, 1, 0) OVER (PARTITION BY payload ->> 'n' ORDER BY position) AS before,
             row_number() OVER (PARTITION BY entity_id ORDER BY position) AS row
      FROM events WHERE entity_id LIKE 'ins-batch-%') e GROUP BY n ORDER BY n;
-- A thousand rows are stored by shape, in few blocks.
SELECT batches, blocks FROM stat_ingest \gset
INSERT INTO events (entity_id, event_type, payload) SELECT 'ins-many', 't', jsonb_build_object('i', i) FROM generate_series(1, 5000) i;
SELECT batches - :batches AS batches, blocks - :blocks < 30 AS few_blocks FROM stat_ingest;
-- Large rows come in smaller batches.
SELECT batches FROM stat_ingest \gset
INSERT INTO events (entity_id, event_type, payload) SELECT 'ins-large', 't', to_jsonb(repeat(md5(i::text), 2000)) FROM generate_series(1, 1500) i;
SELECT batches - :batches > 15 AS more_batches FROM stat_ingest;
-- So do those that turn out large later, and then small again.
INSERT INTO events (entity_id, event_type, payload)
SELECT 'ins-mixed', 't', jsonb_build_object('i', i, 'text', repeat('x', CASE WHEN i / 1000 % 2 = 1 THEN 20000 ELSE 10 END)) FROM generate_series(1, 5000) i;
SELECT count(*), bool_and((payload ->> 'i')::bigint = version) AS in_order FROM read_entity('ins-mixed');
SELECT count(*), bool_and(payload = to_jsonb(repeat(md5(version::text), 2000))) AS same FROM read_entity('ins-large');
EXPLAIN (COSTS OFF) INSERT INTO events (entity_id, event_type) SELECT 'e', 't' FROM generate_series(1, 10);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT JSON) INSERT INTO events (entity_id, event_type) VALUES ('ins-explained', 't') \g /dev/null
SELECT entity_version('ins-explained');
-- No row is inserted that the statement itself inserted.
INSERT INTO events (entity_id, event_type) SELECT 'ins-own', 't' FROM generate_series(1, 1500);
INSERT INTO events (entity_id, event_type, payload) SELECT entity_id, 'again', payload FROM events WHERE entity_id = 'ins-own';
SELECT event_type, count(*) FROM events WHERE entity_id = 'ins-own' GROUP BY 1 ORDER BY 1;

-- --------------------------------------------------------------------- COPY
COPY events (entity_id, event_type, payload, tags) FROM STDIN;
ins-copy	a	{"i": 1}	{x,y}
ins-copy	b	null	\N
\.
COPY events (tenant_id, entity_id, event_type, metadata, event_id, occurred_at) FROM STDIN (FORMAT csv, HEADER);
tenant_id,entity_id,event_type,metadata,event_id,occurred_at
,ins-copy,c,"{""user"":""ann""}",00000000-0000-0000-0000-0000000000f2,2001-02-03 04:05:06Z
,ins-copy,d,,,
\.
SELECT version, event_type, payload, metadata, tags, event_id = '00000000-0000-0000-0000-0000000000f2' AS id, occurred_at < recorded_at AS earlier
FROM read_entity('ins-copy');
COPY events FROM STDIN (NULL '-');
-	-	ins-copy	-	e	-	{}	-	-	-	-
\.
SELECT entity_version('ins-copy');
-- Errors say in which line, and nothing is stored.
COPY events (entity_id, event_type) FROM STDIN;
ins-copy	t
ins-copy	
\.
COPY events (entity_id, event_type) FROM STDIN;
ins-copy	t
\N	t
\.
COPY events (entity_id, event_type, payload) FROM STDIN;
ins-copy	t	{"a":
\.
COPY events (position, entity_id, event_type) FROM STDIN;
1	ins-copy	t
\.
SELECT entity_version('ins-copy');
-- Rows wait, to be stored by ten thousands; what waits last is stored too.
SELECT batches FROM stat_ingest \gset
COPY events (entity_id, event_type, payload) FROM PROGRAM $$seq -f '{"i": %.0f}' 1 20001 | sed 's/^/ins-program\tt\t/'$$;
SELECT batches - :batches AS batches FROM stat_ingest;
SELECT count(*), bool_and((payload ->> 'i')::bigint = version) AS in_order FROM read_entity('ins-program');
COPY events (entity_id, event_type) FROM PROGRAM 'true';
COPY events (entity_id, event_type, payload) FROM PROGRAM $$seq -f '{"i": %.0f}' 1 10 | sed 's/^/ins-where\tt\t/'$$ WHERE (payload ->> 'i')::int % 2 = 0;
SELECT count(*) FROM read_entity('ins-where');
COPY (SELECT entity_id, version FROM events WHERE entity_id = 'ins-copy' ORDER BY version) TO STDOUT;

-- ------------------------------------------------------------- transactions
BEGIN;
INSERT INTO events (entity_id, event_type) VALUES ('ins-tx', 'kept');
SAVEPOINT a;
INSERT INTO events (entity_id, event_type) SELECT 'ins-tx', 'undone' FROM generate_series(1, 1001);
SELECT entity_version('ins-tx');
ROLLBACK TO a;
INSERT INTO events (entity_id, event_type) VALUES ('ins-tx', 'kept') RETURNING version;
SAVEPOINT b;
COPY events (entity_id, event_type) FROM STDIN;
ins-tx	undone
\.
ROLLBACK TO b;
SELECT * FROM append('ins-tx', 'kept', expected_version => 1) AS fails;
ROLLBACK TO b;
SELECT version FROM append('ins-tx', 'kept', expected_version => 2);
COMMIT;
SELECT version, event_type FROM read_entity('ins-tx');
BEGIN READ ONLY;
INSERT INTO events (entity_id, event_type) VALUES ('ins-tx', 't');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO events (entity_id, event_type) VALUES ('ins-tx', 't') RETURNING version;
INSERT INTO events (entity_id, event_type) VALUES ('ins-tx', 't') RETURNING version;
ROLLBACK;
DO $$
DECLARE
    at bigint;
BEGIN
    FOR i IN 1 .. 3 LOOP
        BEGIN
            INSERT INTO eventstore.events (entity_id, event_type) VALUES ('ins-pl', repeat('t', i)) RETURNING version INTO at;
            INSERT INTO eventstore.events (entity_id, event_type) VALUES ('ins-pl', repeat('t', i * 100));
            RAISE NOTICE '%: version %, then %', i, at, eventstore.entity_version('ins-pl');
        EXCEPTION WHEN program_limit_exceeded THEN
            RAISE NOTICE '%: %, version %', i, SQLERRM, eventstore.entity_version('ins-pl');
        END;
    END LOOP;
END
$$;
PREPARE put(text, jsonb) AS INSERT INTO events (entity_id, event_type, payload) VALUES ($1, 't', $2) RETURNING version, payload;
EXECUTE put('ins-prepared', '1');
EXECUTE put('ins-prepared', '{"a": "ä"}');
EXECUTE put('ins-prepared', NULL);
DEALLOCATE put;

-- ------------------------------------------- triggers, views, partitions, checks
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        RAISE NOTICE '% % %: version %, of %, id %, in log %', TG_WHEN, TG_LEVEL, TG_OP, NEW.version, NEW.entity_id,
            NEW.event_id IS NOT NULL, (SELECT count(*) FROM eventstore.read_entity(NEW.entity_id));
        IF TG_WHEN = 'BEFORE' THEN
            IF NEW.event_type = 'skip' THEN
                RETURN NULL;
            END IF;
            NEW.payload := NEW.payload || '{"by": "trigger"}';
        END IF;
        RETURN NEW;
    END IF;
    RAISE NOTICE '% % %: in log %', TG_WHEN, TG_LEVEL, TG_OP, (SELECT count(*) FROM eventstore.read_entity('ins-trigger'));
    RETURN NULL;
END
$$;
CREATE TRIGGER before_row BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO events (entity_id, event_type) VALUES ('ins-trigger', 'a'), ('ins-trigger', 'skip'), ('ins-trigger', 'b');
COPY events (entity_id, event_type) FROM STDIN;
ins-trigger	c
ins-trigger	skip
ins-trigger	d
\.
DROP TRIGGER before_row ON events;
CREATE TRIGGER after_row AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO events (entity_id, event_type) VALUES ('ins-trigger', 'e'), ('ins-trigger', 'f');
COPY events (entity_id, event_type) FROM STDIN;
ins-trigger	g
ins-trigger	h
\.
DROP TRIGGER after_row ON events;
CREATE TRIGGER before_statement BEFORE INSERT ON events EXECUTE FUNCTION tell();
CREATE TRIGGER after_statement AFTER INSERT ON events EXECUTE FUNCTION tell();
INSERT INTO events (entity_id, event_type) VALUES ('ins-trigger', 'i'), ('ins-trigger', 'j');
COPY events (entity_id, event_type) FROM STDIN;
ins-trigger	k
ins-trigger	l
\.
DROP TRIGGER before_statement ON events;
DROP TRIGGER after_statement ON events;
SELECT string_agg(event_type || (payload = '{}')::text, ' ' ORDER BY version) FROM read_entity('ins-trigger');

CREATE VIEW ins_orders AS SELECT entity_id, event_type, payload FROM events WHERE entity_id LIKE 'ins-order-%' WITH CHECK OPTION;
INSERT INTO ins_orders VALUES ('ins-order-1', 't', '1') RETURNING *;
SELECT split_part(raised($$INSERT INTO ins_orders (entity_id, event_type) VALUES ('ins-order-1', 't'), ('ins-other', 't')$$), '|', 2);
SELECT entity_version('ins-order-1'), entity_version('ins-other');

BEGIN;
TRUNCATE blocks;
CREATE TABLE ins_parent (LIKE events) PARTITION BY LIST (entity_id);
CREATE TABLE ins_rest PARTITION OF ins_parent DEFAULT;
ALTER TABLE ins_parent ALTER payload SET DEFAULT '{}';
ALTER TABLE ins_parent ATTACH PARTITION events FOR VALUES IN ('ins-part');
INSERT INTO ins_parent (entity_id, event_type) SELECT CASE i % 2 WHEN 0 THEN 'ins-part' ELSE 'x' END, 't' FROM generate_series(1, 10) i;
INSERT INTO ins_parent (entity_id, event_type) VALUES ('ins-part', 't') RETURNING version, event_id IS NOT NULL AS id;
COPY ins_parent (entity_id, event_type) FROM STDIN;
ins-part	t
x	t
\.
SELECT (SELECT count(*) FROM ins_rest) AS rest, entity_version('ins-part');
SAVEPOINT a;
INSERT INTO ins_parent (entity_id, event_type) VALUES ('ins-part', 't') ON CONFLICT DO NOTHING;
ROLLBACK TO a;
UPDATE ins_parent SET payload = '{}';
ROLLBACK TO a;
-- A row that moves to the partition is inserted there.
UPDATE ins_parent SET entity_id = 'ins-part' WHERE entity_id = 'x';
ROLLBACK TO a;
UPDATE ins_rest SET event_type = 'u' WHERE entity_id = 'x';
SELECT entity_version('ins-part');
TRUNCATE ins_parent;
ROLLBACK;

BEGIN;
ALTER FOREIGN TABLE events ADD CONSTRAINT regular CHECK (event_type = lower(event_type)) NOT VALID;
INSERT INTO events (entity_id, event_type) VALUES ('ins-check', 't');
SELECT split_part(raised($$INSERT INTO events (entity_id, event_type) VALUES ('ins-check', 'T')$$), '|', 2);
COPY events (entity_id, event_type) FROM STDIN;
ins-check	T
\.
ROLLBACK;

-- --------------------------------------------------------------- not possible
UPDATE events SET payload = '{}' WHERE entity_id = 'ins-1';
\echo :LAST_ERROR_SQLSTATE
UPDATE events SET entity_id = 'x' WHERE false;
DELETE FROM events;
\echo :LAST_ERROR_SQLSTATE
EXPLAIN UPDATE events SET payload = '{}';
EXPLAIN DELETE FROM events;
PREPARE change AS UPDATE events SET payload = '{}';
EXECUTE change;
DEALLOCATE change;
WITH gone AS (DELETE FROM events RETURNING *) SELECT * FROM gone;
UPDATE ins_orders SET payload = '{}';
DELETE FROM ins_orders;
UPDATE events SET payload = '{}' FROM generate_series(1, 2) i WHERE version = i;
MERGE INTO events USING (SELECT 1) s ON false WHEN NOT MATCHED THEN INSERT (entity_id, event_type) VALUES ('e', 't');
\echo :LAST_ERROR_SQLSTATE
TRUNCATE events;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM events FOR UPDATE;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM events FOR NO KEY UPDATE;
SELECT * FROM events FOR SHARE;
SELECT * FROM events FOR KEY SHARE;
SELECT * FROM ins_orders FOR UPDATE;
SELECT * FROM (SELECT * FROM events LIMIT 1) e FOR UPDATE;
CREATE TEMP TABLE named AS SELECT 'ins-1'::text AS entity_id;
SELECT * FROM named JOIN events USING (entity_id) FOR UPDATE;
SELECT count(*) FROM (SELECT FROM named JOIN events USING (entity_id) FOR UPDATE OF named) e;
UPDATE named SET entity_id = 'ins-2' FROM events e WHERE e.entity_id = named.entity_id AND e.version = 1 AND e.tenant_id = 'default';
BEGIN;
LOCK TABLE events;
ROLLBACK;
INSERT INTO events (entity_id, event_type) VALUES ('e', 't') ON CONFLICT DO NOTHING;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO events (entity_id, event_type) VALUES ('e', 't') ON CONFLICT (event_id) DO NOTHING;
INSERT INTO events (entity_id, event_type) VALUES ('e', 't') ON CONFLICT (event_id) DO UPDATE SET payload = '{}';
SELECT is_insertable_into FROM information_schema.tables WHERE table_schema = 'eventstore' AND table_name = 'events';
SELECT pg_relation_is_updatable('events', true) AS events, pg_relation_is_updatable('ins_orders', true) AS of_view;
DROP VIEW ins_orders;

-- --------------------------------------------- another table, and changed columns
CREATE FOREIGN TABLE mine (position bigint, entity_id text, event_type text) SERVER eventstore;
SELECT * FROM mine;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO mine VALUES (1, 'e', 't');
EXPLAIN INSERT INTO mine VALUES (1, 'e', 't');
\copy mine from /dev/null
UPDATE mine SET entity_id = 'e';
DELETE FROM mine;
TRUNCATE mine;
SELECT * FROM mine FOR UPDATE;
DROP FOREIGN TABLE mine;
CREATE SERVER other FOREIGN DATA WRAPPER eventstore OPTIONS (a 'b');
\echo :LAST_ERROR_SQLSTATE
CREATE FOREIGN TABLE mine () SERVER eventstore OPTIONS (schema 's', "table" 't');
ALTER SERVER eventstore OPTIONS (ADD a 'b');
ALTER FOREIGN DATA WRAPPER eventstore OPTIONS (ADD a 'b');
ALTER FOREIGN TABLE events ALTER payload OPTIONS (ADD a 'b');
IMPORT FOREIGN SCHEMA s FROM SERVER eventstore INTO public;
SELECT fdw_validator('{a=b}', 0);
SELECT fdw_validator('{}', 0) IS NOT NULL AS no_options, fdw_validator(NULL, NULL) IS NOT NULL AS none;
DROP FOREIGN TABLE events;
SELECT * FROM verify();
DROP FUNCTION raised, tell;
