-- The log: blocks, the durable limit of the positions that were given out, and what is
-- kept of the entity index.

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

-- Sorted runs of the entity index: where the events of entities are, on disk.

CREATE TABLE runs (
    run bigint NOT NULL,
    level integer NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    events bigint NOT NULL,
    timeless_ids bigint NOT NULL,
    entities bigint NOT NULL,
    tenants text[] NOT NULL,
    merged boolean NOT NULL,
    pages bigint NOT NULL,
    storage bigint NOT NULL,
    cluster bigint NOT NULL,
    seed bigint NOT NULL,
    CONSTRAINT runs_pkey PRIMARY KEY (run)
);
COMMENT ON TABLE runs IS 'sorted runs of the entity index; made again from the log where they are missing';
COMMENT ON COLUMN runs.run IS 'the transaction that wrote it';
COMMENT ON COLUMN runs.level IS 'how often runs were merged to make it';
COMMENT ON COLUMN runs.first_position IS 'the positions of its events begin here';
COMMENT ON COLUMN runs.last_position IS 'and end here';
COMMENT ON COLUMN runs.events IS 'events in it';
COMMENT ON COLUMN runs.timeless_ids IS 'those of them whose ids are not found by their time';
COMMENT ON COLUMN runs.entities IS 'entities whose first event is in it';
COMMENT ON COLUMN runs.tenants IS 'their tenants, but for the default one';
COMMENT ON COLUMN runs.merged IS 'whether small blocks of its events had been merged';
COMMENT ON COLUMN runs.pages IS 'its pages; the last one is the root';
COMMENT ON COLUMN runs.storage IS 'the storage of the block table that it is about';
COMMENT ON COLUMN runs.cluster IS 'and which server wrote it';
COMMENT ON COLUMN runs.seed IS 'of the hash by which it is sorted';
COMMENT ON CONSTRAINT runs_pkey ON runs IS 'a run is there once';
COMMENT ON INDEX runs_pkey IS 'a run is there once';
REVOKE ALL ON runs FROM PUBLIC;

CREATE TABLE run_pages (
    run bigint NOT NULL,
    number integer NOT NULL,
    page bytea NOT NULL,
    CONSTRAINT run_pages_pkey PRIMARY KEY (run, number)
);
-- Pages of runs are written once, and deleted with their run.
ALTER TABLE run_pages ALTER COLUMN page SET STORAGE PLAIN;
ALTER TABLE run_pages
    ALTER COLUMN run SET STATISTICS 0,
    ALTER COLUMN number SET STATISTICS 0,
    ALTER COLUMN page SET STATISTICS 0;
COMMENT ON TABLE run_pages IS 'pages of the sorted runs';
COMMENT ON COLUMN run_pages.run IS 'the run';
COMMENT ON COLUMN run_pages.number IS 'from 1, in the order in which they were written';
COMMENT ON COLUMN run_pages.page IS 'entries of entities, or which pages are below';
COMMENT ON CONSTRAINT run_pages_pkey ON run_pages IS 'finds a page';
COMMENT ON INDEX run_pages_pkey IS 'finds a page';
REVOKE ALL ON run_pages FROM PUBLIC;

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
