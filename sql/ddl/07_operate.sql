-- Operating.

CREATE FUNCTION stat_index(
    OUT state text,
    OUT entities bigint,
    OUT events bigint,
    OUT memory_used bigint,
    OUT memory_total bigint,
    OUT entity_memory bigint,
    OUT posting_memory bigint,
    OUT id_memory bigint,
    OUT ids_complete boolean,
    OUT blocks_read bigint,
    OUT blocks_total bigint,
    OUT built_in interval
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_stat_index_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION stat_index() IS 'the entity index of this database; use the view';

CREATE VIEW stat_index AS SELECT * FROM stat_index();
COMMENT ON VIEW stat_index IS 'the entity index of this database';
COMMENT ON COLUMN stat_index.state IS 'not built, building, ready, or damaged';
COMMENT ON COLUMN stat_index.entities IS 'entities with committed events';
COMMENT ON COLUMN stat_index.events IS 'committed events';
COMMENT ON COLUMN stat_index.memory_used IS 'bytes of index memory in use, by all databases';
COMMENT ON COLUMN stat_index.memory_total IS 'bytes of index memory, for all databases';
COMMENT ON COLUMN stat_index.entity_memory IS 'bytes that this database''s entities take';
COMMENT ON COLUMN stat_index.posting_memory IS 'bytes that this database''s events take';
COMMENT ON COLUMN stat_index.id_memory IS 'bytes that this database''s event ids take';
COMMENT ON COLUMN stat_index.ids_complete IS 'whether all event ids had room; others are searched for in the log';
COMMENT ON COLUMN stat_index.blocks_read IS 'table blocks read by the last build so far';
COMMENT ON COLUMN stat_index.blocks_total IS 'table blocks that the last build had to read';
COMMENT ON COLUMN stat_index.built_in IS 'how long the last build took';

CREATE FUNCTION stat_ingest(
    OUT batches bigint,
    OUT events bigint,
    OUT duplicates bigint,
    OUT event_bytes bigint,
    OUT blocks bigint,
    OUT block_bytes bigint,
    OUT conflicts bigint,
    OUT waits bigint
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_stat_ingest_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION stat_ingest() IS 'what was written to this database; use the view';

CREATE VIEW stat_ingest AS SELECT * FROM stat_ingest();
COMMENT ON VIEW stat_ingest IS 'what was written to this database since the server started, rolled back or not';
COMMENT ON COLUMN stat_ingest.batches IS 'batches and single events accepted';
COMMENT ON COLUMN stat_ingest.events IS 'events stored';
COMMENT ON COLUMN stat_ingest.duplicates IS 'events of retries, not stored again';
COMMENT ON COLUMN stat_ingest.event_bytes IS 'bytes of the stored events'' strings and JSON';
COMMENT ON COLUMN stat_ingest.blocks IS 'blocks written';
COMMENT ON COLUMN stat_ingest.block_bytes IS 'bytes of those blocks';
COMMENT ON COLUMN stat_ingest.conflicts IS 'batches refused for an expected version';
COMMENT ON COLUMN stat_ingest.waits IS 'waits for another transaction that had an entity';

CREATE FUNCTION stat_kernel(
    OUT loop text,
    OUT kernel text,
    OUT calls bigint,
    OUT rows bigint
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_stat_kernel_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 11;
COMMENT ON FUNCTION stat_kernel() IS 'what scans did with vector instructions; use the view';

CREATE VIEW stat_kernel AS SELECT * FROM stat_kernel();
COMMENT ON VIEW stat_kernel IS 'the loops with vector instructions that scan blocks, and their use since the server started';
COMMENT ON COLUMN stat_kernel.loop IS 'what the loop does';
COMMENT ON COLUMN stat_kernel.kernel IS 'the instructions that this session uses for it';
COMMENT ON COLUMN stat_kernel.calls IS 'calls, in all databases and with any instructions';
COMMENT ON COLUMN stat_kernel.rows IS 'rows in these calls';

CREATE FUNCTION verify(
    OUT severity text,
    OUT "position" bigint,
    OUT entity_id text,
    OUT problem text
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_verify_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION verify() IS 'checks blocks, log and entity index; no rows when all is well';

CREATE FUNCTION rebuild_index() RETURNS void
    AS 'MODULE_PATHNAME', 'es_rebuild_index_sql' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rebuild_index() IS 'builds the entity index anew; locks out everybody else meanwhile';

REVOKE ALL ON stat_index, stat_ingest, stat_kernel FROM PUBLIC;
GRANT USAGE ON SCHEMA eventstore TO pg_monitor;
GRANT SELECT ON stat_index, stat_ingest, stat_kernel TO pg_monitor;
