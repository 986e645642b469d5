-- expected_version and the retry rule.  [I4]
SET search_path = public, eventstore;
\set VERBOSITY default

-- What append() or a batch stored or found, by versions: positions are looked up.
CREATE FUNCTION at(p bigint) RETURNS text LANGUAGE sql AS
'SELECT entity_id || ''@'' || version FROM eventstore.get_event($1)';
-- An event's JSON with an id from a small number.
CREATE FUNCTION ev(entity text, id int, expected bigint DEFAULT NULL, tenant text DEFAULT NULL) RETURNS event LANGUAGE sql AS
$$SELECT eventstore.make_event(entity, 't', event_id => ('00000000-0000-0000-0000-' || lpad(id::text, 12, '0'))::uuid,
                               expected_version => expected, tenant_id => tenant)$$;

-- 0: the entity must not exist.
SELECT version FROM append('v', 't', expected_version => 0);
SELECT version FROM append('v', 't', expected_version => 0);
\echo :LAST_ERROR_SQLSTATE
-- n: its last version must be n.
SELECT version FROM append('v', 't', expected_version => 1);
SELECT version FROM append('v', 't', expected_version => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('v', 't', expected_version => 3);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('v', 't', expected_version => 9223372036854775807);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('no such', 't', expected_version => 1);
\echo :LAST_ERROR_SQLSTATE
-- -1: it must exist.
SELECT version FROM append('v', 't', expected_version => -1);
SELECT version FROM append('no such', 't', expected_version => -1);
\echo :LAST_ERROR_SQLSTATE
-- NULL: any.
SELECT version FROM append('v', 't');
SELECT version FROM append('v2', 't');
-- What failed left no trace.
SELECT entity_version('v'), entity_version('no such');

-- In a batch the check is made where the entity first appears, and only there.
SELECT ingested FROM ingest_batch(ARRAY[make_event('b1', 't', expected_version => 0), make_event('b1', 't', expected_version => 77),
                                        make_event('b1', 't', expected_version => 0)]);
SELECT ingested FROM ingest_batch(ARRAY[make_event('b2', 't'), make_event('b2', 't', expected_version => 0)]);
SELECT ingested FROM ingest_batch(ARRAY[make_event('b1', 't', expected_version => 3), make_event('b2', 't', expected_version => 2)]);
-- One mismatch and nothing of the batch is stored.
SELECT ingested FROM ingest_batch(ARRAY[make_event('b3', 't', expected_version => 0), make_event('b1', 't', expected_version => 3)]);
\echo :LAST_ERROR_SQLSTATE
SELECT entity_version('b1'), entity_version('b2'), entity_version('b3');
SELECT version FROM append('b3', 't', expected_version => 0);
-- The same in the other forms.
SELECT ingested FROM ingest_batch('{"entity_id":"b1","event_type":"t","expected_version":3}');
\echo :LAST_ERROR_SQLSTATE
SELECT ingested FROM ingest_batch('{"entity_id":"b1","event_type":"t","expected_version":4}');
SELECT ingested FROM ingest_batch('{"entity_id":"b1","event_type":"t","expected_version":4}'::jsonb);
\echo :LAST_ERROR_SQLSTATE
SELECT ingested FROM ingest_batch(ARRAY['b1'], ARRAY['t'], ARRAY['{}'], expected_versions => ARRAY[5]);
SELECT ingested FROM ingest_batch(ARRAY['b1'], ARRAY['t'], ARRAY['{}'], expected_versions => ARRAY[5]);
\echo :LAST_ERROR_SQLSTATE
SELECT ingested FROM ingest_batch(ARRAY['b1'], ARRAY['t'], ARRAY['{}'], expected_versions => ARRAY[-1]);
SELECT entity_version('b1');

-- Tenants are separate, and named in the detail.
SELECT version FROM append('v', 't', tenant_id => 'acme', expected_version => 0);
SELECT version FROM append('v', 't', tenant_id => 'acme', expected_version => 4);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('v', 't', tenant_id => 'umbrella', expected_version => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('v', 't', tenant_id => 'default', expected_version => 4);
SELECT ingested FROM ingest_batch(ARRAY[make_event('w', 't', expected_version => 0), make_event('w', 't', expected_version => 0, tenant_id => 'acme')]);
SELECT entity_version('v'), entity_version('v', 'default'), entity_version('v', 'acme'), entity_version('v', 'umbrella'), entity_version('w', 'acme');

-- Retry of one event: stored once, its position and version returned each time.
SELECT version, at(position) FROM append('r', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001');
SELECT version, at(position) FROM append('r', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001');
-- The payload of a retry is not compared: the id is the identity.
SELECT version, at(position) FROM append('r', 'u', '{"other": 1}', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000001');
SELECT version, event_type, payload FROM read_entity('r');
-- Another id, no id, or another place is a conflict.
SELECT version FROM append('r', 't', expected_version => 0, event_id => '00000000-0000-0000-0000-000000000002');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('r', 't', expected_version => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('r', 't', expected_version => 2, event_id => '00000000-0000-0000-0000-000000000001');
\echo :LAST_ERROR_SQLSTATE
-- Without expected_version, with -1, or at the last version, nothing is a retry.
SELECT version FROM append('r', 't', event_id => '00000000-0000-0000-0000-000000000001');
SELECT version FROM append('r', 't', event_id => '00000000-0000-0000-0000-000000000001', expected_version => -1);
SELECT version FROM append('r', 't', event_id => '00000000-0000-0000-0000-000000000001', expected_version => 3);
SELECT entity_version('r');

-- Retry of several events.
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 2), ev('s', 3)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 2), ev('s', 3)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 2)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 2, 1), ev('s', 3)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 3, 2)]);
-- The same when more was appended since.
SELECT version FROM append('s', 't');
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 2), ev('s', 3)]);
-- Another order: the first does not match.
SELECT * FROM ingest_batch(ARRAY[ev('s', 2, 0), ev('s', 1)]);
\echo :LAST_ERROR_SQLSTATE
-- The first match, a later one does not.
SELECT * FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 3), ev('s', 2)]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 2), ev('s', 9)]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY[ev('s', 1, 0), make_event('s', 't')]);
\echo :LAST_ERROR_SQLSTATE
-- All that is stored matches, but there is more in the batch.
SELECT * FROM ingest_batch(ARRAY[ev('s', 2, 1), ev('s', 3), ev('s', 4), ev('s', 5)]);
\echo :LAST_ERROR_SQLSTATE
SELECT ingested FROM ingest_batch(ARRAY[ev('s2', 1, 0)]);
SELECT * FROM ingest_batch(ARRAY[ev('s2', 1, 0), ev('s2', 2)]);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ingest_batch(ARRAY[ev('tenants', 1, 0, 'acme')]) \gset r_
SELECT * FROM ingest_batch(ARRAY[ev('tenants', 1, 0, 'acme'), ev('tenants', 2, NULL, 'acme')]);
\echo :LAST_ERROR_SQLSTATE
SELECT entity_version('s'), entity_version('s2');

-- A batch of a repeated and a new entity: the one is found, the other stored.
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s3', 1, 0), ev('s', 1, 0), ev('s3', 2), ev('s', 2)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('s3', 1, 0), ev('s', 1, 0), ev('s3', 2), ev('s', 2)]);
SELECT entity_version('s'), entity_version('s3');
-- One conflict among repeated entities stores nothing new.
SELECT * FROM ingest_batch(ARRAY[ev('s4', 1, 0), ev('s', 1, 0), ev('s3', 9, 0)]);
\echo :LAST_ERROR_SQLSTATE
SELECT entity_version('s4');
-- The same ids are no retry for another tenant or entity.
SELECT ingested, duplicates FROM ingest_batch(ARRAY[ev('s', 1, 0, 'acme'), ev('s', 2, NULL, 'acme'), ev('s5', 1, 0)]);

-- A retry within the transaction that stored it, and after it was rolled back.
BEGIN;
SELECT ingested, duplicates FROM ingest_batch(ARRAY[ev('x', 1, 0), ev('x', 2)]);
SELECT ingested, duplicates, at(first_position), at(last_position) FROM ingest_batch(ARRAY[ev('x', 1, 0), ev('x', 2)]);
SELECT entity_version('x');
ROLLBACK;
SELECT ingested, duplicates FROM ingest_batch(ARRAY[ev('x', 1, 0), ev('x', 2)]);
SELECT entity_version('x');

-- A retry spread over several calls, and over blocks.
SELECT ingested FROM ingest_batch((SELECT array_agg(ev('long', i, CASE i WHEN 1 THEN 0 END) ORDER BY i) FROM generate_series(1, 3000) i));
SELECT ingested, duplicates, at(first_position), at(last_position)
FROM ingest_batch((SELECT array_agg(ev('long', i, CASE i WHEN 501 THEN 500 END) ORDER BY i) FROM generate_series(501, 2500) i));
SELECT * FROM ingest_batch((SELECT array_agg(ev('long', CASE i WHEN 2499 THEN 1 ELSE i END, CASE i WHEN 501 THEN 500 END) ORDER BY i) FROM generate_series(501, 2500) i));
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM verify();

-- The statistics tell them apart.
SELECT batches, events, duplicates, conflicts FROM stat_ingest \gset b_
SELECT duplicates FROM ingest_batch(ARRAY[ev('s', 1, 0)]);
SELECT * FROM ingest_batch(ARRAY[ev('s', 7, 0)]);
SELECT * FROM ingest_batch(ARRAY[ev('s', 1, 0), ev('s', 7)]);
SELECT batches - :b_batches AS batches, events - :b_events AS events, duplicates - :b_duplicates AS duplicates, conflicts - :b_conflicts AS conflicts FROM stat_ingest;
DROP FUNCTION at, ev;
