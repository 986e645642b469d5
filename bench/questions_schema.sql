-- The rival of the questions: the same events, ids, versions, positions and times, in a plain table with the indexes that
-- its owner would have made; and keys to ask for, spread over all events.
CREATE TABLE bench_asked AS SELECT * FROM eventstore.events ORDER BY position;
ALTER TABLE bench_asked ADD PRIMARY KEY (position);
CREATE UNIQUE INDEX ON bench_asked (entity_id, version);
CREATE UNIQUE INDEX ON bench_asked (event_id);
CREATE INDEX ON bench_asked (event_type, recorded_at);
CREATE INDEX ON bench_asked (event_type, position);
CREATE TABLE bench_keys AS
    SELECT row_number() OVER (ORDER BY md5(position::text)) AS n, entity_id, position, event_id
    FROM (SELECT DISTINCT ON (tile) *
          FROM (SELECT *, ntile(1000) OVER (ORDER BY position) AS tile FROM bench_asked) tiled
          ORDER BY tile, position) first;
