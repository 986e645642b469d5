-- What the owner puts on the relation holds for every way in, or cannot be put there.
SET search_path = public, eventstore;
\set VERBOSITY default
\set SHOW_CONTEXT never
TRUNCATE blocks;

-- The first line of a statement's error, or what it returns.
CREATE FUNCTION said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN 'ok ' || coalesce(answer, '');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- All ways in, each with an event of this type.
CREATE FUNCTION ways(event_type text) RETURNS TABLE (way text, said text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT w.way, public.said(format(statement, event_type)) FROM (VALUES
        ('INSERT', 'INSERT INTO eventstore.events (entity_id, event_type) VALUES (''owner'', %L) RETURNING 1'),
        ('append', 'SELECT count(*) FROM eventstore.append(''owner'', %L)'),
        ('append text', 'SELECT count(*) FROM eventstore.append(''owner'', %L, ''{"a": 1}''::text)'),
        ('lines', 'SELECT ingested FROM eventstore.ingest_batch(format(''{"entity_id":"owner","event_type":"ok"}'' || E''\n'' || ''{"entity_id":"owner","event_type":"%%s"}'', %L))'),
        ('events', 'SELECT ingested FROM eventstore.ingest_batch(ARRAY[eventstore.make_event(''owner'', %L)])'),
        ('columns', 'SELECT ingested FROM eventstore.ingest_batch(ARRAY[''owner''], ARRAY[%L], ARRAY[''{}''])')) w (way, statement);
END $$;

-- CHECK: for what is stored from now on.
SELECT count(*) FROM append('before', 'BAD');
ALTER FOREIGN TABLE events ADD CONSTRAINT known CHECK (event_type = lower(event_type));
ALTER FOREIGN TABLE events ADD CONSTRAINT known CHECK (event_type = lower(event_type)) NOT VALID;
SELECT * FROM ways('BAD');
SELECT entity_version('owner');
SELECT * FROM ways('good');
SELECT entity_version('owner');
ALTER FOREIGN TABLE events VALIDATE CONSTRAINT known;
-- Plans do not rely on it.
SET constraint_exclusion = on;
SELECT count(*) FROM events WHERE event_type = 'BAD';
RESET constraint_exclusion;
-- A retry is checked as the first time was.
SELECT version FROM append('owner retry', 'good', expected_version => 0, event_id => '00000000-0000-0000-0000-0000000000f1');
SELECT version FROM append('owner retry', 'good', expected_version => 0, event_id => '00000000-0000-0000-0000-0000000000f1');
ALTER FOREIGN TABLE events DROP CONSTRAINT known;
SELECT * FROM ways('BAD') WHERE way = 'append';

-- Triggers.
CREATE TABLE fired (id serial, level text, "when" text, version bigint, event_type text, has_id boolean, payload text);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        INSERT INTO public.fired (level, "when") VALUES (TG_LEVEL, TG_WHEN);
        RETURN NULL;
    END IF;
    INSERT INTO public.fired (level, "when", version, event_type, has_id, payload)
    VALUES (TG_LEVEL, TG_WHEN, NEW.version, NEW.event_type, NEW.event_id IS NOT NULL, NEW.payload);
    IF TG_WHEN = 'BEFORE' AND NEW.event_type = 'change' THEN
        NEW.payload := NEW.payload || '{"changed": true}';
        NEW.event_type := 'changed';
    ELSIF TG_WHEN = 'BEFORE' AND NEW.event_type = 'skip' THEN
        RETURN NULL;
    ELSIF TG_WHEN = 'BEFORE' AND NEW.event_type = 'place' THEN
        NEW.position := 7;
    ELSIF TG_WHEN = 'BEFORE' AND NEW.event_type = 'nest' THEN
        PERFORM eventstore.append('owner nested', 'nested');
    ELSIF TG_WHEN = 'AFTER' AND NEW.event_type = 'follow' THEN
        PERFORM eventstore.append('owner follow', 'followed', jsonb_build_object('position', NEW.position - (SELECT max(position) FROM eventstore.events WHERE event_type = 'follow')));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER t1 BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION fire();
CREATE TRIGGER t2 BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.event_type <> 'quiet') EXECUTE FUNCTION fire();
CREATE TRIGGER t3 AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER t4 AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION fire();
TRUNCATE blocks;
SELECT * FROM ways('plain');
SELECT count(*), level, "when", count(version) AS versions, count(*) FILTER (WHERE has_id) AS ids FROM fired GROUP BY level, "when" ORDER BY level, "when";
TRUNCATE fired RESTART IDENTITY;
SELECT * FROM ways('change');
SELECT event_type, payload FROM read_entity('owner') WHERE version > 7;
SELECT * FROM ways('skip');
SELECT * FROM append('owner', 'skip');
SELECT * FROM ingest_batch(ARRAY['owner', 'owner'], ARRAY['skip', 'skip'], ARRAY['{}', '{}']);
SELECT entity_version('owner');
SELECT * FROM ways('place') WHERE way IN ('INSERT', 'append');
SELECT * FROM ways('nest') WHERE way IN ('append', 'lines');
SELECT * FROM ways('follow');
SELECT version, payload FROM read_entity('owner follow');
-- Naming rules hold for what a trigger made, too.
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.event_type := upper(NEW.event_type); RETURN NEW; END $$;
CREATE TRIGGER t5 BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION shout();
SELECT said('SELECT ingested FROM eventstore.ingest_batch(''{"entity_id":"owner","event_type":"quiet"}'', checked => true)');
DROP TRIGGER t5 ON events;
DROP FUNCTION shout();
-- Of a repeated event no row trigger fires, of a statement they do.
TRUNCATE fired RESTART IDENTITY;
SELECT version FROM append('owner again', 'quiet', expected_version => 0, event_id => '00000000-0000-0000-0000-0000000000f2');
SELECT version FROM append('owner again', 'quiet', expected_version => 0, event_id => '00000000-0000-0000-0000-0000000000f2');
SELECT level, "when", version, event_type FROM fired ORDER BY id;
-- What triggers leave alone is stored as it was given.
SELECT version FROM append('owner exact', 't', '{"b":1.50, "a" : [ ]}'::text, expected_version => 0);
SELECT block::text LIKE '%' || encode('{"b":1.50, "a" : [ ]}', 'hex') || '%' AS exact FROM blocks ORDER BY first_position DESC LIMIT 1;
-- So is a short document of a row in which a trigger changed another column.
CREATE FUNCTION shift() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.event_type := NEW.event_type || '.shifted'; RETURN NEW; END $$;
CREATE TRIGGER t5 BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION shift();
SELECT version FROM append('owner exact', 'quiet', '{"c":2.50}'::text, expected_version => 1);
SELECT event_type, block::text LIKE '%' || encode('{"c":2.50}', 'hex') || '%' AS exact FROM blocks, last_event('owner exact') ORDER BY first_position DESC LIMIT 1;
DROP TRIGGER t5 ON events;
DROP FUNCTION shift();
-- Before the events are stored nothing can append others, also not a statement trigger.
CREATE FUNCTION nest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM eventstore.append('owner nested', 'nested'); RETURN NULL; END $$;
CREATE TRIGGER t5 BEFORE INSERT ON events FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION nest();
SELECT * FROM ways('quiet') WHERE way IN ('append', 'lines');
DROP TRIGGER t5 ON events;
DROP FUNCTION nest();
-- A statement that fails leaves nothing.
SELECT message.said FROM said('SELECT eventstore.append(''owner'', ''t'', expected_version => 1)') AS message(said);
DROP TRIGGER t1 ON events;
DROP TRIGGER t2 ON events;
DROP TRIGGER t3 ON events;
DROP TRIGGER t4 ON events;

-- Constraints may name the relation that events are in.
ALTER FOREIGN TABLE events ADD CONSTRAINT home CHECK (tableoid = 'eventstore.events'::regclass) NOT VALID;
SELECT * FROM ways('home');
ALTER FOREIGN TABLE events DROP CONSTRAINT home;

-- Partitions: bounds hold, too; with events in the store it cannot be attached.
CREATE TABLE parent (LIKE events) PARTITION BY LIST (event_type);
ALTER TABLE parent ATTACH PARTITION events FOR VALUES IN ('in');
BEGIN;
TRUNCATE blocks;
ALTER TABLE parent ATTACH PARTITION events FOR VALUES IN ('in');
SELECT * FROM ways('out');
SELECT * FROM ways('in') WHERE way <> 'lines';
SELECT count(*) FROM parent WHERE event_type = 'in';
ALTER TABLE parent DETACH PARTITION events;
SELECT * FROM ways('out') WHERE way = 'append';
ROLLBACK;
DROP TABLE parent;
-- Bounds that change later: those of a default partition, and of a table above.
BEGIN;
TRUNCATE blocks;
CREATE TABLE parent (LIKE events) PARTITION BY LIST (event_type);
ALTER TABLE parent ATTACH PARTITION events DEFAULT;
CREATE TABLE empty_before PARTITION OF parent FOR VALUES IN ('early');
SELECT * FROM ways('early') WHERE way = 'append';
SELECT * FROM ways('x') WHERE way = 'append';
SAVEPOINT before;
CREATE TABLE px PARTITION OF parent FOR VALUES IN ('x');
ROLLBACK TO before;
CREATE TABLE px (LIKE events);
ALTER TABLE parent ATTACH PARTITION px FOR VALUES IN ('y');
ROLLBACK TO before;
ALTER TABLE parent DETACH PARTITION empty_before;
SELECT count(*) FROM parent WHERE event_type = 'x';
ROLLBACK;
BEGIN;
TRUNCATE blocks;
CREATE TABLE parent (LIKE events) PARTITION BY LIST (event_type);
ALTER TABLE parent ATTACH PARTITION events FOR VALUES IN ('x', 'y');
SELECT * FROM ways('x') WHERE way = 'append';
CREATE TABLE above (LIKE events) PARTITION BY RANGE (position);
ALTER TABLE above ATTACH PARTITION parent FOR VALUES FROM (1000000) TO (2000000);
ROLLBACK;
-- Inheritance goes on to columns and constraints.
CREATE TABLE parent (LIKE events);
ALTER FOREIGN TABLE events INHERIT parent;
ALTER TABLE parent ADD note text;
ALTER TABLE parent ADD CHECK (event_type <> 'no');
ALTER TABLE parent ADD CONSTRAINT no CHECK (event_type <> 'no') NOT VALID;
SELECT * FROM ways('no') WHERE way IN ('INSERT', 'append');
ALTER FOREIGN TABLE events NO INHERIT parent;
ALTER FOREIGN TABLE events DROP CONSTRAINT no;
DROP TABLE parent;

-- What would not hold is refused at once, and all works on.
CREATE FUNCTION refused(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; words text; more text;
BEGIN
    EXECUTE change;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT change, refused(change) FROM unnest(ARRAY[
    'ALTER FOREIGN TABLE eventstore.events ADD note text',
    'ALTER FOREIGN TABLE eventstore.events ADD note text DEFAULT ''x''',
    'ALTER FOREIGN TABLE eventstore.events DROP tags',
    'ALTER FOREIGN TABLE eventstore.events ALTER position TYPE int',
    'ALTER FOREIGN TABLE eventstore.events RENAME tags TO labels',
    'ALTER FOREIGN TABLE eventstore.events RENAME TO log',
    'ALTER FOREIGN TABLE eventstore.events SET SCHEMA public',
    'ALTER FOREIGN TABLE eventstore.events ALTER tenant_id SET DEFAULT ''acme''',
    'ALTER FOREIGN TABLE eventstore.events ALTER payload SET DEFAULT ''{"a":1}''',
    'ALTER FOREIGN TABLE eventstore.events ALTER payload DROP DEFAULT',
    'ALTER FOREIGN TABLE eventstore.events ALTER payload SET DEFAULT ''{}''',
    'ALTER FOREIGN TABLE eventstore.events ALTER metadata SET NOT NULL',
    'ALTER FOREIGN TABLE eventstore.events ALTER entity_id DROP NOT NULL',
    'ALTER FOREIGN TABLE eventstore.events ALTER payload OPTIONS (ADD a ''b'')',
    'CREATE TRIGGER t BEFORE INSERT ON eventstore.blocks FOR EACH ROW EXECUTE FUNCTION public.fire()',
    'ALTER TABLE eventstore.blocks ADD CHECK (first_position > 0)',
    'ALTER TABLE eventstore.blocks ADD note text',
    'ALTER TABLE eventstore.blocks ALTER large SET NOT NULL',
    'ALTER TABLE eventstore.blocks RENAME TO packed',
    'ALTER TABLE eventstore.blocks SET UNLOGGED',
    'CREATE RULE r AS ON INSERT TO eventstore.blocks DO INSTEAD NOTHING',
    'CREATE RULE r AS ON INSERT TO eventstore.events DO ALSO SELECT 1',
    'CREATE TABLE public.child () INHERITS (eventstore.events)',
    'CREATE TABLE public.child () INHERITS (eventstore.blocks)',
    'CREATE TABLE public.child (LIKE eventstore.events)',
    'ALTER TABLE public.child INHERIT eventstore.events',
    'ALTER TYPE eventstore.recorded_event ADD ATTRIBUTE note text',
    'ALTER TYPE eventstore.recorded_event DROP ATTRIBUTE tags',
    'ALTER TYPE eventstore.recorded_event RENAME ATTRIBUTE tags TO labels',
    'ALTER TYPE eventstore.recorded_event RENAME TO stored_event',
    'ALTER SEQUENCE eventstore.position_seq RENAME TO positions',
    'ALTER SEQUENCE eventstore.position_seq SET SCHEMA public',
    'ALTER SCHEMA eventstore RENAME TO events',
    'ALTER SCHEMA eventstore OWNER TO CURRENT_USER',
    'ALTER TABLE eventstore.blocks DROP CONSTRAINT blocks_pkey',
    'SELECT eventstore.verify()',
    'ALTER TABLE eventstore.blocks ADD CONSTRAINT blocks_pkey PRIMARY KEY (first_position)',
    'DROP TRIGGER blocks_applied ON eventstore.blocks',
    'CREATE TRIGGER blocks_applied AFTER INSERT OR UPDATE OR DELETE ON eventstore.blocks FOR EACH ROW EXECUTE FUNCTION eventstore.blocks_changed()',
    'ALTER TABLE eventstore.blocks ENABLE REPLICA TRIGGER blocks_applied',
    'ALTER FOREIGN TABLE eventstore.events ALTER event_type SET STATISTICS 500',
    'ALTER FOREIGN TABLE eventstore.events ALTER event_type SET (n_distinct = 20)',
    'ALTER FOREIGN TABLE eventstore.events ALTER event_type RESET (n_distinct)',
    'ALTER FOREIGN TABLE eventstore.events ALTER event_type SET STATISTICS -1',
    'GRANT SELECT (tags) ON eventstore.events TO CURRENT_USER',
    'GRANT SELECT ON eventstore.events TO CURRENT_USER',
    'COMMENT ON COLUMN eventstore.events.tags IS ''labels''']) change;
SELECT version AS works FROM append('owner last', 't');
SELECT count(*) > 1 AS reads FROM events;
SELECT * FROM verify();
COMMENT ON COLUMN events.tags IS 'labels, or null';
COMMENT ON CONSTRAINT blocks_pkey ON blocks IS 'finds blocks in log order';
COMMENT ON INDEX blocks_pkey IS 'finds blocks in log order';
COMMENT ON TRIGGER blocks_applied ON blocks IS 'rows applied by replication';
DROP TABLE fired, public.child;
DROP FUNCTION said, ways, fire, refused;
TRUNCATE blocks;
