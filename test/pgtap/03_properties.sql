-- What holds of any sequence of batches: random batches are written in every form, some fail, some are rolled back,
-- and all is compared with a model of the store, a plain table that is written in the same (sub)transactions.
-- Run it alone: another writer's open transaction holds read_all() back, as it should.
BEGIN;
SET LOCAL search_path = public, eventstore;
SET LOCAL client_min_messages = warning;
SELECT plan(45);
DO 'BEGIN PERFORM setseed(0.42); END';

CREATE TEMP TABLE start AS SELECT safe_position() AS position;
CREATE TEMP TABLE model (seq serial PRIMARY KEY, batch int, nth int, tenant_id text, entity_id text, version bigint, event_type text, event_id uuid,
                         payload text, metadata text, tags text[], occurred_at timestamptz, expected bigint);
CREATE INDEX ON model (tenant_id, entity_id, version);
CREATE TEMP TABLE outcome (batch int, form int, size int, fate text, sqlstate text, first_position bigint, last_position bigint, ingested bigint, duplicates bigint);

CREATE FUNCTION pg_temp.pick(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1[1 + floor(random() * cardinality($1))::int]';
CREATE FUNCTION pg_temp.random_json(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kind int := floor(random() * CASE WHEN depth > 3 THEN 6 ELSE 9 END);
    space text := pg_temp.pick('', '', ' ', E'\n', E'\t ');
    inner_text text := '';
BEGIN
    IF kind < 6 THEN
        RETURN CASE kind
            WHEN 0 THEN pg_temp.pick('null', 'true', 'false')
            WHEN 1 THEN floor(random() * 1000)::text
            WHEN 2 THEN pg_temp.pick('-0', '1.50', '1e3', '-2.5E-2', '12345678901234567890', '0.1')
            WHEN 3 THEN '"' || md5(random()::text) || '"'
            WHEN 4 THEN pg_temp.pick('"\u00e9\n"', '"é😀"', '""', '"\ud83d\ude00"', '"\"\\\/"', '" "')
            ELSE '"' || repeat('x', floor(power(random(), 8) * 12000)::int) || '"' END;
    END IF;
    FOR i IN 1..floor(random() * 4) LOOP
        inner_text := inner_text || CASE WHEN i > 1 THEN ',' || space ELSE '' END
            || CASE WHEN kind > 6 THEN '"k' || i || '"' || space || ':' || space ELSE '' END || pg_temp.random_json(depth + 1);
    END LOOP;
    RETURN CASE WHEN kind > 6 THEN '{' || space || inner_text || '}' ELSE '[' || inner_text || space || ']' END;
END
$$;
CREATE FUNCTION pg_temp.event_json(m model) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '{"entity_id":' || to_json($1.entity_id) || ', "event_type":' || to_json($1.event_type) || ',"payload":' || $1.payload
        || coalesce(', "metadata":' || $1.metadata, '') || coalesce(', "event_id":"' || $1.event_id || '"', '') || coalesce(', "tags":' || to_json($1.tags), '')
        || CASE WHEN $1.tenant_id <> 'default' THEN ', "tenant_id":' || to_json($1.tenant_id) ELSE '' END || coalesce(',"expected_version":' || $1.expected, '')
        || coalesce(', "occurred_at":"' || to_char($1.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', '') || '}'
$$;

-- Puts a random batch into the model.
CREATE FUNCTION pg_temp.invent(n int, size int, with_tags boolean, with_time boolean) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO model (batch, nth, tenant_id, entity_id, event_type, event_id, payload, metadata, tags, occurred_at)
    SELECT n, i, pg_temp.pick('default', 'default', 'acme', 'é'), 'prop-' || floor(power(random(), 3) * 60), 'type.' || floor(random() * 5),
           CASE WHEN random() < 0.5 THEN md5(random()::text)::uuid END, pg_temp.random_json(0),
           CASE WHEN random() < 0.3 THEN '{"correlation_id": ' || pg_temp.random_json(3) || '}' END,
           CASE WHEN with_tags AND random() < 0.2 THEN string_to_array(pg_temp.pick('', 'a', 'a,b', 'z,é,a'), ',') END,
           CASE WHEN with_time AND random() < 0.2 THEN '2020-01-01 00:00:00+00'::timestamptz + floor(random() * 1e14) * interval '1 microsecond' END
    FROM generate_series(1, size) i;
    UPDATE model m SET version = v.version,
           -- the version expected counts where an entity first appears; anything may stand at its later events
           expected = CASE WHEN random() < 0.5 THEN NULL WHEN v.appearance = 1 THEN v.version - 1 ELSE 77 END
    FROM (SELECT seq, row_number() OVER w AS appearance,
                 row_number() OVER w + coalesce((SELECT max(o.version) FROM model o WHERE o.tenant_id = b.tenant_id AND o.entity_id = b.entity_id AND o.batch < n), 0) AS version
          FROM model b WHERE batch = n WINDOW w AS (PARTITION BY tenant_id, entity_id ORDER BY nth)) v
    WHERE m.seq = v.seq;
$$;

CREATE FUNCTION pg_temp.write_batch(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    form int := n % 6;
    size int := CASE WHEN n % 31 = 0 AND form <> 4 THEN 900 ELSE 1 + floor(power(random(), 3) * 60) END;
    fate text := pg_temp.pick('stored', 'stored', 'stored', 'rolled back', 'conflict', 'bad input');
    r record;
    m model;
BEGIN
    PERFORM pg_temp.invent(n, size, form <> 3, form <> 4);
    IF fate = 'conflict' THEN
        UPDATE model SET expected = version + 5 WHERE batch = n AND nth = 1;
    ELSIF fate = 'bad input' THEN
        UPDATE model SET event_type = '' WHERE batch = n AND nth = size;
    END IF;
    CASE form
        WHEN 0 THEN SELECT * INTO r FROM ingest_batch((SELECT string_agg(pg_temp.event_json(e), E'\n' ORDER BY nth) FROM model e WHERE batch = n));
        WHEN 1 THEN SELECT * INTO r FROM ingest_batch((SELECT '[' || string_agg(pg_temp.event_json(e), ', ' ORDER BY nth) || ']' FROM model e WHERE batch = n)::json);
        WHEN 2 THEN SELECT * INTO r FROM ingest_batch((SELECT '[' || string_agg(pg_temp.event_json(e), ', ' ORDER BY nth) || ']' FROM model e WHERE batch = n)::jsonb);
        WHEN 3 THEN SELECT i.* INTO r
            FROM (SELECT array_agg(entity_id ORDER BY nth) AS a, array_agg(event_type ORDER BY nth) AS b, array_agg(payload ORDER BY nth) AS c, array_agg(metadata ORDER BY nth) AS d, array_agg(event_id ORDER BY nth) AS e,
                         array_agg(expected ORDER BY nth) AS f, array_agg(nullif(tenant_id, 'default') ORDER BY nth) AS g, array_agg(occurred_at ORDER BY nth) AS h FROM model WHERE batch = n) x, ingest_batch(a, b, c, d, e, f, g, h) i;
        WHEN 4 THEN
            FOR m IN SELECT * FROM model WHERE batch = n ORDER BY nth LOOP
                SELECT position INTO STRICT r FROM append(m.entity_id, m.event_type, m.payload::jsonb, m.metadata::jsonb, CASE WHEN m.expected <> 77 THEN m.expected END, m.event_id, m.tags, m.tenant_id) a
                WHERE a.version = m.version;
            END LOOP;
            r := NULL;
        WHEN 5 THEN SELECT * INTO r FROM ingest_batch((SELECT array_agg(pg_temp.event_json(e)::event ORDER BY nth) FROM model e WHERE batch = n));
    END CASE;
    IF fate = 'rolled back' THEN
        RAISE SQLSTATE 'ZZ001';
    END IF;
    IF form = 4 THEN
        INSERT INTO outcome VALUES (n, form, size, fate, 'ok');
    ELSE
        INSERT INTO outcome VALUES (n, form, size, fate, 'ok', r.first_position, r.last_position, r.ingested, r.duplicates);
    END IF;
EXCEPTION WHEN SQLSTATE 'ZZ001' OR SQLSTATE 'ZE001' OR invalid_parameter_value THEN
    INSERT INTO outcome VALUES (n, form, size, fate, SQLSTATE);
END
$$;
DO $$ BEGIN FOR n IN 1..300 LOOP PERFORM pg_temp.write_batch(n); END LOOP; END $$;

-- The events of this file, and the model in log order.
CREATE TEMP VIEW mine AS SELECT * FROM events WHERE position > (SELECT position FROM start);
CREATE TEMP TABLE stored AS SELECT row_number() OVER (ORDER BY position) AS n, * FROM mine;
CREATE TEMP TABLE wanted AS SELECT row_number() OVER (ORDER BY seq) AS n, * FROM model;
ANALYZE stored;
ANALYZE wanted;

-- --------------------------------------------------------------- the batches
SELECT is_empty($$SELECT * FROM outcome WHERE sqlstate IS DISTINCT FROM CASE fate WHEN 'stored' THEN 'ok' WHEN 'rolled back' THEN 'ZZ001' WHEN 'conflict' THEN 'ZE001' ELSE '22023' END$$,
                'I8: each batch ended as it had to');
SELECT is_empty($$SELECT * FROM outcome WHERE sqlstate = 'ok' AND form <> 4 AND (ingested, duplicates, last_position - first_position + 1) IS DISTINCT FROM (size::bigint, 0::bigint, size::bigint)$$,
                'I1: a batch has consecutive positions, as many as events');
SELECT cmp_ok((SELECT min(c) FROM (SELECT count(*) AS c FROM outcome GROUP BY fate) x), '>', 20::bigint, 'every fate is there often enough');
SELECT is((SELECT count(DISTINCT form) FROM outcome WHERE fate = 'stored'), 6::bigint, 'every form was stored');
SELECT cmp_ok((SELECT count(*) FROM stored), '>', 3000::bigint, 'there are events enough');

-- ------------------------------------------------------- stored is what was given
SELECT is((SELECT count(*) FROM stored), (SELECT count(*) FROM wanted), 'I5, I8: what was rolled back, in conflict or wrong is not there, all else is');
SELECT is_empty(format($$SELECT n, s.%1$I, w.%1$I FROM stored s FULL JOIN wanted w USING (n) WHERE s.%1$I IS DISTINCT FROM w.%1$I$$, c), c || ' is that of the model, in log order')
FROM unnest(ARRAY['tenant_id', 'entity_id', 'event_type', 'tags']) c;
SELECT is_empty($$SELECT n, s.version, w.version FROM stored s FULL JOIN wanted w USING (n) WHERE s.version IS DISTINCT FROM w.version$$, 'I4: versions are those of the model');
SELECT is_empty($$SELECT n, s.payload, w.payload FROM stored s FULL JOIN wanted w USING (n) WHERE s.payload IS DISTINCT FROM w.payload::jsonb OR s.payload::text <> w.payload::jsonb::text$$, 'payload is the input as jsonb');
SELECT is_empty($$SELECT n, s.metadata, w.metadata FROM stored s FULL JOIN wanted w USING (n) WHERE s.metadata IS DISTINCT FROM w.metadata::jsonb$$, 'metadata is the input as jsonb');
SELECT is_empty($$SELECT n FROM stored s JOIN wanted w USING (n) WHERE s.event_id <> w.event_id$$, 'event_id is the caller''s');
SELECT is_empty($$SELECT n, s.event_id FROM stored s JOIN wanted w USING (n) WHERE w.event_id IS NULL AND s.event_id::text !~ '^.{14}7.{4}[89ab]'$$, 'or a UUID of version 7');
SELECT is((SELECT count(DISTINCT event_id) FROM stored), (SELECT count(*) FROM stored), 'no event_id was made twice');
SELECT is_empty($$SELECT n FROM stored s JOIN wanted w USING (n) WHERE s.occurred_at IS DISTINCT FROM coalesce(w.occurred_at, s.recorded_at)$$, 'occurred_at is the caller''s, or recorded_at');

-- ------------------------------------------------------------------- the order
SELECT is((SELECT count(DISTINCT position) FROM stored), (SELECT count(*) FROM stored), 'I1: positions are unique');
SELECT is_empty($$SELECT * FROM (SELECT batch, first_position, lag(last_position) OVER (ORDER BY batch) AS before FROM outcome WHERE first_position IS NOT NULL) o WHERE first_position <= before$$, 'I1: positions increase from batch to batch');
SELECT is_empty($$SELECT entity_id FROM stored GROUP BY tenant_id, entity_id HAVING min(version) <> 1 OR max(version) <> count(*) OR count(DISTINCT version) <> count(*)$$, 'I4: versions are 1, 2, 3 ... without gap or repeat');
SELECT is_empty($$SELECT * FROM (SELECT version, lag(version) OVER (PARTITION BY tenant_id, entity_id ORDER BY position) AS before FROM stored) s WHERE version <= before$$, 'I4: versions and positions are in one order');
SELECT is_empty($$SELECT * FROM (SELECT recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before FROM stored) s WHERE recorded_at < before$$, 'recorded_at never decreases along the log');
SELECT cmp_ok((SELECT max(recorded_at) FROM stored), '<=', clock_timestamp(), 'recorded_at is the server''s clock');
SELECT cmp_ok((SELECT min(recorded_at) FROM stored), '>=', transaction_timestamp(), 'and not before the transaction');

-- ------------------------------------------------------------------ the readers
CREATE TEMP TABLE entity AS SELECT tenant_id, entity_id, max(version) AS versions FROM wanted GROUP BY 1, 2;
SELECT is_empty($$SELECT e.* FROM entity e WHERE entity_version(entity_id, tenant_id) IS DISTINCT FROM versions$$, 'I4: entity_version() is the number of events');
SELECT is_empty($$SELECT position FROM (SELECT r.position, r.entity_id, r.version, r.payload, r.recorded_at, r.event_id FROM entity e, read_entity(e.entity_id, tenant_id => e.tenant_id) r) a
                  FULL JOIN stored s USING (position, entity_id, version, payload, recorded_at, event_id) WHERE s.n IS NULL OR a.position IS NULL$$, 'I5: read_entity() finds all events, and no others');
SELECT is_empty($$SELECT e.entity_id FROM entity e WHERE (SELECT array_agg(version) FROM read_entity(e.entity_id, tenant_id => e.tenant_id)) IS DISTINCT FROM (SELECT array_agg(v) FROM generate_series(1, versions) v)$$, 'forward they come in order');
SELECT is_empty($$SELECT e.entity_id FROM entity e WHERE (SELECT array_agg(version) FROM read_entity(e.entity_id, backward => true, tenant_id => e.tenant_id)) IS DISTINCT FROM (SELECT array_agg(v) FROM generate_series(versions, 1, -1) v)$$, 'backward in reverse');
SELECT is_empty($$SELECT e.entity_id, f, c FROM entity e, LATERAL (SELECT floor(random() * (versions + 3))::bigint - 1 AS f, floor(random() * 5)::bigint AS c FROM generate_series(1, 3)) x
                  WHERE (SELECT array_agg(version) FROM read_entity(e.entity_id, f, c, false, e.tenant_id))
                        IS DISTINCT FROM (SELECT array_agg(v) FROM (SELECT v FROM generate_series(greatest(f, 1), versions) v ORDER BY v LIMIT c) y)$$, 'from any version, any number');
SELECT is_empty($$SELECT e.entity_id, f, c FROM entity e, LATERAL (SELECT floor(random() * (versions + 3))::bigint AS f, floor(random() * 5)::bigint AS c FROM generate_series(1, 3)) x
                  WHERE (SELECT array_agg(version) FROM read_entity(e.entity_id, f, c, true, e.tenant_id))
                        IS DISTINCT FROM (SELECT array_agg(v) FROM (SELECT v FROM generate_series(least(f, versions), 1, -1) v ORDER BY v DESC LIMIT c) y)$$, 'and backward');
SELECT is_empty($$SELECT e.* FROM entity e WHERE (SELECT version FROM last_event(entity_id, NULL, tenant_id)) IS DISTINCT FROM versions$$, 'last_event() is the last');
SELECT is_empty($$SELECT e.entity_id, t FROM entity e, unnest(ARRAY['type.0', 'type.3', 'type.9', 'type']) t
                  WHERE (SELECT version FROM last_event(e.entity_id, t, e.tenant_id)) IS DISTINCT FROM (SELECT max(version) FROM wanted w WHERE w.entity_id = e.entity_id AND w.tenant_id = e.tenant_id AND w.event_type = t)$$, 'or the last of a type');
SELECT is_empty($$SELECT s.position FROM stored s, LATERAL get_event(s.position) g WHERE (g.position, g.tenant_id, g.entity_id, g.version, g.event_id, g.payload) IS DISTINCT FROM (s.position, s.tenant_id, s.entity_id, s.version, s.event_id, s.payload)$$, 'get_event() finds every one');
SELECT is_empty($$SELECT p FROM (SELECT min(position) AS a, max(position) AS b FROM stored) x, generate_series(a - 1, b + 1) p WHERE p NOT IN (SELECT position FROM stored) AND p > (SELECT position FROM start) AND EXISTS (SELECT FROM get_event(p))$$, 'I1: and nothing at the positions that were rolled back');
SELECT results_eq('SELECT position, entity_id, version FROM read_all((SELECT position FROM start), NULL)', 'SELECT position, entity_id, version FROM stored ORDER BY position', 'I2, I5: read_all() gives them in log order, the own ones of this transaction too');
CREATE FUNCTION pg_temp.in_pages(size bigint, tenant text) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
    at bigint := (SELECT position FROM start);
    page bigint[];
BEGIN
    LOOP
        page := (SELECT array_agg(p) FROM (SELECT position AS p FROM read_all(at, size, tenant)) x);
        EXIT WHEN page IS NULL;
        RETURN QUERY SELECT unnest(page);
        at := page[cardinality(page)];
    END LOOP;
END
$$;
SELECT results_eq(format('SELECT pg_temp.in_pages(%s, NULL)', size), 'SELECT position FROM stored ORDER BY position', format('I2: the same in pages of %s', size)) FROM unnest(ARRAY[97, 1000]) size;
SELECT results_eq('SELECT pg_temp.in_pages(50, ''acme'')', 'SELECT position FROM stored WHERE tenant_id = ''acme'' ORDER BY position', 'I2: and those of one tenant');
SELECT is(safe_position(), (SELECT max(position) FROM stored), 'I2: all of it is safe, for nobody else writes') WHERE (SELECT fate FROM outcome WHERE batch = 300) = 'stored'
UNION ALL
SELECT cmp_ok(safe_position(), '>=', (SELECT max(position) FROM stored), 'I2: all of it is safe, for nobody else writes') WHERE (SELECT fate FROM outcome WHERE batch = 300) <> 'stored';

-- ------------------------------------------------------------------- the retry
CREATE TEMP TABLE retry AS
SELECT i, make_event('retry-' || i % 7, 't', event_id => md5('retry' || i)::uuid, tenant_id => CASE i % 7 WHEN 0 THEN 'acme' END, expected_version => CASE WHEN i <= 7 THEN 0 END) AS e FROM generate_series(1, 500) i;
CREATE TEMP TABLE first_time AS SELECT * FROM ingest_batch((SELECT array_agg(e ORDER BY i) FROM retry));
SELECT results_eq('SELECT ingested, duplicates FROM first_time', 'VALUES (500::bigint, 0::bigint)', 'a batch with ids and expected versions is stored');
SELECT results_eq('SELECT * FROM ingest_batch((SELECT array_agg(e ORDER BY i) FROM retry))', 'SELECT first_position, last_position, 0::bigint, 500::bigint FROM first_time', 'its repetition changes nothing and names the same positions');
SELECT throws_ok('SELECT ingest_batch((SELECT array_agg(e ORDER BY i) || make_event(''retry-3'', ''t'') FROM retry))', 'ZE003', NULL, 'with one event more it is a partial one');
SELECT throws_ok('SELECT ingest_batch((SELECT array_agg(CASE i WHEN 3 THEN make_event(''retry-3'', ''t'', expected_version => 0) ELSE e END ORDER BY i) FROM retry))', 'ZE001', NULL, 'with another id in first place a conflict');
SELECT is((SELECT count(*) FROM mine WHERE entity_id LIKE 'retry-%'), 500::bigint, 'and there are still as many events');

SELECT is_empty('SELECT * FROM verify()', 'verify() is content, with this transaction open');
SELECT * FROM finish();
ROLLBACK;
