-- ingest_batch() in its forms, and append(): what is stored, in which order, and the result row.
SET search_path = public, eventstore;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- A result row in words that do not depend on what was stored before.
CREATE FUNCTION said(first_position bigint, last_position bigint, ingested bigint, duplicates bigint)
RETURNS TABLE (span bigint, "ingested" bigint, "duplicates" bigint) LANGUAGE sql
AS 'SELECT last_position - first_position + 1, $3, $4';
-- What a batch stored, by the first position of its result.
CREATE FUNCTION stored(since bigint)
RETURNS TABLE (nth bigint, tenant text, entity text, v bigint, type text, payload jsonb, metadata jsonb, tags text[])
LANGUAGE sql
AS 'SELECT position - $1 + 1, tenant_id, entity_id, version, event_type, payload, metadata, tags
    FROM eventstore.read_all($1 - 1)';

-- Newline-delimited JSON: one position after the other, in the order given.  [I1, I4]
SELECT * FROM ingest_batch(
'{"entity_id":"a","event_type":"one","payload":{"n":1}}
{"entity_id":"b","event_type":"two","payload":{"n":2},"metadata":{"m":true},"tags":["x","y"]}
{"entity_id":"a","event_type":"three","payload":[3],"tenant_id":"t"}
{"entity_id":"a","event_type":"four"}') \gset r_
SELECT * FROM said(:r_first_position, :r_last_position, :r_ingested, :r_duplicates);
SELECT * FROM stored(:r_first_position);

-- With blank lines, carriage returns, white space, no newline at the end or several.
SELECT s.* FROM ingest_batch(E'\n\n  {"entity_id":"blank","event_type":"t"}\r\n\r\n\t\n{"entity_id":"blank","event_type":"t"}\r\n \n') r, said(r.first_position, r.last_position, r.ingested, r.duplicates) s;
-- Pretty-printed objects, one after the other.
SELECT * FROM ingest_batch(
'{
  "entity_id": "pretty",
  "event_type": "t",
  "payload": {
    "a": [
      1
    ]
  }
}
{
  "entity_id": "pretty",
  "event_type": "t"
}') \gset r_
SELECT * FROM stored(:r_first_position);

-- One array.
SELECT * FROM ingest_batch('[{"entity_id":"array","event_type":"t","payload":1},{"entity_id":"array","event_type":"t","payload":2}]') \gset r_
SELECT * FROM stored(:r_first_position);
SELECT * FROM ingest_batch(E' [\n {"entity_id":"array","event_type":"t","payload":3}\n,\n{"entity_id":"array","event_type":"t","payload":4} ] \n') \gset r_
SELECT * FROM stored(:r_first_position);

-- json: the same bytes; jsonb: as jsonb has them.
SELECT * FROM ingest_batch('[{"entity_id":"json","event_type":"t","payload":{"b":1, "a":1e1}}]'::json) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT * FROM ingest_batch('{"entity_id":"json","event_type":"t","payload":{"b":1, "a":1e1}}'::json) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT * FROM ingest_batch('[{"entity_id":"jsonb","event_type":"t","payload":{"b":1, "a":1e1},"tags":["z","a"],"metadata":{"k":"v"}}]'::jsonb) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT * FROM ingest_batch('{"entity_id":"jsonb","event_type":"t"}'::jsonb) \gset r_
SELECT * FROM stored(:r_first_position);

-- Events.
SELECT * FROM ingest_batch(ARRAY[
    make_event('ev', 'one', '{"n": 1}', '{"m": 1}', tags => '{x}', tenant_id => 't2'),
    make_event('ev', 'two'),
    '{"entity_id":"ev","event_type":"three","payload":{ "n" : 3 }}']) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT ingested FROM ingest_batch((SELECT array_agg(make_event('agg', 't', to_jsonb(i)) ORDER BY i) FROM generate_series(1, 5) i));
SELECT version, payload FROM read_entity('agg');
SELECT ingested FROM ingest_batch(ARRAY[[make_event('multi', 't', '1'), make_event('multi', 't', '2')],
                                        [make_event('multi', 't', '3'), make_event('multi', 't', '4')]]);
SELECT version, payload FROM read_entity('multi');
-- A small varlena (short header) and a compressed one.
CREATE TEMP TABLE e (e event);
INSERT INTO e VALUES (make_event('toast', 't')), (make_event('toast', 't', to_jsonb(repeat('y', 100000))));
SELECT ingested FROM ingest_batch((SELECT array_agg(e) FROM e));
SELECT version, length(payload #>> '{}') FROM read_entity('toast');
SELECT count(r.*) FROM e, ingest_batch(ARRAY[e]) r;
SELECT entity_version('toast');

-- Columns.
SELECT * FROM ingest_batch(ARRAY['col', 'col2', 'col'], ARRAY['t1', 't2', 't3'], ARRAY['{"n":1}', ' 2 ', 'null']) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT * FROM ingest_batch(ARRAY['col', 'col'], ARRAY['t4', 't5'], ARRAY['{}', '{}'],
    metadata => ARRAY['{"m":1}', NULL],
    event_ids => ARRAY['00000000-0000-0000-0000-0000000000c1', NULL]::uuid[],
    expected_versions => ARRAY[2, NULL],
    tenant_ids => ARRAY['default', 'other'],
    occurred_at => ARRAY['2026-01-01 00:00:00+00', NULL]::timestamptz[],
    checked => true) \gset r_
SELECT * FROM stored(:r_first_position);
SELECT version, event_id = '00000000-0000-0000-0000-0000000000c1' AS given, occurred_at = '2026-01-01 00:00:00+00' AS occurred
FROM read_entity('col', 3);
SELECT version, event_id IS NULL AS no_id, occurred_at = recorded_at AS occurred_when_recorded FROM read_entity('col', tenant_id => 'other');
SELECT * FROM ingest_batch(ARRAY['col3'], ARRAY['t'], ARRAY['{}'], NULL, NULL, NULL, NULL, NULL) \gset r_
SELECT * FROM stored(:r_first_position);

SELECT ingested FROM ingest_batch(ARRAY['tagged', 'tagged', 'tagged', 'tagged'], ARRAY['t', 't', 't', 't'], ARRAY['{}', '{}', '{}', '{}'],
    tags => ARRAY['["a","b\u00e9"]', ' [ ] ', NULL, 'null']);
SELECT version, tags FROM read_entity('tagged');

-- append(): position and version of the one event.
SELECT position AS last, version FROM append('app', 't') \gset
SELECT :last = safe_position() AS position_is_last, :version AS version;
SELECT version FROM append('app', 't', '{"a": 1}', '{"m": 1}', 1, '00000000-0000-0000-0000-0000000000a2', '{x,y}', 'default');
SELECT version FROM append('app', 't', tenant_id => 'other');
SELECT tenant_id, version, event_type, payload, metadata, tags FROM read_entity('app');
SELECT event_id FROM read_entity('app', 2);

-- Fields that are not given: event_id is a version 7 UUID of the time of recording, occurred_at is recorded_at.
SELECT ingested FROM ingest_batch((SELECT string_agg('{"entity_id":"fill-' || i % 3 || '","event_type":"t"}', E'\n') FROM generate_series(1, 9000) i));
SELECT count(*), count(DISTINCT event_id) AS ids,
       bool_and(substr(event_id::text, 15, 1) = '7' AND substr(event_id::text, 20, 1) ~ '[89ab]') AS version_7,
       bool_and(occurred_at = recorded_at) AS occurred,
       bool_and(recorded_at BETWEEN now() - interval '1 hour' AND clock_timestamp()) AS recorded_now,
       bool_and(tenant_id = 'default' AND payload = '{}' AND metadata IS NULL AND tags IS NULL) AS defaults
FROM events WHERE entity_id LIKE 'fill-%';
SELECT bool_and(event_id > before) AS ids_ascend, bool_and(position = last + 1) AS consecutive, bool_and(recorded_at >= recorded) AS times_ascend
FROM (SELECT event_id, lag(event_id) OVER w AS before, position, lag(position) OVER w AS last,
             recorded_at, lag(recorded_at) OVER w AS recorded
      FROM events WHERE entity_id LIKE 'fill-%' WINDOW w AS (ORDER BY position)) e WHERE before IS NOT NULL;
SELECT abs(extract(epoch FROM recorded_at) * 1000 - ('x' || translate(left(event_id::text, 13), '-', ''))::bit(48)::bigint) < 10 AS id_has_time
FROM last_event('fill-0');
-- The caller's occurred_at may be anything, before or after.
SELECT count(*) FROM ingest_batch('[{"entity_id":"occ","event_type":"t","occurred_at":"0001-01-01T00:00:00Z"},{"entity_id":"occ","event_type":"t","occurred_at":"9999-12-31T23:59:59.999999Z"}]');
SELECT version, occurred_at FROM read_entity('occ');

-- Batches without events.
SELECT * FROM ingest_batch('');
SELECT * FROM ingest_batch(E' \n\r\n\t');
SELECT * FROM ingest_batch('[]');
SELECT * FROM ingest_batch(' [ ] ');
SELECT * FROM ingest_batch('[]'::json);
SELECT * FROM ingest_batch('[]'::jsonb);
SELECT * FROM ingest_batch('{}'::event[]);
SELECT * FROM ingest_batch('{}'::text[], '{}', '{}');

-- The whole batch or nothing: the last of many is wrong.  [I8]
SELECT * FROM ingest_batch((SELECT string_agg('{"entity_id":"whole-' || i || '","event_type":"t"}', E'\n') FROM generate_series(1, 1000) i) || E'\n{"entity_id":"whole","event_type":1}');
SELECT count(*) FROM events WHERE entity_id LIKE 'whole%';
SELECT entity_version('whole-1');

-- checked adds the naming rules.
SELECT ingested FROM ingest_batch('{"entity_id":"ok","event_type":"order.placed"}', true);
SELECT ingested FROM ingest_batch('{"entity_id":" unchecked ","event_type":"Order Placed!","tenant_id":"a b"}', false);
SELECT ingested FROM ingest_batch('{"entity_id":" checked ","event_type":"order.placed"}', true);

-- Names in every script, of the largest size.
SELECT ingested FROM ingest_batch(ARRAY[make_event(repeat('é', 256), repeat('x', 255), tags => array_fill(repeat('t', 255), ARRAY[32]), tenant_id => repeat('z', 64))]);
SELECT length(entity_id), octet_length(entity_id), length(event_type), cardinality(tags), length(tags[32]), length(tenant_id), version
FROM read_entity(repeat('é', 256), tenant_id => repeat('z', 64));

-- Many entities, many events each, in mixed order: each keeps its own order.
SELECT ingested FROM ingest_batch((SELECT string_agg(format('{"entity_id":"mix-%s","event_type":"t","payload":{"i":%s,"text":"%s"}}', i * 7919 % 101, i, repeat('x', i % 300)), E'\n' ORDER BY i) FROM generate_series(1, 5000) i));
SELECT count(DISTINCT entity_id) AS entities, count(*) AS events FROM events WHERE entity_id LIKE 'mix-%';
SELECT bool_and(i > before) AS order_kept, bool_and(version = row) AS versions_continuous
FROM (SELECT (payload ->> 'i')::int AS i, lag((payload ->> 'i')::int, 1, 0) OVER w AS before, version, row_number() OVER w AS row
      FROM events WHERE entity_id LIKE 'mix-%' WINDOW w AS (PARTITION BY entity_id ORDER BY version)) e;
SELECT * FROM verify();
DROP FUNCTION said, stored;
