-- Compaction: small blocks become full ones.

CREATE PROCEDURE compact()
    AS 'MODULE_PATHNAME', 'es_compact_sql' LANGUAGE C;
REVOKE ALL ON PROCEDURE compact() FROM PUBLIC;
COMMENT ON PROCEDURE compact() IS 'merges small blocks of the log into full ones, as far as the log is settled; commits as it goes';

CREATE FUNCTION stat_compaction(
    OUT small_blocks bigint,
    OUT steps bigint,
    OUT events bigint,
    OUT blocks_before bigint,
    OUT blocks_after bigint,
    OUT bytes_before bigint,
    OUT bytes_after bigint,
    OUT last_at timestamptz,
    OUT failures bigint
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'es_stat_compaction_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION stat_compaction() IS 'compaction in this database; use the view';

CREATE VIEW stat_compaction AS SELECT * FROM stat_compaction();
COMMENT ON VIEW stat_compaction IS 'compaction in this database since the server started';
COMMENT ON COLUMN stat_compaction.small_blocks IS 'small blocks that were added since compaction last ended';
COMMENT ON COLUMN stat_compaction.steps IS 'transactions that merged blocks';
COMMENT ON COLUMN stat_compaction.events IS 'events that were merged, counted each time';
COMMENT ON COLUMN stat_compaction.blocks_before IS 'blocks that were merged';
COMMENT ON COLUMN stat_compaction.blocks_after IS 'blocks that they became';
COMMENT ON COLUMN stat_compaction.bytes_before IS 'bytes of the blocks that were merged';
COMMENT ON COLUMN stat_compaction.bytes_after IS 'bytes of the blocks that they became';
COMMENT ON COLUMN stat_compaction.last_at IS 'when blocks were last merged';
COMMENT ON COLUMN stat_compaction.failures IS 'background workers that ended with an error, which is in the server''s log';
REVOKE ALL ON stat_compaction FROM PUBLIC;
GRANT SELECT ON stat_compaction TO pg_monitor;

CREATE VIEW stat_runs AS
    SELECT run, level, first_position, last_position, events, pages FROM runs;
COMMENT ON VIEW stat_runs IS 'the sorted runs of the entity index';
COMMENT ON COLUMN stat_runs.run IS 'the transaction that wrote it';
COMMENT ON COLUMN stat_runs.level IS 'how often runs were merged to make it';
COMMENT ON COLUMN stat_runs.first_position IS 'the positions of its events begin here';
COMMENT ON COLUMN stat_runs.last_position IS 'and end here';
COMMENT ON COLUMN stat_runs.events IS 'events in it';
COMMENT ON COLUMN stat_runs.pages IS 'its pages of about 8 kB';
REVOKE ALL ON stat_runs FROM PUBLIC;
GRANT SELECT ON stat_runs TO pg_monitor;
