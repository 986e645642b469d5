-- The type event: constructors, accessors, operators, text and binary form.
SET search_path = public, eventstore;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET bytea_output = 'hex';

-- Constructors: the two required fields, then all fields.
SELECT make_event('order-1', 'order.placed');
SELECT make_event('order-1', 'order.placed', '{"total": 12.50, "items": [1, 2]}',
                  metadata => '{"correlation_id": "c1"}',
                  event_id => '01890000-0000-7000-8000-000000000001',
                  tags => ARRAY['vip', 'web'],
                  tenant_id => 'shop',
                  occurred_at => '2026-01-31 13:00:00.25+01',
                  expected_version => 3) AS full_event \gset
SELECT :'full_event'::event;
SELECT make_event_checked('order-1', 'order.placed_2', '[1]', tenant_id => 'A-b_9');

-- Any JSON value is a payload; no tags and an empty array of tags differ.
SELECT make_event('e', 't', v::jsonb) FROM unnest(ARRAY['null', 'true', '-0.5', '"x"', '[]', '{}']) v;
SELECT make_event('e', 't', tags => '{}'), make_event('e', 't', tags => NULL);

-- The default tenant is the same whether named or not.
SELECT make_event('e', 't', tenant_id => 'default') = make_event('e', 't') AS same;

-- Accessors of a full and of a bare event.
\x on
SELECT entity_id(e), event_type(e), payload(e), metadata(e), event_id(e), tags(e),
       tenant_id(e), occurred_at(e), expected_version(e)
FROM (VALUES (:'full_event'::event), ('{"entity_id":"e","event_type":"t"}')) v(e);
\x off
SELECT pg_typeof(entity_id(e)), pg_typeof(event_type(e)), pg_typeof(payload(e)), pg_typeof(metadata(e)),
       pg_typeof(event_id(e)), pg_typeof(tags(e)), pg_typeof(tenant_id(e)), pg_typeof(occurred_at(e)),
       pg_typeof(expected_version(e))
FROM (SELECT :'full_event'::event) v(e);

-- A null event has null fields.
SELECT entity_id(NULL::event) IS NULL, payload(NULL::event) IS NULL, (NULL::event -> 'a') IS NULL,
       (NULL::event = make_event('e', 't')) IS NULL;

-- -> and ->> speak of the payload.
SELECT e -> 'total' AS total, pg_typeof(e -> 'total'), e ->> 'total' AS total_text, pg_typeof(e ->> 'total'),
       e -> 'items' AS items, e ->> 'items' AS items_text,
       (e -> 'nothing') IS NULL AS no_json, (e ->> 'nothing') IS NULL AS no_text
FROM (SELECT :'full_event'::event) v(e);
SELECT make_event('e', 't', '{"a": null}') -> 'a' AS json_null,
       (make_event('e', 't', '{"a": null}') ->> 'a') IS NULL AS sql_null,
       (make_event('e', 't', '[1]') -> 'a') IS NULL AS of_array,
       (make_event('e', 't', '"a"') ->> 'a') IS NULL AS of_scalar;

-- Text form: white space around, any order of keys, null is "not given".
SELECT E' \t\r\n{ "event_type" : "t" , "entity_id" : "e" }\n '::event;
SELECT '{"entity_id":"e","event_type":"t","payload":null,"metadata":null,"event_id":null,"tenant_id":null,"tags":null,"occurred_at":null,"expected_version":null}'::event;
SELECT '{"entity\u005fid":"e","event_type":"t"}'::event AS escaped_key;

-- Names with escapes come out in one spelling, JSON stays as it was given.
SELECT '{"entity_id":"a\"b\\c\/d\u00e9\ud83d\ude00","event_type":"t","tags":["\u0041"," ","é"],"payload":{ "k" : "\u0041" }}'::event;
SELECT entity_id(e), tags(e), payload(e)
FROM (SELECT '{"entity_id":"a\"b\\c\/d\u00e9\ud83d\ude00","event_type":"t","tags":["\u0041"," ","é"],"payload":{ "k" : "\u0041" }}'::event) v(e);

-- The text form reads back as the same event.
SELECT count(*), bool_and(e::text::event = e) AS same
FROM (VALUES (:'full_event'::event),
             (make_event('e', 't')),
             (make_event('e', 't', tags => '{}')),
             (make_event(E'q"\\ é😀', E't\\"', '{"a": "\" \\ é"}', tags => ARRAY[E'\\', '"', 'é'])),
             (make_event('e', 't', occurred_at => '0001-01-01 00:00:00+00')),
             (make_event('e', 't', occurred_at => '9999-12-31 23:59:59.999999+00')),
             (make_event('e', 't', expected_version => -1)),
             (make_event('e', 't', expected_version => 999999999999999999))) v(e);
SELECT make_event('e', 't', expected_version => 9223372036854775807)::text::event AS largest;

-- Times: every spelling with a zone; more than six digits are rounded.
SELECT spelling, occurred_at(format('{"entity_id":"e","event_type":"t","occurred_at":"%s"}', spelling)::event)
FROM unnest(ARRAY['2026-01-31T12:00:00Z', '2026-01-31t12:00:00z', '2026-01-31 12:00:00Z',
                  '2026-01-31T13:00:00+01', '2026-01-31T13:30:00+0130', '2026-01-31T13:30:00+01:30',
                  '2026-01-31T07:00:00-05:00', '2026-01-31T12:00:00.1Z', '2026-01-31T12:00:00.123456Z',
                  '2026-01-31T12:00:00.1234565Z', '2026-01-31T12:00:00.9999999Z', '2024-02-29T00:00:00Z',
                  '2016-12-31T23:59:60Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z']) AS spelling;
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"2026-01-31T12:00:00.120+00:00"}'::event;

-- Equality is of the bytes: a different spelling of the payload is a different event.
SELECT make_event('e', 't') = make_event('e', 't') AS eq, make_event('e', 't') <> make_event('e', 't') AS ne;
SELECT column1 AS field, make_event('e', 't') = column2 AS eq, make_event('e', 't') <> column2 AS ne
FROM (VALUES ('entity_id', make_event('f', 't')),
             ('event_type', make_event('e', 'u')),
             ('payload', make_event('e', 't', '{"a": 1}')),
             ('metadata', make_event('e', 't', metadata => '{}')),
             ('event_id', make_event('e', 't', event_id => '00000000-0000-0000-0000-000000000000')),
             ('tags', make_event('e', 't', tags => '{}')),
             ('tenant_id', make_event('e', 't', tenant_id => 'x')),
             ('occurred_at', make_event('e', 't', occurred_at => '2000-01-01 00:00:00+00')),
             ('expected_version', make_event('e', 't', expected_version => 0)),
             ('white space', '{"entity_id":"e","event_type":"t","payload":{ }}')) v;
-- Fields do not run into each other.
SELECT make_event('ab', 'c') = make_event('a', 'bc') AS eq,
       make_event('e', 't', tags => '{ab,c}') = make_event('e', 't', tags => '{a,bc}') AS eq_tags;

-- Events in a table, small and TOASTed, through DISTINCT, joins and GROUP BY.
CREATE TABLE kept (id int, e event);
INSERT INTO kept SELECT i, make_event('e-' || i % 10, 't', jsonb_build_object('n', i % 10)) FROM generate_series(1, 40) i;
INSERT INTO kept SELECT 100 + i, make_event('big', 't', to_jsonb(repeat('x', 3000000))) FROM generate_series(1, 2) i;
INSERT INTO kept
SELECT 200 + i, make_event('mixed', 't', (SELECT jsonb_agg(md5(g::text)) FROM generate_series(1, 1000) g))
FROM generate_series(1, 2) i;
SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM (SELECT DISTINCT e FROM kept) d) AS distinct_events FROM kept;
SELECT entity_id(e), count(*), max(length(payload(e)::text)) AS payload_size
FROM kept GROUP BY e ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT count(*) FROM kept a JOIN kept b USING (e);
SELECT count(*) FROM kept a JOIN kept b USING (e);
SET enable_hashjoin = off;
SELECT count(*) FROM kept a JOIN kept b USING (e);
RESET enable_hashjoin;
-- Large ones are out of line, and whole.
SELECT id, pg_column_size(e) < 100000 AS compressed, length(payload(e) #>> '{}') AS size FROM kept WHERE id IN (101, 102) ORDER BY id;
SELECT pg_relation_size(reltoastrelid) > 0 AS has_toast FROM pg_class WHERE oid = 'kept'::regclass;
UPDATE kept SET id = id + 1000 WHERE e = make_event('e-3', 't', '{"n": 3}');
SELECT count(*) FROM kept WHERE id > 1000;
CREATE INDEX kept_hash ON kept USING hash (e);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM kept WHERE e = make_event('e-3', 't', '{"n": 3}');
SELECT id FROM kept WHERE e = make_event('e-3', 't', '{"n": 3}') ORDER BY id;
SELECT id FROM kept WHERE e = make_event('big', 't', to_jsonb(repeat('x', 3000000))) ORDER BY id;
RESET enable_seqscan;

-- Hash partitioning by events uses the extended hash.
CREATE TABLE parted (e event) PARTITION BY HASH (e);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT e FROM kept;
SELECT count(*) = (SELECT count(*) FROM kept) AS all_there FROM parted;
SELECT (SELECT count(*) FROM parted_0) > 0 AS some_in_0, (SELECT count(*) FROM parted_1) > 0 AS some_in_1;

-- There is no order: events cannot be sorted.
SELECT e FROM kept ORDER BY e;

-- Binary form: a version byte and the text.
SELECT event_send(make_event('e', 't'));
SELECT octet_length(event_send(e)) = 1 + octet_length(e::text) AS as_text FROM kept WHERE id = 101;
SELECT f AS file, 'cat >/dev/null; rm -f ' || f AS remove_file
FROM format('%s/eventstore_regress_%s.copy', current_setting('data_directory'), pg_backend_pid()) f \gset
COPY kept TO :'file' WITH (FORMAT binary);
CREATE TABLE copied (id int, e event);
COPY copied FROM :'file' WITH (FORMAT binary);
SELECT count(*), count(*) FILTER (WHERE a.e = b.e) AS same FROM kept a JOIN copied b USING (id);
TRUNCATE copied;
COPY kept TO :'file';
COPY copied FROM :'file';
SELECT count(*), count(*) FILTER (WHERE a.e = b.e) AS same FROM kept a JOIN copied b USING (id);

-- What is not an event is refused on the binary way in, too.
CREATE TABLE raw (b bytea);
CREATE TABLE one (e event);
INSERT INTO raw VALUES ('\x02' || convert_to('{"entity_id":"e","event_type":"t"}', 'UTF8'));
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '\x01' || convert_to('{"entity_id":"e"}', 'UTF8');
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '\x01' || convert_to('{"entity_id":"e', 'UTF8') || '\xff' || convert_to('","event_type":"t"}', 'UTF8');
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '\x01' || convert_to('{"entity_id":"e', 'UTF8') || '\x00' || convert_to('","event_type":"t"}', 'UTF8');
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '\x01';
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '';
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
\echo :LAST_ERROR_SQLSTATE
UPDATE raw SET b = '\x01' || convert_to('{"entity_id":"e","event_type":"t"}', 'UTF8');
COPY raw TO :'file' WITH (FORMAT binary);
COPY one FROM :'file' WITH (FORMAT binary);
SELECT * FROM one;

-- The type of the block table takes nothing that is not a block.
SELECT ''::block;
\echo :LAST_ERROR_SQLSTATE
SELECT '\x00'::block;
\echo :LAST_ERROR_SQLSTATE
SELECT 'block'::block;
\echo :LAST_ERROR_SQLSTATE
SELECT ('\x' || repeat('00', 100))::block;
\echo :LAST_ERROR_SQLSTATE
SELECT ('\x' || repeat('00', 10000))::block;
\echo :LAST_ERROR_SQLSTATE

-- Constructors and accessors are immutable: they work in indexes, and in generated columns.
CREATE TABLE derived (e event, entity text GENERATED ALWAYS AS (entity_id(e)) STORED);
CREATE INDEX derived_type ON derived ((event_type(e)), (e ->> 'n'));
INSERT INTO derived SELECT make_event('x', 'y', '{"n": 1}');
SELECT entity, e FROM derived;

-- Nothing of the above wrote to the store.
SELECT count(*) FROM events WHERE entity_id IN ('order-1', 'e', 'big', 'mixed', 'x');

-- An operator leaves its arguments alone: a constant is used again for each row.
SELECT DISTINCT '{"entity_id":"a","event_type":"b","payload":{"x":{"y":"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"}}}'::event -> key -> 'y' AS y
FROM (SELECT 'x'::text AS key FROM generate_series(1, 100)) AS keys;

DROP TABLE kept, parted, copied, raw, one, derived;
COPY (SELECT 1) TO PROGRAM :'remove_file';
