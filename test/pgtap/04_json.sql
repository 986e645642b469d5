-- JSON is accepted exactly when jsonb accepts it, and means the same: some thousand texts, made by mutation.
BEGIN;
SET LOCAL search_path = public, eventstore;
SET LOCAL client_min_messages = warning;
SELECT plan(15);
DO 'BEGIN PERFORM setseed(0.7); END';

CREATE TEMP TABLE sample (id serial PRIMARY KEY, json text);
INSERT INTO sample (json)
SELECT unnest(ARRAY['null', 'true', 'false', '0', '-0', '1', '-1', '10', '0.5', '-12.25', '1e5', '1E+5', '2.5e-3', '1e400', '123456789012345678901234567890.5', '""', '"a"', '"abc def ghi jkl mno"', '"\n\t\r\b\f\/\\\""',
    '"\u0041\u00e9"', '"\ud83d\ude00"', '"x\ud834\udd1ey"', '"é"', '"€😀"', '[]', '{}', '[1]', '[1,2,3]', '[ 1 , 2 ]', '["a","b"]', '[[],[[]]]', '[null,true,false]', '{"a":1}', '{"a":1,"b":2}', '{ "a" : 1 , "b" : [ ] }',
    '{"a":{"b":{"c":[1,{"d":null}]}}}', '{"a":1,"a":2}', '{"":""}', '{"\u0061":"\\u0061"}', '[{"id":1,"name":"x"},{"id":2,"name":"y"}]', '{"total":12.50,"currency":"EUR","items":[{"sku":"A-1","qty":2}],"paid":true,"note":null}',
    '[-0.0,0e0,0E-1,1.0e+10]', '"0123456789abcdef0123456789abcdef0123456789"', '{"long key with spaces":"and a long value with \"escapes\" in it"}', E'{\n  "pretty": [\n    1,\n    2\n  ]\n}', E'[\t1,\r\n2 ]',
    '[1e10,1e-10,-1E5,12e+3]', '"\\\\\\"', '"\"\"\""', '[[[[[[[[[[1]]]]]]]]]]', '{"a":[{"b":[{"c":[]}]}]}', '"a/b\/c"']);

CREATE FUNCTION pg_temp.mutate(doc text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    pieces text[] := ARRAY['"', '\', '{', '}', '[', ']', ',', ':', ' ', E'\n', E'\t', '0', '1', '9', '.', '-', '+', 'e', 'E', 'u', '\u', '\u00', '\u0000', '\ud800', '\udc00', '\ud83d\ude00', '\n', '\x', '\"', '\\', 'true', 'false', 'null', 'tru',
        'a', 'é', '😀', E'\x01', E'\x1f', E'\x7f', E'\u0085', E'\u00a0', '1.5', '1e5', '00', '""', '[]', '{}', '"a":', ',"b":2', '/', '//', '''', 'NaN', '1e400000', '1e-400', '-'];
    at int;
    n int;
    other int;
BEGIN
    FOR i IN 1..1 + floor(power(random(), 2) * 3)::int LOOP
        at := 1 + floor(random() * (length(doc) + 1))::int;
        n := 1 + floor(power(random(), 3) * 5)::int;
        other := 1 + floor(random() * 50)::int;
        doc := CASE floor(random() * 6)::int
            WHEN 0 THEN left(doc, at - 1) || substr(doc, at + n)                                       -- cut
            WHEN 1 THEN left(doc, at - 1) || substr(doc, at, n) || substr(doc, at)                    -- repeat
            WHEN 2 THEN left(doc, at - 1) || pieces[1 + floor(random() * cardinality(pieces))::int] || substr(doc, at)        -- insert
            WHEN 3 THEN left(doc, at - 1) || pieces[1 + floor(random() * cardinality(pieces))::int] || substr(doc, at + n)    -- replace
            WHEN 4 THEN left(doc, at)                                                                   -- end early
            ELSE (SELECT left(doc, at - 1) || s.json || substr(doc, at) FROM sample s WHERE s.id = other)  -- nest
        END;
        doc := coalesce(doc, '1');
    END LOOP;
    RETURN doc;
END
$$;
CREATE TEMP TABLE trial (id serial PRIMARY KEY, json text, value jsonb, good boolean, as_text boolean, as_column boolean, as_event boolean, as_metadata boolean, text_version bigint, column_version bigint, event_payload jsonb);
INSERT INTO trial (json) SELECT json FROM sample;
INSERT INTO trial (json) SELECT DISTINCT pg_temp.mutate(json) FROM sample, generate_series(1, 200);

-- Numbers of every size and spelling.
INSERT INTO trial (json)
SELECT CASE WHEN random() < 0.4 THEN '-' ELSE '' END || regexp_replace(left(replace(random()::numeric(20, 19)::text || random()::numeric(20, 19), '.', ''), 1 + floor(random() * 24)::int), '^0+(?=.)', '')
    || CASE WHEN random() < 0.4 THEN '.' || left(substr(random()::text || random(), 3, 30), 1 + floor(random() * 20)::int) ELSE '' END
    || CASE WHEN random() < 0.2 THEN 'e' || floor(random() * 60 - 30) ELSE '' END
FROM generate_series(1, 1500);

-- One text, in every place where a JSON value may stand.
CREATE FUNCTION pg_temp.try_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t trial;
BEGIN
    FOR t IN SELECT * FROM trial ORDER BY id LOOP
        BEGIN t.value := t.json::jsonb; t.good := true;
        EXCEPTION WHEN data_exception THEN t.good := false; END;
        BEGIN PERFORM ingest_batch('{"entity_id":"json-text","event_type":"t","payload":' || t.json || '}'); t.text_version := entity_version('json-text'); t.as_text := true;
        EXCEPTION WHEN data_exception THEN t.as_text := false; END;
        BEGIN PERFORM ingest_batch('{json-column}', '{t}', ARRAY[t.json]); t.column_version := entity_version('json-column'); t.as_column := true;
        EXCEPTION WHEN data_exception THEN t.as_column := false; END;
        BEGIN t.event_payload := payload(('{"payload":' || t.json || ',"entity_id":"e","event_type":"t"}')::event); t.as_event := true;
        EXCEPTION WHEN data_exception THEN t.as_event := false; END;
        BEGIN PERFORM ('{"entity_id":"e","event_type":"t","metadata":{"m":' || t.json || '}}')::event; t.as_metadata := true;
        EXCEPTION WHEN data_exception THEN t.as_metadata := false; END;
        UPDATE trial SET value = t.value, good = t.good, as_text = t.as_text, as_column = t.as_column, as_event = t.as_event, as_metadata = t.as_metadata,
            text_version = t.text_version, column_version = t.column_version, event_payload = t.event_payload WHERE id = t.id;
    END LOOP;
END
$$;
SELECT lives_ok('SELECT pg_temp.try_all()', 'I8: no text is answered with anything but acceptance or a data exception');
SELECT cmp_ok((SELECT count(*) FROM trial), '>', 5000::bigint, 'there are some thousand texts');
SELECT cmp_ok((SELECT count(*) FROM trial WHERE good), '>', 1000::bigint, 'many are JSON');
SELECT cmp_ok((SELECT count(*) FROM trial WHERE NOT good), '>', 1000::bigint, 'and many are not');
SELECT is_empty('SELECT json, good FROM trial WHERE as_text IS DISTINCT FROM good', 'a payload in a batch of text is accepted exactly when jsonb accepts it');
SELECT is_empty('SELECT json, good FROM trial WHERE as_column IS DISTINCT FROM good', 'so is one in an array of payloads');
SELECT is_empty('SELECT json, good FROM trial WHERE as_event IS DISTINCT FROM good', 'so is one in an event');
SELECT is_empty('SELECT json, good FROM trial WHERE good AND NOT as_metadata', 'what is JSON may stand in metadata');
SELECT is_empty('SELECT json, value, event_payload FROM trial WHERE good AND (event_payload IS DISTINCT FROM value OR event_payload::text <> value::text)', 'an event''s payload is what jsonb makes of it');
SELECT is_empty('SELECT json, value, payload FROM trial t FULL JOIN read_entity(''json-text'') r ON r.version = t.text_version WHERE (good OR r.version IS NOT NULL) AND (r.payload IS DISTINCT FROM value OR r.payload::text <> value::text)', 'so is the stored one of a batch of text');
SELECT is_empty('SELECT json, value, payload FROM trial t FULL JOIN read_entity(''json-column'') r ON r.version = t.column_version WHERE (good OR r.version IS NOT NULL) AND (r.payload IS DISTINCT FROM value OR r.payload::text <> value::text)', 'so is the stored one of an array of payloads');
SELECT is_empty($$SELECT json FROM trial WHERE good AND pg_column_size(json::jsonb) <> pg_column_size(payload(('{"entity_id":"e","event_type":"t","payload":' || json || '}')::event))$$, 'and made of as many bytes');

-- Whole events, mutated: what is taken for an event is a JSON object, and its fields are those of that object.
CREATE TEMP TABLE whole (json text, e event, value jsonb, taken boolean, good boolean);
INSERT INTO whole (json)
SELECT DISTINCT pg_temp.mutate(format('{"entity_id":"e%s","event_type":"t.x","payload":%s,"metadata":{"m":%s},"tags":["a","b"],"expected_version":%s,"tenant_id":"x","occurred_at":"2026-01-31T12:00:00Z"}', s.id, s.json, s.json, s.id))
FROM sample s, generate_series(1, 150);
CREATE FUNCTION pg_temp.try_whole() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w record;
    as_event event;
    as_jsonb jsonb;
BEGIN
    FOR w IN SELECT ctid, json FROM whole LOOP
        BEGIN as_event := w.json::event;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN as_event := NULL; END;
        BEGIN as_jsonb := w.json::jsonb;
        EXCEPTION WHEN data_exception THEN as_jsonb := NULL; END;
        UPDATE whole SET e = as_event, value = as_jsonb, taken = as_event IS NOT NULL, good = as_jsonb IS NOT NULL WHERE ctid = w.ctid;
    END LOOP;
END
$$;
SELECT lives_ok('SELECT pg_temp.try_whole()', 'I8: no text is answered with anything but an event or a data exception');
SELECT cmp_ok((SELECT count(*) FROM whole WHERE taken), '>', 200::bigint, 'many of the mutants are events');
SELECT is_empty($$SELECT json FROM whole WHERE taken AND (NOT good OR (entity_id(e), event_type(e), tenant_id(e), expected_version(e), to_jsonb(tags(e)), payload(e), metadata(e), occurred_at(e))
                  IS DISTINCT FROM (value ->> 'entity_id', value ->> 'event_type', value ->> 'tenant_id', (value ->> 'expected_version')::bigint, value -> 'tags', coalesce(value -> 'payload', '{}'), nullif(value -> 'metadata', 'null'), (value ->> 'occurred_at')::timestamptz))$$,
                'what is taken is JSON for jsonb too, with the same fields');
SELECT * FROM finish();
ROLLBACK;
