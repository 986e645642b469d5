-- Prepared transactions.  [I3, I4, I5]  Needs max_prepared_transactions; prepared_1.out is without.
SET search_path = public, eventstore;
\set VERBOSITY default
SELECT setting::int = 0 AS none FROM pg_settings WHERE name = 'max_prepared_transactions' \gset
\if :none
\echo no prepared transactions here
\quit
\endif
SET lock_timeout = '300ms';
SELECT safe_position() AS start \gset
SELECT version FROM append('2pc', 't', expected_version => 0);

-- Committed: nothing is seen before, all of it after.
BEGIN;
SELECT version FROM append('2pc', 't', '{"n": 2}', expected_version => 1);
SELECT ingested FROM ingest_batch(ARRAY[make_event('2pc', 't', '{"n": 3}'), make_event('2pc new', 't')]);
PREPARE TRANSACTION 'eventstore regress 1';
SELECT entity_version('2pc'), entity_version('2pc new');
SELECT version FROM append('2pc free', 't');
-- Others wait for its entities, and only for those.
SELECT version FROM append('2pc', 't', '{"n": 4}');
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM append('2pc new', 't', expected_version => 0);
\echo :LAST_ERROR_SQLSTATE
-- The log is not read past it.
SELECT entity_id, version FROM read_all(:start);
SELECT safe_position() < (SELECT position FROM last_event('2pc free')) AS held_back;
SELECT * FROM verify();
COMMIT PREPARED 'eventstore regress 1';
SELECT entity_version('2pc'), entity_version('2pc new');
SELECT entity_id, version FROM read_all(:start);
SELECT safe_position() >= (SELECT position FROM last_event('2pc free')) AS moved_on;
SELECT version FROM append('2pc', 't', '{"n": 4}', expected_version => 3);
SELECT version FROM append('2pc new', 't', expected_version => 1);

-- Rolled back, with a savepoint that had been rolled back before.
BEGIN;
SELECT version FROM append('2pc', 't', '{"n": 5}', expected_version => 4);
SAVEPOINT a;
SELECT version FROM append('2pc', 't', '{"n": 6}', expected_version => 5);
ROLLBACK TO a;
SELECT version FROM append('2pc gone', 't');
PREPARE TRANSACTION 'eventstore regress 2';
SELECT entity_version('2pc'), entity_version('2pc gone');
ROLLBACK PREPARED 'eventstore regress 2';
SELECT entity_version('2pc'), entity_version('2pc gone');
SELECT version FROM append('2pc gone', 't', expected_version => 0);
SELECT version FROM append('2pc', 't', '{"n": 7}', expected_version => 4);
SELECT version, payload FROM read_entity('2pc');

-- One that only read.
BEGIN;
SELECT entity_version('2pc');
PREPARE TRANSACTION 'eventstore regress 3';
SELECT version FROM append('2pc', 't', expected_version => 5);
COMMIT PREPARED 'eventstore regress 3';
SELECT safe_position() = (SELECT position FROM last_event('2pc')) AS settled;
SELECT count(*) FROM pg_prepared_xacts WHERE gid LIKE 'eventstore regress%';
SELECT * FROM verify();
