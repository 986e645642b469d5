-- values
SELECT k.entity_id AS entity, o.entity_id AS other, l.entity_id AS large, l.version, left(k.entity_id, 10) AS prefix, m.position AS middle, k.event_id, t.begin, t.begin + t.length / 10 AS end FROM bench_keys k, bench_keys o, (SELECT entity_id, max(version) - 5 AS version FROM bench_asked GROUP BY entity_id ORDER BY max(version) DESC, entity_id LIMIT 1) l, (SELECT max(position) / 2 AS position FROM bench_asked) m, (SELECT min(recorded_at) + (max(recorded_at) - min(recorded_at)) * 0.45 AS begin, max(recorded_at) - min(recorded_at) AS length FROM bench_asked) t WHERE k.n = 7 AND o.n = 21
-- one entity
SELECT * FROM EVENTS WHERE entity_id = :entity ORDER BY version
-- a large entity
SELECT * FROM EVENTS WHERE entity_id = :large ORDER BY version
-- latest 10 of an entity
SELECT * FROM EVENTS WHERE entity_id = :large ORDER BY version DESC LIMIT 10
-- last version of an entity
SELECT max(version) FROM EVENTS WHERE entity_id = :large
-- versions after one
SELECT * FROM EVENTS WHERE entity_id = :large AND version > :version::bigint ORDER BY version
-- one version
SELECT * FROM EVENTS WHERE entity_id = :large AND version = :version::bigint
-- entity IN (2)
SELECT * FROM EVENTS WHERE entity_id IN (:entity, :other)
-- entity = ANY (3)
SELECT count(*), max(version) FROM EVENTS WHERE entity_id = ANY (ARRAY[:entity, :other, 'none'])
-- entity OR entity
SELECT * FROM EVENTS WHERE entity_id = :entity OR entity_id = :other
-- entity LIKE prefix
SELECT count(*) FROM EVENTS WHERE entity_id LIKE :prefix || '%'
-- entity in a range
SELECT count(*) FROM EVENTS WHERE entity_id >= :prefix AND entity_id < :prefix || '~'
-- join of 1 entity
SELECT e.* FROM bench_keys k JOIN EVENTS e ON e.entity_id = k.entity_id WHERE k.n = 1
-- join of 50 entities
SELECT e.entity_id, e.version, e.event_type FROM bench_keys k JOIN EVENTS e ON e.entity_id = k.entity_id WHERE k.n <= 50
-- join of 1,000 entities
SELECT count(*), sum(e.version) FROM bench_keys k JOIN EVENTS e ON e.entity_id = k.entity_id
-- entities IN (subquery)
SELECT count(*) FROM EVENTS WHERE entity_id IN (SELECT entity_id FROM bench_keys WHERE n <= 50)
-- last event of 100 entities
SELECT k.entity_id, l.version, l.event_type FROM bench_keys k, LATERAL (SELECT version, event_type FROM EVENTS e WHERE e.entity_id = k.entity_id ORDER BY version DESC LIMIT 1) l WHERE k.n <= 100
-- position =
SELECT * FROM EVENTS WHERE position = :middle::bigint
-- position IN (3)
SELECT * FROM EVENTS WHERE position IN (:middle::bigint, :middle::bigint + 1000, 5)
-- position in a small range
SELECT * FROM EVENTS WHERE position BETWEEN :middle::bigint AND :middle::bigint + 20
-- 100 after a position
SELECT * FROM EVENTS WHERE position > :middle::bigint ORDER BY position LIMIT 100
-- 1,000 after a position
SELECT * FROM EVENTS WHERE position > :middle::bigint ORDER BY position LIMIT 1000
-- 10,000 after a position
SELECT * FROM EVENTS WHERE position > :middle::bigint ORDER BY position LIMIT 10000
-- 1,000 of a type after a position
SELECT * FROM EVENTS WHERE position > :middle::bigint AND event_type = 'order.paid' ORDER BY position LIMIT 1000
-- join of 10 positions
SELECT e.* FROM bench_keys k JOIN EVENTS e ON e.position = k.position WHERE k.n <= 10
-- join of 1,000 positions
SELECT count(*), sum(e.version) FROM bench_keys k JOIN EVENTS e ON e.position = k.position
-- event_id =
SELECT * FROM EVENTS WHERE event_id = :event_id
-- event_id IN (3)
SELECT * FROM EVENTS WHERE event_id IN (SELECT event_id FROM bench_keys WHERE n <= 3)
-- join of 100 event ids
SELECT count(*), sum(e.version) FROM bench_keys k JOIN EVENTS e ON e.event_id = k.event_id WHERE k.n <= 100
-- last 10 by position
SELECT * FROM EVENTS ORDER BY position DESC LIMIT 10
-- last 10 by recorded_at
SELECT position FROM EVENTS ORDER BY recorded_at DESC, position DESC LIMIT 10
-- last 10 by occurred_at
SELECT position FROM EVENTS ORDER BY occurred_at DESC, position DESC LIMIT 10
-- type and time
SELECT count(*) FROM EVENTS WHERE event_type = 'order.paid' AND recorded_at >= :begin AND recorded_at < :end
-- since a date
SELECT count(*) FROM EVENTS WHERE recorded_at >= date '2020-01-01'
-- since a timestamp
SELECT count(*) FROM EVENTS WHERE recorded_at >= (:begin::timestamptz)::timestamp AND event_type = 'order.paid'
-- first 100 of a type
SELECT * FROM EVENTS WHERE event_type = 'order.paid' ORDER BY position LIMIT 100
-- count
SELECT count(*) FROM EVENTS
-- count by type
SELECT event_type, count(*) FROM EVENTS GROUP BY event_type
-- count by day
SELECT recorded_at::date, count(*) FROM EVENTS GROUP BY 1
-- count by hour, time zone
SELECT date_trunc('hour', recorded_at AT TIME ZONE 'Europe/Berlin'), count(*) FROM EVENTS GROUP BY 1
-- count by hour of day
SELECT extract(hour FROM recorded_at), count(*) FROM EVENTS GROUP BY 1
-- largest 10 entities
SELECT entity_id, count(*) FROM EVENTS GROUP BY entity_id ORDER BY 2 DESC, 1 LIMIT 10
-- entities with over 100
SELECT count(*) FROM (SELECT entity_id FROM EVENTS GROUP BY entity_id HAVING count(*) > 100) l
-- count(DISTINCT entity)
SELECT count(DISTINCT entity_id) FROM EVENTS
-- count(DISTINCT entity) by type
SELECT event_type, count(DISTINCT entity_id) FROM EVENTS GROUP BY event_type
-- count(DISTINCT field)
SELECT count(DISTINCT payload ->> 'customer') FROM EVENTS
-- sum of numeric
SELECT sum((payload ->> 'amount')::numeric) FROM EVENTS WHERE event_type = 'order.paid'
-- sum of numeric by type
SELECT event_type, sum((payload ->> 'amount')::numeric), avg((payload ->> 'amount')::numeric) FROM EVENTS GROUP BY event_type
-- avg of float8
SELECT round(avg((payload ->> 'amount')::float8)::numeric, 4) FROM EVENTS
-- sum of int
SELECT sum((payload ->> 'quantity')::int) FROM EVENTS
-- min and max of text
SELECT min(payload ->> 'status'), max(payload ->> 'status') FROM EVENTS
-- FILTER
SELECT count(*) FILTER (WHERE payload ->> 'status' = 'paid'), count(*) FILTER (WHERE payload ->> 'status' = 'shipped') FROM EVENTS
-- sum of CASE
SELECT sum(CASE WHEN payload ->> 'status' = 'paid' THEN 1 ELSE 0 END) FROM EVENTS
-- GROUP BY field
SELECT payload ->> 'status', count(*) FROM EVENTS GROUP BY 1
-- GROUP BY expression of field
SELECT left(payload ->> 'customer', 10), count(*) FROM EVENTS GROUP BY 1
-- GROUP BY numeric field
SELECT (payload ->> 'quantity')::int, count(*) FROM EVENTS GROUP BY 1
-- median
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (payload ->> 'amount')::float8) FROM EVENTS
-- top 10 by amount
SELECT * FROM EVENTS ORDER BY (payload ->> 'amount')::numeric DESC, position LIMIT 10
-- top 10 by amount of a type
SELECT position, payload ->> 'amount' FROM EVENTS WHERE event_type = 'order.paid' ORDER BY (payload ->> 'amount')::numeric DESC, position LIMIT 10
-- payload @>
SELECT count(*) FROM EVENTS WHERE payload @> '{"status":"refunded"}'
-- payload ?
SELECT count(*) FROM EVENTS WHERE payload ? 'gift'
-- field =
SELECT count(*) FROM EVENTS WHERE payload ->> 'customer' = 'customer-777'
-- rows by field =
SELECT * FROM EVENTS WHERE payload ->> 'customer' = 'customer-777'
-- field IS NULL
SELECT count(*) FROM EVENTS WHERE payload ->> 'gift' IS NULL
-- field LIKE %x%
SELECT count(*) FROM EVENTS WHERE payload ->> 'note' LIKE '%friendly door%'
-- field ILIKE
SELECT count(*) FROM EVENTS WHERE payload ->> 'note' ILIKE '%FRIENDLY door%'
-- field ~
SELECT count(*) FROM EVENTS WHERE payload ->> 'note' ~ 'friendly (door|store)'
-- jsonpath @@
SELECT count(*) FROM EVENTS WHERE payload @@ '$.status == "refunded"'
-- jsonpath @?
SELECT count(*) FROM EVENTS WHERE payload @? '$ ? (@.amount > 990)'
-- metadata field
SELECT count(*) FROM EVENTS WHERE metadata ->> 'source' = 'shop'
-- count by metadata field
SELECT metadata ->> 'source', count(*) FROM EVENTS GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
-- EXISTS, same entity other type
SELECT count(*) FROM EVENTS a WHERE event_type = 'order.placed' AND EXISTS (SELECT FROM EVENTS b WHERE b.entity_id = a.entity_id AND b.event_type = 'order.returned')
-- NOT EXISTS
SELECT count(*) FROM EVENTS a WHERE event_type = 'order.placed' AND NOT EXISTS (SELECT FROM EVENTS b WHERE b.entity_id = a.entity_id AND b.event_type = 'order.paid')
-- DISTINCT ON, latest of each
SELECT count(*), sum(version) FROM (SELECT DISTINCT ON (entity_id) entity_id, version, event_type FROM EVENTS ORDER BY entity_id, version DESC) l
-- row_number by entity
SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY entity_id ORDER BY version) AS n FROM EVENTS) r WHERE n = 1
-- lag of a field
SELECT max(amount - previous) FROM (SELECT (payload ->> 'amount')::numeric AS amount, lag((payload ->> 'amount')::numeric) OVER (ORDER BY version) AS previous FROM EVENTS WHERE entity_id = :large) l
-- consecutive events
SELECT count(*) FROM EVENTS a JOIN EVENTS b ON b.entity_id = a.entity_id AND b.version = a.version + 1 WHERE a.entity_id = :large AND a.event_type <> b.event_type
-- jsonb_agg of an entity
SELECT jsonb_agg(payload ORDER BY version) FROM EVENTS WHERE entity_id = :entity
-- sum over an entity
SELECT sum((payload ->> 'amount')::numeric) FROM EVENTS WHERE entity_id = :large
-- CTE and UNION ALL
WITH paid AS (SELECT entity_id FROM EVENTS WHERE event_type = 'order.paid' AND (payload ->> 'amount')::numeric > 990) SELECT 'paid', count(*) FROM paid UNION ALL SELECT 'all', count(*) FROM EVENTS
