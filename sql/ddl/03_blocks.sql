-- The log: blocks, and the durable limit of the positions that were given out.

CREATE SEQUENCE position_seq;
COMMENT ON SEQUENCE position_seq IS 'positions up to its last value may have been given out';

CREATE TABLE blocks (
    first_position bigint NOT NULL,
    block block NOT NULL,
    large bytea,
    CONSTRAINT blocks_pkey PRIMARY KEY (first_position)
);
-- Blocks are never updated, so their pages are frozen early, while they are
-- still in memory and before the next checkpoint. What compaction deletes is mostly
-- a part of the table that does not grow with it, so neither does the threshold, much.
ALTER TABLE blocks SET (
    autovacuum_freeze_min_age = 0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.1
);
-- Statistics of blocks would help no plan; taking them would copy many blocks.
ALTER TABLE blocks
    ALTER COLUMN first_position SET STATISTICS 0,
    ALTER COLUMN block SET STATISTICS 0,
    ALTER COLUMN large SET STATISTICS 0;
COMMENT ON TABLE blocks IS 'the log, in blocks; read and written through the functions only';
COMMENT ON COLUMN blocks.first_position IS 'position of the first event in the block';
COMMENT ON COLUMN blocks.block IS 'the packed events';
COMMENT ON COLUMN blocks.large IS 'tags, payload and metadata of an event too large for a block';
COMMENT ON CONSTRAINT blocks_pkey ON blocks IS 'finds blocks in log order';
COMMENT ON INDEX blocks_pkey IS 'finds blocks in log order';

REVOKE ALL ON blocks FROM PUBLIC;
REVOKE ALL ON SEQUENCE position_seq FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('blocks', '');
SELECT pg_catalog.pg_extension_config_dump('position_seq', '');

CREATE FUNCTION blocks_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'es_blocks_changed' LANGUAGE C;
REVOKE ALL ON FUNCTION blocks_changed() FROM PUBLIC;
COMMENT ON FUNCTION blocks_changed() IS 'has the entity index built anew after changes that bypass the functions';

-- Statements of the owner and of a restore.
CREATE TRIGGER blocks_changed BEFORE INSERT OR UPDATE OR DELETE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION blocks_changed();
ALTER TABLE blocks ENABLE ALWAYS TRIGGER blocks_changed;
COMMENT ON TRIGGER blocks_changed ON blocks IS 'statements that bypass the functions';

-- Mostly TRUNCATE gives the table new storage, which is noticed by itself; but
-- the second one in a transaction empties the storage that the first one gave.
CREATE TRIGGER blocks_truncated AFTER TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION blocks_changed();
ALTER TABLE blocks ENABLE ALWAYS TRIGGER blocks_truncated;
COMMENT ON TRIGGER blocks_truncated ON blocks IS 'the table was emptied';

-- Logical replication applies row by row, without statements.
CREATE TRIGGER blocks_applied AFTER INSERT OR UPDATE OR DELETE ON blocks
    FOR EACH ROW EXECUTE FUNCTION blocks_changed();
ALTER TABLE blocks ENABLE REPLICA TRIGGER blocks_applied;
COMMENT ON TRIGGER blocks_applied ON blocks IS 'rows applied by replication';
