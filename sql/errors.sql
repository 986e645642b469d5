-- What every mistake in an event is answered with: message, detail, hint, SQLSTATE.  [I8]
SET search_path = public, eventstore;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY default
\set ON_ERROR_STOP off

SELECT events AS events_before, batches AS batches_before FROM stat_ingest \gset
SELECT count(*) AS stored_before FROM events \gset

-- Text that is no event object.
SELECT ''::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '   '::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '1'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '[{"entity_id":"e","event_type":"t"}]'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{entity_id:"e"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e"'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e" "event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t",}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t"} {}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e'::event;
\echo :LAST_ERROR_SQLSTATE

-- JSON that is wrong: the server's own words, and where it stands.
SELECT '{"entity_id":"e","event_type":"t","payload":{"a":tru}}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","payload":"\u0000"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","payload":"\ud800"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","payload":{"a":01}}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","payload":[1,2}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"\x","event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
-- (The context may not name another key than the one at fault.)
\set SHOW_CONTEXT never
SELECT '{"\x":"e","event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","\x":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
\set SHOW_CONTEXT errors
SELECT '{"entity_id":"e","event_type":"t","metadata":{"a":}}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","payload":1e400000}'::event;
\echo :LAST_ERROR_SQLSTATE

-- Keys: unknown, repeated, missing, and of the wrong type.
SELECT '{"entity_id":"e","event_type":"t","entity":1}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"Entity_id":"e","event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"":1}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT ('{"' || repeat('é', 100) || '":1}')::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","entity_id":"f"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tags":null,"tags":[]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","entity\u005fid":"f"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":null,"event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":1,"event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":["t"]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","metadata":"m"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","metadata":[]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","event_id":1}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tenant_id":true}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tags":"a"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tags":["a",1]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tags":["a",null]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":0}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","expected_version":"1"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","expected_version":1.0}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","expected_version":1e2}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","expected_version":9223372036854775808}'::event;
\echo :LAST_ERROR_SQLSTATE

-- Limits.
SELECT '{"entity_id":"","event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":""}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tenant_id":""}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","tags":[""]}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT make_event(repeat('x', 513), 't');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', repeat('x', 256));
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tenant_id => repeat('x', 65));
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tags => ARRAY[repeat('x', 256)]);
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tags => array_fill('x'::text, ARRAY[33]));
\echo :LAST_ERROR_SQLSTATE
SELECT ('{"entity_id":"e","event_type":"t","tags":' || to_json(array_fill('x'::text, ARRAY[33])) || '}')::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"a\nb","event_type":"t"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', E't\x7f');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tenant_id => E'x\u0085');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tags => ARRAY['ok', E'\t']);
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","event_id":"01890000-0000-7000-8000-00000000000"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","event_id":"01890000-0000-7000-8000-00000000000g"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"2026-01-31T12:00:00"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"2026-02-29T12:00:00Z"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"now"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"0001-01-01T00:00:00+01:00"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","occurred_at":"9999-12-31T23:59:59.9999999Z"}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', occurred_at => 'infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', occurred_at => '0001-01-01 00:00:00+00 BC');
\echo :LAST_ERROR_SQLSTATE
SELECT '{"entity_id":"e","event_type":"t","expected_version":-2}'::event;
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', expected_version => -2);
\echo :LAST_ERROR_SQLSTATE
SET eventstore.max_event_size = '2kB';
SELECT make_event('e', 't', to_jsonb(repeat('x', 2048)));
\echo :LAST_ERROR_SQLSTATE
RESET eventstore.max_event_size;

-- Null where there must be a value, and metadata that is no object.
SELECT make_event(NULL, 't');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', tags => ARRAY['a', NULL]);
\echo :LAST_ERROR_SQLSTATE
SELECT make_event('e', 't', metadata => '1');
\echo :LAST_ERROR_SQLSTATE

-- The naming rules, which only checked events must keep.
SELECT make_event_checked('e', 'Order.placed');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event_checked('e', '.a');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event_checked(' e', 't');
\echo :LAST_ERROR_SQLSTATE
SELECT make_event_checked('e', 't', tenant_id => 'a b');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM (VALUES (make_event('e', 'Order.placed')), (make_event('e', '.a')), (make_event(' e', 't')),
                             (make_event('e', 't', tenant_id => 'a b'))) v;

-- Names that are wrong are repeated in the message, but not at any length.
SELECT make_event_checked('e', repeat('é', 127));
\echo :LAST_ERROR_SQLSTATE

-- In a batch the event's ordinal comes first.
SELECT * FROM ingest_batch(E'{"entity_id":"e","event_type":"t"}\n{"entity_id":"e"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(E'{"entity_id":"e","event_type":"t"}\n\n  {"entity_id":"e","event_type":"t","payload":[}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(E'{"entity_id":"e","event_type":"t"}\n{"entity_id":"e","event_type":"t","payload":tru}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('{"entity_id":"e","event_type":"t"} {"entity_id":"e","event_type":"t"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('{"entity_id":"e","event_type":"t"},{"entity_id":"e","event_type":"t"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t"} {"entity_id":"e","event_type":"t"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t"},]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t"}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t"}] {}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[[{"entity_id":"e","event_type":"t"}]]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[null]');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('null');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('null'::json);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('"x"'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t"}, {"entity_id":"e","event_type":"T"}]', checked => true);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('[{"entity_id":"e","event_type":"t","expected_version":-3}]'::jsonb);
\echo :LAST_ERROR_SQLSTATE

-- Events are checked again, for a setting may have changed, and rules added.
SELECT * FROM ingest_batch(ARRAY[make_event('e', 't'), NULL]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY[make_event('e', 't'), make_event('e', 'T')], checked => true);
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE large_event AS SELECT make_event('e', 't', to_jsonb(repeat('x', 2048))) AS e;
SET eventstore.max_event_size = '2kB';
SELECT r.* FROM large_event, ingest_batch(ARRAY[make_event('e', 't'), e]) r;
\echo :LAST_ERROR_SQLSTATE
RESET eventstore.max_event_size;
DROP TABLE large_event;

-- Nulls as arguments.
SELECT * FROM ingest_batch(NULL::text);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(NULL::json);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(NULL::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(NULL::event[]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch('', checked => NULL);
\echo :LAST_ERROR_SQLSTATE

-- Columns.
SELECT * FROM ingest_batch(NULL, ARRAY['t'], ARRAY['{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], NULL, ARRAY['{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', '{}'], expected_versions => ARRAY[1::bigint]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], metadata => ARRAY[]::text[]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY[['e'], ['e']], ARRAY['t', 't'], ARRAY['{}', '{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', NULL], ARRAY['t', 't'], ARRAY['{}', '{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', NULL], ARRAY['{}', '{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', NULL]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', '{"a":}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['1 2']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], metadata => ARRAY['[]']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], metadata => ARRAY['{']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', ''], ARRAY['t', 't'], ARRAY['{}', '{}']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tenant_ids => ARRAY['']);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', '{}'], tags => ARRAY['[]', '{a,b}']);
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', '{}'], tags => ARRAY['[]', '"a"']);
SELECT * FROM ingest_batch(ARRAY['e', 'e'], ARRAY['t', 't'], ARRAY['{}', '{}'], tags => ARRAY['[]', '["a", 1]']);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tags => ARRAY['["a"] x']);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tags => ARRAY['']);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tags => ARRAY['["']);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tags => ARRAY['[""]']);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], tags => ARRAY[jsonb_build_array(repeat('x', 300))::text]);
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['T'], ARRAY['{}'], checked => true);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY['e'], ARRAY['t'], ARRAY['{}'], occurred_at => ARRAY['-infinity'::timestamptz]);
\echo :LAST_ERROR_SQLSTATE

-- append() has no ordinal to tell.
SELECT append(NULL, 't');
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', 't', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT append('', 't');
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', 't', metadata => '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', 't', expected_version => -2);
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', 't', tags => ARRAY['']);
\echo :LAST_ERROR_SQLSTATE
SELECT append('e', 't', tenant_id => '');
\echo :LAST_ERROR_SQLSTATE

-- Reading.
SELECT * FROM read_entity(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM read_entity('e', max_count => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM read_entity('e', tenant_id => '');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM read_all(max_count => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT entity_version(NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT last_event(NULL);
\echo :LAST_ERROR_SQLSTATE

-- Settings.
-- (16 and later name the unit of the limits)
\set VERBOSITY sqlstate
SET eventstore.max_event_size = 0;
\set VERBOSITY default
SET eventstore.index_memory = '1GB';
\echo :LAST_ERROR_SQLSTATE
SET eventstore.no_such_setting = 1;
\echo :LAST_ERROR_SQLSTATE
SHOW eventstore.max_event_size;
SHOW eventstore.allow_async_commit;

-- The trigger function of the block table is of no other use.
SELECT blocks_changed();
\echo :LAST_ERROR_SQLSTATE

-- Another encoding: said at once.
\set database :DBNAME
CREATE DATABASE regress_es_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
\c regress_es_latin1
\set SHOW_CONTEXT never
CREATE EXTENSION eventstore;
\echo :LAST_ERROR_SQLSTATE
\set SHOW_CONTEXT errors
\c :database
DROP DATABASE regress_es_latin1;
SET search_path = public, eventstore;

-- Nothing of all this was stored or counted.  [I8]
SELECT events = :events_before AS events_same, batches = :batches_before AS batches_same FROM stat_ingest;
SELECT count(*) = :stored_before AS stored_same FROM events;
SELECT * FROM verify();
