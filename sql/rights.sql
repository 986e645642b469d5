-- Rights: INSERT on the relation events allows writing, SELECT reading; nothing else does, and nothing is PUBLIC's.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_es_nobody, regress_es_writer, regress_es_reader, regress_es_both, regress_es_outside;
RESET client_min_messages;
CREATE ROLE regress_es_outside;
CREATE ROLE regress_es_nobody;
CREATE ROLE regress_es_writer;
CREATE ROLE regress_es_reader;
CREATE ROLE regress_es_both;
GRANT USAGE ON SCHEMA eventstore TO regress_es_nobody, regress_es_writer, regress_es_reader, regress_es_both;
GRANT INSERT ON eventstore.events TO regress_es_writer, regress_es_both;
GRANT SELECT ON eventstore.events TO regress_es_reader, regress_es_both;
\set VERBOSITY default

-- What is granted to PUBLIC: nothing.
SELECT c.relname, a.privilege_type FROM pg_class c, LATERAL aclexplode(c.relacl) a
WHERE c.relnamespace = 'eventstore'::regnamespace AND a.grantee = 0;
SELECT c.relname, c.attname, a.privilege_type FROM (pg_attribute JOIN pg_class ON attrelid = pg_class.oid) c, LATERAL aclexplode(c.attacl) a
WHERE c.relnamespace = 'eventstore'::regnamespace AND a.grantee = 0;
SELECT nspname, a.privilege_type FROM pg_namespace, LATERAL aclexplode(nspacl) a WHERE nspname = 'eventstore' AND a.grantee = 0;
-- Who was granted nothing has no rights on any relation, and not on the schema.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'eventstore'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND (has_table_privilege('regress_es_nobody', c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER')
       OR has_any_column_privilege('regress_es_nobody', c.oid, 'SELECT,INSERT,UPDATE,REFERENCES'));
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'eventstore'::regnamespace AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege('regress_es_nobody', c.oid, 'USAGE,SELECT,UPDATE') END;
SELECT has_schema_privilege('regress_es_outside', 'eventstore', 'USAGE') AS outside_uses, has_schema_privilege('regress_es_nobody', 'eventstore', 'CREATE') AS nobody_creates;

-- Calls a function with arguments made for their names and types, and says how it went.  What it did is undone.
CREATE FUNCTION try(function oid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    call text;
BEGIN
    SELECT format('SELECT count(c.result) FROM (SELECT %s(%s) AS result) c', p.oid::regproc::text,
                  coalesce(string_agg(format('%s::%s', CASE
                      WHEN name = 'events' AND type IN ('text', 'json', 'jsonb') THEN quote_literal('{"entity_id":"rights","event_type":"t"}')
                      WHEN type = 'eventstore.event[]' THEN $a$ARRAY[eventstore.make_event('rights', 't')]$a$
                      WHEN type = 'eventstore.event' THEN $a$eventstore.make_event('rights', 't')$a$
                      WHEN type = 'cstring' AND p.proname = 'event_in' THEN quote_literal('{"entity_id":"rights","event_type":"t"}')
                      WHEN name IN ('entity_id', 'prefix') THEN quote_literal('rights')
                      WHEN name = 'event_type' THEN quote_literal('t')
                      WHEN name = 'payload' THEN quote_literal('{}')
                      WHEN name = 'entity_ids' THEN quote_literal('{rights}')
                      WHEN name = 'event_types' THEN quote_literal('{t}')
                      WHEN name = 'payloads' THEN quote_literal('{"{}"}')
                      WHEN name IN ('position', 'max_count') THEN '1'
                      WHEN type = 'boolean' THEN 'false'
                      ELSE 'NULL' END, type), ', ' ORDER BY n) FILTER (WHERE n IS NOT NULL), ''))
    INTO call
    FROM pg_proc p LEFT JOIN LATERAL (SELECT n, format_type(t, NULL) AS type, coalesce(p.proargnames[n], '') AS name
                                      FROM unnest(p.proargtypes) WITH ORDINALITY a(t, n)) a ON true
    WHERE p.oid = function GROUP BY p.oid;
    BEGIN
        EXECUTE call;
        RAISE SQLSTATE 'ZZ001';
    EXCEPTION
        WHEN SQLSTATE 'ZZ001' THEN RETURN 'allowed';
        WHEN insufficient_privilege THEN RETURN 'denied';
        WHEN OTHERS THEN RETURN format('%s: %s', SQLSTATE, SQLERRM);
    END;
END
$$;
CREATE TABLE tried (function text, role text, outcome text);
GRANT INSERT ON tried TO PUBLIC;
CREATE VIEW callable AS
SELECT p.oid, p.oid::regprocedure::text AS function FROM pg_proc p
WHERE p.pronamespace = 'eventstore'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype AND 'internal'::regtype <> ALL (p.proargtypes::oid[]);
GRANT SELECT ON callable TO PUBLIC;
SELECT count(*) FROM eventstore.append('rights', 't');
SELECT count(*) AS events_before FROM eventstore.events \gset
SET ROLE regress_es_outside;
INSERT INTO tried SELECT function, 'outside', try(oid) FROM callable;
SET ROLE regress_es_nobody;
INSERT INTO tried SELECT function, 'nobody', try(oid) FROM callable;
SET ROLE regress_es_writer;
INSERT INTO tried SELECT function, 'writer', try(oid) FROM callable;
SET ROLE regress_es_reader;
INSERT INTO tried SELECT function, 'reader', try(oid) FROM callable;
SET ROLE regress_es_both;
INSERT INTO tried SELECT function, 'both', try(oid) FROM callable;
RESET ROLE;
INSERT INTO tried SELECT function, 'owner', try(oid) FROM callable;
-- Who may not use the schema cannot call anything in it.
SELECT DISTINCT outcome FROM tried WHERE role = 'outside';
-- Every function of the schema.  Pure ones take no rights: there is nothing to protect.
SELECT regexp_replace(function, '\(.*', '') || CASE WHEN function ~ 'ingest_batch' THEN substring(function, '\(.*') ELSE '' END AS function,
       max(outcome) FILTER (WHERE role = 'nobody') AS nobody, max(outcome) FILTER (WHERE role = 'writer') AS writer,
       max(outcome) FILTER (WHERE role = 'reader') AS reader, max(outcome) FILTER (WHERE role = 'both') AS both,
       max(outcome) FILTER (WHERE role = 'owner') AS owner
FROM tried GROUP BY function ORDER BY function COLLATE "C";
-- In other words: who may do nothing can call only what is immutable; so there is no row.
SELECT function FROM tried t JOIN callable c USING (function) JOIN pg_proc p ON p.oid = c.oid
WHERE role = 'nobody' AND outcome <> 'denied' AND provolatile <> 'i';
SELECT count(*) - :events_before AS written FROM eventstore.events;

-- Rights on columns alone are not enough.
GRANT SELECT (entity_id), INSERT (entity_id) ON eventstore.events TO regress_es_nobody;
SET ROLE regress_es_nobody;
SELECT eventstore.entity_version('rights');
\echo :LAST_ERROR_SQLSTATE
SELECT eventstore.append('rights', 't');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE SELECT (entity_id), INSERT (entity_id) ON eventstore.events FROM regress_es_nobody;

-- What is said to whom.
SET ROLE regress_es_reader;
SELECT count(*) > 0 AS some FROM eventstore.events;
SELECT count(*) FROM eventstore.read_entity('rights');
SELECT * FROM eventstore.verify();
SELECT eventstore.append('rights', 't');
\echo :LAST_ERROR_SQLSTATE
SELECT eventstore.ingest_batch('');
\echo :LAST_ERROR_SQLSTATE
SELECT eventstore.ingest_batch('nonsense');
\echo :LAST_ERROR_SQLSTATE
SELECT eventstore.rebuild_index();
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_es_writer;
SELECT version FROM eventstore.append('rights', 't', expected_version => 1);
-- A retry and a conflict read what was written before; that is part of writing.
SELECT version FROM eventstore.append('rights', 't', expected_version => 2, event_id => '00000000-0000-0000-0000-000000000001');
SELECT version FROM eventstore.append('rights', 't', expected_version => 2, event_id => '00000000-0000-0000-0000-000000000001');
SELECT version FROM eventstore.append('rights', 't', expected_version => 2, event_id => '00000000-0000-0000-0000-000000000002');
SELECT eventstore.entity_version('rights');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.read_all();
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM eventstore.events;
\echo :LAST_ERROR_SQLSTATE
SELECT eventstore.safe_position();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.verify();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.stat_index();
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_es_nobody;
SELECT * FROM eventstore.stat_ingest();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.stat_ingest;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.stat_kernel();
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM eventstore.stat_kernel;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- The relation: INSERT writes, SELECT reads, and giving back what was written is reading.
SET ROLE regress_es_writer;
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't');
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't') RETURNING version;
COPY eventstore.events (entity_id, event_type) FROM STDIN;
rights-rel	t
\.
COPY eventstore.events TO STDOUT;
COPY (SELECT * FROM eventstore.events) TO STDOUT;
SET ROLE regress_es_reader;
SELECT count(*) FROM eventstore.events WHERE entity_id = 'rights-rel';
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't');
\copy eventstore.events (entity_id, event_type) from /dev/null
SET ROLE regress_es_both;
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't') RETURNING version;
SET ROLE regress_es_nobody;
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't');
CREATE SERVER mine FOREIGN DATA WRAPPER eventstore;
RESET ROLE;
-- Rights on columns are enough where only those are used.
GRANT SELECT (entity_id, version), INSERT (entity_id, event_type) ON eventstore.events TO regress_es_nobody;
SET ROLE regress_es_nobody;
INSERT INTO eventstore.events (entity_id, event_type) VALUES ('rights-rel', 't') RETURNING entity_id, version;
INSERT INTO eventstore.events (entity_id, event_type, payload) VALUES ('rights-rel', 't', '1');
SELECT max(version) FROM eventstore.events WHERE entity_id = 'rights-rel';
SELECT payload FROM eventstore.events;
RESET ROLE;
REVOKE SELECT (entity_id, version), INSERT (entity_id, event_type) ON eventstore.events FROM regress_es_nobody;
-- Who may use the server cannot get at events by a table of their own.
CREATE SCHEMA regress_es_own AUTHORIZATION regress_es_nobody;
SET ROLE regress_es_nobody;
CREATE FOREIGN TABLE regress_es_own.events (entity_id text, event_type text) SERVER eventstore;
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER eventstore TO regress_es_nobody;
GRANT USAGE ON FOREIGN DATA WRAPPER eventstore TO regress_es_nobody;
SET ROLE regress_es_nobody;
CREATE FOREIGN TABLE regress_es_own.events (entity_id text, event_type text) SERVER eventstore;
SELECT * FROM regress_es_own.events;
INSERT INTO regress_es_own.events VALUES ('rights-rel', 't');
\copy regress_es_own.events from /dev/null
CREATE SERVER regress_es_own FOREIGN DATA WRAPPER eventstore;
CREATE FOREIGN TABLE regress_es_own.events2 (entity_id text, event_type text) SERVER regress_es_own;
SELECT * FROM regress_es_own.events2;
DROP SERVER regress_es_own CASCADE;
RESET ROLE;
DROP SCHEMA regress_es_own CASCADE;
REVOKE ALL ON FOREIGN SERVER eventstore FROM regress_es_nobody;
REVOKE ALL ON FOREIGN DATA WRAPPER eventstore FROM regress_es_nobody;
-- The owner of a view lends its rights.
CREATE VIEW eventstore_orders AS SELECT entity_id, event_type FROM eventstore.events WHERE entity_id LIKE 'rights-%';
ALTER VIEW eventstore_orders OWNER TO regress_es_writer;
GRANT ALL ON eventstore_orders TO regress_es_nobody;
SET ROLE regress_es_nobody;
INSERT INTO eventstore_orders VALUES ('rights-rel', 't');
SELECT * FROM eventstore_orders;
RESET ROLE;
DROP VIEW eventstore_orders;

-- The block table and its sequence are nobody's but the owner's, whatever one may do with events.
SET ROLE regress_es_both;
SELECT * FROM eventstore.blocks;
INSERT INTO eventstore.blocks VALUES (1, NULL, NULL);
UPDATE eventstore.blocks SET first_position = 0;
DELETE FROM eventstore.blocks;
TRUNCATE eventstore.blocks;
COPY eventstore.blocks TO STDOUT;
BEGIN;
LOCK TABLE eventstore.blocks IN ACCESS SHARE MODE;
ROLLBACK;
SELECT last_value FROM eventstore.position_seq;
SELECT nextval('eventstore.position_seq');
SELECT currval('eventstore.position_seq');
SELECT setval('eventstore.position_seq', 1);
SELECT last_value FROM eventstore.position_seq;
SELECT lastval();
ALTER TABLE eventstore.blocks DISABLE TRIGGER blocks_changed;
DROP FOREIGN TABLE eventstore.events;
CREATE TABLE eventstore.mine ();
CREATE TRIGGER t AFTER INSERT ON eventstore.blocks FOR EACH ROW EXECUTE FUNCTION eventstore.blocks_changed();
SET eventstore.max_event_size = '1GB';
SET eventstore.max_event_size = '1MB';
SET eventstore.allow_async_commit = on;
RESET ROLE;

-- Even the owner cannot put what is no block into it.
INSERT INTO eventstore.blocks VALUES (1, '\x00', NULL);

-- A function that runs with another's rights writes and reads with those.
CREATE FUNCTION place_order(id text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$SELECT version FROM eventstore.append(id, 'order.placed')$$;
ALTER FUNCTION place_order OWNER TO regress_es_writer;
SET ROLE regress_es_nobody;
SELECT place_order('rights-order');
SELECT eventstore.append('rights-order', 'order.placed');
RESET ROLE;
ALTER FUNCTION place_order OWNER TO regress_es_reader;
SET ROLE regress_es_both;
SELECT place_order('rights-order');
RESET ROLE;
DROP FUNCTION place_order;

-- Who watches the server may see the statistics, and no events.
GRANT pg_monitor TO regress_es_nobody;
SET ROLE regress_es_nobody;
SELECT count(*) FROM eventstore.stat_index;
SELECT count(*) FROM eventstore.stat_ingest;
SELECT count(*) > 0 AS loops FROM eventstore.stat_kernel;
SELECT count(*) FROM eventstore.events;
SELECT eventstore.entity_version('rights-rel');
RESET ROLE;
REVOKE pg_monitor FROM regress_es_nobody;

-- A plan does not tell of events that a view keeps from the user.
SELECT ingested FROM eventstore.ingest_batch((SELECT string_agg('{"entity_id":"patient-42","event_type":"t"}', E'\n') FROM generate_series(1, 1234)));
SELECT ingested FROM eventstore.ingest_batch((SELECT string_agg(format('{"entity_id":"mine-%s","event_type":"t","tenant_id":"rights"}', i % 9), E'\n') FROM generate_series(1, 1000) i));
CREATE VIEW regress_es_mine WITH (security_barrier) AS SELECT * FROM eventstore.events WHERE tenant_id = 'rights';
GRANT SELECT ON regress_es_mine TO regress_es_nobody;
CREATE FUNCTION estimate(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SET ROLE regress_es_nobody;
SELECT count(*) FROM regress_es_mine WHERE entity_id = 'patient-42';
SELECT estimate('SELECT * FROM regress_es_mine WHERE entity_id = ''patient-42''') = estimate('SELECT * FROM regress_es_mine WHERE entity_id = ''patient-43''') AS same;
RESET ROLE;
-- Who may read all is given the number of events of that entity and tenant.
SELECT estimate('SELECT * FROM eventstore.events WHERE entity_id = ''patient-42''') > 500 AS many,
       estimate('SELECT * FROM eventstore.events WHERE entity_id = ''patient-42'' AND tenant_id = ''rights''') > 500 AS many_of_tenant;
DROP FUNCTION estimate(text);
DROP VIEW regress_es_mine;

-- Rights that are taken away are gone for the next call.
SET ROLE regress_es_both;
SELECT eventstore.entity_version('rights-order');
RESET ROLE;
REVOKE SELECT ON eventstore.events FROM regress_es_both;
SET ROLE regress_es_both;
SELECT eventstore.entity_version('rights-order');
RESET ROLE;
GRANT ALL ON eventstore.events TO PUBLIC;
GRANT USAGE ON SCHEMA eventstore TO PUBLIC;
SET ROLE regress_es_outside;
SELECT version FROM eventstore.append('rights-order', 't');
SELECT eventstore.entity_version('rights-order');
RESET ROLE;
REVOKE ALL ON eventstore.events FROM PUBLIC;
REVOKE USAGE ON SCHEMA eventstore FROM PUBLIC;
SELECT * FROM eventstore.verify();

DROP TABLE tried;
DROP VIEW callable;
DROP FUNCTION try;
DROP OWNED BY regress_es_nobody, regress_es_writer, regress_es_reader, regress_es_both, regress_es_outside;
DROP ROLE regress_es_nobody, regress_es_writer, regress_es_reader, regress_es_both, regress_es_outside;
